/* SPDX-License-Identifier: MIT */
#include "cache/env.h"

#include "cache/file.h"
#include "cache/ondisk.h"
#include "cache/pages.h"
#include "format/crc32c.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct table {
	char name[64];
	MDB_dbi dbi;
};

/* The lock of every environment (clang cannot name a sibling field in C). */
struct TSA(capability("mutex")) env_capability {
	char unused;
};
extern struct env_capability env_lock;
struct env_capability env_lock;

struct env {
	MDB_env *mdb;		/* fixed, as is dir */
	char *dir;
	struct lock lock;	/* RANK_STORE */
	pthread_cond_t idle;
	unsigned active GUARDED_BY(env_lock);	/* transactions running */
	bool exclusive GUARDED_BY(env_lock);	/* somebody changes the environment: no transaction may start */
	size_t map_bytes GUARDED_BY(env_lock);
	struct table tables[ENV_TABLES_MAX] GUARDED_BY(env_lock);
	unsigned table_count GUARDED_BY(env_lock);
};

static void env_acquire(struct env *e) ACQUIRE(env_lock) TSA(no_thread_safety_analysis) { lock_acquire(&e->lock); }
static void env_release(struct env *e) RELEASE(env_lock) TSA(no_thread_safety_analysis) { lock_release(&e->lock); }
static void env_wait(struct env *e) REQUIRES(env_lock) TSA(no_thread_safety_analysis)
{
	(void)lock_wait(&e->lock, &e->idle, -1); /* transactions are short */
}

/* ---- turns */

static void turn_begin(struct env *e)
{
	env_acquire(e);
	while (e->exclusive)
		env_wait(e);
	e->active++;
	env_release(e);
}

static void turn_end(struct env *e)
{
	env_acquire(e);
	if (--e->active == 0)
		pthread_cond_broadcast(&e->idle);
	env_release(e);
}

static void exclusive_begin(struct env *e)
{
	env_acquire(e);
	while (e->exclusive)
		env_wait(e);
	e->exclusive = true;
	while (e->active)
		env_wait(e);
	env_release(e);
}

static void exclusive_end(struct env *e)
{
	env_acquire(e);
	e->exclusive = false;
	pthread_cond_broadcast(&e->idle);
	env_release(e);
}

/* ---- errors */

/* LMDB reports a full disk as EIO or ENOSPC, depending on where it notices. */
static bool disk_full(struct env *e)
{
	struct statvfs v;
	return statvfs(e->dir, &v) == 0 && v.f_bavail < 16;
}

static int fail_with(struct env *e, int code, const char *what)
{
	if (code == MDB_NOTFOUND)
		return -ENOENT;
	if (code == ENOSPC || (code == EIO && disk_full(e)))
		return err_set(-ENOSPC, "%s in \"%s\": the disk is full", what, e->dir);
	bool damaged = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID;
	int err = code > 0 ? -code : damaged ? -EBADMSG : -EIO;
	return err_set(err, "%s in \"%s\": %s", what, e->dir, mdb_strerror(code));
}

/* ---- transactions */

static int run_txn(struct env *e, env_fn *fn, void *ctx, unsigned flags)
{
	MDB_txn *txn;
	int r = mdb_txn_begin(e->mdb, NULL, flags, &txn);
	if (r)
		return r;
	r = fn(txn, ctx);
	if (r || (flags & MDB_RDONLY)) {
		mdb_txn_abort(txn);
		return r;
	}
	return mdb_txn_commit(txn);
}

static int run_in_turn(struct env *e, env_fn *fn, void *ctx, unsigned flags)
{
	turn_begin(e);
	int r = run_txn(e, fn, ctx, flags);
	turn_end(e);
	return r;
}

static size_t map_bytes(struct env *e)
{
	env_acquire(e);
	size_t n = e->map_bytes;
	env_release(e);
	return n;
}

static void set_map_bytes(struct env *e, size_t n)
{
	env_acquire(e);
	e->map_bytes = n;
	env_release(e);
}

/* Make the map larger than `seen`; somebody else may have done it already. */
static int grow_env(struct env *e, size_t seen)
{
	int r = 0;
	exclusive_begin(e);
	if (map_bytes(e) == seen) {
		r = mdb_env_set_mapsize(e->mdb, seen * 2);
		if (!r)
			set_map_bytes(e, seen * 2);
	}
	exclusive_end(e);
	return r;
}

int env_read(struct env *e, env_fn *fn, void *ctx)
{
	int r = run_in_turn(e, fn, ctx, MDB_RDONLY);
	return r ? fail_with(e, r, "reading") : 0;
}

int env_write(struct env *e, env_fn *fn, void *ctx)
{
	for (;;) {
		size_t seen = map_bytes(e);
		lock_assert_none(); /* a commit syncs */
		int r = run_in_turn(e, fn, ctx, 0);
		if (r == MDB_MAP_FULL || r == MDB_MAP_RESIZED)
			r = grow_env(e, seen);
		else
			return r ? fail_with(e, r, "writing") : 0;
		if (r)
			return fail_with(e, r, "growing the map");
	}
}

void env_check_readers(struct env *e)
{
	int dead;
	turn_begin(e);
	(void)mdb_reader_check(e->mdb, &dead); /* housekeeping: nothing hangs on it */
	turn_end(e);
}

/* ---- tables */

struct open_table {
	const char *name;
	MDB_dbi dbi;
};

static int open_table(MDB_txn *txn, void *ctx)
{
	struct open_table *o = ctx;
	return mdb_dbi_open(txn, *o->name ? o->name : NULL, *o->name ? MDB_CREATE : 0, &o->dbi);
}

static bool find_table(struct env *e, const char *name, MDB_dbi *ret)
{
	bool found = false;
	env_acquire(e);
	for (unsigned i = 0; i < e->table_count && !found; i++) {
		found = strcmp(e->tables[i].name, name) == 0;
		*ret = e->tables[i].dbi;
	}
	env_release(e);
	return found;
}

/* False: there are as many as may be. */
static bool keep_table(struct env *e, const char *name, MDB_dbi dbi)
{
	env_acquire(e);
	bool room = e->table_count < ENV_TABLES_MAX;
	if (room) {
		struct table *t = &e->tables[e->table_count++];
		(void)snprintf(t->name, sizeof t->name, "%s", name);
		t->dbi = dbi;
	}
	env_release(e);
	return room;
}

int env_table(struct env *e, const char *name, MDB_dbi *ret)
{
	struct open_table o = { name, 0 };
	if (find_table(e, name, ret))
		return 0;
	if (strlen(name) >= sizeof e->tables[0].name)
		return err_set(-EINVAL, "the table name \"%s\" is too long", name);
	/* LMDB wants no other transaction to open a table at the same time. */
	exclusive_begin(e);
	int r = 0;
	if (!find_table(e, name, &o.dbi)) {
		r = run_txn(e, open_table, &o, 0);
		if (!r && !keep_table(e, name, o.dbi))
			r = MDB_DBS_FULL;
	}
	exclusive_end(e);
	if (r == MDB_MAP_FULL) {
		r = grow_env(e, map_bytes(e));
		return r ? fail_with(e, r, "growing the map") : env_table(e, name, ret);
	}
	*ret = o.dbi;
	return r ? fail_with(e, r, "opening a table") : 0;
}

/* ---- the sum file: 'D' 'S' 'U' 'M', CRC LE32, transaction LE64 */

static int data_crc(struct env *e, int fd, uint32_t *ret)
{
	CLEANUP_FREE uint8_t *piece = malloc(64 << 10);
	if (!piece)
		return err_nomem("a buffer to check an LMDB file");
	uint32_t crc = 0;
	for (off_t at = 0;;) {
		ssize_t n = pread(fd, piece, 64 << 10, at);
		if (n < 0)
			return err_set(-errno, "reading \"%s/data.mdb\": %s", e->dir, strerror(errno));
		if (n == 0)
			break;
		crc = crc32c(crc, piece, (size_t)n);
		at += n;
	}
	*ret = crc;
	return 0;
}

static int make_sum(struct env *e, uint8_t out[16])
{
	MDB_envinfo info;
	int fd;
	uint32_t crc = 0;
	if (mdb_env_info(e->mdb, &info) || mdb_env_get_fd(e->mdb, &fd))
		return err_set(-EIO, "\"%s\": no information", e->dir);
	int r = data_crc(e, fd, &crc);
	memcpy(out, "DSUM", 4);
	le32_put(out + 4, crc);
	le64_put(out + 8, info.me_last_txnid);
	return r;
}

/* Only a help for the next run: when it cannot be written, that run checks less. */
static void write_sum(struct env *e)
{
	uint8_t sum[16];
	char path[4096];
	if (make_sum(e, sum) || (size_t)snprintf(path, sizeof path, "%s/sum", e->dir) >= sizeof path)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, sum, sizeof sum) != sizeof sum)
		(void)unlink(path);
	close(fd);
}

static int read_sum(struct env *e, uint8_t out[16])
{
	char path[4096];
	if ((size_t)snprintf(path, sizeof path, "%s/sum", e->dir) >= sizeof path)
		return -ENOENT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	ssize_t n = read(fd, out, 16);
	close(fd);
	(void)unlink(path);
	return n == 16 && memcmp(out, "DSUM", 4) == 0 ? 0 : -ENOENT;
}

static int check_sum(struct env *e)
{
	uint8_t was[16], is[16];
	if (read_sum(e, was))
		return 0;
	int r = make_sum(e, is);
	if (r)
		return r;
	if (memcmp(was + 8, is + 8, 8) == 0 && memcmp(was, is, 8) != 0)
		return err_set(-EBADMSG, "\"%s/data.mdb\" was changed by something else", e->dir);
	return 0;
}

/* ---- opening */

/* Does data.mdb hold every page that its meta page counts, or at least those that are in use? */
static int check_size(struct env *e)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	int fd;
	if (mdb_env_info(e->mdb, &info) || mdb_env_stat(e->mdb, &stat) || mdb_env_get_fd(e->mdb, &fd) || fstat(fd, &st))
		return err_set(-EIO, "\"%s\": no information", e->dir);
	uint64_t pages = info.me_last_pgno + 1;
	set_map_bytes(e, info.me_mapsize);
	bool sane = pages >= 2 && pages <= UINT64_MAX / stat.ms_psize;
	if (sane && (uint64_t)st.st_size >= pages * stat.ms_psize)
		return 0;
	int r = sane ? pages_check(fd, stat.ms_psize, info.me_last_txnid) : -EBADMSG;
	return r == -EBADMSG || r == -EIO ? err_set(-EBADMSG, "\"%s/data.mdb\" is cut short", e->dir) : r;
}

struct version {
	MDB_dbi dbi;
	uint32_t want;
	uint32_t found;
};

static int check_version(MDB_txn *txn, void *ctx)
{
	struct version *v = ctx;
	uint8_t le[4];
	char name[] = "version";
	MDB_val key = { sizeof name - 1, name }, val;
	int r = mdb_get(txn, v->dbi, &key, &val);
	if (r == 0) {
		v->found = val.mv_size == 4 ? le32_get(val.mv_data) : 0;
		return 0;
	}
	if (r != MDB_NOTFOUND)
		return r;
	v->found = v->want;
	le32_put(le, v->want);
	val = (MDB_val){ sizeof le, le };
	return mdb_put(txn, v->dbi, &key, &val, 0);
}

static int settle_version(struct env *e, uint32_t want)
{
	struct version v = { 0, want, 0 };
	int r = env_table(e, "", &v.dbi);
	if (!r)
		r = env_write(e, check_version, &v);
	if (r)
		return r;
	if (v.found > want)
		return err_set(-EPROTO, "\"%s\" was made by a newer version (%u, this one knows %u)", e->dir, v.found, want);
	if (v.found < want)
		return err_set(-EILSEQ, "\"%s\" was made by an older version (%u)", e->dir, v.found);
	return 0;
}

static int open_mdb(struct env *e, size_t map_bytes)
{
	if (mkdir(e->dir, 0700) && errno != EEXIST)
		return err_set(-errno, "making \"%s\": %s", e->dir, strerror(errno));
	int r = mdb_env_create(&e->mdb);
	if (!r)
		r = mdb_env_set_mapsize(e->mdb, map_bytes);
	if (!r)
		r = mdb_env_set_maxdbs(e->mdb, ENV_TABLES_MAX);
	if (!r)
		r = mdb_env_open(e->mdb, e->dir, MDB_NOTLS, 0600);
	return r ? fail_with(e, r, "opening") : 0;
}

int env_open(const char *dir, uint32_t version, size_t map_bytes, struct env **ret)
{
	struct env *e = calloc(1, sizeof *e);
	if (!e)
		return err_nomem("an LMDB environment");
	lock_init(&e->lock, RANK_STORE);
	cond_init(&e->idle);
	e->dir = strdup(dir);
	int r = e->dir ? open_mdb(e, map_bytes) : err_nomem("an LMDB environment");
	if (!r)
		r = check_size(e);
	if (!r)
		r = check_sum(e);
	if (!r) {
		env_check_readers(e);
		r = settle_version(e, version);
	}
	if (r) {
		if (e->mdb)
			mdb_env_close(e->mdb);
		e->mdb = NULL;
		env_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

struct env *env_close(struct env *e)
{
	if (!e)
		return NULL;
	if (e->mdb) {
		write_sum(e);
		mdb_env_close(e->mdb);
	}
	pthread_cond_destroy(&e->idle);
	lock_done(&e->lock);
	free(e->dir);
	free(e);
	return NULL;
}
