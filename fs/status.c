/* SPDX-License-Identifier: MIT */
#include "fs/status.h"

#include "fs/escape.h"
#include "fs/items.h"
#include "fs/held.h"
#include "fs/reach.h"
#include "fs/publish.h"
#include "fs/watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 4 << 20 };

struct memory { unsigned long long anon_kb, shmem_kb, file_kb; };

static struct memory own_memory(void)
{
	struct memory m = { 0 };
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f)) {
		sscanf(line, "RssAnon: %llu", &m.anon_kb);
		sscanf(line, "RssShmem: %llu", &m.shmem_kb);
		sscanf(line, "RssFile: %llu", &m.file_kb);
	}
	if (f)
		fclose(f);
	return m;
}

static void json_field(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "%s\"%s\": ", b->len > 1 ? ", " : "", name);
	buf_json(b, text ? text : "");
}

/* Whose it is, and what is not in Drive: for who mounted. */
static void json_private(struct fs *fs, struct buf *b)
{
	size_t n;
	json_field(b, "folder", fs->tree.root->id);
	json_field(b, "folder_name", fs->folder_name);
	json_field(b, "identity", drive_identity(fs->drive));
	json_field(b, "cache_dir", fs->cache_dir);
	buf_str(b, ", \"pending\": ");
	publish_pending(fs, b, &n);
	buf_str(b, ", \"held\": ");
	held_list(fs, b, &n);
}

static size_t count_items(struct fs *fs, void (*add)(struct fs *, struct buf *, size_t *))
{
	CLEANUP_BUF struct buf all = BUF_INIT(LIST_MAX);
	size_t n = 0;
	add(fs, &all, &n);
	return n;
}

int status_json(struct fs *fs, bool trusted, struct buf *b)
{
	struct cache_stats c;
	struct drive_stats d;
	struct memory m = own_memory();
	cache_stats(fs->cache, &c);
	drive_stats(fs->drive, &d);
	buf_byte(b, '{');
	json_field(b, "version", DFM_VERSION);
	json_field(b, "mount", fs->mountpoint);
	buf_printf(b, ", \"pid\": %d, \"uptime_s\": %" PRId64, (int)getpid(), (now_ms() - fs->started_ms) / 1000);
	buf_printf(b, ", \"online\": %s", fs_offline(fs) ? "false" : "true");
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone(fs->tree.root);
	lock_release(&fs->tree.lock);
	buf_printf(b, ", \"folder_gone\": %s", gone ? "true" : "false");
	buf_printf(b, ", \"pending_count\": %zu, \"held_count\": %zu", count_items(fs, publish_pending),
		   count_items(fs, held_list));
	if (trusted)
		json_private(fs, b);
	buf_printf(b, ", \"cache\": {\"bytes\": %" PRIu64 ", \"bytes_max\": %" PRIu64 ", \"hits\": %" PRIu64
		   ", \"misses\": %" PRIu64 ", \"fetches\": %" PRIu64 ", \"bytes_fetched\": %" PRIu64
		   ", \"healed\": %" PRIu64 ", \"evicted\": %" PRIu64 "}",
		   c.bytes, c.bytes_max, c.hits, c.misses, c.fetches, c.bytes_fetched, c.healed, c.evicted);
	buf_printf(b, ", \"drive\": {\"requests\": %" PRIu64 ", \"retries\": %" PRIu64 ", \"bytes_in\": %" PRIu64
		   ", \"bytes_out\": %" PRIu64 ", \"units\": %" PRIu64 "}", d.requests, d.retries, d.bytes_in, d.bytes_out, d.units);
	buf_printf(b, ", \"watch\": {\"age_s\": %" PRId64 "}", fs->watch ? watch_age_s(fs->watch) : -1);
	buf_printf(b, ", \"memory\": {\"rss_anon_kb\": %llu, \"rss_shmem_kb\": %llu, \"rss_file_kb\": %llu}}\n",
		   m.anon_kb, m.shmem_kb, m.file_kb);
	return buf_check(b, "status");
}

/* A row "NAME  text": what Drive, a user or a path has in it is escaped. */
PRINTF(3, 4) static void add_row(struct buf *b, const char *name, const char *fmt, ...)
{
	char text[8192];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(b, "%-10s ", name);
	escape_add(b, text);
	buf_byte(b, '\n');
}

static void add_items(struct buf *b, const char *what, void (*add)(struct fs *, struct buf *, size_t *), struct fs *fs)
{
	CLEANUP_BUF struct buf all = BUF_INIT(LIST_MAX);
	size_t n = 0;
	add(fs, &all, &n);
	buf_printf(b, "%-10s %zu%s\n", what, n, n ? ":" : "");
	items_show(b, all.data ? all.data : "");
}

static const char *as_bytes(struct buf *b, uint64_t n)
{
	buf_reset(b);
	items_bytes(b, n);
	return b->data ? b->data : "?";
}

static void add_transfers(struct fs *fs, bool trusted, struct buf *b)
{
	struct cache_stats c;
	struct drive_stats d;
	CLEANUP_BUF struct buf one = BUF_INIT(64), two = BUF_INIT(64);
	cache_stats(fs->cache, &c);
	drive_stats(fs->drive, &d);
	add_row(b, "cache", "%s of %s%s%s; %" PRIu64 " hits, %" PRIu64 " misses, %" PRIu64 " healed, %" PRIu64 " evicted",
		as_bytes(&one, c.bytes), as_bytes(&two, c.bytes_max), trusted ? " in " : "", trusted ? fs->cache_dir : "",
		c.hits, c.misses, c.healed, c.evicted);
	add_row(b, "drive", "%" PRIu64 " requests (%" PRIu64 " quota units), %" PRIu64 " of them again; %s received, %s sent",
		d.requests, d.units, d.retries, as_bytes(&one, d.bytes_in), as_bytes(&two, d.bytes_out));
	int64_t age = fs->watch ? watch_age_s(fs->watch) : -1;
	if (age < 0)
		add_row(b, "changes", "not seen yet");
	else
		add_row(b, "changes", "seen %" PRId64 " s ago", age);
}

int status_text(struct fs *fs, bool trusted, struct buf *b)
{
	struct memory m = own_memory();
	CLEANUP_BUF struct buf own = BUF_INIT(64);
	add_row(b, "mount", "%s", fs->mountpoint);
	if (trusted) {
		add_row(b, "folder", "\"%s\" (%s)", fs->folder_name, fs->tree.root->id);
		add_row(b, "identity", "%s", drive_identity(fs->drive));
	}
	add_row(b, "process", "%d, up %" PRId64 " s, %s of its own memory", (int)getpid(), (now_ms() - fs->started_ms) / 1000,
		as_bytes(&own, (m.anon_kb + m.shmem_kb) << 10));
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone(fs->tree.root);
	lock_release(&fs->tree.lock);
	if (gone)
		add_row(b, "gone", "the folder is in Drive's trash, deleted or not shared any more: nothing can be saved");
	if (fs_offline(fs))
		add_row(b, "offline", "Drive has not been reached since the start: read-only, with what the cache holds");
	add_transfers(fs, trusted, b);
	if (trusted) {
		add_items(b, "pending", publish_pending, fs);
		add_items(b, "held", held_list, fs);
	} else {
		add_row(b, "pending", "%zu", count_items(fs, publish_pending));
		add_row(b, "held", "%zu", count_items(fs, held_list));
	}
	return buf_check(b, "status");
}

/* ---- path */

int status_path(struct fs *fs, const char *id, struct buf *ret)
{
	struct file *f;
	int r = reach_file(fs, id, &f);
	if (r == -ENOENT)
		return err_set(r, "%s is not below the mounted folder, or Drive does not show it to %s", id,
			       drive_identity(fs->drive));
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	CLEANUP_FREE char *path = tree_path(&fs->tree, f);
	lock_release(&fs->tree.lock);
	if (!path)
		return err_set(-ENOMEM, "no memory for a path");
	buf_printf(ret, f == fs->tree.root ? "%s\n" : "%s/%s\n", fs->mountpoint, path);
	return buf_check(ret, "a path");
}
