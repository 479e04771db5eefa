/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/terminal/answer.h"
#include "server/terminal/control.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"

#define OSC_COLOR      4
#define OSC_DYNAMIC    10
#define OSC_DYNAMIC_TO 19
#define OSC_CLIPBOARD  52
#define OSC_MARK       133

/* D ; code */
static int
exit_code(const char *text)
{
	char *end;
	long code;

	if (text[0] != ';' || text[1] < '0' || text[1] > '9')
		return -1;
	code = strtol(text + 1, &end, 10);
	if (code > INT32_MAX || (*end != '\0' && *end != ';'))
		return -1;
	return (int)code;
}

static void
mark(struct terminal *terminal, const char *text)
{
	char kind = text[0];

	if (terminal->events->on_mark == NULL || kind < 'A' || kind > 'D' ||
	    (text[1] != '\0' && text[1] != ';'))
		return;
	terminal->events->on_mark(
	    terminal->data, kind, kind == 'D' ? exit_code(text + 1) : -1);
}

/* The number before the first semicolon; -1: none. */
static int
osc_number(const char *text, const char **rest)
{
	int number = 0;
	int digits = 0;

	while (text[digits] >= '0' && text[digits] <= '9' && digits < 6)
		number = number * 10 + (text[digits++] - '0');
	if (digits == 0 || text[digits] != ';')
		return -1;
	*rest = text + digits + 1;
	return number;
}

void
control_osc(struct terminal *terminal)
{
	const struct parser *parser = &terminal->parser;
	const char *text;
	int number = osc_number(parser->string, &text);

	if (number == 0 || number == 2) {
		title_set(terminal, text);
		return;
	}
	if (number < 0 || parser->string_len > PARSER_STRING_BYTES)
		return;
	if (number == OSC_COLOR ||
	    (number >= OSC_DYNAMIC && number <= OSC_DYNAMIC_TO))
		answer_colors(terminal, (unsigned)number, text);
	else if (number == OSC_MARK)
		mark(terminal, text);
	else if (number == OSC_CLIPBOARD && strchr(text, '?') != NULL)
		answer_nothing(terminal);
}

void
control_dcs(struct terminal *terminal)
{
	if (terminal->parser.string_len <= PARSER_STRING_BYTES)
		answer_string(terminal);
}

void
control_apc(struct terminal *terminal)
{
	/* kitty's graphics answer what they are told */
	if (terminal->parser.string[0] == 'G')
		answer_nothing(terminal);
}
