/* SPDX-License-Identifier: MIT */
#include "cache/pages.h"

#include "cache/file.h"
#include "cache/ondisk.h"

#include <string.h>
#include <sys/stat.h>

/* Offsets in a page, a node, a database and the meta page, as LMDB 0.9 lays them out. */
enum {
	PAGE_FLAGS = 10, PAGE_LOWER = 12, PAGE_OVERFLOWS = 12, PAGE_HEADER = 16,
	PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4,
	NODE_FLAGS = 4, NODE_KEY = 6, NODE_HEADER = 8, NODE_BIG = 1, NODE_SUB = 2,
	DB_ROOT = 40, DB_BYTES = 48,
	META_MAGIC = 16, META_VERSION = 20, META_DBS = 40, META_TXN = 144, META_END = 152,
	DEPTH_MAX = 32, PAGE_BYTES_MIN = 512, PAGE_BYTES_MAX = 64 << 10,
};

struct pages {
	int fd;
	uint32_t bytes;		/* of one page */
	uint64_t count;		/* in the file */
	uint64_t seen;		/* more than there are: they go in a circle */
};

static uint16_t le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static int bad_page(uint64_t no)
{
	return err_set(-EBADMSG, "page %llu of an LMDB file is not there or damaged", (unsigned long long)no);
}

static int check_tree(struct pages *x, uint64_t no, unsigned depth);

/* What a node of a leaf refers to. */
static int check_leaf_node(struct pages *x, uint64_t no, const uint8_t *node, size_t room, unsigned depth)
{
	unsigned flags = le16(node + NODE_FLAGS);
	size_t at = NODE_HEADER + (size_t)le16(node + NODE_KEY), need = flags & NODE_BIG ? 8 : flags & NODE_SUB ? DB_BYTES : 0;
	if (at + need > room)
		return bad_page(no);
	if (flags & NODE_SUB) {
		uint64_t root = le64_get(node + at + DB_ROOT);
		return root == UINT64_MAX ? 0 : check_tree(x, root, depth + 1);
	}
	if (!(flags & NODE_BIG))
		return 0;
	uint8_t head[PAGE_HEADER];
	uint64_t first = le64_get(node + at);
	if (first >= x->count)
		return bad_page(first);
	int r = file_read(x->fd, "an LMDB file", head, sizeof head, first * x->bytes);
	if (r)
		return r;
	uint64_t n = le32_get(head + PAGE_OVERFLOWS);
	if (le64_get(head) != first || !(le16(head + PAGE_FLAGS) & PAGE_OVERFLOW) || !n || n > x->count - first)
		return bad_page(first);
	return 0;
}

static int check_node(struct pages *x, uint64_t no, const uint8_t *page, size_t i, unsigned depth)
{
	size_t at = le16(page + PAGE_HEADER + 2 * i);
	if (at < PAGE_HEADER || at + NODE_HEADER > x->bytes)
		return bad_page(no);
	const uint8_t *node = page + at;
	if (le16(page + PAGE_FLAGS) & PAGE_LEAF)
		return check_leaf_node(x, no, node, x->bytes - at, depth);
	return check_tree(x, le16(node) | (uint64_t)le16(node + 2) << 16 | (uint64_t)le16(node + NODE_FLAGS) << 32, depth + 1);
}

/* Page `no` and all that it leads to. */
static int check_tree(struct pages *x, uint64_t no, unsigned depth)
{
	if (no < 2 || no >= x->count || depth > DEPTH_MAX || ++x->seen > x->count)
		return bad_page(no);
	CLEANUP_FREE uint8_t *page = malloc(x->bytes);
	if (!page)
		return err_nomem("a page of an LMDB file");
	int r = file_read(x->fd, "an LMDB file", page, x->bytes, no * x->bytes);
	if (r)
		return r;
	size_t lower = le16(page + PAGE_LOWER);
	if (le64_get(page) != no || !(le16(page + PAGE_FLAGS) & (PAGE_BRANCH | PAGE_LEAF)) || lower < PAGE_HEADER ||
	    lower > x->bytes)
		return bad_page(no);
	for (size_t i = 0; i < (lower - PAGE_HEADER) / 2 && !r; i++)
		r = check_node(x, no, page, i, depth);
	return r;
}

int pages_check(int fd, uint32_t page_bytes, uint64_t txn)
{
	uint8_t meta[META_END];
	struct stat st;
	if (fstat(fd, &st))
		return err_set(-errno, "an LMDB file: %s", strerror(errno));
	if (page_bytes < PAGE_BYTES_MIN || page_bytes > PAGE_BYTES_MAX)
		return err_set(-EBADMSG, "pages of %u bytes", page_bytes);
	struct pages x = { fd, page_bytes, (uint64_t)st.st_size / page_bytes, 0 };
	for (uint64_t i = 0; i < 2; i++) {
		int r = file_read(fd, "an LMDB file", meta, sizeof meta, i * page_bytes);
		if (r)
			return r;
		if (le32_get(meta + META_MAGIC) != 0xBEEFC0DE || le32_get(meta + META_VERSION) != 1)
			return bad_page(i);
		if (le64_get(meta + META_TXN) != txn)
			continue;
		for (size_t db = 0; db < 2 && !r; db++) { /* the free list, and what is kept */
			uint64_t root = le64_get(meta + META_DBS + db * DB_BYTES + DB_ROOT);
			r = root == UINT64_MAX ? 0 : check_tree(&x, root, 0);
		}
		return r;
	}
	return err_set(-EBADMSG, "no meta page of transaction %llu", (unsigned long long)txn);
}
