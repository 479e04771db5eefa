/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's stdin: bytes from the link into its pipe. What the pipe does not
 * take is queued, at most WINDOW_STDIN of it, because the keeper sends no more
 * than it has credit for; credit goes back as the pipe takes the bytes. When
 * nobody reads the pipe any more, bytes are thrown away and credited, so that
 * the sender comes to its end too.
 *
 * With a terminal the same goes to its master, which stays open when stdin ends
 * (pty_type_end). What comes before the master has waits in the queue.
 */
#ifndef AGENT_INPUT_H
#define AGENT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "protocol/buffer.h"

struct error;
struct outbox;
struct pty;

/* A terminal's credit waits so long for the echo, to go behind it. */
#define INPUT_CREDIT_MS 2

struct input {
	struct watch watch;    /* the pipe's write end, or the pty's master */
	struct pty *pty;       /* borrowed: whose the descriptor is; NULL: a
	                          pipe's */
	struct loop *loop;     /* borrowed */
	struct outbox *outbox; /* borrowed */
	bool open;
	bool ending; /* end when the queue is empty */
	bool grown;
	uint64_t come;    /* bytes that the keeper has sent */
	size_t credit;    /* ... and so many more it may */
	size_t taken;     /* not yet credited */
	int64_t taken_ms; /* when the first of them was taken */
	struct buffer queue;
};

/*
 * Take over the write end fd, non-blocking; -1: stdin is closed, and what comes
 * is thrown away.
 */
void input_open(struct input *input, int fd);

/* Take over a terminal that is still to come. */
void input_open_pty(struct input *input, struct pty *pty);

/* The terminal has come: type what is queued. -1: ERROR_SYSTEM. */
int input_begin(struct input *input, struct error *err);

/*
 * A STDIN frame; len 0 is the end of file.
 * returns 0, or -1: ERROR_LIMIT (sent without credit), ERROR_SYSTEM
 */
int input_take(
    struct input *input, const uint8_t *bytes, size_t len, struct error *err);

/* The terminal has written something, perhaps the echo: credit that waits for
 * that follows it. */
void input_answered(struct input *input);

/* Credit waits no longer than INPUT_CREDIT_MS. returns ms until this should be
 * called again, -1: nothing waits */
int input_tick(struct input *input, int64_t now_ms);

/* Another keeper is told by held what this one may send: no credit waits. */
void input_hold(struct input *input);

/* Close and forget what is queued. Safe twice. */
void input_close(struct input *input);

#endif
