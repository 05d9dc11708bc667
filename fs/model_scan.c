/* SPDX-License-Identifier: MIT */
#include "fs/model_scan.h"

#include "fs/writing.h"
#include "fs/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_MAX = 64 << 10, KEY_BYTES = 2 * DRIVE_ID_MAX + 2, PART_BYTES = 64, KIND_BYTES_MAX = 16 };

static const char *const part_names[SAVEDMODEL_PARTS] = { "matrix", "strings", "scratch" };

static void main_key(char to[KEY_BYTES], const struct file *f, const struct content *main)
{
	snprintf(to, KEY_BYTES, "%s/%s", f->id, main->revision);
}

/* ---- kind */

/* The first bytes, from the cache where it has the file, else by one small GET: a read through the
 * cache would read ahead. */
static int read_head(struct fs *fs, const struct file *f, const struct content *main, char *head, size_t n)
{
	struct cache_key key = { f->id, main->revision, "" };
	CLEANUP_SOURCE struct source *src = NULL;
	int r = cache_wrap(fs->cache, &key, NULL, &src);
	if (r) {
		struct drive_file origin = { .size = main->size, .blob = true };
		memcpy(origin.id, f->id, sizeof origin.id);
		memcpy(origin.revision, main->revision, sizeof origin.revision);
		r = drive_source(fs->drive, &origin, &src);
	}
	return r ? r : source_read(src, head, n, 0);
}

int model_scan_kind(struct fs *fs, const struct file *f, const struct content *main, enum savedmodel_kind *ret)
{
	char key[KEY_BYTES], head[SAVEDMODEL_SNIFF];
	CLEANUP_BUF struct buf known = BUF_INIT(KIND_BYTES_MAX);
	size_t n = main->size < sizeof head ? (size_t)main->size : sizeof head;
	main_key(key, f, main);
	if (cache_state_get(fs->cache, "kind", key, &known) == 0 && known.len == 2 &&
	    known.data[0] == SAVEDMODEL_VERSION) {
		*ret = (enum savedmodel_kind)known.data[1];
		return 0;
	}
	int r = read_head(fs, f, main, head, n);
	if (r)
		return r;
	*ret = kinds_sniff(head, n, main->size);
	const char value[2] = { SAVEDMODEL_VERSION, (char)*ret };
	if (cache_state_put(fs->cache, "kind", key, value, sizeof value) != 0)
		log_warning("cache", "what kind of file it is cannot be kept: %s", err_last());
	return 0;
}

/* ---- parts */

void model_scan_done(struct model_parts *p)
{
	for (size_t i = 0; i < SAVEDMODEL_PARTS; i++)
		p->part[i] = source_unref(p->part[i]);
}

/* The cache's name of a part of this set. */
static struct cache_key part_key(const struct model_set *set, enum savedmodel_part part, char name[PART_BYTES])
{
	uint64_t hash = sidecar_hash(&set->sidecars);
	if (hash)
		snprintf(name, PART_BYTES, "savedmodel%d.%s.%016" PRIx64, SAVEDMODEL_VERSION, part_names[part], hash);
	else
		snprintf(name, PART_BYTES, "savedmodel%d.%s", SAVEDMODEL_VERSION, part_names[part]);
	return (struct cache_key){ set->file->id, set->main.revision, name };
}

int model_scan_part(struct fs *fs, const struct model_set *set, enum savedmodel_part part, struct source **ret)
{
	char name[PART_BYTES];
	struct cache_key key = part_key(set, part, name);
	return cache_wrap(fs->cache, &key, NULL, ret);
}

/* ---- a source that tells whether it was what failed */

struct witness {
	struct source source;
	struct source *inner;
	bool *failed;
};
struct witness_sink { struct witness *w; source_sink *sink; void *ctx; bool sink_failed; };

static ssize_t witness_pread(struct source *src, void *buf, size_t n, uint64_t off)
{
	struct witness *w = (struct witness *)src;
	ssize_t r = source_pread(w->inner, buf, n, off);
	*w->failed |= r < 0;
	return r;
}

static int witness_hand_on(void *ctx, const void *data, size_t n)
{
	struct witness_sink *s = ctx;
	int r = s->sink(s->ctx, data, n);
	s->sink_failed |= r != 0;
	return r;
}

static int witness_stream(struct source *src, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	struct witness_sink s = { (struct witness *)src, sink, ctx, false };
	int r = source_stream(s.w->inner, off, n, witness_hand_on, &s);
	*s.w->failed |= r && !s.sink_failed;
	return r;
}

static void witness_free(struct source *src)
{
	source_unref(((struct witness *)src)->inner);
	free(src);
}

/* Takes `inner`, on failure too. */
static int witness(struct source *inner, bool *failed, struct source **ret)
{
	static const struct source_ops witness_ops = {
		.pread = witness_pread, .stream = witness_stream, .free = witness_free,
	};
	struct witness *w = malloc(sizeof *w);
	if (!w) {
		source_unref(inner);
		return err_nomem("a file of a model");
	}
	*w = (struct witness){ .inner = inner, .failed = failed };
	source_init(&w->source, &witness_ops, inner->size);
	*ret = &w->source;
	return 0;
}

/* ---- scanning */

struct scan {
	struct fs *fs;
	struct model_set *set;
	bool known;
	bool io;	/* what failed is not what the bytes say */
	struct draft *drafts[SAVEDMODEL_PARTS];
};

static const struct sidecar *known_sidecar(const struct model_set *set, const char *suffix)
{
	for (size_t i = 0; i < set->sidecars.count; i++)
		if (strcmp(set->sidecars.all[i].suffix, suffix) == 0)
			return &set->sidecars.all[i];
	return NULL;
}

static int open_witnessed(struct scan *s, const char *id, const struct content *c, struct source **ret)
{
	struct source *src;
	int r = writing_source(s->fs, id, c, &src);
	s->io |= r != 0;
	return r ? r : witness(src, &s->io, ret);
}

static int open_beside(void *ctx, const char *suffix, struct source **ret)
{
	struct scan *s = ctx;
	struct sidecars *all = &s->set->sidecars;
	const struct sidecar *one = known_sidecar(s->set, suffix);
	if (!one) {
		if (s->known || all->count == SIDECARS_MAX || strlen(suffix) > SIDECAR_SUFFIX_MAX)
			return err_set(-EMEDIUMTYPE, "it names more side-cars than can be served");
		int r = sidecar_find(s->fs, s->set->file, suffix, &all->all[all->count]);
		if (r) {
			s->io = true;
			return r;
		}
		one = &all->all[all->count++];
	}
	return one->id[0] ? open_witnessed(s, one->id, &one->content, ret) : err_set(-ENOENT, "it is not there");
}

static int draft_of(struct scan *s, enum savedmodel_part part, struct draft **ret)
{
	int r = s->drafts[part] ? 0 : draft_create_scratch(s->fs->cache, &s->drafts[part]);
	*ret = s->drafts[part];
	return r;
}

static int write_part(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	struct draft *d;
	int r = draft_of(ctx, part, &d);
	return r ? r : draft_pwrite(d, data, n, off);
}

static int read_part(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	struct draft *d;
	int r = draft_of(ctx, part, &d);
	ssize_t got = r ? r : draft_pread(d, data, n, off);
	if (got >= 0 && (size_t)got != n)
		return err_set(-EIO, "a part of the conversion is short");
	return got < 0 ? (int)got : 0;
}

/* A part of the scan becomes a revision in the cache, which *ret keeps there. */
static int keep_part(struct scan *s, enum savedmodel_part part, struct source **ret)
{
	char name[PART_BYTES];
	struct draft *d = STEAL(s->drafts[part]);
	struct cache_key key = part_key(s->set, part, name);
	if (!d)
		return 0;
	int r = draft_seal(d, ret);
	if (r) {
		draft_discard(d);
		return r;
	}
	r = draft_commit(d, &key);
	if (r)
		*ret = source_unref(*ret);
	return r;
}

static int scan_into(struct scan *s, struct model_parts *ret_parts, struct buf *ret_record)
{
	CLEANUP_SOURCE struct source *src = NULL;
	int r = open_witnessed(s, s->set->file->id, &s->set->main, &src);
	struct savedmodel_input in = { src, open_beside, write_part, read_part, s };
	if (!r)
		r = kinds_scan(&in, s->set->kind, ret_record);
	for (size_t i = 0; i < SAVEDMODEL_SCRATCH && !r; i++)
		r = keep_part(s, (enum savedmodel_part)i, &ret_parts->part[i]);
	for (size_t i = 0; i < SAVEDMODEL_PARTS; i++)
		s->drafts[i] = draft_discard(s->drafts[i]);
	return r;
}

int model_scan_run(struct fs *fs, struct model_set *set, bool known, struct model_parts *ret_parts,
		   struct savedmodel **ret, bool *ret_io)
{
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_MAX);
	struct scan s = { .fs = fs, .set = set, .known = known };
	*ret_parts = (struct model_parts){ 0 };
	if (!known)
		set->sidecars.count = 0;
	int r = scan_into(&s, ret_parts, &record);
	*ret_io = s.io;
	if (!r)
		r = savedmodel_open(record.data, record.len, ret);
	if (!r)
		model_scan_keep(fs, set, &record);
	else
		model_scan_done(ret_parts);
	return r;
}

/* ---- records: "sidecars N", three lines for each of them, then savedmodel's record */

void model_scan_keep(struct fs *fs, const struct model_set *set, const struct buf *record)
{
	char key[KEY_BYTES];
	CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
	main_key(key, set->file, &set->main);
	buf_printf(&b, "sidecars %zu\n", set->sidecars.count);
	for (size_t i = 0; i < set->sidecars.count; i++) {
		const struct sidecar *one = &set->sidecars.all[i];
		buf_printf(&b, "%s\n%s\n%s\n", one->suffix, one->id, one->content.revision);
	}
	buf_add(&b, record->data, record->len);
	int r = buf_check(&b, "a scan's record");
	if (!r)
		r = cache_state_put(fs->cache, "scan", key, b.data, b.len);
	if (r)
		log_warning("cache", "a scan's result cannot be kept: %s", err_last());
}

static char *take_record_line(char **p)
{
	char *line = *p, *nl = line ? strchr(line, '\n') : NULL;
	*p = nl ? nl + 1 : NULL;
	if (nl)
		*nl = 0;
	return nl ? line : NULL;
}

/* Is the record's next side-car the one that is there now? It is added to the set. */
static int same_as_recorded(struct fs *fs, struct model_set *set, char **p, bool *ret)
{
	const char *suffix = take_record_line(p), *id = take_record_line(p), *revision = take_record_line(p);
	struct sidecar *now = &set->sidecars.all[set->sidecars.count];
	*ret = false;
	if (!revision || set->sidecars.count == SIDECARS_MAX)
		return 0;
	int r = sidecar_find(fs, set->file, suffix, now);
	if (r)
		return r;
	set->sidecars.count++;
	*ret = strcmp(now->id, id) == 0 && strcmp(now->content.revision, revision) == 0;
	return 0;
}

/* Are the parts that it needs still in the cache? */
static bool has_parts(struct fs *fs, const struct model_set *set, const struct savedmodel *sm)
{
	const struct savedmodel_file *files;
	for (size_t i = 0, n = savedmodel_files(sm, &files); i < n; i++) {
		char name[PART_BYTES];
		enum savedmodel_where w = files[i].where;
		if (w != SAVEDMODEL_IN_MATRIX && w != SAVEDMODEL_IN_STRINGS)
			continue;
		enum savedmodel_part part = w == SAVEDMODEL_IN_MATRIX ? SAVEDMODEL_MATRIX : SAVEDMODEL_STRINGS;
		struct cache_key key = part_key(set, part, name);
		if (!cache_complete(fs->cache, &key))
			return false;
	}
	return true;
}

int model_scan_recall(struct fs *fs, struct model_set *set, struct savedmodel **ret)
{
	char key[KEY_BYTES];
	CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
	struct savedmodel *sm;
	main_key(key, set->file, &set->main);
	*ret = NULL;
	set->sidecars.count = 0;
	if (cache_state_get(fs->cache, "scan", key, &b) != 0 || !b.len)
		return 0;
	char *p = b.data;
	const char *head = take_record_line(&p);
	if (!head || strncmp(head, "sidecars ", 9) != 0)
		return 0;
	bool same = true;
	for (unsigned long n = strtoul(head + 9, NULL, 10); n && same; n--) {
		int r = same_as_recorded(fs, set, &p, &same);
		if (r)
			return r;
	}
	if (!same || !p || savedmodel_open(p, b.len - (size_t)(p - b.data), &sm) != 0)
		return 0;
	*ret = has_parts(fs, set, sm) ? sm : savedmodel_close(sm);
	return 0;
}
