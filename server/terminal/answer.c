/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/terminal/mode.h"
#include "server/terminal/sgr.h"
#include "server/terminal/state.h"

/* Enough for every colour that fits into a question. */
#define ANSWER_BYTES 4096u
#define CSI          "\x1b["
#define DCS          "\x1bP"
#define ST           "\x1b\\"

#define FOREGROUND 0xe5e5e5u
#define BACKGROUND 0x000000u

struct answer {
	size_t len;
	char text[ANSWER_BYTES];
};

static void add(struct answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
send(struct terminal *terminal, const char *text, size_t len)
{
	const struct parser *parser = &terminal->parser;

	if (terminal->events->on_query != NULL &&
	    parser->to - parser->from <= TERMINAL_QUERY_BYTES)
		terminal->events->on_query(
		    terminal->data, parser->from, parser->to, text, len);
}

static void
add(struct answer *answer, const char *format, ...)
{
	size_t room = sizeof(answer->text) - answer->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(answer->text + answer->len, room, format, args);
	va_end(args);
	if ((size_t)len < room)
		answer->len += (size_t)len;
}

static void
say(struct terminal *terminal, const char *format, ...)
{
	char text[SGR_BYTES + 32];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send(terminal, text, (size_t)len);
}

void
answer_nothing(struct terminal *terminal)
{
	send(terminal, "", 0);
}

void
answer_attributes(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 0)
		say(terminal, CSI "?62;22c");
}

/*
 * The version decides what programs ask for next: vim asks a late xterm for its
 * capabilities, and may have quit before the answers come. The answer has more
 * parameters than the question, or it would be one.
 */
void
answer_secondary_attributes(struct terminal *terminal)
{
	const struct parser *parser = &terminal->parser;

	if (parser->params[0] == 0 && parser->last == 0)
		say(terminal, CSI ">0;100;0c");
}

void
answer_tertiary_attributes(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 0)
		say(terminal, DCS "!|00000000" ST);
}

void
answer_version(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 0)
		say(terminal, DCS ">|sallyport(" SALLYPORT_VERSION ")" ST);
}

/* Where the cursor is, as CUP would name it. */
static unsigned
named_row(const struct terminal *terminal)
{
	unsigned row = terminal->cursor.row + 1u;

	if (terminal->modes[MODE_ORIGIN] && row > terminal->top)
		row -= terminal->top;
	return row;
}

void
answer_status(struct terminal *terminal)
{
	uint16_t what = terminal->parser.params[0];

	if (what == 5)
		say(terminal, CSI "0n");
	else if (what == 6)
		say(terminal, CSI "%u;%uR", named_row(terminal),
		    terminal->cursor.col + 1u);
	else
		answer_nothing(terminal);
}

void
answer_private_status(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 6)
		say(terminal, CSI "?%u;%uR", named_row(terminal),
		    terminal->cursor.col + 1u);
	else
		answer_nothing(terminal);
}

void
answer_mode(struct terminal *terminal)
{
	const struct parser *parser = &terminal->parser;
	bool is_private = parser->leader == '?';
	uint16_t number = parser->params[0];

	say(terminal, CSI "%s%u;%u$y", is_private ? "?" : "", number,
	    mode_query(terminal, is_private, number));
}

void
answer_window(struct terminal *terminal)
{
	unsigned rows = terminal->size.rows;
	unsigned cols = terminal->size.cols;

	switch (terminal->parser.params[0]) {
	case 11:
		say(terminal, CSI "1t");
		break;
	case 13:
		say(terminal, CSI "3;0;0t");
		break;
	case 18:
		say(terminal, CSI "8;%u;%ut", rows, cols);
		break;
	case 19:
		say(terminal, CSI "9;%u;%ut", rows, cols);
		break;
	default:
		/* pixels are not known, titles are never sent back */
		answer_nothing(terminal);
		break;
	}
}

void
answer_keyboard(struct terminal *terminal)
{
	const struct keyboard *keyboard = &terminal->shown->keyboard;
	const struct parser *parser = &terminal->parser;

	/* with a number it is an answer, which may come back as an echo */
	if (parser->to - parser->from > strlen(CSI "?u"))
		return;
	say(terminal, CSI "?%uu", keyboard->flags[keyboard->depth]);
}

void
answer_modify_keys(struct terminal *terminal)
{
	if (terminal->parser.params[0] == 4)
		say(terminal, CSI ">4;%um", terminal->modify_other_keys);
	else
		answer_nothing(terminal);
}

static void
answer_setting(struct terminal *terminal, const char *setting)
{
	char sgr[SGR_BYTES];

	if (strcmp(setting, "m") == 0) {
		(void)sgr_format(&terminal->cursor.pen, sgr);
		say(terminal, DCS "1$r%sm" ST, sgr);
	} else if (strcmp(setting, "r") == 0) {
		say(terminal, DCS "1$r%u;%ur" ST, terminal->top + 1u,
		    terminal->bottom + 1u);
	} else if (strcmp(setting, " q") == 0) {
		say(terminal, DCS "1$r%u q" ST, terminal->cursor_shape);
	} else if (strcmp(setting, "\"p") == 0) {
		say(terminal, DCS "1$r62;1\"p" ST);
	} else {
		say(terminal, DCS "0$r" ST);
	}
}

void
answer_string(struct terminal *terminal)
{
	const char *text = terminal->parser.string;

	if (strncmp(text, "$q", 2) == 0)
		answer_setting(terminal, text + 2);
	else if (strncmp(text, "+q", 2) == 0)
		say(terminal, DCS "0+r" ST);
}

/* Colours 0 to 15, as xterm has them. */
static const uint32_t named[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00,
    0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00,
    0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};

static uint32_t
palette(unsigned n)
{
	uint32_t rgb;

	return color_is_fixed(COLOR_INDEXED | n, &rgb) ? rgb : named[n];
}

/* Each part twice: 8 bits as 16. */
static void
add_color(const struct terminal *terminal, struct answer *answer,
    const char *what, uint32_t color)
{
	unsigned red = (color >> 16 & 0xff) * 0x101;
	unsigned green = (color >> 8 & 0xff) * 0x101;
	unsigned blue = (color & 0xff) * 0x101;

	add(answer, "\x1b]%s;rgb:%04x/%04x/%04x%s", what, red, green, blue,
	    terminal->parser.is_bell ? "\a" : ST);
}

/* The next part of a list with semicolons: its length; -1 behind the last. */
static int
next_part(const char **at, const char **part)
{
	if (*at == NULL)
		return -1;
	*part = *at;
	*at = strchr(*at, ';');
	if (*at == NULL)
		return (int)strlen(*part);
	return (int)((*at)++ - *part);
}

static bool
is_question(const char *part, int len)
{
	return len == 1 && *part == '?';
}

/* n ; ? ... */
static void
add_palette(
    const struct terminal *terminal, struct answer *answer, const char *text)
{
	const char *part;
	int len;

	while ((len = next_part(&text, &part)) >= 0) {
		char what[16];
		unsigned n = 0;
		int i;

		for (i = 0;
		     i < len && i < 4 && part[i] >= '0' && part[i] <= '9'; i++)
			n = n * 10 + (unsigned)(part[i] - '0');
		if (i == 0 || i < len || n > 255)
			return;
		len = next_part(&text, &part);
		if (!is_question(part, len))
			continue;
		(void)snprintf(what, sizeof(what), "4;%u", n);
		add_color(terminal, answer, what, palette(n));
	}
}

/* ? ... for number, the next, and so on */
static void
add_dynamic(const struct terminal *terminal, struct answer *answer,
    unsigned number, const char *text)
{
	const char *part;
	int len;

	for (; (len = next_part(&text, &part)) >= 0 && number <= 19; number++) {
		char what[16];

		if (!is_question(part, len))
			continue;
		(void)snprintf(what, sizeof(what), "%u", number);
		/* 10 the text's, 11 the background's, 12 the cursor's */
		if (number <= 12)
			add_color(terminal, answer, what,
			    number == 11 ? BACKGROUND : FOREGROUND);
	}
}

void
answer_colors(struct terminal *terminal, unsigned number, const char *text)
{
	struct answer answer = {.len = 0};

	if (strchr(text, '?') == NULL)
		return;
	if (number == 4)
		add_palette(terminal, &answer, text);
	else
		add_dynamic(terminal, &answer, number, text);
	send(terminal, answer.text, answer.len);
}
