/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/printable.h"

#include <stdint.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Categories Cc, Cf, Zl, Zp, variation selectors and what else is not seen. */
static const struct {
	uint32_t first;
	uint32_t last;
} unseen[] = {
    {0x0, 0x1f},
    {0x7f, 0x9f},
    {0xad, 0xad},
    {0x34f, 0x34f},
    {0x600, 0x605},
    {0x61c, 0x61c},
    {0x6dd, 0x6dd},
    {0x70f, 0x70f},
    {0x115f, 0x1160},
    {0x17b4, 0x17b5},
    {0x180b, 0x180f},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x206f},
    {0x3164, 0x3164},
    {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},
    {0xfffe, 0xffff},
    {0x110bd, 0x110cd},
    {0x13430, 0x1345f},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0x10ffff},
};

static bool
is_seen(uint32_t character)
{
	size_t i;

	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (character >= unseen[i].first && character <= unseen[i].last)
			return false;
	}
	return true;
}

void
printable_append(
    struct buffer *out, const char *text, size_t width, bool is_column)
{
	size_t left = text == NULL ? 0 : strlen(text);
	size_t count = 0;

	if (left == 0) {
		text = "-";
		left = 1;
	}
	while (left > 0 && count < width) {
		uint32_t character;
		size_t size = utf8_decode(text, left, &character);

		if (size > 0 && is_seen(character))
			(void)buffer_append(out, text, size, NULL);
		else
			(void)buffer_append(
			    out, REPLACEMENT, sizeof(REPLACEMENT) - 1, NULL);
		/* a byte that is part of none stands alone */
		text += size > 0 ? size : 1;
		left -= size > 0 ? size : 1;
		count++;
	}
	while (is_column && count++ <= width)
		(void)buffer_append(out, " ", 1, NULL);
}

void
printable_row(struct buffer *out, const char *const *fields,
    const size_t *widths, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		printable_append(out, fields[i], widths[i], i + 1 < count);
}
