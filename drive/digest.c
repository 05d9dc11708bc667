/* SPDX-License-Identifier: MIT */
#include "drive/digest.h"

#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *sum, *copy;
};

struct digest *digest_close(struct digest *g)
{
	if (g) {
		EVP_MD_CTX_free(g->sum);
		EVP_MD_CTX_free(g->copy);
		free(g);
	}
	return NULL;
}

int digest_reset(struct digest *g)
{
	if (EVP_DigestInit_ex(g->sum, EVP_md5(), NULL) != 1)
		return err_set(-EIO, "MD5 is not to be had from OpenSSL (FIPS mode?)");
	return 0;
}

int digest_open(struct digest **ret)
{
	struct digest *g = calloc(1, sizeof *g);
	if (g) {
		g->sum = EVP_MD_CTX_new();
		g->copy = EVP_MD_CTX_new();
	}
	if (!g || !g->sum || !g->copy) {
		digest_close(g);
		return err_set(-ENOMEM, "MD5: no memory");
	}
	int r = digest_reset(g);
	if (r < 0) {
		digest_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

int digest_add(struct digest *g, const void *data, size_t n)
{
	return EVP_DigestUpdate(g->sum, data, n) == 1 ? 0 : err_set(-EIO, "MD5 failed");
}

int digest_value(const struct digest *g, uint8_t ret[DRIVE_DIGEST_MD5])
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
