/* SPDX-License-Identifier: MIT */
/* The verb `check`: what a mount needs of Drive, looked at before anybody trusts it with data:
 * credentials, network, the folder, and whether anything could be saved in it. */
#include "fs/cli/verb.h"
#include "fs/connect.h"
#include "fs/escape.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Exit statuses: what failed first. 2 is a wrong command line. */
enum check_status {
	CHECK_OK = 0,
	CHECK_OTHER = 1,
	CHECK_CREDENTIALS = 3,	/* missing, refused, or without the scope */
	CHECK_NETWORK = 4,	/* no way to Drive */
	CHECK_FOLDER = 5,	/* not there, not shared with us, no folder */
	CHECK_SAVE = 6,		/* all is well but that nothing can be saved */
};

enum { LINES_MAX = 16, SKEW_OK_S = 5, ASKS = 3, LITTLE_PERCENT = 5 };
#define SCOPE "https://www.googleapis.com/auth/drive"

/* ---- the report */

enum result { OK, WARN, FAIL };

struct line {
	const char *name;
	enum result result;
	char text[640];
};

struct report {
	const struct config *c;
	struct drive *d;
	enum check_status status;	/* of the first that failed */
	struct line lines[LINES_MAX];
	size_t count;
	char scopes[1024];
	int64_t skew_s, rtt_ms;		/* -1: not measured */
	bool skew_known;
	struct drive_who who;
	struct drive_folder folder;
	char *drive_name;
};

PRINTF(4, 5) static void report_line(struct report *r, const char *name, enum result result, const char *fmt, ...)
{
	va_list ap;
	char raw[640];
	struct line *l = &r->lines[r->count++];
	l->name = name;
	l->result = result;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	escape_text(l->text, sizeof l->text, raw); /* names and e-mails are Drive's, or anybody's */
}

static bool report_failed(struct report *r, const char *name, enum check_status status)
{
	report_line(r, name, FAIL, "%s%s", err_last(), status != CHECK_NETWORK ? "" :
	    ". Is the network up, and does it need HTTPS_PROXY, or -o ca_file= for its certificates?");
	if (r->status == CHECK_OK)
		r->status = status;
	return false;
}

/* No answer at all, or one that is not Drive's: a matter of the way there. */
static enum check_status status_line(int err, enum check_status refused)
{
	return err == -EACCES || err == -ENOENT || err == -ENOTDIR || err == -EINVAL ? refused : CHECK_NETWORK;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = words; (p = strstr(p, word)); p += n)
		if ((p == words || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static void add_scopes(struct report *r)
{
	drive_scopes(r->d, r->scopes, sizeof r->scopes);
	if (!*r->scopes)
		report_line(r, "scopes", OK, "Drive takes the token; which scopes it has was not told");
	else if (has_word(r->scopes, SCOPE))
		report_line(r, "scopes", OK, "%.400s", r->scopes);
	else if (has_word(r->scopes, SCOPE ".readonly") && !r->c->read_only) {
		err_set(-EACCES, "%.200s: reading only. Sign in with the scope " SCOPE ", or mount with -o ro", r->scopes);
		report_failed(r, "scopes", CHECK_SAVE);
	} else
		report_line(r, "scopes", has_word(r->scopes, SCOPE ".readonly") ? OK : WARN, "%.200s%s", r->scopes,
		    has_word(r->scopes, SCOPE ".file") ? ": only files that this program made are seen; sign in with " SCOPE : "");
}

static bool add_identity(struct report *r)
{
	int e = connect_open(r->c, &r->d);
	if (e)
		return report_failed(r, "identity", e == -EINVAL || e == -ENOMEM ? CHECK_OTHER : CHECK_CREDENTIALS);
	e = drive_sign_in(r->d);
	if (e)
		return report_failed(r, "identity", status_line(e, CHECK_CREDENTIALS));
	e = drive_who(r->d, &r->who);
	if (!e)
		e = drive_identify(r->d);
	if (e)
		return report_failed(r, e == -EACCES ? "scopes" : "identity", status_line(e, CHECK_CREDENTIALS));
	bool other = strcmp(r->who.email, drive_identity(r->d)) != 0;
	report_line(r, "identity", OK, "%s (%s)%s%s", r->who.email, r->who.service_account ? "a service account" : "a user",
	    other ? ", by the credentials of " : "", other ? drive_identity(r->d) : "");
	add_scopes(r);
	return true;
}

static void add_clock(struct report *r)
{
	r->skew_known = drive_skew(r->d, &r->skew_s);
	int64_t s = r->skew_s < 0 ? -r->skew_s : r->skew_s;
	if (!r->skew_known)
		report_line(r, "clock", WARN, "Drive's answers carry no date");
	else if (s <= SKEW_OK_S)
		report_line(r, "clock", OK, "agrees with Drive's (%" PRId64 " s)", r->skew_s);
	else
		report_line(r, "clock", WARN, "this machine's is %" PRId64 " s %s Drive's: set it, or run an NTP client", s,
		    r->skew_s > 0 ? "behind" : "ahead of");
}

static bool add_folder(struct report *r)
{
	const struct drive_file *f = &r->folder.file;
	int e = connect_reach(r->d, r->c->folder, &r->folder);
	if (e)
		return report_failed(r, "folder", status_line(e, CHECK_FOLDER));
	if (!f->drive[0]) {
		report_line(r, "folder", OK, "\"%.100s\" (%s) in My Drive%s%s", f->name ? f->name : "", f->id,
		    *r->folder.owner ? " of " : "", r->folder.owner);
		return true;
	}
	/* A member of one folder only may not see the drive itself. */
	if (drive_shared_name(r->d, f->drive, &r->drive_name))
		err_clear();
	report_line(r, "folder", OK, "\"%.100s\" (%s) on the shared drive \"%.100s\"", f->name ? f->name : "", f->id,
	    r->drive_name ? r->drive_name : f->drive);
	return true;
}

static void add_rights(struct report *r)
{
	const struct drive_folder *f = &r->folder;
	if (f->can_list)
		report_line(r, "read", OK, "its files can be listed and read");
	else {
		err_set(-EACCES, "its files cannot be listed: share the folder with %s", r->who.email);
		report_failed(r, "read", CHECK_FOLDER);
	}
	bool may = drive_can_save(f, NULL) == 0;
	if (may)
		report_line(r, "write", OK, "files can be added and changed");
	else if (r->c->read_only)
		report_line(r, "write", OK, "not allowed; with -o ro it is not needed");
	else
		report_failed(r, "write", CHECK_SAVE);
	if (f->file.drive[0])
		report_line(r, "trash", f->can_trash || r->c->read_only ? OK : WARN, "%s", f->can_trash ? "files can be deleted" :
		    "files cannot be deleted or moved: that takes a content manager of the shared drive");
	else
		report_line(r, "trash", OK, "files that %s owns can be deleted", r->who.email);
	report_line(r, "revisions", f->can_read_revisions ? OK : WARN, "%s", f->can_read_revisions ? "old revisions can be read" :
	    "they cannot be read: who reads a file while it is replaced gets an error (ESTALE)");
}

static void bytes_text(char *to, size_t size, uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;
	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	snprintf(to, size, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static void add_storage(struct report *r)
{
	const struct drive_who *w = &r->who;
	if (r->folder.file.drive[0]) {
		report_line(r, "storage", OK, "the shared drive owns what is saved; Drive tells no limit for it");
		return;
	}
	struct drive_folder f = r->folder;
	f.can_add = f.can_edit = true; /* that is another line's matter */
	int e = drive_can_save(&f, w);
	if (e && r->c->read_only) {
		report_line(r, "storage", OK, "none for %s here; with -o ro it is not needed", w->email);
		return;
	}
	if (e) {
		report_failed(r, "storage", CHECK_SAVE);
		return;
	}
	char left[32], all[32];
	bytes_text(left, sizeof left, w->limited ? w->limit - w->usage : 0);
	bytes_text(all, sizeof all, w->limit);
	if (!w->limited)
		report_line(r, "storage", OK, "%s owns what is saved; Drive tells no limit", w->email);
	else
		report_line(r, "storage", (w->limit - w->usage) / (w->limit / 100 + 1) < LITTLE_PERCENT || w->service_account ? WARN : OK,
		    "%s owns what is saved, and has %s of %s left%s", w->email, left, all, w->service_account ?
		    "; Google takes storage from service accounts: prefer a shared drive" : "");
}

/* The median, connection and token being there. */
static bool add_time(struct report *r)
{
	int64_t ms[ASKS];
	for (int i = 0; i < ASKS; i++) {
		CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
		int64_t start = now_ms();
		int e = drive_get(r->d, r->folder.file.id, &f);
		if (e)
			return report_failed(r, "time", status_line(e, CHECK_FOLDER));
		ms[i] = now_ms() - start;
		for (int j = i; j > 0 && ms[j] < ms[j - 1]; j--) {
			int64_t t = ms[j];
			ms[j] = ms[j - 1];
			ms[j - 1] = t;
		}
	}
	r->rtt_ms = ms[ASKS / 2];
	report_line(r, "time", OK, "%" PRId64 " ms for a files.get (median of %d)", r->rtt_ms, ASKS);
	return true;
}

/* ---- showing it */

static const char *verdict(const struct report *r)
{
	if (r->status == CHECK_OK)
		return r->c->read_only ? "This folder can be mounted with -o ro." : "This folder can be mounted.";
	return r->status == CHECK_SAVE ? "This folder can be mounted with -o ro only." : "This folder cannot be mounted.";
}

static void show_report(const struct report *r, struct buf *b)
{
	static const char *const words[] = { [OK] = "ok", [WARN] = "warn", [FAIL] = "FAIL" };
	for (size_t i = 0; i < r->count; i++)
		buf_printf(b, "%-10s %-4s  %s\n", r->lines[i].name, words[r->lines[i].result], r->lines[i].text);
	buf_printf(b, "%s\n", verdict(r));
}

static void json_text(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ", \"%s\": ", name);
	buf_json(b, value ? value : "");
}

static void json_flag(struct buf *b, const char *name, bool value) { buf_printf(b, ", \"%s\": %s", name, value ? "true" : "false"); }

static void show_json(const struct report *r, struct buf *b)
{
	static const char *const words[] = { [OK] = "ok", [WARN] = "warn", [FAIL] = "fail" };
	const struct drive_folder *f = &r->folder;
	buf_printf(b, "{\"status\": %d", (int)r->status);
	json_text(b, "identity", r->who.email);
	json_text(b, "scopes", r->scopes);
	if (r->skew_known)
		buf_printf(b, ", \"clock_skew_s\": %" PRId64, r->skew_s);
	if (f->file.id[0]) {
		buf_str(b, ", \"folder\": {\"id\": ");
		buf_json(b, f->file.id);
		json_text(b, "name", f->file.name);
		json_text(b, "shared_drive", f->file.drive);
		json_text(b, "owner", f->owner);
		json_flag(b, "can_list", f->can_list);
		json_flag(b, "can_add", f->can_add);
		json_flag(b, "can_edit", f->can_edit);
		json_flag(b, "can_trash", f->can_trash);
		json_flag(b, "can_read_revisions", f->can_read_revisions);
		buf_byte(b, '}');
	}
	if (r->who.limited)
		buf_printf(b, ", \"quota\": {\"limit\": %" PRIu64 ", \"usage\": %" PRIu64 "}", r->who.limit, r->who.usage);
	if (r->rtt_ms >= 0)
		buf_printf(b, ", \"rtt_ms\": %" PRId64, r->rtt_ms);
	buf_str(b, ", \"checks\": [");
	for (size_t i = 0; i < r->count; i++) {
		buf_printf(b, "%s{\"check\": \"%s\", \"result\": \"%s\"", i ? ", " : "", r->lines[i].name,
			   words[r->lines[i].result]);
		json_text(b, "text", r->lines[i].text);
		buf_byte(b, '}');
	}
	buf_str(b, "]}\n");
}

/* Adds the report for people or, with c->json, one JSON object to *ret. */
static enum check_status report_on(const struct config *c, struct buf *ret)
{
	struct report r = { .c = c, .rtt_ms = -1 };
	if (add_identity(&r)) {
		add_clock(&r);
		if (add_folder(&r)) {
			add_rights(&r);
			add_storage(&r);
			add_time(&r);
		}
	}
	if (c->json)
		show_json(&r, ret);
	else
		show_report(&r, ret);
	enum check_status status = r.status;
	if (buf_check(ret, "the report") < 0)
		status = CHECK_OTHER;
	drive_file_done(&r.folder.file);
	drive_close(r.d);
	free(r.drive_name);
	return status;
}

static int run_check(const struct verb *const *all, int argc, char **argv)
{
	struct config c;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	(void)all;
	int r = config_parse_check(argc, argv, &c);
	if (r) {
		verb_failed(err_last());
		fputs("Try: drivefs-models check --help\n", stderr);
		r = VERB_USAGE;
	} else if (c.help) {
		r = verb_show_help(&cli_check);
	} else {
		signal(SIGPIPE, SIG_IGN);
		r = (int)report_on(&c, &b);
		fputs(b.data ? b.data : "drivefs-models: no memory\n", stdout);
	}
	config_done(&c);
	return r;
}

const struct verb cli_check = {
	.name = "check",
	.usage = "[--json] [-o OPTION[,...]] FOLDER",
	.about = "what may be done there, before it is trusted",
	.help = "Say, before FOLDER is trusted with data, who Drive takes us for and what may be done there:\n"
		"identity, scopes, clock, folder, rights, storage, time of a request. Options are those of a\n"
		"mount; with -o ro nothing needs to be saved. Changes nothing.\n\n"
		"exit status: 0 all is well, 1 other failures, 2 wrong usage, 3 credentials, 4 no way to Drive,\n"
		"5 the folder cannot be reached or read, 6 nothing can be saved in it.\n\n"
		"example: drivefs-models check -o key_file=key.json 1AbCdEfGhIjKlMnOpQrStUvWxYz",
	.run = run_check,
};
