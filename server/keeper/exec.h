/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command, from its start to long after its end: how it stands, what it
 * wrote, how it ended.
 *
 *   state          the agent may say                    moves to
 *   EXEC_WAITING   nothing: it does not know of it      STARTING
 *   EXEC_STARTING  started, refused                     RUNNING, gone
 *   EXEC_RUNNING   output, credit, exit at the end      ENDED
 *   EXEC_ENDED     nothing                              gone
 *
 * An exec is freed once it has left the table (execs.h) and nobody reads it.
 */
#ifndef SERVER_KEEPER_EXEC_H
#define SERVER_KEEPER_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/limits.h"
#include "server/keeper/input.h"
#include "server/keeper/output.h"

struct error;
struct frame;
struct keeper;
struct pty;

#define EXEC_WHAT_BYTES 256u

enum exec_state {
	EXEC_WAITING = 0,
	EXEC_STARTING,
	EXEC_RUNNING,
	EXEC_ENDED,
	EXEC_STATES
};

/* How an exec is told from others before it begins; strings are borrowed. */
struct exec_origin {
	uint32_t number;
	const char *principal;
	uint64_t timeout_ms; /* 0: none */
};

struct exec {
	struct keeper *keeper; /* borrowed */
	uint32_t number;
	char id[LIMIT_EXEC_ID_BYTES + 1];
	char what[EXEC_WHAT_BYTES + 1]; /* for lists and logs */
	char *principal;                /* owned: who started it */
	enum exec_state state;
	bool is_listed;        /* in the table */
	bool is_hung_up;       /* its terminal's line is cut */
	bool is_kill_asked;    /* somebody had KILL sent to it */
	bool is_timed_out;     /* we killed it at its deadline */
	struct buffer message; /* for the agent, while waiting */
	struct output output;
	struct input input;
	struct pty *pty; /* owned; NULL: pipes, or its screen is forgotten */
	uint64_t timeout_ms;
	uint64_t deadline_ms; /* of the loop's clock; 0: none */
	uint64_t started_ms;
	int64_t pid;
	int64_t oom_before;          /* the task's count when it was sent */
	struct attachment_exit exit; /* once ended; owns its signal */
	TAILQ_ENTRY(exec) entry;     /* of one of the table's lists */
};

TAILQ_HEAD(exec_list, exec);

/*
 * A command that waits to be sent.
 *   message  taken: what command_write made of spec
 */
struct exec *exec_new(struct keeper *keeper, const struct exec_origin *origin,
    const struct exec_spec *spec, struct buffer *message);

/* NULL is accepted. Nobody may be subscribed. */
void exec_free(struct exec *exec);

/* Free it if it has left the table and nobody is subscribed. */
void exec_free_unused(struct exec *exec);

/* Its terminal, borrowed. NULL: ERROR_STATE, it has none, or has ended so long
 * ago that the screen is forgotten. */
struct pty *exec_get_pty(const struct exec *exec, struct error *err);

/* Tell the agent to start it. */
void exec_send(struct exec *exec);

/*
 * What the agent said. Each returns 0, or -1 when an exec in this state cannot
 * have said that: the link is to be closed.
 */
int exec_started(struct exec *exec, int64_t pid, struct error *err);
int exec_refused(
    struct exec *exec, const char *code, const char *text, struct error *err);
int exec_output(struct exec *exec, enum output_stream stream,
    const struct frame *frame, struct error *err);
int exec_credit(struct exec *exec, uint32_t credit, struct error *err);
int exec_terminal(
    struct exec *exec, const struct link_terminal *terminal, struct error *err);
int exec_exited(
    struct exec *exec, const struct link_exit *exit, struct error *err);

/* The link is gone: it ends as lost, or was never started. May free it. */
void exec_lost(struct exec *exec);

/* Signal it. Returns 0 once that is on its way, or -1 ERROR_STATE: it does not
 * run. */
int exec_signal(
    struct exec *exec, const struct link_signal *signal, struct error *err);

/* Cut its terminal's line: the kernel sends SIGHUP. */
void exec_hang_up(struct exec *exec);

/* Output that exec_output admitted is passed on. */
void exec_wrote(struct exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len);

/* Its time is up. */
void exec_time_out(struct exec *exec);

/* Keep what is held and return credit, after readers or the disk moved on. */
void exec_serve(struct exec *exec);

#endif
