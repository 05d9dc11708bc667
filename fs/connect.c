/* SPDX-License-Identifier: MIT */
#include "fs/connect.h"

#include "fs/log.h"
#include "fs/snapshot.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

static void trace_drive(void *ctx, const char *line)
{
	(void)ctx;
	log_debug("drive", "%s", line);
}

int connect_open(const struct config *c, struct drive **ret)
{
	const struct drive_config d = {
		.key_file = c->key_file,
		.token_command = c->token_command,
		.subject = c->subject,
		.scope = c->scope,
		.api_root = c->api_root,
		.ca_file = c->ca_file,
		.connections_max = (unsigned)c->connections,
		.deadline_ms = (unsigned)c->deadline * 1000,
		.units_per_minute = c->quota_units,
		.acknowledge_abuse = c->acknowledge_abuse,
		.wait_scale_percent = (unsigned)c->wait_scale,
		.trace = log_wants(LOG_LEVEL_DEBUG) ? trace_drive : NULL,
	};
	int r = drive_open(&d, ret);
	if (!r && c->folder && c->folder_key)
		drive_use_key(*ret, c->folder, c->folder_key);
	return r;
}

static int explain_unreached(struct drive *d, const char *folder, int err)
{
	if (err == -ENOENT)
		return err_set(err, "FOLDER %s: not there, or not shared with %s: check the id, and make this account a "
			       "member of the shared drive", folder, drive_identity(d));
	CLEANUP_FREE char *why = strdup(err_last());
	return err_set(err, "FOLDER %s cannot be reached as %s: %s", folder, drive_identity(d), why ? why : "");
}

int connect_reach(struct drive *d, const char *folder, struct drive_folder *ret)
{
	int r = drive_folder(d, folder, ret);
	if (r)
		return explain_unreached(d, folder, r);
	const char *name = ret->file.name ? ret->file.name : "";
	if (!ret->file.folder)
		return err_set(-ENOTDIR, "FOLDER %s is the file \"%s\", not a folder", folder, name);
	if (ret->file.trashed)
		return err_set(-ENOENT, "FOLDER %s (\"%s\") is in Drive's trash: restore it first", folder, name);
	return 0;
}

/* The folder that is to be mounted; -errno with what to do when it cannot be reached, or, unless
 * c->read_only, when nothing could be saved in it. One request, outside of shared drives two; then
 * ret_who->email is set. Full storage is no reason not to start: something may be deleted. */
static int reach_with_rights(struct drive *d, const struct config *c, struct drive_folder *ret, struct drive_who *ret_who)
{
	*ret_who = (struct drive_who){ 0 };
	int r = drive_identify(d);
	if (!r)
		r = connect_reach(d, c->folder, ret);
	if (r || c->read_only)
		return r;
	if (!ret->file.drive[0])
		r = drive_who(d, ret_who);
	if (r)
		return r;
	r = drive_can_save(ret, ret_who);
	if (r == -ENOSPC)
		log_warning("mount", "%s", err_last());
	if (!r || r == -ENOSPC)
		return 0;
	CLEANUP_FREE char *why = strdup(err_last());
	return err_set(r, "nothing could be saved: %s. To read only, mount it with -o ro", why ? why : "");
}

/* What statfs() would ask for, if it was told. */
static void keep_quota(struct fs *fs, const struct drive_who *who)
{
	if (!who->email[0])
		return;
	lock_acquire(&fs->quota_lock);
	fs->quota = (struct drive_about){ who->limit, who->usage };
	fs->quota_ms = now_ms();
	lock_release(&fs->quota_lock);
}

/* ---- the cache folder */

/* "~/.cache/drivefs-models/PREFIX" and a name made of two texts. */
static int path_in_caches(const char *prefix, const char *one, const char *two, char **ret)
{
	CLEANUP_BUF struct buf who = BUF_INIT(16 << 10), dir = BUF_INIT(PATH_MAX);
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	buf_printf(&who, "%s\n%s", one, two);
	if (base && *base == '/')
		buf_printf(&dir, "%s/drivefs-models/", base);
	else if (home && *home == '/')
		buf_printf(&dir, "%s/.cache/drivefs-models/", home);
	else
		return err_set(-EINVAL, "neither XDG_CACHE_HOME nor HOME is set: name a folder by -o cache_dir=");
	buf_printf(&dir, "%s%016llx", prefix, (unsigned long long)map_hash(who.data ? who.data : ""));
	*ret = who.failed ? NULL : buf_take(&dir);
	return *ret ? 0 : err_nomem("the cache folder's name");
}

/* One per identity and folder, so that two mounts never share one by accident. */
static int default_cache_dir(struct fs *fs, const char *folder_id, char **ret)
{
	return path_in_caches("", drive_identity(fs->drive), folder_id, ret);
}

/* The same by what is known without Drive: the credentials and the command line's FOLDER ("root"). A link to
 * the other. */
static int link_of_cache_dir(struct fs *fs, char **ret)
{
	CLEANUP_BUF struct buf who = BUF_INIT(8192);
	drive_credentials(fs->drive, &who);
	return path_in_caches("by-", who.data ? who.data : "", fs->config->folder, ret);
}

static void leave_link(struct fs *fs)
{
	CLEANUP_FREE char *link = NULL;
	if (fs->config->cache_dir || link_of_cache_dir(fs, &link) != 0)
		return;
	const char *name = strrchr(fs->cache_dir, '/') + 1;
	if ((unlink(link) != 0 && errno != ENOENT) || symlink(name, link) != 0)
		log_debug("cache", "%s: %s", link, strerror(errno)); /* only a start without Drive would want it */
}

static void cache_warning(void *ctx, const char *line)
{
	(void)ctx;
	log_warning("cache", "%s", line);
}

/* In fs->cache_dir. */
static int open_cache(struct fs *fs)
{
	const struct config *c = fs->config;
	const struct cache_config cc = {
		.dir = fs->cache_dir,
		.bytes_max = c->cache_size,
		.fetches_max = (unsigned)c->connections,
		.warn = cache_warning,
	};
	return cache_open(&cc, &fs->cache);
}

/* ---- the states */

/* Drive, or somebody on the way, did not say no: there was no answer of its own. */
static bool is_no_way(int err)
{
	return err != -EACCES && err != -ENOENT && err != -ENOTDIR && err != -EINVAL && err != -ENOMEM && err != -EINTR &&
	       err != -EDQUOT;
}

static int keep_folder(struct fs *fs, const struct drive_file *root)
{
	fs->folder_name = strdup(root->name ? root->name : "");
	fs->shared_drive = strdup(root->drive);
	return fs->folder_name && fs->shared_drive ? 0 : err_nomem("the mounted folder");
}

/* Is there a cache that knows the folder? One that is not there is not made. */
static int find_kept(struct fs *fs, struct drive_file *ret)
{
	CLEANUP_FREE char *link = NULL;
	int r = fs->config->cache_dir ? 0 : link_of_cache_dir(fs, &link);
	if (r)
		return r;
	fs->cache_dir = realpath(link ? link : fs->config->cache_dir, NULL);
	if (!fs->cache_dir)
		return -ENOENT;
	r = open_cache(fs);
	return r ? r : snapshot_root(fs, ret);
}

static int name_cache_dir(struct fs *fs, const char *folder_id)
{
	if (!fs->config->cache_dir)
		return default_cache_dir(fs, folder_id, &fs->cache_dir);
	fs->cache_dir = strdup(fs->config->cache_dir);
	return fs->cache_dir ? 0 : err_nomem("the cache folder's name");
}

/* `err` and its reason are why Drive was not reached. */
static int start_offline(struct fs *fs, int err, struct drive_file *ret)
{
	CLEANUP_FREE char *why = strdup(err_last());
	int r = find_kept(fs, ret);
	if (!r)
		r = keep_folder(fs, ret);
	if (r) /* the first error counts */
		return err_set(err, "%s", why ? why : "");
	log_warning("mount", "%s: read-only, with the names and bytes that the cache holds, until Drive answers", why ? why : "");
	__atomic_store_n(&fs->offline, true, __ATOMIC_RELEASE);
	return 0;
}

int connect_start(struct fs *fs, struct drive_file *ret)
{
	struct drive_folder folder = { 0 };
	struct drive_who who;
	int r = reach_with_rights(fs->drive, fs->config, &folder, &who);
	if (r) {
		drive_file_done(&folder.file);
		return is_no_way(r) ? start_offline(fs, r, ret) : r;
	}
	*ret = folder.file;
	keep_quota(fs, &who);
	r = keep_folder(fs, ret);
	if (!r)
		r = name_cache_dir(fs, ret->id);
	if (!r)
		r = open_cache(fs);
	if (!r)
		leave_link(fs);
	if (!r && snapshot_keep_root(fs, ret) != 0)
		log_warning("cache", "this folder cannot be mounted without Drive: %s", err_last());
	return r;
}

int connect_again(struct fs *fs)
{
	static bool said; /* one thread */
	struct drive_folder folder = { 0 };
	struct drive_who who;
	int r = reach_with_rights(fs->drive, fs->config, &folder, &who);
	if (!r) {
		keep_quota(fs, &who);
		if (snapshot_keep_root(fs, &folder.file) != 0)
			log_warning("cache", "this folder cannot be mounted without Drive: %s", err_last());
	} else if (!is_no_way(r) && r != -EINTR && !said) {
		said = true;
		log_error("mount", "Drive answers and refuses: %s; still read-only, trying on", err_last());
	}
	drive_file_done(&folder.file);
	return r;
}
