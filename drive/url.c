/* SPDX-License-Identifier: MIT */
#include "drive/url.h"

#include "drive/drive.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static bool printable(const char *s)
{
	for (; *s; s++)
		if (*s <= 0x20 || *s == 0x7f || *s == '\\')
			return false;
	return true;
}

/* "host", "host:port", "[v6]:port" of n bytes. */
static int parse_authority(const char *s, size_t n, struct url_origin *ret)
{
	const char *end = s + n, *host_end = end;
	const char *bracket = *s == '[' ? memchr(s, ']', n) : NULL;
	const char *colon = memchr(bracket ? bracket : s, ':', (size_t)(end - (bracket ? bracket : s)));
	if (colon)
		host_end = colon;
	size_t host = (size_t)(host_end - s);
	if (!host || host >= sizeof ret->host || memchr(s, '@', n) || (*s == '[' && !bracket))
		return err_set(-EINVAL, "not a URL with a plain host");
	for (size_t i = 0; i < host; i++)
		ret->host[i] = (char)tolower((unsigned char)s[i]);
	ret->host[host] = 0;
	ret->port = ret->https ? 443 : 80;
	if (!colon)
		return 0;
	unsigned port = 0;
	for (const char *p = colon + 1; p < end; p++) {
		if (*p < '0' || *p > '9' || port > 6553)
			return err_set(-EINVAL, "not a URL with a valid port");
		port = port * 10 + (unsigned)(*p - '0');
	}
	if (!port || port > 65535)
		return err_set(-EINVAL, "not a URL with a valid port");
	ret->port = port;
	return 0;
}

int url_origin(const char *url, struct url_origin *ret)
{
	memset(ret, 0, sizeof *ret);
	size_t skip = 0;
	if (!strncasecmp(url, "https://", 8))
		skip = 8;
	else if (!strncasecmp(url, "http://", 7))
		skip = 7;
	if (!skip || !printable(url))
		return err_set(-EINVAL, "not an http or https URL");
	ret->https = skip == 8;
	return parse_authority(url + skip, strcspn(url + skip, "/?#"), ret);
}

bool url_same_origin(const char *a, const char *b)
{
	struct url_origin x, y;
	if (url_origin(a, &x) || url_origin(b, &y))
		return false;
	return x.https == y.https && x.port == y.port && !strcmp(x.host, y.host);
}

bool url_allowed(const struct url_origin *o)
{
	return o->https || !strcmp(o->host, "127.0.0.1") || !strcmp(o->host, "localhost") || !strcmp(o->host, "[::1]");
}

int url_root(const char *root, char **ret)
{
	struct url_origin o;
	size_t n = strlen(root);
	int r = url_origin(root, &o);
	if (r < 0)
		return err_set(r, "api_root \"%.100s\": %s", root, err_last());
	if (!url_allowed(&o))
		return err_set(-EINVAL, "api_root \"%.100s\": https is needed, except to this machine", root);
	const char *path = strstr(root, "://") + 3;
	path += strcspn(path, "/?#");
	if (*path && strcmp(path, "/") != 0)
		return err_set(-EINVAL, "api_root \"%.100s\" must be an origin without a path", root);
	if (*path)
		n--;
	*ret = strndup(root, n);
	return *ret ? 0 : err_nomem("the connection to Drive");
}

bool url_is_loopback(const char *url)
{
	struct url_origin o;
	if (url_origin(url, &o))
		return false;
	size_t n = strlen(o.host);
	bool numbers = strspn(o.host, "0123456789.") == n && !strncmp(o.host, "127.", 4);
	return numbers || !strcmp(o.host, "localhost") || !strcmp(o.host, "[::1]");
}

bool url_is_google(const char *url)
{
	static const char domain[] = ".googleapis.com";
	struct url_origin o;
	if (url_origin(url, &o) || !o.https || o.port != 443)
		return false;
	size_t n = strlen(o.host), m = sizeof domain - 1;
	return !strcmp(o.host, domain + 1) || (n > m && !strcmp(o.host + n - m, domain));
}

bool url_id_ok(const char *id)
{
	size_t n = 0;
	for (; id[n]; n++)
		if (!unreserved((unsigned char)id[n]) || id[n] == '.' || id[n] == '~' || n == DRIVE_ID_MAX)
			return false;
	return n > 0;
}

void url_escape(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (unreserved((unsigned char)*s))
			buf_byte(b, (unsigned char)*s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

void url_trace(struct buf *b, const char *url)
{
	static const char *const shown[] = { "alt=", "uploadType=", "addParents=", "removeParents=", "q=", "count=" };
	const char *p = strstr(url, "://");
	p = p ? strchr(p + 3, '/') : NULL;
	if (!p)
		return;
	size_t n = strcspn(p, "?#&");
	buf_add(b, p, n);
	char sep = '?';
	for (p += n; *p == '?' || *p == '&'; p += n) {
		p++;
		n = strcspn(p, "?#&");
		for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
			if (strncmp(p, shown[i], strlen(shown[i])))
				continue;
			buf_byte(b, (unsigned char)sep);
			buf_add(b, p, n);
			sep = '&';
		}
	}
}
