/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/brain_line.h"

/* What came out of the splitter, one letter a result and the lines between. */
struct seen {
	char text[256];
	size_t whole;
	size_t too_long;
	size_t last_len;
};

static void
feed(struct brain_line *lines, const char *bytes, size_t len, struct seen *seen)
{
	size_t used;

	for (; len > 0; bytes += used, len -= used) {
		const char *line;
		size_t line_len;
		enum line_result result;

		result =
		    brain_line_next(lines, bytes, len, &used, &line, &line_len);
		assert_in_range(used, 1, len);
		if (result == LINE_TOO_LONG)
			seen->too_long++;
		if (result != LINE_WHOLE)
			continue;
		seen->whole++;
		seen->last_len = line_len;
		if (line_len < 40) {
			strncat(seen->text, line, line_len);
			strcat(seen->text, "|");
		}
	}
}

static void
lines_are_the_same_however_the_bytes_are_cut(void **state)
{
	static const char bytes[] = "one\n\ntwo\nthree three\n";
	size_t step;

	(void)state;
	for (step = 1; step < sizeof(bytes); step++) {
		struct brain_line lines;
		struct seen seen = {0};
		size_t at;

		brain_line_init(&lines);
		for (at = 0; at < sizeof(bytes) - 1; at += step) {
			size_t len = sizeof(bytes) - 1 - at;

			feed(
			    &lines, bytes + at, len < step ? len : step, &seen);
		}
		assert_string_equal(seen.text, "one||two|three three|");
		brain_line_clear(&lines);
	}
}

static void
a_line_of_the_limit_passes_and_one_byte_more_does_not(void **state)
{
	char *bytes = memory_new(1, LIMIT_LINE_BYTES + 2);
	struct brain_line lines;
	struct seen seen = {0};

	(void)state;
	memset(bytes, 'x', LIMIT_LINE_BYTES + 1);
	brain_line_init(&lines);
	feed(&lines, bytes, LIMIT_LINE_BYTES, &seen);
	feed(&lines, "\n", 1, &seen);
	assert_int_equal(seen.whole, 1);
	assert_int_equal(seen.last_len, LIMIT_LINE_BYTES);
	bytes[LIMIT_LINE_BYTES + 1] = '\n';
	feed(&lines, bytes, LIMIT_LINE_BYTES + 2, &seen);
	assert_int_equal(seen.whole, 1);
	assert_int_equal(seen.too_long, 1);
	brain_line_clear(&lines);
	free(bytes);
}

static void
a_line_too_long_is_told_once_and_skipped_to_its_end(void **state)
{
	char *bytes = memory_new(1, LIMIT_LINE_BYTES);
	struct brain_line lines;
	struct seen seen = {0};
	int i;

	(void)state;
	memset(bytes, 'x', LIMIT_LINE_BYTES);
	brain_line_init(&lines);
	for (i = 0; i < 5; i++)
		feed(&lines, bytes, LIMIT_LINE_BYTES, &seen);
	assert_int_equal(seen.too_long, 1);
	assert_int_equal(buffer_len(&lines.partial), 0);
	feed(&lines, "xx\nnext\n", 8, &seen);
	assert_int_equal(seen.too_long, 1);
	assert_string_equal(seen.text, "next|");
	brain_line_clear(&lines);
	free(bytes);
}

static void
what_stands_behind_the_last_newline_is_the_last_line(void **state)
{
	struct brain_line lines;
	struct seen seen = {0};
	const char *line;
	size_t len;

	(void)state;
	brain_line_init(&lines);
	assert_int_equal(brain_line_last(&lines, &line, &len), LINE_NONE);
	feed(&lines, "a\nbcd", 5, &seen);
	assert_int_equal(brain_line_last(&lines, &line, &len), LINE_WHOLE);
	assert_memory_equal(line, "bcd", len);
	assert_int_equal(len, 3);
	brain_line_clear(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_are_the_same_however_the_bytes_are_cut),
	    cmocka_unit_test(
	        a_line_of_the_limit_passes_and_one_byte_more_does_not),
	    cmocka_unit_test(
	        a_line_too_long_is_told_once_and_skipped_to_its_end),
	    cmocka_unit_test(
	        what_stands_behind_the_last_newline_is_the_last_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
