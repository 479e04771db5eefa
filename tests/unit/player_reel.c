/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/player/reel.h"

#define HEADER_2 "{\"version\": 2, \"width\": 80, \"height\": 24}\n"
#define HEADER_3 "{\"version\": 3, \"term\": {\"cols\": 100, \"rows\": 30}}\n"

struct world {
	FILE *file;
	struct reel reel;
	struct asciicast_event event;
	struct error err;
};

static int
setup(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));

	world->file = tmpfile();
	*state = world;
	return world->file == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;

	reel_clear(&world->reel);
	(void)fclose(world->file);
	free(world);
	return 0;
}

static void
put(struct world *world, const char *text)
{
	assert_true(fputs(text, world->file) >= 0);
	assert_int_equal(fflush(world->file), 0);
}

static int
open_reel(struct world *world)
{
	assert_int_equal(lseek(fileno(world->file), 0, SEEK_SET), 0);
	return reel_open(&world->reel, fileno(world->file), &world->err);
}

static int
next(struct world *world)
{
	return reel_next(&world->reel, &world->event, &world->err);
}

static void
expect(struct world *world, uint64_t at_ms, const char *bytes)
{
	if (next(world) != 1)
		fail_msg("%s: %s", bytes, world->err.text);
	assert_int_equal(world->event.kind, ASCIICAST_OUTPUT);
	assert_int_equal(world->event.at_ms, at_ms);
	assert_int_equal(world->event.len, strlen(bytes));
	assert_memory_equal(world->event.bytes, bytes, strlen(bytes));
	free(world->event.bytes);
}

static void
version_2_counts_from_the_beginning(void **state)
{
	struct world *world = *state;

	put(world,
	    HEADER_2 "[0.5, \"o\", \"one\"]\n\n[1.25, \"o\", \"two\"]\n");
	assert_int_equal(open_reel(world), 0);
	assert_int_equal(world->reel.header.version, ASCIICAST_2);
	assert_int_equal(world->reel.header.size.rows, 24);
	assert_true(reel_percent(&world->reel) < 60);
	expect(world, 500, "one");
	expect(world, 1250, "two");
	assert_int_equal(next(world), 0);
	assert_int_equal(next(world), 0);
	assert_int_equal(reel_percent(&world->reel), 100);
}

static void
version_3_counts_from_the_event_before(void **state)
{
	struct world *world = *state;

	put(world, HEADER_3 "# a comment\n[0.5, \"o\", \"one\"]\n"
	                    "[1.25, \"r\", \"90x20\"]\n[0, \"o\", \"two\"]\n");
	assert_int_equal(open_reel(world), 0);
	assert_int_equal(world->reel.header.version, ASCIICAST_3);
	assert_int_equal(world->reel.header.size.cols, 100);
	expect(world, 500, "one");
	assert_int_equal(next(world), 1);
	assert_int_equal(world->event.kind, ASCIICAST_RESIZE);
	assert_int_equal(world->event.size.cols, 90);
	expect(world, 1750, "two");
	assert_int_equal(next(world), 0);
}

static void
half_a_line_is_none_until_its_rest_is_there(void **state)
{
	struct world *world = *state;

	put(world, HEADER_2 "[1, \"o\", \"one\"]\n[2, \"o\", \"tw");
	assert_int_equal(open_reel(world), 0);
	expect(world, 1000, "one");
	assert_int_equal(next(world), 0);
}

static void
what_is_no_recording_is_refused(void **state)
{
	static const char *const heads[] = {"", "\n", "{}\n", "nothing\n",
	    HEADER_2 + 1, "{\"version\": 2, \"width\": 80, \"height\": 24}",
	    "{\"version\": 9, \"width\": 80, \"height\": 24}\n",
	    "{\"version\": 2, \"width\": 0, \"height\": 24}\n",
	    "{\"version\": 2, \"width\": 80, \"height\": 99999}\n"};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		rewind(world->file);
		assert_int_equal(ftruncate(fileno(world->file), 0), 0);
		put(world, heads[i]);
		if (open_reel(world) == 0)
			fail_msg("%s is taken", heads[i]);
		assert_non_null(strstr(world->err.text, "line 1"));
		reel_clear(&world->reel);
	}
}

static void
a_line_that_is_no_event_is_named(void **state)
{
	static const char *const lines[] = {"[]\n", "nothing\n", "[1, \"o\"]\n",
	    "[1, \"o\", 2]\n", "[-1, \"o\", \"x\"]\n", "[1e99, \"o\", \"x\"]\n",
	    "[1, \"r\", \"0x0\"]\n", "[1, \"r\", \"99999x99999\"]\n",
	    "[1, \"o\", \"\\x\"]\n"};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		rewind(world->file);
		assert_int_equal(ftruncate(fileno(world->file), 0), 0);
		put(world, HEADER_2 "[1, \"o\", \"one\"]\n");
		put(world, lines[i]);
		assert_int_equal(open_reel(world), 0);
		expect(world, 1000, "one");
		if (next(world) != -1)
			fail_msg("%s is taken", lines[i]);
		assert_non_null(strstr(world->err.text, "line 3"));
		reel_clear(&world->reel);
	}
}

static void
a_line_without_end_is_refused_without_reading_all_of_it(void **state)
{
	struct world *world = *state;

	put(world, HEADER_2 "[1, \"o\", \"");
	assert_int_equal(ftruncate(fileno(world->file), 1ll << 40), 0);
	assert_int_equal(open_reel(world), 0);
	assert_int_equal(next(world), -1);
	assert_int_equal(world->err.code, ERROR_LIMIT);
	assert_non_null(strstr(world->err.text, "line 2"));
	assert_true(lseek(fileno(world->file), 0, SEEK_CUR) <
	            (off_t)(REEL_LINE_BYTES + (1u << 20)));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(version_2_counts_from_the_beginning),
	    TEST(version_3_counts_from_the_event_before),
	    TEST(half_a_line_is_none_until_its_rest_is_there),
	    TEST(what_is_no_recording_is_refused),
	    TEST(a_line_that_is_no_event_is_named),
	    TEST(a_line_without_end_is_refused_without_reading_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
