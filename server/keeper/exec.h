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
 * One that an earlier keeper had sent begins as STARTING or RUNNING; once the
 * link is resumed the agent may say started of it again.
 *
 * An exec is freed once it has left the table (execs.h) and nobody reads it.
 */
#ifndef SERVER_KEEPER_EXEC_H
#define SERVER_KEEPER_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/attachment.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "server/keeper/history.h"
#include "server/keeper/input.h"
#include "server/keeper/output.h"

struct error;
struct frame;
struct journal;
struct keeper;
struct pty;

enum exec_state {
	EXEC_WAITING = 0,
	EXEC_STARTING,
	EXEC_RUNNING,
	EXEC_ENDED,
	EXEC_STATES
};

struct exec {
	struct keeper *keeper; /* borrowed */
	uint32_t number;
	char id[LIMIT_EXEC_ID_BYTES + 1];
	struct journal_exec kept; /* owned: as it was taken on */
	char *principal;          /* who started it; of kept, as is */
	char *what;               /* ... this: for lists and logs */
	enum exec_state state;
	bool is_listed;  /* in the table */
	bool is_noted;   /* its end was noted: it is in the journal, unless
	                    that is behind */
	bool is_told;    /* ... and the agent was told to forget it */
	bool is_resumed; /* an earlier keeper had sent it; the agent may say
	                    started again */
	bool is_held;    /* the agent said so */
	struct link_held held;
	struct journal_asked asked;
	struct signal_sets signals; /* not delivered yet */
	struct output output;
	struct input input;
	struct pty *pty; /* owned; NULL: pipes, or its screen is forgotten */
	uint64_t deadline_ms;        /* of the loop's clock; 0: none */
	uint64_t started_ms;         /* when it was sent */
	int64_t pid;                 /* 0: it was not started */
	int64_t oom_before;          /* the task's count when it was sent */
	struct attachment_exit exit; /* once ended; owns its signal */
	TAILQ_ENTRY(exec) entry;     /* of one of the table's lists */
};

TAILQ_HEAD(exec_list, exec);

/*
 * A command that waits to be sent.
 *   kept  emptied
 *   spec  its input is taken from there; it stays the caller's
 */
struct exec *exec_new(struct keeper *keeper, struct journal_exec *kept,
    const struct exec_spec *spec);

/* One that an earlier keeper had, without its output and its terminal. was is
 * emptied. */
struct exec *exec_restore(struct keeper *keeper, struct history_exec *was);

/* NULL is accepted. Nobody may be subscribed. */
void exec_free(struct exec *exec);

/* Free it if it has left the table and nobody is subscribed. */
void exec_free_unused(struct exec *exec);

/* Its terminal, borrowed. NULL: ERROR_STATE, it has none, or has ended so long
 * ago that the screen is forgotten. */
struct pty *exec_get_pty(const struct exec *exec, struct error *err);

/* Processes of the task that were killed for memory. */
int64_t exec_count_oom(const struct exec *exec);

/* Add the lines that describe it. */
void exec_describe(const struct exec *exec, struct journal *journal);

/* Add the line that it is sent now. */
void exec_note_sent(struct exec *exec);

/* Tell the agent to start it; that was noted. */
void exec_send(struct exec *exec);

/* Say again what the agent may not have heard, after it was told to resume. */
void exec_remind(const struct exec *exec);

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

/* Its stdin has come to its end, at this offset. */
void exec_input_ended(struct exec *exec, uint64_t offset);

/* What the attachment that it was tied to leaves behind: its stdin ends, its
 * terminal is hung up. */
void exec_untie(struct exec *exec);

/* Whether it waits for somebody to be tied to. */
bool exec_is_loose(const struct exec *exec);

/* Output that exec_output admitted is passed on. */
void exec_wrote(struct exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len);

/* Its time is up. */
void exec_time_out(struct exec *exec);

/* Its end is told to the agent, which forgets it, once that and all output is
 * kept here. */
void exec_settle(struct exec *exec);

/* Keep what is held and return credit, after readers or the disk moved on. */
void exec_serve(struct exec *exec);

#endif
