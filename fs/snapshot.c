/* SPDX-License-Identifier: MIT */
/* Records are lists of fields, integers little-endian, strings with their length; each begins with its version.
 * The cache's state checks them by CRC; they are read with care all the same. */
#include "fs/snapshot.h"

#include "fs/log.h"

#include <stdio.h>
#include <string.h>

enum { RECORD_VERSION = 1, NONE_LENGTH = 0x7fffffff, RECORD_MAX = 64 << 20, PASS_MAX = 64 };
enum { IS_FOLDER = 1, IS_BLOB = 2, IS_DOC = 4, LEADS_TO_FOLDER = 8, CAN_EDIT = 16, HAS_MD5 = 32 };
#define TABLE_ROOT "root"
#define TABLE_NAMES "names"

/* ---- records */

static void keep_number(struct buf *b, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		buf_byte(b, (unsigned char)(n >> 8 * i));
}

static void keep_text(struct buf *b, const char *s)
{
	keep_number(b, s ? strlen(s) : NONE_LENGTH);
	buf_str(b, s ? s : "");
}

void snapshot_add_file(struct buf *b, const struct drive_file *f)
{
	const char *const texts[] = { f->id, f->parent, f->revision, f->drive, f->target, f->name, f->description, f->mime,
				      f->key, f->target_key };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		keep_text(b, texts[i]);
	const uint64_t numbers[] = {
		f->size, f->version, (uint64_t)f->mtime_ms, (uint64_t)f->created_ms,
		(f->folder ? IS_FOLDER : 0) | (f->blob ? IS_BLOB : 0) | (f->doc ? IS_DOC : 0) | (f->can_edit ? CAN_EDIT : 0) |
			(f->target_folder ? LEADS_TO_FOLDER : 0) | (f->has_md5 ? HAS_MD5 : 0),
	};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		keep_number(b, numbers[i]);
	buf_add(b, f->md5, sizeof f->md5);
}

struct reader { const uint8_t *at; size_t left; bool bad, no_memory; };

static uint64_t read_number(struct reader *r)
{
	uint64_t n = 0;
	if (r->bad || r->left < 8) {
		r->bad = true;
		return 0;
	}
	for (int i = 0; i < 8; i++)
		n |= (uint64_t)r->at[i] << 8 * i;
	r->at += 8;
	r->left -= 8;
	return n;
}

/* Into `fixed` (of n bytes) or, where that is NULL, into *ret. */
static void read_text(struct reader *r, char *fixed, size_t n, char **ret)
{
	uint64_t len = read_number(r);
	if (r->bad || (len == NONE_LENGTH && !fixed))
		return;
	if (len > r->left || (fixed && len >= n) || memchr(r->at, 0, len)) {
		r->bad = true;
		return;
	}
	if (fixed) {
		memcpy(fixed, r->at, len);
		fixed[len] = 0;
	} else if (!(*ret = strndup((const char *)r->at, len))) {
		r->bad = r->no_memory = true;
	}
	r->at += len;
	r->left -= len;
}

int snapshot_take_file(const uint8_t **at, size_t *left, struct drive_file *f)
{
	struct reader r = { *at, *left, false, false };
	*f = (struct drive_file){ 0 };
	char *const fixed[] = { f->id, f->parent, f->revision, f->drive, f->target };
	char **const texts[] = { &f->name, &f->description, &f->mime, &f->key, &f->target_key };
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		read_text(&r, fixed[i], DRIVE_ID_MAX + 1, NULL);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		read_text(&r, NULL, 0, texts[i]);
	f->size = read_number(&r);
	f->version = read_number(&r);
	f->mtime_ms = (int64_t)read_number(&r);
	f->created_ms = (int64_t)read_number(&r);
	uint64_t flags = read_number(&r);
	r.bad |= r.left < sizeof f->md5 || !f->id[0] || !f->name;
	if (r.bad) {
		drive_file_done(f);
		return r.no_memory ? err_nomem("what the cache knows of a folder")
				   : err_set(-EBADMSG, "what the cache knows of a folder is damaged");
	}
	memcpy(f->md5, r.at, sizeof f->md5);
	f->folder = flags & IS_FOLDER;
	f->blob = flags & IS_BLOB;
	f->doc = flags & IS_DOC;
	f->can_edit = flags & CAN_EDIT;
	f->target_folder = flags & LEADS_TO_FOLDER;
	f->has_md5 = flags & HAS_MD5;
	*at = r.at + sizeof f->md5;
	*left = r.left - sizeof f->md5;
	return 0;
}

/* ---- the mounted folder */

/* By what the credentials are: who we are may be unknown without Drive. */
static void add_credentials(struct fs *fs, struct buf *b)
{
	CLEANUP_BUF struct buf who = BUF_INIT(8192);
	drive_credentials(fs->drive, &who);
	keep_text(b, who.data ? who.data : "");
}

int snapshot_keep_root(struct fs *fs, const struct drive_file *root)
{
	CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
	buf_byte(&b, RECORD_VERSION);
	add_credentials(fs, &b);
	snapshot_add_file(&b, root);
	int r = buf_check(&b, "the mounted folder's record");
	return r ? r : cache_state_put(fs->cache, TABLE_ROOT, fs->config->folder, b.data, b.len);
}

int snapshot_root(struct fs *fs, struct drive_file *ret)
{
	CLEANUP_BUF struct buf kept = BUF_INIT(RECORD_MAX), ours = BUF_INIT(16 << 10);
	int r = cache_state_get(fs->cache, TABLE_ROOT, fs->config->folder, &kept);
	if (r)
		return r;
	buf_byte(&ours, RECORD_VERSION);
	add_credentials(fs, &ours);
	if (ours.failed || kept.len < ours.len || memcmp(kept.data, ours.data, ours.len) != 0)
		return err_set(-ENOENT, "the cache knows the folder by other credentials only");
	const uint8_t *at = (const uint8_t *)kept.data + ours.len;
	size_t left = kept.len - ours.len;
	return snapshot_take_file(&at, &left, ret);
}

/* ---- names */

/* A record of Drive's from what the tree knows; borrowed strings. */
static struct drive_file record_of(const struct file *f)
{
	static char picture[] = "image/*";
	struct drive_file d = {
		.name = f->name, .description = f->description, .mime = f->media ? picture : NULL,
		.size = f->head.size, .version = f->version, .mtime_ms = f->head.mtime_ms, .created_ms = f->created_ms,
		.folder = f->folder, .blob = f->blob, .doc = f->doc, .target_folder = f->target_folder,
		.can_edit = f->can_edit, .has_md5 = f->head.has_md5,
	};
	snprintf(d.id, sizeof d.id, "%s", f->id);
	snprintf(d.parent, sizeof d.parent, "%s", f->parent ? f->parent->id : "");
	snprintf(d.revision, sizeof d.revision, "%s", f->head.revision);
	snprintf(d.drive, sizeof d.drive, "%s", f->drive ? f->drive : "");
	snprintf(d.target, sizeof d.target, "%s", f->target ? f->target : "");
	memcpy(d.md5, f->head.md5, sizeof d.md5);
	return d;
}

static bool is_kept_name(const struct file *f) { return f->state == FILE_LISTED && f->id[0] && f->name; }

/* Changes whenever a name, a version or a content of the folder does. Never 0. */
static uint64_t signature_of(const struct file *folder)
{
	uint64_t sum = 1;
	size_t pos = 0;
	for (const struct file *f; (f = map_next(&folder->by_shown, &pos));)
		if (is_kept_name(f))
			sum += (f->ino ^ f->version * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	return sum ? sum : 1;
}

/* The next folder from *pos on that is to be kept: its id and its names; false: none is left. */
static bool next_changed(struct tree *t, size_t *pos, char id[DRIVE_ID_MAX + 1], struct buf *b)
{
	bool found = false;
	lock_acquire(&t->lock);
	while (!found && *pos < t->files_count) {
		struct file *folder = t->files[(*pos)++];
		uint64_t now = 0;
		if (!folder->folder || !folder->id[0] || folder->listing != LISTING_COMPLETE || file_gone(folder) ||
		    (now = signature_of(folder)) == folder->kept)
			continue;
		found = true;
		folder->kept = now;
		memcpy(id, folder->id, DRIVE_ID_MAX + 1);
		buf_byte(b, RECORD_VERSION);
		size_t at = 0;
		for (const struct file *f; (f = map_next(&folder->by_shown, &at));)
			if (is_kept_name(f)) {
				struct drive_file d = record_of(f);
				snapshot_add_file(b, &d);
			}
	}
	lock_release(&t->lock);
	return found;
}

void snapshot_keep_names(struct fs *fs, int64_t patience_ms)
{
	static bool failing; /* one thread at a time */
	int64_t end = now_ms() + patience_ms;
	size_t pos = 0;
	for (int n = 0; n < PASS_MAX && now_ms() < end; n++) {
		char id[DRIVE_ID_MAX + 1];
		CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
		if (!next_changed(&fs->tree, &pos, id, &b))
			return;
		int r = buf_check(&b, "the names of a folder");
		if (!r)
			r = cache_state_put(fs->cache, TABLE_NAMES, id, b.data, b.len);
		if (r && !failing)
			log_warning("cache", "the names of folders cannot be kept for a start without Drive: %s", err_last());
		failing = r != 0;
		if (r)
			return;
	}
}

static int apply_names(struct tree *t, struct file *folder, const struct buf *b)
{
	const uint8_t *at = (const uint8_t *)b->data + 1;
	size_t left = b->len - 1;
	int r = 0;
	while (left && !r) {
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		r = snapshot_take_file(&at, &left, &f);
		lock_acquire(&t->lock);
		if (!r)
			r = tree_apply(t, &f, NULL, NULL);
		lock_release(&t->lock);
	}
	lock_acquire(&t->lock);
	if (!r) {
		folder->listed = true;
		folder->listing = LISTING_COMPLETE;
	}
	lock_release(&t->lock);
	return r;
}

/* Files that are read join the end of t->files, so that one walk reaches all. */
int snapshot_load_names(struct fs *fs)
{
	struct tree *t = &fs->tree;
	int r = 0;
	for (size_t i = 0; !r; i++) {
		CLEANUP_BUF struct buf b = BUF_INIT(RECORD_MAX);
		lock_acquire(&t->lock);
		struct file *f = i < t->files_count ? t->files[i] : NULL;
		bool folder = f && f->folder && f->id[0];
		lock_release(&t->lock);
		if (!f)
			break;
		r = folder ? cache_state_get(fs->cache, TABLE_NAMES, f->id, &b) : -ENOENT;
		if (!r)
			r = b.len && b.data[0] == RECORD_VERSION ? apply_names(t, f, &b) : 0;
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}
