/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the manager must still know after it was killed: tasks, gates, and the
 * record of what was done. SQLite in WAL mode; a commit survives the end of
 * this process, though not always the end of the machine, where no sandbox
 * survives either.
 *
 * Every function returns 0, or -1 with ERROR_SYSTEM.
 */
#ifndef SERVER_MANAGER_STORE_H
#define SERVER_MANAGER_STORE_H

#include <stdint.h>

#include "protocol/limits.h"
#include "server/manager/clock.h"
#include "server/manager/task.h"

struct attachment_exit;
struct error;
struct store;

/* The newest schema; PRAGMA user_version of a store that is up to date. */
#define STORE_VERSION 2

struct audit_row {
	int64_t at_ms;
	char *event; /* "session.opened", "attach", "task.create", ... */
	char *principal;
	char *session; /* NULL */
	char *task;    /* NULL */
	char *what;    /* NULL: more about it, for a person */
};

struct exec_start {
	int64_t at_ms;
	const char *exec;
	const char *task;
	const char *principal;
	const char *what;
};

/* The task that a token has led to. */
struct store_token {
	char task[NAME_ID_BYTES];
	uint64_t asked; /* as the record has it */
	char reason[LIMIT_TEXT_BYTES + 1];
	int64_t ended_ms; /* 0: it has not ended */
};

/* Open or create; refuses a store that a newer version has written. */
int store_open(const char *path, struct store **out, struct error *err);
void store_close(struct store *store);

/* Rows between these two are one transaction. */
int store_begin(struct store *store, struct error *err);
int store_commit(struct store *store, struct error *err);
void store_abandon(struct store *store);

/* Insert, or replace what is there for this id. */
int store_save_task(
    struct store *store, const struct task_record *record, struct error *err);

/*
 * Call on_task for each task that is not destroyed, oldest first.
 *   record  the callee's: to be cleared, or taken by copying it and zeroing
 */
int store_load_tasks(struct store *store,
    void (*on_task)(void *data, struct task_record *record), void *data,
    struct error *err);

/*
 * One task, which may be destroyed.
 *   record   set on 0; task_record_clear
 *   returns  also ERROR_NOT_FOUND
 */
int store_find_task(struct store *store, const char *id,
    struct task_record *record, struct error *err);

/*
 * The token of a task that a principal asked for; one of a task that never
 * became ready is free once that is destroyed.
 *   returns  also ERROR_NOT_FOUND
 */
int store_find_token(struct store *store, const char *owner, const char *token,
    struct store_token *out, struct error *err);

/* The token of a task may be used for another one. */
int store_free_token(struct store *store, const char *task, struct error *err);

/* Free the tokens of an owner's destroyed tasks but for those of the keep that
 * ended last. */
int store_trim_tokens(
    struct store *store, const char *owner, unsigned keep, struct error *err);

/* The boot whose clock the times of tasks are of; "": none was set. */
int store_get_boot(struct store *store, char id[static CLOCK_BOOT_ID_BYTES],
    struct error *err);

/* Another one has begun: the gates of the last are forgotten, and tokens of
 * destroyed tasks count as of tasks destroyed now. */
int store_set_boot(struct store *store, const char *id, struct error *err);

/* Gates that may be running. */
int store_add_gate(
    struct store *store, const struct process_id *id, struct error *err);
int store_remove_gate(
    struct store *store, const struct process_id *id, struct error *err);
int store_load_gates(struct store *store,
    void (*on_gate)(void *data, const struct process_id *id), void *data,
    struct error *err);

int store_add_audit(
    struct store *store, const struct audit_row *row, struct error *err);
int store_add_exec(
    struct store *store, const struct exec_start *start, struct error *err);
int store_end_exec(struct store *store, const char *exec, int64_t at_ms,
    const struct attachment_exit *exit, struct error *err);

#endif
