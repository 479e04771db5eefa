/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's end of an attachment: a socket to one task's keeper, carrying any
 * number of execs (protocol/attachment.h). An exec is embedded in what uses it
 * and belongs to the attachment from attachment_start, attachment_session or
 * attachment_attach until its on_end. A player's recording is such an exec too.
 *
 * When the connection is lost because the keeper was, another one is made and
 * every exec opened again (reattach.h). Its user sees a pause: no byte of
 * output comes twice or never, stdin of a pipe is sent on from the byte that
 * came through, and what was not answered is asked again.
 *
 * Callbacks come from the loop, never inside a call. Any call may be made in
 * them.
 */
#ifndef SERVER_GATE_ATTACHMENT_CLIENT_H
#define SERVER_GATE_ATTACHMENT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/attachment.h"
#include "protocol/error.h"
#include "server/gate/kept.h"

struct attachment;
struct attachment_exec;
struct manager_client;

/* Why an exec has left its attachment. */
enum exec_end {
	EXEC_ENDED = 0, /* exit: body is a struct attachment_exit */
	EXEC_REFUSED,   /* not started or attached: struct attachment_refused */
	EXEC_DETACHED,  /* as asked; body NULL */
	EXEC_LOST,      /* the task or its keeper is gone; body NULL */
	EXEC_CUT,       /* the keeper cannot be reached again, and what runs
	                   there may run on: a const struct error */
	EXEC_ENDS
};

struct exec_events {
	/* Answers attachment_start, and attachment_session when it made the
	 * terminal. NULL: not wanted (also each one below). */
	void (*on_started)(struct attachment_exec *exec,
	    const struct attachment_started *started);
	/* Answers attachment_attach, attachment_session when the terminal was
	 * there, and attachment_start when its token was that of an exec. */
	void (*on_attached)(struct attachment_exec *exec,
	    const struct attachment_attached *attached);
	/* Bytes, borrowed for the call; len 0 is that stream's end. What a view
	 * shows comes as OUTPUT_PTY. */
	void (*on_output)(struct attachment_exec *exec,
	    enum output_stream stream, const uint8_t *bytes, size_t len);
	void (*on_gap)(
	    struct attachment_exec *exec, const struct attachment_gap *gap);
	/* attachment_stdin took less than it was given, and takes more. */
	void (*on_credit)(struct attachment_exec *exec);
	/* Nobody knows whether the program has been given what was typed and
	 * not credited: the keeper was replaced. Of a terminal. */
	void (*on_typing_lost)(struct attachment_exec *exec);
	/* The oldest unanswered signal or resize is done. */
	void (*on_taken)(struct attachment_exec *exec);
	/* What was asked has come, or code and text say why it does not.
	 * Borrowed for the call. What is unanswered at on_end never is; keys
	 * that were sent to a keeper that is gone are, as unknown. */
	void (*on_answer)(struct attachment_exec *exec,
	    const struct attachment_answer *answer);
	/* A signal, a resize or stdin was refused; the exec stays on the
	 * attachment. Refused stdin is told once. */
	void (*on_refused)(struct attachment_exec *exec,
	    const struct attachment_refused *refused);
	/* The last one: exec is the user's memory again. Never NULL. body is
	 * borrowed for the call. */
	void (*on_end)(
	    struct attachment_exec *exec, enum exec_end end, const void *body);
};

struct attachment_exec {
	const struct exec_events *events;
	void *data;                    /* the user's */
	struct attachment *attachment; /* NULL: not on one */
	struct attachment_exec *next;  /* of the attachment's list */
	uint32_t stream;
	size_t credit; /* of stdin */
	bool wants_credit;
	bool open;         /* started or attached */
	bool is_resuming;  /* its keeper has not answered yet, or is away */
	bool is_leaving;   /* detach was said */
	bool is_refused;   /* by a new keeper: to be asked again ... */
	unsigned refusals; /* ... so often already */
	struct kept kept;
};

/* A question for the task's terminals; embedded in what asks it, and the
 * attachment's from attachment_terminals until on_done. */
struct attachment_list {
	/* One of them, borrowed for the call. */
	void (*on_terminal)(
	    struct attachment_list *list, const struct terminal_info *terminal);
	/* There are no more: list is the user's memory again. err: why not all
	 * were told (refused, or the attachment broke); else NULL. */
	void (*on_done)(struct attachment_list *list, const struct error *err);
	/* It is asked again: what was told is void. */
	void (*on_again)(struct attachment_list *list);
	void *data;                   /* the user's */
	struct attachment_list *next; /* of the attachment's */
	uint32_t stream;
};

struct attachment_events {
	/* The attachment has ended; every exec had its on_end and every list
	 * its on_done before. It is freed after the call. why->code is
	 * ERROR_NONE after attachment_close and when the keeper ended in good
	 * order. */
	void (*on_closed)(
	    struct attachment *attachment, void *data, const struct error *why);
};

/* How the manager is asked for another connection to the same task. */
struct attachment_again {
	struct manager_client *manager; /* borrowed until on_closed */
	const char *principal;          /* borrowed for the call, as the next */
	const char *session;
	const char *task; /* its id */
	enum right right;
	bool is_person;
	bool is_kept_idle; /* also while it has no exec and no list */
};

/*
 * Speak on fd, which is taken also when this fails.
 *   again    borrowed for the call; NULL: what is lost stays lost
 *   events   borrowed until on_closed
 *   returns  the attachment, freed by itself after on_closed; NULL: err says
 *            why
 */
struct attachment *attachment_open(uv_loop_t *loop, int fd,
    const struct attachment_again *again,
    const struct attachment_events *events, void *data, struct error *err);

/* Start a command. start is borrowed for the call; without a token it is not
 * known to be the same when it must be said again. exec->events and exec->data
 * are the user's to set before. */
void attachment_start(struct attachment *attachment,
    struct attachment_exec *exec, const struct attachment_start *start);

/* Follow the task's terminal named start->spec.name, which is started when
 * there is none: on_started or on_attached follows. */
void attachment_session(struct attachment *attachment,
    struct attachment_exec *exec, const struct attachment_start *start);

/* Follow a command that runs or ran, or only ask about it (ATTACH_NONE). */
void attachment_attach(struct attachment *attachment,
    struct attachment_exec *exec, const struct attachment_attach *where);

/* returns how many bytes of stdin were taken, by the credit there is. */
size_t attachment_stdin(
    struct attachment_exec *exec, const uint8_t *bytes, size_t len);

/* Bytes of stdin that were taken and for which no credit has come back. */
size_t attachment_stdin_waiting(const struct attachment_exec *exec);

/* End of stdin. */
void attachment_stdin_end(struct attachment_exec *exec);

/* name without SIG; tree: to every process of the exec. */
void attachment_signal(
    struct attachment_exec *exec, const char *name, bool tree);

/* The size of the view or, without one, of the terminal; within LIMIT_PTY_*.
 * Answered by on_taken, in order with signals. */
void attachment_resize(
    struct attachment_exec *exec, uint16_t rows, uint16_t cols);

/*
 * Ask about the exec's terminal. on_answer has the same "ask", a number of the
 * user's choosing that is not that of another open question of this exec. The
 * body is borrowed for the call. They may be asked before on_attached.
 */
void attachment_screen(
    struct attachment_exec *exec, const struct attachment_screen *ask);
void attachment_keys(
    struct attachment_exec *exec, const struct attachment_keys *ask);
void attachment_wait(
    struct attachment_exec *exec, const struct attachment_wait *ask);

/* Give up a wait, also that of keys; on_answer follows all the same. */
void attachment_cancel(struct attachment_exec *exec, uint32_t ask);

/* How a player goes on with its recording, which is exec. */
void attachment_play(
    struct attachment_exec *exec, const struct attachment_play *how);

/* List the task's running terminals. list's callbacks are set before. */
void attachment_terminals(
    struct attachment *attachment, struct attachment_list *list);

/* Leave the exec running; on_end follows with EXEC_DETACHED. */
void attachment_detach(struct attachment_exec *exec);

/* Stop and resume reading, of all execs: the keeper's spools absorb the rest.
 */
void attachment_pause(struct attachment *attachment);
void attachment_resume(struct attachment *attachment);

/* End it. Execs get on_end with EXEC_LOST and then comes on_closed, from the
 * loop. Safe twice. NULL is accepted. */
void attachment_close(struct attachment *attachment);

#endif
