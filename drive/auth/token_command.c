/* SPDX-License-Identifier: MIT */
#include "drive/auth/token_command.h"

#include "drive/auth/secret.h"
#include "drive/json.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	OUT_MAX = 64 << 10,
	SAID_MAX = 200,		/* of standard error: its end says most */
	POLL_MS = 200,
	LIFE_UNKNOWN_S = 600,	/* a helper's own cache may hand out one that is old; a 401 asks again */
};

struct child {
	pid_t pid;
	int out, err;		/* our ends; -1: at its end */
	char text[OUT_MAX + 1];	/* not a buffer that grows: it would leave copies behind */
	size_t text_n;
	char said[SAID_MAX + 1];
	size_t said_n;
};

/* ---- starting */
static int set_up(posix_spawn_file_actions_t *fa, posix_spawnattr_t *at, int out, int err)
{
	sigset_t none, dfl;
	sigemptyset(&none);
	sigemptyset(&dfl);
	sigaddset(&dfl, SIGPIPE); /* the mount ignores it */
	int e = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!e)
		e = posix_spawn_file_actions_adddup2(fa, out, STDOUT_FILENO);
	if (!e)
		e = posix_spawn_file_actions_adddup2(fa, err, STDERR_FILENO);
	if (!e)
		e = posix_spawnattr_setpgroup(at, 0);
	if (!e)
		e = posix_spawnattr_setsigmask(at, &none);
	if (!e)
		e = posix_spawnattr_setsigdefault(at, &dfl);
	if (!e)
		e = posix_spawnattr_setflags(at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return e;
}

static int spawn(const char *command, int out, int err, pid_t *ret)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	int e = posix_spawn_file_actions_init(&fa);
	if (e)
		return e;
	e = posix_spawnattr_init(&at);
	if (!e) {
		e = set_up(&fa, &at, out, err);
		if (!e)
			e = posix_spawn(ret, "/bin/sh", &fa, &at, argv, environ);
		posix_spawnattr_destroy(&at);
	}
	posix_spawn_file_actions_destroy(&fa);
	return e;
}

static int start_child(const char *command, struct child *c)
{
	int out[2], err[2];
	if (pipe2(out, O_CLOEXEC))
		return err_set(-errno, "token_command: no pipe");
	if (pipe2(err, O_CLOEXEC)) {
		close(out[0]);
		close(out[1]);
		return err_set(-errno, "token_command: no pipe");
	}
	int e = spawn(command, out[1], err[1], &c->pid);
	close(out[1]);
	close(err[1]);
	c->out = out[0];
	c->err = err[0];
	(void)fcntl(c->out, F_SETFL, O_NONBLOCK); /* on a pipe of ours this cannot fail */
	(void)fcntl(c->err, F_SETFL, O_NONBLOCK);
	return e ? err_set(-e, "token_command: the shell cannot be started: %s", strerror(e)) : 0;
}

static void end_stream(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- reading */
static int read_out(struct child *c)
{
	ssize_t n = read(c->out, c->text + c->text_n, OUT_MAX - c->text_n);
	if (n > 0)
		c->text_n += (size_t)n;
	if (c->text_n == OUT_MAX)
		return err_set(-EBADMSG, "token_command: it prints too much to be a token");
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end_stream(&c->out);
	return 0;
}

/* Keeps the end. */
static void read_err(struct child *c)
{
	char piece[SAID_MAX];
	ssize_t n = read(c->err, piece, sizeof piece);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		end_stream(&c->err);
	if (n <= 0)
		return;
	size_t over = c->said_n + (size_t)n > SAID_MAX ? c->said_n + (size_t)n - SAID_MAX : 0;
	memmove(c->said, c->said + over, c->said_n - over);
	c->said_n -= over;
	memcpy(c->said + c->said_n, piece, (size_t)n);
	c->said_n += (size_t)n;
}

static int check_time(int64_t end_at_ms)
{
	if (cancelled())
		return err_set(-EINTR, "cancelled");
	if (end_at_ms && now_ms() >= end_at_ms)
		return err_set(-ETIMEDOUT, "token_command: it has not ended in time");
	return 0;
}

/* Until the child has ended: a process that it leaves behind with our pipes is not waited for. */
static int watch(struct child *c, int64_t end_at_ms, int *ret_status)
{
	for (bool ended = false;;) {
		struct pollfd p[2] = { { .fd = c->out, .events = POLLIN }, { .fd = c->err, .events = POLLIN } };
		bool open = c->out >= 0 || c->err >= 0;
		int n = ended ? poll(p, 2, 0) : poll(p, 2, open ? POLL_MS : 10);
		if (n > 0) {
			int r = p[0].revents ? read_out(c) : 0;
			if (r < 0)
				return r;
			if (p[1].revents)
				read_err(c);
			continue;
		}
		if (ended)
			return 0;
		int r = check_time(end_at_ms);
		if (r < 0)
			return r;
		pid_t got = waitpid(c->pid, ret_status, WNOHANG);
		if (got < 0 && errno != EINTR)
			return err_set(-errno, "token_command: its end cannot be waited for");
		ended = got == c->pid;
		if (ended)
			c->pid = 0;
	}
}

static void end_child(struct child *c)
{
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	end_stream(&c->out);
	end_stream(&c->err);
}

/* ---- meaning */
static int failed(struct child *c, int status)
{
	c->said[c->said_n] = 0;
	for (char *p = c->said; *p; p++) /* one line, and nothing that a terminal would obey */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	error_scrub(c->said);
	if (WIFSIGNALED(status))
		return err_set(-EACCES, "token_command: killed by signal %d: %s", WTERMSIG(status), c->said);
	return err_set(-EACCES, "token_command: status %d: %s", WEXITSTATUS(status), *c->said ? c->said : "it says nothing");
}

static int64_t life_of(const struct cJSON *root)
{
	static const char *const names[] = { "expiry", "token_expiry", "expireTime", "expires_at" };
	uint64_t s;
	int64_t end_ms;
	if (json_u64(root, "expires_in", &s) && s <= 86400)
		return (int64_t)s * 1000;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *text = json_str(root, names[i]);
		if (text && json_time_parse(text, &end_ms)) {
			int64_t left = end_ms - (int64_t)time(NULL) * 1000;
			return left < 0 ? 0 : left > 86400000 ? 86400000 : left;
		}
	}
	return LIFE_UNKNOWN_S * 1000;
}

static int understand(struct child *c, struct grant_answer *ret)
{
	size_t from = 0;
	while (c->text_n && strchr(" \t\r\n", c->text[c->text_n - 1]))
		c->text[--c->text_n] = 0;
	while (from < c->text_n && strchr(" \t\r\n", c->text[from]))
		from++;
	if (c->text[from] != '{') {
		int r = grant_bearer(c->text + from, LIFE_UNKNOWN_S * 1000, ret);
		return r == -EBADMSG ? err_set(r, "token_command: what it prints is not one token") : r;
	}
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	int r = json_parse(c->text + from, c->text_n - from, &root);
	const char *token = json_str(root, "access_token");
	if (r == 0)
		r = grant_bearer(token ? token : json_str(root, "token"), life_of(root), ret);
	return r == -EBADMSG ? err_set(r, "token_command: the JSON that it prints holds no access_token") : r;
}

int token_command_run(const char *command, int64_t end_at_ms, struct grant_answer *ret)
{
	int status = 0;
	lock_assert_none();
	memset(ret, 0, sizeof *ret);
	struct child *c = calloc(1, sizeof *c);
	if (!c)
		return err_nomem("token_command");
	c->out = c->err = -1;
	int r = start_child(command, c);
	if (r == 0)
		r = watch(c, end_at_ms, &status);
	end_child(c);
	if (r == 0)
		r = status ? failed(c, status) : understand(c, ret);
	explicit_bzero(c, sizeof *c);
	free(c);
	return r;
}
