/* SPDX-License-Identifier: MIT */
/* What a user is told of a model that cannot be served: ERROR.txt in its folder, and a log line. */
#ifndef DFM_FS_MODEL_ERROR_H
#define DFM_FS_MODEL_ERROR_H
#include "fs/model_scan.h"

/* `err`: what the scan returned; `why`: its reason. Logs one line. *ret: the text, which the caller frees.
 * No lock may be held. -ENOMEM. */
MUST_CHECK int model_error_tell(struct fs *fs, const struct model_set *set, int err, const char *why, char **ret);
#endif
