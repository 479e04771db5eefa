/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's questions to the manager, and what the manager tells it unasked.
 *
 * A question is an ask: it ends with on_answer, exactly once, or with
 * ask_cancel. While the manager is being replaced questions wait: the client
 * connects to MANAGER_PATH every MANAGER_RETRY_MS and asks again what is safe
 * to ask twice (all but a create without a token, which fails with
 * ERROR_STATE). What is unanswered after MANAGER_ANSWER_MS fails with
 * ERROR_SYSTEM.
 */
#ifndef SERVER_GATE_MANAGER_CLIENT_H
#define SERVER_GATE_MANAGER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/control.h"
#include "protocol/error.h"
#include "server/common/channel.h"
#include "server/common/owner.h"

#define MANAGER_PATH      "/manager.sock" /* in the gate's root */
#define MANAGER_RETRY_MS  50
#define MANAGER_GONE_MS   60000 /* then it will not come back */
#define MANAGER_ANSWER_MS 65000 /* a create may take long */
#define MANAGER_ASKS_MAX  16384 /* open at once; more are refused */

struct ask;
struct error;
struct manager_client;
struct task_watch;

struct manager_events {
	/* configure, keys, names and drain. body is borrowed; fd is taken, -1
	 * for none. */
	void (*on_message)(void *data, enum control_type type,
	    const union control_body *body, int fd);
	/* What ready says: how many sessions are open. */
	int64_t (*on_ready)(void *data);
	/* It did not come back within MANAGER_GONE_MS. */
	void (*on_gone)(void *data);
	/* Whether a principal sees a task's events. */
	bool (*may_see)(
	    void *data, const char *principal, const struct control_task *task);
	/* manager_close is done: no handle is left. */
	void (*on_closed)(void *data);
};

struct manager_client {
	uv_loop_t *loop;
	const struct manager_events *events;
	void *data;
	struct owner owner;
	uv_timer_t timer; /* the next try, or the first ask to run out */
	struct channel channel;
	bool draining;  /* what ready says: the gate accepts no more */
	bool connected; /* channel is open */
	bool closing;
	uint64_t away_ms; /* since when not connected */
	int64_t last_request;
	struct ask *first; /* open ones, oldest first */
	struct ask *last;
	size_t count;
	size_t refused; /* of count: to be told so */
	struct task_watch *watches;
	struct task_watch *next_watch; /* while events are handed out */
};

/*
 * Speak on fd, the channel from the manager, which is taken.
 *   events   borrowed until on_closed
 *   returns  0, or -1 and no callback will come
 */
int manager_open(struct manager_client *manager, uv_loop_t *loop, int fd,
    const struct manager_events *events, void *data, struct error *err);

/* I serve: tell the manager. Later connections tell it by themselves. */
void manager_ready(struct manager_client *manager);

/* For the audit: no answer, and lost while the manager is away. */
void manager_tell(
    struct manager_client *manager, const struct control_session *session);

/* End: open asks are dropped without a callback. on_closed follows. */
void manager_close(struct manager_client *manager);

struct ask_events {
	/* One task of a list, or the task of a create, get or update; before
	 * on_answer. task is borrowed for the call. NULL: not wanted. */
	void (*on_task)(void *data, const struct control_task *task);
	/* One recording of a list; as on_task. */
	void (*on_recording)(
	    void *data, const struct control_recording *recording);
	/*
	 * The end of the ask, from the loop and never inside manager_ask.
	 *   err   NULL: done; else what the manager refused or what failed
	 *   task  id, borrowed; NULL with err and for a list
	 *   fd    attach, replay: the attachment's socket, taken by the callee;
	 *         else -1
	 */
	void (*on_answer)(
	    void *data, const struct error *err, const char *task, int fd);
};

/*
 * Ask. "request" of body is filled in by the client.
 *   type     CONTROL_ATTACH and body->attach, CONTROL_TASK_CREATE and
 *            body->create, _LIST, _GET, _DESTROY and body->ask, _UPDATE and
 *            body->update, CONTROL_LEASE and body->lease, CONTROL_RECORDINGS
 * and body->ask, CONTROL_REPLAY and body->replay body     borrowed for the call
 *   events   borrowed until the ask ends
 *   returns  the ask, borrowed until it ends; never NULL
 */
struct ask *manager_ask(struct manager_client *manager, enum control_type type,
    const union control_body *body, const struct ask_events *events,
    void *data);

/* Whoever asked has gone: no callback will come. An attachment that arrives
 * is closed. NULL is accepted. */
void ask_cancel(struct ask *ask);

/* Task events for one principal. Embedded in what wants them. */
struct task_watch {
	/* task is borrowed for the call; may call manager_unwatch. */
	void (*on_task)(
	    struct task_watch *watch, const struct control_task *task);
	const char *principal; /* borrowed until manager_unwatch */
	struct task_watch *next;
	struct task_watch **link; /* what points here; NULL: not watching */
};

/* Begin to receive changes of the tasks that principal may see: its own, or
 * all for roles that see all. */
void manager_watch(struct manager_client *manager, struct task_watch *watch);

/* Safe when not watching. */
void manager_unwatch(struct manager_client *manager, struct task_watch *watch);

#endif
