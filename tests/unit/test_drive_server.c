/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct line script[64], token_script[SERVER_TOKENS]; /* copies: a connection may outlive the test's frame */
static struct request requests[SERVER_REQUESTS], token_requests[SERVER_TOKENS];
static int request_count, token_count, token_record, line_at, token_at;
static char wrong[512], root[64], key_path[512], trace_text[1 << 16];
static size_t trace_n;

static const char token_answer[] = "{\"access_token\":\"ya29.test-token\",\"expires_in\":3599,\"token_type\":\"Bearer\"}";

const char *const server_pem_json =
	"-----BEGIN PRIVATE KEY-----\\n"
	"MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAKrobPL0D6UwK3dx\\n"
	"gyQxd2q45vjuu69J3OLEyzjUDV3k3+1aHhptD5lKhLZrjucGknCzAcGcXzKzrjBf\\n"
	"DWbXExARJJJRUjVBCX8a6vu/xTqdKaAVGON3ilEZNh4fr01+FzCDdEixitlX+624\\n"
	"oGR3Yeb2wjry4JfN3ynMjam0jRYNAgMBAAECgYEAjpxPfROGkpJ1Ur/XbDYSrW0I\\n"
	"3qNm3UfHFzqbURow5S58ZDQUdnyWzZTO1OE/Zyumun/EcWgoT8h7C0XlivDgp+Re\\n"
	"SbTCr2weQUse3qeqwt23PibsQJtHYx0hY7vNCJyQjLgA/2PIf9C6H2RsMgLECsIF\\n"
	"WOjZh0TpJ62uItLSLEECQQDVg4pYIy3lTQ8fzM3YxjM2xLVBn1mURyK43RH7J/8Q\\n"
	"O4jL9xPMGsAM229FGrClk0VJcDlr+ZQnCJeCKgPchbWVAkEAzOqG2YImBrnH/eNw\\n"
	"lHCmdT4g/zlZ6pCzf/tEpkCZOBCVv1h4iXX2LZ2SBM2C1vAFRoTledIlBIu+RZsZ\\n"
	"jRFQmQJBAIctZKUwgJowE2c6rwiTU1FVcLw/OuOZte38aKnuRJnuV0lrAGm0deqt\\n"
	"8uB5aWUqvC8mkfQ+awHberC6EP/I15ECQBXBeJuzM7JXGyKbeSJpa2LbO8mdHyzG\\n"
	"PCiEVt+H0DyhliSAkhuWCJMDPbOA1jlXtlesWGi8pO18oLDnLKlLg1ECQAzn/9GY\\n"
	"4yd+FV8y6cl+0YqLwZFaVpTYJMb1PtK9vhP4NzktdChEo+tUKu9CaMUtAxPgDrJ9\\n"
	"FJmy9FpC8/uzxG4=\\n"
	"-----END PRIVATE KEY-----\\n";

#if defined(__SANITIZE_THREAD__)
/* Else every test waits a second at its end for the server's threads. */
const char *__tsan_default_options(void) { return "atexit_sleep_ms=0"; }
#endif

static struct lie {
	const char *head, *tail;
	size_t n, fill;
} lie;

/* ---- the wire */
static bool send_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t put = send(fd, data, n, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		data += put;
		n -= (size_t)put;
	}
	return true;
}

static bool read_head(int fd, struct request *q)
{
	size_t n = 0;
	memset(q->head, 0, sizeof q->head);
	while (n < sizeof q->head - 1) {
		if (recv(fd, q->head + n, 1, 0) != 1)
			return false;
		n++;
		if (n >= 4 && !memcmp(q->head + n - 4, "\r\n\r\n", 4))
			return true;
	}
	return false;
}

static bool read_body(int fd, struct request *q, size_t n)
{
	static _Thread_local char piece[65536];
	q->body_n = 0;
	while (n) {
		ssize_t got = recv(fd, piece, n < sizeof piece ? n : sizeof piece, 0);
		if (got <= 0)
			return false;
		if (q->body_n < sizeof q->body - 1) {
			size_t room = sizeof q->body - 1 - q->body_n, keep = (size_t)got < room ? (size_t)got : room;
			memcpy(q->body + q->body_n, piece, keep);
			q->body[q->body_n + keep] = 0;
		}
		q->body_n += (size_t)got;
		n -= (size_t)got;
	}
	return true;
}

static size_t content_length(const struct request *q)
{
	const char *p = strstr(q->head, "\r\nContent-Length: ");
	return p ? strtoul(p + 18, NULL, 10) : 0;
}

static size_t add_headers(char *to, size_t size, const char *headers)
{
	size_t n = 0;
	while (*headers && n + 100 < size) {
		if (!strncmp(headers, "$ROOT", 5)) {
			n += (size_t)snprintf(to + n, size - n, "%s", root);
			headers += 5;
		} else {
			to[n++] = *headers++;
		}
	}
	return n;
}

static bool answer(int fd, const struct line *l)
{
	char head[SERVER_HEAD];
	size_t body = !l->body ? 0 : l->body_n ? l->body_n : strlen(l->body);
	size_t n = (size_t)snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nDate: Sun, 06 Nov 2094 08:49:37 GMT\r\n", l->status);
	bool own_length = l->headers && strstr(l->headers, "Content-Length");
	if (!own_length)
		n += (size_t)snprintf(head + n, sizeof head - n, "Content-Length: %zu\r\n", body);
	n += add_headers(head + n, sizeof head - n, l->headers ? l->headers : "");
	n += (size_t)snprintf(head + n, sizeof head - n, "\r\n");
	return send_all(fd, head, n) && send_all(fd, l->body, l->how == CUT ? body / 2 : body) && l->how != CUT;
}

/* ---- the script */
static void blame(const char *why, const struct request *q)
{
	if (!wrong[0])
		snprintf(wrong, sizeof wrong, "%s: %.200s", why, q->head);
}

static const struct line *next_line(const struct request *q)
{
	static const struct line refuse = { .status = 400, .body = "no line of the script" };
	static const struct line token = { .status = 200, .body = token_answer };
	const struct line *l = &refuse;
	pthread_mutex_lock(&lock);
	if (!strncmp(q->head, "POST /token ", 12)) {
		token_count++;
		l = token_script[token_at].want ? &token_script[token_at++] : &token;
	} else if (!script[line_at].want) {
		blame("more requests than the script has", q);
	} else {
		l = &script[line_at++];
		if (strncmp(q->head, l->want, strlen(l->want)) != 0) {
			blame(l->want, q);
			l = &refuse;
		} else if (l->want_header && !strstr(q->head, l->want_header)) {
			blame(l->want_header, q);
			l = &refuse;
		}
	}
	pthread_mutex_unlock(&lock);
	return l;
}

static void record(const struct request *q)
{
	pthread_mutex_lock(&lock);
	if (!strncmp(q->head, "POST /token ", 12)) {
		if (token_record < SERVER_TOKENS)
			token_requests[token_record++] = *q;
	} else if (request_count < SERVER_REQUESTS) {
		requests[request_count++] = *q;
	}
	pthread_mutex_unlock(&lock);
}

static bool lying(void)
{
	pthread_mutex_lock(&lock);
	bool r = lie.head;
	pthread_mutex_unlock(&lock);
	return r;
}

/* Who stops listening half-way ends it. */
static bool send_lie(int fd)
{
	char x[16384];
	struct lie l;
	memset(x, 'x', sizeof x);
	pthread_mutex_lock(&lock);
	l = lie;
	request_count++;
	pthread_mutex_unlock(&lock);
	bool going = send_all(fd, l.head, l.n);
	for (size_t left = l.fill; going && left;) {
		size_t n = left < sizeof x ? left : sizeof x;
		going = send_all(fd, x, n);
		left -= n;
	}
	(void)(going && send_all(fd, l.tail, strlen(l.tail)));
	shutdown(fd, SHUT_WR);
	return false;
}

static bool serve_one(int fd, struct request *q)
{
	char end;
	memset(q, 0, sizeof *q);
	if (!read_head(fd, q))
		return false;
	if (lying() && strncmp(q->head, "POST /token ", 12) != 0)
		return read_body(fd, q, content_length(q)) && send_lie(fd);
	const struct line *l = next_line(q);
	size_t n = content_length(q);
	bool whole = read_body(fd, q, l->how == CUT_REQUEST ? n / 2 : n);
	record(q);
	if (!whole || l->how == LOSE || l->how == CUT_REQUEST)
		return false;
	if (l->how == STALL) {
		while (recv(fd, &end, 1, 0) > 0)
			;
		return false;
	}
	return answer(fd, l);
}

static void *connection(void *arg)
{
	static _Thread_local struct request q;
	int fd = (int)(intptr_t)arg;
	while (serve_one(fd, &q))
		;
	close(fd);
	return NULL;
}

static void spawn(void *(*fn)(void *), intptr_t arg)
{
	pthread_t t;
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	CHECK(pthread_create(&t, &a, fn, (void *)arg) == 0);
	pthread_attr_destroy(&a);
}

static void *listener(void *arg)
{
	int s = (int)(intptr_t)arg;
	for (int fd, on = 1; (fd = accept(s, NULL, NULL)) >= 0; spawn(connection, fd))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return NULL;
}

static void write_key(void)
{
	snprintf(key_path, sizeof key_path, "%s/key.json", test_dir);
	int fd = open(key_path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	CHECK(fd >= 0);
	dprintf(fd, "{\"type\":\"service_account\",\"private_key_id\":\"k1\",\"client_email\":\"robot@example.com\","
		"\"private_key\":\"%s\",\"token_uri\":\"%s/token\"}", server_pem_json, root);
	close(fd);
}

static void copy_script(struct line *to, size_t size, const struct line *from)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i + 1 < size && from[i].want; i++)
		to[i] = from[i];
	pthread_mutex_unlock(&lock);
}

void server_start(const struct line *lines)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	unsetenv("http_proxy");
	unsetenv("HTTP_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	copy_script(script, sizeof script / sizeof *script, lines);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a) == 0 && listen(s, 64) == 0);
	CHECK(getsockname(s, (struct sockaddr *)&a, &n) == 0);
	snprintf(root, sizeof root, "http://127.0.0.1:%d", ntohs(a.sin_port));
	write_key();
	spawn(listener, s);
}

void server_lie(const char *head, size_t n, size_t fill, const char *tail)
{
	static const struct line none[] = { { 0 } };
	bool running = root[0];
	pthread_mutex_lock(&lock);
	lie = (struct lie){ head, tail, n, fill };
	pthread_mutex_unlock(&lock);
	if (!running)
		server_start(none);
}

/* ---- what a test asks */
int server_requests(void)
{
	pthread_mutex_lock(&lock);
	int n = request_count;
	pthread_mutex_unlock(&lock);
	return n;
}

int server_tokens(void)
{
	pthread_mutex_lock(&lock);
	int n = token_count;
	pthread_mutex_unlock(&lock);
	return n;
}

const struct request *server_request(int i)
{
	CHECK(i < server_requests());
	return &requests[i];
}

const struct request *server_token_request(int i)
{
	CHECK(i < server_tokens());
	return &token_requests[i];
}

void server_token_script(const struct line *lines)
{
	copy_script(token_script, sizeof token_script / sizeof *token_script, lines);
}

void server_done(void)
{
	pthread_mutex_lock(&lock);
	if (wrong[0] && !torture)
		fprintf(stderr, "unexpected request, wanted %s\n", wrong);
	CHECK(!wrong[0]);
	if (script[line_at].want && !torture)
		fprintf(stderr, "never asked: %s\n", script[line_at].want);
	CHECK(!script[line_at].want);
	pthread_mutex_unlock(&lock);
}

const char *server_root(void) { return root; }

const char *server_key(void) { return key_path; }

static void on_trace(void *ctx, const char *line)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	int n = snprintf(trace_text + trace_n, sizeof trace_text - trace_n, "%s\n", line);
	if (n > 0 && trace_n + (size_t)n < sizeof trace_text)
		trace_n += (size_t)n;
	pthread_mutex_unlock(&lock);
}

const char *server_trace(void) { return trace_text; }

struct drive *server_drive_with(const struct drive_config *more)
{
	struct drive *d = NULL;
	struct drive_config cfg = *more;
	if (!cfg.key_file && !cfg.token_command)
		cfg.key_file = key_path;
	cfg.api_root = root;
	cfg.trace = on_trace;
	if (!cfg.wait_scale_percent)
		cfg.wait_scale_percent = 1;
	int r = drive_open(&cfg, &d);
	if (r < 0 && !torture)
		fprintf(stderr, "drive_open: %s\n", err_last());
	CHECK_INT(r, 0);
	return d;
}

struct drive *server_drive(unsigned deadline_ms)
{
	return server_drive_with(&(struct drive_config){ .deadline_ms = deadline_ms });
}
