/* SPDX-License-Identifier: MIT */
#include "drive/creds.h"

#include "drive/json.h"
#include "drive/url.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 10 };

struct creds *creds_close(struct creds *c)
{
	if (c) {
		free(c->identity);
		free(c->token_uri);
		free(c->key_id);
		jwt_key_close(c->key);
		free(c);
	}
	return NULL;
}

/* ---- the file */
static int check_file(int fd, const char *path)
{
	struct stat st;
	if (fstat(fd, &st))
		return err_set(-errno, "key file \"%s\" cannot be looked at", path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EACCES, "key file \"%s\" is not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(-EACCES, "key file \"%s\" belongs to another user (uid %u): make it yours", path,
			       (unsigned)st.st_uid);
	if (st.st_mode & 077)
		return err_set(-EACCES, "key file \"%s\" can be read or changed by others (mode %03o): chmod 600 %s", path,
			       (unsigned)st.st_mode & 0777, path);
	if (st.st_size > FILE_MAX)
		return err_set(-EBADMSG, "key file \"%s\" is too large to be a key", path);
	return 0;
}

static int read_all(int fd, const char *path, struct buf *text)
{
	char piece[4096];
	for (ssize_t n; (n = read(fd, piece, sizeof piece)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(-errno, "key file \"%s\" cannot be read", path);
		buf_add(text, piece, (size_t)n);
	}
	explicit_bzero(piece, sizeof piece);
	return buf_check(text, "key file");
}

static int open_error(const char *path)
{
	int e = errno;
	if (e == ELOOP)
		return err_set(-EACCES, "key file \"%s\" is a symbolic link: name the file itself", path);
	if (e == ENOENT || e == ENOTDIR)
		return err_set(-ENOENT, "key file \"%s\" does not exist", path);
	return err_set(e == EPERM ? -EACCES : -e, "key file \"%s\" cannot be opened: %s", path,
		       e == EACCES ? "no permission" : "see errno");
}

int creds_open(const char *path, const char *api_root, struct creds **ret)
{
	if (!path)
		path = getenv("GOOGLE_APPLICATION_CREDENTIALS");
	if (!path || !*path)
		return err_set(-ENOENT, "no key file: name one by -o key_file=FILE, or set GOOGLE_APPLICATION_CREDENTIALS");
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return open_error(path);
	CLEANUP_BUF struct buf text = BUF_INIT(FILE_MAX + 1);
	int r = check_file(fd, path);
	if (r == 0)
		r = read_all(fd, path, &text);
	close(fd);
	if (r == 0)
		r = creds_parse(text.data, text.len, path, api_root, ret);
	if (text.data)
		explicit_bzero(text.data, text.len);
	return r;
}

/* ---- its text */
static int refuse(const struct cJSON *root, const char *path)
{
	const char *type = json_str(root, "type");
	if (!type && (json_get(root, "installed") || json_get(root, "web")))
		return err_set(-EBADMSG, "\"%s\" is an OAuth client, not a credential: a service account's key is needed",
			       path);
	if (!type)
		return err_set(-EBADMSG, "\"%s\" is not a credential: it has no \"type\"", path);
	return err_set(-EBADMSG, "\"%s\" holds credentials of type \"%.60s\": a service account's key is needed", path,
		       type);
}

static int check_token_uri(const char *uri, const char *path, const char *api_root)
{
	static const char *const google[] = { "https://oauth2.googleapis.com", "https://accounts.google.com",
					      "https://www.googleapis.com" };
	for (size_t i = 0; i < sizeof google / sizeof *google; i++)
		if (url_same_origin(uri, google[i]))
			return 0;
	if (url_same_origin(uri, api_root))
		return 0;
	return err_set(-EACCES, "\"%s\": token_uri \"%.100s\" is neither Google's nor that of the API (%s): refused", path,
		       uri, api_root);
}

static int copy(char **to, const char *from)
{
	*to = strdup(from);
	return *to ? 0 : err_set(-ENOMEM, "key: no memory");
}

static int take_service_account(const struct cJSON *root, const char *path, const char *api_root, struct creds *c)
{
	const char *email = json_str(root, "client_email"), *pem = json_str(root, "private_key");
	const char *uri = json_str(root, "token_uri"), *id = json_str(root, "private_key_id");
	if (!email || !*email || !pem)
		return err_set(-EBADMSG, "\"%s\" has no %s", path, pem ? "client_email" : "private_key");
	if (!uri)
		uri = CREDS_GOOGLE_TOKEN_URI;
	int r = check_token_uri(uri, path, api_root);
	if (r == 0)
		r = copy(&c->identity, email);
	if (r == 0)
		r = copy(&c->token_uri, uri);
	if (r == 0 && id)
		r = copy(&c->key_id, id);
	if (r < 0)
		return r;
	r = jwt_key_open(pem, &c->key);
	return r == -EBADMSG ? err_set(r, "\"%s\": %s", path, err_last()) : r;
}

int creds_parse(const char *text, size_t n, const char *path, const char *api_root, struct creds **ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = json_parse(text, n, &root);
	if (r < 0)
		return r == -EBADMSG ? err_set(r, "\"%s\" is not a key: no JSON", path) : r;
	const char *type = json_str(root, "type");
	if (!type || strcmp(type, "service_account") != 0)
		return refuse(root, path);
	struct creds *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(-ENOMEM, "key: no memory");
	c->kind = CREDS_SERVICE_ACCOUNT;
	r = take_service_account(root, path, api_root, c);
	if (r < 0)
		creds_close(c);
	else
		*ret = c;
	return r;
}
