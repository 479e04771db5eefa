/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper of one task: what its parts share, and what one tells the others.
 *
 *   door          lets connections in; each becomes one of
 *   custody       the manager's
 *   attachment    a gate's, with subscriptions to execs
 *   execs         the exec table: input, output (spool), how each ended
 *   link          the agent in the sandbox
 *   resume        what an earlier keeper knew
 *   activity      whether anything of this is in use
 */
#ifndef SERVER_KEEPER_KEEPER_H
#define SERVER_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/custody.h"
#include "protocol/limits.h"
#include "server/common/owner.h"
#include "server/keeper/activity.h"
#include "server/keeper/attachment.h"
#include "server/keeper/batch.h"
#include "server/keeper/custody.h"
#include "server/keeper/door.h"
#include "server/keeper/execs.h"
#include "server/keeper/frames.h"
#include "server/keeper/link.h"
#include "server/keeper/resume.h"
#include "server/keeper/spool_cursor.h"

struct error;

#define KEEPER_ATTACHMENTS_MAX 2048u

/* Of all terminals, and of all that show them to somebody; 24 bytes each, and
 * as much again for a terminal's second screen. */
#define KEEPER_CELLS_MAX ((size_t)16 << 20)

#define KEEPER_FLUSH_MS 1000u /* for attachments, when it stops */

/* What a keeper is given at its start; the descriptors are taken. */
struct keeper_grant {
	const char *task; /* a valid name */
	int door_fd;
	int link_fd; /* of a keeper that resumes: the newest earlier link */
	int spool_fd;
	int recording_fd; /* the folder of its recordings; -1: none */
	bool is_resumed;  /* it takes the place of one that was killed */
};

struct keeper {
	struct owner owner;
	uv_loop_t *loop;
	char task[LIMIT_NAME_BYTES + 1];
	int spool_dir;                   /* owned */
	int recording_dir;               /* owned; -1: nothing is recorded */
	int oom_fd;                      /* owned; -1: the manager gave none */
	struct custody_configure config; /* owned */
	bool is_configured;
	bool is_whole;    /* everything is known; until then attachments wait */
	bool is_ending;   /* the sandbox is killed on purpose */
	bool is_stopping; /* stop was said */
	bool is_stopped;
	struct door door;
	struct custody custody;
	struct link link;
	struct resume resume;
	struct execs execs;
	struct activity activity;
	struct frames frames;
	struct attachment_list attachments;
	size_t attachment_count;
	size_t cells;                         /* of KEEPER_CELLS_MAX */
	char version[LINK_VERSION_BYTES + 1]; /* the agent's */
	struct attachment_list turns; /* attachments with something to send */
	uv_idle_t turning;
	uv_timer_t flushed; /* the end of what attachments get to flush */
	uint64_t looks_ns;  /* asks.c: until when its looks at once are paid */
	struct batch batch;
	struct spool_view view;
};

/*
 * Serve a task. Ends with uv_run, after the manager said stop.
 * returns 0, or -1 ERROR_SYSTEM and the loop must not be run
 */
int keeper_open(struct keeper *keeper, uv_loop_t *loop,
    const struct keeper_grant *grant, struct error *err);

/* Free everything; uv_run has returned. */
void keeper_clear(struct keeper *keeper);

struct keeper *keeper_of_owner(struct owner *owner);

/* custody: what is in force for commands from now on. config is emptied. */
void keeper_configure(struct keeper *keeper, struct custody_configure *config);

/* custody: the oom counter's file; fd is taken. */
void keeper_watch_oom(struct keeper *keeper, int fd);

/* custody: end in good order. */
void keeper_stop(struct keeper *keeper);

/* link: the agent said hello (-1 ERROR_STATE: it cannot say that), and
 * everything that it holds; the link has ended. */
int keeper_greeted(
    struct keeper *keeper, const struct link_hello *hello, struct error *err);
void keeper_ready(struct keeper *keeper);
void keeper_lost(struct keeper *keeper);

/* resume: attachments wait no more. */
void keeper_is_whole(struct keeper *keeper);

/* exec: it runs; it has ended. */
void keeper_started(struct keeper *keeper, struct exec *exec);
void keeper_ended(struct keeper *keeper, struct exec *exec);

/* door: a gate's connection, whose channel is taken. attachment: it is gone. */
void keeper_attach(struct keeper *keeper, struct channel *channel,
    const struct attachment_admit *admit);
void keeper_detached(struct keeper *keeper, struct attachment *attachment);

/* Whether so many more cells may be counted. */
int keeper_check_cells(
    const struct keeper *keeper, size_t more, struct error *err);

/* attachment: it has something to send and room for it. */
void keeper_give_turn(struct keeper *keeper, struct attachment *attachment);

#endif
