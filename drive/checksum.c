/* SPDX-License-Identifier: MIT */
#include "drive/checksum.h"

#include "drive/json.h"
#include "drive/retry.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TRIES = 4, PAUSE_MS = 250, PIECE = 256 << 10 };

static int ask_sums(struct drive *d, const char *id, struct cJSON **ret)
{
	CLEANUP_CALL struct call c;
	call_init(&c, d, "GET", "/drive/v3/files/", "checksum of", id);
	c.key_of[0] = id;
	buf_printf(&c.url, "%s?supportsAllDrives=true&prettyPrint=false&fields=" JSON_FILE_FIELDS ",sha1Checksum,sha256Checksum",
		   id);
	int r = call_run(&c);
	return r < 0 ? r : json_parse(c.resp.body.data, c.resp.body.len, ret);
}

static int add_all(EVP_MD_CTX *sum, struct source *body, uint8_t *piece)
{
	for (uint64_t off = 0; off < body->size; off += PIECE) {
		size_t n = body->size - off < PIECE ? (size_t)(body->size - off) : PIECE;
		int r = cancelled() ? err_set(-EINTR, "cancelled") : source_read(body, piece, n, off);
		if (r < 0)
			return r;
		if (EVP_DigestUpdate(sum, piece, n) != 1)
			return err_set(-EIO, "checksum failed");
	}
	return 0;
}

/* Has `body` this digest? 0, CHECKSUM_OTHER or -errno. */
static int compare_sum(struct source *body, const EVP_MD *kind, const char *hex)
{
	uint8_t value[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;
	uint8_t *piece = malloc(PIECE);
	EVP_MD_CTX *sum = EVP_MD_CTX_new();
	int r = piece && sum ? 0 : err_nomem("checksum");
	if (r == 0 && EVP_DigestInit_ex(sum, kind, NULL) != 1)
		r = err_set(-EIO, "a checksum is not to be had from OpenSSL");
	if (r == 0)
		r = add_all(sum, body, piece);
	if (r == 0 && EVP_DigestFinal_ex(sum, value, &n) != 1)
		r = err_set(-EIO, "checksum failed");
	for (unsigned i = 0; i < n; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", value[i]);
	EVP_MD_CTX_free(sum);
	free(piece);
	if (r < 0)
		return r;
	return strcasecmp(text, hex) ? CHECKSUM_OTHER : 0;
}

static int by_other_sum(const struct cJSON *root, struct drive_file *f, struct source *body, const uint8_t md5[])
{
	const char *sha256 = json_str(root, "sha256Checksum"), *sha1 = json_str(root, "sha1Checksum");
	if (!sha256 && !sha1)
		return err_set(-EIO, "\"%.100s\" is in Drive with all its %llu bytes, but Drive names no checksum of them, so that "
			       "they cannot be taken for those that were sent", f->name, (unsigned long long)f->size);
	int r = compare_sum(body, sha256 ? EVP_sha256() : EVP_sha1(), sha256 ? sha256 : sha1);
	if (r)
		return r;
	f->has_md5 = true;
	memcpy(f->md5, md5, DRIVE_DIGEST_MD5);
	return 0;
}

int checksum_settle(struct drive *d, struct drive_file *f, struct source *body, const uint8_t md5[DRIVE_DIGEST_MD5])
{
	for (unsigned i = 0;; i++) {
		CLEANUP_DRIVE_FILE struct drive_file now = { 0 };
		CLEANUP_JSON struct cJSON *root = NULL;
		int r = ask_sums(d, f->id, &root);
		if (r == 0)
			r = json_file(root, &now);
		if (r < 0)
			return r;
		bool same_size = now.blob && now.size == body->size;
		if (same_size && !now.has_md5 && i + 1 < TRIES) {
			r = retry_pause(d->wait_scale_percent, (int64_t)PAUSE_MS << i);
			if (r < 0)
				return r;
			continue;
		}
		struct drive_file old = *f;
		*f = now;
		now = old;
		if (!same_size)
			return CHECKSUM_OTHER;
		return f->has_md5 ? 0 : by_other_sum(root, f, body, md5);
	}
}
