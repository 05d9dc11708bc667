/* SPDX-License-Identifier: MIT */
#include "drive/json.h"

#include "drive/url.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GOOGLE_TYPE "application/vnd.google-apps."

/* ---- the text */
static int hex4(const char *s)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static int escape_at(const char *text, size_t n, size_t i)
{
	return i + 6 <= n && text[i] == '\\' && text[i + 1] == 'u' ? hex4(text + i + 2) : -1;
}

/* Settles the escape at text[i], a backslash; returns its length. */
static size_t tame_escape(char *text, size_t n, size_t i)
{
	int c = escape_at(text, n, i);
	if (c < 0)
		return 2; /* \n, \", \\ ... or broken: the parser will say */
	if (c == 0) {
		memcpy(text + i + 2, "fdd0", 4);
	} else if (c >= 0xd800 && c <= 0xdfff) {
		int low = escape_at(text, n, i + 6);
		if (c <= 0xdbff && low >= 0xdc00 && low <= 0xdfff)
			return 12;
		memcpy(text + i + 2, "fffd", 4);
	}
	return 6;
}

/* The length of the UTF-8 sequence at s, of at most n bytes; 0: it is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (len > 1 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
			(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return len;
}

void json_tame(char *text, size_t n)
{
	bool quoted = false;
	for (size_t i = 0, step; i < n; i += step) {
		step = 1;
		if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '\\' && quoted)
			step = tame_escape(text, n, i);
		else if ((unsigned char)text[i] >= 0x80 && !(step = sequence((unsigned char *)text + i, n - i)))
			text[i] = '?', step = 1;
	}
}

/* A tree takes some 64 bytes for each value, so that 40 MiB of "1,1,1" would become 1.7 GB: counted before.
 * Every value but the first of an array or object stands behind a comma, outside of quotes. */
static bool too_many(const char *text, size_t n)
{
	size_t values = 1;
	bool quoted = false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\\' && quoted)
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
			values++;
	}
	return values > JSON_VALUES_MAX;
}

int json_parse(const char *text, size_t n, struct cJSON **ret)
{
	if (n && memchr(text, 0, n))
		return err_set(-EBADMSG, "an answer has a zero byte where JSON should be");
	if (too_many(text, n))
		return err_set(-EBADMSG, "an answer of %zu bytes holds more than %d values", n, JSON_VALUES_MAX);
	char *copy = malloc(n + 1);
	if (!copy)
		return err_nomem("an answer");
	if (n)
		memcpy(copy, text, n);
	copy[n] = 0;
	json_tame(copy, n);
	*ret = cJSON_ParseWithLengthOpts(copy, n + 1, NULL, 1);
	free(copy);
	return *ret ? 0 : err_set(-EBADMSG, "an answer of %zu bytes is not JSON, or cut short", n);
}

void json_free(struct cJSON *root) { cJSON_Delete(root); }

/* ---- look-ups */
const struct cJSON *json_get(const struct cJSON *object, const char *key)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

const struct cJSON *json_at(const struct cJSON *array, int index)
{
	return cJSON_IsArray(array) ? cJSON_GetArrayItem(array, index) : NULL;
}

const struct cJSON *json_next(const struct cJSON *item) { return item ? item->next : NULL; }

const char *json_value(const struct cJSON *v) { return cJSON_GetStringValue(v); }

bool json_is_array(const struct cJSON *v) { return cJSON_IsArray(v); }

bool json_is_object(const struct cJSON *v) { return cJSON_IsObject(v); }

const char *json_str(const struct cJSON *object, const char *key)
{
	return cJSON_GetStringValue(json_get(object, key));
}

bool json_true(const struct cJSON *object, const char *key) { return cJSON_IsTrue(json_get(object, key)); }

bool json_u64(const struct cJSON *object, const char *key, uint64_t *ret)
{
	const struct cJSON *v = json_get(object, key);
	if (cJSON_IsNumber(v)) {
		double d = v->valuedouble;
		if (!(d >= 0 && d <= 9007199254740992.0) || d != (double)(uint64_t)d)
			return false;
		*ret = (uint64_t)d;
		return true;
	}
	const char *s = cJSON_GetStringValue(v);
	size_t n = s ? strlen(s) : 0;
	if (!n || n > 19 || strspn(s, "0123456789") != n)
		return false;
	errno = 0;
	uint64_t u = strtoull(s, NULL, 10);
	if (errno || u > INT64_MAX)
		return false;
	*ret = u;
	return true;
}

/* ---- times */
/* Days from 1970-01-01 in the proleptic Gregorian calendar: years that begin in March put the
 * leap day last, 400 of them are 146097 days. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t y = year - era * 400;
	int64_t d = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + y * 365 + y / 4 - y / 100 + d - 719468;
}

static void date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t d = days - era * 146097;
	int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	d -= 365 * y + y / 4 - y / 100;
	int64_t m = (5 * d + 2) / 153;
	*day = (unsigned)(d - (153 * m + 2) / 5 + 1);
	*month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*year = era * 400 + y + (*month <= 2);
}

static bool digits(const char **s, unsigned n, unsigned *ret)
{
	*ret = 0;
	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*ret = *ret * 10 + (unsigned)(**s - '0');
	}
	return true;
}

static bool one_of(const char **s, const char *set)
{
	if (!**s || !strchr(set, **s))
		return false;
	(*s)++;
	return true;
}

static int64_t fraction_ms(const char **s)
{
	int64_t ms = 0, unit = 100;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		ms += (**s - '0') * unit;
	return ms;
}

/* "Z" or "+hh:mm"; in minutes. */
static bool zone(const char **s, int64_t *ret)
{
	*ret = 0;
	if (one_of(s, "Zz"))
		return true;
	bool minus = **s == '-';
	unsigned h, m;
	if (!one_of(s, "+-") || !digits(s, 2, &h) || !one_of(s, ":") || !digits(s, 2, &m) || h > 23 || m > 59)
		return false;
	*ret = (int64_t)(h * 60 + m) * (minus ? -1 : 1);
	return true;
}

bool json_time_parse(const char *s, int64_t *ret_ms)
{
	unsigned y, mo, d, h, mi, sec;
	int64_t ms = 0, offset;
	if (!s || !digits(&s, 4, &y) || !one_of(&s, "-") || !digits(&s, 2, &mo) || !one_of(&s, "-") ||
	    !digits(&s, 2, &d) || !one_of(&s, "Tt ") || !digits(&s, 2, &h) || !one_of(&s, ":") ||
	    !digits(&s, 2, &mi) || !one_of(&s, ":") || !digits(&s, 2, &sec))
		return false;
	if (one_of(&s, "."))
		ms = fraction_ms(&s);
	if (!zone(&s, &offset) || *s || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60)
		return false;
	int64_t minutes = days_of(y, mo, d) * 1440 + h * 60 + mi - offset;
	*ret_ms = minutes * 60000 + (int64_t)sec * 1000 + ms;
	return true;
}

void json_time(struct buf *b, int64_t ms)
{
	const int64_t first = -62167219200000, last = 253402300799999;
	ms = ms < first ? first : ms > last ? last : ms;
	int64_t days = ms / 86400000, rest = ms % 86400000, year;
	if (rest < 0) {
		rest += 86400000;
		days--;
	}
	unsigned month, day;
	date_of(days, &year, &month, &day);
	buf_printf(b, "\"%04" PRId64 "-%02u-%02uT%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64 "Z\"", year, month,
		   day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60, rest % 1000);
}

/* ---- names */
void json_name(struct buf *b, const char *name)
{
	static const char nul[] = "\xef\xb7\x90"; /* U+FDD0 */
	CLEANUP_BUF struct buf all = BUF_INIT(1 << 20);
	buf_json(&all, name);
	CLEANUP_FREE char *text = buf_take(&all);
	if (!text)
		b->failed = true;
	for (const char *s = text, *at; s; s = at ? at + strlen(nul) : NULL) {
		at = strstr(s, nul);
		buf_add(b, s, at ? (size_t)(at - s) : strlen(s));
		if (at)
			buf_str(b, "\\u0000");
	}
}

/* ---- files */
void drive_file_done(struct drive_file *f)
{
	free(f->name);
	free(f->description);
	free(f->mime);
	free(f->key);
	free(f->target_key);
	memset(f, 0, sizeof *f);
}

/* "" when there is none or it cannot be an id. */
static void copy_id(char to[DRIVE_ID_MAX + 1], const char *from)
{
	to[0] = 0;
	if (from && url_id_ok(from))
		memcpy(to, from, strlen(from) + 1);
}

static bool md5_of(const char *hex, uint8_t ret[DRIVE_DIGEST_MD5])
{
	if (!hex || strlen(hex) != 2 * DRIVE_DIGEST_MD5)
		return false;
	for (unsigned i = 0; i < DRIVE_DIGEST_MD5; i += 2) {
		int v = hex4(hex + 2 * i);
		if (v < 0)
			return false;
		ret[i] = (uint8_t)(v >> 8);
		ret[i + 1] = (uint8_t)v;
	}
	return true;
}

/* A resource key, to be sent in a header; NULL where there is none. */
static int copy_key(char **to, const char *from)
{
	*to = from && url_id_ok(from) ? strdup(from) : NULL;
	return *to || !from || !url_id_ok(from) ? 0 : err_nomem("a file");
}

static int copy_shortcut(const struct cJSON *o, struct drive_file *f)
{
	const struct cJSON *details = json_get(o, "shortcutDetails");
	const char *type = json_str(details, "targetMimeType");
	if (strcmp(f->mime, GOOGLE_TYPE "shortcut") != 0)
		return 0;
	copy_id(f->target, json_str(details, "targetId"));
	f->target_folder = type && !strcmp(type, GOOGLE_TYPE "folder");
	/* A shortcut to a document is as good as the document. */
	f->doc = type && !f->target_folder && !strncmp(type, GOOGLE_TYPE, strlen(GOOGLE_TYPE)) &&
		 strcmp(type, GOOGLE_TYPE "shortcut") != 0;
	return copy_key(&f->target_key, json_str(details, "targetResourceKey"));
}

static int copy_strings(const struct cJSON *o, struct drive_file *f)
{
	const char *name = json_str(o, "name"), *mime = json_str(o, "mimeType"), *text = json_str(o, "description");
	f->name = strdup(name ? name : "Untitled");
	f->mime = strdup(mime ? mime : "application/octet-stream");
	f->description = text && *text ? strdup(text) : NULL;
	if (f->name && f->mime && (f->description || !text || !*text))
		return 0;
	return err_nomem("a file");
}

/* What stands for the version of a file's bytes: where Drive does not name their revision, their
 * digest. No id has a '~', so that nobody asks Drive for a revision of that name. */
static void name_revision(const struct cJSON *o, struct drive_file *f)
{
	copy_id(f->revision, json_str(o, "headRevisionId"));
	if (!f->revision[0] && f->has_md5)
		snprintf(f->revision, sizeof f->revision, "~%.32s", json_str(o, "md5Checksum"));
	else if (!f->revision[0])
		snprintf(f->revision, sizeof f->revision, "~%" PRIu64, f->version);
}

static void copy_kind(const struct cJSON *o, struct drive_file *f)
{
	uint64_t size = 0;
	bool sized = json_u64(o, "size", &size);
	f->folder = !strcmp(f->mime, GOOGLE_TYPE "folder");
	f->has_md5 = md5_of(json_str(o, "md5Checksum"), f->md5);
	/* Documents have a size too, but no bytes; only what has bytes has an MD5. */
	f->blob = sized && (f->has_md5 || strncmp(f->mime, GOOGLE_TYPE, strlen(GOOGLE_TYPE)) != 0);
	f->doc |= !f->blob && !f->folder && !strncmp(f->mime, GOOGLE_TYPE, strlen(GOOGLE_TYPE)) &&
		 strcmp(f->mime, GOOGLE_TYPE "shortcut") != 0;
	f->size = f->blob ? size : 0;
	if (f->blob)
		name_revision(o, f);
}

/* Somebody has locked its content, for the time being. */
static bool is_locked(const struct cJSON *o, const struct cJSON *caps)
{
	const struct cJSON *may = json_get(caps, "canModifyContent");
	for (const struct cJSON *i = json_at(json_get(o, "contentRestrictions"), 0); i; i = i->next)
		if (json_true(i, "readOnly"))
			return true;
	return may && !cJSON_IsTrue(may);
}

int json_file(const struct cJSON *o, struct drive_file *ret)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	copy_id(f.id, json_str(o, "id"));
	if (!f.id[0])
		return err_set(-EBADMSG, "a file without an id");
	int r = copy_strings(o, &f);
	if (r == 0)
		r = copy_shortcut(o, &f);
	if (r == 0)
		r = copy_key(&f.key, json_str(o, "resourceKey"));
	if (r < 0)
		return r;
	copy_id(f.parent, cJSON_GetStringValue(json_at(json_get(o, "parents"), 0)));
	copy_id(f.drive, json_str(o, "driveId"));
	if (!json_u64(o, "version", &f.version))
		f.version = 0;
	copy_kind(o, &f);
	if (!json_time_parse(json_str(o, "modifiedTime"), &f.mtime_ms))
		f.mtime_ms = 0;
	if (!json_time_parse(json_str(o, "createdTime"), &f.created_ms))
		f.created_ms = f.mtime_ms;
	f.trashed = json_true(o, "trashed");
	const struct cJSON *caps = json_get(o, "capabilities");
	f.can_edit = (!json_get(caps, "canEdit") || json_true(caps, "canEdit")) && (f.folder || !is_locked(o, caps));
	*ret = f;
	memset(&f, 0, sizeof f);
	return 0;
}

int json_file_text(const char *text, size_t n, struct drive_file *ret)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	int r = json_parse(text, n, &root);
	return r < 0 ? r : json_file(root, ret);
}
