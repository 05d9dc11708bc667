/* SPDX-License-Identifier: MIT */
#include "fs/control.h"

#include "fs/namei.h"
#include "fs/log.h"
#include "fs/status.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, ANSWER_MAX = 16 << 20, PATIENCE_MS = 5000, SEND_PATIENCE_S = 2, ASK_PATIENCE_MS = 120000,
       ASKERS_MAX = 16 };

struct control {
	struct fs *fs;
	int listener, open_listener;	/* in the cache folder; by device, or -1 */
	int folder;			/* an O_PATH of the cache folder */
	int stop[2];			/* a pipe: written to once, and never read */
	pthread_t thread;
	bool serving;
	struct asker {			/* one who asks, and the thread that answers; the control thread's own */
		struct control *c;
		int fd;
		pthread_t thread;
		bool done;		/* atomic: to be joined */
		struct asker *next;
	} *askers;
	unsigned askers_count;
};

/* sun_path holds 108 bytes and cache folders have long names: go by a descriptor of the folder. */
static void folder_address(int folder, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/control", folder);
}

/* Its length; the name starts with a NUL: it lies in no folder. */
static socklen_t device_address(const struct mountinfo *m, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(ret->sun_path + 1, sizeof ret->sun_path - 1, "drivefs-models/%u:%u", m->major, m->minor);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool peer_of(int fd, struct ucred *ret)
{
	socklen_t n = sizeof *ret;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &n) == 0 && n == sizeof *ret;
}

/* ---- the daemon's end */

static bool mount_ends(void *ctx)
{
	const struct control *c = ctx;
	return __atomic_load_n(&c->fs->stopping, __ATOMIC_RELAXED);
}

/* Others than who mounted learn how the mount is, and nothing of whose it is or what lies in it. */
static int answer_request(struct fs *fs, const char *request, bool trusted, struct buf *ret)
{
	if (strcmp(request, "status") == 0)
		return status_text(fs, trusted, ret);
	if (strcmp(request, "status json") == 0)
		return status_json(fs, trusted, ret);
	if (strncmp(request, "path ", 5) == 0)
		return trusted ? status_path(fs, request + 5, ret)
			       : err_set(-EACCES, "only who mounted it, and root, may ask for paths");
	return err_set(-EINVAL, "unknown request \"%s\": is this program newer than the mount?", request);
}

/* Up to the end of the line. */
static bool read_request(const struct control *c, int fd, char *to, size_t max)
{
	size_t n = 0;
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = c->stop[0], .events = POLLIN } };
	while (n < max - 1 && poll(p, 2, PATIENCE_MS) > 0 && !p[1].revents) {
		ssize_t r = read(fd, to + n, max - 1 - n);
		if (r <= 0)
			return false;
		n += (size_t)r;
		if (to[n - 1] == '\n') {
			to[n - 1] = 0;
			return true;
		}
	}
	return false;
}

static void send_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t r = send(fd, data, n, MSG_NOSIGNAL);
		if (r <= 0)
			return; /* who asked has gone */
		data += r;
		n -= (size_t)r;
	}
}

static void serve_asker(struct control *c, int fd)
{
	char request[REQUEST_MAX];
	struct ucred who;
	CLEANUP_BUF struct buf b = BUF_INIT(ANSWER_MAX);
	const struct timeval patience = { SEND_PATIENCE_S, 0 };
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!peer_of(fd, &who) || !read_request(c, fd, request, sizeof request))
		return;
	err_clear();
	int r = answer_request(c->fs, request, who.uid == 0 || who.uid == geteuid(), &b);
	send_all(fd, r ? "1\n" : "0\n", 2);
	if (r)
		send_all(fd, err_last(), strlen(err_last()));
	else
		send_all(fd, b.data ? b.data : "", b.len);
}

static void *asker_main(void *arg)
{
	struct asker *a = arg;
	cancel_set(mount_ends, a->c);
	serve_asker(a->c, a->fd);
	close(a->fd);
	__atomic_store_n(&a->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Join those that have ended or, at the end, all: a thread of its own is nothing to be left behind. */
static void reap_askers(struct control *c, bool all)
{
	for (struct asker **at = &c->askers; *at;) {
		struct asker *a = *at;
		if (!all && !__atomic_load_n(&a->done, __ATOMIC_ACQUIRE)) {
			at = &a->next;
			continue;
		}
		pthread_join(a->thread, NULL);
		*at = a->next;
		c->askers_count--;
		free(a);
	}
}

/* A thread for each, so that one who asks Drive (path) holds up nobody's status. */
static void start_asker(struct control *c, int fd)
{
	reap_askers(c, false);
	struct asker *a = c->askers_count < ASKERS_MAX ? malloc(sizeof *a) : NULL;
	if (a)
		*a = (struct asker){ .c = c, .fd = fd, .next = c->askers };
	if (!a || pthread_create(&a->thread, NULL, asker_main, a) != 0) {
		free(a);
		close(fd); /* who asked is told that the mount hung up */
		return;
	}
	c->askers = a;
	c->askers_count++;
}

static void *control_main(void *arg)
{
	struct control *c = arg;
	struct pollfd p[3] = { { .fd = c->stop[0], .events = POLLIN }, { .fd = c->listener, .events = POLLIN },
			       { .fd = c->open_listener, .events = POLLIN } }; /* -1 is passed over */
	cancel_set(mount_ends, c);
	while (poll(p, 3, -1) >= 0 || errno == EINTR) {
		if (p[0].revents)
			break;
		for (int i = 1; i < 3; i++) {
			int fd = p[i].revents ? accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;
			if (fd >= 0)
				start_asker(c, fd);
		}
	}
	return NULL;
}

static int open_control(struct control *c)
{
	struct sockaddr_un at;
	c->folder = open(c->fs->cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->folder < 0 || c->listener < 0 || pipe2(c->stop, O_CLOEXEC) != 0)
		return -errno;
	folder_address(c->folder, &at);
	unlinkat(c->folder, "control", 0); /* of a daemon that was killed: the folder's lock is ours */
	mode_t mask = umask(0077);
	int r = bind(c->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(c->listener, 16) != 0 ? -errno : 0;
	umask(mask);
	return r;
}

static void control_free(struct control *c)
{
	const int all[] = { c->listener, c->open_listener, c->folder, c->stop[0], c->stop[1] };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
	free(c);
}

int control_start(struct fs *fs, struct control **ret)
{
	struct control *c = malloc(sizeof *c);
	if (!c)
		return err_nomem("the control socket");
	*c = (struct control){ .fs = fs, .listener = -1, .open_listener = -1, .folder = -1, .stop = { -1, -1 } };
	int r = open_control(c);
	if (r) {
		control_free(c);
		return err_set(r, "the control socket in %s: %s", fs->cache_dir, strerror(-r));
	}
	*ret = c;
	return 0;
}

/* Without it, only who may enter the cache folder can ask: no reason not to mount. */
static void open_by_device(struct control *c)
{
	struct sockaddr_un at;
	CLEANUP_MOUNTINFO struct mountinfo m = { 0 };
	if (mountinfo_find(c->fs->mountpoint, &m) != 0 || !m.ours)
		return;
	socklen_t n = device_address(&m, &at);
	c->open_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->open_listener >= 0 && bind(c->open_listener, (struct sockaddr *)&at, n) == 0 && listen(c->open_listener, 16) == 0)
		return;
	log_warning("control", "no socket by the mount's device: %s", strerror(errno));
	if (c->open_listener >= 0)
		close(c->open_listener);
	c->open_listener = -1;
}

int control_serve(struct control *c)
{
	open_by_device(c);
	int e = pthread_create(&c->thread, NULL, control_main, c);
	c->serving = !e;
	return e ? err_set(-e, "cannot start a thread: %s", strerror(e)) : 0;
}

struct control *control_stop(struct control *c)
{
	if (!c)
		return NULL;
	if (write(c->stop[1], "", 1) == 1 && c->serving)
		pthread_join(c->thread, NULL);
	reap_askers(c, true);
	unlinkat(c->folder, "control", 0);
	control_free(c);
	return NULL;
}

/* ---- the other end */

/* The mount that `path` lies in: by its words first, since following links may ask a mount that hangs. */
static int find_mount(const char *path, struct mountinfo *ret)
{
	CLEANUP_BUF struct buf full = BUF_INIT(REQUEST_MAX * 2);
	char here[REQUEST_MAX], real[PATH_MAX];
	if (*path != '/')
		buf_printf(&full, "%s/", getcwd(here, sizeof here) ? here : "");
	buf_str(&full, path);
	for (size_t n = full.len; n > 1 && full.data[n - 1] == '/'; n--)
		full.data[n - 1] = 0;
	bool plain = full.data && !strstr(full.data, "/../") && !strstr(full.data, "/./") && !strstr(full.data, "//");
	int r = plain ? mountinfo_find(full.data, ret) : -ENOENT;
	if (!r && ret->ours)
		return 0;
	mountinfo_done(ret);
	if (!realpath(path, real))
		return err_set(-ENODEV, "%s: no drivefs-models is mounted there (%s)", path, strerror(errno));
	r = mountinfo_find(real, ret);
	if (!r && !ret->ours)
		r = err_set(-ENODEV, "%s: no drivefs-models is mounted there", path);
	return r;
}

/* To the daemon of `m`, without waiting; -errno: none listens, or it is not that of who mounted. */
static int connect_by_device(const struct mountinfo *m, struct ucred *ret_who)
{
	struct sockaddr_un at;
	socklen_t n = device_address(m, &at);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int r = connect(fd, (struct sockaddr *)&at, n) != 0 ? -errno : 0;
	/* Anybody may take such a name: what answers has to be who mounted. */
	if (!r && (!peer_of(fd, ret_who) || (ret_who->uid != m->user && m->user != (uid_t)-1)))
		r = -EPERM;
	if (!r && fcntl(fd, F_SETFL, 0) != 0)
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return r;
}

pid_t control_pid(const struct mountinfo *m)
{
	struct ucred who;
	int fd = connect_by_device(m, &who);
	if (fd < 0)
		return 0;
	close(fd);
	return who.pid;
}

/* The same by the cache folder that the mount names: from another network namespace. */
static int connect_by_folder(const struct mountinfo *m)
{
	char dir[REQUEST_MAX];
	struct sockaddr_un at;
	ssize_t n = getxattr(m->point, CONTROL_XATTR, dir, sizeof dir - 1);
	if (n <= 0 && errno == ENOTCONN)
		return err_set(-ENOTCONN, "%s: the daemon of this mount has died: remove it by fusermount3 -u", m->point);
	if (n <= 0)
		return err_set(-ENODEV, "%s: its daemon does not answer: %s", m->point, n < 0 ? strerror(errno) : "no answer");
	dir[n] = 0;
	int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return err_set(-errno, "%s, the cache folder of %s: %s", dir, m->point, strerror(errno));
	folder_address(folder, &at);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0
	      ? err_set(-errno, "%s: its daemon does not listen: %s", m->point, strerror(errno)) : 0;
	close(folder);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return r;
}

static int read_answer(int fd, struct buf *ret)
{
	char piece[REQUEST_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	for (;;) {
		if (poll(&p, 1, ASK_PATIENCE_MS) != 1)
			return err_set(-ETIMEDOUT, "the mount does not answer");
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0)
			return err_set(-errno, "the mount's answer: %s", strerror(errno));
		if (n == 0)
			return ret->len < 2 ? err_set(-EIO, "the mount hung up") : buf_check(ret, "the mount's answer");
		buf_add(ret, piece, (size_t)n);
	}
}

int control_ask(const char *path, const char *request, char **ret)
{
	struct ucred who;
	CLEANUP_MOUNTINFO struct mountinfo m = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT(ANSWER_MAX);
	int r = find_mount(path, &m);
	if (r)
		return r;
	int fd = connect_by_device(&m, &who);
	if (fd < 0)
		fd = connect_by_folder(&m);
	if (fd < 0)
		return fd;
	send_all(fd, request, strlen(request));
	send_all(fd, "\n", 1);
	r = read_answer(fd, &b);
	close(fd);
	if (r)
		return r;
	r = b.data[0] != '0';
	*ret = strdup(b.data + 2);
	return *ret ? r : err_nomem("the mount's answer");
}
