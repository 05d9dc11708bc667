/* SPDX-License-Identifier: MIT */
/* A reader of Python pickles, protocols 2 to 5 (CPython Lib/pickletools.py), that executes
 * nothing: no opcode calls, imports or allocates anything but nodes that say what the pickle
 * would have built. Opcodes outside the list in pickle_ops.c are refused.
 *
 * A value is 8 bytes. Numbers are in it; texts and byte strings stay in the file and are known by
 * the offset of their opcode; lists, tuples, dicts and objects are nodes. The data of arrays are
 * skipped by arithmetic and never read. What a model holds in masses and nobody asks for is
 * forgotten on the way: entries of dicts beyond PICKLE_DICT_KEEP (only counted), members of sets,
 * Vocab and Doctag objects, arrays in lists (all become PICKLE_OPAQUE). numpy's scalars are what Python
 * would have: INT, BOOL, UTF32; those of other kinds are forgotten too.
 *
 * Bounds: memory 8 MiB + 4 bytes per byte of the file, at most PICKLE_MEMORY_MAX; opcodes
 * PICKLE_OPS_MAX; classes PICKLE_CLASSES_MAX; time linear in the file. Containers may be nested
 * and cyclic as they like: nothing here recurses along them without a depth.
 *
 * Internal to format/. One thread. */
#ifndef DFM_FORMAT_PICKLE_H
#define DFM_FORMAT_PICKLE_H
#include "format/buf.h"
#include "format/source.h"

#define PICKLE_MEMORY_MAX (1u << 30)
#define PICKLE_OPS_MAX 400000000u
#define PICKLE_CLASSES_MAX 256u
#define PICKLE_NAME_MAX 200u	/* bytes of a module or class name */
#define PICKLE_DICT_KEEP 4096u

enum pickle_tag {
	PICKLE_ABSENT,	/* what a look-up that finds nothing gives */
	PICKLE_NONE,
	PICKLE_BOOL,
	PICKLE_INT,
	PICKLE_FLOAT,	/* pickle_text_float() */
	PICKLE_STR,	/* text; in Python 2 pickles also byte strings */
	PICKLE_BYTES,
	PICKLE_UTF32,	/* numpy.str_: the bytes of a text in UTF-32, little-endian */
	PICKLE_GLOBAL,	/* a class or function, by name */
	PICKLE_NODE,	/* list, tuple, dict, object */
	PICKLE_OPAQUE,	/* something, forgotten */
	PICKLE_MARK,	/* never seen outside */
};
/* Tag in the upper 8 bits. 0 is PICKLE_ABSENT. */
static inline enum pickle_tag pickle_tag(uint64_t value) { return (enum pickle_tag)(value >> 56); }
/* Of a BOOL or INT. Larger integers than 56 bits are PICKLE_OPAQUE. */
static inline int64_t pickle_int(uint64_t value) { return (int64_t)(value << 8) >> 8; }

struct pickle;
/* -EBADMSG: damaged, hostile or beyond a bound, with the byte. `src` is borrowed until the free. */
MUST_CHECK int pickle_read(struct source *src, struct pickle **ret);
struct pickle *pickle_free(struct pickle *p); /* NULL is fine; returns NULL */
static inline void pickle_freep(struct pickle **p) { pickle_free(*p); }
#define CLEANUP_PICKLE CLEANUP(pickle_freep)
/* Give back what only reading needed (the memo). */
void pickle_shed(struct pickle *p);

/* Of a FLOAT. */
MUST_CHECK int pickle_text_float(struct pickle *p, uint64_t value, double *ret);

uint64_t pickle_top(const struct pickle *p);
/* Module and name of a GLOBAL, or of the class or function of an object; "" for other values.
 * Borrowed. */
const char *pickle_module(const struct pickle *p, uint64_t value);
const char *pickle_name(const struct pickle *p, uint64_t value);
bool pickle_is_object(const struct pickle *p, uint64_t value);
bool pickle_is_list(const struct pickle *p, uint64_t value);	/* a list, not a tuple */
bool pickle_is_tuple(const struct pickle *p, uint64_t value);
/* Of a list or tuple; 0 and ABSENT for what is none, or has no such item. */
uint64_t pickle_count(const struct pickle *p, uint64_t value);
uint64_t pickle_item(const struct pickle *p, uint64_t value, uint64_t index);
/* Of an object: what its class was called with, and what BUILD gave it; or ABSENT. */
uint64_t pickle_args(const struct pickle *p, uint64_t value);
uint64_t pickle_state(const struct pickle *p, uint64_t value);
/* *ret: the entry `key` of a dict, or of the dict in an object's state; ABSENT if there is none. */
MUST_CHECK int pickle_attr(struct pickle *p, uint64_t value, const char *key, uint64_t *ret);
/* Where the bytes of a STR, BYTES or UTF32 are in the file. `*ret_raw`: as they are, not as UTF-8. */
MUST_CHECK int pickle_text_span(struct pickle *p, uint64_t value, uint64_t *ret_off, uint64_t *ret_size, bool *ret_raw);
/* The bytes of a STR or BYTES of at most WINDOW_MAX (format/window.h) bytes: *ret is valid until
 * the next call with `p`. -EMEDIUMTYPE: longer. */
MUST_CHECK int pickle_text_bytes(struct pickle *p, uint64_t value, const unsigned char **ret, size_t *ret_size);
/* The bytes of a BYTES, or of an object that stands for it in protocol 2 (_codecs.encode(STR, 'latin1')), or
 * the text of a UTF32 as UTF-8, are added to `ret`. Other values add nothing: *ret_known false. */
MUST_CHECK int pickle_scalar_decode(struct pickle *p, uint64_t value, struct buf *ret, bool *ret_known);
/* A STR shorter than `cap` with a NUL behind it; "" for every other value. */
MUST_CHECK int pickle_text_string(struct pickle *p, uint64_t value, char *ret, size_t cap);
#endif
