/* SPDX-License-Identifier: MIT */
#include "fs/loop.h"

#include "fs/ops.h"

#include <linux/fuse.h>
#include <signal.h>
#include <string.h>

/* A thread costs about 20 KiB while it waits. Of those that receive, two are enough to serve and the
 * others only save their creation. */
enum { WORKERS_MAX = 1024, RESERVED = 64, RECEIVERS_MAX = 6, BUFFERS_KEPT = 4, SMALL_MAX = 8192, STACK_BYTES = 512 << 10,
       KICK_MS = 20 };
/* Its handler does nothing: it ends read(2) on /dev/fuse. Sent to our own threads only. */
enum { KICK_SIGNAL = SIGUSR1 };

struct worker {
	struct loop *loop;
	struct worker *next;
	pthread_t thread;
	bool receiving;
};

struct parked {
	struct parked *next;
	struct fuse_buf buf;
};

struct loop {
	struct fuse_session *session;
	struct lock lock;	/* RANK_LEAF */
	pthread_cond_t changed;	/* a worker has gone, or the end has come */
	struct worker *workers UNDER(lock);
	unsigned count UNDER(lock), max UNDER(lock);	/* workers, and how many the system allows */
	unsigned receiving UNDER(lock);	/* in read(2), or about to be */
	unsigned waiting UNDER(lock);	/* with requests that may ask Drive */
	struct parked *parked UNDER(lock), **parked_last UNDER(lock);
	struct fuse_buf kept[BUFFERS_KEPT] UNDER(lock);
	unsigned kept_count UNDER(lock);
	bool end UNDER(lock), woken UNDER(lock);
	int error UNDER(lock);
};

/* ---- buffers, which libfuse makes as large as a request can be */

static struct fuse_buf take_buffer(struct loop *l)
{
	struct fuse_buf buf = { 0 };
	lock_acquire(&l->lock);
	if (l->kept_count)
		buf = l->kept[--l->kept_count];
	lock_release(&l->lock);
	return buf;
}

static void put_buffer(struct loop *l, struct fuse_buf *buf)
{
	lock_acquire(&l->lock);
	if (buf->mem && l->kept_count < BUFFERS_KEPT) {
		l->kept[l->kept_count++] = *buf;
		buf->mem = NULL;
	}
	lock_release(&l->lock);
	free(STEAL(buf->mem));
}

/* ---- requests */

/* May the answer have to wait for Drive? */
static bool may_wait(const struct fuse_buf *buf)
{
	switch (((const struct fuse_in_header *)buf->mem)->opcode) {
	case FUSE_INIT: case FUSE_DESTROY: case FUSE_INTERRUPT: case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_GETATTR:
	case FUSE_STATFS: case FUSE_RELEASE: case FUSE_RELEASEDIR: case FUSE_GETXATTR: case FUSE_LISTXATTR: case FUSE_FSYNCDIR:
		return false;
	default:
		return true;
	}
}

static void process_small(struct loop *l, struct fuse_buf *buf)
{
	_Alignas(16) char copy[SMALL_MAX];
	struct fuse_buf small = { .size = buf->size, .mem = copy };
	memcpy(copy, buf->mem, buf->size);
	put_buffer(l, buf);
	fuse_session_process_buf(l->session, &small);
}

/* Takes the buffer. */
static void process(struct loop *l, struct fuse_buf *buf)
{
	if (buf->size <= SMALL_MAX) {
		process_small(l, buf);
	} else {
		fuse_session_process_buf(l->session, buf);
		put_buffer(l, buf);
	}
}

/* So many may wait that some threads are always left; one that is alone serves all. */
static bool may_take(const struct loop *l) REQUIRES(l->lock)
{
	unsigned limit = l->max > 2 * RESERVED ? l->max - RESERVED : l->max / 2;
	return l->waiting < (limit ? limit : 1);
}

/* Keep it until fewer wait; false: no memory, it has to be served now. */
static bool park(struct loop *l, struct fuse_buf *buf) REQUIRES(l->lock)
{
	struct parked *p = malloc(sizeof *p);
	void *copy = p && buf->size <= SMALL_MAX ? malloc(buf->size) : NULL;
	if (!p || (buf->size <= SMALL_MAX && !copy)) {
		free(p);
		return false;
	}
	*p = (struct parked){ NULL, *buf };
	if (copy) {
		p->buf = (struct fuse_buf){ .size = buf->size, .mem = memcpy(copy, buf->mem, buf->size) };
		free(buf->mem);
	}
	buf->mem = NULL;
	*l->parked_last = p;
	l->parked_last = &p->next;
	return true;
}

static struct parked *unpark(struct loop *l) REQUIRES(l->lock)
{
	struct parked *p = l->parked;
	if (!p || !may_take(l))
		return NULL;
	l->parked = p->next;
	if (!l->parked)
		l->parked_last = &l->parked;
	return p;
}

/* ---- threads */

static void *worker_main(void *arg);

/* One more, if none receives and the system lets us. */
static void need_receiver(struct loop *l) REQUIRES(l->lock)
{
	if (l->receiving || l->end || l->count >= l->max)
		return;
	struct worker *w = malloc(sizeof *w);
	pthread_attr_t attr;
	int e = w ? pthread_attr_init(&attr) : ENOMEM;
	if (!e) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, STACK_BYTES);
		*w = (struct worker){ .loop = l, .next = l->workers };
		e = pthread_create(&w->thread, &attr, worker_main, w);
		pthread_attr_destroy(&attr);
	}
	if (e) { /* with those that there are: some of them stay free of what waits */
		free(w);
		l->max = l->count;
		return;
	}
	l->workers = w;
	l->count++;
	l->receiving++; /* it will */
}

static void end_loop(struct loop *l, int err) REQUIRES(l->lock)
{
	if (!l->end)
		l->error = err;
	l->end = true;
	pthread_cond_broadcast(&l->changed);
}

/* One request, without the lock. False: none. */
static bool receive(struct worker *w, struct fuse_buf *ret)
{
	struct loop *l = w->loop;
	*ret = take_buffer(l);
	int n = fuse_session_receive_buf(l->session, ret);
	if (n > 0)
		return true;
	put_buffer(l, ret);
	lock_acquire(&l->lock);
	if (fuse_session_exited(l->session) || (n != -EINTR && n != -EAGAIN && n != 0))
		end_loop(l, n < 0 && n != -EINTR && n != -EAGAIN && n != -ENODEV ? n : 0);
	lock_release(&l->lock);
	return false;
}

static void serve_request(struct loop *l, struct fuse_buf *buf, bool waits) REQUIRES(l->lock)
{
	l->waiting += waits;
	lock_release(&l->lock);
	process(l, buf);
	lock_acquire(&l->lock);
	l->waiting -= waits;
}

/* The lock is held; `receiving` counts this thread. */
static void receive_one(struct loop *l, struct worker *w) REQUIRES(l->lock)
{
	struct fuse_buf buf;
	w->receiving = true;
	lock_release(&l->lock);
	bool got = receive(w, &buf);
	lock_acquire(&l->lock);
	w->receiving = false;
	l->receiving--;
	if (!got)
		return;
	need_receiver(l); /* which may find that there can be no more threads */
	bool waits = may_wait(&buf);
	if (!waits || may_take(l) || !park(l, &buf))
		serve_request(l, &buf, waits);
}

static void leave_loop(struct loop *l, struct worker *w) REQUIRES(l->lock)
{
	struct worker **at = &l->workers;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	l->count--;
	l->max = WORKERS_MAX; /* another may find room again */
	pthread_cond_broadcast(&l->changed);
	free(w);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct loop *l = w->loop;
	lock_acquire(&l->lock);
	bool counted = true; /* by who made it */
	while (!l->end) {
		struct parked *p = counted ? NULL : unpark(l);
		if (p) {
			need_receiver(l);
			serve_request(l, &p->buf, true);
			free(p);
			continue;
		}
		if (!counted && l->receiving >= RECEIVERS_MAX)
			break;
		l->receiving += !counted;
		counted = false;
		receive_one(l, w);
	}
	l->receiving -= counted;
	leave_loop(l, w);
	lock_release(&l->lock);
	return NULL;
}

/* ---- from outside */

static void do_nothing(int number) { (void)number; }

int loop_start(struct fs *fs, struct loop **ret)
{
	struct loop *l = calloc(1, sizeof *l);
	const struct sigaction kick = { .sa_handler = do_nothing }; /* without SA_RESTART */
	if (!l)
		return err_nomem("the mount's threads");
	sigaction(KICK_SIGNAL, &kick, NULL);
	l->session = fs->session;
	l->max = WORKERS_MAX;
	l->parked_last = &l->parked;
	lock_init(&l->lock, RANK_LEAF);
	cond_init(&l->changed);
	lock_acquire(&l->lock);
	need_receiver(l);
	bool started = l->count;
	lock_release(&l->lock);
	if (!started) {
		loop_free(l);
		return err_set(-EAGAIN, "cannot start a thread");
	}
	*ret = l;
	return 0;
}

bool loop_wait(struct loop *l)
{
	lock_acquire(&l->lock);
	while (!l->end && !l->woken)
		(void)lock_wait(&l->lock, &l->changed, -1);
	l->woken = false;
	bool ended = l->end;
	lock_release(&l->lock);
	return ended;
}

void loop_wake(struct loop *l)
{
	lock_acquire(&l->lock);
	l->woken = true;
	pthread_cond_broadcast(&l->changed);
	lock_release(&l->lock);
}

/* Again and again, since one that comes just before the read(2) is lost. */
static void kick_receivers(struct loop *l) REQUIRES(l->lock)
{
	for (struct worker *w = l->workers; w; w = w->next)
		if (w->receiving)
			pthread_kill(w->thread, KICK_SIGNAL);
}

unsigned loop_stop(struct loop *l, int wait_ms, int *ret_err)
{
	int64_t end_at = now_ms() + wait_ms;
	fuse_session_exit(l->session);
	lock_acquire(&l->lock);
	end_loop(l, 0);
	*ret_err = l->error;
	while (l->count && now_ms() < end_at) {
		kick_receivers(l);
		(void)lock_wait(&l->lock, &l->changed, KICK_MS);
	}
	unsigned left = l->count;
	lock_release(&l->lock);
	return left;
}

void loop_free(struct loop *l)
{
	while (l->parked) {
		struct parked *p = l->parked;
		l->parked = p->next;
		free(p->buf.mem);
		free(p);
	}
	while (l->kept_count)
		free(l->kept[--l->kept_count].mem);
	pthread_cond_destroy(&l->changed);
	lock_done(&l->lock);
	free(l);
}
