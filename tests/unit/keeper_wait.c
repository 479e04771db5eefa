/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "server/terminal/terminal.h"

#define BEGIN_MS  1000u
#define NOT_YET   (-2) /* what finish() says of a wait that goes on */
#define IS_ERROR  (-3)
#define SINCE_NOW (-2) /* a screen's gen, taken just before the wait */

/* A terminal, told of as asks.c does. */
struct stand {
	struct terminal *terminal;
	struct wait_past past;
	uint64_t now_ms;
	bool has_rung;
	struct error err;
	struct wait_answer answer;
};

static void
on_bell(void *data)
{
	struct stand *stand = data;

	stand->has_rung = true;
}

static void
on_mark(void *data, char kind, int code)
{
	struct stand *stand = data;

	(void)code;
	if (kind == 'A')
		stand->past.prompt = UINT32_MAX;
}

static const struct terminal_events events = {
    .on_bell = on_bell, .on_mark = on_mark};

static int
set_up(void **state)
{
	const struct terminal_options options = {.size = {24, 80},
	    .scrollback_lines = 200,
	    .scrollback_bytes = 1 << 20};
	struct stand *stand = calloc(1, sizeof(*stand));

	stand->terminal = terminal_new(&options, &events, stand);
	stand->past.terminal = stand->terminal;
	stand->past.echo = true;
	stand->now_ms = BEGIN_MS;
	stand->past.output_ms = BEGIN_MS;
	stand->past.text_ms = BEGIN_MS;
	*state = stand;
	return 0;
}

static int
tear_down(void **state)
{
	struct stand *stand = *state;

	json_clear(&wait_answer_shape, &stand->answer);
	terminal_free(stand->terminal);
	free(stand);
	return 0;
}

static void
feed(struct stand *stand, const char *text)
{
	terminal_feed(stand->terminal, (const uint8_t *)text, strlen(text));
	if (stand->has_rung)
		stand->past.bell = terminal_observe(stand->terminal);
	if (stand->past.prompt == UINT32_MAX)
		stand->past.prompt = terminal_observe(stand->terminal);
	stand->has_rung = false;
	stand->past.output_ms = stand->now_ms;
	stand->past.text_ms = stand->now_ms;
	stand->past.texts++;
}

/* A few steps: "~" and bytes to feed, "+N" milliseconds, "e" echo off, "E" on,
 * "x" the end. */
static void
play(struct stand *stand, const char *const steps[])
{
	for (; *steps != NULL; steps++) {
		const char *step = *steps;

		if (step[0] == '~')
			feed(stand, step + 1);
		else if (step[0] == '+')
			stand->now_ms += strtoul(step + 1, NULL, 10);
		else if (step[0] == 'x')
			stand->past.is_over = true;
		else
			stand->past.echo = step[0] == 'E';
		stand->past.echoes += step[0] == 'e' || step[0] == 'E';
	}
}

/* What a look says: the index of what holds, -1 at the end of its time. */
static int64_t
look(struct stand *stand, struct wait *wait)
{
	int rc;

	json_clear(&wait_answer_shape, &stand->answer);
	rc = wait_look(
	    wait, &stand->past, stand->now_ms, &stand->answer, &stand->err);
	if (rc < 0)
		return IS_ERROR;
	return rc == 0 ? NOT_YET : stand->answer.which;
}

/* until: the members of each condition, as a gate would write them. */
static struct wait *
arm(struct stand *stand, const char *until, int64_t since, bool is_typed)
{
	struct wait_ask ask;
	struct wait *wait;
	char text[512];

	(void)snprintf(
	    text, sizeof(text), "{\"until\":[%s],\"timeout_ms\":5000}", until);
	assert_int_equal(
	    json_read(&wait_ask_shape, text, strlen(text), &ask, &stand->err),
	    0);
	ask.since = since == SINCE_NOW
	                ? (int64_t)terminal_observe(stand->terminal)
	                : since;
	wait =
	    wait_new(&stand->past, &ask, is_typed, stand->now_ms, &stand->err);
	json_clear(&wait_ask_shape, &ask);
	return wait;
}

enum armed { ANY = 0, SINCE, TYPED };

struct row {
	const char *because;
	const char *until;
	enum armed armed;
	const char *before[8]; /* played before it is armed, */
	const char *after[8];  /* and between that and the last look */
	bool holds_at_once;
	bool holds_at_last;
};

#define READY "{\"text\":\"ready\"}"
#define MANY  "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n11\r\n12\r\n"

static const struct row rows[] = {
    {"text that is there counts", READY, ANY, {"~ready"}, {NULL}, true, false},
    {"text that comes counts", READY, ANY, {NULL}, {"~is ready"}, false, true},
    {"text in two parts counts", READY, ANY, {"~rea"}, {"~dy"}, false, true},
    {"text that has scrolled off before does not count", READY, ANY,
        {"~ready\r\n" MANY MANY}, {"~x"}, false, false},
    {"text that scrolls off counts", READY, ANY, {"~old\r\n"},
        {"~ready\r\n" MANY MANY}, false, true},
    {"old text is not newer than a screen", READY, SINCE, {"~ready"},
        {"~steady"}, false, false},
    {"new text is newer than a screen", READY, SINCE, {"~ready "}, {"~ready"},
        false, true},
    {"old text does not count for keys", READY, TYPED, {"~ready"}, {"~steady"},
        false, false},
    {"an expression is a line's", "{\"regex\":\"^b$\"}", ANY, {"~a\r\nb"},
        {NULL}, true, false},
    {"quiet counts what was quiet before", "{\"quiet_ms\":300}", ANY,
        {"~x", "+300"}, {NULL}, true, false},
    {"a byte ends quiet", "{\"quiet_ms\":300}", ANY, {"~x", "+299"},
        {"~y", "+299"}, false, false},
    {"quiet comes in time", "{\"quiet_ms\":300}", ANY, {"~x"}, {"+300"}, false,
        true},
    {"quiet is counted from the keys on", "{\"quiet_ms\":300}", TYPED,
        {"~x", "+1000"}, {"+299"}, false, false},
    {"a program may take keys and say nothing", "{\"quiet_ms\":300}", TYPED,
        {"~x", "+1000"}, {"+300"}, false, true},
    {"quiet since a screen begins with something", "{\"quiet_ms\":300}", SINCE,
        {"~x", "+1000"}, {"+1000"}, false, false},
    {"quiet since a screen ends with it", "{\"quiet_ms\":300}", SINCE,
        {"~x", "+1000"}, {"~y", "+300"}, false, true},
    {"quiet of 0 ms since a screen needs something", "{\"quiet_ms\":0}", SINCE,
        {"~x"}, {"+1"}, false, false},
    {"stable text counts what was stable before", "{\"stable_ms\":300}", ANY,
        {"~x", "+300"}, {NULL}, true, false},
    {"the same text written again is stable", "{\"stable_ms\":300}", ANY,
        {"~x"}, {"+200", "~\rx", "+100"}, false, true},
    {"other text is not stable", "{\"stable_ms\":300}", ANY, {"~x"},
        {"+200", "~\ry", "look", "+100"}, false, false},
    {"ignored rows do not count", "{\"stable_ms\":300,\"ignore\":\"[|/-]\"}",
        ANY, {"~|"}, {"+200", "~\r/", "look", "+100"}, false, true},
    {"the cursor is there", "{\"cursor\":{\"row\":3,\"col\":5}}", ANY,
        {"~\033[4;6H"}, {NULL}, true, false},
    {"the cursor is there by no text at all",
        "{\"cursor\":{\"row\":3,\"col\":5}}", SINCE, {"~x"}, {"~\033[4;6H"},
        false, true},
    {"the cursor was there before the keys",
        "{\"cursor\":{\"row\":0,\"col\":1}}", TYPED, {"~x"}, {NULL}, false,
        false},
    {"the alternate screen is shown", "{\"alt\":true}", ANY, {NULL},
        {"~\033[?1049h"}, false, true},
    {"the alternate screen is left", "{\"alt\":false}", TYPED, {"~\033[?1049h"},
        {"~\033[?1049l"}, false, true},
    {"echo is off", "{\"echo\":false}", ANY, {"e"}, {NULL}, true, false},
    {"echo goes off", "{\"echo\":false}", SINCE, {NULL}, {"e"}, false, true},
    {"echo went off behind the screen", "{\"echo\":false}", SINCE, {"e"},
        {NULL}, true, false},
    {"echo was off before the keys", "{\"echo\":false}", TYPED, {"e"}, {NULL},
        false, false},
    {"echo is off again after the keys", "{\"echo\":false}", TYPED, {"e"},
        {"E", "~\r\nwrong: ", "e"}, false, true},
    {"an old bell does not count", "{\"bell\":true}", ANY, {"~\a"}, {"~x"},
        false, false},
    {"a bell counts", "{\"bell\":true}", ANY, {NULL}, {"~\a"}, false, true},
    {"a bell counts among text", "{\"bell\":true}", SINCE, {"~\a"},
        {"~x\ay", "~z"}, false, true},
    {"what was written does not count", "{\"change\":true}", ANY, {"~x"},
        {NULL}, false, false},
    {"what is written counts", "{\"change\":true}", ANY, {"~x"}, {"~y"}, false,
        true},
    {"an old prompt does not count", "{\"prompt\":true}", ANY,
        {"~\033]133;A\a$ "}, {"~ls"}, false, false},
    {"a prompt counts", "{\"prompt\":true}", TYPED, {"~\033]133;A\a$ "},
        {"~ls\r\n\033]133;A\a$ "}, false, true},
    {"an exit counts", "{\"exit\":true}", ANY, {NULL}, {"x"}, false, true},
    {"an exit before counts", "{\"exit\":true}", SINCE, {"x"}, {NULL}, true,
        false},
};

static void
test_every_condition_at_every_moment(void **state)
{
	size_t i;

	tear_down(state);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct stand *stand;
		struct wait *wait;
		const char *const *step;

		set_up(state);
		stand = *state;
		play(stand, row->before);
		wait = arm(stand, row->until,
		    row->armed == SINCE ? SINCE_NOW : -1, row->armed == TYPED);
		assert_non_null(wait);
		if (look(stand, wait) != (row->holds_at_once ? 0 : NOT_YET))
			fail_msg("%s: at once", row->because);
		step = row->after;
		for (; !row->holds_at_once && *step != NULL; step++) {
			const char *const one[] = {*step, NULL};

			if (strcmp(*step, "look") == 0)
				(void)look(stand, wait);
			else
				play(stand, one);
		}
		if (!row->holds_at_once &&
		    look(stand, wait) != (row->holds_at_last ? 0 : NOT_YET))
			fail_msg("%s: at last", row->because);
		wait_free(wait);
		if (i + 1 < sizeof(rows) / sizeof(*rows))
			tear_down(state);
	}
}

static void
test_everything_is_newer_than_0(void **state)
{
	struct stand *stand = *state;
	struct wait *wait;

	feed(stand, "ready\r\n" MANY MANY);
	wait = arm(stand, READY, 0, false);
	assert_int_equal(look(stand, wait), 0);
	assert_true(stand->answer.where.row < 0);
	wait_free(wait);
}

static void
test_the_first_of_those_that_hold_wins(void **state)
{
	struct stand *stand = *state;
	struct wait *wait = arm(stand,
	    "{\"text\":\"none\"},{\"text\":\"both\"},{\"bell\":true}", -1,
	    false);

	feed(stand, "\aboth");
	assert_int_equal(look(stand, wait), 1);
	assert_true(stand->answer.where.present);
	assert_int_equal(stand->answer.where.row, 0);
	assert_int_equal(stand->answer.where.col, 0);
	assert_string_equal(stand->answer.where.text, "both");
	wait_free(wait);
}

static void
test_the_time_is_over(void **state)
{
	struct stand *stand = *state;
	struct wait *wait = arm(stand, "{\"quiet_ms\":6000}", -1, false);

	assert_int_equal(look(stand, wait), NOT_YET);
	assert_int_equal(wait_due_ms(wait), BEGIN_MS + 5000);
	stand->now_ms += 5000;
	assert_int_equal(look(stand, wait), -1);
	wait_free(wait);
	stand->past.output_ms = stand->now_ms - 6000;
	wait = arm(stand, "{\"quiet_ms\":7000}", -1, false);
	assert_int_equal(look(stand, wait), NOT_YET);
	assert_int_equal(wait_due_ms(wait), stand->now_ms + 1000);
	wait_free(wait);
}

static void
test_an_end_ends_every_wait(void **state)
{
	struct stand *stand = *state;
	struct wait *wait;

	stand->past.is_over = true;
	wait = arm(stand, "{\"bell\":true},{\"quiet_ms\":4000}", -1, false);
	assert_int_equal(look(stand, wait), 1);
	wait_free(wait);
	wait = arm(stand, "{\"bell\":true}", -1, false);
	assert_int_equal(look(stand, wait), IS_ERROR);
	assert_int_equal(stand->err.code, ERROR_STATE);
	wait_free(wait);
}

static void
test_a_since_that_is_yet_to_come_is_refused(void **state)
{
	struct stand *stand = *state;
	int64_t gen = terminal_observe(stand->terminal);

	assert_null(arm(stand, "{\"change\":true}", gen + 1, false));
	assert_int_equal(stand->err.code, ERROR_INVALID);
	assert_null(arm(stand, "{\"bell\":true}", JSON_INTEGER_MAX, false));
	assert_int_equal(stand->err.code, ERROR_INVALID);
}

static void
test_an_expression_that_is_none_is_refused_by_its_member(void **state)
{
	struct stand *stand = *state;

	assert_null(arm(stand, "{\"regex\":\"a(b\"}", -1, false));
	assert_int_equal(stand->err.code, ERROR_INVALID);
	assert_non_null(strstr(stand->err.text, "\"regex\""));
	assert_null(
	    arm(stand, "{\"stable_ms\":5,\"ignore\":\"a(b\"}", -1, false));
	assert_int_equal(stand->err.code, ERROR_INVALID);
	assert_non_null(strstr(stand->err.text, "\"ignore\""));
}

static void
test_an_expression_without_end_is_an_error(void **state)
{
	struct stand *stand = *state;
	struct wait *wait;

	feed(stand, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
	wait = arm(stand, "{\"regex\":\"^(a+)+$\"}", -1, false);
	assert_int_equal(look(stand, wait), IS_ERROR);
	assert_int_equal(stand->err.code, ERROR_LIMIT);
	wait_free(wait);
}

#define with_stand(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_stand(test_every_condition_at_every_moment),
	    with_stand(test_everything_is_newer_than_0),
	    with_stand(test_the_first_of_those_that_hold_wins),
	    with_stand(test_the_time_is_over),
	    with_stand(test_an_end_ends_every_wait),
	    with_stand(test_a_since_that_is_yet_to_come_is_refused),
	    with_stand(
	        test_an_expression_that_is_none_is_refused_by_its_member),
	    with_stand(test_an_expression_without_end_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
