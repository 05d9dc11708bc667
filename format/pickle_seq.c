/* SPDX-License-Identifier: MIT */
/* Sequences of values, and the memory of a pickle, every byte of it counted. */
#include "format/pickle_node.h"

#include <inttypes.h>

int pickle_seq_resize(struct pickle *p, void *pp, uint64_t old_bytes, uint64_t bytes)
{
	if (bytes > p->max || p->used - old_bytes > p->max - bytes)
		return err_set(-EBADMSG, "pickle needs more than %" PRIu64 " bytes of memory at byte %" PRIu64, p->max, p->at);
	void *q = realloc(*(void **)pp, (size_t)bytes);
	if (!q)
		return err_nomem("a pickle");
	*(void **)pp = q;
	p->used += bytes - old_bytes;
	return 0;
}

static int grow_flat(struct pickle *p, struct seq *s)
{
	uint64_t cap = s->cap ? s->cap * 2 : 4;
	int r = pickle_seq_resize(p, &s->flat, s->cap * 8, cap * 8);
	if (!r)
		s->cap = cap;
	return r;
}

/* Room for one more block: the only array becomes the first block, or the directory doubles. */
static int grow_directory(struct pickle *p, struct seq *s)
{
	uint64_t count = s->cap / PICKLE_SEQ_BLOCK, **dir = NULL;
	if (count > 1)
		return count & (count - 1) ? 0 : pickle_seq_resize(p, &s->blocks, count * sizeof *dir, count * 2 * sizeof *dir);
	int r = pickle_seq_resize(p, &dir, 0, 2 * sizeof *dir);
	if (r)
		return r;
	dir[0] = s->flat;
	s->blocks = dir;
	return 0;
}

int pickle_seq_grow(struct pickle *p, struct seq *s)
{
	uint64_t *block = NULL, bytes = PICKLE_SEQ_BLOCK * sizeof *block;
	if (s->cap < PICKLE_SEQ_BLOCK)
		return grow_flat(p, s);
	int r = pickle_seq_resize(p, &block, 0, bytes);
	if (r)
		return r;
	if ((r = grow_directory(p, s))) {
		free(block);
		p->used -= bytes;
		return r;
	}
	s->blocks[s->cap / PICKLE_SEQ_BLOCK] = block;
	s->cap += PICKLE_SEQ_BLOCK;
	return 0;
}

void pickle_seq_free(struct pickle *p, struct seq *s)
{
	uint64_t count = s->cap / PICKLE_SEQ_BLOCK, room = 2;
	if (s->cap <= PICKLE_SEQ_BLOCK) {
		free(s->flat);
	} else {
		for (uint64_t i = 0; i < count; i++)
			free(s->blocks[i]);
		while (room < count)
			room *= 2;
		p->used -= room * sizeof *s->blocks;
		free(s->blocks);
	}
	p->used -= s->cap * 8;
	*s = (struct seq){ 0 };
}
