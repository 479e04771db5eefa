/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/refused.h"
#include "protocol/exec_spec.h"
#include "protocol/memory.h"

#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define DEFAULT_TERM "xterm-256color"

/* SSH_TTY and TERM may come on top of what is given and these. */
enum { DEFAULTS = 6, OF_TERMINAL = 2 };

/* "first" and "second" with one character between, owned by the caller. */
static char *
join(const char *first, size_t len, char between, const char *second)
{
	size_t second_len = strlen(second);
	char *text = memory_new(1, len + 1 + second_len + 1);

	memcpy(text, first, len);
	text[len] = between;
	memcpy(text + len + 1, second, second_len);
	return text;
}

/* The value of name in a NULL-terminated vector of "name=value", or NULL. */
static const char *
variable(char *const *vector, const char *name)
{
	size_t len = strlen(name);

	for (; vector != NULL && *vector != NULL; vector++) {
		if (strncmp(*vector, name, len) == 0 && (*vector)[len] == '=')
			return *vector + len + 1;
	}
	return NULL;
}

/* There is room for what OF_TERMINAL counts. */
static void
set(struct command *command, const char *name, const char *value)
{
	size_t len = strlen(name);
	size_t i = 0;

	while (command->envp[i] != NULL &&
	       (strncmp(command->envp[i], name, len) != 0 ||
	           command->envp[i][len] != '='))
		i++;
	free(command->envp[i]);
	command->envp[i] = join(name, len, '=', value);
}

/* The terminal's own word on TERM is the last. */
static void
set_term(struct command *command, const struct exec_pty *pty)
{
	if (!pty->present)
		return;
	if (pty->term != NULL)
		set(command, "TERM", pty->term);
	else if (variable(command->envp, "TERM") == NULL)
		set(command, "TERM", DEFAULT_TERM);
}

static void
set_environment(struct command *command, const struct exec_spec *spec)
{
	const struct account *account = &command->account;
	const char *const defaults[DEFAULTS][2] = {
	    {"PATH", DEFAULT_PATH},
	    {"HOME", account->home},
	    {"USER", account->name},
	    {"LOGNAME", account->name},
	    {"SHELL", account->shell},
	    {"LANG", "C.UTF-8"},
	};
	size_t given = memory_vector_len(spec->env);
	size_t count = 0;
	size_t i;

	command->envp =
	    memory_new(DEFAULTS + given + OF_TERMINAL + 1, sizeof(char *));
	for (i = 0; i < DEFAULTS; i++) {
		const char *name = defaults[i][0];

		if (variable(spec->env, name) == NULL)
			command->envp[count++] =
			    join(name, strlen(name), '=', defaults[i][1]);
	}
	for (i = 0; i < given; i++)
		command->envp[count++] = memory_string(spec->env[i]);
	set_term(command, &spec->pty);
}

static void
set_arguments(struct command *command, const struct exec_spec *spec)
{
	const char *shell = command->account.shell;
	const char *base = strrchr(shell, '/') + 1;

	if (spec->argv != NULL) {
		command->argv = memory_vector(spec->argv);
		return;
	}
	command->argv = memory_new(4, sizeof(char *));
	if (spec->login) {
		command->argv[0] = join("", 0, '-', base);
		return;
	}
	command->argv[0] = memory_string(base);
	command->argv[1] = memory_string("-c");
	command->argv[2] = memory_string(spec->command);
}

static size_t
count_colons(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == ':';
	return count;
}

/* An empty PATH entry is the working folder, as execvp(3) has it. */
static void
set_search(struct command *command, const char *name)
{
	const char *at = variable(command->envp, "PATH");
	size_t count = 0;

	assert(at != NULL); /* set_environment has seen to it */
	command->searched = true;
	command->paths = memory_new(count_colons(at) + 2, sizeof(char *));
	while (at != NULL) {
		size_t len = strcspn(at, ":");

		command->paths[count++] = len == 0 ? join(".", 1, '/', name)
		                                   : join(at, len, '/', name);
		at = at[len] == ':' ? at + len + 1 : NULL;
	}
}

int
command_prepare(struct command *command, const struct exec_spec *spec,
    const char *etc, struct refused *refused)
{
	const char *program;

	command->argv = NULL;
	command->envp = NULL;
	command->paths = NULL;
	command->searched = false;
	if (account_find(etc, spec->user, &command->account, refused) != 0)
		return -1;
	command->cwd = spec->cwd;
	set_environment(command, spec);
	set_arguments(command, spec);
	program =
	    spec->argv != NULL ? command->argv[0] : command->account.shell;
	if (strchr(program, '/') == NULL) {
		set_search(command, program);
		return 0;
	}
	command->paths = memory_new(2, sizeof(char *));
	command->paths[0] = memory_string(program);
	return 0;
}

void
command_set_tty(struct command *command, const char *tty)
{
	set(command, "SSH_TTY", tty);
}

void
command_clear(struct command *command)
{
	account_clear(&command->account);
	memory_vector_free(command->argv);
	memory_vector_free(command->envp);
	memory_vector_free(command->paths);
	command->argv = NULL;
	command->envp = NULL;
	command->paths = NULL;
}
