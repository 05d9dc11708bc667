/* SPDX-License-Identifier: MIT */
#include "cache/index.h"

#include <string.h>

enum { KEY_MAX = 1 + INDEX_NAME_MAX + 1 + 8 };

struct key {
	uint8_t b[KEY_MAX];
	size_t n;
};

static struct key rev_key(const char *name)
{
	struct key k = { .n = 1 + strlen(name) };
	k.b[0] = 'R';
	memcpy(k.b + 1, name, k.n - 1);
	return k;
}

static struct key chunk_key(const char *name, uint32_t no)
{
	struct key k = rev_key(name);
	k.b[0] = 'B';
	k.b[k.n++] = 0;
	for (int i = 0; i < 4; i++)
		k.b[k.n++] = (uint8_t)(no >> (24 - 8 * i));
	return k;
}

static struct key used_key(uint64_t used, const char *name)
{
	struct key k = { .n = 9 + strlen(name) };
	k.b[0] = 'L';
	be64_put(k.b + 1, used);
	memcpy(k.b + 9, name, k.n - 9);
	return k;
}

static MDB_val key_val(struct key *k) { return (MDB_val){ k->n, k->b }; }
static struct bytes_view val_view(MDB_val v) { return (struct bytes_view){ v.mv_data, v.mv_size }; }
static struct bytes_view key_view(const struct key *k) { return (struct bytes_view){ k->b, k->n }; }

int index_open(struct index *x, const char *dir)
{
	int r = env_open(dir, INDEX_VERSION, INDEX_MAP_BYTES, &x->env);
	if (!r)
		r = env_table(x->env, "", &x->dbi);
	if (r)
		index_close(x);
	return r;
}

void index_close(struct index *x) { x->env = env_close(x->env); }

/* ---- writing */

static int put_key(MDB_txn *txn, MDB_dbi dbi, struct key k, void *data, size_t n)
{
	MDB_val kv = key_val(&k), dv = { n, data };
	return mdb_put(txn, dbi, &kv, &dv, 0);
}

static int del_key(MDB_txn *txn, MDB_dbi dbi, struct key k)
{
	MDB_val kv = key_val(&k);
	int r = mdb_del(txn, dbi, &kv, NULL);
	return r == MDB_NOTFOUND ? 0 : r;
}

/* 0 and the record, or MDB_NOTFOUND, for a damaged one too. */
static int get_rev(MDB_txn *txn, MDB_dbi dbi, const char *name, struct rev_meta *ret)
{
	struct key k = rev_key(name);
	MDB_val kv = key_val(&k), dv;
	int r = mdb_get(txn, dbi, &kv, &dv);
	if (r)
		return r;
	return ondisk_get_rev(key_view(&k), val_view(dv), ret) ? MDB_NOTFOUND : 0;
}

static uint64_t get_total(MDB_txn *txn, MDB_dbi dbi)
{
	char m[] = "M";
	MDB_val kv = { 1, m }, dv;
	return mdb_get(txn, dbi, &kv, &dv) == 0 && dv.mv_size == 8 ? le64_get(dv.mv_data) : 0;
}

static int put_total(MDB_txn *txn, MDB_dbi dbi, uint64_t total)
{
	uint8_t le[8];
	le64_put(le, total);
	return put_key(txn, dbi, (struct key){ .b = { 'M' }, .n = 1 }, le, sizeof le);
}

static int del_chunks(MDB_txn *txn, MDB_dbi dbi, const char *name)
{
	MDB_cursor *cur;
	struct key k = chunk_key(name, 0);
	MDB_val kv = key_val(&k), dv;
	int r = mdb_cursor_open(txn, dbi, &cur);
	if (r)
		return r;
	r = mdb_cursor_get(cur, &kv, &dv, MDB_SET_RANGE);
	while (!r && kv.mv_size == k.n && memcmp(kv.mv_data, k.b, k.n - 4) == 0) {
		r = mdb_cursor_del(cur, 0);
		if (!r) /* after a delete the next one is the one that moved up */
			r = mdb_cursor_get(cur, &kv, &dv, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int put_chunks(MDB_txn *txn, MDB_dbi dbi, const struct index_change *c)
{
	uint8_t rec[ONDISK_CHUNK_MAX];
	int r = 0;
	for (size_t i = 0; i < c->count && !r; i++) {
		struct key k = chunk_key(c->name, c->chunks[i].no);
		r = put_key(txn, dbi, k, rec, ondisk_put_chunk(rec, key_view(&k), &c->chunks[i].image));
	}
	return r;
}

static int put_rev(MDB_txn *txn, MDB_dbi dbi, const struct index_change *c)
{
	uint8_t rec[ONDISK_REV];
	struct key k = rev_key(c->name);
	ondisk_put_rev(rec, key_view(&k), &c->meta);
	int r = put_key(txn, dbi, k, rec, sizeof rec);
	if (!r)
		r = put_key(txn, dbi, used_key(c->meta.used, c->name), NULL, 0);
	return r ? r : put_chunks(txn, dbi, c);
}

static int apply_change(MDB_txn *txn, MDB_dbi dbi, const struct index_change *c, uint64_t *total)
{
	struct rev_meta old = { 0, 0, 0 };
	int r = get_rev(txn, dbi, c->name, &old);
	if (r && r != MDB_NOTFOUND)
		return r;
	if (r == 0)
		r = del_key(txn, dbi, used_key(old.used, c->name));
	else
		r = 0;
	*total -= old.bytes < *total ? old.bytes : *total;
	if (!r && (c->gone || c->anew))
		r = del_chunks(txn, dbi, c->name);
	if (!r && c->gone)
		return del_key(txn, dbi, rev_key(c->name));
	*total += c->meta.bytes;
	return r ? r : put_rev(txn, dbi, c);
}

struct commit {
	MDB_dbi dbi;
	const struct index_change *changes;
	size_t count;
	uint64_t total;
};

static int commit_txn(MDB_txn *txn, void *ctx)
{
	struct commit *m = ctx;
	int r = 0;
	m->total = get_total(txn, m->dbi);
	for (size_t i = 0; i < m->count && !r; i++)
		r = apply_change(txn, m->dbi, &m->changes[i], &m->total);
	return r ? r : put_total(txn, m->dbi, m->total);
}

int index_commit(struct index *x, const struct index_change *changes, size_t count, uint64_t *ret_bytes)
{
	struct commit m = { x->dbi, changes, count, 0 };
	int r = env_write(x->env, commit_txn, &m);
	*ret_bytes = m.total;
	return r == -ENOENT ? err_set(-EIO, "the index of the cache is damaged") : r;
}

/* ---- reading */

struct load {
	MDB_dbi dbi;
	const char *name;
	struct rev_meta *ret;
	void (*each)(void *ctx, uint32_t no, const struct chunk_image *image);
	void *ctx;
};

static int load_chunks(MDB_txn *txn, const struct load *l)
{
	MDB_cursor *cur;
	struct key k = chunk_key(l->name, 0);
	MDB_val kv = key_val(&k), dv;
	struct chunk_image image;
	int r = mdb_cursor_open(txn, l->dbi, &cur);
	if (r)
		return r;
	r = mdb_cursor_get(cur, &kv, &dv, MDB_SET_RANGE);
	while (!r && kv.mv_size == k.n && memcmp(kv.mv_data, k.b, k.n - 4) == 0) {
		const uint8_t *no = (const uint8_t *)kv.mv_data + k.n - 4;
		/* A damaged record: these blocks are fetched again. */
		if (!ondisk_get_chunk(val_view(kv), val_view(dv), &image))
			l->each(l->ctx, (uint32_t)no[0] << 24 | (uint32_t)no[1] << 16 | (uint32_t)no[2] << 8 | no[3], &image);
		r = mdb_cursor_get(cur, &kv, &dv, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int load_txn(MDB_txn *txn, void *ctx)
{
	struct load *l = ctx;
	int r = get_rev(txn, l->dbi, l->name, l->ret);
	return r || !l->each ? r : load_chunks(txn, l);
}

int index_load(struct index *x, const char *name, struct rev_meta *ret,
	       void (*each)(void *ctx, uint32_t no, const struct chunk_image *image), void *ctx)
{
	struct load l = { x->dbi, name, ret, each, ctx };
	return env_read(x->env, load_txn, &l);
}

struct total {
	MDB_dbi dbi;
	uint64_t bytes;
};

static int read_total(MDB_txn *txn, void *ctx)
{
	struct total *t = ctx;
	t->bytes = get_total(txn, t->dbi);
	return 0;
}

int index_bytes(struct index *x, uint64_t *ret)
{
	struct total t = { x->dbi, 0 };
	int r = env_read(x->env, read_total, &t);
	*ret = t.bytes;
	return r;
}

struct oldest {
	MDB_dbi dbi;
	bool (*skip)(void *ctx, const char *name);
	void *ctx;
	char *name;
	uint64_t used;
	bool sound;
};

/* NAME and time of an 'L' key; false: it is none. */
static bool parse_used(MDB_val k, char *name, uint64_t *used)
{
	const uint8_t *p = k.mv_data;
	if (k.mv_size < 10 || p[0] != 'L' || k.mv_size - 9 > INDEX_NAME_MAX)
		return false;
	memcpy(name, p + 9, k.mv_size - 9);
	name[k.mv_size - 9] = 0;
	*used = be64_get(p + 1);
	return true;
}

static int find_oldest(MDB_txn *txn, void *ctx)
{
	struct oldest *o = ctx;
	MDB_cursor *cur;
	char from[] = "L";
	MDB_val kv = { 1, from }, dv;
	int r = mdb_cursor_open(txn, o->dbi, &cur);
	if (r)
		return r;
	r = mdb_cursor_get(cur, &kv, &dv, MDB_SET_RANGE);
	while (!r) {
		if (!parse_used(kv, o->name, &o->used))
			r = MDB_NOTFOUND;
		else if (!o->skip(o->ctx, o->name))
			break;
		else
			r = mdb_cursor_get(cur, &kv, &dv, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	struct rev_meta m;
	o->sound = !r && !get_rev(txn, o->dbi, o->name, &m) && m.used == o->used;
	return r;
}

int index_oldest(struct index *x, bool (*skip)(void *ctx, const char *name), void *ctx,
		 char ret_name[INDEX_NAME_MAX + 1], uint64_t *ret_used, bool *ret_sound)
{
	struct oldest o = { x->dbi, skip, ctx, ret_name, 0, false };
	int r = env_read(x->env, find_oldest, &o);
	*ret_used = o.used;
	*ret_sound = o.sound;
	return r;
}

struct mend {
	MDB_dbi dbi;
	const char *name;
	uint64_t used, lost;
};

/* What the readable revision records say in all. */
static int sum_revs(MDB_txn *txn, MDB_dbi dbi, uint64_t *ret)
{
	MDB_cursor *cur;
	char from[] = "R";
	MDB_val kv = { 1, from }, dv;
	struct rev_meta m;
	int r = mdb_cursor_open(txn, dbi, &cur);
	if (r)
		return r;
	*ret = 0;
	r = mdb_cursor_get(cur, &kv, &dv, MDB_SET_RANGE);
	while (!r && kv.mv_size && *(const char *)kv.mv_data == 'R') {
		if (!ondisk_get_rev(val_view(kv), val_view(dv), &m))
			*ret += m.bytes;
		r = mdb_cursor_get(cur, &kv, &dv, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return r == MDB_NOTFOUND ? 0 : r;
}

static int mend_txn(MDB_txn *txn, void *ctx)
{
	struct mend *m = ctx;
	struct rev_meta meta;
	uint64_t sum = 0, total = get_total(txn, m->dbi);
	int r = del_key(txn, m->dbi, used_key(m->used, m->name));
	if (!r && get_rev(txn, m->dbi, m->name, &meta) == MDB_NOTFOUND) {
		r = del_key(txn, m->dbi, rev_key(m->name));
		if (!r)
			r = del_chunks(txn, m->dbi, m->name);
	}
	if (!r)
		r = sum_revs(txn, m->dbi, &sum);
	m->lost = total > sum ? total - sum : 0;
	return r ? r : put_total(txn, m->dbi, sum);
}

int index_mend(struct index *x, const char *name, uint64_t used, uint64_t *ret_lost)
{
	struct mend m = { x->dbi, name, used, 0 };
	int r = env_write(x->env, mend_txn, &m);
	*ret_lost = r ? 0 : m.lost;
	return r;
}

static int find_newest(MDB_txn *txn, void *ctx)
{
	struct oldest *o = ctx;
	MDB_cursor *cur;
	char past[] = "M";
	MDB_val kv = { 1, past }, dv;
	int r = mdb_cursor_open(txn, o->dbi, &cur);
	if (r)
		return r;
	r = mdb_cursor_get(cur, &kv, &dv, MDB_SET_RANGE);
	r = mdb_cursor_get(cur, &kv, &dv, r ? MDB_LAST : MDB_PREV);
	if (r || !parse_used(kv, o->name, &o->used))
		o->used = 0;
	mdb_cursor_close(cur);
	return r == MDB_NOTFOUND ? 0 : r;
}

int index_newest(struct index *x, uint64_t *ret)
{
	char name[INDEX_NAME_MAX + 1];
	struct oldest o = { .dbi = x->dbi, .name = name };
	int r = env_read(x->env, find_newest, &o);
	*ret = o.used;
	return r;
}
