/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/sgr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/terminal/parser.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

#define CODE_UNDERLINE     4
#define CODE_FG            38
#define CODE_BG            48
#define CODE_UNDERLINED    58
#define COLOR_KIND_RGB     2
#define COLOR_KIND_INDEXED 5

/* What a code takes from the attributes, and what it adds. */
static const struct {
	uint8_t clears;
	uint8_t sets;
} switches[] = {
    [1] = {0, ATTRIBUTE_BOLD},
    [2] = {0, ATTRIBUTE_DIM},
    [3] = {0, ATTRIBUTE_ITALIC},
    [5] = {0, ATTRIBUTE_BLINK},
    [6] = {0, ATTRIBUTE_BLINK},
    [7] = {0, ATTRIBUTE_REVERSE},
    [8] = {0, ATTRIBUTE_CONCEAL},
    [9] = {0, ATTRIBUTE_STRIKE},
    [22] = {ATTRIBUTE_BOLD | ATTRIBUTE_DIM, 0},
    [23] = {ATTRIBUTE_ITALIC, 0},
    [25] = {ATTRIBUTE_BLINK, 0},
    [27] = {ATTRIBUTE_REVERSE, 0},
    [28] = {ATTRIBUTE_CONCEAL, 0},
    [29] = {ATTRIBUTE_STRIKE, 0},
    [53] = {0, ATTRIBUTE_OVERLINE},
    [55] = {ATTRIBUTE_OVERLINE, 0},
};

/* Ranges of eight codes each. */
static const struct {
	uint16_t from;
	bool is_bg;
	uint8_t first; /* color */
} ranges[] = {
    {30, false, 0},
    {40, true, 0},
    {90, false, 8},
    {100, true, 8},
};

static bool
is_sub(const struct parser *parser, unsigned i)
{
	return i <= parser->last && (parser->subs >> i & 1) != 0;
}

/* Parameters from i on that belong to it by colons. */
static unsigned
count_subs(const struct parser *parser, unsigned i)
{
	unsigned count = 0;

	while (is_sub(parser, i + 1 + count))
		count++;
	return count;
}

static bool
set_rgb(uint32_t *color, const uint16_t rgb[3])
{
	if (rgb[0] > 255 || rgb[1] > 255 || rgb[2] > 255)
		return false;
	*color =
	    COLOR_RGB | (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
	return true;
}

/* 38:2:r:g:b, 38:2:space:r:g:b, 38:5:n */
static void
set_color_subs(uint32_t *color, const uint16_t *params, unsigned count)
{
	if (params[0] == COLOR_KIND_RGB && count >= 4)
		(void)set_rgb(color, params + (count == 4 ? 1 : 2));
	else if (params[0] == COLOR_KIND_INDEXED && count >= 2 &&
	         params[1] <= 255)
		*color = COLOR_INDEXED | params[1];
}

/*
 * 38;2;r;g;b and 38;5;n
 *   count    parameters behind the 38
 *   returns  how many of them it took
 */
static unsigned
set_color_params(uint32_t *color, const uint16_t *params, unsigned count)
{
	if (count >= 4 && params[0] == COLOR_KIND_RGB) {
		(void)set_rgb(color, params + 1);
		return 4;
	}
	if (count >= 2 && params[0] == COLOR_KIND_INDEXED) {
		if (params[1] <= 255)
			*color = COLOR_INDEXED | params[1];
		return 2;
	}
	return count;
}

/* Whether code sets a color by its parameters; which one. */
static bool
is_extended(struct style *pen, uint16_t code, uint32_t **color)
{
	switch (code) {
	case CODE_FG:
		*color = &pen->fg;
		return true;
	case CODE_BG:
		*color = &pen->bg;
		return true;
	case CODE_UNDERLINED:
		*color = &pen->underline_color;
		return true;
	default:
		return false;
	}
}

static void
set_palette(struct style *pen, uint16_t code)
{
	size_t i;

	for (i = 0; i < COUNT(ranges); i++) {
		uint32_t *color = ranges[i].is_bg ? &pen->bg : &pen->fg;

		if (code >= ranges[i].from && code < ranges[i].from + 8)
			*color =
			    COLOR_BASIC |
			    (uint32_t)(code - ranges[i].from + ranges[i].first);
	}
}

/* A code that stands alone. */
static void
set_plain(struct style *pen, uint16_t code)
{
	static const struct style plain;

	if (code < COUNT(switches)) {
		pen->attributes =
		    (uint8_t)((pen->attributes & ~switches[code].clears) |
		              switches[code].sets);
	}
	switch (code) {
	case 0:
		*pen = plain;
		break;
	case CODE_UNDERLINE:
		pen->underline = UNDERLINE_SINGLE;
		break;
	case 21:
		pen->underline = UNDERLINE_DOUBLE;
		break;
	case 24:
		pen->underline = UNDERLINE_NONE;
		break;
	case 39:
		pen->fg = COLOR_DEFAULT;
		break;
	case 49:
		pen->bg = COLOR_DEFAULT;
		break;
	case 59:
		pen->underline_color = COLOR_DEFAULT;
		break;
	default:
		set_palette(pen, code);
		break;
	}
}

/* A code with sub-parameters; others than these do nothing. */
static void
set_subs(struct style *pen, const uint16_t *params, unsigned count)
{
	uint32_t *color;

	if (is_extended(pen, params[0], &color))
		set_color_subs(color, params + 1, count);
	else if (params[0] == CODE_UNDERLINE && params[1] < UNDERLINES)
		pen->underline = (uint8_t)params[1];
}

void
sgr_apply(struct style *pen, const struct parser *parser)
{
	const uint16_t *params = parser->params;
	unsigned i = 0;

	while (i <= parser->last) {
		unsigned subs = count_subs(parser, i);
		uint32_t *color;

		if (subs > 0)
			set_subs(pen, params + i, subs);
		else if (is_extended(pen, params[i], &color))
			i += set_color_params(
			    color, params + i + 1, parser->last - i);
		else
			set_plain(pen, params[i]);
		i += subs + 1;
	}
}

static size_t append(char *text, size_t len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t
append(char *text, size_t len, const char *format, ...)
{
	va_list args;
	int added;

	va_start(args, format);
	added = vsnprintf(text + len, SGR_BYTES - len, format, args);
	va_end(args);
	return len + (size_t)added;
}

static size_t
append_color(char *text, size_t len, int code, uint32_t color)
{
	if (color_is_palette(color))
		return append(text, len, ";%d:5:%u", code, color & 0xffu);
	if ((color & COLOR_KIND) == COLOR_RGB)
		return append(text, len, ";%d:2::%u:%u:%u", code,
		    color >> 16 & 0xffu, color >> 8 & 0xffu, color & 0xffu);
	return len;
}

size_t
sgr_format(const struct style *style, char text[static SGR_BYTES])
{
	size_t len = append(text, 0, "0");
	unsigned code;

	for (code = 1; code < COUNT(switches); code++) {
		/* 6 says the same as 5 */
		if (code != 6 && (style->attributes & switches[code].sets) != 0)
			len = append(text, len, ";%u", code);
	}
	if (style->underline == UNDERLINE_SINGLE)
		len = append(text, len, ";4");
	else if (style->underline != UNDERLINE_NONE)
		len = append(text, len, ";4:%u", (unsigned)style->underline);
	len = append_color(text, len, CODE_FG, style->fg);
	len = append_color(text, len, CODE_BG, style->bg);
	return append_color(text, len, CODE_UNDERLINED, style->underline_color);
}
