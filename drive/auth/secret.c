/* SPDX-License-Identifier: MIT */
#include "drive/auth/secret.h"

#include "drive/json.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- memory */
void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void secret_done(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}

/* json_parse() has bounded the depth. */
static void wipe(struct cJSON *v)
{
	for (; v; v = v->next) {
		if (v->valuestring)
			explicit_bzero(v->valuestring, strlen(v->valuestring));
		wipe(v->child);
	}
}

void secret_json_free(struct cJSON *root)
{
	wipe(root);
	json_free(root);
}

/* ---- reading */
/* In memory, or mounted read-only: a mode says little there of who comes to it. */
static bool provided(int fd)
{
	struct statfs fs;
	struct statvfs how;
	if (!fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
		return true;
	return !fstatvfs(fd, &how) && how.f_flag & ST_RDONLY;
}

/* `shared`: NULL, or where it is told that others may read it. */
static int check_file(int fd, const char *path, const char *what, bool *shared)
{
	struct stat st;
	if (fstat(fd, &st))
		return err_set(-errno, "%s \"%s\" cannot be looked at", what, path);
	if (!S_ISREG(st.st_mode))
		return err_set(-EACCES, "%s \"%s\" is not a regular file", what, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(-EACCES, "%s \"%s\" belongs to another user (uid %u): make it yours", what, path,
			       (unsigned)st.st_uid);
	if (st.st_mode & 022)
		return err_set(-EACCES, "%s \"%s\" can be changed by others (mode %03o): chmod 600 %s", what, path,
			       (unsigned)st.st_mode & 0777, path);
	bool open = st.st_mode & 055;
	if (open && !(shared && provided(fd)))
		return err_set(-EACCES, "%s \"%s\" can be read by others (mode %03o): chmod 600 %s%s", what, path,
			       (unsigned)st.st_mode & 0777, path, shared ? "; or mount it read-only" : "");
	if (shared)
		*shared = open;
	if (st.st_size > SECRET_FILE_MAX)
		return err_set(-EBADMSG, "%s \"%s\" is too large to be one", what, path);
	return 0;
}

/* In one piece, so that no buffer that grows leaves copies behind. */
static int read_all(int fd, const char *path, const char *what, struct buf *ret)
{
	char *text = malloc(SECRET_FILE_MAX + 1);
	size_t n = 0;
	int r = text ? 0 : err_nomem(what);
	while (r == 0 && n <= SECRET_FILE_MAX) {
		ssize_t got = read(fd, text + n, SECRET_FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = err_set(-errno, "%s \"%s\" cannot be read", what, path);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (r == 0) {
		buf_add(ret, text, n);
		r = buf_check(ret, what);
	}
	if (text)
		explicit_bzero(text, n);
	free(text);
	return r;
}

static int open_error(const char *path, const char *what)
{
	int e = errno;
	if (e == ELOOP)
		return err_set(-EACCES, "%s \"%s\" is a symbolic link: name the file itself", what, path);
	if (e == ENOENT || e == ENOTDIR)
		return err_set(-ENOENT, "%s \"%s\" does not exist", what, path);
	return err_set(e == EPERM ? -EACCES : -e, "%s \"%s\" cannot be opened: %s", what, path,
		       e == EACCES ? "no permission" : "see errno");
}

static int open_and_read(const char *path, const char *what, struct buf *ret, bool *shared)
{
	int fd = open(path, (shared ? 0 : O_NOFOLLOW) | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return open_error(path, what);
	int r = check_file(fd, path, what, shared);
	if (r == 0)
		r = read_all(fd, path, what, ret);
	close(fd);
	return r;
}

int secret_read(const char *path, const char *what, struct buf *ret) { return open_and_read(path, what, ret, NULL); }

int secret_read_provided(const char *path, const char *what, struct buf *ret, bool *ret_shared)
{
	*ret_shared = false;
	return open_and_read(path, what, ret, ret_shared);
}

/* ---- writing */
/* The folders above `path`; what is there already is left as it is. */
static int make_folders(const char *path, const char *what)
{
	CLEANUP_FREE char *copy = strdup(path);
	if (!copy)
		return err_nomem(what);
	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = 0;
		if (mkdir(copy, 0700) && errno != EEXIST)
			return err_set(-errno, "%s \"%s\": the folder \"%s\" cannot be made", what, path, copy);
		*p = '/';
	}
	return 0;
}

static bool write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t put = write(fd, data, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		data += put;
		n -= (size_t)put;
	}
	return fsync(fd) == 0;
}

/* The rename itself is to last. */
static void sync_folder(char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return;
	*slash = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd); /* not every filesystem can: the file is whole in any case */
		close(fd);
	}
}

int secret_write(const char *path, const char *what, const struct buf *text)
{
	char scratch[PATH_MAX];
	int r = make_folders(path, what);
	if (r < 0)
		return r;
	if (snprintf(scratch, sizeof scratch, "%s.XXXXXX", path) >= (int)sizeof scratch)
		return err_set(-ENAMETOOLONG, "%s \"%s\": the path is too long", what, path);
	int fd = mkostemp(scratch, O_CLOEXEC); /* makes it 0600 */
	if (fd < 0)
		return err_set(-errno, "%s \"%s\": no file can be made beside it", what, path);
	bool ok = write_all(fd, text->data, text->len);
	close(fd);
	if (!ok || rename(scratch, path)) {
		int e = errno;
		unlink(scratch);
		return err_set(-e, "%s \"%s\" cannot be written", what, path);
	}
	sync_folder(scratch);
	return 0;
}
