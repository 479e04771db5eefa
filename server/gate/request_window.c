/* SPDX-License-Identifier: Apache-2.0 */
/* window-change: the client's terminal has another size. */
#include "server/gate/request.h"
#include "server/gate/session.h"

static bool
accept_window(struct session *session, const struct request_args *args)
{
	struct session_pty *pty = &session->pty;

	if (!pty->present)
		return false;
	session_pty_resize(pty, args->rows, args->cols);
	pty->has_changed = session->open != NULL;
	return true;
}

const struct request request_window = {"window-change", false, accept_window};
