/* SPDX-License-Identifier: MIT */
/* Names in saved_model/. TensorFlow takes a path with one of * ? [ \ in it for a pattern
 * (tsl/platform/file_system_helper.cc) and loads nothing by it, so these, and ], are shown as in a URL:
 * "m[1].bin" is "m%5B1%5D.bin". A % that stands before such digits is %25: each name has one form, and
 * each form is of one name. Any thread. */
#ifndef DFM_FS_VIEW_NAME_H
#define DFM_FS_VIEW_NAME_H
#include "format/base.h"

/* The form of `name`; itself if it would be longer than a name can be (255 bytes). The caller frees.
 * NULL: no memory. */
char *view_name_show(const char *name);
/* The name that `shown` is a form of. A name that has characters of a pattern in it stands for itself.
 * The caller frees. NULL: no memory. */
char *view_name_read(const char *shown);
#endif
