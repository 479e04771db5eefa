/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of an attachment, shared by attachment_client.c (its life, and
 * what the gate says), attachment_frames.c (what a keeper says) and reattach.c.
 *
 *   open     connected to the keeper                  -> away, closed
 *   away     the connection was lost; another is      -> open, closed
 *            being asked for
 *   closed   execs and lists were told; handles close
 */
#ifndef SERVER_GATE_ATTACHMENT_STATE_H
#define SERVER_GATE_ATTACHMENT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "server/common/channel.h"
#include "server/common/owner.h"
#include "server/gate/attachment_client.h"
#include "server/gate/reattach.h"

/* (protocol/attachment.h has the messages' ATTACHMENT_ names.) */
enum attachment_state {
	ATTACHMENT_OPEN = 0,
	ATTACHMENT_AWAY,
	ATTACHMENT_CLOSED,
	ATTACHMENT_STATES
};

struct attachment {
	uv_loop_t *loop;
	struct channel channel; /* while open */
	enum attachment_state state;
	const struct attachment_events *events;
	void *data;
	struct attachment_exec *execs;
	struct attachment_list *lists;
	uint32_t last_stream;
	bool is_paused;
	bool is_closing; /* attachment_close was called */
	struct owner owner;
	struct reattach reattach;
};

/* attachment_client.c */

/* Use fd, which is taken also when this fails. */
int attachment_connect(
    struct attachment *attachment, int fd, struct error *err);

/* An exec, or a list, leaves: the user's memory again. */
void attachment_exec_end(
    struct attachment_exec *exec, enum exec_end how, const void *body);
void attachment_list_end(struct attachment *attachment,
    struct attachment_list *list, const struct error *err);

/* Say what opens the exec, and ask a list, on the connection there is. */
void attachment_say_opening(struct attachment_exec *exec);
void attachment_ask_list(
    struct attachment *attachment, struct attachment_list *list);

/* Say body on the exec's stream. */
void attachment_say(
    struct attachment_exec *exec, enum attachment_type type, const void *body);

/* Say what was noted. */
void attachment_say_noted(struct attachment_exec *exec, struct kept_said *said);

/* Send stdin that there is credit for; len 0: its end. */
void attachment_send_stdin(
    struct attachment_exec *exec, const uint8_t *bytes, size_t len);

/*
 * End everything, once it is over.
 *   how, body  for the execs; EXEC_LOST or EXEC_CUT
 *   why        for on_closed
 */
void attachment_finish(struct attachment *attachment, enum exec_end how,
    const void *body, const struct error *why);

/* attachment_frames.c */

/* A frame from the keeper. -1 and err: it broke the protocol. */
int attachment_take(struct attachment *attachment, const struct frame *frame,
    struct error *err);

#endif
