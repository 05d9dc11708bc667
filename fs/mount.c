/* SPDX-License-Identifier: MIT */
#include "fs/mount.h"

#include "fs/connect.h"
#include "fs/control.h"
#include "fs/log.h"
#include "fs/model.h"
#include "fs/mountpoint.h"
#include "fs/notify.h"
#include "fs/handle.h"
#include "fs/ops.h"
#include "fs/publish.h"
#include "fs/snapshot.h"
#include "fs/watch.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <fcntl.h>
#include <unistd.h>

enum { WORKERS_MAX = 32, WORKERS_IDLE = 8 };

struct mounting {
	struct fs fs;
	struct config *config;
	struct control *control;
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

static int open_session(struct mounting *m)
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

static int start(struct mounting *m)
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
		r = open_session(m);
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
	__atomic_store_n(&m->fs.mount_id, writers_mount_id(m->fs.mountpoint), __ATOMIC_RELAXED);
	raise_readahead(st.st_dev);
	CLEANUP_BUF struct buf who = BUF_INIT(8192);
	drive_credentials(m->fs.drive, &who);
	log_info("mount", "credentials: %s", who.data ? who.data : "");
	log_info("mount", "\"%s\" (%s) as %s on %s", m->fs.folder_name, m->fs.tree.root->id, drive_identity(m->fs.drive),
		 m->fs.mountpoint);
	m->ready(m->ready_ctx);
	return NULL;
}

static int serve(struct mounting *m)
{
	pthread_t announcer;
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	if (!loop || fuse_set_signal_handlers(m->fs.session) != 0)
		return err_set(-ENOMEM, "no memory to start");
	fuse_loop_cfg_set_max_threads(loop, WORKERS_MAX);
	fuse_loop_cfg_set_idle_threads(loop, WORKERS_IDLE);
	int e = pthread_create(&announcer, NULL, announce, m);
	if (e) {
		fuse_loop_cfg_destroy(loop);
		return err_set(-e, "cannot start a thread: %s", strerror(e));
	}
	int r = fuse_session_loop_mt(m->fs.session, loop);
	pthread_join(announcer, NULL);
	fuse_loop_cfg_destroy(loop);
	fuse_remove_signal_handlers(m->fs.session);
	return r < 0 ? err_set(r, "the mount's connection to the kernel broke: %s", strerror(-r)) : 0;
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
	publisher_stop(fs);
	fs->notify = notify_stop(fs->notify);
	if (m->mounted)
		fuse_session_unmount(fs->session);
	if (fs->tree.root)
		publish_hold_all(fs);
	if (fs->handles) { /* a signal ended us while files were open: their sources cannot be closed */
		log_warning("mount", "%u files were still open", fs->handles);
		if (fs->cache)
			cache_stop(fs->cache);
		log_close();
		_exit(0);
	}
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
}

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
	int r = start(&m);
	if (!r)
		r = serve(&m);
	if (r)
		log_error("mount", "%s", err_last());
	else
		log_info("mount", "unmounted from %s", fs->mountpoint);
	stop(&m);
	log_close();
	return r ? 1 : 0;
}
