/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/custody.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/link.h"

static char program[] = "x";
static char user[] = "alice";
static char cwd[] = "/w";
static char *argv[] = {program, NULL};

/* What the agent will read. */
static void
write_and_read(const struct custody_configure *config,
    const struct exec_spec *spec, struct link_exec *out)
{
	struct error err = {0};
	struct buffer message;
	union link_body body;
	int type;

	assert_int_equal(command_write(config, spec, &message, &err), 0);
	assert_int_equal(json_read_typed(&link_messages,
	                     (const char *)buffer_bytes(&message),
	                     buffer_len(&message), &type, &body, &err),
	    0);
	assert_int_equal(type, LINK_EXEC);
	*out = body.exec;
	buffer_clear(&message);
}

static void
a_command_goes_over_its_tasks_defaults(void **state)
{
	char under[3][8] = {"A=task", "AB=task", "C=task"};
	char over[3][8] = {"AB=own", "A=", "D=own"};
	char own_cwd[] = "/own", own_token[] = "t";
	char *task_env[] = {under[0], under[1], under[2], NULL};
	char *own_env[] = {over[0], over[1], over[2], NULL};
	struct custody_configure config = {
	    .env = task_env, .user = user, .cwd = cwd};
	struct exec_spec spec = {.argv = argv,
	    .env = own_env,
	    .cwd = own_cwd,
	    .timeout_ms = 9,
	    .token = own_token,
	    .overflow = OVERFLOW_DROP};
	struct link_exec read;

	(void)state;
	write_and_read(&config, &spec, &read);
	assert_string_equal(read.spec.user, "alice");
	assert_string_equal(read.spec.cwd, "/own");
	assert_int_equal(read.spec.timeout_ms, 0);
	assert_null(read.spec.token);
	assert_int_equal(read.spec.overflow, OVERFLOW_SLOW);
	assert_string_equal(read.spec.env[0], "C=task");
	assert_string_equal(read.spec.env[1], "AB=own");
	assert_string_equal(read.spec.env[2], "A=");
	assert_string_equal(read.spec.env[3], "D=own");
	assert_null(read.spec.env[4]);
	json_clear(link_shapes[LINK_EXEC], &read);
}

static void
given_input_goes_as_an_open_stdin(void **state)
{
	char bytes[] = "in";
	struct custody_configure config = {.user = user, .cwd = cwd};
	struct exec_spec spec = {.argv = argv, .input = {bytes, 2}};
	struct link_exec read;

	(void)state;
	write_and_read(&config, &spec, &read);
	assert_int_equal(read.spec.stdin_mode, EXEC_STDIN_OPEN);
	assert_null(read.spec.input.bytes);
	assert_null(read.spec.env);
	json_clear(link_shapes[LINK_EXEC], &read);
}

static void
more_than_the_agent_reads_is_refused(void **state)
{
	static char names[LIMIT_ENV + 1][16];
	char variable[] = "TASK=1";
	char *task_env[] = {variable, NULL};
	char *own_env[LIMIT_ENV + 2];
	char *large_argv[4] = {0};
	char *large = malloc(LIMIT_COMMAND_BYTES);
	struct custody_configure config = {
	    .env = task_env, .user = user, .cwd = cwd};
	struct exec_spec many = {.argv = argv, .env = own_env};
	struct exec_spec long_argv = {.argv = large_argv};
	struct error err = {0};
	struct buffer message;
	unsigned i;

	(void)state;
	for (i = 0; i < LIMIT_ENV; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "V%u=", i);
		own_env[i] = names[i];
	}
	own_env[LIMIT_ENV] = NULL;
	assert_int_equal(command_write(&config, &many, &message, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	own_env[0] = task_env[0];
	assert_int_equal(command_write(&config, &many, &message, &err), 0);
	buffer_clear(&message);
	memset(large, 'x', LIMIT_COMMAND_BYTES - 1);
	large[LIMIT_COMMAND_BYTES - 1] = '\0';
	large_argv[0] = large_argv[1] = large_argv[2] = large;
	assert_int_equal(
	    command_write(&config, &long_argv, &message, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	free(large);
}

static void
commands_are_told_apart_by_their_digest(void **state)
{
	char one[] = "one", two[] = "two", token[] = "t";
	char *first[] = {one, NULL}, *second[] = {two, NULL};
	char name[] = "A=b";
	char *env[] = {name, NULL};
	const struct exec_spec specs[] = {
	    {.argv = first},
	    {.argv = second},
	    {.command = one},
	    {.argv = first, .env = env},
	    {.argv = first, .stdin_mode = EXEC_STDIN_OPEN},
	    {.argv = first, .input = {one, 3}},
	    {.argv = first, .timeout_ms = 1},
	    {.argv = first, .token = token},
	};
	char digests[8][COMMAND_DIGEST_BYTES + 1];
	char again[COMMAND_DIGEST_BYTES + 1];
	size_t i, k;

	(void)state;
	for (i = 0; i < 8; i++) {
		command_digest(&specs[i], digests[i]);
		command_digest(&specs[i], again);
		assert_int_equal(strlen(again), COMMAND_DIGEST_BYTES);
		assert_string_equal(digests[i], again);
		for (k = 0; k < i; k++)
			assert_string_not_equal(digests[i], digests[k]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_goes_over_its_tasks_defaults),
	    cmocka_unit_test(given_input_goes_as_an_open_stdin),
	    cmocka_unit_test(more_than_the_agent_reads_is_refused),
	    cmocka_unit_test(commands_are_told_apart_by_their_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
