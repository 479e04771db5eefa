/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec that a brain has started or attached to.
 *
 *   waiting    for its attachment to open                 -> opening
 *   opening    start or attach was sent                   -> following
 *   following  its events go to the brain                 -> leaving
 *   leaving    detach was sent; nothing is shown any more
 *   unwanted   the start was canceled: to be killed as soon as it has started
 *
 * Every state ends in its attachment's on_end, but for waiting.
 */
#ifndef SERVER_GATE_BRAIN_EXEC_H
#define SERVER_GATE_BRAIN_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "server/gate/attachment_client.h"
#include "server/gate/brain_output.h"

struct brain;
struct brain_attachment;
struct brain_request;

enum exec_state {
	EXEC_WAITING = 0,
	EXEC_OPENING,
	EXEC_FOLLOWING,
	EXEC_LEAVING,
	EXEC_UNWANTED,
	EXEC_STATES
};

/* What a brain may still send to a command's stdin. */
enum input_state {
	INPUT_OPEN = 0,
	INPUT_ENDED,   /* by "eof" */
	INPUT_CLOSED,  /* from the start */
	INPUT_GIVEN,   /* with the exec request */
	INPUT_REFUSED, /* by the keeper, as why says */
	INPUT_STATES
};

struct brain_input {
	enum input_state state;
	struct json_data given; /* owned: "data" of the exec request itself */
	size_t given_sent;
	size_t held; /* its share of brain->held */
	uint64_t sent;
	struct brain_request *requests; /* stdin, oldest first */
	struct error why;
};

struct brain_exec {
	struct brain *brain;
	struct brain_exec *next; /* of the brain's */
	struct brain_attachment *attachment;
	struct attachment_exec on;
	enum exec_state state;
	char id[LIMIT_EXEC_ID_BYTES + 1]; /* empty until it is known */
	uint64_t since_ms;                /* followed */
	bool quiet;                   /* "attach": false: nothing is shown */
	bool aside;                   /* only for asks: see brain_terminal.h */
	bool is_terminal;             /* it has a pty; known while following */
	struct brain_request *opener; /* exec or attach, until it is answered */
	struct brain_request *leaver; /* detach */
	struct brain_request *signals; /* and resizes, oldest first */
	struct brain_request *asks;    /* screen, keys, wait, oldest first */
	int64_t last_ask;
	struct brain_input input;
	struct brain_output output[OUTPUT_STREAMS];
};

/*
 * An exec for a request (exec or attach) whose reply it gives once it is open.
 *   task     id or name
 *   opener   NULL: one aside, for asks that the caller adds
 *   returns  owned by the brain; NULL: ERROR_LIMIT
 */
struct brain_exec *brain_exec_new(struct brain *brain, const char *task,
    struct brain_request *opener, struct error *err);

/* Set its id, at most LIMIT_EXEC_ID_BYTES. */
void brain_exec_name(struct brain_exec *exec, const char *id);

/* Open it now if its attachment is; else that does when it is. */
void brain_exec_begin(struct brain_exec *exec);

/* By its id, in any state, but none aside; NULL. */
struct brain_exec *brain_exec_of(const struct brain *brain, const char *id);

/* One that may be steered; NULL: ERROR_STATE, with what to do about it. */
struct brain_exec *brain_exec_find(
    const struct brain *brain, const char *id, struct error *err);

/* The attachment is open: send the start or attach of each that waits. */
void brain_exec_open_all(struct brain_attachment *attachment);

/* The attachment will not open: refuse each that waits. */
void brain_exec_fail_all(
    struct brain_attachment *attachment, const struct error *err);

/* Whether one of those that wait wants to start a command. */
bool brain_exec_wants_start(const struct brain_attachment *attachment);

/* Leave it running and show no more; its end frees it. */
void brain_exec_leave(struct brain_exec *exec, const char *why);

/* Free one that waits; its opener is the caller's. */
void brain_exec_drop(struct brain_exec *exec);

#endif
