/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates: so many processes, each with a channel that it asks over. A gate
 * that ends, hangs up or misbehaves is replaced, ever more slowly while that
 * goes on. Gates that an earlier manager started connect to manager.sock and
 * are taken over. One that is no longer wanted retires: once others serve it is
 * told to drain, and has the configuration's drain_ms for its connections.
 */
#ifndef SERVER_MANAGER_GATE_H
#define SERVER_MANAGER_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/control.h"
#include "server/common/owner.h"
#include "server/manager/asker.h"
#include "server/manager/process.h"

struct gate;
struct manager;

#define GATE_ROOT           "run/gate"
#define GATE_SOCKET         GATE_ROOT "/manager.sock"
#define GATE_READY_MS       30000 /* to say ready, or it is killed */
#define GATE_LIVES_MS       1000 /* one that lived so long is replaced at once */
#define GATE_BACKOFF_MS     100  /* doubles up to */
#define GATE_BACKOFF_MS_MAX 5000
#define GATES_PER_CORE_MAX  256

struct gates {
	struct manager *manager; /* borrowed */
	struct gate *first;
	unsigned count;      /* processes, taken over ones too */
	unsigned retiring;   /* of these: that end once others serve */
	unsigned wanted;     /* that do not retire */
	uint64_t backoff_ms; /* before the next start; 0: at once */
	uv_timer_t restart;  /* adopted by the manager's owner */
	uv_timer_t drain;    /* adopted by the manager's owner */
	bool stopping;
};

/* Prepare; nothing runs yet. */
void gates_open(struct gates *gates, struct manager *manager);

/* Watch the gates that an earlier manager left; whether there are any. */
bool gates_adopt(struct gates *gates);

/*
 * The listening socket that one of those left still has.
 *   port     0: any; what it is, on 0
 *   out      owned
 *   returns  0, or -1: none can be had
 */
int gates_borrow_port(struct gates *gates, int *port, int *out);

/* Let all that are there now retire. */
void gates_renew(struct gates *gates);

/* Start those that are missing, and keep so many. */
void gates_start(struct gates *gates, unsigned wanted);

/* A connection on manager.sock; fd is taken. */
void gates_accept(struct gates *gates, int fd);

/* Tell every gate. */
void gates_say(struct gates *gates, enum control_type type, const void *body);

/* The gate has said ready: configure one that was taken over. */
void gate_ready(struct asker *asker, const struct control_ready *ready);

/* Push configuration and keys again, and keep so many gates from now on. */
void gates_configure(struct gates *gates, unsigned wanted);

/* Push the table of authorized keys again. */
void gates_push_keys(struct gates *gates);

/* Let them end by themselves for drain_ms, then kill them;
 * manager_gates_gone follows from the loop. */
void gates_stop(struct gates *gates, uint64_t drain_ms);

/* The time that gates_stop has given them is over. */
void gates_hurry(struct gates *gates);

#endif
