/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_drive.h"

#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

enum { FILES_MAX = 64, REVISIONS_MAX = 32, HOOKS_MAX = 16, NAME_MAX_BYTES = 256, RESERVED_MAX = 32 };

struct fake_file {
	char id[DRIVE_ID_MAX + 1], parent[DRIVE_ID_MAX + 1], name[NAME_MAX_BYTES], mime[64], why[256];
	char target[DRIVE_ID_MAX + 1];	/* of a shortcut */
	bool folder, trashed, lags, said, said_removed;
	uint64_t version;
	int64_t mtime_ms;
	int refused;
	unsigned calls[FAKE_CALLS];
	size_t revisions;	/* the last is the head */
	struct { char *data; size_t n; } rev[REVISIONS_MAX];
};
struct fake_hook { enum fake_call call; char id[DRIVE_ID_MAX + 1]; int (*run)(void *ctx); void *ctx; };

struct drive {
	struct lock lock;	/* RANK_AUTH, as what the real one takes */
	struct fake_file files[FILES_MAX];
	size_t count;
	uint64_t version;
	unsigned made;
	bool heads_only;
	unsigned looks;		/* at the change feed */
	pthread_cond_t looked;
	unsigned calls[FAKE_CALLS];	/* also about ids that it does not have (yet) */
	struct fake_hook hooks[HOOKS_MAX];
	size_t hook_count;
};

static struct drive *fake_only;	/* one process for a test, and one Drive */

struct drive *fake_drive_new(void)
{
	struct drive *d = calloc(1, sizeof *d);
	CHECK(d != NULL);
	lock_init(&d->lock, RANK_AUTH);
	cond_init(&d->looked);
	fake_only = d;
	return d;
}

struct drive *drive_close(struct drive *d)
{
	for (size_t i = 0; d && i < d->count; i++)
		for (size_t k = 0; k < d->files[i].revisions; k++)
			free(d->files[i].rev[k].data);
	free(d);
	return NULL;
}

static struct fake_file *fake_find(struct drive *d, const char *id)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->files[i].id, id) == 0)
			return &d->files[i];
	return NULL;
}

static struct fake_file *fake_need(struct drive *d, const char *id)
{
	struct fake_file *f = fake_find(d, id);
	if (!f) {
		fprintf(stderr, "the fake Drive has no %s\n", id);
		abort();
	}
	return f;
}

static struct fake_file *fake_add(struct drive *d, const char *id, const char *parent, const char *name, bool folder)
{
	CHECK(d->count < FILES_MAX);
	struct fake_file *f = &d->files[d->count++];
	*f = (struct fake_file){ .folder = folder, .version = ++d->version, .mtime_ms = 1700000000000 };
	snprintf(f->id, sizeof f->id, "%s", id);
	snprintf(f->parent, sizeof f->parent, "%s", parent);
	snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

static void fake_add_revision(struct drive *d, struct fake_file *f, const void *data, size_t n)
{
	CHECK(f->revisions < REVISIONS_MAX);
	char *copy = malloc(n + 1);
	CHECK(copy != NULL);
	memcpy(copy, data, n);
	f->rev[f->revisions].data = copy;
	f->rev[f->revisions++].n = n;
	f->version = ++d->version;
}

void fake_drive_folder(struct drive *d, const char *id, const char *parent, const char *name)
{
	lock_acquire(&d->lock);
	fake_add(d, id, parent, name, true);
	lock_release(&d->lock);
}

void fake_drive_file(struct drive *d, const char *id, const char *parent, const char *name, const void *data, size_t n)
{
	lock_acquire(&d->lock);
	fake_add_revision(d, fake_add(d, id, parent, name, false), data, n);
	lock_release(&d->lock);
}

void fake_drive_shortcut(struct drive *d, const char *id, const char *parent, const char *name, const char *target)
{
	lock_acquire(&d->lock);
	struct fake_file *f = fake_add(d, id, parent, name, false);
	snprintf(f->target, sizeof f->target, "%s", target);
	lock_release(&d->lock);
}

void fake_drive_replace(struct drive *d, const char *id, const void *data, size_t n)
{
	lock_acquire(&d->lock);
	fake_add_revision(d, fake_need(d, id), data, n);
	lock_release(&d->lock);
}

void fake_drive_trash(struct drive *d, const char *id, bool trashed)
{
	lock_acquire(&d->lock);
	struct fake_file *f = fake_need(d, id);
	f->trashed = trashed;
	f->version = ++d->version;
	lock_release(&d->lock);
}

void fake_drive_move(struct drive *d, const char *id, const char *parent, const char *name)
{
	lock_acquire(&d->lock);
	struct fake_file *f = fake_need(d, id);
	snprintf(f->parent, sizeof f->parent, "%s", parent);
	snprintf(f->name, sizeof f->name, "%s", name);
	f->version = ++d->version;
	lock_release(&d->lock);
}

void fake_drive_lag(struct drive *d, const char *id, bool lags)
{
	lock_acquire(&d->lock);
	fake_need(d, id)->lags = lags;
	lock_release(&d->lock);
}

void fake_drive_say(struct drive *d, const char *id, bool removed)
{
	lock_acquire(&d->lock);
	fake_need(d, id)->said = true;
	fake_need(d, id)->said_removed = removed;
	lock_release(&d->lock);
}

void fake_drive_mime(struct drive *d, const char *id, const char *mime)
{
	lock_acquire(&d->lock);
	snprintf(fake_need(d, id)->mime, sizeof d->files[0].mime, "%s", mime);
	lock_release(&d->lock);
}

void fake_drive_heads_only(struct drive *d)
{
	lock_acquire(&d->lock);
	d->heads_only = true;
	lock_release(&d->lock);
}

void fake_drive_refuse(struct drive *d, const char *id, int err, const char *why)
{
	lock_acquire(&d->lock);
	struct fake_file *f = fake_need(d, id);
	f->refused = err;
	snprintf(f->why, sizeof f->why, "%s", why ? why : "");
	lock_release(&d->lock);
}

void fake_drive_before(struct drive *d, enum fake_call call, const char *id, int (*run)(void *ctx), void *ctx)
{
	lock_acquire(&d->lock);
	CHECK(d->hook_count < HOOKS_MAX);
	struct fake_hook *h = &d->hooks[d->hook_count++];
	*h = (struct fake_hook){ .call = call, .run = run, .ctx = ctx };
	snprintf(h->id, sizeof h->id, "%s", id ? id : "");
	lock_release(&d->lock);
}

unsigned fake_drive_count(struct drive *d, enum fake_call call, const char *id)
{
	lock_acquire(&d->lock);
	const struct fake_file *f = id ? fake_find(d, id) : NULL;
	unsigned n = f ? f->calls[call] : id ? 0 : d->calls[call];
	lock_release(&d->lock);
	return n;
}

void fake_drive_looks(struct drive *d, unsigned n)
{
	lock_acquire(&d->lock);
	while (d->looks < n)
		(void)lock_wait(&d->lock, &d->looked, -1);
	lock_release(&d->lock);
}

/* A call begins: it is counted, and its hook runs. */
static int fake_begin(struct drive *d, enum fake_call call, const char *id)
{
	struct fake_hook h = { .run = NULL };
	lock_assert_none();
	lock_acquire(&d->lock);
	struct fake_file *f = fake_find(d, id);
	if (f)
		f->calls[call]++;
	d->calls[call]++;
	d->looks += call == FAKE_CHANGES;
	pthread_cond_broadcast(&d->looked);
	for (size_t i = 0; i < d->hook_count && !h.run; i++) {
		struct fake_hook *one = &d->hooks[i];
		if (one->run && one->call == call && (!one->id[0] || strcmp(one->id, id) == 0)) {
			h = *one;
			one->run = NULL;
		}
	}
	lock_release(&d->lock);
	return h.run ? h.run(h.ctx) : 0;
}

static void fake_revision(char to[DRIVE_ID_MAX + 1], const struct fake_file *f, size_t number)
{
	snprintf(to, DRIVE_ID_MAX + 1, "%.100s.%zu", f->id, number);
}

static void fake_tell(const struct fake_file *f, struct drive_file *ret)
{
	*ret = (struct drive_file){ .name = strdup(f->name), .mime = f->mime[0] ? strdup(f->mime) : NULL, .folder = f->folder,
				    .blob = !f->folder && !f->target[0], .version = f->version, .mtime_ms = f->mtime_ms,
				    .created_ms = 1600000000000, .trashed = f->trashed, .can_edit = true };
	memcpy(ret->id, f->id, sizeof ret->id);
	memcpy(ret->parent, f->parent, sizeof ret->parent);
	memcpy(ret->target, f->target, sizeof ret->target);
	if (f->revisions) {
		ret->size = f->rev[f->revisions - 1].n;
		fake_revision(ret->revision, f, f->revisions);
	}
}

/* ---- drive.h */

const char *drive_identity(const struct drive *d) { (void)d; return "test@example.com"; }

void drive_file_done(struct drive_file *f)
{
	free(f->name);
	free(f->description);
	free(f->mime);
	free(f->key);
	free(f->target_key);
	memset(f, 0, sizeof *f);
}

int drive_get(struct drive *d, const char *id, struct drive_file *ret)
{
	int r = fake_begin(d, FAKE_GET, id);
	if (r)
		return r;
	lock_acquire(&d->lock);
	struct fake_file *f = fake_find(d, id);
	if (f)
		fake_tell(f, ret);
	lock_release(&d->lock);
	return !f ? err_set(-ENOENT, "get \"%s\": HTTP 404", id) : ret->name ? 0 : err_nomem("a file");
}

int drive_list(struct drive *d, const char *folder_id, const char *drive_id,
	       int (*each)(void *ctx, struct drive_file *f), void *ctx)
{
	(void)drive_id;
	int r = fake_begin(d, FAKE_LIST, folder_id);
	for (size_t i = 0; !r; i++) {
		struct drive_file one = { 0 };
		lock_acquire(&d->lock);
		bool more = i < d->count, child = more && !d->files[i].trashed && !d->files[i].lags && strcmp(d->files[i].parent, folder_id) == 0;
		if (child)
			fake_tell(&d->files[i], &one);
		lock_release(&d->lock);
		if (!more)
			break;
		if (child && !one.name)
			r = err_nomem("a file");
		else if (child)
			r = fake_begin(d, FAKE_ROW, one.id);
		if (child && !r)
			r = each(ctx, &one);
		drive_file_done(&one);
	}
	return r;
}

int drive_verify_head(struct drive *d, const struct drive_file *f)
{
	char head[DRIVE_ID_MAX + 1] = "";
	int r = fake_begin(d, FAKE_VERIFY, f->id);
	lock_acquire(&d->lock);
	const struct fake_file *now = fake_find(d, f->id);
	if (now)
		fake_revision(head, now, now->revisions);
	lock_release(&d->lock);
	if (r)
		return r;
	return strcmp(head, f->revision) == 0 ? 0 : err_set(-ESTALE, "\"%s\" was replaced in Drive meanwhile", f->id);
}

struct fake_remote { struct source source; struct drive *d; struct drive_file file; };

static ssize_t fake_pread(struct source *src, void *buf, size_t n, uint64_t off)
{
	struct fake_remote *s = (struct fake_remote *)src;
	struct drive *d = s->d;
	int r = cancelled() ? err_set(-EINTR, "cancelled") : fake_begin(d, FAKE_READ, s->file.id);
	if (r)
		return r;
	lock_acquire(&d->lock);
	struct fake_file *f = fake_find(d, s->file.id);
	size_t number = (size_t)strtoul(strrchr(s->file.revision, '.') + 1, NULL, 10);
	if (!f)
		r = err_set(-ENOENT, "download \"%s\": HTTP 404", s->file.id);
	else if (f->refused)
		r = err_set(f->refused, "download \"%s\": %s", f->id, f->why);
	else if (d->heads_only && number != f->revisions)
		r = err_set(-ESTALE, "\"%s\" was replaced in Drive meanwhile", f->id);
	else
		memcpy(buf, f->rev[number - 1].data + off, n);
	lock_release(&d->lock);
	return r ? r : (ssize_t)n;
}

static void fake_free(struct source *src) { free(src); }

int drive_source(struct drive *d, const struct drive_file *f, struct source **ret)
{
	static const struct source_ops fake_ops = { .pread = fake_pread, .free = fake_free };
	struct fake_remote *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("a download");
	s->d = d;
	s->file = *f;
	s->file.name = s->file.mime = s->file.description = NULL;
	source_init(&s->source, &fake_ops, f->size);
	*ret = &s->source;
	return 0;
}

int drive_reserve_id(struct drive *d, char ret[DRIVE_ID_MAX + 1])
{
	lock_acquire(&d->lock);
	snprintf(ret, DRIVE_ID_MAX + 1, "made-%u", ++d->made);
	lock_release(&d->lock);
	return 0;
}

int drive_mkdir(struct drive *d, const char *parent_id, const char *name, struct drive_file *ret)
{
	char id[DRIVE_ID_MAX + 1];
	int r = drive_reserve_id(d, id);
	if (!r)
		fake_drive_folder(d, id, parent_id, name);
	return r ? r : drive_get(d, id, ret);
}

static void fake_apply(struct drive *d, struct fake_file *f, const struct drive_edit *e)
{
	if (e->name)
		snprintf(f->name, sizeof f->name, "%s", e->name);
	if (e->to_parent)
		snprintf(f->parent, sizeof f->parent, "%s", e->to_parent);
	if (e->mtime_ms >= 0)
		f->mtime_ms = e->mtime_ms;
	f->trashed |= e->trash;
	f->version = ++d->version;
}

int drive_edit(struct drive *d, const char *id, const struct drive_edit *e, struct drive_file *ret)
{
	int r = fake_begin(d, FAKE_EDIT, id);
	if (r)
		return r;
	lock_acquire(&d->lock);
	struct fake_file *f = fake_find(d, id);
	if (f)
		fake_apply(d, f, e);
	if (f)
		fake_tell(f, ret);
	lock_release(&d->lock);
	return f ? 0 : err_set(-ENOENT, "edit \"%s\": HTTP 404", id);
}

int drive_upload(struct drive *d, const struct drive_put *put, struct drive_file *ret)
{
	const char *id = put->id ? put->id : put->reserved;
	CLEANUP_FREE char *data = malloc((size_t)put->body->size + 1);
	int r = data ? source_read(put->body, data, (size_t)put->body->size, 0) : err_nomem("an upload");
	if (!r)
		r = fake_begin(d, FAKE_UPLOAD, id);
	if (r)
		return r;
	lock_acquire(&d->lock);
	struct fake_file *f = fake_find(d, id);
	if (!f && !put->id) {
		f = fake_add(d, id, put->parent, put->name, false);
		const struct fake_file *folder = fake_find(d, put->parent);
		f->trashed = folder && folder->trashed; /* as Drive has it: taken, and in the trash with its folder */
	}
	if (f && put->mtime_ms >= 0)
		f->mtime_ms = put->mtime_ms;
	if (f) {
		fake_add_revision(d, f, data, (size_t)put->body->size);
		fake_tell(f, ret);
	}
	lock_release(&d->lock);
	return f ? 0 : err_set(-ENOENT, "upload \"%s\": HTTP 404", id);
}

int drive_holds(const struct drive_file *f, struct source *body, bool *ret)
{
	char data[64] = "";
	struct drive_file file = *f;
	struct source *src;
	*ret = false;
	CHECK(body->size < sizeof data);
	if (f->size != body->size)
		return 0;
	int r = drive_source(fake_only, &file, &src);
	if (!r)
		r = source_read(src, data, (size_t)f->size, 0);
	char own[64];
	if (!r)
		r = source_read(body, own, (size_t)body->size, 0);
	*ret = !r && memcmp(own, data, (size_t)body->size) == 0;
	source_unref(src);
	return r;
}

int drive_changes_start(struct drive *d, const char *drive_id, char **ret)
{
	(void)d, (void)drive_id;
	*ret = strdup("1");
	return *ret ? 0 : err_nomem("a token");
}

int drive_changes(struct drive *d, const char *drive_id, char **token,
		  int (*each)(void *ctx, const char *id, struct drive_file *f), void *ctx)
{
	(void)drive_id, (void)token;
	int r = fake_begin(d, FAKE_CHANGES, "");
	for (size_t i = 0; !r; i++) {
		struct drive_file one = { 0 };
		char id[DRIVE_ID_MAX + 1];
		lock_acquire(&d->lock);
		bool more = i < d->count, said = more && d->files[i].said, removed = said && d->files[i].said_removed;
		if (said) {
			memcpy(id, d->files[i].id, sizeof id);
			d->files[i].said = false;
			fake_tell(&d->files[i], &one);
		}
		lock_release(&d->lock);
		if (!more)
			break;
		if (said && !one.name)
			r = err_nomem("a file");
		else if (said)
			r = each(ctx, id, removed ? NULL : &one);
		drive_file_done(&one);
	}
	return r;
}

int drive_about(struct drive *d, struct drive_about *ret)
{
	(void)d;
	*ret = (struct drive_about){ 0 };
	return 0;
}

void drive_stats(struct drive *d, struct drive_stats *ret)
{
	(void)d;
	*ret = (struct drive_stats){ 0 };
}

void drive_use_key(struct drive *d, const char *id, const char *key) { (void)d, (void)id, (void)key; }

/* ---- what only a real mount and `check` ask: linked, and never called */

static int fake_never(const char *what) { return err_set(-ENOSYS, "the fake Drive has no %s", what); }

int drive_open(const struct drive_config *cfg, struct drive **ret) { (void)cfg, (void)ret; return fake_never("drive_open"); }
int drive_identify(struct drive *d) { (void)d; return fake_never("drive_identify"); }
void drive_credentials(const struct drive *d, struct buf *ret) { (void)d, (void)ret; }
int drive_sign_in(struct drive *d) { (void)d; return fake_never("drive_sign_in"); }
void drive_scopes(struct drive *d, char *ret, size_t n) { (void)d, (void)n; *ret = 0; }
bool drive_skew(struct drive *d, int64_t *ret_s) { (void)d, (void)ret_s; return false; }
int drive_who(struct drive *d, struct drive_who *ret) { (void)d, (void)ret; return fake_never("drive_who"); }

int drive_folder(struct drive *d, const char *id, struct drive_folder *ret)
{
	(void)d, (void)id, (void)ret;
	return fake_never("drive_folder");
}

int drive_shared_name(struct drive *d, const char *drive_id, char **ret)
{
	(void)d, (void)drive_id, (void)ret;
	return fake_never("drive_shared_name");
}

int drive_can_save(const struct drive_folder *folder, const struct drive_who *who)
{
	(void)folder, (void)who;
	return fake_never("drive_can_save");
}
