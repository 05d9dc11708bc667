/* SPDX-License-Identifier: MIT */
/* The metadata server of a virtual machine at Google: tokens for the machine's service account. Asked
 * directly, never through a proxy, and believed only where it says "Metadata-Flavor: Google". */
#ifndef DFM_DRIVE_AUTH_METADATA_SERVER_H
#define DFM_DRIVE_AUTH_METADATA_SERVER_H
#include "drive/auth/creds.h"
#include "drive/error.h"
#include "drive/http.h"

/* Is there one? Three tries of $GCE_METADATA_TIMEOUT s (3) each, within the
 * deadline, since the first may find a server that is just starting; then c->identity is the account's e-mail.
 * -ENOENT: there is none, with all that could be done instead. */
MUST_CHECK int metadata_server_find(struct http *h, struct creds *c, int64_t deadline_ms);
/* Asks for a token; as grant_post(). */
MUST_CHECK int metadata_server_ask(struct http *h, const struct creds *c, int64_t end_at_ms, int64_t stall_ms,
			    struct http_response *resp, struct drive_error *ret_error);
#endif
