/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who did what when, written behind the back of whoever does it: rows wait in
 * memory for at most AUDIT_MS, or until AUDIT_ROWS are there, and go to the
 * store in one transaction.
 */
#ifndef SERVER_MANAGER_AUDIT_H
#define SERVER_MANAGER_AUDIT_H

#include <stddef.h>

#include <uv.h>

#include "protocol/custody.h"

struct audit_entry;
struct owner;
struct store;

#define AUDIT_MS   100
#define AUDIT_ROWS 1024

struct audit {
	uv_timer_t timer;         /* adopted by the caller's owner */
	struct store *store;      /* borrowed */
	struct audit_entry *rows; /* owned, AUDIT_ROWS */
	size_t count;
};

void audit_open(struct audit *audit, uv_loop_t *loop, struct owner *owner,
    struct store *store);

/* Write what waits. */
void audit_flush(struct audit *audit);

/* Flush and free; the handle is its owner's to close. */
void audit_close(struct audit *audit);

/* Add a row; strings are copied, NULL where there is nothing to say. */
void audit_note(struct audit *audit, const char *event, const char *principal,
    const char *session, const char *task, const char *what);

void audit_exec_started(struct audit *audit, const char *task,
    const struct custody_started *started);
void audit_exec_ended(struct audit *audit, const struct custody_ended *ended);

#endif
