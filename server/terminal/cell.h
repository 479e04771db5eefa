/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal's screen is made of: cells in rows. A row keeps only the
 * cells up to the last one that was ever written; those behind it are blank.
 */
#ifndef SERVER_TERMINAL_CELL_H
#define SERVER_TERMINAL_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A colour: the terminal's default, one of its first 16 as SGR 30 to 37 and 90
 * to 97 name them (some terminals brighten those when bold), one of its 256, or
 * red-green-blue.
 */
#define COLOR_DEFAULT 0u
#define COLOR_INDEXED 0x01000000u /* | 0..255 */
#define COLOR_RGB     0x02000000u /* | 0xrrggbb */
#define COLOR_BASIC   0x03000000u /* | 0..15 */
#define COLOR_KIND    0xff000000u

enum attribute {
	ATTRIBUTE_BOLD = 1 << 0,
	ATTRIBUTE_DIM = 1 << 1,
	ATTRIBUTE_ITALIC = 1 << 2,
	ATTRIBUTE_BLINK = 1 << 3,
	ATTRIBUTE_REVERSE = 1 << 4,
	ATTRIBUTE_CONCEAL = 1 << 5,
	ATTRIBUTE_STRIKE = 1 << 6,
	ATTRIBUTE_OVERLINE = 1 << 7
};

enum underline {
	UNDERLINE_NONE = 0,
	UNDERLINE_SINGLE,
	UNDERLINE_DOUBLE,
	UNDERLINE_CURLY,
	UNDERLINE_DOTTED,
	UNDERLINE_DASHED,
	UNDERLINES
};

struct style {
	uint32_t fg;
	uint32_t bg;
	uint32_t underline_color;
	uint8_t attributes; /* enum attribute, or-ed */
	uint8_t underline;  /* enum underline */
	uint16_t zero;      /* so that two styles compare as bytes */
};

/* What a cell shows: 0 when erased, else a code point, and flags. */
#define GLYPH_POINT  0x001fffffu
#define GLYPH_MARKED 0x80000000u /* the row has combining marks for it */
#define GLYPH_WIDE   0x40000000u /* it covers the next cell too, */
#define GLYPH_TAIL   0x20000000u /* which is this, and nothing else */

struct cell {
	uint32_t glyph;
	uint32_t stamp; /* the generation in which it was written */
	struct style style;
};

#define MARKS_MAX 5u /* combining marks on one glyph; more are dropped */

/* The combining marks of one cell of a row. */
struct marks {
	uint16_t col;
	uint16_t count;
	uint32_t points[MARKS_MAX];
};

struct row {
	struct cell *cells; /* owned; room for the screen's columns; NULL: blank
	                     */
	struct marks *marks; /* owned; mark_count of them, by column */
	uint16_t used;       /* cells that were ever written */
	uint16_t mark_count;
	bool wrapped; /* the text goes on in the next row */
};

/* UTF-8 of a glyph with its marks. */
#define GLYPH_BYTES (4u * (MARKS_MAX + 1u))

/* One of the terminal's own colours, whose number is its lowest byte. */
bool color_is_palette(uint32_t color);

/*
 * Whether every terminal draws it alike: red-green-blue, and what is behind the
 * first 16 of the 256. Then rgb is set to 0xrrggbb.
 */
bool color_is_fixed(uint32_t color, uint32_t *rgb);

bool style_equal(const struct style *a, const struct style *b);

/*
 * A code point as UTF-8.
 *   point    of Unicode, and no surrogate
 *   returns  bytes put into out
 */
size_t point_encode(uint32_t point, char out[static 4]);

/*
 * The text of a cell.
 *   returns  bytes put into text; a blank cell is one space, a tail nothing
 */
size_t cell_text(
    const struct row *row, uint16_t col, char text[static GLYPH_BYTES]);

#endif
