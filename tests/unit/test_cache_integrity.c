/* SPDX-License-Identifier: MIT */
/* Each call that changes the disk fails in turn, once or from then on (a disk that becomes read-only):
 * what fails says why, what was promised is kept, what is read is right, and the next run starts. */
#include "tests/unit/test_cache_fake.h"
#include "tests/unit/test_cache_fault.h"

#include "cache/evict.h"

#include <fcntl.h>
#include <unistd.h>

enum { MB = 1 << 20, DRAFT_BYTES = MB + 77, FILE_BYTES = 200 << 10 };

#ifdef __SANITIZE_THREAD__
enum { STEP = 7 };	/* for races some of them are enough */
#else
enum { STEP = 1 };
#endif

/* What a session was told has been done. */
struct promised {
	bool opened, put, left;
	uint64_t number;	/* of the draft that is left */
};

/* A failure has an errno and a reason. */
static bool did(int r)
{
	CHECK(r <= 0 && r > -4096);
	CHECK(!r || *err_last());
	bool ok = r == 0;
	err_clear();
	return ok;
}

static bool fill_draft(struct draft *d)
{
	static char bytes[DRAFT_BYTES];
	fake_fill(5, bytes, sizeof bytes, 0);
	return did(draft_pwrite(d, bytes, MB - 5, 0)) && did(draft_pwrite(d, bytes + MB - 5, DRAFT_BYTES - MB + 5, MB - 5));
}

/* What a seal hands out is right, or is not handed out. */
static void check_sealed(struct source *s)
{
	CHECK_INT(s->size, DRAFT_BYTES);
	(void)did(read_check(s, 5, 0, DRAFT_BYTES));
	source_unref(s);
}

/* A save that is waiting for another run. */
static bool leave_one(struct cache *c, uint64_t *ret_number)
{
	struct draft *d;
	struct source *s;
	if (!did(draft_create(c, NULL, &d)))
		return false;
	*ret_number = draft_number(d);
	bool ok = fill_draft(d) && did(draft_note(d, "note", 4)) && did(draft_seal(d, &s));
	if (ok)
		check_sealed(s);
	draft_leave(d);
	return ok;
}

static void commit_one(struct cache *c, struct source *base)
{
	struct cache_key key = { "saved", "r1", "" };
	struct draft *d;
	struct source *s;
	if (!did(draft_create(c, base, &d)))
		return;
	if (!fill_draft(d) || !did(draft_truncate(d, DRAFT_BYTES)) || !did(draft_seal(d, &s))) {
		draft_discard(d);
		return;
	}
	(void)did(draft_commit(d, &key));
	check_sealed(s);
}

/* Reading goes on whatever the cache's disk does. */
static void read_through(struct cache *c, const char *name, uint64_t size)
{
	struct fake *f = fake_new(size, 5);
	struct source *s = wrap(c, name, &f->src);
	read_all(s, f, MB);
	source_unref(s);
	source_unref(&f->src);
}

static struct promised session(void)
{
	struct promised p = { 0 };
	char dir[256];
	struct cache *c;
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	struct cache_config cfg = { dir, 64 * MB, 4, on_warning, NULL };
	p.opened = did(cache_open(&cfg, &c));
	if (!p.opened)
		return p;
	struct fake *base = fake_new(FILE_BYTES, 5);
	p.put = did(cache_state_put(c, "t", "key", "value", 5));
	p.left = leave_one(c, &p.number);
	read_through(c, "file", FILE_BYTES);
	commit_one(c, NULL);
	read_through(c, "saved", DRAFT_BYTES);
	(void)evict_bytes(c, MB);
	read_through(c, "file", FILE_BYTES);
	commit_one(c, &base->src);
	read_through(c, "saved", DRAFT_BYTES);
	source_unref(&base->src);
	cache_close(c);
	return p;
}

/* ---- the next run, on a disk that works */

struct search {
	uint64_t number;
	bool found;
};

static int find_draft(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n)
{
	struct search *s = ctx;
	if (number != s->number)
		return 0;
	s->found = true;
	CHECK_INT(size, DRAFT_BYTES);
	CHECK(n == 4 && memcmp(note, "note", 4) == 0);
	return 0;
}

static void check_file(uint64_t number)
{
	static char bytes[DRAFT_BYTES];
	char path[400];
	(void)snprintf(path, sizeof path, "%s/cache/draft/%llu", test_dir, (unsigned long long)number);
	int fd = open(path, O_RDONLY);
	CHECK_INT(pread(fd, bytes, sizeof bytes, 0), DRAFT_BYTES);
	close(fd);
	check_bytes(bytes, sizeof bytes, 5, 0);
}

static void check_next_run(const struct promised *p)
{
	struct cache *c = open_cache(64 * MB);
	struct search s = { p->number, false };
	struct buf value = BUF_INIT(100);
	int r = cache_state_get(c, "t", "key", &value);
	CHECK(r == 0 || (r == -ENOENT && !p->put));
	CHECK(r || (value.len == 5 && memcmp(value.data, "value", 5) == 0));
	buf_done(&value);
	if (p->left) {
		CHECK_INT(cache_drafts(c, find_draft, &s), 0);
		CHECK(s.found);
		check_file(p->number);
	}
	read_through(c, "file", FILE_BYTES);
	read_through(c, "saved", DRAFT_BYTES);
	commit_one(c, NULL);
	cache_close(c);
}

static void remove_cache(void)
{
	char command[400];
	(void)snprintf(command, sizeof command, "rm -rf %s/cache/*", test_dir);
	CHECK_INT(system(command), 0);
}

/* The nth call of these kinds fails, for every n. */
static void fail_each(unsigned kinds, int err, long times)
{
	long failed = 1;
	(void)own_disk("64m"); /* where that is allowed: it syncs faster */
	for (long n = 1; failed; n += n < 40 ? STEP : 9 * STEP) {
		fault_at(kinds, n, err, times);
		struct promised p = session();
		failed = fault_failed();
		fault_off();
		CHECK(failed || (p.put && p.left));
		check_next_run(&p);
		remove_cache();
	}
}

TEST(cache_integrity__each_write_fails_once) { HEAVY; fail_each(FAULT_WRITE, ENOSPC, 1); }
TEST(cache_integrity__each_sync_fails_once) { HEAVY; fail_each(FAULT_DATASYNC | FAULT_SYNC, EIO, 1); }
TEST(cache_integrity__each_name_and_size_fails_once)
{
	HEAVY;
	fail_each(FAULT_SIZE | FAULT_PUNCH | FAULT_RENAME | FAULT_CREATE | FAULT_UNLINK, EIO, 1);
}
TEST(cache_integrity__each_commit_fails_once) { HEAVY; fail_each(FAULT_COMMIT, ENOSPC, 1); }
TEST(cache_integrity__each_read_fails_once) { HEAVY; fail_each(FAULT_READ, EIO, 1); }
TEST(cache_integrity__the_disk_becomes_read_only_at_each_call) { HEAVY; fail_each(FAULT_CHANGES, EROFS, 0); }
TEST(cache_integrity__the_disk_becomes_full_at_each_call)
{
	HEAVY;
	fail_each(FAULT_WRITE | FAULT_COMMIT | FAULT_CREATE, ENOSPC, 0);
}
