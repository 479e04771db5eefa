/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's output is cut somewhere, a fresh terminal gets the repaint of
 * what came before, and then both get the rest: they are the same at both
 * times. The output is that of real programs (tests/terminal/capture), and
 * noise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "server/terminal/repaint.h"
#include "server/terminal/screen.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"
#include "tests/unit/terminal_captures.h"
#include "tests/unit/terminal_noise.h"
#include "tests/unit/terminal_twin.h"

#define REPAINT_MAX  (64u << 20)
#define NOISE_ROUNDS 1500u
#define CAPTURE_CUTS 24u
#define SCROLLBACK   200u
#define TAIL_MAX     4096u /* bytes of the rest that follow a cut */

static const struct repaint_options attach = {
    .synchronized = true,
    .first = true,
};

static struct terminal *
open_terminal(const struct terminal_size *size)
{
	const struct terminal_options options = {
	    .size = *size,
	    .scrollback_lines = SCROLLBACK,
	    .scrollback_bytes = 1u << 20,
	};

	return terminal_new(&options, NULL, NULL);
}

static void
feed_repaint(const struct terminal *one, struct terminal *two,
    const struct repaint_options *options)
{
	struct buffer out;

	buffer_init(&out, REPAINT_MAX);
	repaint_write(one, options, &out);
	terminal_feed(two, buffer_bytes(&out), buffer_len(&out));
	buffer_clear(&out);
}

static void
expect_same(const struct terminal *one, const struct terminal *two,
    const char *what, size_t cut)
{
	struct twin twin = {.one = one, .two = two};

	if (!twin_is_same(&twin))
		fail_msg("%s, cut at %zu: %s", what, cut, twin.why);
}

/* The terminal as it is behind the first bytes, and its twin. */
static void
check_twin(struct terminal *one, const uint8_t *rest, size_t len,
    const char *what, size_t cut)
{
	struct terminal *two = open_terminal(&one->size);
	size_t behind = (size_t)(terminal_fed(one) - terminal_ground(one));

	feed_repaint(one, two, &attach);
	twin_settle(one, two);
	expect_same(one, two, what, cut);
	terminal_feed(two, rest - behind, behind + len);
	terminal_feed(one, rest, len);
	expect_same(one, two, what, cut);
	terminal_free(two);
}

static void
check_cut(const struct capture *capture, size_t cut)
{
	struct terminal *one = open_terminal(&capture->size);
	size_t len = capture->len - cut;

	terminal_feed(one, capture->bytes, cut);
	check_twin(one, capture->bytes + cut, len < TAIL_MAX ? len : TAIL_MAX,
	    capture->name, cut);
	terminal_free(one);
}

static void
programs_go_on_where_they_were_cut(void **state)
{
	struct noise noise = {noise_seed()};
	struct capture capture;
	struct captures *captures = captures_open();
	unsigned count = 0;
	unsigned i;

	(void)state;
	while (captures_next(captures, &capture)) {
		for (i = 0; i < CAPTURE_CUTS; i++)
			check_cut(&capture,
			    noise_pick(&noise, (uint32_t)capture.len + 1));
		count++;
	}
	captures_close(captures);
	assert_true(count > 0);
}

static void
random_size(struct noise *noise, struct terminal_size *size)
{
	size->rows = (uint16_t)(1 + noise_pick(noise, 12));
	size->cols = (uint16_t)(1 + noise_pick(noise, 40));
	if (noise_pick(noise, 4) == 0) {
		size->rows = (uint16_t)(20 + noise_pick(noise, 10));
		size->cols = (uint16_t)(70 + noise_pick(noise, 20));
	}
}

/* Noise, now and then another size, a cut, and noise again. */
static void
check_noise(uint64_t seed, size_t len)
{
	struct noise noise = {seed};
	struct terminal_size size;
	struct terminal *one;
	struct buffer out;
	size_t cut;

	random_size(&noise, &size);
	one = open_terminal(&size);
	buffer_init(&out, REPAINT_MAX);
	if (noise_pick(&noise, 2) == 0) {
		noise_write(&noise, len, &out);
		terminal_feed(one, buffer_bytes(&out), buffer_len(&out));
		buffer_truncate(&out, 0);
		terminal_feed(one, (const uint8_t *)"\x18", 1);
		random_size(&noise, &size);
		terminal_resize(one, &size);
	}
	noise_write(&noise, len, &out);
	cut = noise_pick(&noise, (uint32_t)buffer_len(&out));
	terminal_feed(one, buffer_bytes(&out), cut);
	check_twin(one, buffer_bytes(&out) + cut, buffer_len(&out) - cut,
	    "noise", cut);
	buffer_clear(&out);
	terminal_free(one);
}

static void
noise_goes_on_where_it_was_cut(void **state)
{
	uint64_t seed = noise_seed();
	unsigned i;

	(void)state;
	for (i = 0; i < NOISE_ROUNDS; i++) {
		(void)printf("# round %u\n", i);
		check_noise(seed + i * 0x9e3779b97f4a7c15u, 20 + i % 700);
	}
}

/* Whatever a reader's terminal was before. What lies behind its columns, and a
 * screen that is not shown, stay its own. */
static void
a_reader_may_have_been_in_any_state(void **state)
{
	struct noise noise = {noise_seed()};
	struct buffer out;
	unsigned i;

	(void)state;
	buffer_init(&out, REPAINT_MAX);
	for (i = 0; i < NOISE_ROUNDS / 4; i++) {
		struct terminal_size size;
		struct terminal *one;
		struct terminal *two;

		random_size(&noise, &size);
		one = open_terminal(&size);
		two = open_terminal(&size);
		noise_write(&noise, 400, &out);
		terminal_feed(one, buffer_bytes(&out), buffer_len(&out));
		buffer_truncate(&out, 0);
		noise_write(&noise, 400, &out);
		terminal_feed(two, buffer_bytes(&out), buffer_len(&out));
		terminal_feed(two, (const uint8_t *)"\x18", 1);
		buffer_truncate(&out, 0);
		/* what a repaint leaves alone */
		terminal_feed(two, (const uint8_t *)"\x1b[?1007l", 8);
		screen_clear(&two->alternate, size.rows);
		memset(&two->alternate, 0, sizeof(two->alternate));
		two->shown = &two->primary;
		title_clear(two);
		two->title[0] = '\0';
		feed_repaint(one, two, &attach);
		twin_settle(one, two);
		expect_same(one, two, "a used reader", i);
		terminal_free(one);
		terminal_free(two);
	}
	buffer_clear(&out);
}

static void
expect_line(const struct row *one, const struct row *two, uint32_t index)
{
	const struct terminal frame = {.size = {1, LIMIT_PTY_COLS}};
	struct twin twin = {.one = &frame, .two = &frame};

	if (!twin_rows_are(&twin, "line", one, two))
		fail_msg("%u: %s", index, twin.why);
}

static void
the_newest_lines_come_to_lie_above_the_screen(void **state)
{
	static const struct repaint_options options = {.scrollback = 60};
	struct captures *captures = captures_open();
	struct capture capture;
	unsigned count = 0;

	(void)state;
	while (captures_next(captures, &capture)) {
		struct terminal *one = open_terminal(&capture.size);
		struct terminal *two = open_terminal(&capture.size);
		struct row a = {0};
		struct row b = {0};
		uint32_t i, lines;

		terminal_feed(one, capture.bytes, capture.len);
		terminal_feed(two, (const uint8_t *)"mine\r\n", 6);
		feed_repaint(one, two, &options);
		lines = scrollback_count(&one->scrollback);
		for (i = 0; i < lines && i < options.scrollback; i++) {
			scrollback_unpack(&one->scrollback, i, &a);
			scrollback_unpack(&two->scrollback, i, &b);
			expect_line(&a, &b, i);
			count++;
		}
		/* and what the reader showed lies above them */
		scrollback_unpack(
		    &two->scrollback, i + capture.size.rows - 1, &b);
		assert_int_equal(b.cells[0].glyph, 'm');
		row_free(&a);
		row_free(&b);
		terminal_free(one);
		terminal_free(two);
	}
	captures_close(captures);
	assert_true(count > 0);
}

static void
feed_text(struct terminal *terminal, const char *text)
{
	terminal_feed(terminal, (const uint8_t *)text, strlen(text));
}

/* Text that wrapped over coloured cells leaves the lines' ends blank, and lines
 * from before the terminal became wider still wrap. */
static void
lines_above_the_screen_wrap_as_they_did(void **state)
{
	static const struct repaint_options options = {.scrollback = 60};
	const struct terminal_size size = {6, 20};
	const struct terminal_size wider = {6, 30};
	struct terminal *one = open_terminal(&size);
	struct terminal *two;
	struct row a = {0};
	struct row b = {0};

	(void)state;
	feed_text(one, "\x1b[44m0123456789012345678901234\x1b[m"
	               "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n");
	two = open_terminal(&size);
	feed_repaint(one, two, &options);
	scrollback_unpack(&one->scrollback, 2, &a);
	scrollback_unpack(&two->scrollback, 2, &b);
	assert_int_equal(a.used, 5);
	expect_line(&a, &b, 2);
	terminal_free(two);
	terminal_resize(one, &wider);
	two = open_terminal(&wider);
	feed_repaint(one, two, &options);
	scrollback_unpack(&two->scrollback, 3, &b);
	assert_true(b.wrapped);
	scrollback_unpack(&two->scrollback, 2, &b);
	expect_line(&a, &b, 2);
	terminal_free(one);
	terminal_free(two);
	row_free(&a);
	row_free(&b);
}

/* DECRC leads to where a wrap was pending; the cell is erased since. */
static void
a_wrap_may_be_pending_behind_what_was_erased(void **state)
{
	const struct terminal_size size = {3, 5};
	struct terminal *one = open_terminal(&size);
	struct terminal *two = open_terminal(&size);

	(void)state;
	feed_text(one, "12345\x1b[s\x1b[2K\x1b[u");
	feed_repaint(one, two, &attach);
	assert_true(two->cursor.wrap_pending);
	assert_int_equal(state_cell(&two->primary.rows[0], 4)->glyph, 0);
	terminal_free(one);
	terminal_free(two);
}

/* A row that wrapped, with a coloured cell left over at its end, is the only
 * one now. */
static void
one_row_keeps_its_last_cell(void **state)
{
	const struct terminal_size two_rows = {2, 5};
	const struct terminal_size one_row = {1, 5};
	struct terminal *one = open_terminal(&two_rows);
	struct terminal *two = open_terminal(&one_row);

	(void)state;
	feed_text(one, "\x1b[44m\x1b[2K1234\xe4\xb8\xad\x1b[H");
	terminal_resize(one, &one_row);
	assert_true(one->primary.rows[0].wrapped);
	feed_repaint(one, two, &attach);
	twin_settle(one, two);
	expect_same(one, two, "one row", 0);
	terminal_free(one);
	terminal_free(two);
}

static void
a_reader_in_a_single_shift_is_out_of_it(void **state)
{
	const struct terminal_size size = {3, 5};
	struct terminal *one = open_terminal(&size);
	struct terminal *two = open_terminal(&size);

	(void)state;
	feed_text(two, "\x1bN");
	feed_repaint(one, two, &attach);
	assert_int_equal(two->single_shift, 0);
	terminal_free(one);
	terminal_free(two);
}

static void
expect_blank(const struct row *row)
{
	char text[GLYPH_BYTES];
	uint16_t col;

	for (col = 0; col < row->used; col++) {
		assert_int_equal(cell_text(row, col, text), 1);
		assert_int_equal(text[0], ' ');
		assert_int_equal(row->cells[col].style.bg, COLOR_DEFAULT);
	}
}

/* A reader that goes has the modes that it came with. */
static void
leaving_undoes_every_mode(void **state)
{
	struct noise noise = {noise_seed()};
	struct buffer out;
	unsigned i;

	(void)state;
	buffer_init(&out, REPAINT_MAX);
	for (i = 0; i < 100; i++) {
		const struct terminal_size size = {10, 40};
		struct terminal *one = open_terminal(&size);
		struct terminal *two = open_terminal(&size);
		struct terminal *fresh = open_terminal(&size);
		struct twin twin = {.one = fresh, .two = two};

		terminal_feed(two, (const uint8_t *)"\x1b]2;mine\x07", 9);
		terminal_feed(fresh, (const uint8_t *)"\x1b]2;mine\x07", 9);
		noise_write(&noise, 400, &out);
		terminal_feed(one, buffer_bytes(&out), buffer_len(&out));
		buffer_truncate(&out, 0);
		feed_repaint(one, two, &attach);
		repaint_leave(one, &out);
		terminal_feed(two, buffer_bytes(&out), buffer_len(&out));
		buffer_truncate(&out, 0);
		if (one->title_count == TITLE_STACK)
			(void)strcpy(two->title, "mine");
		if (!twin_modes_are(&twin) || !twin_titles_are(&twin) ||
		    two->shown != &two->primary)
			fail_msg("%u: %s", i, twin.why);
		assert_int_equal(two->cursor.col, 0);
		expect_blank(&two->primary.rows[two->cursor.row]);
		terminal_free(one);
		terminal_free(two);
		terminal_free(fresh);
	}
	buffer_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(noise_goes_on_where_it_was_cut),
	    cmocka_unit_test(programs_go_on_where_they_were_cut),
	    cmocka_unit_test(a_reader_may_have_been_in_any_state),
	    cmocka_unit_test(the_newest_lines_come_to_lie_above_the_screen),
	    cmocka_unit_test(lines_above_the_screen_wrap_as_they_did),
	    cmocka_unit_test(a_wrap_may_be_pending_behind_what_was_erased),
	    cmocka_unit_test(one_row_keeps_its_last_cell),
	    cmocka_unit_test(a_reader_in_a_single_shift_is_out_of_it),
	    cmocka_unit_test(leaving_undoes_every_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
