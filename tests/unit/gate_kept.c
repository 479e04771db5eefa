/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "server/gate/kept.h"

#define ID "abc12345-1"

static char id[] = ID;

static void
begin(struct kept *kept)
{
	struct attachment_start start;
	const struct attachment_started started = {.exec = id, .pid = 1};
	char command[] = "cat";

	json_absent(attachment_shapes[ATTACHMENT_START], &start);
	start.spec.command = command;
	start.tied = true;
	assert_int_equal(kept_open(kept, ATTACHMENT_START, &start, NULL), 0);
	assert_true(buffer_len(&kept->opening) > 0);
	kept_started(kept, &started);
	assert_int_equal(buffer_len(&kept->opening), 0);
}

/* attached with these offsets; what the user is told to have lost of stdout. */
static int64_t
resume(struct kept *kept, int64_t out, int64_t taken)
{
	const struct attachment_attached attached = {
	    .exec = id, .out = out, .taken = taken, .running = true};
	struct attachment_gap gaps[OUTPUT_STREAMS];

	if (kept_resume(kept, &attached, gaps, NULL) != 0)
		return -1;
	return gaps[OUTPUT_STDOUT].to - gaps[OUTPUT_STDOUT].from;
}

static void
output_is_counted_and_never_comes_twice(void **state)
{
	struct attachment_attach where;
	struct kept kept;

	(void)state;
	begin(&kept);
	assert_int_equal(kept_output(&kept, OUTPUT_STDOUT, 100), 0);
	assert_int_equal(kept_output(&kept, OUTPUT_STDERR, 7), 0);
	kept_where(&kept, &where);
	assert_string_equal(where.exec, ID);
	assert_true(where.tied && where.offsets.present);
	assert_int_equal(where.offsets.out, 100);
	assert_int_equal(where.offsets.err, 7);
	/* a keeper that begins earlier than it was asked to */
	assert_int_equal(resume(&kept, 90, 0), 0);
	assert_int_equal(kept_output(&kept, OUTPUT_STDOUT, 4), 4);
	assert_int_equal(kept_output(&kept, OUTPUT_STDOUT, 10), 6);
	assert_int_equal(kept.has[OUTPUT_STDOUT], 104);
	/* ... and one that has not kept it all */
	assert_int_equal(resume(&kept, 150, 0), 46);
	assert_int_equal(kept_output(&kept, OUTPUT_STDOUT, 5), 0);
	assert_int_equal(kept.has[OUTPUT_STDOUT], 155);
	kept_clear(&kept);
}

/* The keeper answers where it begins, and then says what it has not kept. */
static void
a_gap_at_the_beginning_is_told(void **state)
{
	const struct attachment_attach asked = {
	    .exec = id, .offsets = {.present = true, .out = 30}};
	const struct attachment_attach live = {.exec = id, .from = ATTACH_LIVE};
	const struct attachment_attached attached = {
	    .exec = id, .out = 80, .err = 5, .taken = -1, .running = true};
	struct attachment_gap gap = {OUTPUT_STDOUT, 30, 80};
	struct kept kept;

	(void)state;
	assert_int_equal(kept_open(&kept, ATTACHMENT_ATTACH, &asked, NULL), 0);
	kept_attached(&kept, &attached);
	assert_true(kept_gap(&kept, &gap));
	assert_int_equal(gap.from, 30);
	assert_int_equal(gap.to, 80);
	assert_int_equal(kept_output(&kept, OUTPUT_STDOUT, 9), 0);
	/* output without the gap that was due */
	assert_int_equal(kept_output(&kept, OUTPUT_STDERR, 9), 0);
	kept_clear(&kept);
	assert_int_equal(kept_open(&kept, ATTACHMENT_ATTACH, &live, NULL), 0);
	kept_attached(&kept, &attached);
	assert_int_equal(kept.has[OUTPUT_STDOUT], 80);
	kept_clear(&kept);
}

static void
gaps_and_ends_are_told_once(void **state)
{
	struct attachment_gap gap = {OUTPUT_STDOUT, 0, 50};
	struct kept kept;

	(void)state;
	begin(&kept);
	(void)kept_output(&kept, OUTPUT_STDOUT, 10);
	assert_true(kept_gap(&kept, &gap));
	assert_int_equal(gap.from, 10);
	gap = (struct attachment_gap){OUTPUT_STDOUT, 10, 50};
	assert_false(kept_gap(&kept, &gap));
	assert_true(kept_end(&kept, OUTPUT_STDOUT));
	assert_false(kept_end(&kept, OUTPUT_STDOUT));
	assert_true(kept_end(&kept, OUTPUT_STDERR));
	kept_clear(&kept);
}

static void
stdin_is_sent_on_from_what_came_through(void **state)
{
	static const struct {
		size_t sent;
		size_t credit;
		int64_t taken;
		size_t left;
		int rc;
		bool is_refused;
		const char *because;
	} rows[] = {
	    {100, 0, 0, 100, 0, false, "nothing came through"},
	    {100, 0, 30, 70, 0, false, "a part did"},
	    {100, 40, 60, 40, 0, false, "some has its credit"},
	    {100, 100, 100, 0, 0, false, "all has"},
	    {100, 40, 100, 0, 0, false, "all came through"},
	    {100, 40, 20, 60, -1, false, "less than has its credit: a liar"},
	    {100, 0, 101, 0, 0, true, "somebody else has fed it"},
	    {100, 100, 500, 0, 0, false, "... when nothing was under way"},
	    {100, 0, -1, 0, 0, false, "closed: nobody reads it"},
	};
	static const uint8_t bytes[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct kept kept;
		int rc;

		begin(&kept);
		kept_sent(&kept, bytes, rows[i].sent);
		kept_credit(&kept, rows[i].credit);
		rc = resume(&kept, 0, rows[i].taken) < 0 ? -1 : 0;
		if (rc != rows[i].rc ||
		    buffer_len(&kept.input) != rows[i].left ||
		    kept.is_input_refused != rows[i].is_refused)
			fail_msg("%s", rows[i].because);
		kept_clear(&kept);
	}
}

static void
another_exec_is_a_lie(void **state)
{
	char other[] = "abc12345-2";
	const struct attachment_attached attached = {.exec = other};
	struct attachment_gap gaps[OUTPUT_STREAMS];
	struct error err = {0};
	struct kept kept;

	(void)state;
	begin(&kept);
	assert_int_equal(kept_resume(&kept, &attached, gaps, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	kept_clear(&kept);
}

static void
what_is_said_is_kept_within_a_bound(void **state)
{
	char name[] = "TERM";
	const struct link_signal body = {.signal = name};
	const struct attachment_cancel ask = {.ask = 3};
	const struct attachment_wait nothing = {.ask = 3};
	struct kept kept;
	size_t i;

	(void)state;
	begin(&kept);
	assert_non_null(kept_say(&kept, ATTACHMENT_SIGNAL, 0, &body));
	assert_non_null(kept_say(&kept, ATTACHMENT_CANCEL, 3, &ask));
	assert_null(kept_say(&kept, ATTACHMENT_WAIT, 3, &nothing));
	kept_taken(&kept);
	assert_int_equal(kept.said->ask, 3);
	kept_taken(&kept);
	kept_answered(&kept, 4);
	assert_int_equal(kept.said_count, 1);
	kept_answered(&kept, 3);
	assert_null(kept.said);
	for (i = 0; i < KEPT_SAID_MAX; i++)
		assert_non_null(kept_say(&kept, ATTACHMENT_SIGNAL, 0, &body));
	assert_null(kept_say(&kept, ATTACHMENT_SIGNAL, 0, &body));
	kept_clear(&kept);
}

static void
tokens_are_not_alike(void **state)
{
	char one[KEPT_TOKEN_BYTES];
	char other[KEPT_TOKEN_BYTES];

	(void)state;
	kept_token(one);
	kept_token(other);
	assert_int_equal(strlen(one), KEPT_TOKEN_BYTES - 1);
	assert_string_not_equal(one, other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(output_is_counted_and_never_comes_twice),
	    cmocka_unit_test(a_gap_at_the_beginning_is_told),
	    cmocka_unit_test(gaps_and_ends_are_told_once),
	    cmocka_unit_test(stdin_is_sent_on_from_what_came_through),
	    cmocka_unit_test(another_exec_is_a_lie),
	    cmocka_unit_test(what_is_said_is_kept_within_a_bound),
	    cmocka_unit_test(tokens_are_not_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
