/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of a task that run, as far as its keeper has said: each counts
 * once, however often a keeper that took another's place says so again.
 */
#ifndef SERVER_MANAGER_RUNNING_H
#define SERVER_MANAGER_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct running {
	uint32_t *numbers; /* owned; of execs that were said to have started */
	size_t count;
	size_t room;
	int64_t unnamed; /* that ran before we were told of each */
};

/* Free what it holds; it is empty then. */
void running_clear(struct running *running);

/* So many run, whichever they are: what was known is forgotten. */
void running_set(struct running *running, int64_t count);

/* One has started; false: that is known, or there are LIMIT_EXECS_MAX. */
bool running_add(struct running *running, uint32_t number);

/* One has ended; false: none ran that it could be. */
bool running_remove(struct running *running, uint32_t number);

int64_t running_count(const struct running *running);

#endif
