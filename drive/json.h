/* SPDX-License-Identifier: MIT */
/* JSON as Drive writes it: int64 as strings, RFC 3339 times, file resources. Everything read
 * here is hostile: the look-ups take NULL and wrong types and answer NULL. Any thread; a tree
 * belongs to who parsed it, strings are borrowed from it. */
#ifndef DFM_DRIVE_JSON_H
#define DFM_DRIVE_JSON_H
#include "drive/drive.h"
#include "format/buf.h"

struct cJSON;

enum { JSON_VALUES_MAX = 500000 };	/* of one answer; a page of 1,000 files has 40,000 */

/* The fields of a file that struct drive_file wants: for `fields=` of one file. */
#define JSON_FILE_FIELDS JSON_FILE_PLAIN ",contentRestrictions(readOnly),capabilities(canEdit,canModifyContent)"
/* The same but for what one may do with it. */
#define JSON_FILE_PLAIN "id,name,mimeType,size,md5Checksum,headRevisionId,createdTime,modifiedTime,version," \
			"parents,trashed,description,driveId,resourceKey," \
			"shortcutDetails(targetId,targetMimeType,targetResourceKey)"

/* -EBADMSG: not JSON, or cut short. U+0000 inside strings becomes U+FDD0 (a noncharacter,
 * which no text has) and half of a surrogate pair U+FFFD, since a C string could not hold them and
 * cJSON refuses them: one odd name must not break a listing. json_free() the tree; NULL is fine. */
MUST_CHECK int json_parse(const char *text, size_t n, struct cJSON **ret);
void json_free(struct cJSON *root);
static inline void json_freep(struct cJSON **p) { json_free(*p); }
#define CLEANUP_JSON CLEANUP(json_freep)

/* In place: what json_parse() does about escapes, the length stays. */
void json_tame(char *text, size_t n);

const struct cJSON *json_get(const struct cJSON *object, const char *key);
const struct cJSON *json_at(const struct cJSON *array, int index);
const struct cJSON *json_next(const struct cJSON *item);	/* the next of the same array */
const char *json_value(const struct cJSON *v);	/* of a string */
bool json_is_array(const struct cJSON *v);
bool json_is_object(const struct cJSON *v);
const char *json_str(const struct cJSON *object, const char *key);
bool json_true(const struct cJSON *object, const char *key);
/* A string of digits, or a whole number; false: neither, or beyond INT64_MAX. */
bool json_u64(const struct cJSON *object, const char *key, uint64_t *ret);

/* "2026-11-21T21:14:04.866Z", any fraction (cut to ms), Z or an offset. */
bool json_time_parse(const char *s, int64_t *ret_ms);
/* Adds it with quotes; years 0..9999, beyond them the nearest of those. */
void json_time(struct buf *b, int64_t ms);

/* Adds a name in quotes; U+FDD0 goes out as the U+0000 that it came in as. */
void json_name(struct buf *b, const char *name);

/* Fills *ret from a file resource. -EBADMSG: there is no usable id. Anything else that is missing
 * or odd gets a default; bytes without a usable size are no blob, so never an empty file. */
MUST_CHECK int json_file(const struct cJSON *resource, struct drive_file *ret);
/* The same from the text of an answer. */
MUST_CHECK int json_file_text(const char *text, size_t n, struct drive_file *ret);
#endif
