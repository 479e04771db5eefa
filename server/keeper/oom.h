/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many processes of the task the kernel has killed at its memory limit,
 * from the file that the manager gave: memory.oom_control of cgroup v1 or
 * memory.events of v2; both have a line "oom_kill N".
 */
#ifndef SERVER_KEEPER_OOM_H
#define SERVER_KEEPER_OOM_H

#include <stdint.h>

struct error;

/*
 * Read the counter.
 *   fd  open for reading, or -1: there is none, and the count is 0
 *   returns 0, or -1 ERROR_SYSTEM, ERROR_INVALID (no such line)
 */
int oom_count(int fd, int64_t *count, struct error *err);

#endif
