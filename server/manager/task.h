/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task as the manager knows it. Its states and the allowed moves:
 *
 *   provisioning -> ready      sandbox made and its agent said hello
 *                -> failed     a step did not work; what was made is undone
 *                -> stopping   destroyed before it was ready
 *   ready        -> stopping   asked for, time to live over, sandbox lost
 *   stopping     -> destroyed  nothing of it remains
 *   failed       -> destroyed  nothing of it remains
 *   destroyed                  the end; known by the store alone
 *
 * Everything that outlives the manager is in the record.
 */
#ifndef SERVER_MANAGER_TASK_H
#define SERVER_MANAGER_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/control.h"
#include "protocol/name.h"
#include "protocol/task_spec.h"
#include "server/manager/lease.h"
#include "server/manager/process.h"

struct error;

#define TASK_SLOTS 10000 /* task slots: user ids are counted from them */

struct task_record {
	char id[NAME_ID_BYTES];
	char *owner; /* the principal that created it */
	enum task_state state;
	char *reason; /* of the state; NULL */
	unsigned slot;
	struct task_spec spec; /* every member decided; name is never NULL */
	int64_t exec_ms_max;   /* a command may not ask for more; 0: no bound */
	uint64_t asked;        /* token_digest of what was asked for; 0: of no
	                          token */
	int64_t created_ms;    /* since the epoch */
	int64_t provision_ms;  /* -1 until ready */
	/* of the boot clock */
	int64_t ends_ms;      /* 0: no time to live */
	int64_t idle_from_ms; /* idleness is not counted from before */
	int64_t ended_ms;     /* destroyed; 0 until then */
	struct leases leases;
	struct process_id keeper;
};

/* Free what a record owns and zero it. */
void task_record_clear(struct task_record *record);

bool task_may_move(enum task_state from, enum task_state to);

/* Whether a task in this state can be reached by its name. */
bool task_is_living(enum task_state state);

/*
 * Change state and reason (copied; NULL keeps the one there is). The move must
 * be allowed (asserted).
 */
void task_move(
    struct task_record *record, enum task_state to, const char *reason);

/* Whether its token is not free for another: only a task that never became
 * ready gives it back, when nothing of it remains. */
bool task_holds_token(const struct task_record *record);

/* Milliseconds of life left at now_ms of the boot clock; 0 for no end, at least
 * 1 otherwise. */
int64_t task_ttl_left(const struct task_record *record, int64_t now_ms);

/* Give a time to live from now_ms on; 0: none. */
void task_set_ttl(struct task_record *record, int64_t ttl_ms, int64_t now_ms);

/*
 * The task as control_task, every string borrowed from the record but
 * view->created, which is written to created. Of its end only the spec is told.
 */
void task_view(struct task_record *record, int64_t running,
    char created[static 32], struct control_task *view);

/* Milliseconds since the epoch as RFC 3339 in UTC. */
void task_format_time(int64_t ms, char text[static 32]);

#endif
