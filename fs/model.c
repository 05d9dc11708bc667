/* SPDX-License-Identifier: MIT */
#include "fs/model_state.h"

#include "fs/model_error.h"
#include "fs/namei.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRIES_MAX = 5, REFUSED_KEEP_MS = 600000, SIZE_MIN = 8 };

static bool settled(enum model_state s) { return s >= MODEL_READY; }
static bool at_work(enum model_state s) { return s == MODEL_SNIFFING || s == MODEL_SCANNING || s == MODEL_REMAKING; }

/* ---- one struct, one set */

static void unref_locked(struct model *m)
{
	if (--m->refs)
		return;
	savedmodel_close(m->saved);
	savedmodel_close(m->unchecked);
	free(m->problem);
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

/* A new struct for f in the place of the one that it has. */
static int renew_model(struct file *f, const struct content *main, enum model_state state, enum savedmodel_kind kind)
{
	struct model *m = calloc(1, sizeof *m);
	if (!m)
		return err_nomem("a model");
	m->refs = 1;
	m->state = state;
	m->set.file = f;
	m->set.main = *main;
	m->set.kind = kind;
	if (f->model)
		unref_locked(f->model);
	f->model = m;
	return 0;
}

/* The struct for f's head, whatever it knows; one reference for the caller. */
static int ref_head(struct fs *fs, struct file *f, struct model **ret)
{
	lock_acquire(&fs->tree.lock);
	struct content head = f->head;
	bool there = !file_gone(f) && f->id[0] && f->blob && head.revision[0] && !f->media; /* never looked into */
	lock_release(&fs->tree.lock);
	if (!there)
		return err_set(-ENOENT, "it is gone, not in Drive yet, or a picture, video or sound");
	lock_acquire(&fs->model_lock);
	int r = !f->model || strcmp(f->model->set.main.revision, head.revision) != 0
			? renew_model(f, &head, MODEL_UNKNOWN, SAVEDMODEL_NONE) : 0;
	if (!r) {
		f->model->refs++;
		*ret = f->model;
	}
	lock_release(&fs->model_lock);
	return r;
}

/* Is what m has found out still about the files that are there? */
static int is_current(struct fs *fs, struct model *m, bool *ret)
{
	lock_acquire(&fs->tree.lock);
	uint64_t version = m->set.file->version;
	lock_release(&fs->tree.lock);
	lock_acquire(&fs->model_lock);
	enum model_state s = m->state;
	*ret = s != MODEL_REFUSED || (m->refused_version == version && now_ms() - m->refused_ms < REFUSED_KEEP_MS);
	lock_release(&fs->model_lock);
	return *ret && settled(s) ? sidecar_same(fs, m->set.file, &m->set.sidecars, ret) : 0;
}

static int supersede(struct fs *fs, struct model *m)
{
	struct file *f = m->set.file;
	lock_acquire(&fs->model_lock);
	bool refused = m->state == MODEL_REFUSED;
	int r = 0;
	if (f->model == m)
		r = renew_model(f, &m->set.main, refused ? MODEL_UNKNOWN : MODEL_KNOWN,
			  refused ? SAVEDMODEL_NONE : m->set.kind);
	lock_release(&fs->model_lock);
	return r;
}

static int get_current(struct fs *fs, struct file *f, struct model **ret)
{
	for (int i = 0; i < TRIES_MAX; i++) {
		struct model *m = NULL;
		bool same;
		int r = ref_head(fs, f, &m);
		if (r)
			return r;
		r = is_current(fs, m, &same);
		if (!r && same) {
			*ret = m;
			return 0;
		}
		if (!r)
			r = supersede(fs, m);
		model_unref(fs, m);
		if (r)
			return r;
	}
	return err_set(-EAGAIN, "its files change faster than they can be looked at");
}

void model_done(struct fs *fs)
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

/* ---- who works on it */

/* *ret: MODEL_SNIFFING or MODEL_SCANNING that the caller has to do, or MODEL_UNKNOWN: nothing is left to do
 * for `scan`. */
static int claim_work(struct fs *fs, struct model *m, bool scan, enum model_state *ret)
{
	int r = 0;
	*ret = MODEL_UNKNOWN;
	lock_acquire(&fs->model_lock);
	while (!r && (m->state == MODEL_SNIFFING || (scan && m->state == MODEL_SCANNING)))
		r = lock_wait_or_cancel(&fs->model_lock, &fs->model_changed, 0, "the model is being looked into");
	if (!r && m->state == MODEL_UNKNOWN)
		*ret = m->state = MODEL_SNIFFING;
	else if (!r && m->state == MODEL_KNOWN && scan)
		*ret = m->state = MODEL_SCANNING;
	lock_release(&fs->model_lock);
	return r;
}

int model_claim_remake(struct fs *fs, struct model *m, bool *ret_ours)
{
	int r = 0;
	lock_acquire(&fs->model_lock);
	*ret_ours = m->state == MODEL_READY;
	if (*ret_ours)
		m->state = MODEL_REMAKING;
	while (!r && !*ret_ours && m->state == MODEL_REMAKING)
		r = lock_wait_or_cancel(&fs->model_lock, &fs->model_changed, 0, "the model is being converted again");
	lock_release(&fs->model_lock);
	return r;
}

void model_leave(struct fs *fs, struct model *m, enum model_state to, char *problem)
{
	lock_acquire(&fs->tree.lock);
	uint64_t version = m->set.file->version;
	lock_release(&fs->tree.lock);
	lock_acquire(&fs->model_lock);
	assert(at_work(m->state));
	m->state = to;
	if (problem) /* constant once it is told: read without the lock */
		m->problem = problem;
	if (to == MODEL_REFUSED) {
		m->refused_version = version;
		m->refused_ms = now_ms();
	}
	pthread_cond_broadcast(&fs->model_changed);
	lock_release(&fs->model_lock);
}

/* ---- what a failure means */

int model_ask_drive(struct fs *fs, struct model *m, bool *ret)
{
	int r = namei_refresh(fs, m->set.file);
	if (!r)
		r = sidecar_refresh(fs, m->set.file, &m->set.sidecars);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	*ret = strcmp(m->set.file->head.revision, m->set.main.revision) == 0;
	lock_release(&fs->tree.lock);
	return *ret ? sidecar_same(fs, m->set.file, &m->set.sidecars, ret) : 0;
}

static bool is_verdict(int err) { return err == -EBADMSG || err == -EMEDIUMTYPE || err == -ENOENT; }

/* `io`: Drive or the cache failed, else it is what the bytes say. What may come of our knowing the files of
 * yesterday is asked for. *err becomes -ESTALE where there is another set by now. */
static enum model_state judge_failure(struct fs *fs, struct model *m, bool io, int *err)
{
	char why[512];
	bool same = true;
	enum model_state otherwise = m->state == MODEL_SNIFFING ? MODEL_UNKNOWN : MODEL_KNOWN;
	bool ask = io ? *err == -ESTALE || *err == -EACCES || *err == -ENOENT
		      : is_verdict(*err) && m->set.sidecars.count;
	snprintf(why, sizeof why, "%s", err_last());
	int r = ask ? model_ask_drive(fs, m, &same) : 0;
	if (r) {
		*err = r;
		return otherwise;
	}
	if (!same) {
		*err = err_set(-ESTALE, "it was replaced in Drive meanwhile");
		return otherwise;
	}
	(void)err_set(*err, "%s", why);
	if (io && *err == -ENOENT) /* readdir shows it: not ENOENT */
		*err = err_set(-EIO, "Drive shows the file and does not find its bytes: %s", why);
	if (io)
		return *err == -EACCES ? MODEL_REFUSED : otherwise;
	return is_verdict(*err) ? MODEL_BROKEN : otherwise;
}

/* Leave the work with `err`. 0: that is known of it from now on; else the asker's error. */
static int leave_failed(struct fs *fs, struct model *m, bool io, int err)
{
	char *problem = NULL;
	enum model_state to = judge_failure(fs, m, io, &err);
	if (to == MODEL_BROKEN || to == MODEL_REFUSED) {
		char why[512];
		snprintf(why, sizeof why, "%s", err_last());
		err = model_error_tell(fs, &m->set, err, why, &problem);
		if (err)
			to = m->state == MODEL_SNIFFING ? MODEL_UNKNOWN : MODEL_KNOWN;
	}
	model_leave(fs, m, to, problem);
	return err;
}

/* ---- the work */

static int sniff(struct fs *fs, struct model *m)
{
	enum savedmodel_kind kind = SAVEDMODEL_NONE;
	int r = m->set.main.size < SIZE_MIN ? 0 : model_scan_kind(fs, m->set.file, &m->set.main, &kind);
	if (r)
		return leave_failed(fs, m, true, r);
	m->set.kind = kind;
	model_leave(fs, m, kind == SAVEDMODEL_NONE ? MODEL_NONE : MODEL_KNOWN, NULL);
	return 0;
}

/* Of a set of several files the news may have come in part: Drive is asked for all of them once it was
 * scanned, so that no mix of two saves is taken for a set only because we are behind. */
static int scan_set(struct fs *fs, struct model *m)
{
	struct model_parts parts = { 0 };
	struct savedmodel *sm = NULL;
	bool io = true, same = true;
	int r = model_scan_recall(fs, &m->set, &sm);
	bool scan = !r && !sm;
	if (scan)
		r = model_scan_run(fs, &m->set, false, &parts, &sm, &io);
	model_scan_done(&parts);
	if (!r && scan && m->set.sidecars.count)
		r = model_ask_drive(fs, m, &same);
	if (!r && !same)
		r = err_set(-ESTALE, "it was replaced in Drive meanwhile");
	if (r) {
		savedmodel_close(sm);
		return leave_failed(fs, m, io, r);
	}
	m->saved = sm;
	model_leave(fs, m, MODEL_READY, NULL);
	return 0;
}

/* Bring m as far as wanted. */
static int bring_on(struct fs *fs, struct model *m, bool want_scan)
{
	enum model_state work;
	int r;
	do {
		r = claim_work(fs, m, want_scan, &work);
		if (!r && work == MODEL_SNIFFING)
			r = sniff(fs, m);
		else if (!r && work == MODEL_SCANNING)
			r = scan_set(fs, m);
	} while (!r && work != MODEL_UNKNOWN);
	return r;
}

static int bring(struct fs *fs, struct file *f, bool want_scan, struct model **ret)
{
	int r = -ESTALE;
	for (int i = 0; r == -ESTALE && i < TRIES_MAX; i++) {
		struct model *m = NULL;
		r = get_current(fs, f, &m);
		if (r)
			return r;
		r = bring_on(fs, m, want_scan);
		if (r)
			model_unref(fs, m);
		else
			*ret = m;
	}
	return r == -ESTALE ? err_set(-EIO, "it is replaced in Drive faster than it can be read: %s", err_last()) : r;
}

int model_kind(struct fs *fs, struct file *f, enum savedmodel_kind *ret)
{
	struct model *m;
	int r = bring(fs, f, false, &m);
	*ret = SAVEDMODEL_NONE;
	if (r)
		return r;
	lock_acquire(&fs->model_lock);
	if (m->state != MODEL_REFUSED)
		*ret = m->set.kind;
	lock_release(&fs->model_lock);
	model_unref(fs, m);
	return 0;
}

int model_open(struct fs *fs, struct file *f, struct model **ret)
{
	struct model *m;
	int r = bring(fs, f, true, &m);
	if (r)
		return r;
	lock_acquire(&fs->model_lock);
	bool none = m->state == MODEL_NONE;
	lock_release(&fs->model_lock);
	if (none) {
		model_unref(fs, m);
		return err_set(-ENOENT, "it is no model");
	}
	*ret = m;
	return 0;
}

/* ---- what is known of one that is settled */

const struct savedmodel *model_savedmodel(const struct model *m)
{
	return __atomic_load_n(&m->saved, __ATOMIC_ACQUIRE);
}

const char *model_problem(const struct model *m) { return m->problem; }
const struct content *model_content(const struct model *m) { return &m->set.main; }

void model_name(const struct model *m, char ret[MODEL_NAME_MAX])
{
	snprintf(ret, MODEL_NAME_MAX, "%s/%s/%016" PRIx64, m->set.file->id, m->set.main.revision,
		 sidecar_hash(&m->set.sidecars));
}
