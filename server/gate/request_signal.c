/* SPDX-License-Identifier: Apache-2.0 */
/* signal: to the session's command. Never answered (RFC 4254 section 6.9). */
#include <stdio.h>
#include <string.h>

#include "protocol/signal.h"
#include "server/gate/request.h"
#include "server/gate/session.h"

static bool
accept_signal(struct session *session, const struct request_args *args)
{
	char *slot;

	if (session->open == NULL || signal_number(args->name) < 0 ||
	    strlen(args->name) >= SESSION_SIGNAL_BYTES ||
	    session->signal_count == SESSION_SIGNALS_MAX)
		return false;
	slot = session->signals[session->signal_count++];
	(void)snprintf(slot, SESSION_SIGNAL_BYTES, "%s", args->name);
	return true;
}

const struct request request_signal = {"signal", false, accept_signal};
