/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/auth/metadata_server.h"
#include "drive/url.h"

#include <inttypes.h>
#include <string.h>

enum { CONNECTIONS = 8, CONNECTIONS_MAX = 64, DEADLINE_MS = 60000 };

static int wire_auth(struct drive *d, const struct drive_config *cfg)
{
	struct creds *creds = NULL;
	struct creds_config which = { .key_file = cfg->key_file, .token_command = cfg->token_command,
				      .subject = cfg->subject, .scope = cfg->scope, .api_root = d->root };
	struct token_config auth = { .http = d->http, .deadline_ms = d->deadline_ms, .trace = cfg->trace,
				    .trace_ctx = cfg->trace_ctx, .wait_scale_percent = d->wait_scale_percent };
	int r = creds_find(&which, &creds);
	if (r == 0 && creds->kind == CREDS_METADATA)
		r = metadata_server_find(d->http, creds, d->deadline_ms);
	if (r == 0)
		r = token_open(&auth, creds, &d->token);
	if (r < 0)
		creds_close(creds);
	return r;
}

static int wire(struct drive *d, const struct drive_config *cfg)
{
	unsigned bulk = cfg->connections_max ? cfg->connections_max : CONNECTIONS;
	struct http_config http = { .ca_file = cfg->ca_file, .trace = cfg->trace, .trace_ctx = cfg->trace_ctx,
				    .bulk_max = bulk < CONNECTIONS_MAX ? bulk : CONNECTIONS_MAX };
	int r = url_root(cfg->api_root ? cfg->api_root : CREDS_GOOGLE, &d->root);
	if (r == 0)
		r = http_open(&http, &d->http);
	if (r < 0)
		return r;
	return wire_auth(d, cfg);
}

int drive_open(const struct drive_config *cfg, struct drive **ret)
{
	struct drive *d = calloc(1, sizeof *d);
	if (!d)
		return err_nomem("the connection to Drive");
	d->deadline_ms = cfg->deadline_ms ? cfg->deadline_ms : DEADLINE_MS;
	d->wait_scale_percent = cfg->wait_scale_percent ? cfg->wait_scale_percent : 100;
	d->acknowledge_abuse = cfg->acknowledge_abuse;
	d->skew_s = CALL_NO_SKEW;
	int r = 0;
	if (cfg->units_per_minute && cfg->units_per_minute < BUDGET_MIN)
		r = err_set(-EINVAL, "%" PRIu64 " quota units a minute are too few: at least %d, or 0 for no limit",
			    cfg->units_per_minute, BUDGET_MIN);
	lock_acquire(&call_budget_lock);
	budget_init(&d->budget, cfg->units_per_minute, now_ms());
	lock_release(&call_budget_lock);
	if (r == 0)
		r = wire(d, cfg);
	if (r < 0)
		drive_close(d);
	else
		*ret = d;
	return r;
}

struct drive *drive_close(struct drive *d)
{
	if (d) {
		token_close(d->token);
		http_close(d->http);
		resource_keys_done(&d->keys);
		free(d->root);
		free(d);
	}
	return NULL;
}

const char *drive_identity(const struct drive *d) { return token_creds(d->token)->identity; }

int drive_identify(struct drive *d)
{
	struct drive_who who;
	if (token_creds(d->token)->known)
		return 0;
	int r = drive_who(d, &who);
	return r < 0 || !*who.email ? r : token_name(d->token, who.email);
}

void drive_credentials(const struct drive *d, struct buf *ret) { creds_describe(token_creds(d->token), ret); }

void drive_stats(struct drive *d, struct drive_stats *ret)
{
	struct http_stats s;
	http_stats(d->http, &s);
	*ret = (struct drive_stats){ .requests = s.requests, .bytes_in = s.bytes_in, .bytes_out = s.bytes_out };
	ret->retries = __atomic_load_n(&d->retries, __ATOMIC_RELAXED);
	ret->units = __atomic_load_n(&d->units, __ATOMIC_RELAXED);
}

void drive_use_key(struct drive *d, const char *id, const char *key) { resource_keys_learn(&d->keys, id, NULL, key); }
