/* SPDX-License-Identifier: MIT */
#include "fs/snapshot.h"
#include "tests/unit/test.h"

static struct drive_file sample(char *name, char *description)
{
	return (struct drive_file){
		.id = "1AbC", .parent = "0Parent", .revision = "rev7", .drive = "0Drive", .target = "", .name = name,
		.description = description, .size = 1ull << 40, .version = 77, .mtime_ms = -5, .created_ms = 1764000000000,
		.blob = true, .can_edit = true, .has_md5 = true, .md5 = { 1, 2, 255 },
	};
}

TEST(fs_snapshot__a_record_is_read_back_as_it_was)
{
	char name[] = "a/\n\xc3\xb6", none[] = "";
	const struct drive_file rows[] = { sample(name, NULL), sample(none, name) };
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
	for (size_t i = 0; i < 2; i++)
		snapshot_add_file(&b, &rows[i]);
	CHECK_INT(buf_check(&b, "records"), 0);
	const uint8_t *at = (const uint8_t *)b.data;
	size_t left = b.len;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		CHECK_INT(snapshot_take_file(&at, &left, &f), 0);
		CHECK_STR(f.id, "1AbC");
		CHECK_STR(f.parent, "0Parent");
		CHECK_STR(f.revision, "rev7");
		CHECK_STR(f.drive, "0Drive");
		CHECK_STR(f.name, rows[i].name);
		CHECK(!f.description == !rows[i].description);
		CHECK(!f.mime && !f.key && !f.target[0]);
		CHECK_INT(f.size, 1ll << 40);
		CHECK_INT(f.version, 77);
		CHECK_INT(f.mtime_ms, -5);
		CHECK_INT(f.created_ms, 1764000000000);
		CHECK(f.blob && f.can_edit && f.has_md5 && !f.folder && !f.doc && !f.target_folder);
		CHECK(memcmp(f.md5, rows[i].md5, sizeof f.md5) == 0);
	}
	CHECK_INT(left, 0);
}

/* Cut anywhere, or with any byte of it changed: an error or a record, and nothing read beyond. */
TEST(fs_snapshot__a_damaged_record_is_refused)
{
	char name[] = "name", text[] = "description";
	const struct drive_file whole = sample(name, text);
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 16);
	snapshot_add_file(&b, &whole);
	CHECK_INT(buf_check(&b, "records"), 0);
	for (size_t n = 0; n < b.len && (!torture || n < 3); n++) {
		uint8_t *part = malloc(n ? n : 1);
		CHECK(part != NULL);
		memcpy(part, b.data, n);
		const uint8_t *at = part;
		size_t left = n;
		struct drive_file f;
		int r = snapshot_take_file(&at, &left, &f);
		CHECK(r == -EBADMSG || (torture && r == -ENOMEM));
		free(part);
	}
	for (size_t n = 0; n < b.len && !torture; n++) {
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		b.data[n] ^= (char)0xff;
		const uint8_t *at = (const uint8_t *)b.data;
		size_t left = b.len;
		int r = snapshot_take_file(&at, &left, &f);
		CHECK(r == 0 || r == -EBADMSG);
		CHECK(left <= b.len);
		b.data[n] ^= (char)0xff;
	}
}
