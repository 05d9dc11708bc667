/* SPDX-License-Identifier: MIT */
#include "drive/json.h"
#include "tests/unit/test.h"

static int file(const char *text, struct drive_file *f) { return json_file_text(text, strlen(text), f); }

TEST(drive_json__reads_a_file_whole)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(file("{\"id\":\"abc\",\"name\":\"m.model\",\"mimeType\":\"application/octet-stream\",\"size\":\"4294967296\","
		       "\"md5Checksum\":\"d41d8cd98f00b204e9800998ecf8427e\",\"headRevisionId\":\"rev1\",\"version\":\"42\","
		       "\"createdTime\":\"1970-01-01T00:00:01Z\",\"modifiedTime\":\"2026-11-21T21:14:04.866Z\","
		       "\"parents\":[\"par\"],\"trashed\":true,\"description\":\"d\",\"driveId\":\"drv\","
		       "\"capabilities\":{\"canEdit\":false}}", &f), 0);
	CHECK_STR(f.id, "abc");
	CHECK_STR(f.name, "m.model");
	CHECK_STR(f.revision, "rev1");
	CHECK_STR(f.parent, "par");
	CHECK_STR(f.drive, "drv");
	CHECK_STR(f.description, "d");
	CHECK_INT(f.size, 4294967296);
	CHECK_INT(f.version, 42);
	CHECK_INT(f.created_ms, 1000);
	CHECK_INT(f.mtime_ms, 1795295644866);
	CHECK(f.blob && f.trashed && f.has_md5 && !f.folder && !f.can_edit);
	CHECK_INT(f.md5[0], 0xd4);
	CHECK_INT(f.md5[15], 0x7e);
}

TEST(drive_json__folders_and_documents_have_no_bytes)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(file("{\"id\":\"a\",\"name\":\"d\",\"mimeType\":\"application/vnd.google-apps.folder\"}", &f), 0);
	CHECK(f.folder && !f.blob && f.can_edit);
	drive_file_done(&f);
	CHECK_INT(file("{\"id\":\"a\",\"mimeType\":\"application/vnd.google-apps.document\",\"size\":\"1024\"}", &f), 0);
	CHECK(!f.folder && !f.blob && f.size == 0);
	CHECK_STR(f.name, "Untitled");
}

TEST(drive_json__bytes_of_unknown_size_are_never_an_empty_file)
{
	static const char *const sizes[] = { "\"-1\"", "\"1e3\"", "\"\"", "\"9223372036854775808\"", "\"99999999999999999999\"",
					     "null", "[]", "\" 1\"", "1.5", "-1", "1e300" };
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char text[200];
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		snprintf(text, sizeof text, "{\"id\":\"a\",\"mimeType\":\"x/y\",\"size\":%s}", sizes[i]);
		CHECK_INT(file(text, &f), 0);
		CHECK(!f.blob);
	}
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(file("{\"id\":\"a\",\"mimeType\":\"x/y\",\"size\":12}", &f), 0);
	CHECK(f.blob && f.size == 12);
}

TEST(drive_json__bytes_without_a_revision_are_named_by_their_digest)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(file("{\"id\":\"a\",\"mimeType\":\"x/y\",\"size\":\"12\",\"version\":7,"
		       "\"md5Checksum\":\"d41d8cd98f00b204e9800998ecf8427e\"}", &f), 0);
	CHECK(f.blob && f.size == 12);
	CHECK_STR(f.revision, "~d41d8cd98f00b204e9800998ecf8427e");
	drive_file_done(&f);
	CHECK_INT(file("{\"id\":\"a\",\"mimeType\":\"x/y\",\"size\":\"12\",\"version\":7}", &f), 0);
	CHECK_STR(f.revision, "~7");
	drive_file_done(&f);
	CHECK_INT(file("{\"id\":\"a\",\"mimeType\":\"application/vnd.google-apps.folder\",\"version\":7}", &f), 0);
	CHECK_STR(f.revision, "");
}

TEST(drive_json__odd_members_get_defaults_and_no_id_is_an_error)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(file("{\"id\":\"a\",\"name\":7,\"mimeType\":[],\"parents\":\"x\",\"version\":{},\"modifiedTime\":\"soon\","
		       "\"trashed\":\"yes\",\"md5Checksum\":\"zz\",\"capabilities\":1,\"description\":\"\"}", &f), 0);
	CHECK_STR(f.name, "Untitled");
	CHECK_STR(f.parent, "");
	CHECK(!f.has_md5 && !f.trashed && f.can_edit && !f.description && f.mtime_ms == 0);
	static const char *const bad[] = { "{}", "[]", "1", "{\"id\":1}", "{\"id\":\"\"}", "{\"id\":\"a/b\"}", "{\"id\":\"a'b\"}",
					   "{\"id\":\"..\"}", "", "{\"id\":\"a\"", "{\"id\":\"a\"}x" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct drive_file g = { 0 };
		CHECK_INT(file(bad[i], &g), -EBADMSG);
	}
}

static void name_is(const char *json, const char *want)
{
	char text[300];
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	snprintf(text, sizeof text, "{\"id\":\"a\",\"name\":\"%s\"}", json);
	CHECK_INT(file(text, &f), 0);
	CHECK_STR(f.name, want);
}

TEST(drive_json__names_that_c_strings_or_cjson_refuse)
{
	name_is("a\\u0000b", "a\xef\xb7\x90" "b");
	name_is("a\\\\u0000b", "a\\u0000b");
	name_is("a\\\\\\u0000", "a\\\xef\xb7\x90");
	name_is("\\ud800", "\xef\xbf\xbd");
	name_is("\\udc00x", "\xef\xbf\xbdx");
	name_is("\\ud800\\ud800\\udc00", "\xef\xbf\xbd\xf0\x90\x80\x80");
	name_is("\\ud83d\\ude00", "\xf0\x9f\x98\x80");
	name_is("\\uD83Dx", "\xef\xbf\xbdx");
	name_is("\xff\xc3", "??");
	name_is("\xc3\xa9/..\\n", "\xc3\xa9/..\n");
}

TEST(drive_json__a_raw_nul_breaks_the_text)
{
	struct drive_file f = { 0 };
	CHECK_INT(json_file_text("{\"id\":\"a\"}\0", 11, &f), -EBADMSG);
}

static void time_is(const char *s, int64_t want)
{
	int64_t ms = -1;
	CHECK(json_time_parse(s, &ms));
	CHECK_INT(ms, want);
}

TEST(drive_json__rfc_3339)
{
	time_is("1970-01-01T00:00:00Z", 0);
	time_is("1970-01-01T00:00:00.5Z", 500);
	time_is("2000-02-29T12:30:15.123456789Z", 951827415123);
	time_is("2026-11-21T21:14:04.866+01:30", 1795295644866 - 5400000);
	time_is("2026-11-21t21:14:04.866-00:30", 1795295644866 + 1800000);
	time_is("1969-12-31T23:59:59.999Z", -1);
	time_is("0000-01-01T00:00:00Z", -62167219200000);
	static const char *const bad[] = { "", "2026", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
					   "2026-01-01T00:00:00", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00", "x" };
	int64_t ms;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!json_time_parse(bad[i], &ms));
	CHECK(!json_time_parse(NULL, &ms));
}

TEST(drive_json__times_go_round)
{
	uint64_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		CLEANUP_BUF struct buf b = BUF_INIT(100);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		int64_t want = (int64_t)(seed >> 16) % 253402300800000, got;
		if (i % 2)
			want = -want % 62167219200000;
		json_time(&b, want);
		CHECK(!b.failed);
		b.data[b.len - 1] = 0;
		CHECK(json_time_parse(b.data + 1, &got));
		CHECK_INT(got, want);
		if (torture)
			break;
	}
}

TEST(drive_json__a_name_goes_out_as_it_came_in)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	json_name(&b, "\xef\xb7\x90 \"q\"\xef\xb7\x90\xef\xb7\x91");
	CHECK_STR(b.data ? b.data : "", "\"\\u0000 \\\"q\\\"\\u0000\xef\xb7\x91\"");
}

TEST(drive_json__a_shortcut_tells_of_its_target)
{
	static const char text[] =
		"{\"id\":\"S\",\"name\":\"s\",\"mimeType\":\"application/vnd.google-apps.shortcut\",\"resourceKey\":\"0-own\","
		"\"shortcutDetails\":{\"targetId\":\"T\",\"targetMimeType\":\"application/vnd.google-apps.folder\","
		"\"targetResourceKey\":\"0-target\"}}";
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(json_file_text(text, strlen(text), &f), 0);
	CHECK(!f.blob && !f.folder && !f.doc && f.target_folder);
	CHECK_STR(f.target, "T");
	CHECK_STR(f.key, "0-own");
	CHECK_STR(f.target_key, "0-target");
}

TEST(drive_json__a_shortcut_to_nowhere_and_a_hostile_key_are_neither)
{
	static const char text[] =
		"{\"id\":\"S\",\"mimeType\":\"application/vnd.google-apps.shortcut\",\"resourceKey\":\"a\\r\\nb: c\","
		"\"shortcutDetails\":{\"targetId\":\"../x\",\"targetResourceKey\":7}}";
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(json_file_text(text, strlen(text), &f), 0);
	CHECK(!f.target[0] && !f.key && !f.target_key && !f.doc);
}

TEST(drive_json__google_s_own_kinds_are_documents)
{
	static const char text[] = "{\"id\":\"D\",\"mimeType\":\"application/vnd.google-apps.document\",\"size\":\"1024\"}";
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(json_file_text(text, strlen(text), &f), 0);
	CHECK(f.doc && !f.blob && !f.folder && f.size == 0);
}

TEST(drive_json__more_values_than_any_page_has_are_refused_before_they_cost_memory)
{
	enum { N = 2 * JSON_VALUES_MAX + 64 };
	char *text = malloc(N + 1);
	struct cJSON *root = NULL;
	if (!text)
		return;
	memset(text, '1', N);
	for (int i = 1; i < N - 1; i += 2)
		text[i] = ',';
	text[0] = '[';
	text[1] = '1';
	text[N - 1] = ']';
	text[N] = 0;
	CHECK_INT(json_parse(text, N, &root), -EBADMSG);
	CHECK(strstr(err_last(), "values"));
	memset(text + 1, ',', N - 2); /* in quotes they are none */
	text[1] = text[N - 2] = '"';
	int r = json_parse(text, N, &root);
	json_free(root);
	free(text);
	CHECK_INT(r, 0);
}

static bool editable(const char *more)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	char text[400];
	snprintf(text, sizeof text, "{\"id\":\"F\",\"size\":\"1\",%s}", more);
	CHECK_INT(json_file_text(text, strlen(text), &f), 0);
	return f.can_edit;
}

TEST(drive_json__what_is_locked_cannot_be_edited)
{
	CHECK(editable("\"capabilities\":{\"canEdit\":true,\"canModifyContent\":true}"));
	CHECK(editable("\"contentRestrictions\":[{\"readOnly\":false}]"));
	CHECK(!editable("\"contentRestrictions\":[{\"readOnly\":true}],\"capabilities\":{\"canEdit\":true}"));
	CHECK(!editable("\"capabilities\":{\"canEdit\":true,\"canModifyContent\":false}"));
	CHECK(!editable("\"capabilities\":{\"canEdit\":false}"));
	CHECK(editable("\"mimeType\":\"application/vnd.google-apps.folder\",\"capabilities\":{\"canEdit\":true,\"canModifyContent\":false}"));
}
