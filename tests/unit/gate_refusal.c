/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/gate/refusal.h"

static uint32_t
number_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static void
every_length_is_a_whole_packet(void **state)
{
	char text[REFUSAL_TEXT_BYTES + 40];
	uint8_t out[REFUSAL_BYTES];
	size_t wanted;

	(void)state;
	for (wanted = 0; wanted < sizeof(text) - 1; wanted++) {
		size_t shown =
		    wanted < REFUSAL_TEXT_BYTES ? wanted : REFUSAL_TEXT_BYTES;
		const uint8_t *packet;
		size_t len;
		size_t rest;

		memset(text, 'x', wanted);
		text[wanted] = '\0';
		len = refusal_write(out, text);
		assert_true(len <= sizeof(out));
		packet = memchr(out, '\n', len);
		assert_non_null(packet);
		packet++;
		rest = len - (size_t)(packet - out);
		assert_int_equal(number_at(packet) + 4, rest);
		assert_int_equal(rest % 8, 0);
		assert_true(packet[4] >= 4 && packet[4] < 12);
		assert_int_equal(packet[5], 1);
		assert_int_equal(number_at(packet + 6), 12);
		assert_int_equal(number_at(packet + 10), shown);
		assert_memory_equal(packet + 14, text, shown);
		assert_int_equal(rest, 4u + 1 + 13 + shown + packet[4]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_is_a_whole_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
