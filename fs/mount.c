/* SPDX-License-Identifier: MIT */
#include "fs/mount.h"

#include "fs/connect.h"
#include "fs/control.h"
#include "fs/log.h"
#include "fs/loop.h"
#include "fs/model.h"
#include "fs/mountpoint.h"
#include "fs/notify.h"
#include "fs/held.h"
#include "fs/ops.h"
#include "fs/publisher.h"
#include "fs/quota.h"
#include "fs/signals.h"
#include "fs/snapshot.h"
#include "fs/watch.h"

#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <fcntl.h>
#include <unistd.h>

/* At the end: what is cancelled gets END_MS to notice; what then still hangs is left behind after LAST_MS. */
enum { END_MS = 2000, LAST_MS = 4000, LOOK_MS = 20 };

struct mounting {
	struct fs fs;
	struct config *config;
	struct control *control;
	struct signals *signals;
	struct loop *loop;
	unsigned left;	/* requests that did not end */
	pthread_t announcer;
	bool announcing;
	struct fuse_args args;
	void (*ready)(void *ctx);
	void *ready_ctx;
	bool mounted;
};

/* ---- the parts, in the order in which they start */

PRINTF(2, 0) static void fuse_log_line(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char line[1024];
	vsnprintf(line, sizeof line, fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_line(level <= FUSE_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "fuse", "%s", line);
}

static int add_fuse_option(struct fuse_args *args, const char *name, const char *value)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	buf_printf(&b, "-o%s", name);
	for (const char *s = value; s && *s; s++) /* libfuse splits at commas that no backslash guards */
		buf_printf(&b, *s == ',' || *s == '\\' ? "\\%c" : "%c", *s);
	return buf_check(&b, "a mount option") || fuse_opt_add_arg(args, b.data) != 0
	     ? err_set(-ENOMEM, "no memory to start") : 0;
}

static int open_fuse_session(struct mounting *m)
{
	struct fs *fs = &m->fs;
	int r = fuse_opt_add_arg(&m->args, "drivefs-models") ? err_set(-ENOMEM, "no memory to start") : 0;
	if (!r)
		r = add_fuse_option(&m->args, "subtype=drivefs-models,default_permissions,fsname=drivefs-models:", fs->folder_name);
	if (!r && m->config->fuse_options) {
		CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
		buf_printf(&b, "-o%s", m->config->fuse_options);
		r = b.failed || fuse_opt_add_arg(&m->args, b.data) ? err_set(-ENOMEM, "no memory to start") : 0;
	}
	if (r)
		return r;
	fs->session = fuse_session_new(&m->args, &ops, sizeof ops, fs);
	if (!fs->session)
		return err_set(-EINVAL, "the mount options are wrong: %s", m->config->fuse_options ? m->config->fuse_options : "");
	if (fuse_session_mount(fs->session, fs->mountpoint) != 0)
		return err_set(-EIO, "cannot mount on \"%s\": see the line above (is fuse3 installed, may this user mount?)",
			       fs->mountpoint);
	m->mounted = true;
	return 0;
}

static int start_parts(struct mounting *m)
{
	struct fs *fs = &m->fs;
	const struct config *c = m->config;
	CLEANUP_DRIVE_FILE struct drive_file root = { 0 };
	int r = mountpoint_clear(c->mountpoint, &fs->mountpoint);
	if (!r)
		r = connect_open(c, &fs->drive);
	if (!r)
		r = connect_start(fs, &root);
	if (!r)
		r = tree_init(&fs->tree, &root);
	fs->tree.shortcuts = strcmp(c->shortcuts, "link") == 0 ? SHORTCUTS_LINK
			   : strcmp(c->shortcuts, "follow") == 0 ? SHORTCUTS_FOLLOW : SHORTCUTS_WRITE;
	fs->tree.show_docs = strcmp(c->google_docs, "link") == 0;
	if (!r && fs_offline(fs))
		r = snapshot_load_names(fs);
	if (!r)
		r = publisher_start(fs);
	if (!r)
		r = notify_start(fs, &fs->notify);
	if (!r)
		r = watch_start(fs, &fs->watch); /* its token must be older than any listing */
	if (!r)
		r = control_start(fs, &m->control);
	if (!r)
		r = open_fuse_session(m);
	if (!r)
		r = control_serve(m->control);
	return r;
}

/* ---- serving */

/* With root: larger requests, since the kernel's default of 128 KiB costs a third of the speed. */
static void raise_readahead(dev_t dev)
{
	char path[128];
	snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(dev), minor(dev));
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = write(fd, "1024", 4);
	(void)n; /* not allowed: the default stays */
	close(fd);
}

/* Ask the mount as any program would; when it answers, it is there. */
static void *announce(void *arg)
{
	struct mounting *m = arg;
	struct stat st;
	if (stat(m->fs.mountpoint, &st) != 0)
		return NULL; /* the loop has ended, or will */
	m->fs.dev = st.st_dev;
	__atomic_store_n(&m->fs.mount_id, writers_mount_id(m->fs.mountpoint), __ATOMIC_RELEASE);
	raise_readahead(st.st_dev);
	CLEANUP_BUF struct buf who = BUF_INIT(8192);
	drive_credentials(m->fs.drive, &who);
	log_info("mount", "credentials: %s", who.data ? who.data : "");
	log_info("mount", "\"%s\" (%s) as %s on %s", m->fs.folder_name, m->fs.tree.root->id, drive_identity(m->fs.drive),
		 m->fs.mountpoint);
	m->ready(m->ready_ctx);
	return NULL;
}

/* Is anything on its way to Drive that somebody was, or will be, told of? */
static bool is_saving(struct fs *fs)
{
	return __atomic_load_n(&fs->saving, __ATOMIC_RELAXED) > 0 || publisher_busy(fs) > 0;
}

/* Requests are served meanwhile: what is being saved may need them. */
static void drain(struct mounting *m, bool unmounted)
{
	struct fs *fs = &m->fs;
	int64_t end = now_ms() + (int64_t)fs->config->drain * 1000;
	bool said = false;
	while (is_saving(fs) && now_ms() < end && !(unmounted ? signals_asked(m->signals) : signals_hurried(m->signals))) {
		if (!said)
			log_info("mount", "asked to end: files are being saved, for at most %llu s (-o drain)",
				 (unsigned long long)fs->config->drain);
		said = true;
		poll(NULL, 0, LOOK_MS);
	}
}

static void wake_up(void *ctx) { loop_wake(ctx); }

/* Serve until the unmount, or until a signal asks to end and what is being saved is, or has had its time. */
static int serve_to_the_end(struct mounting *m)
{
	struct fs *fs = &m->fs;
	int r = loop_start(fs, &m->loop), broken;
	if (r)
		return r;
	int e = pthread_create(&m->announcer, NULL, announce, m);
	m->announcing = !e;
	if (e)
		r = err_set(-e, "cannot start a thread: %s", strerror(e));
	signals_serving(m->signals, wake_up, m->loop);
	bool unmounted = false;
	while (!r && !signals_asked(m->signals) && !(unmounted = loop_wait(m->loop)))
		;
	drain(m, unmounted);
	signals_end_by(m->signals, LAST_MS, EXIT_SUCCESS);
	__atomic_store_n(&fs->stopping, true, __ATOMIC_RELAXED);
	m->left = loop_stop(m->loop, END_MS, &broken);
	return r || !broken ? r : err_set(broken, "the mount's connection to the kernel broke: %s", strerror(-broken));
}

/* ---- the end, in the opposite order */

static void free_nodes(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->tree.slots_count; i++)
		if (fs->tree.slots[i] && fs->tree.slots[i]->w)
			writing_drop(fs, fs->tree.slots[i]);
}

static void stop(struct mounting *m)
{
	struct fs *fs = &m->fs;
	__atomic_store_n(&fs->stopping, true, __ATOMIC_RELAXED);
	m->control = control_stop(m->control);
	fs->watch = watch_stop(fs->watch);
	publisher_stop(fs, 0);
	fs->notify = notify_stop(fs->notify);
	if (m->mounted)
		fuse_session_unmount(fs->session);
	if (m->announcing) /* it may have asked the mount after the last request was served */
		pthread_join(m->announcer, NULL);
	quota_stop(fs);
	if (fs->tree.root && !m->left)
		held_keep_all(fs);
	if (fs->handles || m->left) { /* a signal ended us: what they use cannot go */
		if (m->left)
			log_warning("mount", "%u requests did not end", m->left);
		if (fs->handles)
			log_warning("mount", "%u files were still open", fs->handles);
		if (fs->cache)
			cache_stop(fs->cache);
		log_close();
		_exit(0);
	}
	if (m->loop)
		loop_free(m->loop);
	if (fs->session)
		fuse_session_destroy(fs->session);
	fuse_opt_free_args(&m->args);
	if (fs->tree.root) {
		model_done(fs);
		free_nodes(fs);
		tree_done(&fs->tree);
	}
	fs->cache = cache_close(fs->cache);
	fs->drive = drive_close(fs->drive);
	free(fs->cache_dir);
	free(fs->mountpoint);
	free(fs->folder_name);
	free(fs->shared_drive);
	m->signals = signals_stop(m->signals);
}

static bool mount_stopping(void *ctx) { return __atomic_load_n(&((struct fs *)ctx)->stopping, __ATOMIC_RELAXED); }

/* Many threads, few of them busy: one heap for all keeps the memory small, and large buffers go
 * back to the system when they are freed. */
static void tune_memory(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

int mount_run(struct config *c, void (*ready)(void *ctx), void *ctx)
{
	struct mounting m = { .config = c, .ready = ready, .ready_ctx = ctx };
	struct fs *fs = &m.fs;
	tune_memory();
	fs->config = c;
	fs->mount_id = -1;
	fs->uid = (uid_t)c->uid;
	fs->gid = (gid_t)c->gid;
	fs->started_ms = now_ms();
	lock_init(&fs->model_lock, RANK_LEAF);
	cond_init(&fs->model_changed);
	lock_init(&fs->quota_lock, RANK_LEAF);
	fuse_set_log_func(fuse_log_line);
	cond_init(&fs->quota_changed);
	signals_block();
	int r = signals_start(fs, &m.signals);
	cancel_set(mount_stopping, fs);
	if (!r)
		r = start_parts(&m);
	cancel_set(NULL, NULL);
	if (!r)
		r = serve_to_the_end(&m);
	if (m.signals && signals_asked(m.signals) && r)
		r = err_set(-EINTR, "ended by a signal before it was mounted");
	if (r)
		log_error("mount", "%s", err_last());
	else
		log_info("mount", "unmounted from %s", fs->mountpoint);
	stop(&m);
	log_close();
	return r ? 1 : 0;
}
