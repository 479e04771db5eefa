/* SPDX-License-Identifier: Apache-2.0 */
/* subsystem: one of the table in subsystem.c. */
#include "server/gate/request.h"
#include "server/gate/subsystem.h"

static bool
accept_subsystem(struct session *session, const struct request_args *args)
{
	return subsystem_accept(session, args->name);
}

const struct request request_subsystem = {"subsystem", true, accept_subsystem};
