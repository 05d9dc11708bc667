/* SPDX-License-Identifier: MIT */
/* Files that hold secrets, and memory that held some. Stateless; any thread. */
#ifndef DFM_DRIVE_AUTH_SECRET_H
#define DFM_DRIVE_AUTH_SECRET_H
#include "format/buf.h"

enum { SECRET_FILE_MAX = 64 << 10 };

struct cJSON;

/* Adds the file's text to an empty *ret; secret_done() it. Only a regular file, named by itself and
 * not by a link, that belongs to us or root and that nobody else can read or write is taken. `what`
 * begins the messages: "key file". -ENOENT: there is none; -EACCES: refused, with the cure. */
MUST_CHECK int secret_read(const char *path, const char *what, struct buf *ret);
/* The same of a file that a container's or a service's manager provides (Kubernetes, Docker, Cloud Run,
 * systemd): a link is followed and its target looked at, and others may read it (*ret_shared is set then)
 * where it lies in memory or on what is mounted read-only, as those put it. */
MUST_CHECK int secret_read_provided(const char *path, const char *what, struct buf *ret, bool *ret_shared);
/* Replaces the file by one of mode 0600 with these bytes: a crash leaves the old one or the new one.
 * Missing folders are made, for us alone. */
MUST_CHECK int secret_write(const char *path, const char *what, const struct buf *text);

/* Each overwrites before it frees; NULL and empty are fine. */
void secret_free(char *s);
void secret_done(struct buf *b);
void secret_json_free(struct cJSON *root);
static inline void secret_freep(char **s) { secret_free(*s); }
static inline void secret_json_freep(struct cJSON **p) { secret_json_free(*p); }
#define CLEANUP_SECRET CLEANUP(secret_freep)
#define CLEANUP_SECRET_BUF CLEANUP(secret_done)
#define CLEANUP_SECRET_JSON CLEANUP(secret_json_freep)
#endif
