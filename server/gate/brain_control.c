/* SPDX-License-Identifier: Apache-2.0 */
/* ping and cancel: about the connection and its requests. */
#include "protocol/error.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

static int
begin_ping(struct brain_request *request, struct error *err)
{
	(void)err;
	request_done(request);
	return 0;
}

static int
begin_cancel(struct brain_request *request, struct error *err)
{
	const char *id = request->body.cancel.request;
	struct brain_request *target = brain_request_find(request->brain, id);

	if (target == NULL || target == request)
		return error_set(err, ERROR_NOT_FOUND,
		    "\"request\" is not the id of an open request");
	if (request_cancel(target, err) != 0)
		return -1;
	request_done(request);
	return 0;
}

const struct verb verb_ping = {begin_ping, NULL};
const struct verb verb_cancel = {begin_cancel, NULL};
