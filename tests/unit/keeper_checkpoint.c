/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal is fed and resized; at any moment its files are copied, as a
 * keeper that was killed would leave them, and a terminal restored from them is
 * the same.
 */
#include "server/keeper/checkpoint.h"

#include "tests/unit/checkpoint_stand.h"

#include "server/keeper/pty_size.h"
#include "server/terminal/screen.h"
#include "server/terminal/state.h"
#include "server/terminal/title.h"
#include "tests/unit/terminal_twin.h"

#define ROUNDS 60u

static void
expect_scrollback(const struct terminal *one, const struct terminal *two)
{
	const struct terminal frame = {.size = {1, LIMIT_PTY_COLS}};
	struct twin twin = {.one = &frame, .two = &frame};
	uint32_t lines = scrollback_count(&one->scrollback);
	struct row a = {0};
	struct row b = {0};
	uint32_t i;

	assert_int_equal(scrollback_count(&two->scrollback), lines);
	for (i = 0; i < lines; i++) {
		scrollback_unpack(&one->scrollback, i, &a);
		scrollback_unpack(&two->scrollback, i, &b);
		if (!twin_rows_are(&twin, "line", &a, &b))
			fail_msg("%u: %s", i, twin.why);
	}
	row_free(&a);
	row_free(&b);
}

static void
expect_same(struct stand *stand, const char *what)
{
	const struct pty *pty = stand->one.exec->pty;
	const struct pty *again = stand->two.exec->pty;
	struct twin twin = {.one = pty->terminal, .two = again->terminal};

	twin_settle(pty->terminal, again->terminal);
	/* what a repaint cannot say may have been before more output */
	pty->terminal->may_mark = again->terminal->may_mark;
	pty->terminal->last_glyph = again->terminal->last_glyph;
	pty->terminal->mark_row = again->terminal->mark_row;
	pty->terminal->mark_col = again->terminal->mark_col;
	if (!twin_is_same(&twin))
		fail_msg("%s: %s", what, twin.why);
	assert_int_equal(pty->offset + terminal_fed(pty->terminal),
	    again->offset + terminal_fed(again->terminal));
	assert_int_equal(
	    terminal_fed(pty->terminal) - terminal_ground(pty->terminal),
	    terminal_fed(again->terminal) - terminal_ground(again->terminal));
	assert_int_equal(pty->pending_len, again->pending_len);
	assert_memory_equal(pty->pending, again->pending, pty->pending_len);
	assert_int_equal(pty->policy, again->policy);
	assert_int_equal(pty->asked.rows, again->asked.rows);
	assert_int_equal(pty->echo, again->echo);
	assert_int_equal(pty->canonical, again->canonical);
	assert_int_equal(again->told.rows, 24); /* and so it is told again */
}

static void
change_size(struct stand *stand)
{
	const struct terminal_size size = {
	    (uint16_t)(2 + noise_pick(&stand->noise, 40)),
	    (uint16_t)(2 + noise_pick(&stand->noise, 120))};

	pty_size_ask(stand->one.exec->pty, &size);
}

static void
change_anything(struct stand *stand)
{
	struct pty *pty = stand->one.exec->pty;
	unsigned what = noise_pick(&stand->noise, 6);

	if (what < 3)
		change_size(stand);
	else if (what == 3)
		pty_modes(pty, noise_pick(&stand->noise, 2) == 0,
		    noise_pick(&stand->noise, 2) == 0);
	else if (what == 4)
		pty->policy = noise_pick(&stand->noise, 2) == 0 ? SIZE_FIXED
		                                                : SIZE_LARGEST;
	pty_size_fit(pty);
}

static void
a_terminal_is_as_it_was_wherever_its_keeper_died(void **state)
{
	struct stand *stand = *state;
	struct buffer out;
	struct error err = {0};
	unsigned i;

	buffer_init(&out, FILE_MAX);
	for (i = 0; i < ROUNDS; i++) {
		size_t len = 1 + noise_pick(&stand->noise, 50000);

		noise_write(&stand->noise, len, &out);
		feed(&stand->one, buffer_bytes(&out), buffer_len(&out));
		buffer_truncate(&out, 0);
		stand->one.exec->pty->checkpoint_ms -= PTY_CHECKPOINT_MS;
		change_anything(stand);
		copy_files(stand);
		if (restore(&stand->two, &err) != 0)
			fail_msg("round %u: %s", i, err.text);
		expect_same(stand, "restored");
		free_exec(&stand->two);
	}
	buffer_clear(&out);
}

/* The ring has turned many times; the title is from long ago. */
static void
what_a_flood_has_pushed_out_is_in_the_checkpoint(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	char line[200];
	size_t len;
	unsigned i;

	feed_text(&stand->one,
	    "\x1b]2;from long ago\x07\x1b[?1049h\x1b[5;9r\x1b[3g\x1b[?2004h");
	for (i = 0; i < 60000; i++) {
		len = (size_t)snprintf(line, sizeof(line),
		    "line %u \x1b[3%um%0100u\r\n", i, i % 8, i);
		feed(&stand->one, line, len);
	}
	feed_text(&stand->one, "\x1b]0;half a ti");
	assert_true(stand->one.exec->output.spool.head > 3 * OUTPUT_RING_MIN);
	copy_files(stand);
	assert_int_equal(restore(&stand->two, &err), 0);
	expect_same(stand, "after a flood");
	expect_scrollback(
	    stand->one.exec->pty->terminal, stand->two.exec->pty->terminal);
	assert_string_equal(
	    terminal_title(stand->two.exec->pty->terminal), "from long ago");
	feed_text(&stand->two, "tle\x07");
	assert_string_equal(
	    terminal_title(stand->two.exec->pty->terminal), "half a title");
}

static void
lines_above_the_screen_come_back(void **state)
{
	static const unsigned counts[] = {0, 1, 2, 22, 3, 500, 3000};
	struct stand *stand = *state;
	struct error err = {0};
	char line[40];
	unsigned round, i;

	for (round = 0; round < sizeof(counts) / sizeof(*counts); round++) {
		for (i = 0; i < counts[round]; i++) {
			(void)snprintf(line, sizeof(line), "line %u\r\n", i);
			feed_text(&stand->one, line);
		}
		stand->one.exec->pty->checkpoint_ms -= PTY_CHECKPOINT_MS;
		pty_size_ask(stand->one.exec->pty,
		    &(struct terminal_size){(uint16_t)(9 + round), 80});
		copy_files(stand);
		assert_int_equal(restore(&stand->two, &err), 0);
		expect_same(stand, "lines");
		expect_scrollback(stand->one.exec->pty->terminal,
		    stand->two.exec->pty->terminal);
		free_exec(&stand->two);
	}
}

static void
a_burst_of_sizes_writes_few_checkpoints(void **state)
{
	struct stand *stand = *state;
	struct stat file;
	struct error err = {0};
	unsigned anew = 0, i;
	ino_t last = 0;

	feed_text(&stand->one, "some text");
	for (i = 0; i < 2000; i++) {
		change_size(stand);
		assert_int_equal(
		    fstatat(stand->one.keeper->spool_dir, "1.screen", &file, 0),
		    0);
		anew += file.st_ino != last;
		last = file.st_ino;
	}
	assert_in_range(anew, 1, 2000 / CHECKPOINT_STATES_MAX + 1);
	copy_files(stand);
	assert_int_equal(restore(&stand->two, &err), 0);
	expect_same(stand, "after a burst");
}

static void
what_was_asked_and_rung_before_is_not_answered_again(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};

	feed_text(&stand->one, "\x1b[6n\x07 text \x1b[c");
	assert_true(buffer_len(&stand->one.exec->input.waiting) > 0);
	copy_files(stand);
	assert_int_equal(restore(&stand->two, &err), 0);
	assert_int_equal(buffer_len(&stand->two.exec->input.waiting), 0);
	feed_text(&stand->two, "\x1b[6n");
	assert_true(buffer_len(&stand->two.exec->input.waiting) > 0);
}

/* Each byte changed, and the file cut anywhere: an error or a screen. */
static void
a_damaged_checkpoint_costs_the_screen_at_most(void **state)
{
	struct stand *stand = *state;
	struct error err = {0};
	size_t len = 0, at;
	unsigned refused = 0;
	char *bytes;

	change_size(stand);
	feed_text(&stand->one, "some \x1b[1mtext");
	change_size(stand);
	copy_files(stand);
	bytes = load(&stand->one, "1.screen", &len);
	for (at = 0; at < len; at++) {
		bytes[at] = (char)(bytes[at] ^ 0xff);
		store(&stand->two, "1.screen", bytes, len);
		refused += restore(&stand->two, &err) != 0;
		feed_text(&stand->two, "\r\n");
		free_exec(&stand->two);
		copy_files(stand);
		bytes[at] = (char)(bytes[at] ^ 0xff);
		store(&stand->two, "1.screen", bytes, at);
		(void)restore(&stand->two, &err);
		free_exec(&stand->two);
	}
	assert_true(refused > 20);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_stand(a_terminal_is_as_it_was_wherever_its_keeper_died),
	    with_stand(what_a_flood_has_pushed_out_is_in_the_checkpoint),
	    with_stand(lines_above_the_screen_come_back),
	    with_stand(a_burst_of_sizes_writes_few_checkpoints),
	    with_stand(what_was_asked_and_rung_before_is_not_answered_again),
	    with_stand(a_damaged_checkpoint_costs_the_screen_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
