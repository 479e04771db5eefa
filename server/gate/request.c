/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/request.h"

#include <stddef.h>
#include <string.h>

#include "server/gate/session.h"

static const struct request *const requests[] = {
    &request_env,
    &request_exec,
    &request_pty,
    &request_shell,
    &request_signal,
    &request_subsystem,
    &request_window,
};

static const struct request *
find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (strcmp(requests[i]->name, name) == 0)
			return requests[i];
	}
	return NULL;
}

bool
request_accept(
    struct session *session, const char *name, const struct request_args *args)
{
	const struct request *request = find(name);

	if (request == NULL || (request->is_opening && session->open != NULL))
		return false;
	return request->accept(session, args);
}
