/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/command.h"
#include "agent/refused.h"
#include "protocol/exec_spec.h"

#define NO_ETC "/no/such/folder"

static void
prepare(struct command *command, const struct exec_spec *spec)
{
	struct refused refused;

	if (command_prepare(command, spec, NO_ETC, &refused) != 0)
		fail_msg("%s", refused.text);
}

static const char *
get(char *const *envp, const char *name)
{
	size_t len = strlen(name);
	const char *found = NULL;

	for (; *envp != NULL; envp++) {
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=') {
			assert_null(found);
			found = *envp + len + 1;
		}
	}
	return found;
}

static void
a_command_is_its_shells_word(void **state)
{
	struct exec_spec spec = {.command = (char[]){"echo $0"}};
	struct command command;

	(void)state;
	prepare(&command, &spec);
	assert_string_equal(command.argv[0], "sh");
	assert_string_equal(command.argv[1], "-c");
	assert_string_equal(command.argv[2], "echo $0");
	assert_null(command.argv[3]);
	assert_string_equal(command.paths[0], "/bin/sh");
	assert_null(command.paths[1]);
	assert_false(command.searched);
	command_clear(&command);
}

static void
a_login_shell_has_a_dash(void **state)
{
	struct exec_spec spec = {.login = true};
	struct command command;

	(void)state;
	prepare(&command, &spec);
	assert_string_equal(command.argv[0], "-sh");
	assert_null(command.argv[1]);
	assert_string_equal(command.paths[0], "/bin/sh");
	command_clear(&command);
}

static void
a_path_is_not_searched(void **state)
{
	char *argv[] = {(char[]){"./tool"}, NULL};
	struct exec_spec spec = {.argv = argv};
	struct command command;

	(void)state;
	prepare(&command, &spec);
	assert_false(command.searched);
	assert_string_equal(command.paths[0], "./tool");
	assert_null(command.paths[1]);
	command_clear(&command);
}

static void
a_name_is_searched_in_its_own_path(void **state)
{
	static const struct {
		const char *path;
		const char *tried[4];
	} table[] = {
	    {"PATH=/a", {"/a/x"}},
	    {"PATH=/a:/b", {"/a/x", "/b/x"}},
	    {"PATH=", {"./x"}},
	    {"PATH=:", {"./x", "./x"}},
	    {"PATH=/a:", {"/a/x", "./x"}},
	    {"PATH=/a::b", {"/a/x", "./x", "b/x"}},
	};
	char *argv[] = {(char[]){"x"}, NULL};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char text[64];
		char *env[] = {text, NULL};
		struct exec_spec spec = {.argv = argv, .env = env};
		struct command command;
		size_t j;

		(void)snprintf(text, sizeof(text), "%s", table[i].path);
		prepare(&command, &spec);
		assert_true(command.searched);
		for (j = 0; table[i].tried[j] != NULL; j++)
			assert_string_equal(
			    command.paths[j], table[i].tried[j]);
		assert_null(command.paths[j]);
		command_clear(&command);
	}
}

static void
the_environment_is_the_users_and_what_was_given(void **state)
{
	char *env[] = {(char[]){"HOME=/elsewhere"}, (char[]){"EMPTY="},
	    (char[]){"LANGUAGE=de"}, NULL};
	struct exec_spec spec = {
	    .login = true, .env = env, .user = (char[]){"77"}};
	struct command command;

	(void)state;
	prepare(&command, &spec);
	assert_string_equal(get(command.envp, "HOME"), "/elsewhere");
	assert_string_equal(get(command.envp, "EMPTY"), "");
	assert_string_equal(get(command.envp, "LANGUAGE"), "de");
	assert_string_equal(get(command.envp, "LANG"), "C.UTF-8");
	assert_string_equal(get(command.envp, "USER"), "77");
	assert_string_equal(get(command.envp, "LOGNAME"), "77");
	assert_string_equal(get(command.envp, "SHELL"), "/bin/sh");
	assert_string_equal(get(command.envp, "PATH"),
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	command_clear(&command);
}

static void
a_terminal_has_a_name_and_a_type(void **state)
{
	static const struct {
		const char *term; /* the terminal's */
		const char *given;
		const char *wanted;
	} table[] = {
	    {NULL, "A=b", "xterm-256color"},
	    {"vt100", "A=b", "vt100"},
	    {NULL, "TERM=linux", "linux"},
	    {"vt100", "TERM=linux", "vt100"},
	};
	struct exec_spec spec = {.login = true};
	struct command command;
	size_t i;

	(void)state;
	prepare(&command, &spec);
	assert_null(get(command.envp, "TERM"));
	command_clear(&command);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char given[16];
		char term[16] = "";
		char *env[] = {given, (char[]){"SSH_TTY=none"}, NULL};

		(void)snprintf(given, sizeof(given), "%s", table[i].given);
		if (table[i].term != NULL)
			(void)snprintf(term, sizeof(term), "%s", table[i].term);
		spec.env = env;
		spec.pty = (struct exec_pty){.present = true,
		    .rows = 1,
		    .cols = 1,
		    .term = table[i].term == NULL ? NULL : term};
		prepare(&command, &spec);
		command_set_tty(&command, "/dev/pts/7");
		assert_string_equal(get(command.envp, "TERM"), table[i].wanted);
		assert_string_equal(get(command.envp, "SSH_TTY"), "/dev/pts/7");
		command_clear(&command);
	}
}

static void
a_refusal_is_text_for_a_person(void **state)
{
	char huge[2000];
	struct refused refused;

	(void)state;
	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	assert_int_equal(
	    refused_set(&refused, REFUSAL_NOT_FOUND, "a\n\xff\xc3\xa4\x7f"),
	    -1);
	assert_string_equal(refused.text, "a??\xc3\xa4?");
	(void)refused_set(&refused, REFUSAL_NOT_FOUND, "%s", huge);
	assert_int_equal(strlen(refused.text), REFUSED_TEXT_BYTES - 1);
	huge[REFUSED_TEXT_BYTES - 2] = '\xc3';
	huge[REFUSED_TEXT_BYTES - 1] = '\xa4';
	(void)refused_set(&refused, REFUSAL_NOT_FOUND, "%s", huge);
	assert_int_equal(refused.text[REFUSED_TEXT_BYTES - 2], '?');
	(void)refused_sys(&refused, EAGAIN, "fork");
	assert_int_equal(refused.reason, REFUSAL_LIMIT);
	(void)refused_sys(&refused, EPERM, "%s", huge);
	assert_int_equal(refused.reason, REFUSAL_SYSTEM);
	assert_non_null(strstr(refused.text, ": Operation not permitted"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_is_its_shells_word),
	    cmocka_unit_test(a_login_shell_has_a_dash),
	    cmocka_unit_test(a_path_is_not_searched),
	    cmocka_unit_test(a_name_is_searched_in_its_own_path),
	    cmocka_unit_test(the_environment_is_the_users_and_what_was_given),
	    cmocka_unit_test(a_terminal_has_a_name_and_a_type),
	    cmocka_unit_test(a_refusal_is_text_for_a_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
