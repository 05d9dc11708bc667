/* SPDX-License-Identifier: MIT */
#include "drive/pool.h"

/* One for the process: an annotation cannot name a member in C, and it is held for moments. */
static struct lock pool_lock = LOCK_INIT(RANK_POOL);

struct pool {
	pthread_cond_t freed;
	struct pool_slot *idle GUARDED_BY(pool_lock);
	unsigned out GUARDED_BY(pool_lock);
	unsigned max;
};

struct pool_share {
	CURLSH *curl;
	pthread_mutex_t locks[CURL_LOCK_DATA_LAST]; /* libcurl's own, taken inside of it only */
};

int pool_open(unsigned max, struct pool **ret)
{
	struct pool *p = calloc(1, sizeof *p);
	if (!p)
		return err_nomem("a request");
	cond_init(&p->freed);
	p->max = max;
	*ret = p;
	return 0;
}

static void slot_free(struct pool_slot *s)
{
	if (s->easy)
		curl_easy_cleanup(s->easy);
	if (s->multi)
		curl_multi_cleanup(s->multi);
	free(s);
}

struct pool *pool_close(struct pool *p) TSA(no_thread_safety_analysis)
{
	if (!p)
		return NULL;
	while (p->idle) {
		struct pool_slot *s = p->idle;
		p->idle = s->next;
		slot_free(s);
	}
	pthread_cond_destroy(&p->freed);
	free(p);
	return NULL;
}

static int slot_open(struct pool_slot **ret)
{
	struct pool_slot *s = calloc(1, sizeof *s);
	if (s) {
		s->easy = curl_easy_init();
		s->multi = curl_multi_init();
		if (s->easy && s->multi) {
			*ret = s;
			return 0;
		}
		slot_free(s);
	}
	return err_nomem("a request");
}

static struct pool_slot *renew_handle(struct pool_slot *s)
{
	curl_easy_cleanup(s->easy);
	s->easy = curl_easy_init();
	if (s->easy)
		return s;
	slot_free(s);
	return NULL;
}

/* `s` NULL: it never came to be. */
void pool_put(struct pool *p, struct pool_slot *s, bool spoiled)
{
	if (s && spoiled)
		s = renew_handle(s);
	lock_acquire(&pool_lock);
	p->out--;
	if (s) {
		s->next = p->idle;
		p->idle = s;
	}
	pthread_cond_signal(&p->freed);
	lock_release(&pool_lock);
}

static int wait_for_one(struct pool *p, int64_t end_at_ms) REQUIRES(pool_lock)
{
	while (p->out == p->max) {
		(void)lock_wait(&pool_lock, &p->freed, POOL_POLL_MS); /* timed out or not: look again */
		if (cancelled())
			return err_set(-EINTR, "cancelled while waiting for a connection");
		if (end_at_ms && now_ms() >= end_at_ms)
			return err_set(-ETIMEDOUT, "no connection became free in time");
	}
	return 0;
}

/* The one used last, since its connection is the warmest. */
int pool_take(struct pool *p, int64_t end_at_ms, struct pool_slot **ret)
{
	struct pool_slot *s = NULL;
	lock_acquire(&pool_lock);
	int r = wait_for_one(p, end_at_ms);
	if (r == 0) {
		p->out++;
		s = p->idle;
		if (s)
			p->idle = s->next;
	} else {
		pthread_cond_signal(&p->freed); /* it may have been meant for another */
	}
	lock_release(&pool_lock);
	if (r == 0 && !s && (r = slot_open(&s)) < 0)
		pool_put(p, NULL, false);
	*ret = s;
	return r;
}

/* ---- sharing */
static void global_init(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static void on_lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *ctx)
{
	(void)easy, (void)access;
	pthread_mutex_lock(&((struct pool_share *)ctx)->locks[data]);
}

static void on_unlock(CURL *easy, curl_lock_data data, void *ctx)
{
	(void)easy;
	pthread_mutex_unlock(&((struct pool_share *)ctx)->locks[data]);
}

int pool_share_open(struct pool_share **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, global_init);
	struct pool_share *s = calloc(1, sizeof *s);
	if (!s || !(s->curl = curl_share_init())) {
		free(s);
		return err_nomem("a request");
	}
	for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
		pthread_mutex_init(&s->locks[i], NULL);
	curl_share_setopt(s->curl, CURLSHOPT_LOCKFUNC, on_lock);
	curl_share_setopt(s->curl, CURLSHOPT_UNLOCKFUNC, on_unlock);
	curl_share_setopt(s->curl, CURLSHOPT_USERDATA, s);
	curl_share_setopt(s->curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(s->curl, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	*ret = s;
	return 0;
}

struct pool_share *pool_share_close(struct pool_share *s)
{
	if (s) {
		curl_share_cleanup(s->curl);
		for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
			pthread_mutex_destroy(&s->locks[i]);
		free(s);
	}
	return NULL;
}

CURLSH *pool_share_curl(struct pool_share *s) { return s->curl; }
