/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's side of the link: frames to and from the agent, who is not
 * trusted. Whatever it says that it may not say ends the link, and with it
 * every exec of this task; nothing else.
 *
 *   LINK_NONE     of a keeper that resumes, until it makes its link
 *   LINK_SILENT   hello                            -> LINK_UP, LINK_HOLDING
 *   LINK_HOLDING  held, of as many execs as hello said   -> LINK_UP
 *   LINK_UP       what an exec in its state may get: see exec.h
 *   LINK_DOWN     the end; nothing is sent any more
 */
#ifndef SERVER_KEEPER_LINK_H
#define SERVER_KEEPER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/common/channel.h"

struct error;
struct keeper;
struct link_resize;
struct link_resume;
struct link_signal;

enum link_state {
	LINK_NONE = 0,
	LINK_SILENT,
	LINK_HOLDING,
	LINK_UP,
	LINK_DOWN,
	LINK_STATES
};

/* While more is queued for the agent, no command and no stdin is. */
#define LINK_QUEUED_MAX (1u << 20)

struct link {
	struct channel channel;
	struct keeper *keeper;
	enum link_state state;
	int64_t holding; /* execs of which held is yet to come */
};

/* None yet. */
void link_init(struct link *link, struct keeper *keeper);

/* Take over fd. Returns 0, or -1 with fd still the caller's. */
int link_open(struct link *link, int fd, struct error *err);

/* A duplicate of the keeper's end, the caller's; -1: there is no link, or no
 * descriptor for it. */
int link_duplicate(const struct link *link);

/* End it, on purpose; one that was never made, too. */
void link_close(struct link *link);

/* Whether commands and stdin may be sent now; execs_drained tells when again.
 */
bool link_has_room(const struct link *link);

/* Whether all that was sent is on its way, out of this process. */
bool link_is_clear(const struct link *link);

/* The exec message of a command, as command_write made it. */
void link_send_exec(
    struct link *link, uint32_t number, const uint8_t *json, size_t len);

/* At most FRAME_DATA_MAX bytes of stdin; none: its end. */
void link_send_stdin(
    struct link *link, uint32_t number, const uint8_t *bytes, size_t len);

void link_send_credit(struct link *link, uint32_t number, uint32_t credit);
void link_send_signal(
    struct link *link, uint32_t number, const struct link_signal *signal);
void link_send_kill(struct link *link, uint32_t number);
void link_send_resize(
    struct link *link, uint32_t number, const struct link_resize *size);
void link_send_hangup(struct link *link, uint32_t number);
void link_send_resume(
    struct link *link, uint32_t number, const struct link_resume *resume);
void link_send_forget(struct link *link, uint32_t number);

/* Stop and resume reading, while too much output is held in memory. */
void link_pause(struct link *link, bool is_paused);

#endif
