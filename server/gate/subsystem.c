/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/subsystem.h"

#include <stddef.h>
#include <string.h>

#include "server/gate/brain.h"
#include "server/gate/session.h"

static void
open_stream_json(struct session *session)
{
	brain_open(
	    &session->stream, session->gate, session->principal, session->id);
}

static const struct {
	const char *name;
	bool for_tasks; /* of a task's user, else of the user brain */
	session_open_fn open;
} subsystems[] = {
    {"stream-json", false, open_stream_json},
};

bool
subsystem_accept(struct session *session, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++) {
		if (strcmp(subsystems[i].name, name) == 0 &&
		    subsystems[i].for_tasks == session->is_task) {
			session->open = subsystems[i].open;
			return true;
		}
	}
	return false;
}
