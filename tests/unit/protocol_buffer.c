/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"

static void
bytes_come_out_in_the_order_they_went_in(void **state)
{
	struct buffer buffer;
	uint8_t next_in = 0;
	uint8_t next_out = 0;
	unsigned round;
	size_t i;

	(void)state;
	buffer_init(&buffer, 5000);
	for (round = 0; round < 5000; round++) {
		size_t in = (round * 7919u) % 1200;
		size_t out;

		for (i = 0; i < in && buffer_len(&buffer) < 5000; i++) {
			assert_int_equal(
			    buffer_append(&buffer, &next_in, 1, NULL), 0);
			next_in++;
		}
		out = (round * 104729u) % 1300;
		if (out > buffer_len(&buffer))
			out = buffer_len(&buffer);
		for (i = 0; i < out; i++)
			assert_int_equal(
			    buffer_bytes(&buffer)[i], (uint8_t)(next_out + i));
		next_out = (uint8_t)(next_out + out);
		buffer_consume(&buffer, out);
	}
	buffer_clear(&buffer);
}

static void
more_than_the_maximum_is_refused_and_nothing_is_added(void **state)
{
	struct error err = {0};
	struct buffer buffer;
	uint8_t *room;

	(void)state;
	buffer_init(&buffer, 10);
	assert_int_equal(buffer_append(&buffer, "0123456789", 10, &err), 0);
	assert_int_equal(buffer_append(&buffer, "x", 1, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(buffer_reserve(&buffer, SIZE_MAX, &room, &err), -1);
	assert_int_equal(buffer_printf(&buffer, &err, "%d", 1), -1);
	assert_int_equal(buffer_len(&buffer), 10);
	buffer_consume(&buffer, 4);
	assert_int_equal(buffer_append(&buffer, "abcd", 4, &err), 0);
	assert_int_equal(buffer_append(&buffer, "e", 1, &err), -1);
	assert_memory_equal(buffer_bytes(&buffer), "456789abcd", 10);
	buffer_clear(&buffer);
}

static void
reserved_room_counts_only_when_committed(void **state)
{
	struct buffer buffer;
	uint8_t *room;

	(void)state;
	buffer_init(&buffer, 100);
	assert_int_equal(buffer_reserve(&buffer, 100, &room, NULL), 0);
	memcpy(room, "abc", 3);
	assert_int_equal(buffer_len(&buffer), 0);
	buffer_commit(&buffer, 3);
	assert_int_equal(buffer_len(&buffer), 3);
	assert_memory_equal(buffer_bytes(&buffer), "abc", 3);
	buffer_truncate(&buffer, 1);
	assert_int_equal(buffer_len(&buffer), 1);
	buffer_clear(&buffer);
}

static void
an_empty_queue_has_bytes_that_may_be_read(void **state)
{
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, 0);
	assert_int_equal(buffer_len(&buffer), 0);
	assert_non_null(buffer_bytes(&buffer));
	assert_int_equal(buffer_append(&buffer, NULL, 0, NULL), 0);
	buffer_consume(&buffer, 0);
	buffer_clear(&buffer);
	buffer_clear(NULL);
}

static void
memory_is_given_back_when_a_burst_is_over(void **state)
{
	static const char burst[1 << 20];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, sizeof(burst));
	assert_int_equal(buffer_append(&buffer, burst, sizeof(burst), NULL), 0);
	assert_true(buffer.size >= sizeof(burst));
	buffer_consume(&buffer, sizeof(burst));
	assert_int_equal(buffer.size, 0);
	assert_int_equal(buffer_append(&buffer, burst, 100, NULL), 0);
	buffer_consume(&buffer, 100);
	assert_true(buffer.size > 0);
	buffer_clear(&buffer);
}

/* A byte in, a byte out, behind a long rest: no copying of the rest each time,
 * or this would take hours; and no growth without end. */
static void
a_long_rest_is_not_moved_for_every_byte(void **state)
{
	static const char rest[1 << 20];
	struct buffer buffer;
	unsigned i;

	(void)state;
	buffer_init(&buffer, sizeof(rest) + 1);
	assert_int_equal(buffer_append(&buffer, rest, sizeof(rest), NULL), 0);
	for (i = 0; i < 10u << 20; i++) {
		assert_int_equal(buffer_append(&buffer, "x", 1, NULL), 0);
		buffer_consume(&buffer, 1);
	}
	assert_true(buffer.size <= 4 * sizeof(rest));
	buffer_clear(&buffer);
}

static void
text_is_formatted_behind_what_is_there(void **state)
{
	struct buffer buffer;
	unsigned i;

	(void)state;
	buffer_init(&buffer, 4096);
	for (i = 0; i < 100; i++)
		assert_int_equal(
		    buffer_printf(&buffer, NULL, "%02u %s,", i, "abcdefgh"), 0);
	assert_int_equal(buffer_len(&buffer), 1200);
	assert_memory_equal(buffer_bytes(&buffer) + 1188, "99 abcdefgh,", 12);
	/* to the last byte of the maximum: the NUL of printf does not count */
	buffer_clear(&buffer);
	buffer_init(&buffer, 4);
	assert_int_equal(buffer_printf(&buffer, NULL, "%s", "abcd"), 0);
	assert_int_equal(buffer_len(&buffer), 4);
	buffer_clear(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_come_out_in_the_order_they_went_in),
	    cmocka_unit_test(
	        more_than_the_maximum_is_refused_and_nothing_is_added),
	    cmocka_unit_test(reserved_room_counts_only_when_committed),
	    cmocka_unit_test(an_empty_queue_has_bytes_that_may_be_read),
	    cmocka_unit_test(memory_is_given_back_when_a_burst_is_over),
	    cmocka_unit_test(a_long_rest_is_not_moved_for_every_byte),
	    cmocka_unit_test(text_is_formatted_behind_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
