/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/paint.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "protocol/buffer.h"
#include "server/terminal/cell.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* The parameters of one CSI ... m, each with a semicolon behind it. */
struct sgr {
	size_t len;
	char text[160];
};

static const struct {
	uint8_t attribute;
	const char *on;
	const char *off;
} attributes[] = {
    {ATTRIBUTE_BOLD, "1", NULL}, /* 22 ends both, see weight */
    {ATTRIBUTE_DIM, "2", NULL},
    {ATTRIBUTE_ITALIC, "3", "23"},
    {ATTRIBUTE_BLINK, "5", "25"},
    {ATTRIBUTE_REVERSE, "7", "27"},
    {ATTRIBUTE_CONCEAL, "8", "28"},
    {ATTRIBUTE_STRIKE, "9", "29"},
    {ATTRIBUTE_OVERLINE, "53", "55"},
};

static const char *const underlines[] = {
    [UNDERLINE_NONE] = "24",
    [UNDERLINE_SINGLE] = "4",
    [UNDERLINE_DOUBLE] = "21",
    [UNDERLINE_CURLY] = "4:3",
    [UNDERLINE_DOTTED] = "4:4",
    [UNDERLINE_DASHED] = "4:5",
};
static_assert(COUNT(underlines) == UNDERLINES, "one parameter a kind");

static void add(struct sgr *sgr, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct sgr *sgr, const char *format, ...)
{
	size_t room = sizeof(sgr->text) - sgr->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(sgr->text + sgr->len, room, format, args);
	va_end(args);
	assert(len > 0 && (size_t)len + 1 < room);
	sgr->len += (size_t)len;
	sgr->text[sgr->len++] = ';';
}

/* base is 38 or 48; base + 1 is the default colour. */
static void
add_color(struct sgr *sgr, unsigned base, uint32_t color)
{
	unsigned value = color & ~COLOR_KIND;

	if ((color & COLOR_KIND) == COLOR_BASIC)
		add(sgr, "%u",
		    value < 8 ? base - 8 + value : base + 44 + value);
	else if ((color & COLOR_KIND) == COLOR_INDEXED)
		add(sgr, "%u;5;%u", base, value);
	else if ((color & COLOR_KIND) == COLOR_RGB)
		add(sgr, "%u;2;%u;%u;%u", base, value >> 16, value >> 8 & 255,
		    value & 255);
	else
		add(sgr, "%u", base + 1);
}

static void
add_underline_color(struct sgr *sgr, uint32_t color)
{
	unsigned value = color & ~COLOR_KIND;

	if ((color & COLOR_KIND) == COLOR_INDEXED)
		add(sgr, "58:5:%u", value);
	else if ((color & COLOR_KIND) == COLOR_RGB)
		add(sgr, "58:2::%u:%u:%u", value >> 16, value >> 8 & 255,
		    value & 255);
	else
		add(sgr, "59");
}

static void
add_changes(struct sgr *sgr, const struct style *from, const struct style *to)
{
	const uint8_t weight = ATTRIBUTE_BOLD | ATTRIBUTE_DIM;
	uint8_t gone = (uint8_t)(from->attributes & ~to->attributes);
	uint8_t new = (uint8_t)(to->attributes & ~from->attributes);
	size_t i;

	if ((gone & weight) != 0) {
		add(sgr, "22");
		new = (uint8_t)(new | (to->attributes & weight));
	}
	for (i = 0; i < COUNT(attributes); i++) {
		uint8_t attribute = attributes[i].attribute;

		if ((gone & attribute) != 0 && attributes[i].off != NULL)
			add(sgr, "%s", attributes[i].off);
		if ((new &attribute) != 0)
			add(sgr, "%s", attributes[i].on);
	}
	if (from->underline != to->underline)
		add(sgr, "%s", underlines[to->underline]);
	if (from->fg != to->fg)
		add_color(sgr, 38, to->fg);
	if (from->bg != to->bg)
		add_color(sgr, 48, to->bg);
	if (from->underline_color != to->underline_color)
		add_underline_color(sgr, to->underline_color);
}

void
paint_text(const char *text, struct buffer *out)
{
	(void)buffer_append(out, text, strlen(text), NULL);
}

void
paint_move(uint16_t row, uint16_t col, struct buffer *out)
{
	if (col == 0)
		(void)buffer_printf(out, NULL, "\x1b[%uH", row + 1u);
	else
		(void)buffer_printf(
		    out, NULL, "\x1b[%u;%uH", row + 1u, col + 1u);
}

void
paint_style(
    const struct style *from, const struct style *to, struct buffer *out)
{
	static const struct style plain;
	struct sgr change = {0};
	struct sgr whole = {.len = 1, .text = ";"};
	const struct sgr *best = &change;

	if (style_equal(from, to))
		return;
	add_changes(&change, from, to);
	add_changes(&whole, &plain, to);
	if (whole.len < change.len)
		best = &whole;
	(void)buffer_append(out, "\x1b[", 2, NULL);
	(void)buffer_append(out, best->text, best->len - 1, NULL);
	(void)buffer_append(out, "m", 1, NULL);
}
