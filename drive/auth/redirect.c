/* SPDX-License-Identifier: MIT */
#include "drive/auth/redirect.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	GUESTS = 8,		/* browsers open connections ahead and leave some unused */
	BACKLOG = 64,
	HEAD_MAX = 8192,
	POLL_MS = 200,
};

struct guest {
	int fd;			/* -1: free */
	size_t n;
	char head[HEAD_MAX];
};

struct redirect {
	int listener;
	unsigned port;
	struct guest guests[GUESTS];
	unsigned next;		/* whom a new one displaces when all are taken */
	char line[HEAD_MAX];	/* what was pasted so far */
	size_t line_n;
};

/* ---- queries */
static int digit(char c)
{
	return !isxdigit((unsigned char)c) ? -1 : isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static bool decode(const char *s, size_t n, char ret[REDIRECT_VALUE_MAX])
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++) {
		int c = (unsigned char)s[i] == '+' ? ' ' : (unsigned char)s[i];
		if (s[i] == '%') {
			if (i + 2 >= n || digit(s[i + 1]) < 0 || digit(s[i + 2]) < 0)
				return false;
			c = digit(s[i + 1]) * 16 + digit(s[i + 2]);
			i += 2;
		}
		if (out + 1 == REDIRECT_VALUE_MAX || c < 0x20 || c == 0x7f)
			return false;
		ret[out++] = (char)c;
	}
	ret[out] = 0;
	return true;
}

bool redirect_value(const char *query, const char *name, char ret[REDIRECT_VALUE_MAX])
{
	size_t n = strlen(name);
	for (const char *p = query; p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
		if (!strncmp(p, name, n) && p[n] == '=')
			return decode(p + n + 1, strcspn(p + n + 1, "&"), ret);
	return false;
}

/* 0: it is what was waited for; -EACCES: it says no; -EINVAL: it is something else. */
static int judge_query(const char *query, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	char value[REDIRECT_VALUE_MAX];
	if (!redirect_value(query, "state", value) || strcmp(value, state) != 0)
		return err_set(-EINVAL, "login: this address is not the answer to this login (its state is another): "
			       "begin again");
	if (redirect_value(query, "error", value))
		return err_set(-EACCES, "login: Google says %.60s%s", value,
			       !strcmp(value, "access_denied") ? ": the access was not allowed" : "");
	if (!redirect_value(query, "code", ret) || !*ret)
		return err_set(-EINVAL, "login: this address holds no code");
	return 0;
}

/* ---- opening */
int redirect_open(struct redirect **ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	struct redirect *v = calloc(1, sizeof *v);
	if (!v)
		return err_nomem("the login");
	for (int i = 0; i < GUESTS; i++)
		v->guests[i].fd = -1;
	v->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v->listener < 0 || bind(v->listener, (struct sockaddr *)&a, sizeof a) || listen(v->listener, BACKLOG) ||
	    getsockname(v->listener, (struct sockaddr *)&a, &n)) {
		int e = errno;
		redirect_close(v);
		return err_set(-e, "login: no port on 127.0.0.1 can be listened on: %s", strerror(e));
	}
	v->port = ntohs(a.sin_port);
	*ret = v;
	return 0;
}

static void send_off(struct guest *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
	explicit_bzero(g->head, g->n); /* the code was in it */
	g->n = 0;
}

struct redirect *redirect_close(struct redirect *v)
{
	if (v) {
		for (int i = 0; i < GUESTS; i++)
			send_off(&v->guests[i]);
		if (v->listener >= 0)
			close(v->listener);
		explicit_bzero(v, sizeof *v);
		free(v);
	}
	return NULL;
}

unsigned redirect_port(const struct redirect *v) { return v->port; }

/* ---- browsers */
static void welcome(struct redirect *v)
{
	int fd = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct guest *g = &v->guests[v->next++ % GUESTS];
	for (int i = 0; i < GUESTS; i++)
		if (v->guests[i].fd < 0)
			g = &v->guests[i];
	send_off(g);
	g->fd = fd;
}

static void answer(struct guest *g, int status, const char *title, const char *text)
{
	char page[1024], head[256];
	int n = snprintf(page, sizeof page, "<!DOCTYPE html><html><title>drivefs-models</title><h1>%s</h1><p>%s</html>\n", title,
			 text);
	int m = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
			 "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n", status, n);
	/* Small enough for any socket buffer; a browser that has gone loses only a page. */
	if (send(g->fd, head, (size_t)m, MSG_NOSIGNAL | MSG_MORE) == m)
		(void)send(g->fd, page, (size_t)n, MSG_NOSIGNAL);
	send_off(g);
}

/* The request is complete. 1: nothing that ends the wait. */
static int serve_visitor(struct guest *g, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	char *path = strchr(g->head, ' '), *end = path ? strchr(path + 1, ' ') : NULL;
	if (strncmp(g->head, "GET ", 4) != 0 || !end || strncmp(path + 1, "/?", 2) != 0) {
		answer(g, 404, "Nothing here", "This port waits for the end of a login.");
		return 1;
	}
	*end = 0;
	int r = judge_query(path + 3, state, ret);
	if (r == 0)
		answer(g, 200, "Logged in", "drivefs-models has what it needs. You may close this page.");
	else if (r == -EACCES)
		answer(g, 200, "Not logged in", "The access was not allowed. You may close this page.");
	else
		answer(g, 400, "Not logged in", "This is not the answer to the login that waits here.");
	return r == -EINVAL ? 1 : r;
}

static int hear(struct guest *g, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	ssize_t n = recv(g->fd, g->head + g->n, HEAD_MAX - 1 - g->n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n > 0)
		g->n += (size_t)n;
	g->head[g->n] = 0;
	if (strstr(g->head, "\r\n\r\n"))
		return serve_visitor(g, state, ret);
	if (n <= 0 || g->n == HEAD_MAX - 1)
		send_off(g);
	return 1;
}

/* ---- a pasted line */
static int read_line(char *line, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	char *query = strchr(line, '?');
	if (!query)
		return 1; /* a stray Enter, or a word: the address has a query */
	query[1 + strcspn(query + 1, "# \t\r")] = 0;
	return judge_query(query + 1, state, ret);
}

static int paste(struct redirect *v, int *input, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	char *end;
	ssize_t n = read(*input, v->line + v->line_n, HEAD_MAX - 1 - v->line_n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n > 0)
		v->line_n += (size_t)n;
	v->line[v->line_n] = 0;
	int r = 1;
	while (r == 1 && (end = strchr(v->line, '\n'))) {
		*end = 0;
		r = read_line(v->line, state, ret);
		v->line_n -= (size_t)(end + 1 - v->line);
		memmove(v->line, end + 1, v->line_n + 1);
	}
	if (r == 1 && n <= 0) { /* the end of the input, perhaps without a line's end */
		*input = -1;
		r = read_line(v->line, state, ret);
	}
	if (v->line_n == HEAD_MAX - 1)
		v->line_n = 0;
	return r;
}

/* ---- waiting */
static int look_at_line(struct redirect *v, int *input, const char *state, char ret[REDIRECT_VALUE_MAX])
{
	struct pollfd p[2 + GUESTS] = { { .fd = v->listener, .events = POLLIN }, { .fd = *input, .events = POLLIN } };
	for (int i = 0; i < GUESTS; i++)
		p[2 + i] = (struct pollfd){ .fd = v->guests[i].fd, .events = POLLIN };
	if (poll(p, 2 + GUESTS, POLL_MS) <= 0)
		return 1;
	for (int i = 0; i < GUESTS; i++) {
		int r = p[2 + i].revents ? hear(&v->guests[i], state, ret) : 1;
		if (r != 1)
			return r;
	}
	if (p[0].revents)
		welcome(v);
	return p[1].revents ? paste(v, input, state, ret) : 1;
}

int redirect_wait(struct redirect *v, const char *state, int input, int64_t end_at_ms, char ret[REDIRECT_VALUE_MAX])
{
	for (;;) {
		int r = look_at_line(v, &input, state, ret);
		if (r != 1)
			return r;
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		if (now_ms() >= end_at_ms)
			return err_set(-ETIMEDOUT, "login: nobody has come back from the consent page in time: begin again");
	}
}
