/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a command for the sandbox user's shell. For the user brain only
 * "stream-json" is one, for clients that cannot ask for a subsystem.
 */
#include <string.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/ops.h"
#include "server/gate/remote_exec.h"
#include "server/gate/request.h"
#include "server/gate/session.h"
#include "server/gate/subsystem.h"

static bool
accept_exec(struct session *session, const struct request_args *args)
{
	size_t len = strlen(args->command);

	if (len > LIMIT_COMMAND_BYTES)
		return false;
	if (session->kind == ACCESS_BRAIN)
		return subsystem_accept(session, args->command);
	if (len > 0)
		session->command = memory_string(args->command);
	session->open =
	    session->kind == ACCESS_OPS ? ops_open : remote_exec_open;
	return true;
}

const struct request request_exec = {"exec", true, accept_exec};
