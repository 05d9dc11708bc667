/* SPDX-License-Identifier: MIT */
/* The bytes of the files of a SavedModel. */
#include "fs/model_state.h"

#include "fs/writing.h"

#include <stdio.h>
#include <string.h>

enum { CHECKED_KEEP_MS = 2000, RECORD_BYTES_MAX = 64 << 10, MADE_BYTES_MAX = 16 << 20 };

static struct savedmodel *saved(const struct model *m) { return __atomic_load_n(&m->saved, __ATOMIC_ACQUIRE); }

/* Which file shard 0 is, or false: a part. */
static bool shard_file(struct model *m, const char **ret_id, const struct content **ret)
{
	const struct savedmodel_file *files;
	const char *suffix = savedmodel_sidecar(saved(m));
	for (size_t i = 0; suffix && i < m->set.sidecars.count; i++) {
		const struct sidecar *one = &m->set.sidecars.all[i];
		if (strcmp(one->suffix, suffix) != 0)
			continue;
		*ret_id = one->id;
		*ret = &one->content;
		return true;
	}
	for (size_t i = 0, n = savedmodel_files(saved(m), &files); i < n; i++) {
		if (files[i].where != SAVEDMODEL_IN_MAIN)
			continue;
		*ret_id = m->set.file->id;
		*ret = &m->set.main;
		return true;
	}
	return false;
}

int model_source_check(struct fs *fs, struct model *m)
{
	const char *id;
	const struct content *c;
	lock_acquire(&fs->model_lock);
	bool fresh = m->checked_ms && now_ms() - m->checked_ms < CHECKED_KEEP_MS;
	lock_release(&fs->model_lock);
	if (fresh || m->problem || !shard_file(m, &id, &c))
		return 0;
	struct cache_key key = { id, c->revision, "" };
	if (cache_complete(fs->cache, &key))
		return 0;
	struct drive_file f = { .size = c->size, .blob = true };
	snprintf(f.id, sizeof f.id, "%s", id);
	snprintf(f.revision, sizeof f.revision, "%s", c->revision);
	int r = drive_verify_head(fs->drive, &f);
	bool same;
	if (r == -ESTALE || r == -ENOENT) {
		r = model_ask_drive(fs, m, &same);
		return r ? r : err_set(-ESTALE, "it was replaced in Drive");
	}
	lock_acquire(&fs->model_lock);
	m->checked_ms = r ? 0 : now_ms();
	lock_release(&fs->model_lock);
	return r;
}

static bool same_files(const struct savedmodel *a, const struct savedmodel *b)
{
	const struct savedmodel_file *left, *right;
	size_t n = savedmodel_files(a, &left);
	bool same = n == savedmodel_files(b, &right);
	for (size_t i = 0; same && i < n; i++)
		same = left[i].size == right[i].size && left[i].where == right[i].where;
	return same;
}

/* The same set once more. */
static int remake(struct fs *fs, struct model *m, enum savedmodel_part part, struct source **ret)
{
	struct model_parts parts = { 0 };
	struct savedmodel *again = NULL;
	bool io, same;
	int r = model_scan_run(fs, &m->set, true, &parts, &again, &io);
	if (!r && (!same_files(saved(m), again) || !parts.part[part]))
		r = err_set(-EIO, "Drive gave other bytes for the same revision");
	if (!r)
		*ret = STEAL(parts.part[part]);
	model_scan_done(&parts);
	savedmodel_close(again);
	model_leave(fs, m, MODEL_READY, NULL);
	if (r == -ESTALE && model_ask_drive(fs, m, &same) == 0)
		r = err_set(-ESTALE, "it was replaced in Drive");
	return r;
}

static int part_source(struct fs *fs, struct model *m, enum savedmodel_part part, struct source **ret)
{
	int r = model_scan_part(fs, &m->set, part, ret);
	while (r == -ENODATA) {
		bool ours;
		r = model_claim_remake(fs, m, &ours);
		if (r)
			return r;
		if (ours)
			return remake(fs, m, part, ret);
		r = model_scan_part(fs, &m->set, part, ret);
	}
	return r;
}

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
	CLEANUP_BUF struct buf record = BUF_INIT(RECORD_BYTES_MAX);
	CLEANUP_SOURCE struct source *matrix = NULL;
	struct savedmodel *checked;
	int r = shard0(fs, m, &matrix);
	if (!r)
		r = savedmodel_checksum(saved(m), matrix, &record);
	if (!r)
		r = savedmodel_open(record.data, record.len, &checked);
	if (r)
		return r;
	model_scan_keep(fs, &m->set, &record);
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
	CLEANUP_BUF struct buf b = BUF_INIT(MADE_BYTES_MAX);
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
	const char *id;
	const struct content *c;
	if (index >= savedmodel_files(saved(m), &files))
		return err_set(-ENOENT, "no such file in a SavedModel");
	switch (files[index].where) {
	case SAVEDMODEL_MADE:
		return made_source(fs, m, index, ret);
	case SAVEDMODEL_IN_MATRIX:
		return part_source(fs, m, SAVEDMODEL_MATRIX, ret);
	case SAVEDMODEL_IN_STRINGS:
		return part_source(fs, m, SAVEDMODEL_STRINGS, ret);
	case SAVEDMODEL_IN_MAIN:
	case SAVEDMODEL_IN_SIDECAR:
		break;
	}
	return shard_file(m, &id, &c) ? writing_source(fs, id, c, ret) : err_set(-EIO, "a SavedModel without a matrix");
}
