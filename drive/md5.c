/* SPDX-License-Identifier: MIT */
#include "drive/md5.h"

#include <openssl/evp.h>
#include <string.h>

struct md5 {
	EVP_MD_CTX *sum, *copy;
};

struct md5 *md5_close(struct md5 *g)
{
	if (g) {
		EVP_MD_CTX_free(g->sum);
		EVP_MD_CTX_free(g->copy);
		free(g);
	}
	return NULL;
}

int md5_reset(struct md5 *g)
{
	if (EVP_DigestInit_ex(g->sum, EVP_md5(), NULL) != 1)
		return err_set(-EIO, "MD5 is not to be had from OpenSSL (FIPS mode?)");
	return 0;
}

int md5_open(struct md5 **ret)
{
	struct md5 *g = calloc(1, sizeof *g);
	if (g) {
		g->sum = EVP_MD_CTX_new();
		g->copy = EVP_MD_CTX_new();
	}
	if (!g || !g->sum || !g->copy) {
		md5_close(g);
		return err_nomem("a checksum");
	}
	int r = md5_reset(g);
	if (r < 0) {
		md5_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

int md5_add(struct md5 *g, const void *data, size_t n)
{
	return EVP_DigestUpdate(g->sum, data, n) == 1 ? 0 : err_set(-EIO, "MD5 failed");
}

int md5_value(const struct md5 *g, uint8_t ret[DRIVE_DIGEST_MD5])
{
	uint8_t value[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (EVP_MD_CTX_copy_ex(g->copy, g->sum) != 1 || EVP_DigestFinal_ex(g->copy, value, &n) != 1 ||
	    n != DRIVE_DIGEST_MD5)
		return err_set(-EIO, "MD5 failed");
	for (unsigned i = 0; i < n; i++)
		ret[i] = value[i];
	return 0;
}

static int add_piece(void *ctx, const void *data, size_t n) { return md5_add(ctx, data, n); }

int drive_holds(const struct drive_file *f, struct source *body, bool *ret)
{
	struct md5 *g;
	uint8_t md5[DRIVE_DIGEST_MD5];
	*ret = false;
	if (!f->has_md5 || f->size != body->size)
		return 0;
	int r = md5_open(&g);
	if (r)
		return r;
	r = source_stream(body, 0, body->size, add_piece, g);
	if (!r)
		r = md5_value(g, md5);
	md5_close(g);
	*ret = !r && memcmp(md5, f->md5, sizeof md5) == 0;
	return r;
}
