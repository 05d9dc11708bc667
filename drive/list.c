/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/json.h"
#include "drive/url.h"

#include <string.h>

enum { PAGE_MAX = 1000 };

typedef int file_each(void *ctx, struct drive_file *f);

struct listing {
	const char *folder, *drive;	/* drive NULL: none, or this identity is no member of it */
	unsigned page_size;
	char *token;			/* of the next page; NULL: the first */
};

static void page_url(struct buf *b, const struct listing *l)
{
	/* By parent, never by name: that look-up is consistent (kopia issue 90). */
	buf_printf(b, "?q='%s'+in+parents+and+trashed=false&pageSize=%u&spaces=drive&supportsAllDrives=true"
		   "&includeItemsFromAllDrives=true&prettyPrint=false&fields=kind,nextPageToken,incompleteSearch,files("
		   JSON_FILE_FIELDS ")", l->folder, l->page_size);
	if (l->drive)
		buf_printf(b, "&corpora=drive&driveId=%s", l->drive);
	if (l->token) {
		buf_str(b, "&pageToken=");
		url_escape(b, l->token);
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
	return next && *next && !*token ? err_nomem("a listing") : 0;
}

/* Can the listing go on, asked in another way? Descriptions and names may be so long that a page of them is
 * no answer any more; and who was given a folder need not be a member of its shared drive. */
static bool other_way(struct listing *l, const struct call *c, int r)
{
	if (r == -EBADMSG && c->resp.end == HTTP_FAILED && l->page_size > 1) {
		l->page_size /= 2;
		return true;
	}
	bool stranger = l->drive && !l->token && (c->error.status == 404 || c->error.status == 403) && c->error.cls != ERROR_REFUSED;
	if (r < 0 && stranger)
		l->drive = NULL;
	return r < 0 && stranger;
}

int drive_list(struct drive *d, const char *folder_id, const char *drive_id, file_each *each, void *ctx)
{
	struct listing l = { .folder = folder_id, .drive = drive_id && *drive_id ? drive_id : NULL, .page_size = PAGE_MAX };
	int r = call_check_id("list", folder_id);
	if (r == 0 && l.drive)
		r = call_check_id("list", l.drive);
	for (bool more = r == 0; more;) {
		CLEANUP_CALL struct call c;
		call_init(&c, d, "GET", "/drive/v3/files", "list", folder_id);
		c.key_of[0] = folder_id;
		page_url(&c.url, &l);
		r = call_run(&c);
		more = r < 0 && other_way(&l, &c, r);
		if (r == 0) {
			r = take_files(&c, each, ctx, &l.token);
			more = r == 0 && l.token;
		}
	}
	free(l.token);
	return r;
}
