/* SPDX-License-Identifier: MIT */
/* Errors as Drive itself worded them, byte for byte: captured in 2026 by the authors of duckdb-gdrive
 * (DataZoo GmbH, MIT licence). */
#include "drive/error.h"
#include "tests/unit/test.h"

static const struct {
	const char *name, *body;
	int status;
	const char *reason;
	int err;
	enum error_class cls;
} captured[] = {
	{ "not_found_get",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 404,\n"
	  "    \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"notFound\",\n"
	  "        \"location\": \"fileId\",\n"
	  "        \"locationType\": \"parameter\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  404, "notFound", -ENOENT, ERROR_GONE },
	{ "not_found_media",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 404,\n"
	  "    \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"notFound\",\n"
	  "        \"location\": \"fileId\",\n"
	  "        \"locationType\": \"parameter\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  404, "notFound", -ENOENT, ERROR_GONE },
	{ "unauthorized",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 401,\n"
	  "    \"message\": \"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Invalid Credentials\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"authError\",\n"
	  "        \"location\": \"Authorization\",\n"
	  "        \"locationType\": \"header\"\n"
	  "      }\n"
	  "    ],\n"
	  "    \"status\": \"UNAUTHENTICATED\"\n"
	  "  }\n"
	  "}\n",
	  401, "authError", -EACCES, ERROR_AUTH },
	{ "no_auth",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 401,\n"
	  "    \"message\": \"Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Login Required.\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"required\",\n"
	  "        \"location\": \"Authorization\",\n"
	  "        \"locationType\": \"header\"\n"
	  "      }\n"
	  "    ],\n"
	  "    \"status\": \"UNAUTHENTICATED\",\n"
	  "    \"details\": [\n"
	  "      {\n"
	  "        \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",\n"
	  "        \"reason\": \"CREDENTIALS_MISSING\",\n"
	  "        \"domain\": \"googleapis.com\",\n"
	  "        \"metadata\": {\n"
	  "          \"service\": \"drive.googleapis.com\",\n"
	  "          \"method\": \"google.apps.drive.v3.DriveAbout.Get\"\n"
	  "        }\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  401, "required", -EACCES, ERROR_AUTH },
	{ "bad_field",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 400,\n"
	  "    \"message\": \"Invalid field selection nonexistentfield\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Invalid field selection nonexistentfield\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"invalidParameter\",\n"
	  "        \"location\": \"fields\",\n"
	  "        \"locationType\": \"parameter\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  400, "invalidParameter", -EINVAL, ERROR_FINAL },
	{ "bad_query",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 400,\n"
	  "    \"message\": \"Invalid Value\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Invalid Value\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"invalid\",\n"
	  "        \"location\": \"q\",\n"
	  "        \"locationType\": \"parameter\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  400, "invalid", -EINVAL, ERROR_FINAL },
	{ "storage_quota",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 403,\n"
	  "    \"message\": \"Service Accounts do not have storage quota. Leverage shared drives (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use OAuth delegation (http://support.google.com/a/answer/7281227) instead.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Service Accounts do not have storage quota. Leverage shared drives (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use OAuth delegation (http://support.google.com/a/answer/7281227) instead.\",\n"
	  "        \"domain\": \"usageLimits\",\n"
	  "        \"reason\": \"storageQuotaExceeded\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  403, "storageQuotaExceeded", -EDQUOT, ERROR_FINAL },
	{ "export_non_native",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 404,\n"
	  "    \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"File not found: 1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"notFound\",\n"
	  "        \"location\": \"fileId\",\n"
	  "        \"locationType\": \"parameter\"\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n",
	  404, "notFound", -ENOENT, ERROR_GONE },
	{ "insufficient_scope",
	  "{\n"
	  "  \"error\": {\n"
	  "    \"code\": 403,\n"
	  "    \"message\": \"Request had insufficient authentication scopes.\",\n"
	  "    \"errors\": [\n"
	  "      {\n"
	  "        \"message\": \"Insufficient Permission\",\n"
	  "        \"domain\": \"global\",\n"
	  "        \"reason\": \"insufficientPermissions\"\n"
	  "      }\n"
	  "    ],\n"
	  "    \"status\": \"PERMISSION_DENIED\",\n"
	  "    \"details\": [\n"
	  "      {\n"
	  "        \"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\",\n"
	  "        \"reason\": \"ACCESS_TOKEN_SCOPE_INSUFFICIENT\",\n"
	  "        \"domain\": \"googleapis.com\",\n"
	  "        \"metadata\": {\n"
	  "          \"method\": \"google.apps.drive.v3.DriveFiles.List\",\n"
	  "          \"service\": \"drive.googleapis.com\"\n"
	  "        }\n"
	  "      }\n"
	  "    ]\n"
	  "  }\n"
	  "}\n"
	  "\n",
	  403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", -EACCES, ERROR_FINAL },
};

TEST(drive_captured__every_body_has_its_meaning)
{
	for (size_t i = 0; i < sizeof captured / sizeof *captured; i++) {
		struct drive_error e;
		error_parse(&e, captured[i].status, captured[i].body, strlen(captured[i].body));
		CHECK_STR(e.reason, captured[i].reason);
		CHECK_INT(e.err, captured[i].err);
		CHECK_INT(e.cls, captured[i].cls);
		CHECK_INT(error_report(&e, captured[i].name, "x"), captured[i].err);
		CHECK(!strchr(err_last(), '\n'));
	}
}

TEST(drive_captured__bodies_that_are_cut_are_judged_by_status)
{
	if (torture)
		return; /* thousands of allocations, each like the first */
	for (size_t i = 0; i < sizeof captured / sizeof *captured; i++)
		for (size_t n = 0; n < strlen(captured[i].body) - 3; n++) {
			struct drive_error e;
			error_parse(&e, captured[i].status, captured[i].body, n);
			CHECK(e.err < 0);
			if (captured[i].status != 403)
				CHECK_INT(e.cls, captured[i].cls);
		}
}
