/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/subsystem.h"

#include <stddef.h>
#include <string.h>

#include "server/gate/brain.h"
#include "server/gate/session.h"
#include "server/gate/sessions.h"

static void
open_stream_json(struct session *session)
{
	brain_open(
	    &session->stream, session->gate, session->principal, session->id);
}

static void
open_sessions(struct session *session)
{
	sessions_open(session, session->task);
}

static void
open_all_sessions(struct session *session)
{
	sessions_open(session, NULL);
}

static const struct {
	const char *name;
	enum access_user kind; /* of user that has it */
	session_open_fn open;
} subsystems[] = {
    {"stream-json", ACCESS_BRAIN, open_stream_json},
    {"sessions", ACCESS_TASK, open_sessions},
    {"sessions", ACCESS_OPS, open_all_sessions},
};

bool
subsystem_accept(struct session *session, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++) {
		if (strcmp(subsystems[i].name, name) == 0 &&
		    subsystems[i].kind == session->kind) {
			session->open = subsystems[i].open;
			return true;
		}
	}
	return false;
}
