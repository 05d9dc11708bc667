/* SPDX-License-Identifier: MIT */
#include "fs/connect.h"

#include "fs/log.h"

#include <string.h>

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

int connect_folder(struct fs *fs, struct drive_folder *root)
{
	struct drive_who who;
	int r = reach_with_rights(fs->drive, fs->config, root, &who);
	if (r)
		return r;
	if (who.email[0]) { /* what statfs() would ask for */
		lock_acquire(&fs->quota_lock);
		fs->quota = (struct drive_about){ who.limit, who.usage };
		fs->quota_ms = now_ms();
		lock_release(&fs->quota_lock);
	}
	fs->folder_name = strdup(root->file.name ? root->file.name : "");
	fs->shared_drive = strdup(root->file.drive);
	return fs->folder_name && fs->shared_drive ? 0 : err_set(-ENOMEM, "no memory to start");
}
