/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start a prepared command: the child's side of the birth.
 *
 * The child shares this process's memory until it executes (vfork). It calls
 * nothing that allocates or locks. The agent hears from the child itself that
 * it is about to execute the command, and that it could not: so that is known
 * even if somebody kills this process before it could pass it on.
 */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct command;

struct spawn_way {
	const struct command *command; /* borrowed */
	int proc_fd;                   /* /proc */
	int report_fd;                 /* to the agent, as report.h has it */
	bool terminal;       /* descriptor 0 becomes its controlling terminal */
	struct rlimit files; /* RLIMIT_NOFILE as commands shall have it */
};

/*
 * Run the command on this process's descriptors 0, 1 and 2; every other one
 * is close-on-exec. It gets a session of its own (so pid, process group and
 * session are one number), default signal dispositions, an empty mask, umask
 * 022, oom_score_adj 500, its user and groups, and no capability.
 * Told on report_fd: TRYING, and STARTED or REFUSED.
 *   pid      of the command, on 0
 *   returns  0, or -1: it was refused, no child is left
 */
int spawn_command(const struct spawn_way *way, pid_t *pid);

#endif
