/* SPDX-License-Identifier: MIT */
/* An upload is a small machine of steps, since each answer may be lost and each question has
 * more than one answer:
 *
 *   START  open a session, or send a small file whole          -> SEND, DONE, LOOK
 *   SEND   the next part                                       -> SEND, ASK, DONE, LOOK, START
 *   ASK    how much does the session hold? (after any doubt)   -> SEND, DONE, LOOK, START
 *   LOOK   is the file in Drive what we sent?                  -> DONE, START
 *
 * A part is sent only when all before it are acknowledged, so Drive cannot publish (which it does
 * at the last byte) before we know that it has the rest. A new file has a reserved id, so that
 * whatever is sent twice is still one file. */
#include "drive/checksum.h"
#include "drive/files.h"
#include "drive/json.h"
#include "drive/md5.h"
#include "drive/range.h"
#include "drive/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BYTES_TYPE "application/octet-stream"
#define QUERY "&supportsAllDrives=true&prettyPrint=false&fields=" JSON_FILE_FIELDS
enum {
	PART = 32 << 20,	/* a multiple of 256 KiB, as every part but the last must be */
	SMALL = 1 << 20,	/* up to this one request does it all: repeating it is cheap */
	STARTS_MAX = 8,
	SESSION_URI_MAX = 8192,
};

enum step { START, SEND, ASK, LOOK, DONE };

struct upload {
	struct call call;
	struct drive *d;
	const struct drive_put *put;
	char id[DRIVE_ID_MAX + 1];	/* "": none reserved yet */
	bool create;			/* the id does not exist yet, as far as we know */
	uint64_t size;
	struct md5 *md5;
	uint64_t hashed;		/* bytes [0, hashed) have been sent and are in `md5` */
	char *session;			/* a secret: who has it may write */
	uint64_t acked, best;		/* of this session; `best` never falls */
	unsigned starts, mismatches, refused;
	struct drive_file file;		/* Drive's answer, when DONE */
};

static const char *title(const struct drive_put *p) { return p->name ? p->name : p->id; }

/* ---- what leaves */
static int on_sent(void *ctx, uint64_t off, const void *data, size_t n)
{
	struct upload *u = ctx;
	if (off > u->hashed || off + n <= u->hashed)
		return off > u->hashed ? err_set(-EIO, "upload: a gap in what is sent") : 0;
	size_t known = (size_t)(u->hashed - off); /* sent before, and acknowledged only in part */
	int r = md5_add(u->md5, (const char *)data + known, n - known);
	if (r == 0)
		u->hashed = off + n;
	return r;
}

static void set_bytes(struct upload *u, uint64_t off, uint64_t n)
{
	struct http_request *q = &u->call.req;
	q->lane = HTTP_BULK;
	q->has_body = true;
	q->source = u->put->body;
	q->body_off = off;
	q->body_n = n;
	q->sent = on_sent;
	q->sent_ctx = u;
	q->stall_ms = call_stall_ms(&u->call);
}

/* The metadata that go with the bytes. */
static void add_metadata(const struct upload *u, struct buf *b)
{
	const struct drive_put *p = u->put;
	if (u->create) {
		files_new_json(b, &(struct files_new){ u->id, p->parent, p->name, BYTES_TYPE, p->description, p->mtime_ms });
		return;
	}
	buf_byte(b, '{');
	if (p->description) {
		buf_str(b, "\"description\":");
		buf_json(b, p->description);
	}
	if (p->mtime_ms != -1) {
		buf_printf(b, "%s\"modifiedTime\":", p->description ? "," : "");
		json_time(b, p->mtime_ms);
	}
	buf_byte(b, '}');
}

static void set_target(struct upload *u, const char *type)
{
	struct call *c = &u->call;
	call_again(c, u->create ? "POST" : "PATCH", "/upload/drive/v3/files");
	buf_printf(&c->url, "%s%s?uploadType=%s" QUERY, u->create ? "" : "/", u->create ? "" : u->id, type);
}

/* ---- what comes back */
static bool same_bytes(const struct upload *u, const struct drive_file *f)
{
	uint8_t md5[DRIVE_DIGEST_MD5];
	return u->hashed == u->size && f->blob && f->size == u->size && f->has_md5 && !md5_value(u->md5, md5) &&
	       !memcmp(md5, f->md5, sizeof md5);
}

/* What the answer does not say of the bytes is found out: never are they sent again for that. */
static int learn_sum(struct upload *u, struct drive_file *f)
{
	uint8_t md5[DRIVE_DIGEST_MD5];
	if (f->has_md5 || !f->blob || f->size != u->size || u->hashed != u->size)
		return 0;
	int r = md5_value(u->md5, md5);
	if (r == 0)
		r = checksum_settle(u->d, f, u->put->body, md5);
	return r < 0 ? r : 0;
}

/* From the beginning: at once for the first time, then with growing pauses. The reason is
 * recorded. */
static int fresh_start(struct upload *u, enum step *next)
{
	*next = START;
	if (++u->starts > STARTS_MAX)
		return err_set(-EIO, "upload \"%s\": begun %d times without success (%s)", title(u->put), STARTS_MAX,
			       err_last());
	if (u->starts == 1)
		return 0;
	u->call.error = (struct drive_error){ .status = 404, .cls = ERROR_UNCLEAR, .err = -ETIMEDOUT, .retry_after_ms = -1 };
	return call_retry(&u->call);
}

/* Drive holds a file now. Other bytes than ours: once more from the beginning, into the same id. */
static int compare(struct upload *u, struct drive_file *f, enum step *next)
{
	int r = learn_sum(u, f);
	if (r < 0)
		return r;
	if (same_bytes(u, f)) {
		drive_file_done(&u->file);
		u->file = *f;
		memset(f, 0, sizeof *f);
		*next = DONE;
		return 0;
	}
	u->create = false;
	u->hashed = 0;
	r = md5_reset(u->md5);
	if (r < 0)
		return r;
	err_set(-EIO, "upload \"%s\": Drive stored other bytes than were sent: the checksums differ", title(u->put));
	return ++u->mismatches > 1 ? -EIO : fresh_start(u, next);
}

static int take_file(struct upload *u, enum step *next)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	int r = call_file(&u->call, &f);
	if (r == -EBADMSG) {
		*next = LOOK; /* it is there, only the answer is damaged */
		return 0;
	}
	return r < 0 ? r : compare(u, &f, next);
}

/* Failed, and no step has a better idea: waits, or ends it. */
static int retry_step(struct upload *u, enum step step, enum step *next)
{
	*next = step;
	return call_retry(&u->call);
}

/* ---- START */
static int small_failed(struct upload *u, enum step *next)
{
	struct call *c = &u->call;
	if (c->error.cls == ERROR_TAKEN && u->create) {
		*next = LOOK;
		return 0;
	}
	bool doubt = c->error.cls == ERROR_UNCLEAR && u->hashed == u->size;
	return retry_step(u, doubt ? LOOK : START, next);
}

/* multipart/related (RFC 2387): metadata and bytes in one request. */
static int send_small(struct upload *u, enum step *next)
{
	CLEANUP_BUF struct buf head = BUF_INIT(1 << 20), type = BUF_INIT(100), tail = BUF_INIT(100);
	struct call *c = &u->call;
	char boundary[33];
	files_boundary(boundary);
	set_target(u, "multipart");
	buf_printf(&type, "multipart/related; boundary=%s", boundary);
	buf_printf(&head, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n", boundary);
	add_metadata(u, &head);
	buf_printf(&head, "\r\n--%s\r\nContent-Type: " BYTES_TYPE "\r\n\r\n", boundary);
	buf_printf(&tail, "\r\n--%s--\r\n", boundary);
	int r = buf_check(&head, "upload");
	if (r == 0)
		r = buf_check(&type, "upload");
	if (r == 0)
		r = buf_check(&tail, "upload");
	if (r < 0)
		return r;
	set_bytes(u, 0, u->size);
	c->req.content_type = type.data;
	c->req.head = head.data;
	c->req.head_n = head.len;
	c->req.tail = tail.data;
	c->req.tail_n = tail.len;
	int64_t began = now_ms();
	r = call_once(c);
	call_moved(c, began);
	return r < 0 ? small_failed(u, next) : take_file(u, next);
}

/* Nothing to send: the metadata alone make an empty file. */
static int make_empty(struct upload *u, enum step *next)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	const struct drive_put *p = u->put;
	struct files_new n = { u->id, p->parent, p->name, BYTES_TYPE, p->description, p->mtime_ms };
	int r = files_make(u->d, &n, "create", &f);
	if (r == -EEXIST || r == -EBADMSG) {
		*next = LOOK;
		return 0;
	}
	return r < 0 ? r : compare(u, &f, next);
}

/* The session's URI comes from the server: no token and no byte goes to a stranger. */
static int take_session(struct upload *u)
{
	const char *uri = u->call.resp.location;
	struct url_origin o;
	free(u->session);
	u->session = NULL;
	if (!uri || strlen(uri) > SESSION_URI_MAX || url_origin(uri, &o))
		return err_set(-EBADMSG, "upload \"%s\": Drive gave no usable session", title(u->put));
	if (!url_same_origin(uri, u->d->root) && !url_is_google(uri))
		return err_set(-EBADMSG, "upload \"%s\": a session at \"%s\", which is not Drive: refused", title(u->put),
			       o.host);
	u->session = strdup(uri);
	u->acked = u->best = 0;
	return u->session ? 0 : err_nomem("an upload");
}

static int start_session(struct upload *u, enum step *next)
{
	CLEANUP_BUF struct buf body = BUF_INIT(1 << 20), length = BUF_INIT(64);
	struct call *c = &u->call;
	set_target(u, "resumable");
	add_metadata(u, &body);
	buf_printf(&length, "X-Upload-Content-Length: %" PRIu64, u->size);
	int r = buf_check(&body, "upload");
	if (r == 0)
		r = buf_check(&length, "upload");
	if (r < 0)
		return r;
	call_json(c, &body);
	c->req.header[0] = "X-Upload-Content-Type: " BYTES_TYPE;
	c->req.header[1] = length.data;
	c->req.end_at_ms = c->start_ms + c->deadline_ms;
	c->req.stall_ms = call_stall_ms(c);
	r = call_once(c);
	if (r == 0) {
		*next = SEND;
		return take_session(u);
	}
	if (c->error.cls != ERROR_TAKEN || !u->create)
		return retry_step(u, START, next);
	*next = LOOK;
	return 0;
}

/* The id that the file will have: the caller's as long as it is not taken. */
static int choose_id(struct upload *u)
{
	const char *given = u->put->reserved;
	if (!given)
		return call_reserve_id(u->d, u->id);
	int r = call_check_id("upload", given);
	if (r == 0)
		snprintf(u->id, sizeof u->id, "%s", given);
	return r;
}

static int step_start(struct upload *u, enum step *next)
{
	if (!u->id[0]) {
		int r = choose_id(u);
		if (r < 0)
			return r;
	}
	if (!u->size && u->create)
		return make_empty(u, next);
	return u->size <= SMALL ? send_small(u, next) : start_session(u, next);
}

/* ---- SEND and ASK */
/* Not there any more, or beyond repair: what was sent may have been the whole file even so. */
static int session_lost(struct upload *u, enum step *next)
{
	int r = fresh_start(u, next);
	if (u->hashed == u->size)
		*next = LOOK;
	return r;
}

/* 308: *next is SEND. Whether it brought the session on, in *moved. */
static int take_stored(struct upload *u, enum step *next, bool *moved)
{
	uint64_t stored;
	*next = SEND;
	*moved = false;
	if (!range_stored(u->call.resp.range, &stored) || stored > u->hashed) {
		err_set(-EBADMSG, "upload \"%s\": Drive claims bytes that were not sent", title(u->put));
		return fresh_start(u, next);
	}
	u->acked = stored;
	u->refused = stored > u->best ? 0 : u->refused;
	if (stored <= u->best)
		return 0;
	*moved = true;
	u->best = stored;
	call_progress(&u->call);
	if (u->put->progress)
		u->put->progress(u->put->progress_ctx, stored);
	return 0;
}

/* The session stands still: no error was told, but it must not be asked without pause. */
static int stand_still(struct upload *u, enum step step, enum step *next)
{
	struct drive_error *e = &u->call.error;
	*e = (struct drive_error){ .status = 308, .cls = ERROR_UNCLEAR, .err = -ETIMEDOUT, .retry_after_ms = -1 };
	err_set(-ETIMEDOUT, "upload \"%s\": Drive stores nothing of what is sent", title(u->put));
	return retry_step(u, step, next);
}

static int session_failed(struct upload *u, int r, enum step *next)
{
	struct call *c = &u->call;
	if (c->error.cls == ERROR_GONE || c->error.status == 400)
		return session_lost(u, next);
	if (c->error.cls != ERROR_AUTH)
		return retry_step(u, ASK, next);
	*next = ASK; /* a new token, the same session */
	return ++u->refused > 1 ? r : 0;
}

static int step_send(struct upload *u, enum step *next)
{
	uint64_t n = u->size - u->acked < PART ? u->size - u->acked : PART;
	if (!n)
		return stand_still(u, ASK, next);
	CLEANUP_BUF struct buf range = BUF_INIT(128);
	struct call *c = &u->call;
	call_again(c, "PUT", NULL);
	buf_str(&c->url, u->session);
	buf_printf(&range, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, u->acked, u->acked + n - 1, u->size);
	int r = buf_check(&range, "upload");
	if (r < 0)
		return r;
	set_bytes(u, u->acked, n);
	c->req.header[0] = range.data;
	c->req.trace_note = range.data + strlen("Content-Range: ");
	c->keep_refused = true;
	int64_t began = now_ms();
	r = call_once(c);
	call_moved(c, began);
	if (r < 0)
		return session_failed(u, r, next);
	if (c->resp.status != 308)
		return take_file(u, next);
	bool moved;
	r = take_stored(u, next, &moved);
	return r == 0 && *next == SEND && !moved ? stand_still(u, SEND, next) : r;
}

static int step_ask(struct upload *u, enum step *next)
{
	CLEANUP_BUF struct buf range = BUF_INIT(64);
	struct call *c = &u->call;
	call_again(c, "PUT", NULL);
	buf_str(&c->url, u->session);
	buf_printf(&range, "Content-Range: bytes */%" PRIu64, u->size);
	int r = buf_check(&range, "upload");
	if (r < 0)
		return r;
	c->req.has_body = true; /* of no bytes: with the Content-Length that the server insists on */
	c->req.header[0] = range.data;
	c->req.trace_note = range.data + strlen("Content-Range: ");
	c->req.end_at_ms = c->start_ms + c->deadline_ms;
	c->req.stall_ms = call_stall_ms(c);
	r = call_once(c);
	if (r < 0)
		return session_failed(u, r, next);
	bool moved;
	return c->resp.status == 308 ? take_stored(u, next, &moved) : take_file(u, next);
}

/* ---- LOOK */
/* An update shows in the metadata that went with it, too: the bytes may have been equal before. */
static bool landed(const struct upload *u, const struct drive_file *f)
{
	const struct drive_put *p = u->put;
	if (!same_bytes(u, f))
		return false;
	if (u->create)
		return !f->trashed;
	const char *text = f->description ? f->description : "";
	return (p->mtime_ms == -1 || p->mtime_ms == f->mtime_ms) && (!p->description || !strcmp(p->description, text));
}

static int step_look(struct upload *u, enum step *next)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	int r = drive_get(u->d, u->id, &f);
	if (r == -ENOENT && u->create)
		return fresh_start(u, next); /* the same id: it never came to be */
	if (r == 0)
		r = learn_sum(u, &f);
	if (r < 0)
		return r;
	if (landed(u, &f))
		return compare(u, &f, next);
	if (!u->create)
		return fresh_start(u, next);
	if (u->hashed == u->size)
		return compare(u, &f, next); /* ours, damaged */
	if (u->put->reserved) { /* nobody but this file has it: an earlier upload of it came through */
		u->create = false;
		return fresh_start(u, next);
	}
	u->id[0] = 0; /* we never sent it all: the id is somebody else's */
	err_set(-EEXIST, "upload \"%s\": the reserved id is taken", title(u->put));
	return fresh_start(u, next);
}

/* ---- the machine */
static int run_steps(struct upload *u)
{
	static int (*const steps[])(struct upload *, enum step *) = {
		[START] = step_start, [SEND] = step_send, [ASK] = step_ask, [LOOK] = step_look,
	};
	for (enum step at = START; at != DONE;) {
		enum step next = at;
		int r = cancelled() ? err_set(-EINTR, "cancelled") : steps[at](u, &next);
		if (r < 0)
			return r;
		at = next;
	}
	if (u->put->progress)
		u->put->progress(u->put->progress_ctx, u->size);
	return 0;
}

static int check(const struct drive_put *put)
{
	if (put->id)
		return call_check_id("upload", put->id);
	if (!put->parent || !put->name)
		return err_set(-EINVAL, "upload: a new file needs a parent and a name");
	return call_check_id("upload", put->parent);
}

int drive_upload(struct drive *d, const struct drive_put *put, struct drive_file *ret)
{
	struct upload u = { .d = d, .put = put, .create = !put->id, .size = put->body->size };
	int r = check(put);
	if (r < 0)
		return r;
	if (put->id)
		memcpy(u.id, put->id, strlen(put->id) + 1);
	r = md5_open(&u.md5);
	if (r < 0)
		return r;
	call_init(&u.call, d, "POST", NULL, put->id ? "upload" : "create", title(put));
	u.call.key_of[0] = put->id ? put->id : put->parent;
	u.call.upload = true;
	if (put->deadline_ms > 0)
		u.call.deadline_ms = put->deadline_ms;
	r = run_steps(&u);
	if (r == 0) {
		*ret = u.file;
		memset(&u.file, 0, sizeof u.file);
	}
	drive_file_done(&u.file);
	md5_close(u.md5);
	free(u.session);
	call_done(&u.call);
	return r;
}
