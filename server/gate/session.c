/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/session.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/gate/remote_exec.h"

void
session_env_set(struct session *session, size_t place, char *pair)
{
	if (place == session->env_count) {
		session->env = memory_resize(session->env,
		    (session->env_count + 2) * sizeof(*session->env));
		session->env_count++;
		session->env[session->env_count] = NULL;
	} else {
		session->env_bytes -= strlen(session->env[place]);
		free(session->env[place]);
	}
	session->env[place] = pair;
	session->env_bytes += strlen(pair);
}

void
session_clear(struct session *session)
{
	remote_exec_drop(session->remote);
	session->remote = NULL;
	memory_vector_free(session->env);
	session->env = NULL;
	session->env_count = 0;
	session->env_bytes = 0;
	free(session->command);
	session->command = NULL;
}
