/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/terminal/keys.h"
#include "server/terminal/terminal.h"
#include "tests/unit/terminal_made.h"

#define APPLICATION "\x1b[?1h\x1b="
#define KITTY_1     "\x1b[>1u"
#define KITTY_8     "\x1b[>9u"
#define KITTY_16    "\x1b[>25u"
#define OTHER_1     "\x1b[>4;1m"
#define OTHER_2     "\x1b[>4;2m"

struct row {
	const char *modes; /* what the program has written before */
	const char *name;
	const char *bytes; /* NULL: refused */
	size_t len;
};

#define ROW(modes, name, bytes)                       \
	{                                             \
		modes, name, bytes, sizeof(bytes) - 1 \
	}
#define REFUSED(modes, name)         \
	{                            \
		modes, name, NULL, 0 \
	}

static const struct row names[] = {
    ROW("", "Enter", "\r"),
    ROW("\x1b[20h", "Enter", "\r\n"),
    ROW("", "Tab", "\t"),
    ROW("", "Escape", "\x1b"),
    ROW("", "Esc", "\x1b"),
    ROW("", "Space", " "),
    ROW("", "BSpace", "\x7f"),
    ROW("", "backspace", "\x7f"),
    ROW("", "C-BSpace", "\b"),
    ROW("", "M-BSpace", "\x1b\x7f"),
    ROW("", "S-Tab", "\x1b[Z"),
    ROW("", "BTab", "\x1b[Z"),
    ROW("", "M-Enter", "\x1b\r"),
    ROW("", "M-Escape", "\x1b\x1b"),
    ROW("", "Delete", "\x1b[3~"),
    ROW("", "DC", "\x1b[3~"),
    ROW("", "Insert", "\x1b[2~"),
    ROW("", "IC", "\x1b[2~"),
    ROW("", "PageUp", "\x1b[5~"),
    ROW("", "PPage", "\x1b[5~"),
    ROW("", "PgUp", "\x1b[5~"),
    ROW("", "PageDown", "\x1b[6~"),
    ROW("", "NPage", "\x1b[6~"),
    ROW("", "PgDn", "\x1b[6~"),
    ROW("", "C-PageDown", "\x1b[6;5~"),
    ROW("", "Up", "\x1b[A"),
    ROW("", "Left", "\x1b[D"),
    ROW("", "Home", "\x1b[H"),
    ROW("", "End", "\x1b[F"),
    ROW(APPLICATION, "Up", "\x1bOA"),
    ROW(APPLICATION, "Down", "\x1bOB"),
    ROW(APPLICATION, "Right", "\x1bOC"),
    ROW(APPLICATION, "Home", "\x1bOH"),
    ROW(APPLICATION, "S-Up", "\x1b[1;2A"),
    ROW("", "S-Up", "\x1b[1;2A"),
    ROW("", "C-Left", "\x1b[1;5D"),
    ROW("", "M-Left", "\x1b[1;3D"),
    ROW("", "C-M-S-End", "\x1b[1;8F"),
    ROW("", "F1", "\x1bOP"),
    ROW("", "F4", "\x1bOS"),
    ROW("", "S-F3", "\x1b[1;2R"),
    ROW("", "F5", "\x1b[15~"),
    ROW("", "F6", "\x1b[17~"),
    ROW("", "F10", "\x1b[21~"),
    ROW("", "F11", "\x1b[23~"),
    ROW("", "f12", "\x1b[24~"),
    ROW("", "C-F12", "\x1b[24;5~"),
    ROW("", "F13", "\x1b[1;2P"),
    ROW("", "F17", "\x1b[15;2~"),
    ROW("", "F24", "\x1b[24;2~"),
    ROW("", "C-F24", "\x1b[24;6~"),
    ROW("", "KP5", "5"),
    ROW(APPLICATION, "KP5", "\x1bOu"),
    ROW("", "KPEnter", "\r"),
    ROW(APPLICATION, "KPEnter", "\x1bOM"),
    ROW(APPLICATION, "KP.", "\x1bOn"),
    ROW(APPLICATION, "KP+", "\x1bOk"),
    REFUSED("", "F0"),
    REFUSED("", "F25"),
    REFUSED("", "KP10"),
    REFUSED("", "hello"),
    REFUSED("", "EnterEnter"),
    REFUSED("", ""),
    REFUSED("", "C-"),
    REFUSED("", "X-a"),
    REFUSED("", "C-hello"),
    REFUSED("", "\x01"),
    REFUSED("", "\x7f"),
    REFUSED("", "\xc2\x9b"),
    REFUSED("", "\xff"),
    REFUSED("", "\xc3"),
    REFUSED("", "\xed\xa0\x80"),
    REFUSED("", "e\xcc\x81"),
};

static const struct row characters[] = {
    ROW("", "a", "a"),
    ROW("", "A", "A"),
    ROW("", "-", "-"),
    ROW("", "^", "^"),
    ROW("", "~", "~"),
    ROW("", "\xc3\xa9", "\xc3\xa9"),
    ROW("", "\xe2\x82\xac", "\xe2\x82\xac"),
    ROW("", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"),
    ROW("", "M-\xc3\xa9", "\x1b\xc3\xa9"),
    ROW("", "C-c", "\x03"),
    ROW("", "c-c", "\x03"),
    ROW("", "C-C", "\x03"),
    ROW("", "^C", "\x03"),
    ROW("", "^[", "\x1b"),
    ROW("", "C-[", "\x1b"),
    ROW("", "C-\\", "\x1c"),
    ROW("", "C-]", "\x1d"),
    ROW("", "C-_", "\x1f"),
    ROW("", "C-/", "\x1f"),
    ROW("", "C-?", "\x7f"),
    ROW("", "C-@", "\0"),
    ROW("", "C-2", "\0"),
    ROW("", "C-Space", "\0"),
    ROW("", "C-M-Space", "\x1b\0"),
    ROW("", "C-i", "\t"),
    ROW("", "M-x", "\x1bx"),
    ROW("", "M-X", "\x1bX"),
    ROW("", "M--", "\x1b-"),
    ROW("", "C-M-x", "\x1b\x18"),
    ROW("", "M-C-x", "\x1b\x18"),
    ROW("", "S-a", "A"),
    ROW("", "C-S-a", "\x01"),
    REFUSED("", "C--"),
    REFUSED("", "C-;"),
    REFUSED("", "C-1"),
    REFUSED("", "C-\xc3\xa9"),
    REFUSED("", "S-1"),
    REFUSED("", "S-Space"),
    REFUSED("", "S-Enter"),
    REFUSED("", "C-Enter"),
    REFUSED("", "C-Tab"),
    REFUSED("", "C-KP5"),
};

static const struct row extended[] = {
    /* modifyOtherKeys 1: what could not be told; 2: everything */
    ROW(OTHER_1, "C-a", "\x01"),
    ROW(OTHER_1, "M-a",
        "\x1b"
        "a"),
    ROW(OTHER_1, "C-;", "\x1b[27;5;59~"),
    ROW(OTHER_1, "C-Enter", "\x1b[27;5;13~"),
    ROW(OTHER_1, "S-Enter", "\x1b[27;2;13~"),
    ROW(OTHER_1, "S-Tab", "\x1b[Z"),
    ROW(OTHER_2, "C-a", "\x1b[27;5;97~"),
    ROW(OTHER_2, "C-i", "\x1b[27;5;105~"),
    ROW(OTHER_2, "Tab", "\t"),
    ROW(OTHER_2, "C-Tab", "\x1b[27;5;9~"),
    ROW(OTHER_2, "C-S-a", "\x1b[27;6;65~"),
    ROW(OTHER_2, "C-A", "\x1b[27;6;65~"),
    ROW(OTHER_2, "M-x", "\x1b[27;3;120~"),
    ROW(OTHER_2, "C-Space", "\x1b[27;5;32~"),
    ROW(OTHER_2, "S-a", "A"),
    ROW(OTHER_2, "Escape", "\x1b"),
    ROW(OTHER_2, "C-Up", "\x1b[1;5A"),
    REFUSED(OTHER_2, "S-1"),
    /* the kitty protocol */
    ROW(KITTY_1, "Escape", "\x1b[27u"),
    ROW(KITTY_1, "Enter", "\r"),
    ROW(KITTY_1, "Tab", "\t"),
    ROW(KITTY_1, "BSpace", "\x7f"),
    ROW(KITTY_1, "C-i", "\x1b[105;5u"),
    ROW(KITTY_1, "C-c", "\x1b[99;5u"),
    ROW(KITTY_1, "C-S-c", "\x1b[99;6u"),
    ROW(KITTY_1, "M-x", "\x1b[120;3u"),
    ROW(KITTY_1, "C-1", "\x1b[49;5u"),
    ROW(KITTY_1, "C-\xc3\xa9", "\x1b[233;5u"),
    ROW(KITTY_1, "C-Space", "\x1b[32;5u"),
    ROW(KITTY_1, "S-Enter", "\x1b[13;2u"),
    ROW(KITTY_1, "S-Tab", "\x1b[9;2u"),
    ROW(KITTY_1, "C-BSpace", "\x1b[127;5u"),
    ROW(KITTY_1, "a", "a"),
    ROW(KITTY_1, "A", "A"),
    ROW(KITTY_1 APPLICATION, "Up", "\x1b[A"),
    ROW(KITTY_1, "F1", "\x1b[P"),
    ROW(KITTY_1, "F3", "\x1b[13~"),
    ROW(KITTY_1, "S-F3", "\x1b[13;2~"),
    ROW(KITTY_1, "F13", "\x1b[57376u"),
    ROW(KITTY_1 APPLICATION, "KP1", "1"),
    ROW(KITTY_1 "\x1b[<u", "Escape", "\x1b"),
    ROW(KITTY_8, "a", "\x1b[97u"),
    ROW(KITTY_8, "A", "\x1b[97;2u"),
    ROW(KITTY_8, "Enter", "\x1b[13u"),
    ROW(KITTY_8, "BSpace", "\x1b[127u"),
    ROW(KITTY_8, "S-1", "\x1b[49;2u"),
    ROW(KITTY_16, "a", "\x1b[97;;97u"),
    ROW(KITTY_16, "A", "\x1b[97;2;65u"),
    ROW(KITTY_16, "C-a", "\x1b[97;5u"),
};

static void
check(const struct row *row)
{
	struct terminal *terminal = terminal_made(24, 80, row->modes);
	struct error err = {0};
	struct buffer out;
	int result;

	buffer_init(&out, 64);
	assert_int_equal(buffer_append(&out, "x", 1, NULL), 0);
	result = keys_encode(terminal, row->name, &out, &err);
	if ((result == 0) != (row->bytes != NULL))
		fail_msg("\"%s\" gives %d: %s", row->name, result, err.text);
	if (buffer_len(&out) != row->len + 1 ||
	    (row->len > 0 &&
	        memcmp(buffer_bytes(&out) + 1, row->bytes, row->len) != 0))
		fail_msg("\"%s\" gives %.*s", row->name,
		    (int)buffer_len(&out) - 1,
		    (const char *)buffer_bytes(&out) + 1);
	if (result != 0)
		assert_int_equal(err.code, ERROR_INVALID);
	buffer_clear(&out);
	terminal_free(terminal);
}

static void
every_key_has_its_bytes_in_every_mode(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		check(&names[i]);
	for (i = 0; i < sizeof(characters) / sizeof(*characters); i++)
		check(&characters[i]);
	for (i = 0; i < sizeof(extended) / sizeof(*extended); i++)
		check(&extended[i]);
}

static const struct row pastes[] = {
    ROW("", "a\nb\r\nc\rd", "a\rb\rc\rd"),
    ROW("", "", ""),
    ROW("", "\x1b[201~", "\x1b[201~"),
    ROW("\x1b[?2004h", "", "\x1b[200~\x1b[201~"),
    ROW("\x1b[?2004h", "a\n\nb", "\x1b[200~a\r\rb\x1b[201~"),
    ROW("\x1b[?2004h", "x\x1b[201~rm\n", "\x1b[200~xrm\r\x1b[201~"),
    ROW("\x1b[?2004h", "\x1b[20\x1b[201~1~x", "\x1b[200~x\x1b[201~"),
    ROW("\x1b[?2004h", "\x1b[2\x1b[20\x1b[201~1~01~x", "\x1b[200~x\x1b[201~"),
    ROW("\x1b[?2004h",
        "\xc2\x9b"
        "201~x",
        "\x1b[200~x\x1b[201~"),
    ROW("\x1b[?2004h",
        "\xc2\x9b"
        "20\x1b[201~1~x",
        "\x1b[200~x\x1b[201~"),
    ROW("\x1b[?2004h", "\x1b[200~x", "\x1b[200~\x1b[200~x\x1b[201~"),
    ROW("\x1b[?2004h\x1b[?2004l", "a", "a"),
};

static void
what_is_pasted_cannot_end_its_brackets(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pastes) / sizeof(*pastes); i++) {
		const struct row *row = &pastes[i];
		struct terminal *terminal = terminal_made(24, 80, row->modes);
		struct buffer out;

		buffer_init(&out, 64);
		keys_paste(terminal, row->name, strlen(row->name), &out);
		if (buffer_len(&out) != row->len ||
		    memcmp(buffer_bytes(&out), row->bytes, row->len) != 0)
			fail_msg("row %zu: %.*s", i, (int)buffer_len(&out),
			    (const char *)buffer_bytes(&out));
		buffer_clear(&out);
		terminal_free(terminal);
	}
}

static void
a_key_that_does_not_fit_adds_nothing(void **state)
{
	struct terminal *terminal = terminal_made(24, 80, "");
	struct error err = {0};
	struct buffer out;

	(void)state;
	buffer_init(&out, 2);
	assert_int_equal(keys_encode(terminal, "Up", &out, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(buffer_len(&out), 0);
	terminal_free(terminal);
	buffer_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_has_its_bytes_in_every_mode),
	    cmocka_unit_test(what_is_pasted_cannot_end_its_brackets),
	    cmocka_unit_test(a_key_that_does_not_fit_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
