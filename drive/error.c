/* SPDX-License-Identifier: MIT */
/* Sources of the rows: "Resolve errors" of the Drive guide (2026-04-01), and bodies captured from
 * Drive itself. A rate limit of a second and the 750 GB a day of uploads have the same reason, and no
 * wording of theirs can be relied on: only the deadline tells them apart (retry.c). */
#include "drive/error.h"

#include "drive/json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char no_scope[] = "the token lacks the scope https://www.googleapis.com/auth/drive";
static const char no_storage[] = "a service account owns no storage: mount a folder of a shared drive, or use "
				 "domain-wide delegation, or a user's credentials";
static const char not_enabled[] = "enable the Google Drive API for the project of this key";

struct row {
	int status;		/* 0: any */
	const char *reason;	/* NULL: any */
	const char *message;	/* begins so; NULL: any */
	int err;
	enum error_class cls;
	const char *hint;
};

/* The first row that fits counts. */
static const struct row rows[] = {
	{ 400, NULL, NULL, -EINVAL, ERROR_FINAL, NULL },
	{ 401, NULL, NULL, -EACCES, ERROR_AUTH, "Drive refuses these credentials" },
	{ 0, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", NULL, -EACCES, ERROR_FINAL, no_scope },
	{ 0, "SERVICE_DISABLED", NULL, -EACCES, ERROR_FINAL, not_enabled },
	{ 0, "accessNotConfigured", NULL, -EACCES, ERROR_FINAL, not_enabled },
	{ 403, "rateLimitExceeded", NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 403, "userRateLimitExceeded", NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 403, "sharingRateLimitExceeded", NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 403, "RATE_LIMIT_EXCEEDED", NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 403, "RESOURCE_EXHAUSTED", NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 403, "dailyLimitExceeded", NULL, -EDQUOT, ERROR_FINAL, "the daily limit set for this project is reached" },
	{ 403, "quotaExceeded", NULL, -EDQUOT, ERROR_FINAL, NULL },
	{ 403, "downloadQuotaExceeded", NULL, -EDQUOT, ERROR_FINAL, "Drive lifts this after some hours" },
	{ 403, "storageQuotaExceeded", "Service Accounts", -EDQUOT, ERROR_FINAL, no_storage },
	{ 403, "storageQuotaExceeded", NULL, -ENOSPC, ERROR_FINAL, NULL },
	{ 403, "teamDriveFileLimitExceeded", NULL, -ENOSPC, ERROR_FINAL, NULL },
	{ 403, "numChildrenInNonRootLimitExceeded", NULL, -ENOSPC, ERROR_FINAL, "a folder holds 500,000 at most" },
	{ 403, "activeItemCreationLimitExceeded", NULL, -ENOSPC, ERROR_FINAL, NULL },
	{ 403, "myDriveHierarchyDepthLimitExceeded", NULL, -EMLINK, ERROR_FINAL, "folders go 100 deep" },
	{ 403, "teamDriveHierarchyTooDeep", NULL, -EMLINK, ERROR_FINAL, "folders go 100 deep" },
	{ 403, "teamDrivesFolderMoveInNotSupported", NULL, -EXDEV, ERROR_FINAL, NULL },
	{ 403, "teamDrivesParentLimit", NULL, -EXDEV, ERROR_FINAL, NULL },
	{ 403, "propertyLengthLimitExceeded", NULL, -E2BIG, ERROR_FINAL, NULL },
	{ 403, "propertyCountLimitExceeded", NULL, -E2BIG, ERROR_FINAL, NULL },
	{ 403, "fileNotDownloadable", NULL, -EACCES, ERROR_FINAL, "a Google document has no bytes" },
	{ 403, "cannotDownloadAbusiveFile", NULL, -EACCES, ERROR_FINAL,
	  "its owner can read it with -o acknowledge_abuse" },
	{ 403, "backendError", NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 403, "internalError", NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 403, NULL, NULL, -EACCES, ERROR_FINAL, NULL },
	{ 404, NULL, NULL, -ENOENT, ERROR_GONE, NULL },
	{ 408, NULL, NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 409, NULL, NULL, -EEXIST, ERROR_TAKEN, NULL },
	{ 410, NULL, NULL, -ENOENT, ERROR_GONE, NULL },
	{ 411, NULL, NULL, -EIO, ERROR_FINAL, NULL },
	{ 412, NULL, NULL, -ESTALE, ERROR_FINAL, NULL },
	{ 413, NULL, NULL, -EFBIG, ERROR_FINAL, NULL },
	{ 416, NULL, NULL, -EIO, ERROR_FINAL, NULL },
	{ 429, NULL, NULL, -ETIMEDOUT, ERROR_REFUSED, NULL },
	{ 499, NULL, NULL, -EIO, ERROR_GONE, NULL }, /* an upload session that was cancelled */
	{ 500, NULL, NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 502, NULL, NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 503, NULL, NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
	{ 504, NULL, NULL, -ETIMEDOUT, ERROR_UNCLEAR, NULL },
};

/* Whatever the reason says: a limit of so much at a time is one that passes. */
static bool says_rate_limit(const struct drive_error *e)
{
	static const char *const words[] = { "rate limit exceeded", "ratelimitexceeded", "rate_limit_exceeded",
					     "quota exceeded for quota metric" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(e->message, words[i]) || strcasestr(e->reason, words[i]))
			return true;
	return false;
}

static bool fits(const struct row *row, const struct drive_error *e)
{
	if (row->status && row->status != e->status)
		return false;
	if (row->reason && strcmp(row->reason, e->reason))
		return false;
	return !row->message || !strncmp(e->message, row->message, strlen(row->message));
}

static void classify_answer(struct drive_error *e)
{
	if (e->status == 403 && says_rate_limit(e)) {
		e->err = -ETIMEDOUT;
		e->cls = ERROR_REFUSED;
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (fits(&rows[i], e)) {
			e->err = rows[i].err;
			e->cls = rows[i].cls;
			e->hint = rows[i].hint;
			return;
		}
	}
	e->err = e->status >= 500 ? -ETIMEDOUT : -EIO;
	e->cls = e->status >= 500 ? ERROR_UNCLEAR : ERROR_FINAL;
}

static void keep_words(char *to, size_t size, const char *from)
{
	if (from)
		snprintf(to, size, "%s", from);
}

/* Only the details tell these from a missing right. */
static bool tells_more(const char *reason)
{
	static const char *const reasons[] = { "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "USER_PROJECT_DENIED",
					       "RATE_LIMIT_EXCEEDED" };
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

/* {"error": {"message", "errors": [{"reason", "location"}], "details": [{"reason"}], "status"}} */
static void parse_api(struct drive_error *e, const struct cJSON *error)
{
	const struct cJSON *first = json_at(json_get(error, "errors"), 0);
	keep_words(e->message, sizeof e->message, json_str(error, "message"));
	keep_words(e->location, sizeof e->location, json_str(first, "location"));
	keep_words(e->reason, sizeof e->reason, json_str(first, "reason"));
	const struct cJSON *details = json_get(error, "details");
	for (int i = 0; json_at(details, i) && i < 16; i++) {
		const char *r = json_str(json_at(details, i), "reason");
		if (r && (!*e->reason || tells_more(r)))
			keep_words(e->reason, sizeof e->reason, r);
	}
	if (!*e->reason)
		keep_words(e->reason, sizeof e->reason, json_str(error, "status"));
}

/* The token endpoint: {"error": "invalid_grant", "error_description": "..."} */
static void parse_oauth(struct drive_error *e, const struct cJSON *root)
{
	keep_words(e->reason, sizeof e->reason, json_str(root, "error"));
	keep_words(e->message, sizeof e->message, json_str(root, "error_description"));
}

/* The first words of a text or HTML page, tags left out. */
static void parse_text(struct drive_error *e, const char *body, size_t n)
{
	size_t out = 0;
	bool tag = false, blank = true;
	for (size_t i = 0; i < n && out < 120; i++) {
		unsigned char c = (unsigned char)body[i];
		if (c == '<' || c == '>') {
			tag = c == '<';
			c = ' ';
		}
		if (tag || c >= 0x7f)
			continue;
		if (c <= ' ') {
			if (!blank)
				e->message[out++] = ' ';
			blank = true;
			continue;
		}
		e->message[out++] = (char)c;
		blank = false;
	}
	e->message[out] = 0;
}

void error_parse(struct drive_error *ret, int status, const char *body, size_t n)
{
	memset(ret, 0, sizeof *ret);
	ret->status = status;
	ret->retry_after_ms = -1;
	struct cJSON *root = NULL;
	bool parsed = n && json_parse(body, n, &root) == 0;
	err_clear();
	if (!parsed)
		parse_text(ret, body, n);
	else if (json_str(root, "error"))
		parse_oauth(ret, root);
	else
		parse_api(ret, json_get(root, "error"));
	json_free(root);
	error_scrub(ret->message);
	error_scrub(ret->reason);
	classify_answer(ret);
}

int error_report(const struct drive_error *e, const char *what, const char *subject)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1024);
	buf_printf(&b, "%s", what);
	if (subject)
		buf_printf(&b, " \"%.100s\"", subject);
	if (e->status)
		buf_printf(&b, ": HTTP %d", e->status);
	else
		buf_str(&b, ": no answer");
	if (*e->reason)
		buf_printf(&b, " %s", e->reason);
	/* The hint says it better than the page that Drive refers to. */
	if (*e->message)
		buf_printf(&b, ": %.*s", e->hint ? 150 : 299, e->message);
	if (e->hint)
		buf_printf(&b, "; %s", e->hint);
	if (b.failed)
		return err_set(e->err, "%s: HTTP %d", what, e->status);
	return err_set(e->err, "%s", b.data);
}

void error_scrub(char *s)
{
	static const char *const marks[] = { "ya29.", "upload_id=", "Bearer ", "eyJ", "1//0" };
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		for (char *p = s; (p = strstr(p, marks[i]));) {
			p += strlen(marks[i]);
			for (; *p && !strchr(" \t\r\n\"'&,;", *p); p++)
				*p = '*';
		}
	}
}
