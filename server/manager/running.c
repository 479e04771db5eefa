/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/running.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/memory.h"

#define ROOM_FIRST 8

void
running_clear(struct running *running)
{
	free(running->numbers);
	memset(running, 0, sizeof(*running));
}

void
running_set(struct running *running, int64_t count)
{
	running->count = 0;
	running->unnamed = count;
}

static size_t
find(const struct running *running, uint32_t number)
{
	size_t i = 0;

	while (i < running->count && running->numbers[i] != number)
		i++;
	return i;
}

bool
running_add(struct running *running, uint32_t number)
{
	if (find(running, number) < running->count ||
	    running_count(running) >= LIMIT_EXECS_MAX)
		return false;
	if (running->count == running->room) {
		running->room =
		    running->room == 0 ? ROOM_FIRST : 2 * running->room;
		running->numbers = memory_resize(running->numbers,
		    running->room * sizeof(*running->numbers));
	}
	running->numbers[running->count++] = number;
	return true;
}

bool
running_remove(struct running *running, uint32_t number)
{
	size_t at = find(running, number);

	if (at < running->count) {
		running->numbers[at] = running->numbers[--running->count];
		return true;
	}
	if (running->unnamed == 0)
		return false;
	running->unnamed--;
	return true;
}

int64_t
running_count(const struct running *running)
{
	return (int64_t)running->count + running->unnamed;
}
