/* SPDX-License-Identifier: MIT */
#include "fs/config.h"

#include "fs/spell.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum kind { TEXT, NUMBER, BYTES, OCTAL, FLAG };

static const struct option {
	const char *name, *hint;
	enum kind kind;
	size_t offset;
	const char *fallback;	/* as written by a user; NULL: unset */
	uint64_t min, max;
	const char *help;	/* NULL: not shown; such rows come last */
} options[] = {
#define FIELD(f) offsetof(struct config, f)
	{ "key_file", "FILE", TEXT, FIELD(key_file), NULL, 0, 0,
	  "a service account's key, or a user's login (default: $GOOGLE_APPLICATION_CREDENTIALS, else that of"
	  " `drivefs-models auth login`, of gcloud, or of this virtual machine)" },
	{ "token_command", "COMMAND", TEXT, FIELD(token_command), NULL, 0, 0,
	  "sh -c COMMAND prints an access token, or JSON with access_token and expires_in; instead of key_file" },
	{ "subject", "EMAIL", TEXT, FIELD(subject), NULL, 0, 0,
	  "the user whom the service account acts for (domain-wide delegation)" },
	{ "scope", "SCOPE", TEXT, FIELD(scope), NULL, 0, 0,
	  "drive or drive.readonly: what a token is asked for (default: drive, or all that a login grants)" },
	{ "cache_dir", "DIR", TEXT, FIELD(cache_dir), NULL, 0, 0,
	  "cache folder, one process at a time (default: one per identity and FOLDER below"
	  " $XDG_CACHE_HOME/drivefs-models or ~/.cache/drivefs-models)" },
	{ "cache_size", "BYTES", BYTES, FIELD(cache_size), "10G", 64u << 20, UINT64_MAX >> 1,
	  "most bytes of models kept in the cache; K, M, G, T" },
	{ "log_file", "FILE", TEXT, FIELD(log_file), NULL, 0, 0,
	  "append the log to FILE (default: stderr with -f, else syslog)" },
	{ "uid", "UID", NUMBER, FIELD(uid), NULL, 0, UINT32_MAX - 1,
	  "the number of the user whom all files belong to (default: who mounts)" },
	{ "gid", "GID", NUMBER, FIELD(gid), NULL, 0, UINT32_MAX - 1,
	  "the number of the group that all files belong to (default: that of who mounts)" },
	{ "umask", "OCTAL", OCTAL, FIELD(umask), "022", 0, 0777,
	  "rights that nobody has: folders are 777 without these, files 666" },
	{ "google_docs", "hide|link", TEXT, FIELD(google_docs), "hide", 0, 0,
	  "Google Docs, Sheets ...: not shown, or each as a small file NAME.desktop that opens it in the browser" },
	{ "shortcuts", "link|follow|write", TEXT, FIELD(shortcuts), "link", 0, 0,
	  "shortcuts are symbolic links, or show what they lead to; and whether that is changed by that way" },
	{ "poll", "SECONDS", NUMBER, FIELD(poll), "10", 1, 86400,
	  "time between two looks at Drive's change feed" },
	{ "connections", "N", NUMBER, FIELD(connections), "8", 1, 64,
	  "transfers of file contents at once" },
	{ "deadline", "SECONDS", NUMBER, FIELD(deadline), "30", 1, 3600,
	  "give up a metadata request after this time, a download after as long without a byte" },
	{ "upload_deadline", "SECONDS", NUMBER, FIELD(upload_deadline), "300", 1, 86400,
	  "fail close() after this time without an acknowledged byte" },
	{ "drain", "SECONDS", NUMBER, FIELD(drain), "20", 0, 86400,
	  "after SIGTERM or SIGINT, and after an unmount, wait as long for what is being saved; a second signal ends that" },
	{ "acknowledge_abuse", "", FLAG, FIELD(acknowledge_abuse), NULL, 0, 0,
	  "download also what Drive takes for malware or spam, where it lets this identity" },
	{ "strict", "", FLAG, FIELD(strict), NULL, 0, 0,
	  "refuse chown and chmod, which Drive cannot keep, instead of passing over them" },
	{ "api_root", "URL", TEXT, FIELD(api_root), NULL, 0, 0,
	  "another endpoint than https://www.googleapis.com (a local Drive)" },
	{ "ca_file", "FILE", TEXT, FIELD(ca_file), NULL, 0, 0,
	  "trust the certificates in FILE (PEM) instead of the system's" },
	{ "quota_units_per_minute", "UNITS", NUMBER, FIELD(quota_units), "325000", 0, UINT32_MAX,
	  "stay below this part of Drive's quota (a download costs 200, a listing 100, an edit 50); 0: no limit" },
	{ "wait_scale", "PERCENT", NUMBER, FIELD(wait_scale), "100", 1, 100, NULL },
#undef FIELD
};
enum { OPTIONS = sizeof options / sizeof *options };

const char *config_option(size_t i) { return i < OPTIONS && options[i].help ? options[i].name : NULL; }

/* What libfuse and the kernel take: their own answer to anything else would come after Drive was asked. */
static const struct { const char *name; bool number, text; } fuse_options[] = {
	{ "ro", 0, 0 }, { "rw", 0, 0 }, { "suid", 0, 0 }, { "nosuid", 0, 0 }, { "dev", 0, 0 }, { "nodev", 0, 0 }, { "exec", 0, 0 },
	{ "noexec", 0, 0 }, { "async", 0, 0 }, { "sync", 0, 0 }, { "dirsync", 0, 0 }, { "atime", 0, 0 }, { "noatime", 0, 0 },
	{ "allow_other", 0, 0 }, { "allow_root", 0, 0 }, { "auto_unmount", 0, 0 }, { "default_permissions", 0, 0 },
	{ "debug", 0, 0 }, { "max_read", 1, 0 }, { "fsname", 0, 1 }, { "subtype", 0, 1 },
};
enum { FUSE_OPTIONS = sizeof fuse_options / sizeof *fuse_options };

/* Words of an fstab that are meant for mount(8) or systemd, or that mean nothing here. */
static bool is_for_others(const char *text)
{
	static const char *const words[] = {
		"defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev", "relatime",
		"norelatime", "strictatime", "nostrictatime", "diratime", "nodiratime", "lazytime", "nolazytime",
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(text, words[i]))
			return true;
	return !strncmp(text, "x-", 2) || !strncmp(text, "comment=", 8);
}

static int set_text(char **to, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return err_set(-ENOMEM, "no memory for the command line");
	free(*to);
	*to = copy;
	return 0;
}

/* "512M" with BYTES, "30" with NUMBER, "022" with OCTAL. */
static int set_number(const struct option *o, uint64_t *to, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, o->kind == OCTAL ? 8 : 10);
	bool ok = !errno && isdigit((unsigned char)text[0]);
	if (ok && o->kind == BYTES && *end) {
		const char *at = strchr("KMGT", toupper((unsigned char)*end));
		unsigned shift = at ? 10 * (unsigned)(at - "KMGT" + 1) : 0;
		ok = at && n <= UINT64_MAX >> shift;
		n = ok ? n << shift : 0;
		end++;
	}
	if (o->kind == OCTAL && (!ok || *end || n > o->max))
		return err_set(-EINVAL, "%s=%s: not an octal number from 0 to %llo", o->name, text, (unsigned long long)o->max);
	if (!ok || *end || n < o->min || n > o->max)
		return err_set(-EINVAL, "%s=%s: not a number from %llu to %llu%s", o->name, text,
			       (unsigned long long)o->min, (unsigned long long)o->max,
			       o->kind == BYTES ? " (K, M, G, T may follow)" : "");
	*to = n;
	return 0;
}

/* Is `value` one of "a|b|c"? */
static bool is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);
	for (const char *s = strchr(value, '|') ? NULL : choices; s; s = strchr(s, '|'), s += s != NULL)
		if (strncmp(s, value, n) == 0 && (!s[n] || s[n] == '|'))
			return true;
	return false;
}

static int set_option(struct config *c, const struct option *o, const char *value)
{
	void *field = (char *)c + o->offset;
	if (o->kind == FLAG && value)
		return err_set(-EINVAL, "-o %s takes no value", o->name);
	if (o->kind == FLAG) {
		*(bool *)field = true;
		return 0;
	}
	if (!value || !*value)
		return err_set(-EINVAL, "-o %s needs a value: %s=%s", o->name, o->name, o->hint);
	if (strchr(o->hint, '|') && !is_choice(o->hint, value))
		return err_set(-EINVAL, "-o %s=%s: it is one of %s", o->name, value, o->hint);
	return o->kind == TEXT ? set_text(field, value) : set_number(o, field, value);
}

static int keep_fuse_option(struct config *c, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	if (c->fuse_options)
		buf_printf(&b, "%s,", c->fuse_options);
	buf_str(&b, text);
	char *joined = buf_take(&b);
	if (!joined)
		return err_set(-ENOMEM, "no memory for the command line");
	free(c->fuse_options);
	c->fuse_options = joined;
	return 0;
}

/* What is not ours has to be known to libfuse, with a value or without. */
static int fuse_option(struct config *c, const char *text, const char *name)
{
	const char *value = strchr(text, '=');
	for (size_t i = 0; i < FUSE_OPTIONS; i++) {
		if (strcmp(fuse_options[i].name, name) != 0)
			continue;
		bool wants = fuse_options[i].number || fuse_options[i].text;
		if (wants && (!value || !value[1]))
			return err_set(-EINVAL, "-o %s needs a value: %s=...", name, name);
		if (value && (!wants || (fuse_options[i].number && value[1 + strspn(value + 1, "0123456789")])))
			return err_set(-EINVAL, "-o %s: %s", text, wants ? "not a number" : "it takes no value");
		return keep_fuse_option(c, text);
	}
	struct spell s = SPELL_INIT(name);
	for (size_t i = 0; i < OPTIONS; i++)
		spell_try(&s, options[i].help ? options[i].name : "");
	for (size_t i = 0; i < FUSE_OPTIONS; i++)
		spell_try(&s, fuse_options[i].name);
	return err_set(-EINVAL, "-o %.80s: there is no such option%s%s%s", name, s.best ? "; did you mean " : "",
		       s.best ? s.best : "", s.best ? "?" : "");
}

/* One "name" or "name=value" of -o. */
static int one_option(struct config *c, char *text)
{
	char *value = strchr(text, '=');
	size_t n = value ? (size_t)(value - text) : strlen(text);
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == n && strncmp(options[i].name, text, n) == 0)
			return set_option(c, &options[i], value ? value + 1 : NULL);
	if (!strcmp(text, "ro") || !strcmp(text, "rw"))
		c->read_only = text[1] == 'o';
	if (!n || is_for_others(text))
		return 0;
	CLEANUP_FREE char *name = strndup(text, n);
	return name ? fuse_option(c, text, name) : err_set(-ENOMEM, "no memory for the command line");
}

/* "a,b=c\,d": a backslash keeps a comma, as libfuse has it. */
static int option_list(struct config *c, const char *list)
{
	CLEANUP_FREE char *one = malloc(strlen(list) + 1);
	if (!one)
		return err_set(-ENOMEM, "no memory for the command line");
	for (size_t n = 0;; list++) {
		if (*list && *list != ',') {
			list += *list == '\\' && list[1] == ',';
			one[n++] = *list;
			continue;
		}
		one[n] = 0;
		int r = one_option(c, one);
		if (r || !*list)
			return r;
		n = 0;
	}
}

static int set_defaults(struct config *c)
{
	c->uid = geteuid();
	c->gid = getegid();
	for (size_t i = 0; i < OPTIONS; i++) {
		int r = options[i].fallback ? set_option(c, &options[i], options[i].fallback) : 0;
		if (r)
			return r;
	}
	return 0;
}

int config_begin(struct config *c)
{
	*c = (struct config){ 0 };
	return set_defaults(c);
}

int config_list(struct config *c, const char *list) { return option_list(c, list); }

int config_set(struct config *c, const char *name, const char *value)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (!strcmp(options[i].name, name))
			return set_option(c, &options[i], value);
	return err_set(-EINVAL, "unknown option %s", name);
}

static int one_positional(struct config *c, const char *text)
{
	if (!c->folder) {
		int r = config_is_word(text) ? err_set(-EINVAL, "FOLDER \"%s\": a word is no folder id%s", text,
				!strcasecmp(text, "root") ? "; did you mean root?" : "") : config_folder(text, &c->folder);
		return r ? r : config_folder_key(text, &c->folder_key);
	}
	if (!c->mountpoint)
		return set_text(&c->mountpoint, text);
	return err_set(-EINVAL, "\"%s\" is one argument too many: drivefs-models [OPTIONS] FOLDER MOUNTPOINT", text);
}

static int one_flag(struct config *c, const char *text)
{
	if (!strcmp(text, "-f") || !strcmp(text, "--foreground"))
		c->foreground = true;
	else if (!strcmp(text, "-d") || !strcmp(text, "--debug"))
		c->foreground = c->debug = true;
	else if (!strcmp(text, "-h") || !strcmp(text, "--help"))
		c->help = true;
	else if (!strcmp(text, "-V") || !strcmp(text, "--version"))
		c->version = true;
	else if (!strcmp(text, "--json"))
		c->json = true;
	else
		return err_set(-EINVAL, "unknown option %s", text);
	return 0;
}

static int parse_words(int first, int argc, char **argv, struct config *c)
{
	*c = (struct config){ 0 };
	int r = set_defaults(c);
	bool only_positional = false;
	for (int i = first; i < argc && !r; i++) {
		if (only_positional || argv[i][0] != '-' || !argv[i][1]) {
			r = one_positional(c, argv[i]);
		} else if (!strcmp(argv[i], "--")) {
			only_positional = true;
		} else if (!strncmp(argv[i], "-o", 2)) {
			const char *list = argv[i][2] ? argv[i] + 2 : i + 1 < argc ? argv[++i] : NULL;
			r = list ? option_list(c, list) : err_set(-EINVAL, "-o needs options behind it");
		} else {
			r = one_flag(c, argv[i]);
		}
	}
	return r;
}

int config_parse_check(int argc, char **argv, struct config *c)
{
	static const char usage[] = "drivefs-models check [--json] [-o OPTION[,...]] FOLDER";
	int r = parse_words(2, argc, argv, c);
	if (!r && !c->help && (!c->folder || c->mountpoint || c->version || c->foreground))
		r = err_set(-EINVAL, "%s: %s", c->folder ? "only FOLDER is wanted" : "no FOLDER", usage);
	return r;
}

int config_parse(int argc, char **argv, struct config *c)
{
	int r = parse_words(1, argc, argv, c);
	if (!r && c->json)
		r = err_set(-EINVAL, "--json belongs to check and status");
	if (!r && !c->help && !c->version && !c->mountpoint)
		r = err_set(-EINVAL, "%s: drivefs-models [OPTIONS] FOLDER MOUNTPOINT",
			    c->folder ? "no MOUNTPOINT" : "no FOLDER");
	return r;
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].kind == TEXT)
			free(*(char **)((char *)c + options[i].offset));
	free(c->folder);
	free(c->folder_key);
	free(c->mountpoint);
	free(c->fuse_options);
	*c = (struct config){ 0 };
}

void config_help(struct buf *b)
{
	buf_str(b,
		"FOLDER is the id of a folder or of a shared drive, its URL in the browser, or \"root\".\n"
		"close() returns 0 only when Drive has the bytes and the checksum agrees. MOUNTPOINT/saved_model/ shows each word2vec\n"
		"model as a TensorFlow SavedModel.\n"
		"\n"
		"  -f, --foreground    stay in the foreground, log to stderr\n"
		"  -d, --debug         the same, with every request in the log\n"
		"  -h, --help          this text\n"
		"  -V, --version       version of this program and of its libraries\n"
		"  -o OPTION[,...]     options of this filesystem:\n");
	for (size_t i = 0; config_option(i); i++) {
		const struct option *o = &options[i];
		buf_printf(b, "      %s%s%s\n          %s%s%s%s\n", o->name, *o->hint ? "=" : "", o->hint, o->help,
			   o->fallback ? " (default: " : "", o->fallback ? o->fallback : "", o->fallback ? ")" : "");
	}
	buf_str(b,
		"      and those of every FUSE filesystem: ro, allow_other, auto_unmount, noexec, fsname= ...\n"
		"\n"
		"example:\n"
		"  drivefs-models -o key_file=key.json 1AbCdEfGhIjKlMnOpQrStUvWxYz /mnt/models\n");
}

/* Drive's ids have 19 characters (shared drives) or more, and digits among them. */
enum { ID_MIN = 16 };

/* The id that starts at s: letters, digits, '-' and '_'. */
static size_t id_length(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')
		n++;
	return n;
}

bool config_is_word(const char *text)
{
	size_t n = id_length(text);
	return n && text[0] != '-' && !text[n] && n < ID_MIN && !strpbrk(text, "0123456789") && strcmp(text, "root") != 0;
}

int config_folder_key(const char *text, char **ret)
{
	const char *at = strstr(text, "resourcekey=");
	size_t n = at && at > text && strchr("?&", at[-1]) ? id_length(at += strlen("resourcekey=")) : 0;
	free(*ret);
	*ret = n ? strndup(at, n) : NULL;
	return n && !*ret ? err_set(-ENOMEM, "no memory for the command line") : 0;
}

int config_folder(const char *text, char **ret)
{
	static const char *const before_id[] = { "/folders/", "?id=", "&id=" };
	const char *id = text;
	if (!strncmp(text, "https://", 8) || !strncmp(text, "http://", 7)) {
		const char *at = NULL;
		for (size_t i = 0; i < 3 && !at; i++)
			if ((at = strstr(text, before_id[i])))
				id = at + strlen(before_id[i]);
		if (!at)
			return err_set(-EINVAL, "FOLDER \"%s\": a URL without a folder id; copy it from the browser, "
				       "https://drive.google.com/drive/folders/ID", text);
	}
	size_t n = id_length(id);
	if (!n || (id == text && id[n]))
		return err_set(-EINVAL, "FOLDER \"%s\": neither a folder id, nor a Drive folder URL, nor \"root\"", text);
	free(*ret);
	*ret = strndup(id, n);
	return *ret ? 0 : err_set(-ENOMEM, "no memory for the command line");
}
