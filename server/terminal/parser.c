/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/parser.h"

#include <assert.h>
#include <string.h>

#include "server/terminal/control.h"
#include "server/terminal/state.h"
#include "server/terminal/write.h"

#define CAN         0x18
#define SUB         0x1a
#define ESC         0x1b
#define ENQ         0x05
#define BEL         0x07
#define REPLACEMENT 0xfffdu

static uint64_t
offset_of(const struct parser *parser, const uint8_t *at)
{
	return parser->fed + (uint64_t)(at - parser->chunk);
}

uint16_t
parser_param(const struct parser *parser, unsigned i, uint16_t absent)
{
	if (i > parser->last || parser->params[i] == 0)
		return absent;
	return parser->params[i];
}

/* The controls that came inside of a sequence which is over now. */
static void
release(struct terminal *terminal)
{
	struct parser *parser = &terminal->parser;
	unsigned i;

	for (i = 0; i < parser->held_len; i++)
		control_c0(terminal, parser->held[i]);
	parser->held_len = 0;
}

static void
hold(struct parser *parser, uint8_t byte)
{
	if (byte != ENQ && parser->held_len < PARSER_HELD)
		parser->held[parser->held_len++] = byte;
}

/* ESC at at. */
static void
begin_escape(struct parser *parser, uint64_t from)
{
	parser->state = PARSER_ESCAPE;
	parser->from = from;
	parser->leader = '\0';
	parser->intermediate = '\0';
	parser->is_ignored = false;
	parser->is_full = false;
	parser->is_begun = false;
	parser->last = 0;
	parser->params[0] = 0;
	parser->subs = 0;
}

/* What may stand inside of ESC and CSI besides their own bytes: returns the
 * place behind it, or where the ground begins. */
static const uint8_t *
step_aside(struct terminal *terminal, const uint8_t *at)
{
	struct parser *parser = &terminal->parser;

	if (*at == ESC) {
		release(terminal);
		begin_escape(parser, offset_of(parser, at));
		return at + 1;
	}
	if (*at < 0x20 && *at != CAN && *at != SUB) {
		hold(parser, *at);
		return at + 1;
	}
	if (*at == 0x7f)
		return at + 1;
	parser->state = PARSER_GROUND;
	release(terminal);
	return *at < 0x20 ? at + 1 : at;
}

/* The first byte of a character; 0x80 upwards. */
static const uint8_t *
lead(struct terminal *terminal, const uint8_t *at)
{
	struct parser *parser = &terminal->parser;
	uint8_t byte = *at;

	if (byte < 0xc2 || byte > 0xf4) {
		write_point(terminal, REPLACEMENT);
		return at + 1;
	}
	parser->state = PARSER_CHARACTER;
	parser->from = offset_of(parser, at);
	parser->low = 0x80;
	parser->high = 0xbf;
	if (byte < 0xe0) {
		parser->wanted = 1;
		parser->point = byte & 0x1f;
	} else if (byte < 0xf0) {
		parser->wanted = 2;
		parser->point = byte & 0x0f;
		parser->low = byte == 0xe0 ? 0xa0 : 0x80;
		parser->high = byte == 0xed ? 0x9f : 0xbf;
	} else {
		parser->wanted = 3;
		parser->point = byte & 0x07;
		parser->low = byte == 0xf0 ? 0x90 : 0x80;
		parser->high = byte == 0xf4 ? 0x8f : 0xbf;
	}
	return at + 1;
}

static const uint8_t *
read_character(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	for (; at < end; at++) {
		if (*at < parser->low || *at > parser->high) {
			parser->state = PARSER_GROUND;
			write_point(terminal, REPLACEMENT);
			return at;
		}
		parser->point = parser->point << 6 | (*at & 0x3fu);
		parser->low = 0x80;
		parser->high = 0xbf;
		if (--parser->wanted > 0)
			continue;
		parser->state = PARSER_GROUND;
		/* controls of eight bits mean nothing here */
		if (parser->point >= 0xa0)
			write_point(terminal, parser->point);
		return at + 1;
	}
	return at;
}

/* Behind the bytes at at that are 0x20 to 0x7e. */
static const uint8_t *
skip_printable(const uint8_t *at, const uint8_t *end)
{
	const uint64_t ones = 0x0101010101010101u;
	const uint64_t tops = 0x80 * ones;

	while (end - at >= 8) {
		uint64_t eight;

		memcpy(&eight, at, sizeof(eight));
		/* a top bit where a byte is over 0x7e, or below 0x20 */
		if ((((eight + ones) | eight | (eight - 0x20 * ones)) & tops) !=
		    0)
			break;
		at += 8;
	}
	while (at < end && *at >= 0x20 && *at < 0x7f)
		at++;
	return at;
}

static const uint8_t *
read_ground(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	while (at < end && parser->state == PARSER_GROUND) {
		const uint8_t *run = at;

		at = skip_printable(at, end);
		if (at > run)
			write_ascii(terminal, run, (size_t)(at - run));
		if (at == end)
			break;
		if (*at == ESC) {
			begin_escape(parser, offset_of(parser, at));
			at++;
		} else if (*at < 0x20) {
			parser->from = offset_of(parser, at);
			parser->to = parser->from + 1;
			control_c0(terminal, *at);
			at++;
		} else if (*at == 0x7f) {
			at++;
		} else {
			at = lead(terminal, at);
		}
	}
	return at;
}

/* What follows ESC and begins more than a single character. */
static bool
begin_more(struct parser *parser, uint8_t byte)
{
	if (parser->intermediate != '\0')
		return false;
	if (byte == '[') {
		parser->state = PARSER_CSI;
		return true;
	}
	if (byte == '\0' || strchr("]P_^Xk", byte) == NULL)
		return false;
	parser->state = PARSER_STRING;
	parser->string_kind = (char)byte;
	parser->string_len = 0;
	return true;
}

static void
collect_intermediate(struct parser *parser, uint8_t byte)
{
	if (parser->intermediate != '\0')
		parser->is_ignored = true;
	parser->intermediate = (char)byte;
}

/* The sequence is whole with the byte at at. */
static void
finish(struct terminal *terminal, const uint8_t *at)
{
	struct parser *parser = &terminal->parser;

	parser->state = PARSER_GROUND;
	parser->to = offset_of(parser, at) + 1;
	release(terminal);
}

static const uint8_t *
read_escape(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	while (at < end) {
		uint8_t byte = *at;

		if (byte < 0x20 || byte >= 0x7f) {
			at = step_aside(terminal, at);
			if (byte == ESC || parser->state == PARSER_GROUND)
				return at;
			continue;
		}
		if (byte < 0x30) {
			collect_intermediate(parser, byte);
			at++;
			continue;
		}
		if (begin_more(parser, byte))
			return at + 1;
		finish(terminal, at);
		if (!parser->is_ignored)
			control_escape(terminal, (char)byte);
		terminal->last_glyph = 0;
		return at + 1;
	}
	return at;
}

static void
next_param(struct parser *parser, bool is_sub)
{
	if (parser->last + 1u == PARSER_PARAMS) {
		parser->is_full = true;
		return;
	}
	parser->last++;
	parser->params[parser->last] = 0;
	if (is_sub)
		parser->subs |= UINT32_C(1) << parser->last;
}

static void
add_digit(struct parser *parser, uint8_t byte)
{
	uint32_t value;

	if (parser->is_full)
		return;
	value = parser->params[parser->last] * UINT32_C(10) + byte - '0';
	if (value > PARSER_PARAM_MAX)
		value = PARSER_PARAM_MAX;
	parser->params[parser->last] = (uint16_t)value;
}

/* A byte of 0x20 to 0x3f inside CSI. */
static void
collect_csi(struct parser *parser, uint8_t byte)
{
	if (byte < 0x30) {
		collect_intermediate(parser, byte);
	} else if (parser->intermediate != '\0') {
		parser->is_ignored = true;
	} else if (byte <= '9') {
		add_digit(parser, byte);
	} else if (byte == ':' || byte == ';') {
		next_param(parser, byte == ':');
	} else {
		/* a leader comes first */
		if (parser->is_begun)
			parser->is_ignored = true;
		parser->leader = (char)byte;
	}
	parser->is_begun = true;
}

static const uint8_t *
read_csi(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	while (at < end) {
		uint8_t byte = *at;

		if (byte < 0x20 || byte >= 0x7f) {
			at = step_aside(terminal, at);
			if (byte == ESC || parser->state == PARSER_GROUND)
				return at;
			continue;
		}
		if (byte < 0x40) {
			collect_csi(parser, byte);
			at++;
			continue;
		}
		finish(terminal, at);
		if (!parser->is_ignored)
			control_csi(terminal, (char)byte);
		terminal->last_glyph = 0;
		return at + 1;
	}
	return at;
}

/* A string's bytes up to a control. */
static const uint8_t *
collect_string(struct parser *parser, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *run = at;
	size_t room;
	size_t len;

	while (at < end && *at >= 0x20)
		at++;
	len = (size_t)(at - run);
	if (parser->string_len > PARSER_STRING_BYTES)
		return at;
	room = PARSER_STRING_BYTES - parser->string_len;
	memcpy(
	    parser->string + parser->string_len, run, len < room ? len : room);
	parser->string_len += len;
	return at;
}

static void
finish_string(struct terminal *terminal, const uint8_t *at, bool is_bell)
{
	struct parser *parser = &terminal->parser;
	size_t len = parser->string_len;

	finish(terminal, at);
	parser->is_bell = is_bell;
	if (len > PARSER_STRING_BYTES)
		len = PARSER_STRING_BYTES;
	parser->string[len] = '\0';
	if (parser->string_kind == ']')
		control_osc(terminal);
	else if (parser->string_kind == 'P')
		control_dcs(terminal);
	else if (parser->string_kind == '_')
		control_apc(terminal);
	terminal->last_glyph = 0;
}

static const uint8_t *
read_string(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	while (at < end) {
		at = collect_string(parser, at, end);
		if (at == end)
			return at;
		if (*at == ESC) {
			parser->escape_at = offset_of(parser, at);
			parser->state = PARSER_STRING_ESCAPE;
			return at + 1;
		}
		if (*at == BEL && parser->string_kind == ']') {
			finish_string(terminal, at, true);
			return at + 1;
		}
		if (*at == CAN || *at == SUB) {
			finish(terminal, at);
			return at + 1;
		}
		at++;
	}
	return at;
}

static const uint8_t *
read_string_escape(
    struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;

	(void)end;
	if (*at != '\\') {
		release(terminal);
		begin_escape(parser, parser->escape_at);
		return at;
	}
	finish_string(terminal, at, false);
	return at + 1;
}

static const uint8_t *(*const readers[])(
    struct terminal *, const uint8_t *, const uint8_t *) = {
    [PARSER_GROUND] = read_ground,
    [PARSER_CHARACTER] = read_character,
    [PARSER_ESCAPE] = read_escape,
    [PARSER_CSI] = read_csi,
    [PARSER_STRING] = read_string,
    [PARSER_STRING_ESCAPE] = read_string_escape,
};
static_assert(
    sizeof(readers) / sizeof(*readers) == PARSER_STATES, "one row a state");

/* As read_ground, for a sequence or a character: it stops where a sequence is
 * too long, wherever the chunks end. */
static const uint8_t *
read_sequence(struct terminal *terminal, const uint8_t *at, const uint8_t *end)
{
	struct parser *parser = &terminal->parser;
	uint64_t stop = parser->from + PARSER_SEQUENCE_BYTES;
	uint64_t left = stop - offset_of(parser, at);

	if ((uint64_t)(end - at) > left)
		end = at + left;
	at = readers[parser->state](terminal, at, end);
	if (parser->state != PARSER_GROUND && offset_of(parser, at) == stop) {
		parser->state = PARSER_GROUND;
		release(terminal);
	}
	return at;
}

void
parser_feed(struct terminal *terminal, const uint8_t *bytes, size_t len)
{
	struct parser *parser = &terminal->parser;
	const uint8_t *end = bytes + len;
	const uint8_t *at = bytes;

	parser->chunk = bytes;
	while (at < end)
		at = parser->state == PARSER_GROUND
		         ? read_ground(terminal, at, end)
		         : read_sequence(terminal, at, end);
	parser->fed += len;
	parser->chunk = NULL;
}
