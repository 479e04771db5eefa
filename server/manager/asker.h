/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever asks the manager over a channel (protocol/control.h): a gate or the
 * local admin's command. Answers that take time are waiters: an asker that
 * goes away takes its waiters along.
 */
#ifndef SERVER_MANAGER_ASKER_H
#define SERVER_MANAGER_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/control.h"
#include "server/common/channel.h"

struct asker;
struct error;
struct manager;

#define ASKER_WAITING_MAX 16384 /* unanswered requests of one asker */

enum asker_kind {
	ASKER_GATE_NEW = 0, /* a gate we started, that has not said ready */
	ASKER_GATE_LEFT,    /* one of an earlier manager, likewise */
	ASKER_GATE,         /* a gate that serves */
	ASKER_ADMIN,
	ASKER_KINDS
};

struct asker {
	struct channel channel;
	struct manager *manager; /* borrowed */
	enum asker_kind kind;
	unsigned waiting; /* waiters of this asker */
	/* The last callback; the memory is the owner's again. */
	void (*on_gone)(struct asker *asker, const struct error *why);
};

/* A request to be answered later. */
struct waiter {
	struct asker *asker; /* borrowed; waiters_drop when it goes */
	int64_t request;
	struct waiter *next;
};

/* Take over fd and answer what comes; on -1 fd is still the caller's. */
int asker_open(struct asker *asker, struct manager *manager,
    enum asker_kind kind, int fd,
    void (*on_gone)(struct asker *asker, const struct error *why),
    struct error *err);

/* Send any message. */
void asker_say(struct asker *asker, enum control_type type, const void *body);

/* As asker_say with a descriptor, which is taken. */
void asker_say_fd(
    struct asker *asker, enum control_type type, const void *body, int fd);

/*
 * Answer a request.
 *   why   NULL: done
 *   task  the id, or NULL
 */
void asker_answer(struct asker *asker, int64_t request, const struct error *why,
    const char *task);

/* Add a waiter to a list; ERROR_LIMIT over ASKER_WAITING_MAX. */
int waiters_add(struct waiter **list, struct asker *asker, int64_t request,
    struct error *err);

/* Answer all of a list and empty it; as asker_answer. */
void waiters_answer(
    struct waiter **list, const struct error *why, const char *task);

/* Send each waiter of a list this task, as an answer's beginning. */
void waiters_say_task(struct waiter *list, struct control_task *view);

/* Forget an asker's waiters in a list; all of them for NULL. */
void waiters_drop(struct waiter **list, const struct asker *asker);

#endif
