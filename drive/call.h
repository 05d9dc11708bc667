/* SPDX-License-Identifier: MIT */
/* One call of the API: URL, token, request, meaning of the answer, retries. Every other file of
 * drive/ that talks to Drive does it through this one. */
#ifndef DFM_DRIVE_CALL_H
#define DFM_DRIVE_CALL_H
#include "drive/auth/token.h"
#include "drive/budget.h"
#include "drive/drive.h"
#include "drive/error.h"
#include "drive/http.h"
#include "drive/resource_keys.h"

enum { CALL_IDS = 20 };		/* ids reserved at a time */
#define CALL_NO_SKEW INT64_MIN

/* RANK_LEAF; one of each for the process */
extern struct lock call_ids_lock, call_budget_lock;

struct drive {
	char *root;			/* origin of the API, without a slash at its end */
	int64_t deadline_ms;
	unsigned wait_scale_percent;
	struct http *http;
	struct token *token;
	char ids[CALL_IDS][DRIVE_ID_MAX + 1] GUARDED_BY(call_ids_lock);
	unsigned ids_count GUARDED_BY(call_ids_lock);
	struct budget budget GUARDED_BY(call_budget_lock);
	struct resource_keys keys;
	uint64_t retries, units;	/* atomic */
	int64_t skew_s;			/* atomic: Drive's clock less ours; CALL_NO_SKEW: no answer yet */
	bool acknowledge_abuse;
	bool no_project;		/* atomic: the quota project of our own file is refused */
	bool heads_only;		/* atomic: this identity may not read revisions */
};

struct call {
	struct drive *d;
	const char *what, *subject;	/* for messages: what "subject": ... */
	struct buf url;
	const char *key_of[3];		/* ids whose resource keys go with every request; NULL ends */
	struct http_request req;	/* its url and token are set by call_once() */
	struct http_response resp;
	struct drive_error error;	/* of the last failure */
	bool upload;			/* the limits of uploads apply */
	bool keep_refused;		/* a 401 is the caller's: the body must not just be sent again */
	bool answer_lost;		/* some try may have been carried out without our knowing */
	unsigned attempt;		/* failures since the start or call_progress() */
	int64_t start_ms, deadline_ms;	/* deadline_ms: d's, if not set otherwise */
};
/* The strings are borrowed. Then add to c->url: the origin and `path` are there, but for a NULL
 * `path`. */
void call_init(struct call *c, struct drive *d, const char *method, const char *path, const char *what,
	       const char *subject);
/* Another request of the same call: URL and request are empty, attempts and time go on. */
void call_again(struct call *c, const char *method, const char *path);
void call_done(struct call *c);
#define CLEANUP_CALL CLEANUP(call_done)
/* A JSON body, borrowed. */
void call_json(struct call *c, const struct buf *body);

/* One request, and another after a 401 with a new token. 0 for 2xx and 308; otherwise c->error is
 * filled, the reason is recorded and -errno returned as if it were final. */
MUST_CHECK int call_once(struct call *c);
/* Time in which bytes moved does not count against the deadline: to be called after a
 * call_once() that began at `began_ms`. */
void call_moved(struct call *c, int64_t began_ms);
/* After a failed call_once(): waits as the table says and returns 0, or ends it with -errno. */
MUST_CHECK int call_retry(struct call *c);
/* The longest silence of one request: a part of the deadline, so that a connection that went dead
 * leaves time for another. */
int64_t call_stall_ms(const struct call *c);
/* Bytes moved: attempts and time are counted from here. */
void call_progress(struct call *c);
/* call_once() until it succeeds or may not be tried again, within deadline_ms. */
MUST_CHECK int call_run(struct call *c);
/* The answer as a file. */
MUST_CHECK int call_file(struct call *c, struct drive_file *ret);

/* Are there units for what nobody waits for? */
bool call_spare(struct drive *d);

/* -EINVAL unless `id` can stand in a URL. */
MUST_CHECK int call_check_id(const char *what, const char *id);
/* An id that Drive has reserved for us; each is handed out once. */
MUST_CHECK int call_reserve_id(struct drive *d, char ret[DRIVE_ID_MAX + 1]);
#endif
