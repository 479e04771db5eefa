/* SPDX-License-Identifier: Apache-2.0 */
/* watch TASK[+NAME]: see a terminal, and touch nothing. */
#include "server/gate/access.h"
#include "server/gate/ops.h"
#include "server/gate/ops_view.h"

static bool
open_watch(struct session *session, char *const *words)
{
	struct access_name name;

	if (words[0] == NULL || words[1] != NULL ||
	    !access_split(words[0], &name))
		return false;
	ops_view_watch(session, name.task, name.terminal);
	return true;
}

const struct ops_verb ops_watch = {"watch", "TASK[+NAME]",
    "see a terminal, read-only; q ends it", true, open_watch};
