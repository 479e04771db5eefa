/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "server/terminal/state.h"
#include "server/terminal/view.h"
#include "tests/unit/terminal_captures.h"
#include "tests/unit/terminal_grammar.h"
#include "tests/unit/terminal_noise.h"
#include "tests/unit/terminal_reader.h"
#include "tests/unit/terminal_stand.h"
#include "tests/unit/terminal_twin.h"

#define NOISE_ROUNDS  300u
#define CAPTURE_CHUNK 3000u

static void
expect_grammar(const struct buffer *out, const char *what)
{
	const char *text = (const char *)buffer_bytes(out);
	size_t len = buffer_len(out);
	size_t at = len == 0 ? 0 : grammar_fault(text, len);

	if (at != len)
		fail_msg("%s: byte %zu of %zu: %02x %02x %02x", what, at, len,
		    (unsigned char)text[at],
		    at + 1 < len ? (unsigned char)text[at + 1] : 0,
		    at + 2 < len ? (unsigned char)text[at + 2] : 0);
}

/* To the eye: a space is as good as what was erased. */
static void
expect_row(const struct row *one, const struct row *two, uint16_t cols,
    const char *what)
{
	uint16_t col;

	for (col = 0; col < cols; col++) {
		char text[GLYPH_BYTES] = {0};
		char text_two[GLYPH_BYTES] = {0};

		(void)cell_text(one, col, text);
		(void)cell_text(two, col, text_two);
		if (memcmp(text, text_two, sizeof(text)) != 0 ||
		    !style_equal(&state_cell(one, col)->style,
		        &state_cell(two, col)->style))
			fail_msg("%s: column %u: \"%.24s\" %x on %x %x, not "
			         "\"%.24s\" %x on %x %x",
			    what, col + 0u, text_two,
			    state_cell(two, col)->style.fg,
			    state_cell(two, col)->style.bg,
			    state_cell(two, col)->style.attributes + 0u, text,
			    state_cell(one, col)->style.fg,
			    state_cell(one, col)->style.bg,
			    state_cell(one, col)->style.attributes + 0u);
	}
}

/* A view that has followed shows what one shows that has just come. */
static void
expect_fresh(struct reader *reader, const struct stand *stand, const char *what)
{
	struct terminal_size size = reader->stand.terminal->size;
	struct twin twin;
	struct reader fresh;
	uint16_t i;

	reader_open(&fresh, VIEW_WATCH, size.rows, size.cols);
	/* it begins with the same part */
	view_invalidate(reader->view);
	(void)view_frame(reader->view, stand->terminal, "status", &fresh.out);
	stand_say(&fresh.stand, "\x1b[?1049h\x1b[?7l");
	stand_feed(&fresh.stand, (const char *)buffer_bytes(&fresh.out),
	    buffer_len(&fresh.out));
	twin.one = fresh.stand.terminal;
	twin.two = reader->stand.terminal;
	for (i = 0; i < size.rows; i++)
		expect_row(&twin.one->alternate.rows[i],
		    &twin.two->alternate.rows[i], size.cols, what);
	if (twin.two->modes[MODE_CURSOR_VISIBLE] &&
	    (twin.one->cursor.row != twin.two->cursor.row ||
	        twin.one->cursor.col != twin.two->cursor.col))
		fail_msg("%s: the cursor is elsewhere", what);
	/* the view takes it that its reader got the frame */
	stand_feed(&reader->stand, (const char *)buffer_bytes(&fresh.out),
	    buffer_len(&fresh.out));
	reader_close(&fresh);
}

static void
watch(struct reader *reader, const struct stand *stand, const char *what)
{
	(void)view_frame(
	    reader->view, stand->terminal, "status \x1b[2J", &reader->out);
	expect_grammar(&reader->out, what);
	reader_take(reader);
	reader_look(reader, stand);
}

static void
a_watcher_gets_only_bytes_of_the_grammar_of_noise(void **state)
{
	struct noise noise = {noise_seed()};
	unsigned i, frame;

	(void)state;
	for (i = 0; i < NOISE_ROUNDS; i++) {
		struct stand stand;
		struct reader reader;
		struct buffer out;

		buffer_init(&out, FRAMES_MAX);
		stand_open(&stand, (uint16_t)(1 + noise_pick(&noise, 30)),
		    (uint16_t)(1 + noise_pick(&noise, 90)));
		reader_open(&reader, VIEW_WATCH,
		    (uint16_t)(1 + noise_pick(&noise, 30)),
		    (uint16_t)(1 + noise_pick(&noise, 90)));
		for (frame = 0; frame < 6; frame++) {
			noise_write(&noise, 200, &out);
			stand_feed(&stand, (const char *)buffer_bytes(&out),
			    buffer_len(&out));
			buffer_truncate(&out, 0);
			watch(&reader, &stand, "noise");
		}
		expect_fresh(&reader, &stand, "noise");
		view_leave(reader.view, &reader.out);
		expect_grammar(&reader.out, "leaving");
		buffer_clear(&out);
		reader_close(&reader);
		stand_close(&stand);
	}
}

static void
a_watcher_gets_only_bytes_of_the_grammar_of_programs(void **state)
{
	struct captures *captures = captures_open();
	struct noise noise = {noise_seed()};
	struct capture capture;

	(void)state;
	while (captures_next(captures, &capture)) {
		struct stand stand;
		struct reader reader;
		size_t at, len;

		stand_open(&stand, capture.size.rows, capture.size.cols);
		reader_open(&reader, VIEW_WATCH, 24, 80);
		for (at = 0; at < capture.len; at += len) {
			len = capture.len - at;
			if (len > CAPTURE_CHUNK)
				len = CAPTURE_CHUNK;
			stand_feed(
			    &stand, (const char *)capture.bytes + at, len);
			watch(&reader, &stand, capture.name);
			if (noise_pick(&noise, 3) == 0)
				expect_fresh(&reader, &stand, capture.name);
		}
		reader_close(&reader);
		stand_close(&stand);
	}
	captures_close(captures);
}

static const struct {
	const char *bytes;
	const char *shown;
	const char *because;
} shown_rows[] = {
    {"plain", "plain", "ASCII is shown"},
    {"\x1b[8mhidden\x1b[m", "hidden", "concealed text is shown"},
    {"\x1b[31;41mhidden", "hidden", "so is text like its background"},
    {"\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87", "wide glyphs"},
    {"e\xcc\x81", "e\xcc\x81", "marks are kept"},
    {"a\xe2\x80\xae"
     "b",
        "\xef\xbf\xbd"
        "b",
        "text turned round is not"},
    {"a\xe2\x80\x8b"
     "b",
        "\xef\xbf\xbd"
        "b",
        "nor what has no width"},
    {"a\xf3\xa0\x81\x81"
     "b",
        "\xef\xbf\xbd"
        "b",
        "nor tags"},
    {"a\xf3\xa0\x84\x80"
     "b",
        "\xef\xbf\xbd"
        "b",
        "nor variations"},
    {"\xee\x82\xb0", "\xef\xbf\xbd", "nor what is private"},
    {"\xe3\x85\xa4", "\xef\xbf\xbd", "nor a filler"},
    {"\xc2\xad", "\xef\xbf\xbd", "nor a soft hyphen"},
    {"\xe2\x9d\xa4\xef\xb8\x8f", "\xe2\x9d\xa4", "a heart is a heart"},
    {"\x1b(0q", "\xe2\x94\x80", "lines are drawn"},
};

static void
a_watcher_sees_what_is_there(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shown_rows) / sizeof(*shown_rows); i++) {
		struct stand stand;
		struct reader reader;
		char text[512];

		stand_open(&stand, 4, 20);
		reader_open(&reader, VIEW_WATCH, 5, 20);
		stand_say(&stand, shown_rows[i].bytes);
		reader_look(&reader, &stand);
		(void)stand_row_text(
		    &reader.stand.terminal->alternate.rows[0], text);
		text[strcspn(text, ".")] = '\0';
		if (strcmp(text, shown_rows[i].shown) != 0)
			fail_msg("%s: %s", shown_rows[i].because, text);
		assert_int_equal(
		    stand_cell(&reader.stand, 0, 0)->style.attributes &
		        (ATTRIBUTE_CONCEAL | ATTRIBUTE_BLINK),
		    0);
		reader_close(&reader);
		stand_close(&stand);
	}
}

/* It is dim, in the reader's own colours. */
static void
text_like_its_background_is_shown(void **state)
{
	static const char *const styles[] = {"8", "31;41", "31;48;5;1",
	    "91;48;5;9", "38;5;200;48;5;200", "38;2;9;9;9;48;2;1;1;20",
	    "38;5;231;48;2;255;255;255", "38;5;232;48;5;233"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(styles) / sizeof(*styles); i++) {
		struct stand stand;
		struct reader reader;
		const struct style *style;
		char text[64];

		stand_open(&stand, 4, 20);
		reader_open(&reader, VIEW_WATCH, 5, 20);
		(void)snprintf(text, sizeof(text), "\x1b[%smX", styles[i]);
		stand_say(&stand, text);
		reader_look(&reader, &stand);
		style = &stand_cell(&reader.stand, 0, 0)->style;
		assert_int_equal(stand_cell(&reader.stand, 0, 0)->glyph, 'X');
		assert_int_equal(style->fg, COLOR_DEFAULT);
		assert_int_equal(style->bg, COLOR_DEFAULT);
		assert_int_equal(style->attributes, ATTRIBUTE_DIM);
		reader_close(&reader);
		stand_close(&stand);
	}
}

/* Each cell in a colour of its own: VIEW_FRAME_BYTES twice over. */
static void
a_heavy_screen_comes_in_parts(void **state)
{
	const uint16_t rows = 60, cols = LIMIT_PTY_COLS;
	struct stand stand;
	struct reader reader;
	unsigned frames = 0;
	char text[64];
	uint32_t i;

	(void)state;
	stand_open(&stand, rows, cols);
	reader_open(&reader, VIEW_WATCH, (uint16_t)(rows + 1), cols);
	for (i = 0; i < (uint32_t)rows * cols; i++) {
		(void)snprintf(text, sizeof(text), "\x1b[38;2;%u;%u;150mx",
		    100 + i % 100, 100 + i / 100 % 100);
		stand_say(&stand, text);
	}
	do {
		assert_true(frames++ < 10);
		(void)view_frame(
		    reader.view, stand.terminal, "status", &reader.out);
		assert_true(buffer_len(&reader.out) <
		            VIEW_FRAME_BYTES + cols * sizeof(text));
		reader_take(&reader);
	} while (view_is_behind(reader.view));
	assert_true(frames > 1);
	for (i = 0; i < rows; i++)
		expect_row(&stand.terminal->primary.rows[i],
		    &reader.stand.terminal->alternate.rows[i], cols, "parts");
	reader_close(&reader);
	stand_close(&stand);
}

static void
a_smaller_reader_sees_the_part_with_the_cursor(void **state)
{
	struct stand stand;
	struct reader reader;

	(void)state;
	stand_open(&stand, 20, 60);
	reader_open(&reader, VIEW_INTERACTIVE, 5, 20);
	stand_say(&stand, "\x1b[1;1Hfirst\x1b[20;57Hlast\x1b[20;60H");
	reader_look(&reader, &stand);
	assert_int_equal(reader.stand.terminal->cursor.row, 4);
	assert_int_equal(stand_cell(&reader.stand, 4, 16)->glyph, 'l');
	stand_say(&stand, "\x1b[H");
	reader_look(&reader, &stand);
	assert_int_equal(reader.stand.terminal->cursor.row, 0);
	assert_int_equal(reader.stand.terminal->cursor.col, 0);
	assert_int_equal(stand_cell(&reader.stand, 0, 0)->glyph, 'f');
	reader_close(&reader);
	stand_close(&stand);
}

static void
a_wide_glyph_that_the_edge_cuts_is_blank(void **state)
{
	struct stand stand;
	struct reader reader;

	(void)state;
	stand_open(&stand, 3, 10);
	reader_open(&reader, VIEW_INTERACTIVE, 3, 3);
	stand_say(&stand, "ab\xe4\xb8\xad"
	                  "d\x1b[H");
	reader_look(&reader, &stand);
	assert_int_equal(stand_cell(&reader.stand, 0, 1)->glyph, 'b');
	assert_true(stand_cell(&reader.stand, 0, 2)->glyph == 0 ||
	            stand_cell(&reader.stand, 0, 2)->glyph == ' ');
	reader_close(&reader);
	stand_close(&stand);
}

static void
a_bigger_reader_sees_dots_around(void **state)
{
	struct stand stand;
	struct reader reader;

	(void)state;
	stand_open(&stand, 2, 3);
	reader_open(&reader, VIEW_INTERACTIVE, 3, 5);
	stand_say(&stand, "abc\r\nd");
	reader_look(&reader, &stand);
	assert_int_equal(stand_cell(&reader.stand, 0, 3)->glyph, '.');
	assert_int_equal(stand_cell(&reader.stand, 2, 0)->glyph, '.');
	assert_int_equal(reader.stand.terminal->cursor.row, 1);
	assert_int_equal(reader.stand.terminal->cursor.col, 1);
	reader_close(&reader);
	stand_close(&stand);
}

static void
what_did_not_change_is_not_sent(void **state)
{
	struct stand stand;
	struct reader reader;

	(void)state;
	stand_open(&stand, 24, 80);
	reader_open(&reader, VIEW_WATCH, 24, 80);
	stand_say(&stand, "hello");
	assert_true(view_frame(reader.view, stand.terminal, "s", &reader.out));
	buffer_truncate(&reader.out, 0);
	assert_false(view_frame(reader.view, stand.terminal, "s", &reader.out));
	assert_int_equal(buffer_len(&reader.out), 0);
	stand_say(&stand, "!");
	assert_true(view_frame(reader.view, stand.terminal, "s", &reader.out));
	assert_in_range(buffer_len(&reader.out), 1, 48);
	reader_close(&reader);
	stand_close(&stand);
}

static void
somebody_who_works_has_the_modes_and_then_his_own(void **state)
{
	static const char program[] =
	    "\x1b[?1h\x1b=\x1b[?1004h\x1b[?2004h\x1b[?1002h\x1b[?1006h"
	    "\x1b[5 q\x1b[>4;2m\x1b[>5u\x1b]0;name\x07";
	struct stand stand;
	struct reader reader;
	struct terminal *terminal;
	struct stand fresh;
	struct twin twin;

	(void)state;
	stand_open(&stand, 10, 30);
	stand_open(&fresh, 12, 30);
	reader_open(&reader, VIEW_INTERACTIVE, 12, 30);
	terminal = reader.stand.terminal;
	stand_say(&reader.stand, "\x1b]0;mine\x07");
	stand_say(&fresh, "\x1b]0;mine\x07");
	stand_say(&stand, program);
	reader_look(&reader, &stand);
	assert_true(terminal->modes[MODE_CURSOR_KEYS]);
	assert_true(terminal->modes[MODE_KEYPAD]);
	assert_true(terminal->modes[MODE_FOCUS_EVENTS]);
	assert_true(terminal->modes[MODE_BRACKETED_PASTE]);
	assert_int_equal(terminal->mouse, MOUSE_DRAG);
	assert_int_equal(terminal->mouse_encoding, MOUSE_SGR);
	assert_int_equal(terminal->cursor_shape, 5);
	assert_int_equal(terminal->modify_other_keys, 2);
	assert_int_equal(terminal->alternate.keyboard.flags[1], 5);
	assert_string_equal(terminal_title(terminal), "name");
	view_leave(reader.view, &reader.out);
	reader_take(&reader);
	twin.one = fresh.terminal;
	twin.two = terminal;
	if (!twin_modes_are(&twin) || !twin_titles_are(&twin))
		fail_msg("%s", twin.why);
	assert_ptr_equal(terminal->shown, &terminal->primary);
	assert_int_equal(terminal->alternate.keyboard.depth, 0);
	reader_close(&reader);
	stand_close(&fresh);
	stand_close(&stand);
}

static void
a_mouse_is_not_heard_where_columns_are_others(void **state)
{
	struct stand stand;
	struct reader reader;

	(void)state;
	stand_open(&stand, 20, 60);
	reader_open(&reader, VIEW_INTERACTIVE, 5, 20);
	stand_say(&stand, "\x1b[?1000h\x1b[20;1H");
	reader_look(&reader, &stand);
	assert_int_equal(reader.stand.terminal->mouse, MOUSE_OFF);
	stand_say(&stand, "\x1b[H");
	reader_look(&reader, &stand);
	assert_int_equal(reader.stand.terminal->mouse, MOUSE_BUTTON);
	reader_close(&reader);
	stand_close(&stand);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_watcher_sees_what_is_there),
	    cmocka_unit_test(a_watcher_gets_only_bytes_of_the_grammar_of_noise),
	    cmocka_unit_test(
	        a_watcher_gets_only_bytes_of_the_grammar_of_programs),
	    cmocka_unit_test(text_like_its_background_is_shown),
	    cmocka_unit_test(a_heavy_screen_comes_in_parts),
	    cmocka_unit_test(a_smaller_reader_sees_the_part_with_the_cursor),
	    cmocka_unit_test(a_wide_glyph_that_the_edge_cuts_is_blank),
	    cmocka_unit_test(a_bigger_reader_sees_dots_around),
	    cmocka_unit_test(what_did_not_change_is_not_sent),
	    cmocka_unit_test(somebody_who_works_has_the_modes_and_then_his_own),
	    cmocka_unit_test(a_mouse_is_not_heard_where_columns_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
