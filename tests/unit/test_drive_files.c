/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

#define RESERVE { "GET /drive/v3/files/generateIds?count=20", NULL, 200, NULL, IDS, 0, ANSWER }
#define MAKE "POST /drive/v3/files?supportsAllDrives=true"
#define FOLDER(id) "{\"id\":\"" id "\",\"name\":\"new folder\",\"mimeType\":\"application/vnd.google-apps.folder\",\"parents\":[\"dir\"]}"
#define PATCH "PATCH /drive/v3/files/ID?supportsAllDrives=true"

static struct drive *start(const struct line *script)
{
	server_start(script);
	return server_drive(3000);
}

TEST(drive_files__get)
{
	static const struct line script[] = {
		{ "GET /drive/v3/files/root?supportsAllDrives=true&prettyPrint=false&fields=id,name,", NULL, 200, NULL, FOLDER("r"), 0, ANSWER },
		{ "GET /drive/v3/files/none?", NULL, 404, NULL, NOT_FOUND, 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 }, g = { 0 };
	struct drive *d = start(script);
	CHECK_INT(drive_get(d, "root", &f), 0);
	CHECK_STR(f.id, "r");
	CHECK_INT(drive_get(d, "none", &g), -ENOENT);
	CHECK_STR(err_last(), "get \"none\": HTTP 404 notFound: File not found: x.");
	CHECK_INT(drive_get(d, "a/b", &g), -EINVAL);
	server_done();
	drive_close(d);
}

TEST(drive_files__a_folder_whose_answer_is_lost_is_one_folder)
{
	static const struct line script[] = {
		RESERVE,
		{ MAKE, NULL, 200, NULL, NULL, 0, LOSE },
		{ MAKE, NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ "GET /drive/v3/files/new2?", NULL, 200, NULL, FOLDER("new2"), 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	struct drive *d = start(script);
	CHECK_INT(drive_mkdir(d, "dir", "new folder", &f), 0);
	CHECK(f.folder);
	CHECK_STR(f.id, "new2");
	server_done();
	CHECK_STR(server_request(1)->body, server_request(2)->body);
	CHECK_STR(server_request(1)->body, "{\"id\":\"new2\",\"parents\":[\"dir\"],\"mimeType\":"
		  "\"application/vnd.google-apps.folder\",\"name\":\"new folder\"}");
	drive_close(d);
}

TEST(drive_files__a_reserved_id_serves_once)
{
	static const struct line script[] = {
		RESERVE,
		{ MAKE, NULL, 200, NULL, FOLDER("new2"), 0, ANSWER },
		{ MAKE, NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ "GET /drive/v3/files/new1?", NULL, 200, NULL, "{\"id\":\"new1\",\"mimeType\":\"x/y\"}", 0, ANSWER },
		RESERVE,
		{ MAKE, NULL, 200, NULL, FOLDER("new2"), 0, ANSWER },
		{ 0 },
	};
	struct drive *d = start(script);
	for (int i = 0; i < 2; i++) {
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		CHECK_INT(drive_mkdir(d, "dir", "new folder", &f), 0);
	}
	server_done();
	drive_close(d);
}

TEST(drive_files__rename_and_move_in_one_request)
{
	static const struct line script[] = {
		{ PATCH, "&addParents=to&removeParents=from", 200, NULL, "{\"id\":\"ID\",\"name\":\"n\"}", 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	struct drive *d = start(script);
	struct drive_edit e = { .name = "a\"b", .description = "", .from_parent = "from", .to_parent = "to", .mtime_ms = 0 };
	CHECK_INT(drive_edit(d, "ID", &e, &f), 0);
	CHECK_STR(server_request(0)->body, "{\"name\":\"a\\\"b\",\"description\":\"\",\"modifiedTime\":\"1970-01-01T00:00:00.000Z\"}");
	server_done();
	drive_close(d);
}

TEST(drive_files__a_move_is_safe_to_repeat)
{
	static const struct line script[] = {
		{ PATCH, NULL, 200, NULL, NULL, 0, LOSE },
		{ PATCH, NULL, 403, NULL, "{\"error\":{\"errors\":[{\"reason\":\"cannotAddParent\"}]}}", 0, ANSWER },
		{ "GET /drive/v3/files/ID?", NULL, 200, NULL, "{\"id\":\"ID\",\"name\":\"n\",\"parents\":[\"to\"]}", 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	struct drive *d = start(script);
	struct drive_edit e = { .from_parent = "from", .to_parent = "to", .mtime_ms = -1 };
	CHECK_INT(drive_edit(d, "ID", &e, &f), 0);
	CHECK_STR(f.parent, "to");
	CHECK_STR(server_request(0)->body, "{}");
	server_done();
	drive_close(d);
}

TEST(drive_files__a_refused_move_is_refused)
{
	static const struct line script[] = {
		{ PATCH, NULL, 403, NULL, "{\"error\":{\"errors\":[{\"reason\":\"insufficientFilePermissions\"}],\"message\":\"no\"}}", 0, ANSWER },
		{ PATCH, NULL, 200, NULL, NULL, 0, LOSE },
		{ PATCH, NULL, 404, NULL, NOT_FOUND, 0, ANSWER },
		{ "GET /drive/v3/files/ID?", NULL, 200, NULL, "{\"id\":\"ID\",\"name\":\"n\",\"parents\":[\"from\"]}", 0, ANSWER },
		{ 0 },
	};
	struct drive_file f = { 0 };
	struct drive *d = start(script);
	struct drive_edit e = { .from_parent = "from", .to_parent = "to", .mtime_ms = -1 };
	CHECK_INT(drive_edit(d, "ID", &e, &f), -EACCES);
	CHECK_STR(err_last(), "move \"ID\": HTTP 403 insufficientFilePermissions: no");
	CHECK_INT(drive_edit(d, "ID", &e, &f), -ENOENT);
	CHECK(strstr(err_last(), "notFound"));
	server_done();
	drive_close(d);
}

TEST(drive_files__trash)
{
	static const struct line script[] = {
		{ PATCH, NULL, 200, NULL, "{\"id\":\"ID\",\"name\":\"n\",\"trashed\":true}", 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	struct drive *d = start(script);
	struct drive_edit e = { .trash = true, .mtime_ms = -1 };
	CHECK_INT(drive_edit(d, "ID", &e, &f), 0);
	CHECK_STR(server_request(0)->body, "{\"trashed\":true}");
	CHECK(f.trashed);
	server_done();
	drive_close(d);
}

TEST(drive_files__the_head_is_verified)
{
	static const struct line script[] = {
		{ "GET /drive/v3/files/ID?", "fields=id,mimeType,size,md5Checksum,version,headRevisionId ", 200, NULL,
		  "{\"id\":\"ID\",\"mimeType\":\"x/y\",\"size\":\"9\",\"headRevisionId\":\"r1\"}", 0, ANSWER },
		{ "GET /drive/v3/files/ID?", NULL, 200, NULL,
		  "{\"id\":\"ID\",\"mimeType\":\"x/y\",\"size\":\"9\",\"headRevisionId\":\"r2\"}", 0, ANSWER },
		{ 0 },
	};
	struct drive_file f = { .id = "ID", .revision = "r1", .size = 9, .blob = true };
	struct drive *d = start(script);
	CHECK_INT(drive_verify_head(d, &f), 0);
	CHECK_INT(drive_verify_head(d, &f), -ESTALE);
	server_done();
	drive_close(d);
}

TEST(drive_files__about_without_a_limit)
{
	static const struct line script[] = {
		{ "GET /drive/v3/about?fields=user(emailAddress),storageQuota", NULL, 200, NULL, "{\"storageQuota\":{\"limit\":\"100\",\"usage\":\"7\"}}", 0, ANSWER },
		{ "GET /drive/v3/about?fields=user(emailAddress),storageQuota", NULL, 200, NULL, "{\"storageQuota\":{\"usage\":\"8\"}}", 0, ANSWER },
		{ 0 },
	};
	struct drive_about a;
	struct drive *d = start(script);
	CHECK_INT(drive_about(d, &a), 0);
	CHECK(a.limit == 100 && a.usage == 7);
	CHECK_INT(drive_about(d, &a), 0);
	CHECK(a.limit == 0 && a.usage == 8);
	drive_close(d);
}
