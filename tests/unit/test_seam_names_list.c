/* SPDX-License-Identifier: MIT */
/* Listing a folder over a Drive in memory: what another host does in the very moment. */
#include "fs/ask.h"
#include "fs/namei.h"
#include "fs/reach.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

/* root/d/x, and a file y of another host that the mount does not know of. */
static struct fs *begin(void)
{
	struct fs *fs = fake_fs_new();
	fake_drive_folder(fs->drive, "d", "root", "d");
	fake_drive_file(fs->drive, "x", "d", "x", "1", 1);
	return fs;
}

static struct file *file_of(struct fs *fs, const char *id)
{
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_file(&fs->tree, id);
	lock_release(&fs->tree.lock);
	return f;
}

/* As the watcher does when the feed has forgotten its token. */
static void outdate(struct fs *fs, const char *id)
{
	lock_acquire(&fs->tree.lock);
	tree_file(&fs->tree, id)->listing = LISTING_UNKNOWN;
	lock_release(&fs->tree.lock);
}

static int look(struct fs *fs, const char *name)
{
	struct inode *dir = fake_fs_walk(fs, "d"), *n;
	return namei_lookup(fs, dir, name, &n);
}

struct asker { struct fs *fs; pthread_t thread; bool started; int result; };

static void *ask_too(void *arg)
{
	struct asker *a = arg;
	a->result = look(a->fs, "x");
	return NULL;
}

/* Runs in the middle of the first one's listing. */
static int start_another(void *ctx)
{
	struct asker *a = ctx;
	a->started = pthread_create(&a->thread, NULL, ask_too, a) == 0;
	return 0;
}

TEST(seam_names__a_folder_is_listed_once_however_many_ask)
{
	struct fs *fs = begin();
	struct asker other = { .fs = fs };
	CHECK(fake_fs_walk(fs, "d"));
	fake_drive_before(fs->drive, FAKE_LIST, "d", start_another, &other);
	CHECK_INT(look(fs, "x"), 0);
	CHECK(other.started);
	pthread_join(other.thread, NULL);
	CHECK_INT(other.result, 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_LIST, "d"), 1);
	fake_fs_free(fs);
}

static int fail(void *ctx) { return err_set(*(int *)ctx, "the test says so"); }

TEST(seam_names__a_failed_listing_says_nothing_and_is_asked_again)
{
	struct fs *fs = begin();
	int err = -ETIMEDOUT;
	fake_drive_before(fs->drive, FAKE_LIST, "d", fail, &err);
	CHECK_INT(look(fs, "x"), -ETIMEDOUT);
	CHECK_INT(look(fs, "x"), 0);
	CHECK_INT(look(fs, "y"), -ENOENT);
	fake_fs_free(fs);
}

TEST(seam_names__a_listing_that_ends_half_way_removes_nothing)
{
	struct fs *fs = begin();
	int err = -EIO;
	fake_drive_file(fs->drive, "y", "d", "y", "1", 1);
	CHECK_INT(look(fs, "x"), 0);
	outdate(fs, "d");
	fake_drive_before(fs->drive, FAKE_ROW, "x", fail, &err);
	CHECK_INT(look(fs, "x"), -EIO);
	CHECK_INT(file_of(fs, "y")->state, FILE_LISTED);
	CHECK_INT(look(fs, "y"), 0);
	fake_fs_free(fs);
}

TEST(seam_names__one_404_of_a_listing_hides_nothing)
{
	struct fs *fs = begin();
	int err = -ENOENT;
	fake_drive_before(fs->drive, FAKE_LIST, "d", fail, &err);
	CHECK_INT(look(fs, "x"), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_GET, "d"), 1);
	fake_drive_before(fs->drive, FAKE_LIST, "d", fail, &err);
	fake_drive_before(fs->drive, FAKE_LIST, "d", fail, &err);
	outdate(fs, "d");
	CHECK_INT(look(fs, "x"), -EIO); /* known by its id and not listed: nothing is said to be missing */
	CHECK_INT(look(fs, "x"), 0);
	fake_fs_free(fs);
}

TEST(seam_names__what_drive_denies_twice_is_gone_and_asked_for_again_later)
{
	struct fs *fs = begin();
	int err = -ENOENT;
	struct inode *dir = fake_fs_walk(fs, "d"), *n;
	fake_drive_before(fs->drive, FAKE_LIST, "d", fail, &err);
	fake_drive_before(fs->drive, FAKE_GET, "d", fail, &err);
	CHECK_INT(namei_lookup(fs, dir, "x", &n), -ESTALE);
	CHECK_INT(file_of(fs, "d")->state, FILE_REFUSED);
	CHECK(!fake_fs_walk(fs, "d"));
	ask_again(fs); /* too early */
	CHECK(!fake_fs_walk(fs, "d"));
	lock_acquire(&fs->tree.lock);
	CHECK_INT(fs->tree.suspects, 1);
	tree_file(&fs->tree, "d")->ask_ms = 1;
	lock_release(&fs->tree.lock);
	ask_again(fs);
	CHECK_INT(fs->tree.suspects, 0);
	CHECK(fake_fs_walk(fs, "d") && look(fs, "x") == 0);
	fake_fs_free(fs);
}

TEST(seam_names__the_mounted_folder_denied_is_an_error_not_an_empty_folder)
{
	struct fs *fs = begin();
	int err = -ENOENT;
	struct inode *n;
	fake_drive_before(fs->drive, FAKE_LIST, "root", fail, &err);
	fake_drive_before(fs->drive, FAKE_GET, "root", fail, &err);
	CHECK_INT(namei_lookup(fs, fs->tree.root->node, "d", &n), -EIO);
	CHECK(file_gone(fs->tree.root));
	CHECK_INT(namei_create(fs, fs->tree.root->node, "new", &n), -ENOENT);
	CHECK_INT(namei_mkdir(fs, fs->tree.root->node, "new", &n), -ENOENT);
	fake_fs_free(fs);
}

TEST(seam_names__what_a_listing_that_lags_lacks_is_asked_for)
{
	struct fs *fs = begin();
	CHECK_INT(look(fs, "x"), 0);
	fake_drive_lag(fs->drive, "x", true);
	outdate(fs, "d");
	CHECK_INT(look(fs, "x"), 0);
	CHECK_INT(file_of(fs, "x")->state, FILE_LISTED);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_GET, "x"), 1);
	fake_drive_trash(fs->drive, "x", true);
	outdate(fs, "d");
	CHECK_INT(look(fs, "x"), -ENOENT);
	CHECK(file_gone_by_news(file_of(fs, "x")));
	fake_fs_free(fs);
}

TEST(seam_names__while_drive_does_not_say_the_name_stays_unknown_and_is_an_error)
{
	struct fs *fs = begin();
	int err = -ETIMEDOUT;
	CHECK_INT(look(fs, "x"), 0);
	fake_drive_lag(fs->drive, "x", true);
	outdate(fs, "d");
	fake_drive_before(fs->drive, FAKE_GET, "x", fail, &err);
	fake_drive_before(fs->drive, FAKE_GET, "x", fail, &err);
	CHECK_INT(look(fs, "x"), -ETIMEDOUT);
	CHECK_INT(file_of(fs, "x")->state, FILE_UNKNOWN);
	CHECK_INT(look(fs, "x"), 0);
	fake_fs_free(fs);
}

TEST(seam_names__many_that_a_listing_lacks_are_not_all_asked_for_at_once)
{
	enum { MANY = 40, AT_ONCE = 32 };
	struct fs *fs = begin();
	char id[16];
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "many-%d", i);
		fake_drive_file(fs->drive, id, "d", id, "1", 1);
	}
	CHECK_INT(look(fs, "many-0"), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "many-%d", i);
		fake_drive_lag(fs->drive, id, true);
	}
	outdate(fs, "d");
	CHECK_INT(look(fs, "x"), 0);
	CHECK_INT(fake_drive_count(fs->drive, FAKE_GET, NULL) - fake_drive_count(fs->drive, FAKE_GET, "root"), AT_ONCE);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "many-%d", i);
		CHECK_INT(look(fs, id), 0);
	}
	fake_fs_free(fs);
}

/* Another host trashes x when its row is made and not delivered yet, and the feed says so. */
static int trash_x(void *ctx)
{
	struct fs *fs = ctx;
	fake_drive_trash(fs->drive, "x", true);
	fake_fs_news(fs, "x");
	return 0;
}

TEST(seam_names__a_file_trashed_while_it_is_being_listed_does_not_stay)
{
	struct fs *fs = begin();
	CHECK(fake_fs_walk(fs, "d"));
	fake_drive_before(fs->drive, FAKE_ROW, "x", trash_x, fs);
	CHECK_INT(look(fs, "x"), -ENOENT);
	fake_drive_trash(fs->drive, "x", false);
	fake_fs_news(fs, "x");
	CHECK_INT(look(fs, "x"), 0);
	fake_fs_free(fs);
}

static bool always(void *ctx) { (void)ctx; return true; }

/* In the middle of somebody's listing: one who is interrupted does not wait for it. */
static int ask_interrupted(void *ctx)
{
	struct fs *fs = ctx;
	cancel_set(always, NULL);
	CHECK_INT(namei_list(fs, file_of(fs, "d")), -EINTR);
	cancel_set(NULL, NULL);
	return 0;
}

TEST(seam_names__who_is_interrupted_does_not_wait_for_a_listing)
{
	struct fs *fs = begin();
	CHECK(fake_fs_walk(fs, "d"));
	fake_drive_before(fs->drive, FAKE_LIST, "d", ask_interrupted, fs);
	CHECK_INT(look(fs, "x"), 0);
	fake_fs_free(fs);
}

TEST(seam_names__a_refresh_brings_what_another_host_saved_or_removed)
{
	struct fs *fs = begin();
	CHECK_INT(look(fs, "x"), 0);
	struct file *x = file_of(fs, "x");
	fake_drive_replace(fs->drive, "x", "two", 3);
	CHECK_INT(namei_refresh(fs, x), 0);
	CHECK_INT(x->head.size, 3);
	fake_drive_trash(fs->drive, "x", true);
	CHECK_INT(namei_refresh(fs, x), -ENOENT);
	CHECK(file_gone_by_news(x));
	fake_fs_free(fs);
}

TEST(seam_names__reached_by_id_from_below_or_not_at_all)
{
	struct fs *fs = begin();
	struct file *f;
	static char no_drive[] = "";
	fs->shared_drive = no_drive;
	fake_drive_folder(fs->drive, "e", "d", "e");
	fake_drive_file(fs->drive, "deep", "e", "deep", "1", 1);
	fake_drive_folder(fs->drive, "other", "", "other");
	fake_drive_file(fs->drive, "far", "other", "far", "1", 1);
	CHECK_INT(reach_file(fs, "deep", &f), 0);
	lock_acquire(&fs->tree.lock);
	CLEANUP_FREE char *path = tree_path(&fs->tree, f);
	lock_release(&fs->tree.lock);
	CHECK_STR(path, "d/e/deep");
	CHECK_INT(reach_file(fs, "far", &f), -ENOENT);
	CHECK_INT(reach_file(fs, "none", &f), -ENOENT);
	fake_drive_file(fs->drive, "late", "e", "late", "1", 1);
	fake_drive_trash(fs->drive, "late", true);
	CHECK_INT(reach_file(fs, "late", &f), -ENOENT);
	fake_fs_free(fs);
}

TEST(seam_names__names_over_255_bytes_are_refused)
{
	struct fs *fs = begin();
	struct inode *dir = fake_fs_walk(fs, "d"), *n;
	char name[300] = "";
	memset(name, 'a', 256);
	CHECK_INT(namei_lookup(fs, dir, name, &n), -ENAMETOOLONG);
	CHECK_INT(namei_create(fs, dir, name, &n), -ENAMETOOLONG);
	CHECK_INT(namei_mkdir(fs, dir, name, &n), -ENAMETOOLONG);
	CHECK_INT(namei_unlink(fs, dir, name), -ENAMETOOLONG);
	CHECK_INT(namei_rmdir(fs, dir, name), -ENAMETOOLONG);
	name[255] = 0;
	CHECK_INT(namei_lookup(fs, dir, name, &n), -ENOENT);
	fake_fs_free(fs);
}
