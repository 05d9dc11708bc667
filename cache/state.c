/* SPDX-License-Identifier: MIT */
#include "cache/state.h"

#include "cache/store.h"

#include <string.h>

struct access {
	MDB_dbi dbi;
	MDB_val key, val;
	struct bytes_view crc_key;	/* table, 0, key */
	struct buf *ret;		/* get: the value */
	int err;			/* of ret, or the decoding; negative */
	char *last;
};

static int prepare_access(struct cache *c, const char *table, const char *key, struct buf *full, struct access *a)
{
	size_t n = strlen(key);
	if (n < 1 || n > STATE_KEY_MAX)
		return err_set(-EINVAL, "a key of %zu bytes in the table \"%s\"", n, table);
	buf_str(full, table);
	buf_byte(full, 0);
	buf_add(full, key, n);
	int r = buf_check(full, "a key");
	if (r)
		return r;
	a->crc_key = (struct bytes_view){ full->data, full->len };
	a->key = (MDB_val){ n, full->data + full->len - n };
	return env_table(c->state, table, &a->dbi);
}

static int get_state_value(MDB_txn *txn, void *ctx)
{
	struct access *a = ctx;
	struct bytes_view data;
	int r = mdb_get(txn, a->dbi, &a->key, &a->val);
	if (r)
		return r;
	a->err = ondisk_get_state(a->crc_key, (struct bytes_view){ a->val.mv_data, a->val.mv_size }, &data);
	if (!a->err)
		buf_add(a->ret, data.data, data.n);
	return 0;
}

int cache_state_get(struct cache *c, const char *table, const char *key, struct buf *ret)
{
	CLEANUP_BUF struct buf full = BUF_INIT(1024);
	struct access a = { .ret = ret };
	buf_reset(ret);
	int r = prepare_access(c, table, key, &full, &a);
	if (!r)
		r = env_read(c->state, get_state_value, &a);
	if (!r)
		r = a.err == -EBADMSG ? err_set(-EIO, "\"%s\" in the table \"%s\" is damaged on the disk", key, table) : a.err;
	return r ? r : buf_check(ret, "a value");
}

static int put_state_value(MDB_txn *txn, void *ctx)
{
	struct access *a = ctx;
	MDB_val v = a->val;
	return mdb_put(txn, a->dbi, &a->key, &v, 0);
}

int cache_state_put(struct cache *c, const char *table, const char *key, const void *data, size_t n)
{
	CLEANUP_BUF struct buf full = BUF_INIT(1024), rec = BUF_INIT(STATE_VALUE_MAX);
	struct access a = { 0 };
	int r = prepare_access(c, table, key, &full, &a);
	if (r)
		return r;
	ondisk_put_state(&rec, a.crc_key, (struct bytes_view){ data, n });
	r = buf_check(&rec, "a value");
	if (r)
		return r;
	a.val = (MDB_val){ rec.len, rec.data };
	return env_write(c->state, put_state_value, &a);
}

static int del_state_value(MDB_txn *txn, void *ctx)
{
	struct access *a = ctx;
	return mdb_del(txn, a->dbi, &a->key, NULL);
}

int cache_state_del(struct cache *c, const char *table, const char *key)
{
	CLEANUP_BUF struct buf full = BUF_INIT(1024);
	struct access a = { 0 };
	int r = prepare_access(c, table, key, &full, &a);
	return r ? r : env_write(c->state, del_state_value, &a);
}

static int last_key(MDB_txn *txn, void *ctx)
{
	struct access *a = ctx;
	MDB_cursor *cur;
	MDB_val k, v;
	int r = mdb_cursor_open(txn, a->dbi, &cur);
	if (r)
		return r;
	r = mdb_cursor_get(cur, &k, &v, MDB_LAST);
	if (!r) {
		size_t n = k.mv_size < STATE_KEY_MAX ? k.mv_size : STATE_KEY_MAX;
		memcpy(a->last, k.mv_data, n);
		a->last[n] = 0;
	}
	mdb_cursor_close(cur);
	return r;
}

int state_last(struct cache *c, const char *table, char ret[STATE_KEY_MAX + 1])
{
	struct access a = { .last = ret };
	int r = env_table(c->state, table, &a.dbi);
	return r ? r : env_read(c->state, last_key, &a);
}
