/* SPDX-License-Identifier: MIT */
#include "drive/auth/jwt.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

struct jwt_key {
	EVP_PKEY *pkey;
};

struct jwt_key *jwt_key_close(struct jwt_key *k)
{
	if (k) {
		EVP_PKEY_free(k->pkey);
		free(k);
	}
	return NULL;
}

/* Without this OpenSSL would ask for a passphrase at the terminal. */
static int no_passphrase(char *text, int size, int rwflag, void *ctx)
{
	(void)text, (void)size, (void)rwflag, (void)ctx;
	return -1;
}

int jwt_key_open(const char *pem, struct jwt_key **ret)
{
	size_t n = strlen(pem);
	BIO *bio = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	if (!pkey || EVP_PKEY_base_id(pkey) != EVP_PKEY_RSA) {
		EVP_PKEY_free(pkey);
		return err_set(-EBADMSG, "private_key is not an RSA key in PEM without a passphrase");
	}
	struct jwt_key *k = malloc(sizeof *k);
	if (!k) {
		EVP_PKEY_free(pkey);
		return err_nomem("a signature");
	}
	k->pkey = pkey;
	*ret = k;
	return 0;
}

void jwt_base64url(struct buf *b, const void *data, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *p = data;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < n)
			v |= p[i + 2];
		for (unsigned j = 0; j < 4 && i + j <= n; j++)
			buf_byte(b, (unsigned char)digits[v >> (18 - 6 * j) & 63]);
	}
}

static void add_string(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, ",\"%s\":", key);
	buf_json(b, value);
}

void jwt_unsigned(struct buf *b, const struct jwt_claims *c)
{
	CLEANUP_BUF struct buf part = BUF_INIT(16384);
	buf_str(&part, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
	if (c->key_id)
		add_string(&part, "kid", c->key_id);
	buf_byte(&part, '}');
	jwt_base64url(b, part.data, part.len);
	bool failed = part.failed;
	buf_reset(&part);
	buf_printf(&part, "{\"iat\":%" PRId64 ",\"exp\":%" PRId64, c->issued_s, c->expires_s);
	add_string(&part, "iss", c->issuer);
	add_string(&part, "scope", c->scope);
	add_string(&part, "aud", c->audience);
	if (c->subject)
		add_string(&part, "sub", c->subject);
	buf_byte(&part, '}');
	buf_byte(b, '.');
	jwt_base64url(b, part.data, part.len);
	b->failed |= failed || part.failed;
}

int jwt_sign(const struct jwt_key *k, const struct jwt_claims *c, struct buf *ret)
{
	size_t start = ret->len, n = 0;
	jwt_unsigned(ret, c);
	int r = buf_check(ret, "token request");
	if (r < 0)
		return r;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[1024]; /* RSA up to 8192 bits */
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		  EVP_DigestSign(ctx, NULL, &n, (const uint8_t *)ret->data + start, ret->len - start) == 1 &&
		  n <= sizeof sig &&
		  EVP_DigestSign(ctx, sig, &n, (const uint8_t *)ret->data + start, ret->len - start) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(-EIO, "the private key cannot sign (RS256)");
	buf_byte(ret, '.');
	jwt_base64url(ret, sig, n);
	return buf_check(ret, "token request");
}
