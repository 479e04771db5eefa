/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a ready task ends by itself, and when that is near: its time to live is
 * over, or it was idle for too long. Pure. Times are milliseconds of the boot
 * clock (clock.h), or of duration; 0 where there is none.
 *
 * An end is near LIFETIME_FIRST_MS before it, and nearer LIFETIME_LAST_MS
 * before it, or a tenth of the time that ends, where that is shorter.
 */
#ifndef SERVER_MANAGER_LIFETIME_H
#define SERVER_MANAGER_LIFETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/control.h"

#define LIFETIME_FIRST_MS 60000
#define LIFETIME_LAST_MS  10000

enum lifetime_stage {
	LIFETIME_FAR = 0,
	LIFETIME_NEAR,
	LIFETIME_NEARER,
	LIFETIME_OVER,
	LIFETIME_STAGES
};

struct lifetime {
	int64_t ttl_ms;       /* the whole of it, as was asked for */
	int64_t ends_ms;      /* ... and its end */
	int64_t idle_ms;      /* how long it may be idle */
	int64_t idle_from_ms; /* idleness counts from then on, at most */
	int64_t leased_ms;    /* the end of the longest lease */
	bool is_active;
};

struct lifetime_look {
	enum task_end end; /* the first to come; TASK_END_NONE */
	int64_t at_ms;     /* ... and when */
	enum lifetime_stage stage;
	int64_t next_ms; /* when to look again at the latest */
};

void lifetime_look(
    const struct lifetime *lifetime, int64_t now_ms, struct lifetime_look *out);

#endif
