/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/json.h"
#include "drive/url.h"

#include <string.h>

typedef int change_each(void *ctx, const char *id, struct drive_file *f);

/* The token of a shared drive and that of the user differ: both calls name the same drive. */
static int add_drive(struct buf *b, const char *drive_id)
{
	buf_str(b, "&supportsAllDrives=true&prettyPrint=false");
	if (!drive_id || !*drive_id)
		return 0;
	buf_printf(b, "&driveId=%s", drive_id);
	return call_check_id("changes", drive_id);
}

static int copy_token(const struct cJSON *root, const char *key, char **ret)
{
	const char *token = json_str(root, key);
	if (!token || !*token)
		return err_set(-EBADMSG, "changes: the answer has no %s", key);
	*ret = strdup(token);
	return *ret ? 0 : err_nomem("changes");
}

int drive_changes_start(struct drive *d, const char *drive_id, char **ret_token)
{
	CLEANUP_CALL struct call c;
	CLEANUP_JSON struct cJSON *root = NULL;
	call_init(&c, d, "GET", "/drive/v3/changes/startPageToken?fields=startPageToken", "start of changes", NULL);
	int r = add_drive(&c.url, drive_id);
	if (r == 0)
		r = call_run(&c);
	if (r == 0)
		r = json_parse(c.resp.body.data, c.resp.body.len, &root);
	return r < 0 ? r : copy_token(root, "startPageToken", ret_token);
}

static int deliver_change(const struct call *c, const struct cJSON *change, change_each *each, void *ctx)
{
	struct drive_file f = { 0 };
	const char *id = json_str(change, "fileId");
	if (!id || !url_id_ok(id))
		return 0; /* of a shared drive itself */
	const struct cJSON *file = json_get(change, "file");
	if (json_true(change, "removed") || !file)
		return each(ctx, id, NULL);
	int r = json_file(file, &f);
	if (r == -EBADMSG)
		return err_set(r, "changes: an entry for \"%s\" has a file without an id", id);
	if (r == 0) {
		resource_keys_learn_file(&c->d->keys, &f, NULL);
		r = each(ctx, id, &f);
	}
	drive_file_done(&f);
	return r;
}

static int get_page(struct call *c, const char *drive_id, const char *token)
{
	buf_str(&c->url, "?pageToken=");
	url_escape(&c->url, token);
	buf_str(&c->url, "&pageSize=1000&includeRemoved=true&includeItemsFromAllDrives=true&spaces=drive"
		"&fields=nextPageToken,newStartPageToken,changes(removed,fileId,file(" JSON_FILE_FIELDS "))");
	int r = add_drive(&c->url, drive_id);
	if (r == 0)
		r = call_run(c);
	if (r == 0)
		return 0;
	/* Which of the two Drive answers for a token that it does not know is not settled. */
	bool refused = c->error.status == 410 || (c->error.status == 400 && !strcmp(c->error.location, "pageToken"));
	return refused ? err_set(-EBADMSG, "%s", err_last()) : r;
}

/* *next: where to go on, in *last if that is the end. */
static int take_changes(const struct call *c, change_each *each, void *ctx, char **next, bool *last)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = json_parse(c->resp.body.data, c->resp.body.len, &root);
	if (r < 0)
		return r;
	const struct cJSON *changes = json_get(root, "changes");
	for (const struct cJSON *i = json_at(changes, 0); i && r == 0; i = json_next(i))
		r = deliver_change(c, i, each, ctx);
	if (r)
		return r;
	*last = !json_str(root, "nextPageToken");
	return copy_token(root, *last ? "newStartPageToken" : "nextPageToken", next);
}

int drive_changes(struct drive *d, const char *drive_id, char **token, change_each *each, void *ctx)
{
	CLEANUP_FREE char *at = strdup(*token);
	if (!at)
		return err_nomem("changes");
	for (bool last = false; !last;) {
		CLEANUP_FREE char *next = NULL;
		CLEANUP_CALL struct call c;
		call_init(&c, d, "GET", "/drive/v3/changes", "changes", NULL);
		int r = get_page(&c, drive_id, at);
		if (r == 0)
			r = take_changes(&c, each, ctx, &next, &last);
		if (r)
			return r;
		if (!last && !strcmp(next, at))
			return err_set(-EBADMSG, "changes: the pages go round in a circle");
		free(at);
		at = STEAL(next);
	}
	free(*token);
	*token = STEAL(at);
	return 0;
}
