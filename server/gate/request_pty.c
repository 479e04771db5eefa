/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pty-req: the client has a terminal and wants one. Once, before anything runs.
 * Its modes are not looked at: docs/decisions/0010 says why.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"
#include "server/gate/request.h"
#include "server/gate/session.h"

/* A client whose own TERM is not set is no xterm. */
#define TERM_UNSET "dumb"

/* As terminfo's names are: printable, of ASCII. */
static bool
is_valid(const char *term)
{
	size_t i;

	for (i = 0; term[i] != '\0'; i++) {
		if (i >= LIMIT_TERM_BYTES || term[i] <= ' ' || term[i] > '~')
			return false;
	}
	return true;
}

static bool
accept_pty(struct session *session, const struct request_args *args)
{
	struct session_pty *pty = &session->pty;

	if (session->open != NULL || pty->present || !is_valid(args->name))
		return false;
	pty->present = true;
	session_pty_resize(pty, args->rows, args->cols);
	(void)snprintf(pty->term, sizeof(pty->term), "%s",
	    args->name[0] == '\0' ? TERM_UNSET : args->name);
	return true;
}

const struct request request_pty = {"pty-req", false, accept_pty};
