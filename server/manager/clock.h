/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock, for what must hold across a restart or be shown. */
#ifndef SERVER_MANAGER_CLOCK_H
#define SERVER_MANAGER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since the epoch. */
static inline int64_t
clock_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
