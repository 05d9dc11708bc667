/* SPDX-License-Identifier: MIT */
/* Names: what Drive calls a file and what Linux can show.
 *
 * Drive allows any Unicode text, of any length, and several files of one name in one folder;
 * Linux allows bytes without '/' and NUL, not "." and "..", up to 255. The mapping is reversible
 * and the same on every host:
 *   '/' -> %2F, U+0000 (given by drive/ as U+FDD0) -> %00, "." -> %2E, ".." -> %2E%2E, "" -> %;
 *   a '%' that would read as one of these escapes -> %25 (any other '%' stays);
 *   over 255 bytes: cut at a character, then '~' and the id;
 *   several of one name: the oldest (createdTime, then id) has the name, the others get '~' and
 *   the first 8 characters of their id, or all of it where that is taken.
 * Pure; any thread. */
#ifndef DFM_FS_TREE_NAME_H
#define DFM_FS_TREE_NAME_H
#include "format/base.h"

enum { NAME_BYTES_MAX = 255 };

/* Drive name -> shown name (the caller frees), before duplicates are told apart. NULL: no memory. */
char *name_show(const char *drive_name, const char *id);
/* `base` with '~' and `n` characters of the id, cut so that it fits. NULL: no memory. */
char *name_tell_apart(const char *base, const char *id, size_t n);
/* Shown name, as a user gives it to a new file, -> Drive name (the caller frees). -EILSEQ: not
 * UTF-8, which Drive cannot hold; -ENAMETOOLONG; -ENOMEM. */
MUST_CHECK int name_drive(const char *shown, char **ret);
#endif
