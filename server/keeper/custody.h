/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager's connection to this keeper (protocol/custody.h). There is one at
 * most; a newer one replaces it, and without one the keeper goes on.
 */
#ifndef SERVER_KEEPER_CUSTODY_H
#define SERVER_KEEPER_CUSTODY_H

#include <stdbool.h>

#include "protocol/custody.h"
#include "server/common/channel.h"

struct keeper;

struct custody {
	struct keeper *keeper;
	struct channel *channel; /* owned; NULL: no manager */
	bool was_taken;          /* by a manager before this one */
};

void custody_init(struct custody *custody, struct keeper *keeper);

/* Serve a channel whose first message was take, and say how things stand.
 *   channel  taken; on the heap */
void custody_take(struct custody *custody, struct channel *channel);

/* Tell the manager how it stands. */
void custody_say_state(struct custody *custody);

/* Tell the manager, if there is one. body as for json_write. */
void custody_say(
    struct custody *custody, enum custody_type type, const void *body);

/* Give the manager a duplicate of the link, so that another keeper can take our
 * place. */
void custody_tell_link(struct custody *custody);

/* Whether a manager is there and has been sent all that was said. */
bool custody_is_told(const struct custody *custody);

/* Close once everything was said. */
void custody_finish(struct custody *custody);

#endif
