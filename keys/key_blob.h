/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as SSH writes them (RFC 4253 section 6.6): which are taken, and
 * whether one is what it says. */
#ifndef KEYS_KEY_BLOB_H
#define KEYS_KEY_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define KEY_BLOB_BYTES        8192u
#define KEY_FINGERPRINT_BYTES 51u /* "SHA256:", 43 characters, NUL */

struct key_reader {
	const uint8_t *bytes; /* borrowed */
	size_t len;           /* left */
};

struct key_string {
	const uint8_t *bytes; /* borrowed */
	size_t len;
};

/* Take the next item off the front: 0, or -1 when it is not whole. */
int key_read_u32(struct key_reader *reader, uint32_t *out);
int key_read_string(struct key_reader *reader, struct key_string *out);

bool key_string_is(const struct key_string *string, const char *text);

/* Whether keys of that type are taken at all. */
bool key_type_is_known(const char *type);

/*
 * Whether bytes are exactly one public key of the type of that name, of a size
 * that is strong enough (RSA: 2048 to 16384 bits). returns  0, or -1
 * ERROR_INVALID
 */
int key_blob_check(
    const char *name, const uint8_t *bytes, size_t len, struct error *err);

/* "SHA256:...", as ssh-keygen -l prints it. */
void key_fingerprint(
    const uint8_t *bytes, size_t len, char out[KEY_FINGERPRINT_BYTES]);

#endif
