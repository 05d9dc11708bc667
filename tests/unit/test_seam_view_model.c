/* SPDX-License-Identifier: MIT */
/* The states of fs/model.h over a Drive in memory, each move forced: another host acts in the very moment. */
#include "fs/handle.h"
#include "fs/model.h"
#include "fs/view.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

#define DATA "tests/data/gensim/"
#define SHARD0 "variables/variables.data-00000-of-00002"
#define SHARD1 "variables/variables.data-00001-of-00002"
#define INDEX "variables/variables.index"

enum { THREADS = 8 };

static void load(const char *name, struct buf *ret)
{
	char path[200], piece[4096];
	snprintf(path, sizeof path, DATA "%s", name);
	FILE *f = fopen(path, "rb");
	CHECK(f != NULL);
	for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
		buf_add(ret, piece, n);
	fclose(f);
	CHECK_INT(buf_check(ret, name), 0);
}

/* ---- a view, as the kernel uses it */

/* "a/b" below saved_model/; one nlookup for the caller, or an error. */
static int look(struct fs *fs, const char *path, struct inode **ret)
{
	char name[256];
	int r = view_root(fs, ret);
	while (!r && *path) {
		size_t n = strcspn(path, "/");
		memcpy(name, path, n);
		name[n] = 0;
		path += n + (path[n] == '/');
		r = view_lookup(fs, *ret, name, ret);
	}
	return r;
}

/* All bytes of a file of the view; looked up once more on -ESTALE, which is what the kernel does. */
static int read_view(struct fs *fs, const char *path, struct buf *ret)
{
	struct inode *n;
	struct handle *h = NULL;
	int r = -ESTALE;
	for (int i = 0; r == -ESTALE && i < 2; i++) {
		r = look(fs, path, &n);
		if (!r)
			r = view_open(fs, n, &h);
	}
	if (r)
		return r;
	CHECK(h->view->size <= ret->max);
	buf_reset(ret);
	for (uint64_t i = 0; i < h->view->size; i++)
		buf_byte(ret, 0);
	ssize_t got = buf_check(ret, "a view") ? -ENOMEM : handle_read(fs, h, ret->data, ret->len, 0);
	CHECK(got < 0 || (size_t)got == ret->len);
	lock_acquire(&fs->tree.lock);
	CHECK_INT(h->view->size, n->view_size);
	lock_release(&fs->tree.lock);
	handle_release(fs, h);
	return got < 0 ? (int)got : 0;
}

/* The model that a shard says it is: the last float of the matrix. */
static float last_float(const struct buf *b)
{
	float f;
	CHECK(b->len >= sizeof f);
	memcpy(&f, b->data + b->len - sizeof f, sizeof f);
	return f;
}

static float number_of(struct fs *fs, const char *model)
{
	char path[300];
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	snprintf(path, sizeof path, "%s/" SHARD0, model);
	CHECK_INT(read_view(fs, path, &b), 0);
	return last_float(&b);
}

static void read_error(struct fs *fs, const char *model, struct buf *ret)
{
	char path[300];
	snprintf(path, sizeof path, "%s/ERROR.txt", model);
	CHECK_INT(read_view(fs, path, ret), 0);
}

static int add_name(void *ctx, const char *name, bool folder)
{
	(void)folder;
	buf_printf(ctx, "%s ", name);
	return 0;
}

static int list(struct fs *fs, const char *path, struct buf *ret)
{
	struct inode *n;
	buf_reset(ret);
	int r = look(fs, path, &n);
	return r ? r : view_list(fs, n, add_name, ret);
}

static unsigned log_lines(const char *with)
{
	char path[300], line[4096];
	unsigned n = 0;
	snprintf(path, sizeof path, "%s/log", test_dir);
	FILE *f = fopen(path, "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		n += strstr(line, with) != NULL;
	fclose(f);
	return n;
}

/* ---- a set in Drive: "m.kv" and its side-car, whose floats are all `number` */

struct set { struct fs *fs; struct buf main, side; };

static void make_side(struct set *s, float number)
{
	for (size_t i = 128; i + 4 <= s->side.len; i += 4)
		memcpy(s->side.data + i, &number, 4);
}

static void set_begin(struct set *s)
{
	*s = (struct set){ fake_fs_new(), BUF_INIT(1 << 20), BUF_INIT(1 << 20) };
	load("keyedvectors_sidecar.kv", &s->main);
	load("keyedvectors_sidecar.kv.vectors.npy", &s->side);
	make_side(s, 1);
	fake_drive_file(s->fs->drive, "main", "root", "m.kv", s->main.data, s->main.len);
	fake_drive_file(s->fs->drive, "side", "root", "m.kv.vectors.npy", s->side.data, s->side.len);
}

static void set_end(struct set *s)
{
	fake_fs_free(s->fs);
	buf_done(&s->main);
	buf_done(&s->side);
}

static int replace_side(void *ctx)
{
	struct set *s = ctx;
	make_side(s, 2);
	fake_drive_replace(s->fs->drive, "side", s->side.data, s->side.len);
	return 0;
}

static int replace_side_with_news(void *ctx)
{
	struct set *s = ctx;
	(void)replace_side(s);
	fake_fs_news(s->fs, "side");
	return 0;
}

TEST(seam_view__set_a_replaced_side_car_is_another_view)
{
	CLEANUP(set_end) struct set s;
	struct inode *before, *after;
	CLEANUP_BUF struct buf index = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	set_begin(&s);
	CHECK(number_of(s.fs, "m.kv") == 1);
	CHECK_INT(look(s.fs, "m.kv/" SHARD0, &before), 0);
	CHECK_INT(read_view(s.fs, "m.kv/" INDEX, &index), 0);
	(void)replace_side_with_news(&s);
	CHECK(number_of(s.fs, "m.kv") == 2);
	CHECK_INT(look(s.fs, "m.kv/" SHARD0, &after), 0);
	CHECK(before->id != after->id); /* what the kernel keeps of the old one is not shown */
	CHECK_INT(read_view(s.fs, "m.kv/" INDEX, &other), 0);
	CHECK(index.len == other.len && memcmp(index.data, other.data, index.len) != 0);
	struct handle *h;
	CHECK_INT(view_open(s.fs, before, &h), -ESTALE);
}

TEST(seam_view__set_replaced_between_the_main_file_and_the_side_car)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	set_begin(&s);
	CHECK_INT(list(s.fs, "", &names), 0); /* the kind is known: the next read of it is the scan's */
	fake_drive_before(s.fs->drive, FAKE_READ, "main", replace_side_with_news, &s);
	CHECK(number_of(s.fs, "m.kv") == 2);
}

TEST(seam_view__set_replaced_while_the_side_car_is_read)
{
	CLEANUP(set_end) struct set s;
	set_begin(&s);
	fake_drive_heads_only(s.fs->drive);
	fake_drive_before(s.fs->drive, FAKE_READ, "side", replace_side, &s);
	CHECK(number_of(s.fs, "m.kv") == 2); /* nobody told us: the refused read did */
}

TEST(seam_view__set_what_is_open_stays_as_it_was)
{
	CLEANUP(set_end) struct set s;
	struct inode *n;
	struct handle *h;
	float f;
	set_begin(&s);
	CHECK(number_of(s.fs, "m.kv") == 1);
	CHECK_INT(look(s.fs, "m.kv/" SHARD0, &n), 0);
	CHECK_INT(view_open(s.fs, n, &h), 0);
	(void)replace_side_with_news(&s);
	CHECK(number_of(s.fs, "m.kv") == 2);
	CHECK_INT(handle_read(s.fs, h, &f, sizeof f, n->view_size - 4), 4);
	CHECK(f == 1);
	handle_release(s.fs, h);
}

static int open_shard(void *arg)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	return read_view(arg, "m.kv/" SHARD1, &b);
}

static void in_threads(int (*run)(void *arg), void *arg, int want)
{
	struct thread t[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(thread_inherit(&t[i], run, arg), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(thread_join(&t[i]), want);
}

TEST(seam_view__set_one_scan_for_many)
{
	CLEANUP(set_end) struct set s;
	set_begin(&s);
	in_threads(open_shard, s.fs, 0);
	CHECK_INT(fake_drive_count(s.fs->drive, FAKE_READ, "main"), 2); /* the first bytes, and the block */
	CHECK_INT(fake_drive_count(s.fs->drive, FAKE_READ, "side"), 1);
}

/* ---- kinds, refusals */

static int list_root(void *arg)
{
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	return list(arg, "", &names);
}

TEST(seam_view__kinds_one_read_for_many)
{
	struct fs *fs = fake_fs_new();
	fake_drive_file(fs->drive, "a", "root", "a.bin", "no model at all", 15);
	fake_drive_file(fs->drive, "b", "root", "b.png", "2 1\na \0\0\0\0b \0\0\0\0", 16);
	fake_drive_mime(fs->drive, "b", "image/png");
	fake_drive_file(fs->drive, "c", "root", "tiny", "1 1\na", 5);
	in_threads(list_root, fs, 0);
	in_threads(list_root, fs, 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_READ, "a"), 1);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_READ, "b"), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_READ, "c"), 0);
	/* Only its name and type kept it out: with others it is looked into. */
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	fake_drive_mime(fs->drive, "b", "");
	CHECK_INT(drive_edit(fs->drive, "b", &(struct drive_edit){ .name = "b.bin", .mtime_ms = -1 }, &news), 0);
	fake_fs_news(fs, "b");
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	CHECK_INT(list(fs, "", &names), 0);
	CHECK_STR(names.data, "b.bin ");
	fake_fs_free(fs);
}

TEST(seam_view__refused_left_out_once)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	set_begin(&s);
	fake_drive_file(s.fs->drive, "bad", "root", "bad.kv", s.main.data, s.main.len);
	fake_drive_refuse(s.fs->drive, "bad", -EACCES, "HTTP 403 cannotDownloadAbusiveFile");
	for (int i = 0; i < 3; i++) {
		CHECK_INT(list(s.fs, "", &names), 0);
		CHECK_STR(names.data, "m.kv ");
	}
	CHECK_INT(fake_drive_count(s.fs->drive, FAKE_READ, "bad"), 1);
	CHECK_INT(log_lines("bad.kv"), 1);
	CHECK_INT(log_lines("cannotDownloadAbusiveFile"), 1);
	/* News of the file: perhaps it is given out by now. */
	fake_drive_refuse(s.fs->drive, "bad", 0, NULL);
	fake_drive_trash(s.fs->drive, "bad", false);
	fake_fs_news(s.fs, "bad");
	CHECK_INT(list(s.fs, "", &names), 0);
	CHECK(strstr(names.data, "bad.kv ") != NULL);
}

static int credentials_gone(void *ctx) { (void)ctx; return err_set(-EACCES, "get: HTTP 401"); }

TEST(seam_view__refused_for_now_fails)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	struct inode *n;
	set_begin(&s);
	fake_drive_refuse(s.fs->drive, "main", -EDQUOT, "HTTP 403 downloadQuotaExceeded");
	CHECK_INT(list(s.fs, "", &names), -EDQUOT);
	CHECK(strstr(err_last(), "\"m.kv\" cannot be looked into") && strstr(err_last(), "downloadQuotaExceeded"));
	CHECK_INT(look(s.fs, "m.kv", &n), -EDQUOT);
	/* Refused, and it is not this file: nothing is known of it. */
	fake_drive_refuse(s.fs->drive, "main", -EACCES, "HTTP 401");
	fake_drive_before(s.fs->drive, FAKE_GET, "main", credentials_gone, NULL);
	CHECK_INT(list(s.fs, "", &names), -EACCES);
	fake_drive_refuse(s.fs->drive, "main", 0, NULL);
	CHECK_INT(list(s.fs, "", &names), 0);
	CHECK_STR(names.data, "m.kv ");
	CHECK_INT(log_lines("m.kv"), 0);
}

TEST(seam_view__refused_what_has_gone_is_no_failure)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	struct inode *n;
	set_begin(&s);
	CHECK(number_of(s.fs, "m.kv") == 1);
	fake_drive_file(s.fs->drive, "new", "root", "new.kv", s.main.data, s.main.len);
	lock_acquire(&s.fs->tree.lock);
	s.fs->tree.root->listing = LISTING_UNKNOWN;
	lock_release(&s.fs->tree.lock);
	CHECK(fake_fs_walk(s.fs, "new.kv") != NULL);
	fake_drive_trash(s.fs->drive, "new", true);
	fake_drive_refuse(s.fs->drive, "new", -ENOENT, "HTTP 404");
	CHECK_INT(list(s.fs, "", &names), 0);
	CHECK_STR(names.data, "m.kv ");
	CHECK_INT(look(s.fs, "new.kv", &n), -ENOENT);
}

/* ---- what cannot be served */

TEST(seam_view__error_a_missing_side_car_and_mended)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	struct inode *n;
	set_begin(&s);
	CHECK(number_of(s.fs, "m.kv") == 1);
	fake_drive_trash(s.fs->drive, "side", true);
	fake_fs_news(s.fs, "side");
	for (int i = 0; i < 50; i++)
		CHECK_INT(look(s.fs, "m.kv/saved_model.pb", &n), -ENOENT);
	CHECK_INT(list(s.fs, "m.kv", &b), 0);
	CHECK_STR(b.data, "ERROR.txt ");
	read_error(s.fs, "m.kv", &b);
	CHECK(strstr(b.data, "m.kv cannot be shown") && strstr(b.data, "m.kv.vectors.npy  missing"));
	CHECK_INT(log_lines("m.kv"), 1);
	fake_drive_trash(s.fs->drive, "side", false);
	fake_fs_news(s.fs, "side");
	CHECK(number_of(s.fs, "m.kv") == 1);
	CHECK_INT(look(s.fs, "m.kv/ERROR.txt", &n), -ENOENT);
	CHECK_INT(list(s.fs, "m.kv", &b), 0);
	CHECK_STR(b.data, "saved_model.pb variables ");
}

TEST(seam_view__error_another_shape)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	set_begin(&s);
	char *shape = strstr(s.side.data + 10, "(22, 6)");
	CHECK(shape != NULL);
	shape[2] = '1';
	fake_drive_replace(s.fs->drive, "side", s.side.data, s.side.len);
	read_error(s.fs, "m.kv", &b);
	CHECK(strstr(b.data, "of different saves") && strstr(b.data, "21 rows of 6"));
	/* Mended elsewhere; the change feed has not told. A verdict on what is not there any more would not do. */
	shape[2] = '2';
	fake_drive_replace(s.fs->drive, "side", s.side.data, s.side.len);
	fake_fs_news(s.fs, "side");
	CHECK(number_of(s.fs, "m.kv") == 1);
}

TEST(seam_view__error_a_verdict_is_on_what_drive_has_now)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	set_begin(&s);
	char *shape = strstr(s.side.data + 10, "(22, 6)");
	shape[2] = '1';
	fake_drive_replace(s.fs->drive, "side", s.side.data, s.side.len);
	CHECK_INT(list(s.fs, "", &b), 0); /* what is known of it from here on is of yesterday */
	shape[2] = '2';
	fake_drive_replace(s.fs->drive, "side", s.side.data, s.side.len);
	CHECK(number_of(s.fs, "m.kv") == 1);
	CHECK_INT(log_lines("m.kv"), 0);
}

TEST(seam_view__error_refused)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	set_begin(&s);
	fake_drive_refuse(s.fs->drive, "side", -EACCES, "HTTP 403 cannotDownloadFile");
	read_error(s.fs, "m.kv", &b);
	CHECK(strstr(b.data, "cannotDownloadFile") && strstr(b.data, "ask the owner"));
	CHECK_INT(list(s.fs, "", &b), 0);
	CHECK_STR(b.data ? b.data : "", "");
}

TEST(seam_view__error_for_now_is_no_verdict)
{
	CLEANUP(set_end) struct set s;
	struct inode *n;
	set_begin(&s);
	/* -EBADMSG of a proxy's page is not the verdict that the same number is of a pickle. */
	fake_drive_refuse(s.fs->drive, "side", -EBADMSG, "HTTP 200 with a page");
	CHECK_INT(look(s.fs, "m.kv/saved_model.pb", &n), -EBADMSG);
	fake_drive_refuse(s.fs->drive, "side", 0, NULL);
	CHECK(number_of(s.fs, "m.kv") == 1);
}

/* ---- saved elsewhere a moment ago */

TEST(seam_view__stale_the_load_goes_on_with_the_new_set)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096), b = BUF_INIT(1 << 20);
	set_begin(&s);
	fake_drive_heads_only(s.fs->drive);
	CHECK_INT(list(s.fs, "", &names), 0);
	char *word = strstr(s.main.data + 300, "human");
	if (!word)
		word = memmem(s.main.data, s.main.len, "human", 5);
	CHECK(word != NULL);
	memcpy(word, "HUMAN", 5);
	fake_drive_replace(s.fs->drive, "main", s.main.data, s.main.len);
	(void)replace_side(&s);
	CHECK_INT(read_view(s.fs, "m.kv/" SHARD1, &b), 0);
	CHECK(memmem(b.data, b.len, "HUMAN", 5) && !memmem(b.data, b.len, "human", 5));
	CHECK(number_of(s.fs, "m.kv") == 2);
}

TEST(seam_view__stale_side_cars_are_asked_for_with_the_main_file)
{
	CLEANUP(set_end) struct set s;
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	set_begin(&s);
	CHECK_INT(list(s.fs, "", &names), 0);
	/* Only the main file's old revision is refused; the side-car's could still be read, and would be mixed in. */
	fake_drive_replace(s.fs->drive, "main", s.main.data, s.main.len);
	(void)replace_side(&s);
	fake_drive_refuse(s.fs->drive, "main", -ESTALE, "replaced");
	struct inode *n;
	CHECK_INT(look(s.fs, "m.kv/saved_model.pb", &n), -EIO); /* it never ends: not ESTALE for ever, and it says so */
	CHECK(strstr(err_last(), "faster than it can be read"));
	fake_drive_refuse(s.fs->drive, "main", 0, NULL);
	CHECK(number_of(s.fs, "m.kv") == 2);
}

TEST(seam_view__stale_an_open_asks_whether_it_is_still_the_head)
{
	CLEANUP(set_end) struct set s;
	struct inode *n;
	set_begin(&s);
	fake_drive_heads_only(s.fs->drive);
	CHECK_INT(look(s.fs, "m.kv/" SHARD0, &n), 0); /* scanned */
	struct cache_key key = { "side", "side.1", "" };
	cache_drop(s.fs->cache, &key);
	(void)replace_side(&s);
	CHECK(number_of(s.fs, "m.kv") == 2);
	CHECK(fake_drive_count(s.fs->drive, FAKE_VERIFY, "side") >= 1);
}

/* ---- parts */

static const char text_model[] = "2 2\nab 1 2\ncd 3 4\n";

static int read_text(void *arg)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	int r = read_view(arg, "m.txt/" SHARD0, &b);
	return r ? r : last_float(&b) == 4 ? 0 : -EIO;
}

TEST(seam_view__parts_made_again)
{
	struct fs *fs = fake_fs_new();
	fake_drive_file(fs->drive, "t", "root", "m.txt", text_model, sizeof text_model - 1);
	CHECK_INT(read_text(fs), 0);
	unsigned before = fake_drive_count(fs->drive, FAKE_READ, "t");
	struct cache_key matrix = { "t", "t.1", "savedmodel2.matrix" }, bytes = { "t", "t.1", "" };
	CHECK(cache_complete(fs->cache, &matrix));
	cache_drop(fs->cache, &matrix);
	cache_drop(fs->cache, &bytes);
	in_threads(read_text, fs, 0);
	CHECK(cache_complete(fs->cache, &matrix));
	CHECK_INT(fake_drive_count(fs->drive, FAKE_READ, "t"), before + 1); /* one makes it, the others wait */
	fake_fs_free(fs);
}

TEST(seam_view__parts_a_failure_leaves_all_as_it_was)
{
	struct fs *fs = fake_fs_new();
	fake_drive_file(fs->drive, "t", "root", "m.txt", text_model, sizeof text_model - 1);
	CHECK_INT(read_text(fs), 0);
	struct cache_key matrix = { "t", "t.1", "savedmodel2.matrix" }, bytes = { "t", "t.1", "" };
	cache_drop(fs->cache, &matrix);
	cache_drop(fs->cache, &bytes);
	fake_drive_refuse(fs->drive, "t", -ETIMEDOUT, "no byte for 15 s");
	in_threads(read_text, fs, -ETIMEDOUT);
	fake_drive_refuse(fs->drive, "t", 0, NULL);
	in_threads(read_text, fs, 0);
	fake_fs_free(fs);
}

/* ---- cancelling */

static bool is_set(void *ctx) { return __atomic_load_n((bool *)ctx, __ATOMIC_RELAXED); }

/* A request that hangs, until its asker gives up. */
static int hang(void *ctx)
{
	__atomic_store_n((bool *)ctx, true, __ATOMIC_RELAXED); /* the ^C comes now */
	return cancelled() ? err_set(-EINTR, "cancelled") : err_set(-EIO, "a thread that nobody can interrupt");
}

TEST(seam_view__cancel_reaches_the_threads_that_look_into_files)
{
	struct fs *fs = fake_fs_new();
	CLEANUP_BUF struct buf names = BUF_INIT(4096);
	bool now = false;
	char id[16];
	for (int i = 0; i < 16; i++) {
		snprintf(id, sizeof id, "f%d", i);
		fake_drive_file(fs->drive, id, "root", id, "some bytes", 10);
		fake_drive_before(fs->drive, FAKE_READ, id, hang, &now);
	}
	cancel_set(is_set, &now);
	CHECK_INT(list(fs, "", &names), -EINTR);
	cancel_set(NULL, NULL);
	CHECK(strstr(err_last(), "cancelled") != NULL);
	CHECK(fake_drive_count(fs->drive, FAKE_READ, NULL) <= 9); /* as many as look at a time */
	now = false;
	CHECK_INT(list(fs, "", &names), -EIO); /* what is left of the hooks */
	fake_fs_free(fs);
}

TEST(seam_view__set_who_waits_for_a_scan_takes_it_over_when_it_is_given_up)
{
	CLEANUP(set_end) struct set s;
	set_begin(&s);
	bool now = false;
	fake_drive_before(s.fs->drive, FAKE_READ, "side", hang, &now);
	cancel_set(is_set, &now);
	struct inode *n;
	int r = look(s.fs, "m.kv/saved_model.pb", &n);
	cancel_set(NULL, NULL);
	CHECK(r == -EINTR || r == -EIO); /* by way of the cache: its fetcher is not the asker's thread */
	CHECK(number_of(s.fs, "m.kv") == 1);
}
