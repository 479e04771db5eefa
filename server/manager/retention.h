/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For how long recordings are kept after their task: those that are older are
 * removed, at the start and then once an hour, in a thread.
 */
#ifndef SERVER_MANAGER_RETENTION_H
#define SERVER_MANAGER_RETENTION_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "protocol/error.h"
#include "server/common/owner.h"

struct manager;
struct recordings_task;

#define RETENTION_EVERY_MS 3600000u /* an hour */

struct retention {
	struct manager *manager; /* borrowed */
	struct owner owner;
	uv_timer_t timer; /* adopted by owner */
	uv_work_t work;
	struct recordings_task *tasks; /* owned by the work under way */
	size_t count;
	struct error err; /* of that work */
	bool is_busy;
};

/* Begin; nothing is removed before the loop runs. */
void retention_open(struct retention *retention, struct manager *manager);

/* End; what is being removed is completed. Also for one that was not opened. */
void retention_close(struct retention *retention);

#endif
