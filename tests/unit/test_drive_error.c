/* SPDX-License-Identifier: MIT */
#include "drive/error.h"
#include "tests/unit/test.h"

/* A body as Drive writes it; `more` goes behind errors[]. */
static void parse(struct drive_error *e, int status, const char *reason, const char *message, const char *more)
{
	CLEANUP_BUF struct buf b = BUF_INIT(65536);
	buf_printf(&b, "{\n \"error\": {\n  \"code\": %d,\n  \"message\": ", status);
	buf_json(&b, message);
	buf_printf(&b, ",\n  \"errors\": [\n   {\"message\": \"m\", \"domain\": \"global\", \"reason\": \"%s\"}\n  ]%s\n }\n}\n",
		   reason, more);
	CHECK(!b.failed);
	error_parse(e, status, b.data, b.len);
}

TEST(drive_error__every_row_of_the_table)
{
	static const struct {
		int status;
		const char *reason, *message;
		int err;
		enum error_class cls;
	} rows[] = {
		{ 400, "badRequest", "x", -EINVAL, ERROR_FINAL },
		{ 400, "invalid", "Invalid Value", -EINVAL, ERROR_FINAL },
		{ 400, "invalidParameter", "x", -EINVAL, ERROR_FINAL },
		{ 400, "parseError", "x", -EINVAL, ERROR_FINAL },
		{ 400, "required", "x", -EINVAL, ERROR_FINAL },
		{ 400, "illegalKeepForeverModification", "x", -EINVAL, ERROR_FINAL },
		{ 401, "authError", "Invalid Credentials", -EACCES, ERROR_AUTH },
		{ 401, "required", "Login Required.", -EACCES, ERROR_AUTH },
		{ 403, "rateLimitExceeded", "Rate Limit Exceeded", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "userRateLimitExceeded", "User Rate Limit Exceeded", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "userRateLimitExceeded", "User rate limit exceeded.", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "RATE_LIMIT_EXCEEDED", "x", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "forbidden", "User Rate Limit exceeded. Rate of requests is too high.", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "dailyLimitExceeded", "Daily Limit Exceeded", -EDQUOT, ERROR_FINAL },
		{ 403, "quotaExceeded", "x", -EDQUOT, ERROR_FINAL },
		{ 403, "downloadQuotaExceeded", "x", -EDQUOT, ERROR_FINAL },
		{ 403, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.", -ENOSPC, ERROR_FINAL },
		{ 403, "storageQuotaExceeded", "Service Accounts do not have storage quota.", -EDQUOT, ERROR_FINAL },
		{ 403, "teamDriveFileLimitExceeded", "x", -ENOSPC, ERROR_FINAL },
		{ 403, "numChildrenInNonRootLimitExceeded", "x", -ENOSPC, ERROR_FINAL },
		{ 403, "activeItemCreationLimitExceeded", "x", -ENOSPC, ERROR_FINAL },
		{ 403, "myDriveHierarchyDepthLimitExceeded", "x", -EMLINK, ERROR_FINAL },
		{ 403, "teamDriveHierarchyTooDeep", "x", -EMLINK, ERROR_FINAL },
		{ 403, "insufficientFilePermissions", "x", -EACCES, ERROR_FINAL },
		{ 403, "insufficientParentPermissions", "x", -EACCES, ERROR_FINAL },
		{ 403, "appNotAuthorizedToFile", "x", -EACCES, ERROR_FINAL },
		{ 403, "domainPolicy", "x", -EACCES, ERROR_FINAL },
		{ 403, "teamDriveMembershipRequired", "x", -EACCES, ERROR_FINAL },
		{ 403, "fileOwnerNotMemberOfTeamDrive", "x", -EACCES, ERROR_FINAL },
		{ 403, "cannotModifyInheritedTeamDrivePermission", "x", -EACCES, ERROR_FINAL },
		{ 403, "cannotCopyFile", "x", -EACCES, ERROR_FINAL },
		{ 403, "invalidAbuseAcknowledgment", "x", -EACCES, ERROR_FINAL },
		{ 403, "download_restricted_for_revision", "x", -EACCES, ERROR_FINAL },
		{ 403, "fieldNotWritable", "x", -EACCES, ERROR_FINAL },
		{ 403, "sharingRateLimitExceeded", "x", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of "
		  "service 'drive.googleapis.com' for consumer 'project_number:1'.", -ETIMEDOUT, ERROR_REFUSED },
		{ 403, "backendError", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 403, "internalError", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 404, "x", "Not Found", -ENOENT, ERROR_GONE },
		{ 411, "x", "x", -EIO, ERROR_FINAL },
		{ 499, "x", "x", -EIO, ERROR_GONE },
		{ 403, "insufficientPermissions", "x", -EACCES, ERROR_FINAL },
		{ 403, "accessNotConfigured", "x", -EACCES, ERROR_FINAL },
		{ 403, "cannotDownloadAbusiveFile", "x", -EACCES, ERROR_FINAL },
		{ 403, "fileNotDownloadable", "x", -EACCES, ERROR_FINAL },
		{ 403, "cannotAddParent", "x", -EACCES, ERROR_FINAL },
		{ 403, "teamDrivesFolderMoveInNotSupported", "x", -EXDEV, ERROR_FINAL },
		{ 403, "teamDrivesParentLimit", "x", -EXDEV, ERROR_FINAL },
		{ 403, "propertyLengthLimitExceeded", "x", -E2BIG, ERROR_FINAL },
		{ 403, "propertyCountLimitExceeded", "x", -E2BIG, ERROR_FINAL },
		{ 404, "notFound", "File not found: x.", -ENOENT, ERROR_GONE },
		{ 409, "fileIdInUse", "x", -EEXIST, ERROR_TAKEN },
		{ 409, "duplicate", "x", -EEXIST, ERROR_TAKEN },
		{ 410, "gone", "x", -ENOENT, ERROR_GONE },
		{ 412, "conditionNotMet", "x", -ESTALE, ERROR_FINAL },
		{ 413, "uploadTooLarge", "x", -EFBIG, ERROR_FINAL },
		{ 416, "requestedRangeNotSatisfiable", "x", -EIO, ERROR_FINAL },
		{ 429, "rateLimitExceeded", "Rate Limit Exceeded", -ETIMEDOUT, ERROR_REFUSED },
		{ 500, "internalError", "Internal Error", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 502, "backendError", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 503, "backendError", "Backend Error", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 504, "x", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 408, "x", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 599, "x", "x", -ETIMEDOUT, ERROR_UNCLEAR },
		{ 418, "x", "x", -EIO, ERROR_FINAL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct drive_error e;
		parse(&e, rows[i].status, rows[i].reason, rows[i].message, "");
		CHECK_STR(e.reason, rows[i].reason);
		CHECK_INT(e.err, rows[i].err);
		CHECK_INT(e.cls, rows[i].cls);
		CHECK_INT(e.status, rows[i].status);
	}
}

TEST(drive_error__a_missing_scope_is_told_from_a_missing_right)
{
	struct drive_error e;
	parse(&e, 403, "insufficientPermissions", "Request had insufficient authentication scopes.",
	      ", \"status\": \"PERMISSION_DENIED\", \"details\": [{\"@type\": \"type.googleapis.com/google.rpc.ErrorInfo\","
	      "\"reason\": \"ACCESS_TOKEN_SCOPE_INSUFFICIENT\", \"domain\": \"googleapis.com\", \"metadata\": {}}]");
	CHECK_STR(e.reason, "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
	CHECK_INT(error_report(&e, "list", "folder"), -EACCES);
	CHECK(strstr(err_last(), "auth/drive"));
}

TEST(drive_error__a_service_account_without_storage_is_told_three_ways_out)
{
	struct drive_error e;
	parse(&e, 403, "storageQuotaExceeded",
	      "Service Accounts do not have storage quota. Leverage shared drives "
	      "(https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or use OAuth delegation "
	      "(http://support.google.com/a/answer/7281227) instead.", "");
	CHECK_INT(error_report(&e, "create", "m.model"), -EDQUOT);
	CHECK(strstr(err_last(), "create \"m.model\": HTTP 403 storageQuotaExceeded: Service Accounts"));
	CHECK(strstr(err_last(), "shared drive") && strstr(err_last(), "delegation") && strstr(err_last(), "credentials"));
}

TEST(drive_error__text_and_html_are_judged_by_status)
{
	struct drive_error e;
	static const char html[] = "<!DOCTYPE html>\n<html>\n<title>Error 502 (Server Error)!!1</title>\n<p>Try again";
	error_parse(&e, 502, html, sizeof html - 1);
	CHECK_INT(e.cls, ERROR_UNCLEAR);
	CHECK_STR(e.reason, "");
	CHECK(strstr(e.message, "Error 502 (Server Error)!!1 Try again"));
	error_parse(&e, 400, "Failed to parse Content-Range header.", 37);
	CHECK_STR(e.message, "Failed to parse Content-Range header.");
	error_parse(&e, 404, "Not Found", 9);
	CHECK_INT(e.err, -ENOENT);
	error_parse(&e, 503, NULL, 0);
	CHECK_INT(e.cls, ERROR_UNCLEAR);
	error_parse(&e, 403, "[1,2]", 5);
	CHECK_INT(e.err, -EACCES);
}

TEST(drive_error__the_token_endpoint_has_another_shape)
{
	struct drive_error e;
	static const char body[] = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}";
	error_parse(&e, 400, body, sizeof body - 1);
	CHECK_STR(e.reason, "invalid_grant");
	CHECK_STR(e.message, "Invalid JWT Signature.");
}

TEST(drive_error__secrets_never_get_into_a_message)
{
	char s[] = "bad token ya29.a0AfB_secret, session https://x/?upload_id=ADPyc&x=1 Bearer abc eyJhbGci.eyJp \"1//0abc\"";
	error_scrub(s);
	CHECK(!strstr(s, "a0AfB") && !strstr(s, "ADPyc") && !strstr(s, "Bearer abc") && !strstr(s, "hbGci") && !strstr(s, "0abc"));
	CHECK(strstr(s, "&x=1"));
	struct drive_error e;
	parse(&e, 400, "invalid", "no ya29.secret-token here", "");
	error_report(&e, "get", NULL);
	CHECK(!strstr(err_last(), "secret-token"));
	CHECK(strstr(err_last(), "get: HTTP 400 invalid: no ya29."));
}
