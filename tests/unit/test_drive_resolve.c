/* SPDX-License-Identifier: MIT */
/* A resolver that does not answer, as that of a network that went away: getaddrinfo() blocks for as long as it
 * likes, and nothing that waits for it may. This binary's own stands before libc's, for libcurl too. */
#include "drive/http.h"
#include "tests/unit/test_drive_server.h"

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool shut;
static int waiting, asked;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	pthread_mutex_lock(&gate);
	bool ours = shut && name && !strcmp(name, "www.googleapis.invalid");
	asked += ours;
	waiting += ours;
	while (ours && shut)
		pthread_cond_wait(&opened, &gate);
	waiting -= ours;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
	if (ours)
		return EAI_AGAIN;
	lookup *real;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real ? real(name, service, hints, ret) : EAI_SYSTEM;
}

static void shut_gate(void)
{
	pthread_mutex_lock(&gate);
	shut = true;
	pthread_mutex_unlock(&gate);
}

/* Nobody is in there any more when this returns, and `asked` is nobody's but ours. */
static void open_gate(void)
{
	pthread_mutex_lock(&gate);
	shut = false;
	pthread_cond_broadcast(&opened);
	while (waiting)
		pthread_cond_wait(&opened, &gate);
	pthread_mutex_unlock(&gate);
}

static int ask(int64_t deadline_ms, int64_t stall_ms)
{
	struct http *h = NULL;
	struct http_response p;
	CHECK_INT(http_open(&(struct http_config){ .bulk_max = 1 }, &h), 0);
	http_response_init(&p);
	struct http_request q = { .method = "GET", .url = "https://www.googleapis.invalid/x", .direct = true,
				  .end_at_ms = deadline_ms ? now_ms() + deadline_ms : 0, .stall_ms = stall_ms };
	int r = http_do(h, &q, &p);
	CHECK_INT(p.end, HTTP_LOST);
	http_response_done(&p);
	http_close(h); /* does not wait for the resolver either: the gate is still shut */
	return r;
}

TEST(drive_resolve__a_silent_name_server_does_not_outlast_a_deadline_and_is_named)
{
	shut_gate();
	CHECK_INT(ask(50, 0), -ENETUNREACH);
	CHECK(strstr(err_last(), "the name www.googleapis.invalid could not be resolved in time"));
	CHECK_INT(ask(0, 50), -ENETUNREACH);
	CHECK(strstr(err_last(), "the name www.googleapis.invalid could not be resolved in time"));
	open_gate();
	CHECK_INT(asked, 2);
}

static bool always(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&gate);
	bool in = waiting > 0;
	pthread_mutex_unlock(&gate);
	return in;
}

TEST(drive_resolve__a_cancelled_look_up_is_let_go)
{
	struct http *h = NULL;
	struct http_response p;
	shut_gate();
	CHECK_INT(http_open(&(struct http_config){ .bulk_max = 1 }, &h), 0);
	http_response_init(&p);
	struct http_request q = { .method = "GET", .url = "https://www.googleapis.invalid/x", .direct = true };
	cancel_set(always, NULL);
	CHECK_INT(http_do(h, &q, &p), -EINTR);
	cancel_set(NULL, NULL);
	http_response_done(&p);
	http_close(h);
	open_gate();
}
