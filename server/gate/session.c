/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/session.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/gate/remote.h"

/* A client's number was unsigned. */
static int
clamp(int size, int absent, int max)
{
	if (size == 0)
		return absent;
	return size < 0 || size > max ? max : size;
}

void
session_pty_resize(struct session_pty *pty, int rows, int cols)
{
	pty->rows = clamp(rows, 24, LIMIT_PTY_ROWS);
	pty->cols = clamp(cols, 80, LIMIT_PTY_COLS);
}

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
	remote_drop(session->remote);
	session->remote = NULL;
	memory_vector_free(session->env);
	session->env = NULL;
	session->env_count = 0;
	session->env_bytes = 0;
	free(session->command);
	session->command = NULL;
}
