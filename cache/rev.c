/* SPDX-License-Identifier: MIT */
#include "cache/rev.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names */

struct hash128 {
	uint64_t a, b;
};

/* Two FNV-1a with different starts: file ids are not chosen by anybody who gains from a clash. */
static struct hash128 hash_name(const char *s)
{
	struct hash128 h = { 0xcbf29ce484222325, 0x84222325cbf29ce4 };
	for (; *s; s++) {
		h.a = (h.a ^ (unsigned char)*s) * 0x100000001b3;
		h.b = (h.b ^ (unsigned char)*s ^ (h.a >> 56)) * 0x100000001b3;
	}
	return h;
}

static void add_escaped(struct buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	for (; *s; s++)
		if (strchr(plain, *s))
			buf_byte(b, (unsigned char)*s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
}

int rev_name(const struct cache_key *key, char ret[INDEX_NAME_MAX + 1])
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	if (!key->file || !*key->file || !key->revision || !key->part)
		return err_set(-EINVAL, "a cache key without a file id");
	add_escaped(&b, key->file);
	buf_byte(&b, '.');
	add_escaped(&b, key->revision);
	buf_byte(&b, '.');
	add_escaped(&b, key->part);
	int r = buf_check(&b, "the name of a cached file");
	if (r)
		return r;
	if (b.len > INDEX_NAME_MAX) {
		struct hash128 h = hash_name(b.data);
		/* '~' occurs in no other name */
		(void)snprintf(ret, INDEX_NAME_MAX + 1, "%.120s~%016llx%016llx", b.data, (unsigned long long)h.a,
			       (unsigned long long)h.b);
		return 0;
	}
	memcpy(ret, b.data, b.len + 1);
	return 0;
}

void rev_path(const char *name, char ret[REV_PATH_MAX])
{
	(void)snprintf(ret, REV_PATH_MAX, "rev/%02x/%s", (unsigned)(hash_name(name).a >> 32 & 0xff), name);
}

/* ---- the table */

static struct rev **bucket(struct cache *c, const char *name) REQUIRES(store_lock)
{
	return &c->table[hash_name(name).a % REV_BUCKETS];
}

struct rev *rev_find(struct cache *c, const char *name)
{
	struct rev *r = *bucket(c, name);
	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	return r;
}

static size_t chunk_count(const struct rev *r) { return (size_t)((r->blocks + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS); }

static void rev_free(struct rev *r) REQUIRES(store_lock)
{
	for (size_t i = 0; r->chunks && i < chunk_count(r); i++)
		free(r->chunks[i]);
	free(r->chunks);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static int set_rev_size(struct rev *r, uint64_t size) REQUIRES(store_lock)
{
	r->size = size;
	r->blocks = size / SOURCE_BLOCK + (size % SOURCE_BLOCK != 0);
	if (r->blocks > UINT32_MAX)
		return err_set(-EFBIG, "a file of %llu bytes is too large to be cached", (unsigned long long)size);
	r->chunks = calloc(chunk_count(r) + 1, sizeof(struct rev_chunk *));
	return r->chunks ? 0 : err_nomem("the blocks of a cached file");
}

struct rev *rev_add(struct cache *c, const char *name, uint64_t size)
{
	size_t n = strlen(name) + 1;
	struct rev *r = calloc(1, sizeof *r + n);
	if (!r) {
		(void)err_nomem("a cached file");
		return NULL;
	}
	r->c = c;
	r->fd = -1;
	r->refs = 1;
	memcpy(r->name, name, n);
	if (size != REV_ANY_SIZE && set_rev_size(r, size)) {
		rev_free(r);
		return NULL;
	}
	struct rev **head = bucket(c, name);
	r->next = *head;
	*head = r;
	return r;
}

static void unlink_from_table(struct rev *r) REQUIRES(store_lock)
{
	struct rev **p = bucket(r->c, r->name);
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
}

static void unlink_file(struct rev *r) REQUIRES(store_lock)
{
	char path[REV_PATH_MAX];
	rev_path(r->name, path);
	(void)unlinkat(r->c->dir_fd, path, 0); /* an orphan is swept in a later run */
}

void rev_remove_orphan(struct cache *c, const char *name)
{
	char path[REV_PATH_MAX];
	if (rev_find(c, name))
		return;
	rev_path(name, path);
	(void)unlinkat(c->dir_fd, path, 0); /* a later run looks again */
}

void rev_detach(struct rev *r)
{
	if (r->detached)
		return;
	if (r->fd < 0 && r->sources)
		(void)rev_fd(r); /* while it has a name; without a file it is read past the cache */
	unlink_from_table(r);
	unlink_file(r);
	r->c->bytes -= r->bytes < r->c->bytes ? r->bytes : r->c->bytes;
	r->detached = true;
	r->dirty = false;
}

void rev_settle(struct rev *r)
{
	if (r->refs)
		return;
	if (r->dirty && !r->detached) { /* until the next commit */
		if (r->fd >= 0 && !r->unsynced) {
			close(r->fd);
			r->fd = -1;
		}
		return;
	}
	if (!r->detached) {
		unlink_from_table(r);
		if (!r->bytes)
			unlink_file(r);
	}
	rev_free(r);
}

void rev_put(struct rev *r)
{
	r->refs--;
	rev_settle(r);
}

/* ---- loading */

static void install_chunk(void *ctx, uint32_t no, const struct chunk_image *image)
{
	struct rev *r = ctx;
	store_acquire(r->c);
	uint64_t first = (uint64_t)no * CHUNK_BLOCKS;
	if (r->chunks && first < r->blocks && !rev_room(r, first)) {
		struct rev_chunk *k = rev_chunk(r, first);
		for (unsigned i = 0; i < image->n && first + i < r->blocks; i++) {
			if (!bit_get(image->present, i))
				continue;
			bit_set(k->present, i);
			k->block[i] = (struct rev_block){ .used = r->used, .crc = image->crc[i] };
			r->bytes += rev_block_bytes(r, first + i);
		}
	}
	store_release(r->c);
}

/* What the index knows of r, which is `loading`. -ENOENT: nothing. */
static int load_rev(struct rev *r, uint64_t size)
{
	struct cache *c = r->c;
	struct rev_meta m;
	int e = index_load(&c->index, r->name, &m, NULL, NULL);
	if (e)
		return e;
	store_acquire(c);
	r->recorded = true;
	r->used = m.used;
	if (size != REV_ANY_SIZE && m.size != size) { /* not the same content: start again */
		r->anew = true;
		c->bytes -= m.bytes < c->bytes ? m.bytes : c->bytes;
		rev_dirty(r);
	} else if (!r->chunks) {
		e = set_rev_size(r, m.size);
	}
	bool fill = !e && !r->anew;
	store_release(c);
	if (fill)
		e = index_load(&c->index, r->name, &m, install_chunk, r);
	store_acquire(c);
	if (fill && r->bytes != m.bytes) { /* block records were damaged */
		c->bytes = c->bytes + r->bytes > m.bytes ? c->bytes + r->bytes - m.bytes : 0;
		rev_dirty(r);
	}
	store_release(c);
	return e;
}

/* The one in the table, once it is loaded; NULL: none. */
static struct rev *find_loaded(struct cache *c, const char *name) REQUIRES(store_lock)
{
	struct rev *r;
	while ((r = rev_find(c, name)) && r->loading)
		(void)store_wait(c, &c->changed, -1); /* a load is short and always ends */
	return r;
}

int rev_get(struct cache *c, const char *name, uint64_t size, struct rev **ret)
{
	store_acquire(c);
	struct rev *r = find_loaded(c, name);
	bool replaced = r && size != REV_ANY_SIZE && r->size != size;
	if (r && !replaced) {
		r->refs++;
		store_release(c);
		*ret = r;
		return 0;
	}
	if (replaced) {
		r->refs++;
		rev_detach(r);
		rev_put(r);
	}
	r = rev_add(c, name, size);
	if (r)
		r->loading = true;
	store_release(c);
	if (!r)
		return -ENOMEM;
	int e = load_rev(r, size);
	if (e && e != -ENOMEM && size != REV_ANY_SIZE)
		e = 0; /* nothing known, or the index cannot be read: everything is missing */
	store_acquire(c);
	r->loading = false;
	pthread_cond_broadcast(&c->changed);
	if (e) {
		if (!r->chunks && e == -ENOENT)
			r->bytes = 1; /* its file may be somebody's: leave it */
		r->dirty = false;
		rev_put(r);
	}
	store_release(c);
	*ret = r;
	return e;
}

/* ---- the file */

static int open_file(struct cache *c, const char *path)
{
	int fd = openat(c->dir_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	char dir[8] = { 0 };
	memcpy(dir, path, 6); /* "rev/ab" */
	(void)mkdirat(c->dir_fd, "rev", 0700);
	(void)mkdirat(c->dir_fd, dir, 0700);
	return openat(c->dir_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int rev_fd(struct rev *r)
{
	if (r->fd < 0 && r->detached)
		return err_set(-ESTALE, "a dropped file of the cache");
	if (r->fd < 0) {
		char path[REV_PATH_MAX];
		rev_path(r->name, path);
		int fd = open_file(r->c, path);
		if (fd < 0)
			return err_set(-errno, "opening \"%s/%s\": %s", r->c->dir, path, strerror(errno));
		r->fd = fd;
	}
	return r->fd;
}

/* ---- blocks */

int rev_room(struct rev *r, uint64_t b)
{
	if (rev_chunk(r, b))
		return 0;
	uint64_t first = b / CHUNK_BLOCKS * CHUNK_BLOCKS, n = r->blocks - first;
	if (n > CHUNK_BLOCKS)
		n = CHUNK_BLOCKS;
	struct rev_chunk *k = calloc(1, sizeof *k + (size_t)n * sizeof k->block[0]);
	if (!k)
		return err_nomem("the blocks of a cached file");
	r->chunks[b / CHUNK_BLOCKS] = k;
	return 0;
}

void rev_dirty(struct rev *r)
{
	struct cache *c = r->c;
	if (r->detached)
		return;
	r->dirty = true;
	if (!c->dirty_since) {
		c->dirty_since = now_ms();
		pthread_cond_signal(&c->work);
	}
}

void rev_set(struct rev *r, uint64_t b, uint32_t crc, bool verified)
{
	struct rev_chunk *k = rev_chunk(r, b);
	uint64_t i = b % CHUNK_BLOCKS, n = rev_block_bytes(r, b);
	if (!bit_get(k->present, i)) {
		r->bytes += n;
		if (!r->detached)
			r->c->bytes += n;
	}
	bit_set(k->present, i);
	if (verified)
		bit_set(k->verified, i);
	k->block[i] = (struct rev_block){ .used = store_now(r->c), .crc = crc };
	k->dirty = true;
	r->unsynced = true;
	r->c->dirty_bytes += n;
	rev_dirty(r);
	if (r->c->dirty_bytes >= COMMIT_BYTES)
		pthread_cond_signal(&r->c->work);
}

void rev_clear(struct rev *r, uint64_t b)
{
	struct rev_chunk *k = rev_chunk(r, b);
	uint64_t i = b % CHUNK_BLOCKS, n = rev_block_bytes(r, b);
	if (!k || !bit_get(k->present, i))
		return;
	bit_clear(k->present, i);
	bit_clear(k->verified, i);
	k->dirty = true;
	r->bytes -= n;
	if (!r->detached)
		r->c->bytes -= n < r->c->bytes ? n : r->c->bytes;
	rev_dirty(r);
}

void rev_mark_verified(struct rev *r, uint64_t b)
{
	struct rev_chunk *k = rev_chunk(r, b);
	if (k && bit_get(k->present, b % CHUNK_BLOCKS))
		bit_set(k->verified, b % CHUNK_BLOCKS);
}

void rev_touch(struct rev *r, uint64_t first, uint64_t end)
{
	uint64_t now = store_now(r->c);
	for (uint64_t b = first; b < end; b++)
		if (rev_chunk(r, b))
			rev_chunk(r, b)->block[b % CHUNK_BLOCKS].used = now;
	r->used = now;
	/* Worth remembering, not worth a commit of its own. With blocks and not dirty it has a record, or
	 * gets one by the commit that is under way, which has an older time. */
	if ((r->recorded || r->bytes) && !r->detached && !r->dirty) {
		r->dirty = true;
		if (!r->c->lazy_since)
			r->c->lazy_since = now_ms();
	}
}

/* ---- spans */

void rev_span_add(struct rev *r, struct span *s)
{
	s->next = r->spans;
	r->spans = s;
}

void rev_span_del(struct rev *r, struct span *s)
{
	struct span **p = &r->spans;
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	if (s->kind != SPAN_READ)
		pthread_cond_broadcast(&r->c->changed);
}

bool rev_span_covers(const struct rev *r, uint64_t b, unsigned kinds)
{
	for (const struct span *s = r->spans; s; s = s->next)
		if (b >= s->first && b < s->end && (kinds >> s->kind & 1))
			return true;
	return false;
}
