/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a brain: one is open from its line to its reply, of which there
 * is exactly one. What each type does is a struct verb, in the file of its
 * noun: brain_task.c, brain_start.c, brain_follow.c, brain_input.c,
 * brain_terminal.c, brain_listing.c, brain_control.c.
 */
#ifndef SERVER_GATE_BRAIN_REQUEST_H
#define SERVER_GATE_BRAIN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/stream_json.h"

struct ask;
struct brain;
struct brain_creation;
struct brain_exec;
struct brain_listing;
struct error;

/* error.code of a request that "cancel" has ended. */
#define REQUEST_CANCELED "canceled"

struct brain_request {
	struct brain *brain;
	struct brain_request *next; /* of the brain's open requests */
	struct brain_request **link;
	struct brain_request *queued; /* behind it in a queue of its exec */
	enum request_type type;
	union request_body body; /* owned */
	size_t held;             /* its share of brain->held */
	struct ask *ask;         /* open question to the manager, or NULL */
	struct brain_creation *creation; /* task.create: owned; or NULL */
	struct brain_listing *listing;   /* sessions: borrowed; or NULL */
	struct buffer answer;            /* a list as JSON, while it comes */
	struct brain_exec *exec;         /* that it waits for; NULL */
	size_t sent;       /* stdin: bytes given to the attachment */
	uint64_t sent_end; /* ... and where they end, once all are: */
	bool is_sent;      /* as is a question to a terminal ... */
	int64_t number;    /* ... by this number */
};

struct verb {
	/* Do it, or begin to: the reply may come later. -1: it is refused with
	 * err. */
	int (*begin)(struct brain_request *request, struct error *err);
	/* End it before its time, with its reply of REQUEST_CANCELED. -1: it
	 * cannot be. NULL: never can. */
	int (*cancel)(struct brain_request *request, struct error *err);
};

/* NULL is accepted. */
void brain_creation_free(struct brain_creation *creation);

/* The listing of a request that is gone. NULL is accepted. */
void brain_listing_forget(struct brain_listing *listing);

extern const struct verb verb_task_create;
extern const struct verb verb_task_list;
extern const struct verb verb_task_get;
extern const struct verb verb_task_update;
extern const struct verb verb_task_destroy;
extern const struct verb verb_lease;
extern const struct verb verb_exec;
extern const struct verb verb_stdin;
extern const struct verb verb_signal;
extern const struct verb verb_attach;
extern const struct verb verb_detach;
extern const struct verb verb_resize;
extern const struct verb verb_screen;
extern const struct verb verb_keys;
extern const struct verb verb_wait;
extern const struct verb verb_sessions;
extern const struct verb verb_cancel;
extern const struct verb verb_ping;

/* Read one line and begin what it asks; every refusal is replied to. */
void brain_request_take(struct brain *brain, const char *line, size_t len);

/* The reply to a line without a request that could be read. */
void brain_refuse_line(
    struct brain *brain, const char *id, const struct error *err);

/* An open request by its id, or NULL. */
struct brain_request *brain_request_find(
    const struct brain *brain, const char *id);

/* A reply with everything absent but id and "ok": true; nothing is owned. */
void request_reply_init(
    const struct brain_request *request, struct event_reply *reply);

/* Give the reply and free the request. */
void request_reply(
    struct brain_request *request, const struct event_reply *reply);

/* The reply stands in answer already, as a line. */
void request_reply_lines(struct brain_request *request);

/* A list is coming: let it hold its share. */
void request_list_begin(struct brain_request *request);

/* Append one of a list to answer. */
void request_list_add(struct brain_request *request,
    const struct json_shape *shape, const void *body);

/* Give a reply with member: [answer], and free the request. */
void request_reply_list(struct brain_request *request, const char *member);

/* "ok": true and nothing more. */
void request_done(struct brain_request *request);

/* "ok": false. request_fail_with takes a code that is not an error_code. */
void request_fail(struct brain_request *request, const struct error *err);
void request_fail_with(
    struct brain_request *request, const char *code, const char *message);

/* The connection is gone: free what asks the manager. What waits for an exec
 * ends with that. */
void brain_requests_abandon(struct brain *brain);

/* End a request by its verb's cancel; -1: it cannot be. */
int request_cancel(struct brain_request *request, struct error *err);

/* request_fail for each of a queue, which is empty afterwards. */
void request_queue_fail(struct brain_request **queue, const struct error *err);

/* Put at the end of a queue; remove from anywhere in it. */
void request_queue_add(
    struct brain_request **queue, struct brain_request *request);
void request_queue_remove(
    struct brain_request **queue, struct brain_request *request);

#endif
