/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A brain's ways to its tasks: one attachment a task, asked from the manager
 * when it is first needed and kept for the next command.
 *
 *   asked    the manager has not answered      -> open, or gone
 *   open     connected to the task's keeper    -> closing
 *   closing  on_closed is still to come        -> gone
 */
#ifndef SERVER_GATE_BRAIN_ATTACHMENT_H
#define SERVER_GATE_BRAIN_ATTACHMENT_H

#include <stdbool.h>

#include "protocol/attachment.h"

struct ask;
struct attachment;
struct brain;
struct brain_listing;
struct error;

enum reach_state { REACH_ASKED = 0, REACH_OPEN, REACH_CLOSING, REACH_STATES };

struct brain_attachment {
	struct brain *brain;
	struct brain_attachment *next;
	enum reach_state state;
	enum right right;
	char *name; /* owned: what the task was called when it was asked for */
	char *task; /* owned: its id; NULL while asked */
	struct ask *ask;
	struct attachment *client; /* while open or closing */
	size_t execs;              /* on it, or waiting for it; also listings */
	struct brain_listing *listings; /* owned */
};

/*
 * The attachment to a task, open or being asked for.
 *   task     id or name
 *   returns  borrowed while it has execs; NULL: ERROR_LIMIT
 */
struct brain_attachment *brain_attachment_get(
    struct brain *brain, const char *task, struct error *err);

/* End it, when it is idle or when its brain is gone. Execs end as lost. */
void brain_attachment_close(struct brain_attachment *attachment);

/* A task ends or has ended: what is asked of it next must ask anew. */
void brain_attachment_forget(struct brain *brain, const char *task);

/* Stop and resume reading all of them. Each resume lets another one be first,
 * so that none starves. */
void brain_attachments_pause(struct brain *brain);
void brain_attachments_resume(struct brain *brain);

#endif
