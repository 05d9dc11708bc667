/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_fs.h"

#include "fs/log.h"
#include "fs/model.h"
#include "fs/namei.h"
#include "fs/notify.h"
#include "fs/handle.h"
#include "tests/unit/test.h"

struct fs *fake_fs_new(void)
{
	static struct config config = { .poll = 10, .upload_deadline = 5, .deadline = 5 };
	char dir[200], log[200];
	struct fs *fs = calloc(1, sizeof *fs);
	CHECK(fs != NULL);
	snprintf(dir, sizeof dir, "%s/cache", test_dir);
	snprintf(log, sizeof log, "%s/log", test_dir);
	CHECK_INT(log_open(log, LOG_LEVEL_INFO), 0);
	fs->config = &config;
	fs->mount_id = -1;
	lock_init(&fs->model_lock, RANK_LEAF);
	cond_init(&fs->model_changed);
	lock_init(&fs->quota_lock, RANK_LEAF);
	fs->drive = fake_drive_new();
	fake_drive_folder(fs->drive, "root", "", "root");
	const struct cache_config cache = { .dir = dir, .bytes_max = 64 << 20, .fetches_max = 4 };
	CHECK_INT(cache_open(&cache, &fs->cache), 0);
	CLEANUP_DRIVE_FILE struct drive_file root = { 0 };
	CHECK_INT(drive_get(fs->drive, "root", &root), 0);
	CHECK_INT(tree_init(&fs->tree, &root), 0);
	CHECK_INT(notify_start(fs, &fs->notify), 0);
	return fs;
}

void fake_fs_free(struct fs *fs)
{
	fs->notify = notify_stop(fs->notify);
	model_done(fs);
	for (uint32_t i = 0; i < fs->tree.slots_count; i++)
		if (fs->tree.slots[i] && fs->tree.slots[i]->w)
			writing_drop(fs, fs->tree.slots[i]);
	tree_done(&fs->tree);
	fs->cache = cache_close(fs->cache);
	fs->drive = drive_close(fs->drive);
	log_close();
	free(fs);
}

struct inode *fake_fs_walk(struct fs *fs, const char *path)
{
	char name[256];
	struct inode *n = fs->tree.root->node, *next;
	while (n && *path) {
		size_t len = strcspn(path, "/");
		CHECK(len < sizeof name);
		memcpy(name, path, len);
		name[len] = 0;
		path += len + (path[len] == '/');
		int r = namei_lookup(fs, n, name, &next);
		if (r != -ENOENT)
			CHECK_INT(r, 0);
		n = r ? NULL : next;
	}
	return n;
}

void fake_fs_news(struct fs *fs, const char *id)
{
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	CHECK_INT(drive_get(fs->drive, id, &news), 0);
	lock_acquire(&fs->tree.lock);
	CHECK_INT(tree_apply(&fs->tree, &news, NULL, NULL), 0);
	lock_release(&fs->tree.lock);
}
