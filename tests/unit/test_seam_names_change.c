/* SPDX-License-Identifier: MIT */
/* Making, removing and renaming over a Drive in memory: refusals half-way, and what comes in between. */
#include "fs/handle.h"
#include "fs/namei.h"
#include "fs/publish.h"
#include "fs/rename.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

#include <fcntl.h>

/* root/a ("new"), root/b ("old"), root/d/ */
static struct fs *begin(void)
{
	struct fs *fs = fake_fs_new();
	fake_drive_file(fs->drive, "A", "root", "a", "new", 3);
	fake_drive_file(fs->drive, "B", "root", "b", "older", 5);
	fake_drive_folder(fs->drive, "D", "root", "d");
	CHECK(fake_fs_walk(fs, "a"));
	return fs;
}

static struct inode *root(struct fs *fs) { return fs->tree.root->node; }

static uint64_t size_of(struct fs *fs, const char *name)
{
	lock_acquire(&fs->tree.lock);
	const struct file *f = tree_child(&fs->tree, fs->tree.root, name);
	uint64_t size = f ? f->head.size : 0;
	lock_release(&fs->tree.lock);
	return size;
}

static enum file_state state_of(struct fs *fs, const char *id)
{
	lock_acquire(&fs->tree.lock);
	enum file_state state = tree_file(&fs->tree, id)->state;
	lock_release(&fs->tree.lock);
	return state;
}

static int fail(void *ctx) { return err_set(*(int *)ctx, "the test says so"); }
static int pass(void *ctx) { (void)ctx; return 0; }

/* What Drive has by the name, as an id; "" for none. */
static void in_drive(struct fs *fs, const char *id, const char *name, const char *parent)
{
	CLEANUP_DRIVE_FILE struct drive_file now = { 0 };
	CHECK_INT(drive_get(fs->drive, id, &now), 0);
	CHECK_STR(now.name, name);
	CHECK_STR(now.parent, parent);
	CHECK(!now.trashed);
}

TEST(seam_names__a_create_that_came_to_nothing_leaves_no_name)
{
	struct fs *fs = begin();
	struct inode *n, *again;
	CHECK_INT(namei_create(fs, root(fs), "new", &n), 0);
	CHECK_INT(namei_create(fs, root(fs), "new", &again), -EEXIST);
	namei_uncreate(fs, n);
	CHECK(!fake_fs_walk(fs, "new"));
	CHECK_INT(namei_create(fs, root(fs), "new", &again), 0);
	CHECK(again != n);
	fake_fs_free(fs);
}

TEST(seam_names__folders_are_made_and_removed_when_empty)
{
	struct fs *fs = begin();
	struct inode *n, *in;
	CHECK_INT(namei_mkdir(fs, root(fs), "dir", &n), 0);
	CHECK_INT(namei_mkdir(fs, n, "in", &in), 0);
	CHECK_INT(namei_rmdir(fs, root(fs), "dir"), -ENOTEMPTY);
	CHECK_INT(namei_unlink(fs, root(fs), "dir"), -EISDIR);
	CHECK_INT(namei_rmdir(fs, root(fs), "a"), -ENOTDIR);
	CHECK_INT(namei_rmdir(fs, n, "in"), 0);
	CHECK_INT(namei_rmdir(fs, root(fs), "dir"), 0);
	CHECK_INT(namei_rmdir(fs, root(fs), "dir"), -ENOENT);
	CHECK_INT(namei_unlink(fs, root(fs), "none"), -ENOENT);
	fake_fs_free(fs);
}

TEST(seam_names__a_folder_s_time_moves_with_its_names_and_can_be_set)
{
	struct fs *fs = begin();
	struct inode *n, *d = fake_fs_walk(fs, "d");
	lock_acquire(&fs->tree.lock);
	int64_t before = file_mtime_ms(d->file);
	lock_release(&fs->tree.lock);
	CHECK_INT(namei_create(fs, d, "x", &n), 0);
	lock_acquire(&fs->tree.lock);
	CHECK(file_mtime_ms(d->file) > before);
	lock_release(&fs->tree.lock);
	const struct drive_edit e = { .mtime_ms = 5000 };
	CHECK_INT(namei_edit(fs, d->file, &e), 0);
	lock_acquire(&fs->tree.lock);
	CHECK_INT(file_mtime_ms(d->file), 5000);
	lock_release(&fs->tree.lock);
	fake_fs_free(fs);
}

/* Our own trash comes by the feed before Drive has answered us. */
static int trashed_already(void *ctx)
{
	struct fs *fs = ctx;
	fake_drive_trash(fs->drive, "A", true);
	fake_fs_news(fs, "A");
	return 0;
}

TEST(seam_names__the_feed_may_be_quicker_than_the_answer_of_an_unlink)
{
	struct fs *fs = begin();
	fake_drive_before(fs->drive, FAKE_EDIT, "A", trashed_already, fs);
	CHECK_INT(namei_unlink(fs, root(fs), "a"), 0);
	CHECK_INT(state_of(fs, "A"), FILE_REMOVED_HERE);
	fake_fs_free(fs);
}

TEST(seam_names__a_refused_unlink_changes_nothing)
{
	struct fs *fs = begin();
	int err = -EACCES;
	fake_drive_before(fs->drive, FAKE_EDIT, "A", fail, &err);
	CHECK_INT(namei_unlink(fs, root(fs), "a"), -EACCES);
	CHECK_INT(state_of(fs, "A"), FILE_LISTED);
	CHECK(fake_fs_walk(fs, "a"));
	fake_drive_trash(fs->drive, "A", true); /* later, by somebody else */
	fake_fs_news(fs, "A");
	CHECK_INT(state_of(fs, "A"), FILE_REMOVED_BY_NEWS);
	fake_fs_free(fs);
}

TEST(seam_names__unlinked_twice_is_unlinked)
{
	struct fs *fs = begin();
	int err = -ENOENT;
	fake_drive_before(fs->drive, FAKE_EDIT, "A", fail, &err); /* somebody was quicker */
	CHECK_INT(namei_unlink(fs, root(fs), "a"), 0);
	CHECK_INT(state_of(fs, "A"), FILE_REMOVED_HERE);
	fake_fs_free(fs);
}

TEST(seam_names__a_rename_over_moves_and_then_trashes)
{
	struct fs *fs = begin();
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 0), 0);
	CHECK(!fake_fs_walk(fs, "a"));
	CHECK_INT(size_of(fs, "b"), 3);
	CHECK_INT(state_of(fs, "B"), FILE_REMOVED_HERE);
	in_drive(fs, "A", "b", "root");
	fake_fs_free(fs);
}

TEST(seam_names__a_rename_that_drive_refuses_changes_nothing)
{
	struct fs *fs = begin();
	int err = -EACCES;
	fake_drive_before(fs->drive, FAKE_EDIT, "A", fail, &err);
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 0), -EACCES);
	CHECK_INT(size_of(fs, "a"), 3);
	CHECK_INT(size_of(fs, "b"), 5);
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 1), -EEXIST); /* RENAME_NOREPLACE */
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 2), -EINVAL); /* RENAME_EXCHANGE */
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "d", 0), -EISDIR);
	CHECK_INT(rename_entry(fs, root(fs), "d", root(fs), "a", 0), -ENOTDIR);
	CHECK_INT(rename_entry(fs, root(fs), "none", root(fs), "a", 0), -ENOENT);
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "a", 0), 0);
	fake_fs_free(fs);
}

TEST(seam_names__a_rename_whose_target_cannot_be_trashed_is_taken_back)
{
	struct fs *fs = begin();
	int err = -EACCES;
	fake_drive_before(fs->drive, FAKE_EDIT, "B", fail, &err);
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 0), -EACCES);
	CHECK_INT(size_of(fs, "a"), 3);
	CHECK_INT(size_of(fs, "b"), 5);
	in_drive(fs, "A", "a", "root");
	in_drive(fs, "B", "b", "root");
	fake_fs_free(fs);
}

TEST(seam_names__a_rename_that_cannot_be_taken_back_either_shows_what_drive_has)
{
	struct fs *fs = begin();
	int err = -EACCES;
	fake_drive_before(fs->drive, FAKE_EDIT, "A", pass, NULL);
	fake_drive_before(fs->drive, FAKE_EDIT, "B", fail, &err);
	fake_drive_before(fs->drive, FAKE_EDIT, "A", fail, &err);
	CHECK_INT(rename_entry(fs, root(fs), "a", root(fs), "b", 0), -EACCES);
	CHECK(!fake_fs_walk(fs, "a"));
	lock_acquire(&fs->tree.lock);
	CHECK_INT(fs->tree.root->by_shown.count, 3); /* d, and two of the name, told apart */
	lock_release(&fs->tree.lock);
	fake_fs_free(fs);
}

TEST(seam_names__moved_into_another_folder)
{
	struct fs *fs = begin();
	CHECK_INT(rename_entry(fs, root(fs), "a", fake_fs_walk(fs, "d"), "c", 0), 0);
	CHECK(fake_fs_walk(fs, "d/c") && !fake_fs_walk(fs, "a"));
	in_drive(fs, "A", "c", "D");
	fake_fs_free(fs);
}

/* A file made here with some bytes in it, still open. */
static struct handle *made(struct fs *fs, const char *name, const char *data)
{
	struct inode *n;
	struct handle *h;
	CHECK_INT(namei_create(fs, root(fs), name, &n), 0);
	CHECK_INT(handle_create(fs, n, O_WRONLY, 0, &h), 0);
	CHECK_INT(handle_write(fs, h, 0, data, strlen(data), 0), 0);
	return h;
}

TEST(seam_names__a_rename_sends_first_what_would_replace_something)
{
	struct fs *fs = begin();
	int err = -EDQUOT;
	struct handle *h = made(fs, "tmp", "the new model");
	fake_drive_before(fs->drive, FAKE_UPLOAD, NULL, fail, &err);
	CHECK_INT(rename_entry(fs, root(fs), "tmp", root(fs), "b", 0), -EDQUOT);
	CHECK_INT(size_of(fs, "b"), 5);
	in_drive(fs, "B", "b", "root");
	CHECK_INT(rename_entry(fs, root(fs), "tmp", root(fs), "b", 0), 0);
	CHECK_INT(size_of(fs, "b"), strlen("the new model"));
	CHECK_INT(state_of(fs, "B"), FILE_REMOVED_HERE);
	in_drive(fs, "made-1", "b", "root");
	handle_release(fs, h);
	fake_fs_free(fs);
}

/* While the first bytes of the file are on their way. */
static int rename_now(void *ctx)
{
	struct fs *fs = ctx;
	CHECK_INT(rename_entry(fs, root(fs), "tmp", fake_fs_walk(fs, "d"), "final", 0), 0);
	return 0;
}

TEST(seam_names__renamed_while_its_first_bytes_are_on_their_way)
{
	struct fs *fs = begin();
	struct handle *h = made(fs, "tmp", "bytes");
	fake_drive_before(fs->drive, FAKE_UPLOAD, "made-1", rename_now, fs);
	CHECK_INT(handle_fsync(fs, h), 0);
	in_drive(fs, "made-1", "final", "D");
	CHECK(fake_fs_walk(fs, "d/final") && !fake_fs_walk(fs, "tmp"));
	handle_release(fs, h);
	fake_fs_free(fs);
}

TEST(seam_names__nothing_is_made_in_a_folder_that_is_in_the_trash)
{
	struct fs *fs = begin();
	struct inode *d = fake_fs_walk(fs, "d"), *n;
	fake_drive_trash(fs->drive, "D", true);
	fake_fs_news(fs, "D");
	CHECK(!fake_fs_walk(fs, "d"));
	CHECK_INT(namei_create(fs, d, "x", &n), -ENOENT);
	CHECK_INT(namei_mkdir(fs, d, "x", &n), -ENOENT);
	fake_drive_trash(fs->drive, "D", false);
	fake_fs_news(fs, "D");
	CHECK_INT(namei_create(fs, fake_fs_walk(fs, "d"), "x", &n), 0);
	fake_fs_free(fs);
}
