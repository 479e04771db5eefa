/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/cell.h"

#include <string.h>

#include "server/terminal/row.h"

/* Of the 256 colours: a cube of 6 x 6 x 6, then greys. */
#define CUBE_FIRST 16u
#define GREY_FIRST 232u

bool
color_is_palette(uint32_t color)
{
	uint32_t kind = color & COLOR_KIND;

	return kind == COLOR_BASIC || kind == COLOR_INDEXED;
}

/* A step of the cube. */
static uint32_t
step(uint32_t n)
{
	return n == 0 ? 0 : 55 + 40 * n;
}

bool
color_is_fixed(uint32_t color, uint32_t *rgb)
{
	uint32_t n = color & ~COLOR_KIND;

	if ((color & COLOR_KIND) == COLOR_RGB) {
		*rgb = n;
		return true;
	}
	if ((color & COLOR_KIND) != COLOR_INDEXED || n < CUBE_FIRST)
		return false;
	if (n >= GREY_FIRST) {
		*rgb = (8 + 10 * (n - GREY_FIRST)) * UINT32_C(0x010101);
		return true;
	}
	n -= CUBE_FIRST;
	*rgb = step(n / 36) << 16 | step(n / 6 % 6) << 8 | step(n % 6);
	return true;
}

bool
style_equal(const struct style *a, const struct style *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

size_t
point_encode(uint32_t point, char out[static 4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

size_t
cell_text(const struct row *row, uint16_t col, char text[static GLYPH_BYTES])
{
	uint32_t glyph = col < row->used ? row->cells[col].glyph : 0;
	const struct marks *marks;
	size_t len;
	uint16_t i;

	if ((glyph & GLYPH_TAIL) != 0)
		return 0;
	if ((glyph & GLYPH_POINT) == 0) {
		text[0] = ' ';
		return 1;
	}
	len = point_encode(glyph & GLYPH_POINT, text);
	if ((glyph & GLYPH_MARKED) == 0)
		return len;
	marks = row_marks(row, col);
	for (i = 0; marks != NULL && i < marks->count; i++)
		len += point_encode(marks->points[i], text + len);
	return len;
}
