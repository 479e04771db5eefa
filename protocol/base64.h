/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648 section 4, with padding; strict when reading. */
#ifndef PROTOCOL_BASE64_H
#define PROTOCOL_BASE64_H

#include <stddef.h>

struct buffer;
struct error;

/* Bytes that len bytes take when encoded, without a NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Write BASE64_LEN(len) characters to out; no NUL is added. */
void base64_encode(const void *bytes, size_t len, char *out);

/*
 * Decode text[0..len).
 *   out      owned by the caller on 0; NUL-terminated behind its bytes
 *   returns  0, or -1 ERROR_INVALID, ERROR_SYSTEM (no memory)
 */
int base64_decode(const char *text, size_t len, char **out, size_t *out_len,
    struct error *err);

#endif
