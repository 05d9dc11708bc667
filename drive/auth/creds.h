/* SPDX-License-Identifier: MIT */
/* Finding and reading credentials, in the order of Google's own libraries, with two additions: a
 * command that prints a token, and the file of our own login. What is there but not usable is an
 * error that says what to do; it is never passed over for the next place. No network.
 *
 * Immutable once found, but for creds_rotate() and creds_renewed(), which belong to the one thread
 * that fetches a token. */
#ifndef DFM_DRIVE_AUTH_CREDS_H
#define DFM_DRIVE_AUTH_CREDS_H
#include "drive/auth/jwt.h"

#define CREDS_GOOGLE "https://www.googleapis.com"
#define CREDS_GOOGLE_TOKEN_URI "https://oauth2.googleapis.com/token"
#define CREDS_SCOPE "https://www.googleapis.com/auth/drive"

enum creds_kind {
	CREDS_SERVICE_ACCOUNT,	/* a key that signs */
	CREDS_USER,		/* "authorized_user": a refresh token */
	CREDS_METADATA,		/* of the virtual machine we run on */
	CREDS_COMMAND,		/* prints a token */
};
enum creds_place { CREDS_OPTION, CREDS_ENVIRONMENT, CREDS_LOGIN, CREDS_GCLOUD, CREDS_MACHINE };

struct creds_config {
	const char *key_file;		/* NULL: look in the other places */
	const char *token_command;	/* NULL: none */
	const char *subject;		/* whom a service account acts for; NULL: itself */
	const char *scope;		/* "drive", "drive.readonly"; NULL: drive, or what a login has granted */
	const char *api_root;		/* a token is asked for at Google or at this origin only */
};

struct creds {
	enum creds_kind kind;
	enum creds_place place;
	char *file;		/* NULL: none */
	bool shared;		/* the file can be read by others: to be told */
	char *identity;		/* e-mail address, or who that is in words while !known */
	bool known;
	char *token_uri;	/* NULL: no endpoint is asked */
	char *scope;		/* full URL */
	bool scope_given;	/* by the configuration */
	/* CREDS_SERVICE_ACCOUNT */
	char *key_id, *account, *client_number; /* the account's e-mail; each but account may be NULL */
	char *subject;		/* NULL: none */
	struct jwt_key *key;
	/* CREDS_USER; secrets, but for project */
	char *client_id, *client_secret, *refresh_token;
	char *project;		/* for x-goog-user-project; NULL: none */
	bool project_asked;	/* by the environment, not by the file */
	bool unsaved;		/* a new refresh token is not in the file yet */
	/* CREDS_COMMAND */
	char *command;
	/* CREDS_METADATA */
	char *host;
};

/* Where nothing else is found the answer is CREDS_METADATA: whether there is such a server is for
 * metadata_server_find() to ask. -ENOENT: not even that may be tried. */
MUST_CHECK int creds_find(const struct creds_config *cfg, struct creds **ret);
/* From a file's text; `path` for messages and as the place to write a new refresh token to. */
MUST_CHECK int creds_parse(const char *text, size_t n, const char *path, const struct creds_config *cfg,
			   struct creds **ret);
struct creds *creds_close(struct creds *c);	/* NULL is fine; returns NULL */
/* -EACCES unless it is at Google's or at api_root's origin: secrets are sent nowhere else. */
MUST_CHECK int creds_check_uri(const char *uri, const char *name, const char *path, const char *api_root);
/* The token endpoint where a file names none. The caller frees. */
MUST_CHECK int creds_token_uri(const char *api_root, char **ret);
/* "drive" as a URL; NULL: not one that we know. */
const char *creds_scope_url(const char *name);
/* Adds one line about kind and place, without secrets. */
void creds_describe(const struct creds *c, struct buf *ret);

/* The token endpoint gave a new refresh token: the old one may be dead. That of our own login goes
 * into its file; -errno: it could not be written, and creds_rotate(c, NULL) tries again. */
MUST_CHECK int creds_rotate(struct creds *c, const char *refresh_token);
/* The refresh token was refused. Has the user logged in again meanwhile, as the same account? Then
 * c has the new one. */
bool creds_renewed(struct creds *c);

/* $XDG_CONFIG_HOME/drivefs-models/credentials.json; -ENOENT: neither it nor HOME is set. */
MUST_CHECK int creds_login_file(char **ret);
/* Writes a user's credentials as `gcloud` would, with "account" and, where it is not Google's,
 * "token_uri". */
MUST_CHECK int creds_save(const struct creds *c, const char *path);
#endif
