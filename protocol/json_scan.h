/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json-c lets through even when it is strict: repeated and NUL-cut member
 * names, NaN and Infinity, single quotes, lone surrogates, over-long UTF-8, raw
 * control characters, "1.", what follows a NUL. It sees tokens, not structure;
 * json.c runs it before the parser.
 */
#ifndef PROTOCOL_JSON_SCAN_H
#define PROTOCOL_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* White space between tokens. */
static inline bool
json_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Look over bytes[0..len).
 * returns 0, or -1: ERROR_INVALID (the text names the byte, or the member that
 *         is repeated), ERROR_LIMIT (JSON_DEPTH_MAX, JSON_MEMBERS_MAX)
 */
int json_scan(const char *bytes, size_t len, struct error *err);

#endif
