/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/json.h"
#include "drive/url.h"

#include <string.h>

typedef int file_each(void *ctx, struct drive_file *f);

static void page_url(struct buf *b, const char *folder_id, const char *token)
{
	/* By parent, never by name: that look-up is consistent (kopia issue 90). */
	buf_printf(b, "?q='%s'+in+parents+and+trashed=false&pageSize=1000&spaces=drive&supportsAllDrives=true"
		   "&includeItemsFromAllDrives=true&prettyPrint=false&fields=kind,nextPageToken,incompleteSearch,files("
		   JSON_FILE_FIELDS ")", folder_id);
	if (token) {
		buf_str(b, "&pageToken=");
		url_escape(b, token);
	}
}

static int deliver_file(const struct call *c, const struct cJSON *item, file_each *each, void *ctx)
{
	struct drive_file f = { 0 };
	int r = json_file(item, &f);
	if (r == -EBADMSG)
		return 0; /* no id: nothing that could be named or opened */
	if (r == 0)
		resource_keys_learn_file(&c->d->keys, &f, c->subject);
	if (r == 0 && !f.trashed) /* the index lags behind the files */
		r = each(ctx, &f);
	drive_file_done(&f);
	return r;
}

/* *token: of the next page, NULL after the last. */
static int take_files(const struct call *c, file_each *each, void *ctx, char **token)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = json_parse(c->resp.body.data, c->resp.body.len, &root);
	if (r < 0)
		return err_set(r, "list \"%s\": %s", c->subject, err_last());
	if (json_true(root, "incompleteSearch"))
		return err_set(-EIO, "list \"%s\": Drive gave an incomplete answer", c->subject);
	const struct cJSON *files = json_get(root, "files");
	const char *next = json_str(root, "nextPageToken");
	/* An empty page may leave `files` out, so that only `kind` tells it from another answer. */
	if (files ? !json_is_array(files) : !json_str(root, "kind"))
		return err_set(-EBADMSG, "list \"%s\": the answer has no list of files", c->subject);
	for (const struct cJSON *i = json_at(files, 0); i && r == 0; i = json_next(i))
		r = deliver_file(c, i, each, ctx);
	if (r)
		return r;
	if (next && *token && !strcmp(next, *token))
		return err_set(-EBADMSG, "list \"%s\": the pages go round in a circle", c->subject);
	free(*token);
	*token = next && *next ? strdup(next) : NULL;
	return next && *next && !*token ? err_set(-ENOMEM, "list: no memory") : 0;
}

int drive_list(struct drive *d, const char *folder_id, file_each *each, void *ctx)
{
	CLEANUP_FREE char *token = NULL;
	int r = call_check_id("list", folder_id);
	if (r < 0)
		return r;
	do {
		CLEANUP_CALL struct call c;
		call_init(&c, d, "GET", "/drive/v3/files", "list", folder_id);
		c.key_of[0] = folder_id;
		page_url(&c.url, folder_id, token);
		r = call_run(&c);
		if (r == 0)
			r = take_files(&c, each, ctx, &token);
	} while (r == 0 && token);
	return r;
}
