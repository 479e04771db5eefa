/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"

static void
copies_are_equal_and_apart(void **state)
{
	char a[] = "A=1";
	char b[] = "B=";
	char *vector[] = {a, b, NULL};
	char **copy = memory_vector(vector);
	char *text = memory_string(a);
	char *bytes = memory_copy("x\0y", 3);

	(void)state;
	assert_int_equal(memory_vector_len(copy), 2);
	assert_string_equal(copy[0], a);
	assert_ptr_not_equal(copy[0], a);
	assert_string_equal(copy[1], b);
	assert_null(copy[2]);
	assert_string_equal(text, a);
	assert_memory_equal(bytes, "x\0y", 3);
	memory_vector_free(copy);
	free(text);
	free(bytes);
}

static void
nothing_stays_nothing(void **state)
{
	(void)state;
	assert_null(memory_string(NULL));
	assert_null(memory_copy(NULL, 5));
	assert_null(memory_vector(NULL));
	assert_int_equal(memory_vector_len(NULL), 0);
	memory_vector_free(NULL);
}

static void
memory_of_no_bytes_can_be_freed(void **state)
{
	char *none = memory_new(0, 8);
	char *copy = memory_copy("", 0);

	(void)state;
	assert_non_null(none);
	assert_non_null(copy);
	none = memory_resize(none, 0);
	assert_non_null(none);
	free(none);
	free(copy);
}

static void
what_is_taken_is_not_freed_or_closed(void **state)
{
	char *kept;
	int end;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	{
		autofree char *text = memory_string("kept");
		autoclose int fd = pipes[1];

		kept = take(&text);
		assert_null(text);
		end = take_fd(&fd);
		assert_int_equal(fd, -1);
	}
	assert_string_equal(kept, "kept");
	assert_int_equal(write(end, "x", 1), 1);
	free(kept);
	{
		autoclose int fd = pipes[0];

		assert_true(fd >= 0);
	}
	assert_int_equal(close(pipes[0]), -1);
	assert_int_equal(close(end), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copies_are_equal_and_apart),
	    cmocka_unit_test(nothing_stays_nothing),
	    cmocka_unit_test(memory_of_no_bytes_can_be_freed),
	    cmocka_unit_test(what_is_taken_is_not_freed_or_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
