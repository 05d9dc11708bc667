/* SPDX-License-Identifier: MIT */
/* A struct fs over the fake Drive and a real cache in test_dir, without a mount: what a request would do is
 * done by calls of fs/. The root is the folder "root". */
#ifndef DFM_TEST_FAKE_FS_H
#define DFM_TEST_FAKE_FS_H
#include "fs/fs.h"
#include "tests/unit/fake_drive.h"

struct fs *fake_fs_new(void);
void fake_fs_free(struct fs *fs);
/* The node of "a/b" below the root, as the kernel would look it up; one nlookup for the caller. NULL: -ENOENT;
 * any other error aborts. */
struct inode *fake_fs_walk(struct fs *fs, const char *path);
/* What the change feed would bring of a file now. */
void fake_fs_news(struct fs *fs, const char *id);
#endif
