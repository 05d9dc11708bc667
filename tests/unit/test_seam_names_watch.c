/* SPDX-License-Identifier: MIT */
/* The watcher and the notifier over a Drive and a kernel in memory. */
#include "fs/namei.h"
#include "fs/notify.h"
#include "fs/watch.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

/* The kernel: what it was told, and a lock of its own that it may not get. */
static struct { struct lock lock; pthread_cond_t changed; unsigned told, listings; bool blocked; uint64_t last; } kernel;

int fuse_lowlevel_notify_inval_inode(struct fuse_session *se, uint64_t ino, off_t off, off_t len)
{
	(void)se, (void)len;
	lock_acquire(&kernel.lock);
	kernel.told++;
	kernel.listings += off >= 0;
	kernel.last = ino;
	pthread_cond_broadcast(&kernel.changed);
	while (kernel.blocked)
		(void)lock_wait(&kernel.lock, &kernel.changed, -1);
	lock_release(&kernel.lock);
	return 0;
}

static struct fs *begin(void)
{
	static char no_drive[] = "";
	static struct config config = { .poll = 1, .upload_deadline = 5, .deadline = 5 };
	lock_init(&kernel.lock, RANK_LEAF);
	cond_init(&kernel.changed);
	struct fs *fs = fake_fs_new();
	fs->config = &config;
	fs->shared_drive = no_drive;
	fs->session = (struct fuse_session *)&kernel;
	fake_drive_folder(fs->drive, "d", "root", "d");
	fake_drive_file(fs->drive, "x", "root", "x", "1", 1);
	CHECK(fake_fs_walk(fs, "x") && fake_fs_walk(fs, "d"));
	CHECK_INT(watch_start(fs, &fs->watch), 0);
	return fs;
}

static void end(struct fs *fs)
{
	fs->watch = watch_stop(fs->watch);
	fake_fs_free(fs);
}

/* Wait for n more looks at the feed. */
static void looks(struct fs *fs, unsigned n)
{
	fake_drive_looks(fs->drive, fake_drive_count(fs->drive, FAKE_CHANGES, NULL) + n);
}

static unsigned told_at_least(unsigned n)
{
	lock_acquire(&kernel.lock);
	while (kernel.told < n)
		(void)lock_wait(&kernel.lock, &kernel.changed, -1);
	unsigned listings = kernel.listings;
	lock_release(&kernel.lock);
	return listings;
}

TEST(seam_names__news_reach_the_tree_and_the_kernel)
{
	struct fs *fs = begin();
	fake_drive_file(fs->drive, "y", "root", "y", "1", 1);
	fake_drive_say(fs->drive, "y", false);
	looks(fs, 2);
	CHECK(fake_fs_walk(fs, "y"));
	CHECK_INT(told_at_least(1), 1);
	CHECK_INT(kernel.last, fs->tree.root->node->id);
	fake_drive_say(fs->drive, "y", true);
	looks(fs, 2);
	CHECK(!fake_fs_walk(fs, "y"));
	CHECK(watch_age_s(fs->watch) >= 0);
	end(fs);
}

TEST(seam_names__a_kernel_that_does_not_answer_stops_nothing)
{
	struct fs *fs = begin();
	lock_acquire(&kernel.lock);
	kernel.blocked = true;
	lock_release(&kernel.lock);
	fake_drive_file(fs->drive, "y", "root", "y", "1", 1);
	fake_drive_say(fs->drive, "y", false);
	told_at_least(1);
	fake_drive_replace(fs->drive, "x", "changed", 7);
	fake_drive_say(fs->drive, "x", false);
	looks(fs, 2); /* the feed is read on */
	struct inode *x = fake_fs_walk(fs, "x");
	CHECK(x);
	CHECK_INT(x->content.size, 7);
	lock_acquire(&kernel.lock);
	kernel.blocked = false;
	pthread_cond_broadcast(&kernel.changed);
	lock_release(&kernel.lock);
	end(fs);
}

static int refuse_token(void *ctx) { (void)ctx; return err_set(-EBADMSG, "changes: HTTP 410"); }
static int unreachable(void *ctx) { (void)ctx; return err_set(-ENETUNREACH, "no way"); }

TEST(seam_names__a_refused_token_means_listing_again_and_removes_nothing_by_itself)
{
	struct fs *fs = begin();
	unsigned before = fake_drive_count(fs->drive, FAKE_LIST, "root");
	fake_drive_lag(fs->drive, "x", true);
	fake_drive_before(fs->drive, FAKE_CHANGES, NULL, refuse_token, NULL);
	looks(fs, 2);
	CHECK(fake_fs_walk(fs, "x"));
	CHECK_INT(fake_drive_count(fs->drive, FAKE_LIST, "root"), before + 1);
	end(fs);
}

TEST(seam_names__an_outage_passes)
{
	struct fs *fs = begin();
	fake_drive_before(fs->drive, FAKE_CHANGES, NULL, unreachable, NULL);
	looks(fs, 1);
	fake_drive_replace(fs->drive, "x", "changed", 7);
	fake_drive_say(fs->drive, "x", false);
	looks(fs, 2);
	CHECK_INT(fake_fs_walk(fs, "x")->content.size, 7);
	end(fs);
}

TEST(seam_names__the_mounted_folder_goes_and_comes_back)
{
	struct fs *fs = begin();
	struct inode *n;
	for (int removed = 0; removed < 2; removed++) {
		fake_drive_trash(fs->drive, "root", !removed);
		fake_drive_say(fs->drive, "root", removed);
		looks(fs, 2);
		CHECK_INT(namei_create(fs, fs->tree.root->node, "new", &n), -ENOENT);
		fake_drive_trash(fs->drive, "root", false);
		fake_drive_say(fs->drive, "root", false);
		looks(fs, 2);
		CHECK_INT(namei_create(fs, fs->tree.root->node, removed ? "new 1" : "new 2", &n), 0);
	}
	end(fs);
}

TEST(seam_names__only_attributes_are_dropped_of_a_file_and_listings_of_a_folder)
{
	struct fs *fs = begin();
	struct inval what = { 0 };
	inval_node(&what, fs->tree.root->node);
	notify_later(fs->notify, &what);
	CHECK_INT(told_at_least(1), 0);
	lock_acquire(&fs->tree.lock);
	inval_listing(&what, fs->tree.root);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &what);
	CHECK_INT(told_at_least(2), 1);
	notify_later(fs->notify, &what); /* empty: nothing */
	end(fs);
}
