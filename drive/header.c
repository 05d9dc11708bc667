/* SPDX-License-Identifier: MIT */
#include "drive/header.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WAIT_MAX_S = 86400 };	/* what a Retry-After may ask for */

/* Digits and nothing else; -1: it is none. */
static int64_t whole_number(const char *s)
{
	size_t n = strlen(s);
	return n && n <= 18 && strspn(s, "0123456789") == n ? strtoll(s, NULL, 10) : -1;
}

static int keep_value(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : err_nomem("a request");
}

/* A date counts from the answer's own, whichever comes first: our clock may be wrong. */
static void settle_retry(struct http_response *p)
{
	if (p->retry_at_s < 0)
		return;
	int64_t s = p->retry_at_s - (p->date_s >= 0 ? p->date_s : (int64_t)time(NULL));
	p->retry_after_ms = s < 0 || s > WAIT_MAX_S ? -1 : s * 1000;
}

static void take_retry(struct http_response *p, const char *value)
{
	int64_t s = whole_number(value);
	p->retry_after_ms = s >= 0 && s <= WAIT_MAX_S ? s * 1000 : -1;
	p->retry_at_s = s < 0 ? curl_getdate(value, NULL) : -1;
	settle_retry(p);
}

static int take_value(struct http_response *p, const char *name, const char *value)
{
	const struct {
		const char *name;
		char **to;
	} texts[] = {
		{ "location", &p->location }, { "content-range", &p->content_range }, { "range", &p->range },
		{ "x-goog-hash", &p->goog_hash }, { "content-encoding", &p->encoding }, { "metadata-flavor", &p->flavor },
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcasecmp(name, texts[i].name))
			return keep_value(texts[i].to, value);
	if (!strcasecmp(name, "content-length"))
		p->length = whole_number(value);
	else if (!strcasecmp(name, "retry-after"))
		take_retry(p, value);
	else if (!strcasecmp(name, "date")) {
		p->date_s = curl_getdate(value, NULL);
		settle_retry(p);
	}
	return 0;
}

int header_take(struct http_response *p, const char *data, size_t n)
{
	while (n && (data[n - 1] == '\r' || data[n - 1] == '\n' || data[n - 1] == ' ' || data[n - 1] == '\t'))
		n--;
	CLEANUP_FREE char *line = strndup(data, n);
	if (!line)
		return err_nomem("a request");
	char *colon = strchr(line, ':');
	if (!colon)
		return 0;
	*colon = 0;
	return take_value(p, line, colon + 1 + strspn(colon + 1, " \t"));
}
