/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task events. What a brain does not read in time is kept as one notice a
 * task, the newest, so that changes of many tasks cost bounded memory.
 */
#ifndef SERVER_GATE_BRAIN_NOTICE_H
#define SERVER_GATE_BRAIN_NOTICE_H

#include "protocol/buffer.h"
#include "protocol/name.h"

#define BRAIN_NOTICES_MAX 16384u /* tasks; more than a gateway has */

struct brain;

struct brain_notice {
	struct brain_notice *next;
	char *task;         /* owned */
	struct buffer line; /* the event, with its newline */
};

/* Begin to receive the events of the tasks that the principal may see. */
void brain_notices_watch(struct brain *brain);

/* Queue what has waited, as far as the brain reads. */
void brain_notices_send(struct brain *brain);

void brain_notices_clear(struct brain *brain);

#endif
