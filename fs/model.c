/* SPDX-License-Identifier: MIT */
#include "fs/model.h"

#include "fs/namei.h"
#include "fs/shortcut.h"
#include "fs/handle.h"
#include "fs/log.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 200, RECORD_MAX = 64 << 10, KEY_MAX_BYTES = 2 * DRIVE_ID_MAX + 2 };

enum model_state { MODEL_NEW, MODEL_SCANS, MODEL_READY, MODEL_FAILED };
struct model {
	unsigned refs;			/* guarded by fs->model_lock, as all but the constants */
	struct file *file;		/* constant */
	struct content main;		/* constant: the revision that this is about */
	bool kind_known;
	enum savedmodel_kind kind;
	enum model_state state;
	int error;
	uint64_t error_clock;		/* tree.clock then: any news since, of a side-car say, may have mended it */
	char error_text[512];
	struct savedmodel *saved;	/* READY; replaced once, when the CRC is known */
	struct savedmodel *unchecked;	/* the one before, which somebody may still use */
	char sidecar_id[DRIVE_ID_MAX + 1];
	struct content sidecar;
};

static const char *const part_names[SAVEDMODEL_PARTS] = { "savedmodel1.matrix", "savedmodel1.strings", "scratch" };

/* ---- the model of a file's content */

static void unref_locked(struct model *m)
{
	if (--m->refs)
		return;
	savedmodel_close(m->saved);
	savedmodel_close(m->unchecked);
	free(m);
}

struct model *model_unref(struct fs *fs, struct model *m)
{
	if (!m)
		return NULL;
	lock_acquire(&fs->model_lock);
	unref_locked(m);
	lock_release(&fs->model_lock);
	return NULL;
}

/* The entry for content `c`, made if there is none; one reference for the caller. */
static struct model *get(struct fs *fs, struct file *f, const struct content *c)
{
	lock_acquire(&fs->model_lock);
	struct model *m = f->model;
	if (!m || strcmp(m->main.revision, c->revision) != 0) {
		m = calloc(1, sizeof *m);
		if (m) {
			m->refs = 1;
			m->file = f;
			m->main = *c;
			if (f->model)
				unref_locked(f->model);
			f->model = m;
		}
	}
	if (m)
		m->refs++;
	lock_release(&fs->model_lock);
	if (!m)
		(void)err_set(-ENOMEM, "no memory for a model");
	return m;
}

void models_done(struct fs *fs)
{
	lock_acquire(&fs->tree.lock);
	lock_acquire(&fs->model_lock);
	for (size_t i = 0; i < fs->tree.files_count; i++) {
		if (fs->tree.files[i]->model)
			unref_locked(fs->tree.files[i]->model);
		fs->tree.files[i]->model = NULL;
	}
	lock_release(&fs->model_lock);
	lock_release(&fs->tree.lock);
}

/* READY: it changes once more, when the CRC is known, and the one before lives on. */
static struct savedmodel *saved(const struct model *m) { return __atomic_load_n(&m->saved, __ATOMIC_ACQUIRE); }

const struct savedmodel *model_savedmodel(const struct model *m) { return saved(m); }

static void state_key(char to[KEY_MAX_BYTES], const struct model *m)
{
	snprintf(to, KEY_MAX_BYTES, "%s/%s", m->file->id, m->main.revision);
}

/* ---- kind */

/* The first bytes, from the cache where it has the file, else by one small GET: a read through the
 * cache would read ahead. */
static int sniff(struct fs *fs, struct model *m, char *head, size_t n)
{
	struct cache_key key = { m->file->id, m->main.revision, "" };
	CLEANUP_SOURCE struct source *src = NULL;
	int r = cache_wrap(fs->cache, &key, NULL, &src);
	if (r) {
		struct drive_file f = { .size = m->main.size, .blob = true };
		memcpy(f.id, m->file->id, sizeof f.id);
		memcpy(f.revision, m->main.revision, sizeof f.revision);
		r = drive_source(fs->drive, &f, &src);
	}
	return r ? r : source_read(src, head, n, 0);
}

static int learn_kind(struct fs *fs, struct model *m, enum savedmodel_kind *ret)
{
	char key[KEY_MAX_BYTES], head[SAVEDMODEL_SNIFF];
	CLEANUP_BUF struct buf known = BUF_INIT(16);
	size_t n = m->main.size < sizeof head ? (size_t)m->main.size : sizeof head;
	state_key(key, m);
	if (cache_state_get(fs->cache, "kind", key, &known) == 0 && known.len == 2 && known.data[0] == SAVEDMODEL_VERSION) {
		*ret = (enum savedmodel_kind)known.data[1];
		return 0;
	}
	int r = sniff(fs, m, head, n);
	if (r)
		return r;
	*ret = kinds_sniff(head, n, m->main.size);
	const char value[2] = { SAVEDMODEL_VERSION, (char)*ret };
	if (cache_state_put(fs->cache, "kind", key, value, sizeof value) != 0)
		log_warning("cache", "what kind of file it is cannot be kept: %s", err_last());
	return 0;
}

int model_kind(struct fs *fs, struct file *f, const struct content *c, enum savedmodel_kind *ret)
{
	*ret = SAVEDMODEL_NONE;
	if (!f->id[0] || !c->revision[0] || c->size < 8)
		return 0;
	struct model *m = get(fs, f, c);
	if (!m)
		return -ENOMEM;
	lock_acquire(&fs->model_lock);
	bool known = m->kind_known;
	*ret = m->kind;
	lock_release(&fs->model_lock);
	int r = known ? 0 : learn_kind(fs, m, ret);
	if (!r) {
		lock_acquire(&fs->model_lock);
		m->kind = *ret;
		m->kind_known = true;
		lock_release(&fs->model_lock);
	}
	model_unref(fs, m);
	return r;
}

/* ---- scanning */

struct scan {
	struct fs *fs;
	struct model *model;
	struct draft *parts[SAVEDMODEL_PARTS];
	char sidecar_suffix[256];
};

/* The file beside the main one whose Drive name is the main one's and `suffix`; of one that only a
 * shortcut leads to, beside the shortcut. */
static int find_sidecar(struct fs *fs, struct model *m, const char *suffix, char id[DRIVE_ID_MAX + 1], struct content *ret)
{
	CLEANUP_BUF struct buf name = BUF_INIT(128 << 10);
	struct file *f = NULL;
	lock_acquire(&fs->tree.lock);
	const struct file *main = m->file->parent || !m->file->links ? m->file : m->file->links;
	struct file *folder = main->parent;
	buf_printf(&name, "%s%s", main->shown ? main->shown : "", suffix);
	lock_release(&fs->tree.lock);
	int r = folder ? namei_list(fs, folder) : -ENOENT;
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	struct file *entry = name.data ? tree_child(&fs->tree, folder, name.data) : NULL;
	lock_release(&fs->tree.lock);
	r = entry ? shortcut_follow(fs, entry, &f) : 0;
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	if (f && f->blob && f->head.revision[0]) {
		memcpy(id, f->id, sizeof f->id);
		*ret = f->head;
	} else {
		r = err_set(-ENOENT, "its side-car \"%s\" is not there", name.data ? name.data : suffix);
	}
	lock_release(&fs->tree.lock);
	return r;
}

static int open_sidecar(void *ctx, const char *suffix, struct source **ret)
{
	struct scan *s = ctx;
	char id[DRIVE_ID_MAX + 1];
	struct content c;
	int r = find_sidecar(s->fs, s->model, suffix, id, &c);
	return r ? r : handle_source(s->fs, id, &c, ret);
}

static int part_of(struct scan *s, enum savedmodel_part part, struct draft **ret)
{
	int r = s->parts[part] ? 0 : draft_create(s->fs->cache, NULL, &s->parts[part]);
	*ret = s->parts[part];
	return r;
}

static int write_part(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	struct draft *d;
	int r = part_of(ctx, part, &d);
	return r ? r : draft_pwrite(d, data, n, off);
}

static int read_part(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	struct draft *d;
	int r = part_of(ctx, part, &d);
	ssize_t got = r ? r : draft_pread(d, data, n, off);
	if (got >= 0 && (size_t)got != n)
		return err_set(-EIO, "a part of the conversion is short");
	return got < 0 ? (int)got : 0;
}

/* Part `i` of the scan becomes a revision in the cache. */
static int keep_part(struct scan *s, size_t i)
{
	struct source *sealed;
	struct draft *d = STEAL(s->parts[i]);
	if (!d)
		return 0;
	int r = draft_seal(d, &sealed);
	if (r) {
		draft_discard(d);
		return r;
	}
	struct cache_key key = { s->model->file->id, s->model->main.revision, part_names[i] };
	r = draft_publish(d, &key);
	source_unref(sealed);
	return r;
}

static int run_scan(struct fs *fs, struct model *m, struct buf *ret_record)
{
	struct scan s = { .fs = fs, .model = m };
	CLEANUP_SOURCE struct source *src = NULL;
	int r = handle_source(fs, m->file->id, &m->main, &src);
	struct savedmodel_input in = { src, open_sidecar, write_part, read_part, &s };
	if (!r)
		r = kinds_scan(&in, m->kind, ret_record);
	for (size_t i = 0; i < SAVEDMODEL_SCRATCH && !r; i++)
		r = keep_part(&s, i);
	for (size_t i = 0; i < SAVEDMODEL_PARTS; i++)
		s.parts[i] = draft_discard(s.parts[i]);
	return r;
}

/* ---- records: the side-car's id and revision in one line each, then savedmodel's record */

static void put_record(struct fs *fs, struct model *m, const struct buf *record)
{
	char key[KEY_MAX_BYTES];
	CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
	state_key(key, m);
	buf_printf(&b, "%s\n%s\n", m->sidecar_id, m->sidecar.revision);
	buf_add(&b, record->data, record->len);
	int r = buf_check(&b, "a scan's record");
	if (!r)
		r = cache_state_put(fs->cache, "scan", key, b.data, b.len);
	if (r)
		log_warning("cache", "a scan's result cannot be kept: %s", err_last());
}

/* Are the parts that the SavedModel needs still in the cache, and the side-car the same? */
static bool usable(struct fs *fs, struct model *m, const struct savedmodel *sm, const char *sidecar_id, const char *revision)
{
	const struct savedmodel_file *files;
	for (size_t i = 0, n = savedmodel_files(sm, &files); i < n; i++) {
		enum savedmodel_where w = files[i].where;
		if (w != SAVEDMODEL_IN_MATRIX && w != SAVEDMODEL_IN_STRINGS)
			continue;
		struct cache_key key = { m->file->id, m->main.revision,
					 part_names[w == SAVEDMODEL_IN_MATRIX ? SAVEDMODEL_MATRIX : SAVEDMODEL_STRINGS] };
		if (!cache_complete(fs->cache, &key))
			return false;
	}
	return !savedmodel_sidecar(sm) || (strcmp(sidecar_id, m->sidecar_id) == 0 && strcmp(revision, m->sidecar.revision) == 0);
}

/* The kept SavedModel, or NULL: scan. */
static struct savedmodel *get_record(struct fs *fs, struct model *m)
{
	char key[KEY_MAX_BYTES];
	CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
	struct savedmodel *sm;
	state_key(key, m);
	if (cache_state_get(fs->cache, "scan", key, &b) != 0 || !b.len)
		return NULL;
	char *id = b.data, *revision = strchr(id, '\n'), *record = revision ? strchr(revision + 1, '\n') : NULL;
	if (!record)
		return NULL;
	*revision++ = *record++ = 0;
	if (savedmodel_open(record, b.len - (size_t)(record - b.data), &sm) != 0)
		return NULL;
	const char *suffix = savedmodel_sidecar(sm);
	if ((suffix && find_sidecar(fs, m, suffix, m->sidecar_id, &m->sidecar) != 0) || !usable(fs, m, sm, id, revision))
		sm = savedmodel_close(sm);
	return sm;
}

static int make_saved(struct fs *fs, struct model *m, struct savedmodel **ret)
{
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_MAX);
	*ret = get_record(fs, m);
	if (*ret)
		return 0;
	int r = run_scan(fs, m, &record);
	if (!r)
		r = savedmodel_open(record.data, record.len, ret);
	if (!r && savedmodel_sidecar(*ret)) {
		r = find_sidecar(fs, m, savedmodel_sidecar(*ret), m->sidecar_id, &m->sidecar);
		if (r)
			*ret = savedmodel_close(*ret);
	}
	if (!r)
		put_record(fs, m, &record);
	return r;
}

/* ---- opening */

/* A verdict on the bytes stands; a network that was away does not. */
static bool lasting(int err) { return err == -EBADMSG || err == -EMEDIUMTYPE; }

static int scan_once(struct fs *fs, struct model *m)
{
	struct savedmodel *sm = NULL;
	int r = make_saved(fs, m, &sm);
	if (r == -ENOENT)
		r = -EBADMSG; /* a name that readdir has shown must not be ENOENT: a file that it needs is missing */
	lock_acquire(&fs->tree.lock);
	CLEANUP_FREE char *path = tree_path(&fs->tree, m->file);
	uint64_t clock = fs->tree.clock;
	lock_release(&fs->tree.lock);
	if (r)
		log_error("saved_model", "%s: no SavedModel of it: %s (check the file, or save the model again)",
			  path ? path : "?", err_last());
	lock_acquire(&fs->model_lock);
	m->state = !r ? MODEL_READY : lasting(r) ? MODEL_FAILED : MODEL_NEW;
	m->saved = sm;
	m->error = r;
	m->error_clock = clock;
	snprintf(m->error_text, sizeof m->error_text, "%s", err_last());
	pthread_cond_broadcast(&fs->model_changed);
	lock_release(&fs->model_lock);
	return r;
}

int model_open(struct fs *fs, struct file *f, const struct content *c, struct model **ret)
{
	enum savedmodel_kind kind;
	int r = model_kind(fs, f, c, &kind);
	if (r || kind == SAVEDMODEL_NONE)
		return r ? r : -ENOENT;
	struct model *m = get(fs, f, c);
	if (!m)
		return -ENOMEM;
	lock_acquire(&fs->tree.lock);
	uint64_t clock = fs->tree.clock;
	lock_release(&fs->tree.lock);
	lock_acquire(&fs->model_lock);
	m->kind = kind;
	if (m->state == MODEL_FAILED && m->error_clock != clock)
		m->state = MODEL_NEW;
	while (m->state == MODEL_SCANS && !r) {
		if (cancelled())
			r = err_set(-EINTR, "interrupted while the model is being scanned");
		else
			(void)lock_wait(&fs->model_lock, &fs->model_changed, WAIT_MS);
	}
	bool ours = !r && m->state == MODEL_NEW;
	if (ours)
		m->state = MODEL_SCANS;
	if (!r && m->state == MODEL_FAILED)
		r = err_set(m->error, "%s", m->error_text);
	lock_release(&fs->model_lock);
	if (ours)
		r = scan_once(fs, m);
	if (r)
		model_unref(fs, m);
	else
		*ret = m;
	return r;
}

/* ---- bytes */

static int shard0(struct fs *fs, struct model *m, struct source **ret)
{
	const struct savedmodel_file *files;
	size_t i = 0, n = savedmodel_files(saved(m), &files);
	while (i < n && (files[i].where == SAVEDMODEL_MADE || files[i].where == SAVEDMODEL_IN_STRINGS))
		i++;
	return i < n ? model_source(fs, m, i, ret) : err_set(-EIO, "a SavedModel without a matrix");
}

/* The CRC of the matrix, computed when somebody first reads the index. */
static int need_checksum(struct fs *fs, struct model *m)
{
	if (savedmodel_checked(saved(m)))
		return 0;
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_MAX);
	CLEANUP_SOURCE struct source *matrix = NULL;
	struct savedmodel *checked;
	int r = shard0(fs, m, &matrix);
	if (!r)
		r = savedmodel_checksum(saved(m), matrix, &record);
	if (!r)
		r = savedmodel_open(record.data, record.len, &checked);
	if (r)
		return r;
	put_record(fs, m, &record);
	lock_acquire(&fs->model_lock);
	if (m->unchecked) { /* another reader of the index was as quick */
		savedmodel_close(checked);
	} else {
		m->unchecked = m->saved;
		__atomic_store_n(&m->saved, checked, __ATOMIC_RELEASE);
	}
	lock_release(&fs->model_lock);
	return 0;
}

static int made_source(struct fs *fs, struct model *m, size_t index, struct source **ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(16 << 20);
	int r = savedmodel_make(saved(m), index, &b);
	if (r == -EAGAIN) {
		r = need_checksum(fs, m);
		if (!r)
			r = savedmodel_make(saved(m), index, &b);
	}
	return r ? r : source_bytes(b.data, b.len, ret);
}

int model_source(struct fs *fs, struct model *m, size_t index, struct source **ret)
{
	const struct savedmodel_file *files;
	struct cache_key key = { m->file->id, m->main.revision, "" };
	if (index >= savedmodel_files(saved(m), &files))
		return -ENOENT;
	switch (files[index].where) {
	case SAVEDMODEL_MADE:
		return made_source(fs, m, index, ret);
	case SAVEDMODEL_IN_MAIN:
		return handle_source(fs, m->file->id, &m->main, ret);
	case SAVEDMODEL_IN_SIDECAR:
		return handle_source(fs, m->sidecar_id, &m->sidecar, ret);
	case SAVEDMODEL_IN_MATRIX:
		key.part = part_names[SAVEDMODEL_MATRIX];
		break;
	case SAVEDMODEL_IN_STRINGS:
		key.part = part_names[SAVEDMODEL_STRINGS];
		break;
	}
	int r = cache_wrap(fs->cache, &key, NULL, ret);
	return r == -ENODATA ? err_set(-ESTALE, "its conversion was evicted from the cache: open the model again") : r;
}
