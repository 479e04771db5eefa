/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command made ready to run: who runs it, its arguments, environment and
 * folder, and where its program may lie. Everything is computed before the
 * vfork, whose child may not allocate.
 */
#ifndef AGENT_COMMAND_H
#define AGENT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/account.h"

struct exec_spec;
struct refused;

struct command {
	struct account account;
	char **argv;     /* owned, NULL-terminated */
	char **envp;     /* owned, NULL-terminated */
	char **paths;    /* owned, NULL-terminated: the program, or with a PATH
	                    search where it is tried, in order */
	bool searched;   /* paths come from PATH */
	const char *cwd; /* borrowed from spec; NULL: home, and "/" if that
	                    cannot be entered */
};

/*
 * Make spec ready, with what the files in etc say about its user.
 *   spec     outlives the command
 *   returns  0, or -1 with refused set (account_find's reasons). The command
 *            needs command_clear after either.
 *
 * "argv" runs as it is; its program is looked up in the PATH of the command's
 * own environment. "command" runs as the user's shell with -c, "login" as the
 * shell with '-' before its name. The environment is PATH, HOME, USER, LOGNAME,
 * SHELL and LANG=C.UTF-8; spec.env overrides each and adds to them. With a
 * terminal there is also TERM: the terminal's, else that of spec.env, else
 * xterm-256color.
 */
int command_prepare(struct command *command, const struct exec_spec *spec,
    const char *etc, struct refused *refused);

/* Name the command's terminal, "/dev/pts/0", in SSH_TTY. Once. */
void command_set_tty(struct command *command, const char *tty);

/* Free what the command owns. */
void command_clear(struct command *command);

#endif
