/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no surrogates, no over-long forms. */
#ifndef PROTOCOL_UTF8_H
#define PROTOCOL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether all of bytes[0..len) is valid. */
bool utf8_is_valid(const char *bytes, size_t len);

/*
 * How many bytes at the front are whole valid characters.
 *   partial  set to the length (1..3) of a valid character's beginning that the
 *            end of bytes cuts off, else 0
 */
size_t utf8_valid_prefix(const char *bytes, size_t len, size_t *partial);

/*
 * The character at the front of bytes, of which there is one at least.
 *   point    set to its number
 *   returns  its length, 1..4; 0: what stands there is none
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *point);

#endif
