/* SPDX-License-Identifier: Apache-2.0 */
/* shell: the sandbox user's login shell, reading commands from the channel. For
 * the users brain and ops, who have none, what they can do instead. */
#include <assert.h>

#include "server/gate/notice.h"
#include "server/gate/ops.h"
#include "server/gate/remote_exec.h"
#include "server/gate/request.h"
#include "server/gate/session.h"

static void
hint_brain(struct session *session)
{
	notice_open(session, STREAM_STDERR,
	    "sallyport: this user speaks stream-json: ssh -s brain@... "
	    "stream-json\n",
	    NOTICE_STATUS_USAGE);
}

static bool
accept_shell(struct session *session, const struct request_args *args)
{
	static const session_open_fn shells[] = {
	    [ACCESS_BRAIN] = hint_brain,
	    [ACCESS_OPS] = ops_open,
	    [ACCESS_TASK] = remote_exec_open,
	};

	static_assert(sizeof(shells) / sizeof(shells[0]) == ACCESS_USERS,
	    "a row for each kind of user");
	(void)args;
	session->open = shells[session->kind];
	return true;
}

const struct request request_shell = {"shell", true, accept_shell};
