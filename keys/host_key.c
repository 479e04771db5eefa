/* SPDX-License-Identifier: Apache-2.0 */
/* The private format is OpenSSH's PROTOCOL.key. */
#include "keys/host_key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "keys/state_file.h"
#include "protocol/base64.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"

#define TYPE           "ssh-ed25519"
#define MAGIC          "openssh-key-v1" /* with its NUL */
#define BEGIN          "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END            "-----END OPENSSH PRIVATE KEY-----\n"
#define KEY_BYTES      32u
#define LINE_CHARS     70u
#define BLOCK_BYTES    8u /* the private part is padded to whole blocks */
#define COMMENT_MAX    255u
#define BLOB_MAX       1024u /* of all parts, with the longest comment */
#define TEXT_MAX       2048u /* the same in base64, with lines and markers */
#define PUBLIC_BYTES   (4 + sizeof(TYPE) - 1 + 4 + KEY_BYTES)
#define LINE_MAX_BYTES 512u
#define PATH_MAX_BYTES (LIMIT_PATH_BYTES - 16)

struct pair {
	uint8_t seed[KEY_BYTES];
	uint8_t public[KEY_BYTES];
};

/* A growing string of SSH wire format in memory that the caller wipes. */
struct writer {
	uint8_t *bytes;
	size_t len;
};

static void
put(struct writer *writer, const void *bytes, size_t len)
{
	memcpy(writer->bytes + writer->len, bytes, len);
	writer->len += len;
}

static void
put_u32(struct writer *writer, size_t value)
{
	const uint8_t bytes[4] = {(uint8_t)(value >> 24),
	    (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};

	put(writer, bytes, sizeof(bytes));
}

static void
put_string(struct writer *writer, const void *bytes, size_t len)
{
	put_u32(writer, len);
	put(writer, bytes, len);
}

static void
put_public(struct writer *writer, const uint8_t public[KEY_BYTES])
{
	put_u32(writer, PUBLIC_BYTES);
	put_string(writer, TYPE, sizeof(TYPE) - 1);
	put_string(writer, public, KEY_BYTES);
}

static int
make_pair(struct pair *pair, struct error *err)
{
	size_t seed_len = sizeof(pair->seed);
	size_t public_len = sizeof(pair->public);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bool done =
	    key != NULL &&
	    EVP_PKEY_get_raw_private_key(key, pair->seed, &seed_len) == 1 &&
	    EVP_PKEY_get_raw_public_key(key, pair->public, &public_len) == 1;

	EVP_PKEY_free(key);
	return done ? 0
	            : error_set(err, ERROR_SYSTEM,
	                  "the crypto library made no ed25519 key");
}

/* What is encrypted in a key with a passphrase. */
static int
put_private(struct writer *writer, const struct pair *pair, const char *comment,
    struct error *err)
{
	size_t start = writer->len + 4;
	uint8_t check[4];
	uint8_t pad = 1;
	size_t len;

	if (getrandom(check, sizeof(check), 0) != sizeof(check))
		return error_sys(err, "no random bytes");
	put_u32(writer, 0); /* its length, when it is known */
	put(writer, check, sizeof(check));
	put(writer, check, sizeof(check));
	put_string(writer, TYPE, sizeof(TYPE) - 1);
	put_string(writer, pair->public, KEY_BYTES);
	put_u32(writer, sizeof(pair->seed) + sizeof(pair->public));
	put(writer, pair->seed, KEY_BYTES);
	put(writer, pair->public, KEY_BYTES);
	put_string(writer, comment, strlen(comment));
	while ((writer->len - start) % BLOCK_BYTES != 0)
		put(writer, &pad, 1), pad++;
	len = writer->len - start;
	writer->len = start - 4;
	put_u32(writer, len);
	writer->len = start + len;
	return 0;
}

/* Lines of base64 between the two markers. */
static void
armour(const struct writer *blob, struct writer *out)
{
	char text[BASE64_LEN(BLOB_MAX)];
	size_t len = BASE64_LEN(blob->len);
	size_t i;

	base64_encode(blob->bytes, blob->len, text);
	put(out, BEGIN, sizeof(BEGIN) - 1);
	for (i = 0; i < len; i += LINE_CHARS) {
		put(out, text + i, len - i < LINE_CHARS ? len - i : LINE_CHARS);
		put(out, "\n", 1);
	}
	put(out, END, sizeof(END) - 1);
	explicit_bzero(text, sizeof(text));
}

static bool
is_comment(const char *comment)
{
	size_t len = strlen(comment);
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isprint((unsigned char)comment[i]))
			return false;
	}
	return len >= 1 && len <= COMMENT_MAX;
}

/* Everything that is written of a key, in memory that is wiped. */
struct texts {
	uint8_t blob[BLOB_MAX];
	uint8_t private[TEXT_MAX];
	struct pair pair;
};

static int
make_private(struct texts *texts, const char *comment, struct writer *out,
    struct error *err)
{
	struct writer blob = {texts->blob, 0};

	if (make_pair(&texts->pair, err) != 0)
		return -1;
	put(&blob, MAGIC, sizeof(MAGIC));
	put_string(&blob, "none", 4); /* cipher */
	put_string(&blob, "none", 4); /* passphrase to key */
	put_string(&blob, "", 0);
	put_u32(&blob, 1); /* keys */
	put_public(&blob, texts->pair.public);
	if (put_private(&blob, &texts->pair, comment, err) != 0)
		return -1;
	armour(&blob, out);
	return 0;
}

static void
make_public(const struct pair *pair, const char *comment, struct writer *out)
{
	uint8_t bytes[PUBLIC_BYTES + 4];
	struct writer blob = {bytes, 0};

	put_public(&blob, pair->public);
	put(out, TYPE " ", sizeof(TYPE));
	/* without the length before it, which is the private format's */
	base64_encode(bytes + 4, PUBLIC_BYTES, (char *)out->bytes + out->len);
	out->len += BASE64_LEN(PUBLIC_BYTES);
	put(out, " ", 1);
	put(out, comment, strlen(comment));
	put(out, "\n", 1);
}

static int
make(const char *path, const char *comment, struct texts *texts,
    struct error *err)
{
	uint8_t line[LINE_MAX_BYTES];
	struct writer public = {line, 0};
	struct writer private = {texts->private, 0};
	char beside[LIMIT_PATH_BYTES];

	if (make_private(texts, comment, &private, err) != 0)
		return -1;
	make_public(&texts->pair, comment, &public);
	(void)snprintf(beside, sizeof(beside), "%s.pub", path);
	/* the private key last: where it is, its .pub is, too */
	if (state_write(beside, 0644, public.bytes, public.len, err) != 0)
		return -1;
	return state_write(path, 0600, private.bytes, private.len, err);
}

int
host_key_make(const char *path, const char *comment, struct error *err)
{
	struct texts *texts;
	int result;

	if (access(path, F_OK) == 0)
		return 0;
	if (!is_comment(comment) || strlen(path) > PATH_MAX_BYTES)
		return error_set(
		    err, ERROR_INVALID, "not a path and a comment for a key");
	texts = memory_new(1, sizeof(*texts));
	result = make(path, comment, texts, err);
	explicit_bzero(texts, sizeof(*texts));
	free(texts);
	return result;
}

int
host_key_public(const char *path, char **out, struct error *err)
{
	char beside[LIMIT_PATH_BYTES];
	char line[LINE_MAX_BYTES + 1];
	autoclose int fd = -1;
	ssize_t len;

	(void)snprintf(beside, sizeof(beside), "%s.pub", path);
	fd = open(beside, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || (len = read(fd, line, sizeof(line) - 1)) < 0)
		return error_sys(err, "%s: %s", beside, strerror(errno));
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, TYPE " ", sizeof(TYPE)) != 0)
		return error_set(
		    err, ERROR_INVALID, "%s: not an " TYPE " key", beside);
	*out = memory_string(line);
	return 0;
}
