/* SPDX-License-Identifier: MIT */
/* Google Drive v3 over HTTPS: https://developers.google.com/workspace/drive/api/reference/rest/v3
 *
 * Blocking calls, any thread. Each carries out its own retries (rate limits, 429, 5xx, lost
 * connections) with backoff, within the deadline of drive_config, ends with -EINTR soon after
 * cancelled() (format/base.h), and returns 0 or -errno (drive/error.c holds the one table) with
 * "what HTTP 403 reason: message" recorded. No lock is held on the network. Tokens, keys and
 * upload session URIs never get into an error or a trace line, and tokens are sent to the origin
 * of api_root only.
 *
 * errno: -ENOENT not there, or not to be seen by this identity; -EACCES not allowed, credentials
 * refused; -ENOSPC, -EDQUOT no storage; -ESTALE changed under us; -ETIMEDOUT deadline;
 * -ENETUNREACH, -ECONNREFUSED, -EHOSTUNREACH no way there; -EIO anything else; -EINTR cancelled;
 * -EBADMSG an answer that is not what Drive says it sends. */
#ifndef DFM_DRIVE_DRIVE_H
#define DFM_DRIVE_DRIVE_H
#include "format/source.h"

enum {
	DRIVE_ID_MAX = 127,		/* bytes of an id or revision id, without NUL; real ones: 19..60 */
	DRIVE_DIGEST_MD5 = 16,
};

struct drive_config {
	const char *key_file;		/* a service account's key or a user's login; NULL: see drive/auth/creds.h */
	const char *token_command;	/* prints a token; NULL: none */
	const char *subject;		/* whom a service account acts for, by delegation; NULL: itself */
	const char *scope;		/* "drive", "drive.readonly"; NULL: drive, or what a login has granted */
	const char *api_root;		/* origin, no path; NULL: https://www.googleapis.com */
	const char *ca_file;		/* PEM; NULL: the system's */
	unsigned connections_max;	/* bulk transfers at once; metadata has 4 of its own. 1..64 */
	unsigned deadline_ms;		/* one metadata call with its retries; also longest time without a byte */
	/* One line per HTTP request, without secrets: "GET /drive/v3/files/ID 206 1048576 B 103 ms".
	 * May be called from any thread; NULL: none. */
	void (*trace)(void *ctx, const char *line);
	void *trace_ctx;
	unsigned wait_scale_percent;	/* tests: waits before a retry are scaled to this; 0: 100 */
	/* Most of Drive's quota units to spend a minute; 0: no limit, else at least 2000. A request that
	 * finds too few waits, metadata least. */
	uint64_t units_per_minute;
	bool acknowledge_abuse;		/* download what Drive takes for malware, where we own it */
};

/* What Drive says of one file. Strings that may be long are owned by the struct. */
struct drive_file {
	char id[DRIVE_ID_MAX + 1];
	char parent[DRIVE_ID_MAX + 1];	/* "" where Drive shows none */
	char revision[DRIVE_ID_MAX + 1];/* headRevisionId, or '~' and what stands for it; "" for what has no bytes */
	char drive[DRIVE_ID_MAX + 1];	/* shared drive, or "" */
	char *name;			/* UTF-8 as Drive has it ('/', "..", any length); U+0000 is given as U+FDD0, both ways */
	char *description;		/* NULL where there is none */
	char *mime;
	char *key;			/* resource key, NULL where there is none: kept by drive/ itself */
	char target[DRIVE_ID_MAX + 1];	/* of a shortcut, else "" */
	char *target_key;		/* as `key` */
	uint64_t size;			/* bytes; 0 for what has none */
	uint64_t version;		/* grows with every change that Drive makes */
	int64_t mtime_ms, created_ms;	/* Unix time */
	bool folder;
	bool blob;			/* has bytes that can be downloaded; false: folder, Docs, shortcut */
	bool doc;			/* of one of Google's own kinds, which only a browser opens; or a shortcut to one */
	bool target_folder;		/* of a shortcut: a folder, as it said when the shortcut was made */
	bool trashed;
	bool can_edit;			/* of a file with bytes: its content, which may be locked for now */
	bool has_md5;
	uint8_t md5[DRIVE_DIGEST_MD5];
};
void drive_file_done(struct drive_file *f);	/* frees the strings, zeroes; half-filled is fine */
#define CLEANUP_DRIVE_FILE CLEANUP(drive_file_done)

struct drive;
struct buf;
/* Finds and reads the credentials; no network, but for a look for the metadata server of a virtual
 * machine (3 s) when there is nothing else. -ENOENT/-EACCES/-EBADMSG: there are none, or the file is
 * missing, has open permissions, is a symlink, or holds something else: the reason says what to do. */
MUST_CHECK int drive_open(const struct drive_config *cfg, struct drive **ret);
/* Every source must be gone. NULL is fine; returns NULL. */
struct drive *drive_close(struct drive *d);
/* Who we are: an e-mail address, or words where neither the credentials nor drive_identify() have
 * told one. Borrowed. */
const char *drive_identity(const struct drive *d);
/* Asks Drive who we are, if the credentials do not say it; before other threads have `d`. */
MUST_CHECK int drive_identify(struct drive *d);
/* Adds one line: kind of credentials and where they were found, without secrets. */
void drive_credentials(const struct drive *d, struct buf *ret);

/* ---- metadata */
/* The resource key of what was shared by a link with one: it goes with every request for `id` and for
 * what is found below it. Keys that Drive's answers hold are kept without this. */
void drive_use_key(struct drive *d, const char *id, const char *key);

/* `id` may be "root". *ret is filled on success only; drive_file_done() it. */
MUST_CHECK int drive_get(struct drive *d, const char *id, struct drive_file *ret);
/* Every child of a folder that is not trashed, in no order. `drive_id`: the shared drive that the folder
 * lies in, NULL or "": none; without it Drive may leave files out that this identity never looked at. each() may take over the strings of
 * *f by zeroing them; it returns 0 to go on, anything else ends the listing and is returned. An
 * error half-way means that nothing is known: what each() got so far is not the folder. */
MUST_CHECK int drive_list(struct drive *d, const char *folder_id, const char *drive_id,
			  int (*each)(void *ctx, struct drive_file *f), void *ctx);
/* Idempotent by a reserved id: a retry never makes a second folder. */
MUST_CHECK int drive_mkdir(struct drive *d, const char *parent_id, const char *name, struct drive_file *ret);

/* A change of metadata; what is NULL (-1 for mtime_ms) stays as it is. */
struct drive_edit {
	const char *name;
	const char *description;	/* "" removes it */
	const char *from_parent, *to_parent; /* both or none */
	int64_t mtime_ms;		/* -1: unchanged (Drive itself moves it on some edits: give it) */
	bool trash;
};
MUST_CHECK int drive_edit(struct drive *d, const char *id, const struct drive_edit *e, struct drive_file *ret);

struct drive_about {
	uint64_t limit, usage;		/* bytes; limit 0: none is known (shared drives, pooled storage) */
};
MUST_CHECK int drive_about(struct drive *d, struct drive_about *ret);

/* ---- what this identity may do, for who is about to trust a folder with data */
/* Gets a token: -EACCES when the credentials are refused, no request to Drive. */
MUST_CHECK int drive_sign_in(struct drive *d);
/* The scopes that the token's answer named, separated by blanks; "": it named none. */
void drive_scopes(struct drive *d, char *ret, size_t n);
/* Drive's clock less ours, in seconds, by the last answer; false: there was none. */
bool drive_skew(struct drive *d, int64_t *ret_s);

struct drive_who {
	char email[256];		/* whom Drive sees: the delegated user, not the service account */
	bool service_account;
	bool limited;			/* `limit` was told; else it is unlimited or unknown */
	uint64_t limit, usage;		/* bytes of My Drive */
};
MUST_CHECK int drive_who(struct drive *d, struct drive_who *ret);

struct drive_folder {
	struct drive_file file;
	char owner[256];		/* of a folder in My Drive, e-mail; "" where Drive does not tell */
	bool can_list, can_add, can_edit, can_trash, can_read_revisions; /* true where Drive does not tell */
};
/* As drive_get(), in one request. drive_file_done(&ret->file). */
MUST_CHECK int drive_folder(struct drive *d, const char *id, struct drive_folder *ret);
/* A shared drive's name; the caller frees. */
MUST_CHECK int drive_shared_name(struct drive *d, const char *drive_id, char **ret);
/* Can bytes that this identity adds to the folder be stored? A service account owns no storage
 * outside a shared drive, and can add folders there, but no file. `who` may be NULL on a shared
 * drive. 0, or -EACCES, -EDQUOT, -ENOSPC with the reason and the ways out. */
MUST_CHECK int drive_can_save(const struct drive_folder *folder, const struct drive_who *who);

/* ---- changes. Tokens are opaque strings that the caller keeps and frees. */
MUST_CHECK int drive_changes_start(struct drive *d, const char *drive_id_or_empty, char **ret_token);
/* Everything since *token, oldest first; `f` is NULL when the file is deleted for good or access
 * was lost. *token moves on (the old string is freed) only when all was delivered. -EBADMSG with
 * a refused token: start again and relist. Return value of each() as in drive_list(). */
MUST_CHECK int drive_changes(struct drive *d, const char *drive_id_or_empty, char **token,
			     int (*each)(void *ctx, const char *id, struct drive_file *f), void *ctx);

/* ---- content */
/* The bytes of `f` at f->revision: size, pread and stream by ranged GETs; `stream` is one GET (more
 * only to go on after a lost connection). A 200 to a Range request is cut to what was asked for.
 * Bytes of two revisions never mix: the revision is asked for by its id, or, where this identity
 * may not read revisions, the head, and then each stream ends by one files.get that says whether
 * the head is still f->revision (the source is tentative: format/source.h). -ESTALE: it was
 * replaced, and cannot be had any more. f->size 0 never asks. Keeps `d`, copies of f. */
MUST_CHECK int drive_source(struct drive *d, const struct drive_file *f, struct source **ret);

/* Is f->revision still the head? One request. -ESTALE: it moved on. */
MUST_CHECK int drive_verify_head(struct drive *d, const struct drive_file *f);

/* An id that a file to come can have, so that it is known before the file is there. It must be used
 * once, for one file. */
MUST_CHECK int drive_reserve_id(struct drive *d, char ret[DRIVE_ID_MAX + 1]);

/* An upload. id NULL: create (under a reserved id, so a retry or a lost answer never makes a
 * second file), `parent` and `name` are needed; else new content for that file. */
struct drive_put {
	const char *id, *parent, *name;
	const char *reserved;		/* of a create: an id from drive_reserve_id(); NULL: one is taken */
	const char *description;	/* NULL: as it is */
	struct source *body;		/* borrowed; read from any offset, as often as needed */
	int64_t mtime_ms;		/* -1: Drive's time of upload */
	int64_t deadline_ms;		/* longest time without an acknowledged byte */
	void (*progress)(void *ctx, uint64_t acked); /* NULL: none */
	void *progress_ctx;
};
/* 0 only when Drive has acknowledged exactly the bytes of `body`: hashed as they are sent, the
 * answer's md5Checksum and size compared. *ret is Drive's file afterwards. Any error: Drive has
 * the old content or none, or (-ETIMEDOUT, -EIO after the last byte) it is unknown, and then a
 * drive_upload() of the same body may be repeated. */
MUST_CHECK int drive_upload(struct drive *d, const struct drive_put *put, struct drive_file *ret);

/* Are Drive's bytes of `f`, by their MD5 and size, those of `body`? Reads all of it; no request. */
MUST_CHECK int drive_holds(const struct drive_file *f, struct source *body, bool *ret);

/* ---- figures, since drive_open() */
struct drive_stats {
	uint64_t requests, retries, bytes_in, bytes_out;
	uint64_t units;	/* of Drive's quota */
};
void drive_stats(struct drive *d, struct drive_stats *ret);
#endif
