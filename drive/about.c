/* SPDX-License-Identifier: MIT */
/* Who are we, what may we do, and is there room? Looked at before anybody saves anything. */
#include "drive/call.h"

#include "drive/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROBOTS ".gserviceaccount.com"	/* the end of every service account's address */

int drive_sign_in(struct drive *d)
{
	CLEANUP_TOKEN struct token_bearer token = { 0 };
	return token_get(d->token, &token);
}

void drive_scopes(struct drive *d, char *ret, size_t n) { token_scope(d->token, ret, n); }

bool drive_skew(struct drive *d, int64_t *ret_s)
{
	*ret_s = __atomic_load_n(&d->skew_s, __ATOMIC_RELAXED);
	return *ret_s != CALL_NO_SKEW;
}

/* One GET whose answer is an object. */
static int get_object(struct drive *d, const char *path, const char *what, const char *subject, const char *rest,
		      struct cJSON **ret)
{
	CLEANUP_CALL struct call c;
	call_init(&c, d, "GET", path, what, subject);
	c.key_of[0] = subject;
	buf_printf(&c.url, "%s%s", subject ? subject : "", rest);
	int r = call_run(&c);
	if (r == 0)
		r = json_parse(c.resp.body.data, c.resp.body.len, ret);
	return r;
}

static void fill_text(char *to, size_t size, const char *from) { snprintf(to, size, "%s", from ? from : ""); }

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && !strcmp(s + n - m, end);
}

static int ask_about(struct drive *d, const char *what, struct cJSON **ret)
{
	return get_object(d, "/drive/v3/about", what, NULL,
			  "?fields=user(emailAddress),storageQuota(limit,usage)&prettyPrint=false", ret);
}

int drive_who(struct drive *d, struct drive_who *ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	*ret = (struct drive_who){ 0 };
	int r = ask_about(d, "who am I", &root);
	if (r < 0)
		return r;
	const struct cJSON *quota = json_get(root, "storageQuota");
	if (!json_str(json_get(root, "user"), "emailAddress"))
		return err_set(-EBADMSG, "who am I: the answer does not tell");
	fill_text(ret->email, sizeof ret->email, json_str(json_get(root, "user"), "emailAddress"));
	ret->service_account = ends_with(ret->email, ROBOTS);
	ret->limited = json_u64(quota, "limit", &ret->limit);
	if (!json_u64(quota, "usage", &ret->usage))
		ret->usage = 0;
	return 0;
}

int drive_about(struct drive *d, struct drive_about *ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = ask_about(d, "storage quota", &root);
	if (r < 0)
		return r;
	const struct cJSON *quota = json_get(root, "storageQuota");
	if (!json_is_object(quota))
		return err_set(-EBADMSG, "storage quota: the answer has none");
	if (!json_u64(quota, "limit", &ret->limit))
		ret->limit = 0;
	if (!json_u64(quota, "usage", &ret->usage))
		ret->usage = 0;
	return 0;
}

static bool allowed(const struct cJSON *caps, const char *name)
{
	return !json_get(caps, name) || json_true(caps, name);
}

static int take_folder(struct drive *d, const struct cJSON *root, struct drive_folder *ret)
{
	struct drive_folder f = { 0 };
	int r = json_file(root, &f.file);
	if (r < 0)
		return r;
	resource_keys_learn_file(&d->keys, &f.file, NULL);
	const struct cJSON *caps = json_get(root, "capabilities");
	bool shared = f.file.drive[0];
	fill_text(f.owner, sizeof f.owner, json_str(json_at(json_get(root, "owners"), 0), "emailAddress"));
	f.can_list = allowed(caps, "canListChildren");
	f.can_add = allowed(caps, "canAddChildren");
	f.can_edit = allowed(caps, "canEdit");
	/* In My Drive only an owner may trash, and what is added to the folder has its own. */
	f.can_trash = shared ? allowed(caps, "canTrashChildren") : allowed(root, "ownedByMe");
	f.can_read_revisions = shared ? allowed(caps, "canReadRevisions") : f.can_edit;
	*ret = f;
	return 0;
}

int drive_folder(struct drive *d, const char *id, struct drive_folder *ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = call_check_id("get", id);
	if (r == 0)
		r = get_object(d, "/drive/v3/files/", "get", id,
			       "?supportsAllDrives=true&prettyPrint=false&fields=" JSON_FILE_PLAIN
			       ",ownedByMe,owners(emailAddress),capabilities(canEdit,canListChildren,canAddChildren,"
			       "canTrashChildren,canReadRevisions)", &root);
	return r < 0 ? r : take_folder(d, root, ret);
}

int drive_shared_name(struct drive *d, const char *drive_id, char **ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = call_check_id("shared drive", drive_id);
	if (r == 0)
		r = get_object(d, "/drive/v3/drives/", "shared drive", drive_id, "?fields=name&prettyPrint=false", &root);
	if (r < 0)
		return r;
	const char *name = json_str(root, "name");
	if (!name)
		return err_set(-EBADMSG, "shared drive \"%.100s\": the answer has no name", drive_id);
	*ret = strdup(name);
	return *ret ? 0 : err_nomem("a name");
}

int drive_can_save(const struct drive_folder *f, const struct drive_who *who)
{
	const char *name = f->file.name ? f->file.name : f->file.id;
	if (!f->can_add || !f->can_edit)
		return err_set(-EACCES, "\"%.100s\": this identity may read it, but not add or change files: make it %s", name,
			       f->file.drive[0] ? "a content manager of the shared drive" : "an editor of the folder");
	if (f->file.drive[0] || !who)
		return 0;
	if (who->service_account && !who->limit)
		return err_set(-EDQUOT, "\"%.100s\" is in My Drive%s%s, where the service account %s owns no storage, so that no "
			       "file could be added. Ways out: (1) mount a folder of a shared drive that this account is a content "
			       "manager of; (2) domain-wide delegation, so that it acts for a user; (3) a user's credentials", name,
			       *f->owner ? " of " : "", f->owner, who->email);
	if (who->limited && who->usage >= who->limit)
		return err_set(-ENOSPC, "the storage of %s is full (%" PRIu64 " of %" PRIu64 " bytes): empty its trash or get more",
			       who->email, who->usage, who->limit);
	return 0;
}
