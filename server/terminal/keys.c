/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/keys.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/utf8.h"
#include "server/terminal/cell.h"
#include "server/terminal/keys_table.h"
#include "server/terminal/state.h"

/* As the parameter of a sequence counts them, from 1. */
#define SHIFT   1u
#define META    2u
#define CONTROL 4u

/* Flags of the kitty keyboard protocol. */
#define KITTY_DISAMBIGUATE 1
#define KITTY_ALL_KEYS     8
#define KITTY_TEXT         16

#define PRESS_BYTES 32u /* of one key */
#define SHOWN_BYTES 40  /* of a name, in an error */

#define ESCAPE '\x1b'

static const char paste_begin[] = "\x1b[200~";
/* Also with the CSI that is one character, which some programs take. */
static const char *const paste_ends[] = {"\x1b[201~", "\xc2\x9b"
                                                      "201~"};

/* A key as a person would press it, and the bytes of it so far. */
struct press {
	unsigned modifiers;
	const struct keys_row *key; /* NULL: a character, */
	uint32_t point;             /* which is this; no capital letter */
	char bytes[PRESS_BYTES];
	size_t len;
};

static void put(struct press *press, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
put(struct press *press, const char *format, ...)
{
	size_t room = sizeof(press->bytes) - press->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(press->bytes + press->len, room, format, args);
	va_end(args);
	assert(len >= 0 && (size_t)len < room);
	press->len += (size_t)len;
}

static void
put_byte(struct press *press, int byte)
{
	assert(press->len < sizeof(press->bytes));
	press->bytes[press->len++] = (char)byte;
}

static void
put_meta(struct press *press)
{
	if ((press->modifiers & META) != 0)
		put_byte(press, ESCAPE);
}

/* CSI number final, where 1 is not said; CSI number ; modifiers final. */
static void
put_csi(struct press *press, unsigned number, char final)
{
	if (press->modifiers != 0)
		put(press, "\x1b[%u;%u%c", number, 1 + press->modifiers, final);
	else if (number == 1)
		put(press, "\x1b[%c", final);
	else
		put(press, "\x1b[%u%c", number, final);
}

/* As xterm's modifyOtherKeys has it. */
static void
put_other(struct press *press, uint32_t point)
{
	put(press, "\x1b[27;%u;%u~", 1 + press->modifiers, (unsigned)point);
}

static uint8_t
kitty_flags(const struct terminal *terminal)
{
	const struct keyboard *keyboard = &terminal->shown->keyboard;

	return keyboard->flags[keyboard->depth];
}

static bool
is_letter(uint32_t point)
{
	return point >= 'a' && point <= 'z';
}

/* With S- a letter is the capital one. */
static uint32_t
typed_point(const struct press *press)
{
	return (press->modifiers & SHIFT) != 0 && is_letter(press->point)
	           ? press->point - 'a' + 'A'
	           : press->point;
}

/* C- of a character, as terminals have always sent it; -1: there is none. */
static int
control_of(uint32_t point)
{
	static const char pairs[] = "2\0003\x1b"
	                            "4\x1c"
	                            "5\x1d"
	                            "6\x1e"
	                            "7\x1f"
	                            "8\x7f/\x1f?\x7f";
	size_t i;

	if (is_letter(point) || (point >= '@' && point <= '_'))
		return (int)(point & 0x1f);
	if (point == ' ')
		return 0;
	for (i = 0; i < sizeof(pairs) - 1; i += 2) {
		if ((unsigned char)pairs[i] == point)
			return pairs[i + 1];
	}
	return -1;
}

/* As it always was; -1: the modifiers cannot be told so. */
static int
character_plain(struct press *press)
{
	bool is_control = (press->modifiers & CONTROL) != 0;
	int control = control_of(press->point);
	char text[4];

	if ((press->modifiers & SHIFT) != 0 && !is_letter(press->point))
		return -1;
	if (is_control && control < 0)
		return -1;
	put_meta(press);
	if (is_control)
		put_byte(press, control);
	else
		put(press, "%.*s", (int)point_encode(typed_point(press), text),
		    text);
	return 0;
}

/* CSI code u; with KITTY_TEXT also what the key types. */
static void
character_kitty(struct press *press, uint8_t flags)
{
	bool is_text =
	    (press->modifiers & (META | CONTROL)) == 0 &&
	    ((press->modifiers & SHIFT) == 0 || is_letter(press->point));

	if ((flags & KITTY_TEXT) == 0 || !is_text)
		put_csi(press, press->point, 'u');
	else if (press->modifiers == 0)
		put(press, "\x1b[%u;;%uu", (unsigned)press->point,
		    (unsigned)press->point);
	else
		put(press, "\x1b[%u;%u;%uu", (unsigned)press->point,
		    1 + press->modifiers, (unsigned)typed_point(press));
}

static int
encode_character(const struct terminal *terminal, struct press *press)
{
	bool is_strong = (press->modifiers & (META | CONTROL)) != 0;
	uint8_t flags = kitty_flags(terminal);

	if ((flags & KITTY_ALL_KEYS) != 0 ||
	    ((flags & KITTY_DISAMBIGUATE) != 0 && is_strong)) {
		character_kitty(press, flags);
		return 0;
	}
	if (!is_strong || terminal->modify_other_keys < 2) {
		if (character_plain(press) == 0)
			return 0;
		if (!is_strong || terminal->modify_other_keys == 0)
			return -1;
	}
	put_other(press, typed_point(press));
	return 0;
}

static int
control_plain(const struct terminal *terminal, struct press *press)
{
	unsigned modifiers = press->modifiers & ~META;
	uint8_t byte = press->key->byte;

	if (modifiers == SHIFT && byte == '\t') {
		put_meta(press);
		put(press, "\x1b[Z");
		return 0;
	}
	if (modifiers == CONTROL && byte == 0x7f) {
		modifiers = 0;
		byte = '\b';
	}
	if (modifiers != 0)
		return -1;
	put_meta(press);
	put_byte(press, byte);
	if (byte == '\r' && terminal->modes[MODE_NEW_LINE])
		put_byte(press, '\n');
	return 0;
}

static int
encode_control(const struct terminal *terminal, struct press *press)
{
	uint8_t flags = kitty_flags(terminal);
	unsigned level = terminal->modify_other_keys;
	bool is_back_tab =
	    press->modifiers == SHIFT && press->key->byte == '\t';

	if ((flags & KITTY_ALL_KEYS) != 0 ||
	    ((flags & KITTY_DISAMBIGUATE) != 0 &&
	        (press->modifiers != 0 || press->key->byte == ESCAPE))) {
		put_csi(press, press->key->number, 'u');
		return 0;
	}
	if (press->modifiers == 0 || is_back_tab || level < 2) {
		if (control_plain(terminal, press) == 0)
			return 0;
		if (level == 0)
			return -1;
	}
	put_other(press, press->key->number);
	return 0;
}

static int
encode_cursor(const struct terminal *terminal, struct press *press)
{
	uint8_t flags = kitty_flags(terminal);
	char final = press->key->final;
	bool is_short = press->key->kind == KEY_FUNCTION ||
	                terminal->modes[MODE_CURSOR_KEYS];

	if (press->modifiers == 0 && flags == 0 && is_short)
		put(press, "\x1bO%c", final);
	else if (final == 'R' && flags != 0)
		put_csi(press, 13, '~'); /* CSI R is a cursor's position */
	else
		put_csi(press, 1, final);
	return 0;
}

static int
encode_tilde(const struct terminal *terminal, struct press *press)
{
	(void)terminal;
	put_csi(press, press->key->number, '~');
	return 0;
}

static int
encode_high(const struct terminal *terminal, struct press *press)
{
	if (kitty_flags(terminal) != 0) {
		put_csi(press, press->key->number, 'u');
		return 0;
	}
	press->modifiers |= SHIFT;
	put_csi(press, press->key->byte, press->key->final);
	return 0;
}

static int
encode_keypad(const struct terminal *terminal, struct press *press)
{
	if ((press->modifiers & ~META) != 0)
		return -1;
	put_meta(press);
	if (terminal->modes[MODE_KEYPAD] && kitty_flags(terminal) == 0)
		put(press, "\x1bO%c", press->key->final);
	else
		put_byte(press, press->key->byte);
	return 0;
}

static int (*const encoders[])(const struct terminal *, struct press *) = {
    [KEY_CONTROL] = encode_control,
    [KEY_CURSOR] = encode_cursor,
    [KEY_FUNCTION] = encode_cursor,
    [KEY_TILDE] = encode_tilde,
    [KEY_HIGH] = encode_high,
    [KEY_KEYPAD] = encode_keypad,
};
static_assert(sizeof(encoders) / sizeof(*encoders) == KEY_KINDS, "every kind");

static unsigned
modifier_of(char letter)
{
	switch (letter) {
	case 'C':
	case 'c':
		return CONTROL;
	case 'M':
	case 'm':
		return META;
	case 'S':
	case 's':
		return SHIFT;
	default:
		return 0;
	}
}

/* The only character of a text; 0: it is none, or a control character. */
static uint32_t
only_point(const char *text)
{
	size_t len = strlen(text);
	uint32_t point;

	if (len == 0 || utf8_decode(text, len, &point) != len)
		return 0;
	return point < 0x20 || (point >= 0x7f && point < 0xa0) ? 0 : point;
}

static int
parse(const char *name, struct press *press)
{
	while (name[0] != '\0' && name[1] == '-' && name[2] != '\0' &&
	       modifier_of(name[0]) != 0) {
		press->modifiers |= modifier_of(name[0]);
		name += 2;
	}
	if (name[0] == '^' && name[1] != '\0') {
		press->modifiers |= CONTROL;
		name++;
	}
	if (strcasecmp(name, "Space") == 0)
		name = " ";
	if (strcasecmp(name, "BTab") == 0) {
		press->modifiers |= SHIFT;
		name = "Tab";
	}
	press->key = keys_find(name);
	press->point = only_point(name);
	if (press->point >= 'A' && press->point <= 'Z') {
		press->modifiers |= SHIFT;
		press->point += 'a' - 'A';
	}
	return press->key != NULL || press->point != 0 ? 0 : -1;
}

int
keys_encode(const struct terminal *terminal, const char *name,
    struct buffer *out, struct error *err)
{
	struct press press = {0};
	int result;

	if (parse(name, &press) != 0)
		return error_set(err, ERROR_INVALID,
		    "\"%.*s\" is no key; what is to be typed as it is goes "
		    "into \"text\"",
		    SHOWN_BYTES, name);
	result = press.key == NULL
	             ? encode_character(terminal, &press)
	             : encoders[press.key->kind](terminal, &press);
	if (result != 0)
		return error_set(err, ERROR_INVALID,
		    "\"%.*s\": no bytes stand for this key in the modes that "
		    "the program has set",
		    SHOWN_BYTES, name);
	return buffer_append(out, press.bytes, press.len, err);
}

/* Take back what would end the brackets; what is around it may make another. */
static void
drop_end(struct buffer *out, size_t from)
{
	size_t i;

	for (i = 0; i < sizeof(paste_ends) / sizeof(*paste_ends); i++) {
		size_t len = strlen(paste_ends[i]);
		size_t end = buffer_len(out);

		if (end - from >= len && memcmp(buffer_bytes(out) + end - len,
		                             paste_ends[i], len) == 0)
			buffer_truncate(out, end - len);
	}
}

static void
put_paste(const char *bytes, size_t len, bool is_bracketed, struct buffer *out)
{
	size_t from = buffer_len(out);
	size_t i;

	for (i = 0; i < len; i++) {
		bool is_end = bytes[i] == '\n';

		if (is_end && i > 0 && bytes[i - 1] == '\r')
			continue;
		(void)buffer_append(out, is_end ? "\r" : bytes + i, 1, NULL);
		if (is_bracketed && bytes[i] == '~')
			drop_end(out, from);
	}
}

void
keys_paste(const struct terminal *terminal, const char *bytes, size_t len,
    struct buffer *out)
{
	bool is_bracketed = terminal->modes[MODE_BRACKETED_PASTE];

	if (is_bracketed)
		(void)buffer_append(
		    out, paste_begin, sizeof(paste_begin) - 1, NULL);
	put_paste(bytes, len, is_bracketed, out);
	if (is_bracketed)
		(void)buffer_append(
		    out, paste_ends[0], strlen(paste_ends[0]), NULL);
}
