/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/key_blob.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#include "protocol/base64.h"
#include "protocol/error.h"

#define RSA_BITS_MIN 2048u
#define RSA_BITS_MAX 16384u
#define DIGEST_BYTES 32u

/* What follows the type's name in a key of that type. */
static const struct type {
	const char *name;
	const char *curve; /* NULL: none is named */
	size_t point;      /* bytes of the public point; 0: RSA's e and n */
	bool application;  /* a security key's, last */
} types[] = {
    {"ssh-ed25519", NULL, 32, false},
    {"ecdsa-sha2-nistp256", "nistp256", 65, false},
    {"ecdsa-sha2-nistp384", "nistp384", 97, false},
    {"ecdsa-sha2-nistp521", "nistp521", 133, false},
    {"ssh-rsa", NULL, 0, false},
    {"sk-ssh-ed25519@openssh.com", NULL, 32, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", 65, true},
};

static const struct type *
find_type(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

int
key_read_u32(struct key_reader *reader, uint32_t *out)
{
	const uint8_t *at = reader->bytes;

	if (reader->len < 4)
		return -1;
	*out = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
	reader->bytes += 4;
	reader->len -= 4;
	return 0;
}

int
key_read_string(struct key_reader *reader, struct key_string *out)
{
	struct key_reader rest = *reader;
	uint32_t len;

	if (key_read_u32(&rest, &len) != 0 || len > rest.len)
		return -1;
	out->bytes = rest.bytes;
	out->len = len;
	reader->bytes = rest.bytes + len;
	reader->len = rest.len - len;
	return 0;
}

bool
key_string_is(const struct key_string *string, const char *text)
{
	return string->len == strlen(text) &&
	       memcmp(string->bytes, text, string->len) == 0;
}

bool
key_type_is_known(const char *type)
{
	return find_type(type) != NULL;
}

/* A positive mpint in its shortest form; its size in bits, or 0. */
static unsigned
mpint_bits(const struct key_string *number)
{
	const uint8_t *bytes = number->bytes;
	size_t len = number->len;
	unsigned bits;
	unsigned top;

	if (len == 0 || len > KEY_BLOB_BYTES || (bytes[0] & 0x80) != 0)
		return 0;
	if (bytes[0] == 0) {
		if (len == 1 || (bytes[1] & 0x80) == 0)
			return 0;
		bytes++;
		len--;
	}
	bits = (unsigned)(len - 1) * 8;
	for (top = bytes[0]; top != 0; top >>= 1)
		bits++;
	return bits;
}

static int
check_rsa(struct key_reader *reader, struct error *err)
{
	struct key_string exponent;
	struct key_string modulus;
	unsigned bits;

	if (key_read_string(reader, &exponent) != 0 ||
	    key_read_string(reader, &modulus) != 0)
		return error_set(err, ERROR_INVALID, "the RSA key is cut off");
	bits = mpint_bits(&modulus);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return error_set(err, ERROR_INVALID,
		    "an RSA key of %u bits, not %u to %u", bits, RSA_BITS_MIN,
		    RSA_BITS_MAX);
	bits = mpint_bits(&exponent);
	if (bits < 2 || bits > 64 ||
	    (exponent.bytes[exponent.len - 1] & 1) == 0)
		return error_set(
		    err, ERROR_INVALID, "an RSA key with a bad exponent");
	return 0;
}

static int
check_point(
    const struct type *type, struct key_reader *reader, struct error *err)
{
	struct key_string item;

	if (type->curve != NULL && (key_read_string(reader, &item) != 0 ||
	                               !key_string_is(&item, type->curve)))
		return error_set(err, ERROR_INVALID,
		    "the key's curve is not %s", type->curve);
	if (key_read_string(reader, &item) != 0 || item.len != type->point)
		return error_set(err, ERROR_INVALID,
		    "the key is not of %zu bytes", type->point);
	if (type->curve != NULL && item.bytes[0] != 4)
		return error_set(
		    err, ERROR_INVALID, "the key's point is compressed");
	if (type->application &&
	    (key_read_string(reader, &item) != 0 || item.len == 0))
		return error_set(
		    err, ERROR_INVALID, "the key names no application");
	return 0;
}

int
key_blob_check(
    const char *name, const uint8_t *bytes, size_t len, struct error *err)
{
	const struct type *type = find_type(name);
	struct key_reader reader = {bytes, len};
	struct key_string inner;
	int result;

	if (type == NULL)
		return error_set(err, ERROR_INVALID,
		    "keys of type \"%.40s\" are not taken", name);
	if (len > KEY_BLOB_BYTES)
		return error_set(err, ERROR_INVALID,
		    "a key of %zu bytes, more than %u", len, KEY_BLOB_BYTES);
	if (key_read_string(&reader, &inner) != 0 ||
	    !key_string_is(&inner, name))
		return error_set(err, ERROR_INVALID,
		    "the key is not the %s that its line says", name);
	result = type->point == 0 ? check_rsa(&reader, err)
	                          : check_point(type, &reader, err);
	if (result == 0 && reader.len > 0)
		return error_set(
		    err, ERROR_INVALID, "%zu bytes follow the key", reader.len);
	return result;
}

void
key_fingerprint(
    const uint8_t *bytes, size_t len, char out[KEY_FINGERPRINT_BYTES])
{
	uint8_t digest[DIGEST_BYTES];
	char text[BASE64_LEN(DIGEST_BYTES)];
	int done = EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL);

	assert(done == 1);
	base64_encode(digest, sizeof(digest), text);
	memcpy(out, "SHA256:", 7);
	/* without the one '=' at the end */
	memcpy(out + 7, text, sizeof(text) - 1);
	out[7 + sizeof(text) - 1] = '\0';
}
