/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/range.h"
#include "drive/url.h"

#include <inttypes.h>
#include <string.h>

/* A revision can be asked for by its id (revisions.get), and then bytes of two revisions cannot
 * mix; that needs the right to read revisions, which a reader of the file lacks. Without it the
 * head is read (files.get), which nothing pins: no precondition is honoured on downloads. Then the
 * bytes count only when the head is still the same after them. */
enum { REFUSED = 1, IGNORED = 2 };
enum { SKIP_MAX = 1 << 20 };	/* of an answer that begins at 0 although it should not */
struct remote {
	struct source source;
	struct drive *d;
	struct drive_file file;
	bool head;		/* atomic: read the head, for the rest of our life */
	bool endless;		/* atomic: answers came that do not tell their length */
};

/* One stream on its way; it survives the requests that carry it. */
struct stream {
	struct remote *r;
	source_sink *sink;
	void *ctx;
	uint64_t pos, end;	/* what is still wanted */
	uint64_t at;		/* position in the file of the next byte of this answer */
	bool checked;		/* this answer's head */
	bool endless;		/* this answer is all of the file, and only its end tells whether it is */
	unsigned answers;	/* that gave bytes */
	bool head;		/* read by files.get */
	bool ignored;		/* revisions.get does not heed ranges */
};

static int stale(const struct stream *s, uint64_t size)
{
	const struct drive_file *f = &s->r->file;
	return err_set(-ESTALE, "\"%s\" was replaced in Drive: it had %" PRIu64 " bytes and has %" PRIu64, f->name,
		       f->size, size);
}

/* 206: the range asked for, of a file of the known size. */
static int check_partial(struct stream *s, const struct http_response *p)
{
	struct range_content c;
	if (!range_content(p->content_range, &c) || !c.whole)
		return err_set(-EBADMSG, "download \"%s\": 206 without a usable Content-Range", s->r->file.name);
	if (c.total != s->r->file.size)
		return stale(s, c.total);
	if (c.first != s->pos || c.last >= s->end)
		return err_set(-EBADMSG, "download \"%s\": another range than was asked for", s->r->file.name);
	s->at = c.first;
	return 0;
}

/* Drive may answer a Range with 200 and all of the file: the bytes before `pos` are skipped. */
static int check_answer(struct stream *s, const struct http_response *p)
{
	uint8_t md5[DRIVE_DIGEST_MD5];
	const struct drive_file *f = &s->r->file;
	if (p->encoding && strcmp(p->encoding, "identity") != 0)
		return err_set(-EBADMSG, "download \"%s\": encoded as %.20s", f->name, p->encoding);
	if (f->has_md5 && range_goog_md5(p->goog_hash, md5) && memcmp(md5, f->md5, sizeof md5) != 0)
		return err_set(-ESTALE, "\"%s\" was replaced in Drive: its checksum changed", f->name);
	if (p->status == 206)
		return check_partial(s, p);
	if (p->status != 200)
		return err_set(-EBADMSG, "download \"%s\": HTTP %d", f->name, p->status);
	if (p->length >= 0 && (uint64_t)p->length != f->size)
		return stale(s, (uint64_t)p->length);
	s->at = 0;
	s->endless = p->length < 0;
	if (s->endless)
		__atomic_store_n(&s->r->endless, true, __ATOMIC_RELAXED);
	return 0;
}

/* Anything can have come instead of the file, a proxy's page for example. */
static int other_length(const struct stream *s)
{
	const struct drive_file *f = &s->r->file;
	return err_set(-EBADMSG, "download \"%s\": %s %" PRIu64 " bytes came, of a file of %" PRIu64, f->name,
		       s->at > f->size ? "more than" : "only", s->at > f->size ? f->size : s->at, f->size);
}

static int on_bytes(void *ctx, const struct http_response *p, const void *data, size_t n)
{
	struct stream *s = ctx;
	if (!s->checked) {
		int r = check_answer(s, p);
		if (r < 0)
			return r;
		s->checked = true;
		s->answers++;
		/* Once for each block this would be a download of all before it: the head can do better. */
		s->ignored = !s->head && p->status == 200 && s->pos >= SKIP_MAX;
		if (s->ignored)
			return HTTP_ENOUGH;
	}
	uint64_t skip = s->pos > s->at ? s->pos - s->at : 0;
	s->at += n;
	if (s->endless && s->at > s->r->file.size)
		return other_length(s);
	if (skip >= n)
		return 0;
	size_t take = n - (size_t)skip;
	if (take > s->end - s->pos)
		take = (size_t)(s->end - s->pos);
	int r = take ? s->sink(s->ctx, (const char *)data + skip, take) : 0;
	if (r)
		return r < 0 ? r : -EIO;
	s->pos += take;
	return s->pos == s->end && n - skip > take && !s->endless ? HTTP_ENOUGH : 0;
}

/* The last byte may be behind the size in the meantime: then the file was replaced. */
static int judge_416(struct stream *s, const struct call *c, int r)
{
	struct range_content range;
	if (c->error.status != 416)
		return r;
	if (range_content(c->resp.content_range, &range) && range.total != s->r->file.size)
		return stale(s, range.total);
	return err_set(-EBADMSG, "%s", err_last());
}

/* One answer, or a part of one. */
static int fetch_range(struct stream *s, struct call *c)
{
	CLEANUP_BUF struct buf range = BUF_INIT(100);
	buf_printf(&range, "Range: bytes=%" PRIu64 "-%" PRIu64, s->pos, s->end - 1);
	if (range.failed)
		return err_nomem("a download");
	c->req.header[0] = range.data;
	c->req.trace_note = range.data + strlen("Range: ");
	s->checked = s->endless = false;
	uint64_t before = s->pos;
	int r = call_once(c);
	c->req.header[0] = c->req.trace_note = NULL;
	if (s->pos - before >= HTTP_TRICKLE)
		call_progress(c);
	if (r == 0 && c->resp.status >= 300)
		return err_set(-EBADMSG, "download \"%s\": HTTP %d is for uploads", s->r->file.name, c->resp.status);
	if (r == 0 && s->ignored)
		return IGNORED;
	if (r == 0 && s->endless && s->at != s->r->file.size)
		return other_length(s);
	if (r < 0)
		r = call_retry(c);
	return r < 0 ? judge_416(s, c, r) : 0;
}

static bool reads_head(const struct remote *r) { return __atomic_load_n(&r->head, __ATOMIC_RELAXED); }

/* Drive's own "no", not that of a sink, of the credentials or of a quota. */
static bool is_refusal(const struct call *c, int err)
{
	return (c->error.status == 403 && err == -EACCES) || (c->error.status == 404 && err == -ENOENT);
}

static int run_stream(struct stream *s, bool head)
{
	CLEANUP_CALL struct call c;
	s->head = head;
	s->ignored = false;
	call_init(&c, s->r->d, "GET", "/drive/v3/files/", "download", s->r->file.name);
	c.key_of[0] = s->r->file.id;
	buf_str(&c.url, s->r->file.id);
	if (!head)
		buf_printf(&c.url, "/revisions/%s", s->r->file.revision);
	buf_str(&c.url, head ? "?alt=media&supportsAllDrives=true" : "?alt=media");
	if (s->r->d->acknowledge_abuse)
		buf_str(&c.url, "&acknowledgeAbuse=true");
	c.req.lane = HTTP_BULK;
	c.req.sink = on_bytes;
	c.req.sink_ctx = s;
	c.req.follow = true;
	c.req.stall_ms = call_stall_ms(&c);
	for (unsigned empty = 0; s->pos < s->end;) {
		uint64_t before = s->pos;
		int r = fetch_range(s, &c);
		if (r == IGNORED)
			return r;
		if (r < 0)
			return !head && is_refusal(&c, r) ? REFUSED : r;
		if (s->pos == before && c.resp.end == HTTP_DONE && c.resp.status < 300 && ++empty == 3)
			return err_set(-EBADMSG, "download \"%s\": answers without bytes", s->r->file.name);
	}
	return 0;
}

/* The revision was refused, or is given from its beginning only. While it is the head, the head will do; once that has worked, other
 * downloads by this identity begin with the head. */
static int stream_head_instead(struct stream *s)
{
	int r = drive_verify_head(s->r->d, &s->r->file);
	if (r < 0)
		return r;
	__atomic_store_n(&s->r->head, true, __ATOMIC_RELAXED);
	r = run_stream(s, true);
	if (r < 0)
		return r;
	__atomic_store_n(&s->r->d->heads_only, true, __ATOMIC_RELAXED);
	return drive_verify_head(s->r->d, &s->r->file);
}

/* What has come was the revision's, and what would come might not be. */
static int refused_half_way(struct stream *s)
{
	return err_set(-ESTALE, "\"%s\": its revision is not given out any more", s->r->file.name);
}

static int remote_stream(struct source *src, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	struct stream s = { .r = (struct remote *)src, .sink = sink, .ctx = ctx, .pos = off, .end = off + n };
	if (!n)
		return 0;
	bool head = reads_head(s.r);
	int r = run_stream(&s, head);
	if (r == IGNORED)
		return stream_head_instead(&s);
	if (r == REFUSED)
		return s.pos == off ? stream_head_instead(&s) : refused_half_way(&s);
	return r == 0 && head ? drive_verify_head(s.r->d, &s.r->file) : r;
}

static int on_copy(void *ctx, const void *data, size_t n)
{
	char **to = ctx;
	memcpy(*to, data, n);
	*to += n;
	return 0;
}

static ssize_t remote_pread(struct source *src, void *buf, size_t n, uint64_t off)
{
	char *to = buf;
	int r = remote_stream(src, off, n, on_copy, &to);
	return r < 0 ? r : (ssize_t)n;
}

static bool remote_spare(struct source *src) { return call_spare(((struct remote *)src)->d); }

static bool remote_tentative(struct source *src)
{
	struct remote *r = (struct remote *)src;
	return reads_head(r) || __atomic_load_n(&r->endless, __ATOMIC_RELAXED);
}

static void remote_free(struct source *src)
{
	struct remote *r = (struct remote *)src;
	drive_file_done(&r->file);
	free(r);
}

int drive_source(struct drive *d, const struct drive_file *f, struct source **ret)
{
	static const struct source_ops ops = {
		.pread = remote_pread, .stream = remote_stream, .tentative = remote_tentative,
		.spare = remote_spare, .free = remote_free,
	};
	int e = call_check_id("download", f->id);
	if (e < 0)
		return e;
	if (!f->blob)
		return err_set(-EACCES, "\"%s\" has no bytes to download", f->name ? f->name : f->id);
	struct remote *r = calloc(1, sizeof *r);
	char *name = strdup(f->name ? f->name : f->id);
	if (!r || !name) {
		free(r);
		free(name);
		return err_nomem("a download");
	}
	r->d = d;
	r->head = !url_id_ok(f->revision) || __atomic_load_n(&d->heads_only, __ATOMIC_RELAXED);
	r->file = *f;
	r->file.name = name;
	r->file.mime = r->file.description = NULL;
	source_init(&r->source, &ops, f->size);
	*ret = &r->source;
	return 0;
}
