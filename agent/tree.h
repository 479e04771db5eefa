/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes below one: found through /proc by who is whose parent, which
 * a command cannot change, so setsid, double forks and new process groups do
 * not hide from it. The root must be a subreaper, or its orphans would leave.
 *
 * A process is signalled through a pidfd after its parent was read once more,
 * so that a number that was given to another process meanwhile is never hit.
 */
#ifndef AGENT_TREE_H
#define AGENT_TREE_H

#include <stddef.h>
#include <sys/types.h>

struct tree {
	int proc_fd;         /* /proc */
	pid_t root;          /* not itself of the tree */
	const pid_t *spared; /* these and what is below them are not either */
	size_t spared_count;
};

/*
 * Send a signal to every process of the tree that is there now.
 * returns how many live, or -1 with errno: /proc could not be read
 */
int tree_signal(const struct tree *tree, int number);

/*
 * Stop the whole tree, looking again until no new process turns up, and then
 * kill it. What has died must not be reaped meanwhile: in a sandbox the dead
 * use up the pids limit, which is what ends a program that forks and exits
 * faster than /proc can be read.
 * returns how many lived, 0 when all are gone, or -1 with errno. Call again
 *         until it says 0.
 */
int tree_kill(const struct tree *tree);

#endif
