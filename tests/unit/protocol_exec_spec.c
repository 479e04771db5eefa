/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/exec_spec.h"
#include "protocol/limits.h"

/* {NAME: followed by open, a's and close: len bytes of a's. */
static int
read_long(const char *open, size_t len, const char *close, struct error *err)
{
	struct exec_spec spec;
	struct buffer text;
	uint8_t *room;
	int result;

	buffer_init(&text, 4u << 20);
	assert_int_equal(buffer_append(&text, open, strlen(open), NULL), 0);
	assert_int_equal(buffer_reserve(&text, len, &room, NULL), 0);
	memset(room, 'a', len);
	buffer_commit(&text, len);
	assert_int_equal(buffer_append(&text, close, strlen(close), NULL), 0);
	result = json_read(&exec_spec_shape, (const char *)buffer_bytes(&text),
	    buffer_len(&text), &spec, err);
	json_clear(&exec_spec_shape, &spec);
	buffer_clear(&text);
	return result;
}

static void
the_longest_of_each_member_passes_and_one_byte_more_does_not(void **state)
{
	static const struct {
		const char *open;
		size_t max;
		const char *close;
		const char *words;
	} rows[] = {
	    {"{\"command\":\"", LIMIT_COMMAND_BYTES, "\"}", "\"command\""},
	    {"{\"argv\":[\"", LIMIT_COMMAND_BYTES, "\"]}", "\"argv[0]\""},
	    {"{\"login\":true,\"cwd\":\"", LIMIT_PATH_BYTES, "\"}", "\"cwd\""},
	    {"{\"login\":true,\"user\":\"", LIMIT_USER_BYTES, "\"}",
	        "\"user\""},
	    {"{\"login\":true,\"name\":\"", LIMIT_NAME_BYTES, "\"}",
	        "\"name\""},
	    {"{\"login\":true,\"env\":{\"A\":\"", LIMIT_ENV_BYTES - 2, "\"}}",
	        "\"env.A\""},
	    {"{\"login\":true,\"stdin\":{\"data\":\"", LIMIT_STDIN_BYTES,
	        "\"}}", "\"stdin\""},
	    {"{\"login\":true,\"pty\":{\"rows\":1,\"cols\":1,\"term\":\"", 64,
	        "\"}}", "\"pty.term\""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};

		if (read_long(rows[i].open, rows[i].max, rows[i].close, &err) !=
		    0)
			fail_msg("%s", err.text);
		assert_int_equal(read_long(rows[i].open, rows[i].max + 1,
		                     rows[i].close, &err),
		    -1);
		assert_int_equal(err.code, ERROR_LIMIT);
		assert_non_null(strstr(err.text, rows[i].words));
	}
}

/* open, count items, close. */
static int
read_many(const char *open, const char *item, size_t count, const char *close,
    struct error *err)
{
	struct exec_spec spec;
	struct buffer text;
	int result;
	size_t i;

	buffer_init(&text, 1u << 20);
	assert_int_equal(buffer_append(&text, open, strlen(open), NULL), 0);
	for (i = 0; i < count; i++) {
		assert_int_equal(
		    buffer_append(&text, ",", i == 0 ? 0 : 1, NULL), 0);
		assert_int_equal(
		    buffer_printf(&text, NULL, "\"%s%zu\"", item, i), 0);
		if (strcmp(item, "V") == 0)
			assert_int_equal(
			    buffer_append(&text, ":\"\"", 3, NULL), 0);
	}
	assert_int_equal(buffer_append(&text, close, strlen(close), NULL), 0);
	result = json_read(&exec_spec_shape, (const char *)buffer_bytes(&text),
	    buffer_len(&text), &spec, err);
	json_clear(&exec_spec_shape, &spec);
	buffer_clear(&text);
	return result;
}

static void
the_most_arguments_and_variables_pass_and_one_more_does_not(void **state)
{
	static const char env[] = "{\"login\":true,\"env\":{";
	struct error err = {0};

	(void)state;
	assert_int_equal(
	    read_many("{\"argv\":[", "a", LIMIT_ARGV, "]}", &err), 0);
	assert_int_equal(
	    read_many("{\"argv\":[", "a", LIMIT_ARGV + 1, "]}", &err), -1);
	assert_string_equal(err.text, "\"argv\" has 1025 items, not 1 to 1024");
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(read_many(env, "V", LIMIT_ENV, "}}", &err), 0);
	assert_int_equal(read_many(env, "V", LIMIT_ENV + 1, "}}", &err), -1);
	assert_string_equal(err.text, "\"env\" has 257 items, not 0 to 256");
	assert_int_equal(err.code, ERROR_LIMIT);
}

static void
what_to_run_is_said_in_exactly_one_way(void **state)
{
	char ls[] = "ls";
	char empty[] = "";
	char *argv[] = {ls, NULL};
	char *none[] = {NULL};
	char *nameless[] = {empty, ls, NULL};
	const struct exec_pty terminal = {
	    .present = true, .rows = 24, .cols = 80};
	const struct {
		struct exec_spec spec;
		int result;
	} rows[] = {
	    {{.argv = argv}, 0},
	    {{.command = ls}, 0},
	    {{.login = true}, 0},
	    {{.argv = NULL}, -1},
	    {{.argv = argv, .command = ls}, -1},
	    {{.argv = argv, .login = true}, -1},
	    {{.command = ls, .login = true}, -1},
	    {{.argv = none}, -1},
	    {{.argv = nameless}, -1},
	    {{.argv = argv, .name = empty}, -1},
	    {{.argv = argv, .name = ls}, 0},
	    {{.argv = argv, .pty = terminal}, 0},
	    {{.argv = argv, .pty = terminal, .stdin_mode = EXEC_STDIN_OPEN}, 0},
	    {{.argv = argv, .pty = terminal, .input = {ls, 2}}, -1},
	    {{.argv = argv, .input = {ls, 2}}, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = {0};

		assert_int_equal(
		    exec_spec_check(&rows[i].spec, &err), rows[i].result);
		assert_int_equal(
		    err.code, rows[i].result == 0 ? ERROR_NONE : ERROR_INVALID);
	}
}

static void
a_command_is_described_in_as_much_room_as_there_is(void **state)
{
	char ls[] = "ls";
	char path[] = "/workspace";
	char *argv[] = {ls, path, NULL};
	char text[8];
	char large[64];

	(void)state;
	exec_spec_describe(
	    &(struct exec_spec){.argv = argv}, large, sizeof(large));
	assert_string_equal(large, "ls /workspace");
	exec_spec_describe(
	    &(struct exec_spec){.argv = argv}, text, sizeof(text));
	assert_string_equal(text, "ls /wor");
	exec_spec_describe(
	    &(struct exec_spec){.command = path}, text, sizeof(text));
	assert_string_equal(text, "/worksp");
	exec_spec_describe(
	    &(struct exec_spec){.login = true}, large, sizeof(large));
	assert_string_equal(large, "(login shell)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
	        the_longest_of_each_member_passes_and_one_byte_more_does_not),
	    cmocka_unit_test(
	        the_most_arguments_and_variables_pass_and_one_more_does_not),
	    cmocka_unit_test(what_to_run_is_said_in_exactly_one_way),
	    cmocka_unit_test(
	        a_command_is_described_in_as_much_room_as_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
