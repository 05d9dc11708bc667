/* SPDX-License-Identifier: MIT */
#include "drive/files.h"

#include "drive/json.h"
#include "drive/retry.h"

#include <string.h>

#define FOLDER_TYPE "application/vnd.google-apps.folder"
#define COMMON "supportsAllDrives=true&prettyPrint=false"
enum { NEW_IDS_MAX = 3 };

static int get(struct drive *d, const char *id, const char *fields, const char *what, struct drive_file *ret)
{
	int r = call_check_id(what, id);
	if (r < 0)
		return r;
	CLEANUP_CALL struct call c;
	call_init(&c, d, "GET", "/drive/v3/files/", what, id);
	c.key_of[0] = id;
	buf_printf(&c.url, "%s?" COMMON "&fields=%s", id, fields);
	r = call_run(&c);
	return r < 0 ? r : call_file(&c, ret);
}

int drive_get(struct drive *d, const char *id, struct drive_file *ret)
{
	return get(d, id, JSON_FILE_FIELDS, "get", ret);
}

int drive_verify_head(struct drive *d, const struct drive_file *f)
{
	CLEANUP_DRIVE_FILE struct drive_file now = { 0 };
	int r = get(d, f->id, "id,mimeType,size,md5Checksum,version,headRevisionId", "look for changes of", &now);
	if (r == 0 && (strcmp(now.revision, f->revision) != 0 || now.size != f->size))
		return err_set(-ESTALE, "\"%s\" was replaced in Drive meanwhile", f->name ? f->name : f->id);
	return r;
}

int drive_reserve_id(struct drive *d, char ret[DRIVE_ID_MAX + 1]) { return call_reserve_id(d, ret); }

/* ---- making */
void files_new_json(struct buf *b, const struct files_new *n)
{
	buf_printf(b, "{\"id\":\"%s\",\"parents\":[\"%s\"],\"mimeType\":\"%s\",\"name\":", n->id, n->parent, n->mime);
	json_name(b, n->name);
	if (n->description) {
		buf_str(b, ",\"description\":");
		buf_json(b, n->description);
	}
	if (n->mtime_ms != -1) {
		buf_str(b, ",\"modifiedTime\":");
		json_time(b, n->mtime_ms);
	}
	buf_byte(b, '}');
}

void files_boundary(char ret[33])
{
	for (int i = 0; i < 4; i++) {
		uint32_t v = retry_random();
		for (int j = 0; j < 8; j++)
			*ret++ = "0123456789abcdef"[v >> 4 * j & 15];
	}
	*ret = 0;
}

int files_make(struct drive *d, const struct files_new *n, const char *what, struct drive_file *ret)
{
	CLEANUP_CALL struct call c;
	CLEANUP_BUF struct buf body = BUF_INIT(1 << 20);
	call_init(&c, d, "POST", "/drive/v3/files?" COMMON "&fields=" JSON_FILE_FIELDS, what, n->name);
	c.key_of[0] = n->parent;
	files_new_json(&body, n);
	int r = buf_check(&body, what);
	if (r < 0)
		return r;
	call_json(&c, &body);
	c.upload = true;
	r = call_run(&c);
	if (r == 0)
		return call_file(&c, ret);
	return c.error.status == 409 ? -EEXIST : r;
}

/* The id was reserved by this call alone: what has it is what an unheard answer told of. */
static int make_folder(struct drive *d, const struct files_new *n, struct drive_file *ret)
{
	int r = files_make(d, n, "make folder", ret);
	if (r != -EEXIST && r != -EBADMSG)
		return r;
	CLEANUP_DRIVE_FILE struct drive_file there = { 0 };
	int g = drive_get(d, n->id, &there);
	if (g < 0)
		return g == -ENOENT ? r : g;
	if (!there.folder || there.trashed || strcmp(there.parent, n->parent) != 0)
		return err_set(-EEXIST, "make folder \"%s\": the reserved id is taken", n->name);
	*ret = there;
	memset(&there, 0, sizeof there);
	return 0;
}

int drive_mkdir(struct drive *d, const char *parent_id, const char *name, struct drive_file *ret)
{
	char id[DRIVE_ID_MAX + 1];
	int r = call_check_id("make folder", parent_id);
	for (int i = 0; r == 0 && i < NEW_IDS_MAX; i++) {
		r = call_reserve_id(d, id);
		if (r < 0)
			return r;
		struct files_new n = { .id = id, .parent = parent_id, .name = name, .mime = FOLDER_TYPE, .mtime_ms = -1 };
		r = make_folder(d, &n, ret);
		if (r != -EEXIST)
			return r;
		r = 0;
	}
	return r < 0 ? r : err_set(-EIO, "make folder \"%s\": no reserved id is free", name);
}

/* ---- changing */
static void add_member(struct buf *b, const char *key)
{
	buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", key);
}

static void edit_json(struct buf *b, const struct drive_edit *e)
{
	buf_byte(b, '{');
	if (e->name) {
		add_member(b, "name");
		json_name(b, e->name);
	}
	if (e->description) {
		add_member(b, "description");
		buf_json(b, e->description);
	}
	if (e->mtime_ms != -1) {
		add_member(b, "modifiedTime");
		json_time(b, e->mtime_ms);
	}
	if (e->trash) {
		add_member(b, "trashed");
		buf_str(b, "true");
	}
	buf_byte(b, '}');
}

static int edit_url(struct buf *b, const char *id, const struct drive_edit *e)
{
	int r = call_check_id("edit", id);
	buf_printf(b, "%s?" COMMON "&fields=" JSON_FILE_FIELDS, id);
	if (r < 0 || !e->to_parent || !e->from_parent || !strcmp(e->to_parent, e->from_parent))
		return r;
	/* Always both: adding alone is refused for what has a parent (cannotAddParent). */
	buf_printf(b, "&addParents=%s&removeParents=%s", e->to_parent, e->from_parent);
	r = call_check_id("edit", e->to_parent);
	return r < 0 ? r : call_check_id("edit", e->from_parent);
}

static bool is_done(const struct drive_edit *e, const struct drive_file *f)
{
	if (e->name && strcmp(e->name, f->name) != 0)
		return false;
	if (e->description && strcmp(e->description, f->description ? f->description : "") != 0)
		return false;
	if (e->mtime_ms != -1 && e->mtime_ms != f->mtime_ms)
		return false;
	return f->trashed == (e->trash || f->trashed) && (!e->to_parent || !strcmp(e->to_parent, f->parent));
}

/* A move that was carried out without our knowing may be refused when it is sent again, since
 * the old parent is none any more: what counts is how the file is now. */
static int settle_edit(struct drive *d, const char *id, const struct drive_edit *e, int r, struct drive_file *ret)
{
	char why[512] = "";
	strncpy(why, err_last(), sizeof why - 1);
	CLEANUP_DRIVE_FILE struct drive_file now = { 0 };
	if (drive_get(d, id, &now) < 0 || !is_done(e, &now))
		return err_set(r, "%s", why);
	*ret = now;
	memset(&now, 0, sizeof now);
	return 0;
}

int drive_edit(struct drive *d, const char *id, const struct drive_edit *e, struct drive_file *ret)
{
	CLEANUP_CALL struct call c;
	CLEANUP_BUF struct buf body = BUF_INIT(1 << 20);
	const char *what = e->trash ? "trash" : e->to_parent ? "move" : "edit";
	call_init(&c, d, "PATCH", "/drive/v3/files/", what, e->name ? e->name : id);
	c.key_of[0] = id;
	c.key_of[1] = e->to_parent;
	c.key_of[2] = e->from_parent;
	int r = edit_url(&c.url, id, e);
	edit_json(&body, e);
	if (r == 0)
		r = buf_check(&body, what);
	if (r < 0)
		return r;
	call_json(&c, &body);
	r = call_run(&c);
	if (r == 0)
		r = call_file(&c, ret);
	if (r == -EBADMSG || (r < 0 && r != -EINTR && c.answer_lost && c.error.status / 100 == 4))
		r = settle_edit(d, id, e, r, ret);
	return r;
}
