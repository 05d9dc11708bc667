/* SPDX-License-Identifier: MIT */
#include "fs/mountinfo.h"
#include "tests/unit/test.h"

static const char table[] =
	"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
	"30 22 0:40 / /mnt/a\\040b rw,nosuid - fuse.drivefs-models drivefs-models:x rw,user_id=1000,group_id=7\n"
	"31 22 0:41 / /mnt/other rw - fuse.sshfs host: rw,user_id=0\n"
	"torn\n"
	"32 30 0:42 / /mnt/a\\040b rw - fuse.drivefs-models drivefs-models:y rw,user_id=0,group_id=0,allow_other\n"
	"33 22 0:43 / /mnt/back\\134slash rw master:1 shared:2 - fuse.drivefs-models - - rw rw,user_id=5\n"
	"34 30 0:44 / /mnt/a\\040b/in rw - tmpfs tmpfs rw\n";

TEST(fs_mountinfo__finds_the_topmost_mount_of_a_path)
{
	static const struct { const char *path, *point; unsigned minor; bool ours; long long user; } rows[] = {
		{ "/", "/", 1, false, -1 }, { "/mnt/a", "/", 1, false, -1 }, { "/mnt/a b", "/mnt/a b", 42, true, 0 },
		{ "/mnt/a b/deep/file", "/mnt/a b", 42, true, 0 }, { "/mnt/a bc", "/", 1, false, -1 },
		{ "/mnt/a b/in/x", "/mnt/a b/in", 44, false, -1 }, { "/mnt/other/x", "/mnt/other", 41, false, 0 },
		{ "/mnt/back\\slash", "/mnt/back\\slash", 43, true, 5 },
	};
	char file[600];
	snprintf(file, sizeof file, "%s/mountinfo", test_dir);
	FILE *f = fopen(file, "w");
	CHECK(f && fputs(table, f) >= 0 && fclose(f) == 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CLEANUP_MOUNTINFO struct mountinfo m = { 0 };
		CHECK_INT(mountinfo_find_in(file, rows[i].path, &m), 0);
		CHECK_STR(m.point, rows[i].point);
		CHECK_INT(m.minor, rows[i].minor);
		CHECK_INT(m.ours, rows[i].ours);
		CHECK_INT(m.user, (uid_t)rows[i].user);
	}
}

TEST(fs_mountinfo__the_kernels_own_table_is_read)
{
	CLEANUP_MOUNTINFO struct mountinfo m = { 0 }, none = { 0 };
	CHECK_INT(mountinfo_find("/proc/self", &m), 0);
	CHECK_STR(m.point, "/proc");
	CHECK(!m.ours);
	CHECK_INT(mountinfo_find_in("/nosuch", "/", &none), -ENOENT);
}
