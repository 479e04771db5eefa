/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate itself tells a client, and nothing else: text and a status. */
#ifndef SERVER_GATE_NOTICE_H
#define SERVER_GATE_NOTICE_H

#include "server/gate/stream.h"

#define NOTICE_STATUS_USAGE 2 /* as a shell's builtins have it */

struct session;

/* Become the user of the session's stream: send text, whose lines end in \n,
 * and end with that status. text is copied. */
void notice_open(struct session *session, enum stream_output output,
    const char *text, int status);

#endif
