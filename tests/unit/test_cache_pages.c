/* SPDX-License-Identifier: MIT */
/* LMDB files that are whole, short and sound, cut short, or damaged. */
#include "tests/unit/test_cache_fake.h"

#include "cache/env.h"
#include "cache/pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MB = 1 << 20, PAGE = 4096, KEYS = 150 };

static char dir[300], file[320];

static struct env *open_env(void)
{
	struct env *e;
	(void)snprintf(dir, sizeof dir, "%s/env", test_dir);
	(void)snprintf(file, sizeof file, "%s/data.mdb", dir);
	CHECK_INT(env_open(dir, 1, 16 * MB, &e), 0);
	return e;
}

struct step {
	MDB_dbi dbi;
	int n;
	bool big;	/* also put a value of four pages and remove it again */
};

static int step_txn(MDB_txn *txn, void *ctx)
{
	struct step *s = ctx;
	static char text[15000];
	char key[16], big[] = "big";
	MDB_val k = { (size_t)snprintf(key, sizeof key, "key%05d", s->n), key }, v = { 900, text };
	MDB_val bk = { sizeof big - 1, big }, bv = { sizeof text, text };
	int r = mdb_put(txn, s->dbi, &k, &v, 0);
	if (!r && s->big)
		r = mdb_put(txn, s->dbi, &bk, &bv, 0);
	return r || !s->big ? r : mdb_del(txn, s->dbi, &bk, NULL);
}

static int get_info(MDB_txn *txn, void *ctx) { return mdb_env_info(mdb_txn_env(txn), ctx); }

/* Is the file shorter than its last transaction counts? *ret_txn: that transaction. */
static bool is_short(struct env *e, uint64_t *ret_txn)
{
	MDB_envinfo info;
	struct stat st;
	CHECK_INT(env_read(e, get_info, &info), 0);
	CHECK_INT(stat(file, &st), 0);
	*ret_txn = info.me_last_txnid;
	return (uint64_t)st.st_size < (info.me_last_pgno + 1) * PAGE;
}

/* Pages that a transaction takes at the end of the file and lets go of are counted and never written:
 * the file is short, though nothing is wrong with it. Keys: 0 to 6, of 900 bytes. */
static struct env *make_short(uint64_t *ret_txn)
{
	struct env *e = open_env();
	struct step s = { 0 };
	CHECK_INT(env_table(e, "t", &s.dbi), 0);
	for (s.n = 0; s.n < 7; s.n++) {
		s.big = s.n == 6;
		CHECK_INT(env_write(e, step_txn, &s), 0);
	}
	CHECK(is_short(e, ret_txn));
	return e;
}

struct count {
	MDB_dbi dbi;
	size_t keys;
};

static int count_keys(MDB_txn *txn, void *ctx)
{
	struct count *c = ctx;
	MDB_stat st;
	int r = mdb_stat(txn, c->dbi, &st);
	c->keys = st.ms_entries;
	return r;
}

TEST(cache_pages__a_sound_file_that_is_short_is_opened)
{
	HEAVY;
	uint64_t txn;
	struct count count;
	env_close(make_short(&txn));
	struct env *e = open_env();
	CHECK_INT(env_table(e, "t", &count.dbi), 0);
	CHECK_INT(env_read(e, count_keys, &count), 0);
	CHECK_INT(count.keys, 7);
	env_close(e);
}

TEST(cache_pages__a_file_that_lacks_a_page_in_use_is_refused)
{
	HEAVY;
	uint64_t txn;
	struct stat st;
	struct env *e = make_short(&txn);
	int fd = open(file, O_RDWR);
	CHECK_INT(pages_check(fd, PAGE, txn), 0);
	env_close(e);
	CHECK_INT(fstat(fd, &st), 0);
	for (off_t pages = st.st_size / PAGE - 1; pages >= 2; pages--) { /* the last one that is there is in use */
		CHECK_INT(ftruncate(fd, pages * PAGE), 0);
		CHECK(pages_check(fd, PAGE, txn) < 0);
		CHECK_INT(env_open(dir, 1, 16 * MB, &e), -EBADMSG);
	}
	close(fd);
}

/* Whatever a bit of the file says, the walk ends and reads nothing outside of the file. */
TEST(cache_pages__any_flipped_bit_ends_well)
{
	HEAVY;
	uint64_t txn;
	struct stat st;
	unsigned char b;
	struct env *e = make_short(&txn);
	env_close(e);
	int fd = open(file, O_RDWR), refused = 0;
	CHECK_INT(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at += at % PAGE < 256 ? 1 : 7) {
		CHECK_INT(pread(fd, &b, 1, at), 1);
		unsigned char was = b;
		b ^= (unsigned char)(1u << at % 8);
		CHECK_INT(pwrite(fd, &b, 1, at), 1);
		int r = pages_check(fd, PAGE, txn);
		CHECK(r == 0 || r == -EBADMSG || r == -EIO);
		refused += r != 0;
		CHECK_INT(pwrite(fd, &was, 1, at), 1);
	}
	CHECK(refused > 50);
	CHECK_INT(pages_check(fd, PAGE, txn), 0);
	close(fd);
}
