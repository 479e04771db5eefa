/* SPDX-License-Identifier: Apache-2.0 */
/* Credit, and what an output that is restored says of itself. */
#include "server/keeper/output.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define PART 32768u

struct room {
	char path[64];
	int dir;
	struct output output;
	uint8_t bytes[FRAME_DATA_MAX];
	struct error err;
};

static int
set_up(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	strcpy(room->path, "/tmp/output-test-XXXXXX");
	assert_non_null(mkdtemp(room->path));
	room->dir = open(room->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(room->dir >= 0);
	output_init(&room->output, room->dir, 7, 1, false);
	*state = room;
	return 0;
}

static int
tear_down(void **state)
{
	struct room *room = *state;

	output_clear(&room->output);
	(void)unlinkat(room->dir, "7", 0);
	(void)close(room->dir);
	assert_int_equal(rmdir(room->path), 0);
	free(room);
	return 0;
}

static int
admit(struct room *room, enum output_stream stream, size_t len)
{
	return output_admit(&room->output, stream, len, &room->err);
}

static void
put(struct room *room, enum output_stream stream, size_t len)
{
	output_put(&room->output, stream, room->bytes, len);
}

/* What has come but waits to be joined with more is not acknowledged. */
static void
credit_is_returned_for_what_is_in_the_ring_alone(void **state)
{
	struct room *room = *state;
	size_t kept = 0, came = 0, granted = 0;
	uint32_t grant;

	while (came < 8 * WINDOW_OUTPUT) {
		while (admit(room, OUTPUT_STDOUT, PART) == 0)
			came += PART;
		assert_int_equal(output_grant(&room->output), 0);
		while (kept + PART <= came) {
			put(room, OUTPUT_STDOUT, PART);
			kept += PART;
			output_sent(&room->output, room->output.spool.head);
			grant = output_grant(&room->output);
			granted += grant;
			assert_true(granted <= kept);
			if (grant > 0)
				break;
		}
	}
	assert_true(granted > 7 * WINDOW_OUTPUT);
}

/* Without its owner a terminal's ring turns, and the same holds. */
static void
a_terminal_is_credited_for_what_is_in_the_ring_alone(void **state)
{
	struct room *room = *state;
	size_t kept = 0, granted = 0;
	unsigned i;

	output_clear(&room->output);
	output_init(&room->output, room->dir, 7, 1, true);
	for (i = 0; i < 500; i++) {
		assert_int_equal(admit(room, OUTPUT_PTY, PART), 0);
		assert_int_equal(output_grant(&room->output), 0);
		put(room, OUTPUT_PTY, PART);
		kept += PART;
		granted += output_grant(&room->output);
		assert_true(granted <= kept && granted + PART >= kept);
	}
}

static int
restore(struct room *room, const uint64_t until[OUTPUT_STREAMS])
{
	output_clear(&room->output);
	output_init(&room->output, room->dir, 7, 1, false);
	return output_restore(&room->output, until, &room->err);
}

static void
what_was_acknowledged_must_be_there(void **state)
{
	struct room *room = *state;

	assert_int_equal(restore(room, (uint64_t[]){0, 0, 0}), 0);
	assert_int_equal(admit(room, OUTPUT_STDOUT, 1000), 0);
	put(room, OUTPUT_STDOUT, 1000);
	assert_int_equal(admit(room, OUTPUT_STDERR, 10), 0);
	put(room, OUTPUT_STDERR, 10);
	assert_int_equal(restore(room, (uint64_t[]){1000, 10, 0}), 0);
	/* what was not acknowledged is kept all the same: it was read */
	assert_int_equal(restore(room, (uint64_t[]){500, 0, 0}), 0);
	assert_int_equal(room->output.spool.end[OUTPUT_STDOUT], 1000);
	assert_int_equal(room->output.credit, WINDOW_OUTPUT);
	assert_int_equal(restore(room, NULL), 0);
	assert_int_equal(room->output.spool.end[OUTPUT_STDERR], 10);
	assert_int_equal(restore(room, (uint64_t[]){1001, 0, 0}), -1);
	assert_int_equal(room->err.code, ERROR_INVALID);
	assert_string_equal(
	    room->err.text, "stdout is kept up to 1000, not to 1001");
	assert_int_equal(room->output.spool.end[OUTPUT_STDOUT], 0);
}

/* Fill the ring while the owner takes nothing; returns what went in. */
static size_t
fill(struct room *room)
{
	size_t came = 0;

	for (;;) {
		if (admit(room, OUTPUT_STDOUT, PART) == 0) {
			put(room, OUTPUT_STDOUT, PART);
			came += PART;
		} else if (output_grant(&room->output) == 0) {
			return came;
		}
	}
}

/* Nothing counts as taken by the owner before it says so. */
static void
a_full_ring_is_full_when_it_is_restored(void **state)
{
	struct room *room = *state;
	struct spool *spool = &room->output.spool;
	uint64_t tail;

	(void)fill(room);
	output_sent(&room->output, spool->head);
	assert_true(output_grant(&room->output) > 0);
	(void)fill(room);
	tail = spool_tail(spool);
	assert_true(tail > 0);
	assert_int_equal(restore(room, NULL), 0);
	assert_int_equal(spool_tail(spool), tail);
	assert_int_equal(room->output.taken, tail);
	/* the window that an exec begins with, and no more */
	assert_true(fill(room) <= WINDOW_OUTPUT);
	assert_int_equal(spool_tail(spool), tail);
	assert_int_equal(room->output.held_bytes % PART, 0);
	/* it attaches where it was: that was taken */
	output_sent(&room->output, spool->head);
	assert_int_equal(output_settle(&room->output, &room->err), 0);
	assert_int_equal(room->output.held_bytes, 0);
	output_sent(&room->output, spool->head);
	assert_true(output_grant(&room->output) > 0);
}

static void
what_may_be_dropped_is(void **state)
{
	struct room *room = *state;
	unsigned i;

	output_bind(&room->output, OVERFLOW_DROP, NULL);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(admit(room, OUTPUT_STDOUT, PART), 0);
		put(room, OUTPUT_STDOUT, PART);
		(void)output_grant(&room->output);
		assert_int_equal(room->output.held_bytes, 0);
	}
}

#define with_room(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    with_room(credit_is_returned_for_what_is_in_the_ring_alone),
	    with_room(a_terminal_is_credited_for_what_is_in_the_ring_alone),
	    with_room(what_was_acknowledged_must_be_there),
	    with_room(a_full_ring_is_full_when_it_is_restored),
	    with_room(what_may_be_dropped_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
