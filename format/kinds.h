/* SPDX-License-Identifier: MIT */
/* What kind of model a file is, and the scan of each kind. A new format is a row here. One thread
 * for one scan. */
#ifndef DFM_FORMAT_KINDS_H
#define DFM_FORMAT_KINDS_H
#include "format/savedmodel.h"

/* `head`: the first min(size, SAVEDMODEL_SNIFF) bytes of a file of `size` bytes. Never fails: a
 * file that looks like a model and is damaged is found out by the scan. */
enum savedmodel_kind kinds_sniff(const void *head, size_t n, uint64_t size);

/* Scan. 0 and the record; -EMEDIUMTYPE: a sound file, but no word vectors that can be served (a
 * reason in err_last()); -EBADMSG: damaged or hostile, err_last() says what and at which byte;
 * -ENOENT: a side-car that the pickle names is missing; other -errno from the sources. */
MUST_CHECK int kinds_scan(const struct savedmodel_input *in, enum savedmodel_kind kind, struct buf *ret_record);
#endif
