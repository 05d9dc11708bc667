/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

static int names(void *ctx, struct drive_file *f)
{
	char *to = ctx;
	strncat(to, f->name, 100);
	strncat(to, " ", 2);
	return 0;
}

static int stop(void *ctx, struct drive_file *f)
{
	(void)f;
	return ++*(int *)ctx == 2 ? -EXDEV : 0;
}

#define LIST "GET /drive/v3/files?q='dir'+in+parents+and+trashed=false&pageSize=1000&"
#define ENTRY(id) "{\"id\":\"" id "\",\"name\":\"" id "\"}"

TEST(drive_list__goes_on_until_there_is_no_token_also_over_empty_pages)
{
	static const struct line script[] = {
		{ LIST, "supportsAllDrives=true&includeItemsFromAllDrives=true&prettyPrint=false", 200, NULL,
		  "{\"kind\":\"drive#fileList\",\"nextPageToken\":\"a b&\",\"files\":[" ENTRY("a") "," ENTRY("b") "]}", 0, ANSWER },
		{ LIST, "&pageToken=a%20b%26", 200, NULL,
		  "{\"kind\":\"drive#fileList\",\"nextPageToken\":\"t2\",\"files\":[]}", 0, ANSWER },
		{ LIST, "&pageToken=t2", 200, NULL, "{\"kind\":\"drive#fileList\",\"nextPageToken\":\"t3\"}", 0, ANSWER },
		{ LIST, "&pageToken=t3", 200, NULL, "{\"files\":[" ENTRY("c") "],\"incompleteSearch\":false}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, names, got), 0);
	CHECK_STR(got, "a b c ");
	CHECK_INT(server_tokens(), 1);
	server_done();
	drive_close(d);
}

TEST(drive_list__an_empty_folder_is_empty)
{
	static const struct line script[] = {
		{ LIST, NULL, 200, NULL, "{\"kind\":\"drive#fileList\"}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, names, got), 0);
	CHECK_STR(got, "");
	drive_close(d);
}

static void fails_with(const char *body, int err)
{
	struct line script[] = { { LIST, NULL, 200, NULL, body, 0, ANSWER }, { 0 } };
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, names, got), err);
	drive_close(d);
	server_done();
}

TEST(drive_list__truncated_json_is_no_listing) { fails_with("{\"files\":[" ENTRY("a") ",{\"id\":\"b\",\"na", -EBADMSG); }
TEST(drive_list__an_empty_answer_is_no_listing) { fails_with("", -EBADMSG); }
TEST(drive_list__another_object_is_no_listing) { fails_with("{}", -EBADMSG); }
TEST(drive_list__html_is_no_listing) { fails_with("<html>please log in</html>", -EBADMSG); }
TEST(drive_list__files_of_a_wrong_type_are_no_listing) { fails_with("{\"kind\":\"x\",\"files\":{}}", -EBADMSG); }
TEST(drive_list__incomplete_is_an_error) { fails_with("{\"files\":[" ENTRY("a") "],\"incompleteSearch\":true}", -EIO); }

TEST(drive_list__pages_in_a_circle_end)
{
	static const struct line script[] = {
		{ LIST, NULL, 200, NULL, "{\"kind\":\"k\",\"nextPageToken\":\"t\"}", 0, ANSWER },
		{ LIST, NULL, 200, NULL, "{\"kind\":\"k\",\"nextPageToken\":\"t\"}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, names, got), -EBADMSG);
	server_done();
	drive_close(d);
}

TEST(drive_list__one_odd_entry_breaks_nothing)
{
	static const struct line script[] = {
		{ LIST, NULL, 200, NULL, "{\"files\":[7,{\"name\":\"no id\"},{\"id\":\"x\",\"name\":\"a\\u0000b\"},"
		  "{\"id\":\"y\",\"name\":[]},{\"id\":\"z\",\"name\":\"gone\",\"trashed\":true}," ENTRY("c") "]}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, names, got), 0);
	CHECK_STR(got, "a\xef\xb7\x90" "b Untitled c ");
	drive_close(d);
}

TEST(drive_list__each_may_end_it)
{
	static const struct line script[] = {
		{ LIST, NULL, 200, NULL, "{\"nextPageToken\":\"t\",\"files\":[" ENTRY("a") "," ENTRY("b") "," ENTRY("c") "]}", 0, ANSWER },
		{ 0 },
	};
	int n = 0;
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", NULL, stop, &n), -EXDEV);
	CHECK_INT(n, 2);
	CHECK_INT(drive_list(d, "a'b", NULL, stop, &n), -EINVAL);
	server_done();
	drive_close(d);
}

/* ---- changes */
static int note(void *ctx, const char *id, struct drive_file *f)
{
	char *to = ctx;
	strncat(to, id, 50);
	strncat(to, f ? f->trashed ? "t " : "+ " : "- ", 3);
	return 0;
}

#define CHANGES "GET /drive/v3/changes?pageToken="

TEST(drive_changes__delivers_in_order_and_moves_the_token_at_the_end)
{
	static const struct line script[] = {
		{ "GET /drive/v3/changes/startPageToken?fields=startPageToken&supportsAllDrives=true", "driveId=drv", 200, NULL,
		  "{\"startPageToken\":\"s1\"}", 0, ANSWER },
		{ CHANGES "s1&", "driveId=drv", 200, NULL, "{\"nextPageToken\":\"s2\",\"changes\":["
		  "{\"fileId\":\"a\",\"removed\":false,\"file\":" ENTRY("a") "},{\"fileId\":\"b\",\"removed\":true},"
		  "{\"changeType\":\"drive\",\"driveId\":\"drv\"}]}", 0, ANSWER },
		{ CHANGES "s2&", "includeItemsFromAllDrives=true", 200, NULL, "{\"newStartPageToken\":\"s9\",\"changes\":["
		  "{\"fileId\":\"c\",\"file\":{\"id\":\"c\",\"name\":\"c\",\"trashed\":true}},{\"fileId\":\"d\"}]}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "", *token = NULL;
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_changes_start(d, "drv", &token), 0);
	CHECK_STR(token, "s1");
	CHECK_INT(drive_changes(d, "drv", &token, note, got), 0);
	CHECK_STR(got, "a+ b- ct d- ");
	CHECK_STR(token, "s9");
	free(token);
	server_done();
	drive_close(d);
}

static void token_stays(int status, const char *body, int err)
{
	struct line script[] = { { CHANGES "s1", NULL, status, NULL, body, 0, ANSWER }, { 0 } };
	char got[200] = "", *token = strdup("s1");
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK(token);
	CHECK_INT(drive_changes(d, "", &token, note, got), err);
	CHECK_STR(token, "s1");
	free(token);
	server_done();
	drive_close(d);
}

TEST(drive_changes__a_page_without_an_end_is_an_error)
{
	token_stays(200, "{\"changes\":[{\"fileId\":\"a\",\"removed\":true}]}", -EBADMSG);
}
TEST(drive_changes__a_refused_token_is_told)
{
	token_stays(400, "{\"error\":{\"code\":400,\"message\":\"Invalid Value\",\"errors\":[{\"reason\":\"invalid\","
		    "\"location\":\"pageToken\"}]}}", -EBADMSG);
}
TEST(drive_changes__a_token_that_is_gone_is_told) { token_stays(410, "{}", -EBADMSG); }
TEST(drive_changes__another_error_is_itself) { token_stays(403, "{}", -EACCES); }

#define IN_DRIVE "&corpora=drive&driveId=shared"

TEST(drive_list__a_shared_drive_is_named_and_left_out_where_we_are_no_member)
{
	static const struct line script[] = {
		{ LIST, IN_DRIVE, 200, NULL, "{\"nextPageToken\":\"t\",\"files\":[" ENTRY("a") "]}", 0, ANSWER },
		{ LIST, IN_DRIVE "&pageToken=t", 200, NULL, "{\"files\":[" ENTRY("b") "]}", 0, ANSWER },
		{ LIST, IN_DRIVE, 404, NULL, NOT_FOUND, 0, ANSWER },
		{ LIST, NULL, 200, NULL, "{\"files\":[" ENTRY("c") "]}", 0, ANSWER },
		{ 0 },
	};
	char got[200] = "";
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_list(d, "dir", "shared", names, got), 0);
	CHECK_INT(drive_list(d, "dir", "shared", names, got), 0);
	CHECK_STR(got, "a b c ");
	CHECK(!strstr(server_request(3)->head, "corpora"));
	server_done();
	drive_close(d);
}
