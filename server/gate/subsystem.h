/* SPDX-License-Identifier: Apache-2.0 */
/* What a session may run besides commands, by the name that clients use. */
#ifndef SERVER_GATE_SUBSYSTEM_H
#define SERVER_GATE_SUBSYSTEM_H

#include <stdbool.h>

struct session;

/* Set session->open for the subsystem of that name; false: there is none for
 * this session's user. */
bool subsystem_accept(struct session *session, const char *name);

#endif
