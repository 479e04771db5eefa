/* SPDX-License-Identifier: Apache-2.0 */
/* One gate, as the files gate*.c share it. */
#ifndef SERVER_MANAGER_GATE_ENTRY_H
#define SERVER_MANAGER_GATE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/manager/gate.h"

struct gate {
	struct gates *gates;
	struct gate *next;
	struct asker asker;
	struct owner owner;
	struct process process; /* adopted by owner once it runs */
	uv_timer_t timer;       /* adopted by owner: until it says ready, or
	                           has drained */
	uint64_t started_ms;
	bool connected; /* the asker's last callback has not come */
	bool handles;   /* the owner's last callback has not come */
	bool is_retiring;
	bool is_told; /* to drain */
};

#endif
