/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a runtime can run a sandbox here, found out by running one. */
#ifndef SERVER_MANAGER_TRIAL_H
#define SERVER_MANAGER_TRIAL_H

struct error;

/*
 * Make the default image, a sandbox on it with the agent, and remove it all.
 *   runtime  program
 *   folder   where to do it; on the file system that tasks would be on
 *   agent    program
 *   hello_ms from nothing to the agent's first word
 *   returns  0, or -1 with what went wrong; nothing is left either way
 */
int trial_run(const char *runtime, const char *folder, const char *agent,
    long *hello_ms, struct error *err);

#endif
