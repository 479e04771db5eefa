/* SPDX-License-Identifier: Apache-2.0 */
/* sessions [TASK]: the terminals there are. */
#include "protocol/name.h"
#include "server/gate/ops.h"
#include "server/gate/sessions.h"

static bool
open_sessions(struct session *session, char *const *words)
{
	if (words[0] != NULL && (words[1] != NULL || !name_is_valid(words[0])))
		return false;
	sessions_open(session, words[0]);
	return true;
}

const struct ops_verb ops_sessions = {"sessions", "[TASK]",
    "the terminals of a task, or of all", false, open_sessions};
