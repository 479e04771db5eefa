/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start a prepared command: the child's side of the birth.
 *
 * The child shares this process's memory until it executes (vfork), so it says
 * which step failed, and why, by writing it down. It calls nothing that
 * allocates or locks.
 */
#ifndef AGENT_SPAWN_H
#define AGENT_SPAWN_H

#include <sys/resource.h>
#include <sys/types.h>

struct command;
struct refused;

struct spawn_way {
	const struct command *command; /* borrowed */
	int proc_fd;                   /* /proc */
	struct rlimit files; /* RLIMIT_NOFILE as commands shall have it */
};

/*
 * Run the command on this process's descriptors 0, 1 and 2; every other one
 * is close-on-exec. It gets a session of its own (so pid, process group and
 * session are one number), default signal dispositions, an empty mask, umask
 * 022, oom_score_adj 500, its user and groups, and no capability.
 *   pid      of the command, on 0
 *   returns  0, or -1 with refused set; no child is left
 */
int spawn_command(
    const struct spawn_way *way, pid_t *pid, struct refused *refused);

#endif
