/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a keeper takes the place of one that was killed (docs/decisions/0012).
 *
 *   RESUME_NONE     it is the first, or all is well again
 *   RESUME_WAITING  the journal was read; for the manager's configure
 *   RESUME_MADE     it has a link of its own; until the manager has been told
 *   RESUME_OFFERED  that was offered to the agent; until hello and all held
 *
 * A keeper may be killed in any of them: the next one begins anew. Until it is
 * done, attachments wait.
 */
#ifndef SERVER_KEEPER_RESUME_H
#define SERVER_KEEPER_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/link.h"
#include "server/keeper/earlier.h"

struct error;
struct keeper;
struct owner;

/* For the agent to answer; after that it counts as gone. */
#define RESUME_HELLO_MS 20000u

/* For the attachments that commands were tied to to come back. */
#define RESUME_TIES_MS 15000u

enum resume_state {
	RESUME_NONE = 0,
	RESUME_WAITING,
	RESUME_MADE,
	RESUME_OFFERED,
	RESUME_STATES
};

struct resume {
	struct keeper *keeper;
	enum resume_state state;
	struct earlier earlier;
	int agent_fd;     /* owned: the agent's end, until it is offered; -1 */
	uint32_t reached; /* the highest number that the agent has had */
	uv_timer_t timer; /* for hello, then for ties */
};

/* Nothing to resume; the timer is adopted by owner. */
void resume_init(
    struct resume *resume, struct keeper *keeper, struct owner *owner);

void resume_clear(struct resume *resume);

/*
 * Read the journal; the table is as it was, without output.
 *   fd       the newest earlier link, taken
 *   returns  0, or -1: ERROR_SYSTEM, ERROR_INVALID, ERROR_LIMIT. The journal
 *            is of no use, and the task is lost
 */
int resume_open(struct resume *resume, int fd, struct error *err);

/* custody: one more earlier link, taken; beyond EARLIER_LINKS_MAX it is closed.
 */
void resume_add_link(struct resume *resume, int fd);

/* custody: the manager has configured; it has been told something. */
void resume_configured(struct resume *resume);
void resume_told(struct resume *resume);

/* link: the agent holds an exec. -1: it cannot mean that. */
int resume_held(struct resume *resume, uint32_t number,
    const struct link_held *held, struct error *err);

/* link: that was all; go on with every exec. It is gone, and there is no
 * going on. */
void resume_finish(struct resume *resume);
void resume_lost(struct resume *resume);

#endif
