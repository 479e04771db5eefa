/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates: so many processes, each with a channel that it asks over. A gate
 * that ends, hangs up or misbehaves is replaced, ever more slowly while that
 * goes on. Gates that an earlier manager started connect to manager.sock and
 * are taken over.
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
#define GATE_LIVES_MS       10000 /* one that lived so long is replaced at once */
#define GATE_BACKOFF_MS     100   /* doubles up to */
#define GATE_BACKOFF_MS_MAX 5000
#define GATES_PER_CORE_MAX  256

struct gates {
	struct manager *manager; /* borrowed */
	struct gate *first;
	unsigned count; /* processes, taken over ones too */
	unsigned wanted;
	uint64_t backoff_ms; /* before the next start; 0: at once */
	uv_timer_t restart;  /* adopted by the manager's owner */
	uv_timer_t drain;    /* adopted by the manager's owner */
	bool stopping;
};

/* Prepare; nothing runs yet. */
void gates_open(struct gates *gates, struct manager *manager);

/* Watch the gates that an earlier manager left; whether there are any. */
bool gates_adopt(struct gates *gates);

/* Start those that are missing, and keep so many. */
void gates_start(struct gates *gates, unsigned wanted);

/* A connection on manager.sock; fd is taken. */
void gates_accept(struct gates *gates, int fd);

/* Tell every gate. */
void gates_say(struct gates *gates, enum control_type type, const void *body);

/* The gate has said ready: configure one that was taken over. */
void gate_ready(struct asker *asker, const struct control_ready *ready);

/* Push the table of authorized keys again. */
void gates_push_keys(struct gates *gates);

/* Let them end by themselves for drain_ms, then kill them;
 * manager_gates_gone follows from the loop. */
void gates_stop(struct gates *gates, unsigned drain_ms);

#endif
