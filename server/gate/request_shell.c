/* SPDX-License-Identifier: Apache-2.0 */
/* shell: the sandbox user's login shell, reading commands from the channel. */
#include "server/gate/remote_exec.h"
#include "server/gate/request.h"
#include "server/gate/session.h"

static bool
accept_shell(struct session *session, const struct request_args *args)
{
	(void)args;
	if (!session->is_task)
		return false;
	session->open = remote_exec_open;
	return true;
}

const struct request request_shell = {"shell", true, accept_shell};
