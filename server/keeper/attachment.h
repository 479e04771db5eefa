/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection from a gate: who it is for and what that one may do, as the
 * manager said, and the streams that the gate has opened on it. The gate is
 * not trusted: what it may not ask is refused, what it cannot say closes the
 * connection.
 */
#ifndef SERVER_KEEPER_ATTACHMENT_H
#define SERVER_KEEPER_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/attachment.h"
#include "server/common/channel.h"
#include "server/keeper/map.h"
#include "server/keeper/output.h"

struct error;
struct keeper;

/* No more output is queued behind a socket that has this much waiting. */
#define ATTACHMENT_QUEUED_MAX  (256u << 10)
#define ATTACHMENTS_QUEUED_MAX (32u << 20) /* of all, but for a frame each */

struct attachment {
	struct keeper *keeper;   /* borrowed */
	struct channel *channel; /* owned */
	char *principal;         /* owned */
	enum right right;
	int64_t exec_ms;
	int64_t exec_ms_max;
	struct map streams;
	struct subscription_list all;
	struct subscription_list ready; /* with something to send, in turn */
	bool has_turn;                  /* waits in the keeper's turns */
	TAILQ_ENTRY(attachment) turn;
	TAILQ_ENTRY(attachment) entry;
};

TAILQ_HEAD(attachment_list, attachment);

/*
 * Take over a channel whose first message was admit.
 *   channel  taken; on the heap
 *   admit    borrowed
 */
struct attachment *attachment_new(struct keeper *keeper,
    struct channel *channel, const struct attachment_admit *admit);

/* Send a message, or a refusal. */
void attachment_say(struct attachment *attachment, uint32_t stream,
    enum attachment_type type, const void *body);
void attachment_refuse(struct attachment *attachment, uint32_t stream,
    const char *code, const char *text);

/* For subscription.c: one of the attachment's comes, goes, or has something to
 * send. */
void attachment_add(
    struct attachment *attachment, struct subscription *subscription);
void attachment_remove(
    struct attachment *attachment, struct subscription *subscription);
void attachment_wake(
    struct attachment *attachment, struct subscription *subscription);

/* Whether more output may be queued. */
bool attachment_has_room(const struct attachment *attachment);

/* The same, and nobody waits for a turn. */
bool attachment_is_clear(const struct attachment *attachment);

/*
 * Send from the spools for a while.
 * returns whether it wants another turn at once
 */
bool attachment_take_turn(struct attachment *attachment);

/* The keeper stops: close when everything there is was sent. */
void attachment_finish(struct attachment *attachment);

#endif
