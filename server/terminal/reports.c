/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/reports.h"

#include <assert.h>
#include <string.h>

#define ESCAPE 0x1b
#define BELL   0x07

#define MOUSE_BYTES  6u    /* ESC [ M and three more */
#define MOUSE_OFFSET 32u   /* of the three, so that they are printable */
#define MOUSE_MOVE   0x20u /* in a button: the mouse has moved */
#define KEY_F3_MIN   2u    /* CSI 1 ; m R is F3 with modifiers, */
#define KEY_F3_MAX   8u    /* and so is a cursor at the first row's begin */

/* A whole CSI sequence, between ESC [ and its end. */
struct sequence {
	const uint8_t *params; /* 0x30 to 0x3f */
	size_t params_len;
	uint8_t leader;       /* one of < = > ?, the first of params; 0 */
	uint8_t intermediate; /* the last of 0x20 to 0x2f; 0 */
	uint8_t final;
};

static bool
is_in(uint8_t byte, const char *set)
{
	return byte != 0 && strchr(set, byte) != NULL;
}

static void
pass(struct reports *reports, bool is_typing, struct buffer *out)
{
	(void)buffer_append(out, reports->pending, reports->len, NULL);
	reports->is_typing = reports->is_typing || is_typing;
	reports->len = 0;
	reports->state = REPORTS_GROUND;
}

static void
drop(struct reports *reports)
{
	reports->len = 0;
	reports->state = REPORTS_GROUND;
}

static void
keep(struct reports *reports, uint8_t byte)
{
	assert(reports->len < REPORT_BYTES);
	reports->pending[reports->len++] = byte;
}

static struct sequence
parse(const struct reports *reports)
{
	const uint8_t *bytes = reports->pending + 2;
	size_t len = reports->len - 3;
	struct sequence sequence = {.params = bytes, .final = bytes[len]};

	while (sequence.params_len < len && bytes[sequence.params_len] >= 0x30)
		sequence.params_len++;
	if (sequence.params_len < len)
		sequence.intermediate = bytes[len - 1];
	if (sequence.params_len > 0 && is_in(bytes[0], "<=>?"))
		sequence.leader = bytes[0];
	return sequence;
}

/* The number at the front of bytes; *used counts its digits. */
static unsigned
number(const uint8_t *bytes, size_t len, size_t *used)
{
	unsigned value = 0;

	*used = 0;
	while (*used < len && bytes[*used] >= '0' && bytes[*used] <= '9') {
		if (value < 10000)
			value = value * 10 + (unsigned)(bytes[*used] - '0');
		(*used)++;
	}
	return value;
}

/* CSI R and CSI 1 ; modifiers R are F3, also with kitty's sub-parameters. */
static bool
is_position(const struct sequence *sequence)
{
	unsigned modifiers;
	size_t used;

	if (sequence->params_len == 0)
		return false;
	if (sequence->params_len < 3 || memcmp(sequence->params, "1;", 2) != 0)
		return true;
	modifiers =
	    number(sequence->params + 2, sequence->params_len - 2, &used);
	if (used < sequence->params_len - 2 &&
	    sequence->params[2 + used] != ':')
		return true;
	return modifiers < KEY_F3_MIN || modifiers > KEY_F3_MAX;
}

/* What only a terminal says by itself. */
static bool
is_report(const struct sequence *sequence)
{
	bool is_plain = sequence->intermediate == 0;

	switch (sequence->final) {
	case 'R': /* DSR 6: where the cursor is */
		return is_plain && is_position(sequence);
	case 'c': /* DA1, DA2, DA3; without a leader it is a key of rxvt */
		return is_plain && sequence->leader != 0;
	case 'n': /* DSR */
	case 't': /* the window's size, state and place */
		return is_plain;
	case 'x': /* DECREQTPARM */
		return is_plain && sequence->params_len > 0;
	case 'y': /* DECRPM */
		return sequence->intermediate == '$';
	case 'u': /* kitty's flags; without a leader it is a key */
	case 'S': /* XTSMGRAPHICS */
		return sequence->leader == '?';
	case 'm': /* XTQMODKEYS; with < it is the mouse */
		return sequence->leader == '>' || sequence->leader == '?';
	default:
		return false;
	}
}

/* Whether it is a focus event, or tells that the mouse has moved. */
static bool
is_idle(const struct sequence *sequence)
{
	bool has_leader = sequence->leader == '<';
	size_t used;
	unsigned button;

	if (is_in(sequence->final, "IO") && sequence->params_len == 0)
		return true;
	if (!is_in(sequence->final, "Mm") || sequence->params_len == 0)
		return false;
	button = number(sequence->params + has_leader,
	    sequence->params_len - has_leader, &used);
	if (!has_leader && button >= MOUSE_OFFSET)
		button -= MOUSE_OFFSET; /* as urxvt counts */
	return (button & MOUSE_MOVE) != 0;
}

static bool
is_bracket(const struct reports *reports, const char *bracket)
{
	return reports->len == strlen(bracket) &&
	       memcmp(reports->pending, bracket, reports->len) == 0;
}

/* What is pending is a whole CSI sequence. */
static void
end_csi(struct reports *reports, struct buffer *out)
{
	struct sequence sequence = parse(reports);

	if (is_bracket(reports, "\x1b[201~"))
		reports->is_pasting = false;
	else if (is_bracket(reports, "\x1b[200~"))
		reports->is_pasting = true;
	else if (!reports->is_pasting && is_report(&sequence)) {
		drop(reports);
		return;
	}
	pass(reports, reports->is_pasting || !is_idle(&sequence), out);
}

static void
at_ground(struct reports *reports, uint8_t byte, struct buffer *out)
{
	keep(reports, byte);
	if (byte == ESCAPE)
		reports->state = REPORTS_ESCAPE;
	else
		pass(reports, true, out);
}

/* What is pending is no sequence, and byte begins anew. */
static void
give_up(struct reports *reports, uint8_t byte, struct buffer *out)
{
	pass(reports, true, out);
	at_ground(reports, byte, out);
}

static void
at_escape(struct reports *reports, uint8_t byte, struct buffer *out)
{
	if (byte == ESCAPE) {
		give_up(reports, byte, out);
		return;
	}
	keep(reports, byte);
	if (byte == '[')
		reports->state = REPORTS_CSI;
	else if (!reports->is_pasting && is_in(byte, "]P_"))
		reports->state = REPORTS_STRING;
	else
		pass(reports, true, out);
}

static void
at_csi(struct reports *reports, uint8_t byte, struct buffer *out)
{
	if (byte < 0x20 || byte >= 0x7f || reports->len == REPORT_BYTES) {
		give_up(reports, byte, out);
		return;
	}
	keep(reports, byte);
	if (byte == 'M' && reports->len == 3 && !reports->is_pasting)
		reports->state = REPORTS_MOUSE;
	else if (byte >= 0x40)
		end_csi(reports, out);
}

static void
at_mouse(struct reports *reports, uint8_t byte, struct buffer *out)
{
	unsigned button;

	if (byte < MOUSE_OFFSET) {
		give_up(reports, byte, out);
		return;
	}
	keep(reports, byte);
	if (reports->len < MOUSE_BYTES)
		return;
	button = (unsigned)reports->pending[3] - MOUSE_OFFSET;
	pass(reports, (button & MOUSE_MOVE) == 0, out);
}

/* A key with Meta, such as M-] or M-P, begins as the strings do; the byte
 * behind it tells. */
static bool
may_begin(uint8_t kind, uint8_t byte)
{
	if (kind == ']')
		return is_in(byte, "0123456789lL");
	if (kind == 'P')
		return is_in(byte, "0123456789>=!|$+");
	return byte == 'G';
}

/* Inside a string: bytes that neither belong to it nor end it. */
static bool
is_foreign(uint8_t byte)
{
	return byte < 0x20 && byte != ESCAPE;
}

static void
at_string(struct reports *reports, uint8_t byte, struct buffer *out)
{
	uint8_t kind = reports->pending[1];

	if (reports->pending[reports->len - 1] == ESCAPE) {
		if (byte == '\\') {
			drop(reports);
			return;
		}
		reports->len--;
		give_up(reports, ESCAPE, out);
		at_escape(reports, byte, out);
	} else if (kind == ']' && byte == BELL && reports->len > 2) {
		drop(reports);
	} else if (is_foreign(byte) ||
	           (reports->len == 2 && !may_begin(kind, byte))) {
		give_up(reports, byte, out);
	} else if (reports->len < REPORT_BYTES) {
		keep(reports, byte);
	} else {
		reports->dropped = 0;
		reports->is_ending = byte == ESCAPE;
		reports->len = 0;
		reports->state = REPORTS_LONG;
	}
}

static void
at_long(struct reports *reports, uint8_t byte, struct buffer *out)
{
	bool was_ending = reports->is_ending;

	reports->is_ending = byte == ESCAPE;
	if (was_ending) {
		drop(reports);
		if (byte == '\\')
			return;
		at_ground(reports, ESCAPE, out);
		at_escape(reports, byte, out);
	} else if (is_foreign(byte)) {
		drop(reports);
		/* what began it is still there */
		if (byte != BELL || reports->pending[1] != ']')
			at_ground(reports, byte, out);
	} else if (++reports->dropped > REPORT_STRING_BYTES) {
		drop(reports);
	}
}

static void (*const steps[])(struct reports *, uint8_t, struct buffer *) = {
    [REPORTS_GROUND] = at_ground,
    [REPORTS_ESCAPE] = at_escape,
    [REPORTS_CSI] = at_csi,
    [REPORTS_MOUSE] = at_mouse,
    [REPORTS_STRING] = at_string,
    [REPORTS_LONG] = at_long,
};
static_assert(sizeof(steps) / sizeof(*steps) == REPORTS_STATES, "every state");

void
reports_filter(struct reports *reports, const uint8_t *bytes, size_t len,
    struct buffer *out)
{
	reports->is_typing = false;
	while (len > 0) {
		const uint8_t *escape;
		size_t plain = 0;

		if (reports->state == REPORTS_GROUND) {
			escape = memchr(bytes, ESCAPE, len);
			plain = escape == NULL ? len : (size_t)(escape - bytes);
		}
		(void)buffer_append(out, bytes, plain, NULL);
		reports->is_typing = reports->is_typing || plain > 0;
		if (plain < len)
			steps[reports->state](reports, bytes[plain++], out);
		bytes += plain;
		len -= plain;
	}
}

void
reports_flush(struct reports *reports, struct buffer *out)
{
	reports->is_typing = false;
	if (reports->len > 0)
		pass(reports, true, out);
	reports->state = REPORTS_GROUND;
}
