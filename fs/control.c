/* SPDX-License-Identifier: MIT */
#include "fs/control.h"

#include "fs/namei.h"
#include "fs/log.h"
#include "fs/status.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { REQUEST_MAX = 4096, ANSWER_MAX = 16 << 20, PATIENCE_MS = 5000, ASK_PATIENCE_MS = 120000 };

struct control {
	struct fs *fs;
	int listener, folder;	/* sockets; an O_PATH of the cache folder */
	int stop[2];		/* a pipe: written to once */
	pthread_t thread;
};

/* sun_path holds 108 bytes and cache folders have long names: go by a descriptor of the folder. */
static void address(int folder, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/control", folder);
}

/* ---- the daemon's end */

static bool hung_up(void *ctx)
{
	const struct control *c = ctx;
	return __atomic_load_n(&c->fs->stopping, __ATOMIC_RELAXED);
}

static int answer(struct fs *fs, const char *request, struct buf *ret)
{
	if (strcmp(request, "status") == 0)
		return status_text(fs, ret);
	if (strcmp(request, "status json") == 0)
		return status_json(fs, ret);
	if (strncmp(request, "path ", 5) == 0)
		return status_path(fs, request + 5, ret);
	return err_set(-EINVAL, "unknown request \"%s\": is this program newer than the mount?", request);
}

/* Up to the end of the line. */
static bool read_request(int fd, char *to, size_t max)
{
	size_t n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (n < max - 1 && poll(&p, 1, PATIENCE_MS) == 1) {
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

static void write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t r = send(fd, data, n, MSG_NOSIGNAL);
		if (r <= 0)
			return; /* who asked has gone */
		data += r;
		n -= (size_t)r;
	}
}

static void serve(struct control *c, int fd)
{
	char request[REQUEST_MAX];
	CLEANUP_BUF struct buf b = BUF_INIT(ANSWER_MAX);
	const struct timeval patience = { PATIENCE_MS / 1000, 0 };
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!read_request(fd, request, sizeof request))
		return;
	err_clear();
	int r = answer(c->fs, request, &b);
	write_all(fd, r ? "1\n" : "0\n", 2);
	if (r)
		write_all(fd, err_last(), strlen(err_last()));
	else
		write_all(fd, b.data ? b.data : "", b.len);
}

static void *control_main(void *arg)
{
	struct control *c = arg;
	struct pollfd p[2] = { { .fd = c->listener, .events = POLLIN }, { .fd = c->stop[0], .events = POLLIN } };
	cancel_set(hung_up, c);
	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[1].revents)
			break;
		int fd = p[0].revents ? accept4(c->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		serve(c, fd);
		close(fd);
	}
	return NULL;
}

static int open_socket(struct control *c)
{
	struct sockaddr_un at;
	c->folder = open(c->fs->cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->folder < 0 || c->listener < 0 || pipe2(c->stop, O_CLOEXEC) != 0)
		return -errno;
	address(c->folder, &at);
	unlinkat(c->folder, "control", 0); /* of a daemon that was killed: the folder's lock is ours */
	mode_t mask = umask(0077);
	int r = bind(c->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(c->listener, 16) != 0 ? -errno : 0;
	umask(mask);
	return r;
}

static void control_free(struct control *c)
{
	const int all[] = { c->listener, c->folder, c->stop[0], c->stop[1] };
	for (size_t i = 0; i < 4; i++)
		if (all[i] >= 0)
			close(all[i]);
	free(c);
}

int control_start(struct fs *fs, struct control **ret)
{
	struct control *c = malloc(sizeof *c);
	if (!c)
		return err_set(-ENOMEM, "no memory to start");
	*c = (struct control){ .fs = fs, .listener = -1, .folder = -1, .stop = { -1, -1 } };
	int r = open_socket(c);
	if (!r)
		r = -pthread_create(&c->thread, NULL, control_main, c);
	if (r) {
		control_free(c);
		return err_set(r, "the control socket in %s: %s", fs->cache_dir, strerror(-r));
	}
	*ret = c;
	return 0;
}

struct control *control_stop(struct control *c)
{
	if (!c)
		return NULL;
	if (write(c->stop[1], "", 1) == 1)
		pthread_join(c->thread, NULL);
	unlinkat(c->folder, "control", 0);
	control_free(c);
	return NULL;
}

/* ---- the other end */

/* The cache folder that the mount at `mountpoint` names, as a descriptor. */
static int find_folder(const char *mountpoint)
{
	char dir[REQUEST_MAX];
	ssize_t n = getxattr(mountpoint, CONTROL_XATTR, dir, sizeof dir - 1);
	if (n <= 0)
		return err_set(-ENODEV, "%s: no drivefs-models is mounted there (%s)", mountpoint,
			       n < 0 ? strerror(errno) : "no answer");
	dir[n] = 0;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(-errno, "%s, the cache folder of %s: %s", dir, mountpoint, strerror(errno));
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

int control_ask(const char *mountpoint, const char *request, char **ret)
{
	struct sockaddr_un at;
	CLEANUP_BUF struct buf b = BUF_INIT(ANSWER_MAX);
	int folder = find_folder(mountpoint), fd = -1, r = folder < 0 ? folder : 0;
	if (!r) {
		address(folder, &at);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
			r = err_set(-errno, "%s: its daemon does not listen: %s", mountpoint, strerror(errno));
	}
	if (!r) {
		write_all(fd, request, strlen(request));
		write_all(fd, "\n", 1);
		r = read_answer(fd, &b);
	}
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	if (r)
		return r;
	r = b.data[0] != '0';
	*ret = strdup(b.data + 2);
	return *ret ? r : err_set(-ENOMEM, "no memory for the answer");
}
