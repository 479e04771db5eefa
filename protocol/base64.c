/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NOT_A_DIGIT 0xffu

void
base64_encode(const void *bytes, size_t len, char *out)
{
	const uint8_t *in = bytes;
	uint32_t group;

	for (; len >= 3; len -= 3, in += 3, out += 4) {
		group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		out[0] = digits[group >> 18];
		out[1] = digits[group >> 12 & 63];
		out[2] = digits[group >> 6 & 63];
		out[3] = digits[group & 63];
	}
	if (len == 0)
		return;
	group = (uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0);
	out[0] = digits[group >> 18];
	out[1] = digits[group >> 12 & 63];
	out[2] = '=';
	out[3] = '=';
	if (len > 1)
		out[2] = digits[group >> 6 & 63];
}

static void
make_values(uint8_t values[256])
{
	uint8_t i;

	memset(values, NOT_A_DIGIT, 256);
	for (i = 0; i < 64; i++)
		values[(uint8_t)digits[i]] = i;
}

/* 3 bytes of 4 digits; -1 for a character that is none. */
static int
decode_group(const uint8_t values[256], const char *text, uint8_t out[3])
{
	uint32_t group = 0;
	uint8_t bad = 0;
	int i;

	for (i = 0; i < 4; i++) {
		uint8_t value = values[(uint8_t)text[i]];

		bad |= value;
		group = group << 6 | (value & 63u);
	}
	out[0] = (uint8_t)(group >> 16);
	out[1] = (uint8_t)(group >> 8);
	out[2] = (uint8_t)group;
	return bad == NOT_A_DIGIT ? -1 : 0;
}

/* The last group, with pad '=' characters that stand for no bytes. */
static int
decode_last(
    const uint8_t values[256], const char *text, size_t pad, uint8_t *out)
{
	char whole[4] = {text[0], text[1], text[2], text[3]};
	uint8_t bytes[3];
	size_t i;

	for (i = 4 - pad; i < 4; i++)
		whole[i] = 'A';
	if (decode_group(values, whole, bytes) != 0)
		return -1;
	/* bits that no byte uses must be 0: one text for one value */
	for (i = 3 - pad; i < 3; i++) {
		if (bytes[i] != 0)
			return -1;
	}
	memcpy(out, bytes, 3 - pad);
	return 0;
}

int
base64_decode(const char *text, size_t len, char **out, size_t *out_len,
    struct error *err)
{
	uint8_t values[256];
	uint8_t *bytes;
	size_t pad = 0;
	size_t at;
	int bad = 0;

	if (len % 4 != 0)
		return error_set(err, ERROR_INVALID,
		    "base64 of %zu characters, not a multiple of 4", len);
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	make_values(values);
	bytes = memory_new(1, len / 4 * 3 + 1);
	for (at = 0; at + 4 < len; at += 4)
		bad |= decode_group(values, text + at, bytes + at / 4 * 3);
	if (len > 0)
		bad |= decode_last(values, text + at, pad, bytes + at / 4 * 3);
	if (bad != 0) {
		free(bytes);
		return error_set(err, ERROR_INVALID, "not base64");
	}
	*out = (char *)bytes;
	*out_len = len / 4 * 3 - pad;
	bytes[*out_len] = '\0';
	return 0;
}
