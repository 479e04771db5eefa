/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080u

/*
 * Table 3-7 of the Unicode standard: a lead byte's continuation bytes, and the
 * range of the first of them (the others are always 0x80..0xbf).
 */
struct form {
	uint8_t lead_min, lead_max;
	uint8_t more;
	uint8_t next_min, next_max;
};

static const struct form forms[] = {
    {0xc2, 0xdf, 1, 0x80, 0xbf},
    {0xe0, 0xe0, 2, 0xa0, 0xbf},
    {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f},
    {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf},
    {0xf1, 0xf3, 3, 0x80, 0xbf},
    {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct form *
form_of(uint8_t lead)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (lead >= forms[i].lead_min && lead <= forms[i].lead_max)
			return &forms[i];
	}
	return NULL;
}

/* Bytes of the character at the front; 0 for none. *cut: the end came first. */
static size_t
character(const uint8_t *bytes, size_t len, bool *cut)
{
	const struct form *form = form_of(bytes[0]);
	size_t i;

	if (form == NULL)
		return 0;
	for (i = 1; i <= form->more && i < len; i++) {
		uint8_t min = i == 1 ? form->next_min : 0x80;
		uint8_t max = i == 1 ? form->next_max : 0xbf;

		if (bytes[i] < min || bytes[i] > max)
			return 0;
	}
	*cut = i <= form->more;
	return *cut ? 0 : i;
}

static size_t
ascii_prefix(const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	uint64_t word;

	while (len - at >= sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		if ((word & HIGH_BITS) != 0)
			break;
		at += sizeof(word);
	}
	while (at < len && bytes[at] < 0x80)
		at++;
	return at;
}

size_t
utf8_valid_prefix(const char *bytes, size_t len, size_t *partial)
{
	const uint8_t *in = (const uint8_t *)bytes;
	bool cut = false;
	size_t at = 0;
	size_t step;

	for (;;) {
		at += ascii_prefix(in + at, len - at);
		if (at == len)
			break;
		step = character(in + at, len - at, &cut);
		if (step == 0)
			break;
		at += step;
	}
	*partial = cut ? len - at : 0;
	return at;
}

bool
utf8_is_valid(const char *bytes, size_t len)
{
	size_t partial;

	return utf8_valid_prefix(bytes, len, &partial) == len;
}

size_t
utf8_decode(const char *bytes, size_t len, uint32_t *point)
{
	static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const uint8_t *in = (const uint8_t *)bytes;
	bool cut = false;
	size_t size = in[0] < 0x80 ? 1 : character(in, len, &cut);
	uint32_t value = in[0] & lead_bits[size];
	size_t i;

	if (size == 0)
		return 0;
	for (i = 1; i < size; i++)
		value = value << 6 | (in[i] & 0x3fu);
	*point = value;
	return size;
}
