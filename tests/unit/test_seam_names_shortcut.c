/* SPDX-License-Identifier: MIT */
/* Shortcuts over a Drive in memory, by each -o shortcuts=. */
#include "fs/handle.h"
#include "fs/namei.h"
#include "fs/rename.h"
#include "fs/shortcut.h"
#include "fs/watch.h"
#include "tests/unit/fake_fs.h"
#include "tests/unit/test.h"

#include <fcntl.h>

/* root/d/x, and far/y outside of the mount; shortcuts in root and in d. */
static struct fs *begin(enum shortcuts how)
{
	static char no_drive[] = "";
	struct fs *fs = fake_fs_new();
	fs->shared_drive = no_drive;
	fs->tree.shortcuts = how;
	fake_drive_folder(fs->drive, "d", "root", "d");
	fake_drive_file(fs->drive, "x", "d", "x", "1", 1);
	fake_drive_folder(fs->drive, "far", "", "far");
	fake_drive_file(fs->drive, "y", "far", "y", "12", 2);
	fake_drive_shortcut(fs->drive, "to-x", "root", "to x", "x");
	fake_drive_shortcut(fs->drive, "to-d", "root", "to d", "d");
	fake_drive_shortcut(fs->drive, "to-y", "root", "to y", "y");
	fake_drive_shortcut(fs->drive, "to-far", "root", "to far", "far");
	fake_drive_shortcut(fs->drive, "to-none", "root", "to none", "none");
	fake_drive_shortcut(fs->drive, "up", "d", "up", "root");
	fake_drive_shortcut(fs->drive, "round", "root", "round", "round");
	CHECK_INT(watch_start(fs, &fs->watch), 0);
	return fs;
}

static void end(struct fs *fs)
{
	fs->watch = watch_stop(fs->watch);
	fake_fs_free(fs);
}

static void text_is(struct fs *fs, const char *path, const char *want)
{
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	struct inode *n = fake_fs_walk(fs, path);
	CHECK(n);
	CHECK_INT(n->kind, NODE_LINK);
	CHECK_INT(shortcut_read(fs, n, &text), 0);
	CHECK_STR(text.data, want);
}

#define OUTSIDE "not in this mount: https://drive.google.com/open?id="

TEST(seam_names__a_shortcut_is_a_link_to_where_its_target_lies)
{
	struct fs *fs = begin(SHORTCUTS_LINK);
	text_is(fs, "to x", "d/x"); /* d was not listed before */
	text_is(fs, "to d", "d");
	text_is(fs, "d/up", "..");
	text_is(fs, "to y", OUTSIDE "y");
	text_is(fs, "to far", OUTSIDE "far");
	text_is(fs, "to none", OUTSIDE "none");
	text_is(fs, "round", "round");
	unsigned asked = fake_drive_count(fs->drive, FAKE_GET, "y");
	text_is(fs, "to y", OUTSIDE "y");
	CHECK_INT(fake_drive_count(fs->drive, FAKE_GET, "y"), asked); /* lately */
	fake_drive_move(fs->drive, "x", "root", "x moved");
	fake_fs_news(fs, "x");
	text_is(fs, "to x", "x moved");
	fake_drive_trash(fs->drive, "x", true);
	fake_fs_news(fs, "x");
	text_is(fs, "to x", OUTSIDE "x");
	end(fs);
}

TEST(seam_names__a_link_is_moved_and_removed_alone)
{
	struct fs *fs = begin(SHORTCUTS_LINK);
	struct inode *root = fs->tree.root->node;
	CHECK_INT(rename_entry(fs, root, "to d", fake_fs_walk(fs, "d"), "moved", 0), 0);
	text_is(fs, "d/moved", ".");
	CHECK_INT(namei_unlink(fs, root, "to x"), 0);
	CHECK(!fake_fs_walk(fs, "to x") && fake_fs_walk(fs, "d/x"));
	end(fs);
}

static int unreachable(void *ctx) { (void)ctx; return err_set(-ENETUNREACH, "no way"); }

TEST(seam_names__a_link_that_cannot_be_asked_about_is_an_error)
{
	struct fs *fs = begin(SHORTCUTS_LINK);
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	struct inode *n = fake_fs_walk(fs, "to y");
	fake_drive_before(fs->drive, FAKE_GET, "y", unreachable, NULL);
	CHECK_INT(shortcut_read(fs, n, &text), -ENETUNREACH);
	text_is(fs, "to y", OUTSIDE "y");
	end(fs);
}

static int open_for(struct fs *fs, const char *path, int flags)
{
	struct handle *h;
	int r = handle_open(fs, fake_fs_walk(fs, path), flags, 0, &h);
	if (!r)
		handle_release(fs, h);
	return r;
}

TEST(seam_names__followed_shortcuts_show_and_do_not_change)
{
	struct fs *fs = begin(SHORTCUTS_FOLLOW);
	struct inode *far = fake_fs_walk(fs, "to far"), *by = fake_fs_walk(fs, "to d"), *n;
	const struct drive_edit e = { .mtime_ms = 5000 };
	CHECK_INT(far->kind, NODE_FOLDER);
	CHECK(fake_fs_walk(fs, "to y") == fake_fs_walk(fs, "to far/y")); /* one node by every name */
	CHECK(fake_fs_walk(fs, "to x") == fake_fs_walk(fs, "d/x"));
	CHECK_INT(open_for(fs, "to y", O_RDONLY), 0);
	CHECK_INT(open_for(fs, "to y", O_WRONLY), -EROFS);
	CHECK_INT(open_for(fs, "to far/y", O_RDWR), -EROFS);
	CHECK_INT(open_for(fs, "to x", O_WRONLY), 0); /* in the mount: as by its own name */
	CHECK_INT(namei_edit(fs, fake_fs_walk(fs, "to y")->file, &e), -EROFS);
	CHECK_INT(namei_unlink(fs, far, "y"), -EROFS);
	CHECK_INT(namei_create(fs, far, "new", &n), -EROFS);
	CHECK_INT(namei_mkdir(fs, by, "new", &n), -EROFS);
	CHECK_INT(namei_rmdir(fs, by, "up"), -EROFS);
	CHECK_INT(rename_entry(fs, by, "x", fs->tree.root->node, "x", 0), -EROFS);
	CHECK_INT(rename_entry(fs, fs->tree.root->node, "d", far, "d", 0), -EROFS);
	CHECK_INT(namei_rmdir(fs, fs->tree.root->node, "to far"), 0); /* the shortcut itself */
	end(fs);
}

TEST(seam_names__followed_shortcuts_that_lead_nowhere_or_round_are_links)
{
	struct fs *fs = begin(SHORTCUTS_FOLLOW);
	text_is(fs, "to none", "https://drive.google.com/open?id=none");
	text_is(fs, "round", "round");
	text_is(fs, "d/up", "up");
	text_is(fs, "to d/up", "up");
	unsigned asked = fake_drive_count(fs->drive, FAKE_GET, NULL);
	CHECK(fake_fs_walk(fs, "to none"));
	CHECK_INT(fake_drive_count(fs->drive, FAKE_GET, NULL), asked); /* lately */
	end(fs);
}

TEST(seam_names__shortcuts_with_write_change_what_they_lead_to)
{
	struct fs *fs = begin(SHORTCUTS_WRITE);
	struct inode *far = fake_fs_walk(fs, "to far"), *n;
	CHECK_INT(open_for(fs, "to y", O_WRONLY), 0);
	CHECK_INT(namei_mkdir(fs, far, "new", &n), 0);
	CHECK_INT(namei_rmdir(fs, far, "new"), 0);
	CHECK_INT(namei_unlink(fs, far, "y"), 0);
	end(fs);
}

TEST(seam_names__at_most_four_shortcuts_on_a_path)
{
	struct fs *fs = begin(SHORTCUTS_FOLLOW);
	static const char *const way[] = { "0", "0/a", "0/a/a", "0/a/a/a", "0/a/a/a/a" };
	char id[8], below[8];
	for (int i = 0; i < 7; i++) {
		snprintf(id, sizeof id, "l%d", i);
		fake_drive_folder(fs->drive, id, "root", id + 1);
	}
	for (int i = 0; i < 6; i++) {
		char name[8];
		snprintf(id, sizeof id, "l%d", i);
		snprintf(below, sizeof below, "l%d", i + 1);
		snprintf(name, sizeof name, "s%d", i);
		fake_drive_shortcut(fs->drive, name, id, "a", below);
	}
	for (size_t i = 0; i < sizeof way / sizeof *way; i++)
		CHECK_INT(fake_fs_walk(fs, way[i])->kind, NODE_FOLDER);
	CHECK_INT(fake_fs_walk(fs, "0/a/a/a/a/a")->kind, NODE_LINK);
	end(fs);
}
