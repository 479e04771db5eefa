/* SPDX-License-Identifier: Apache-2.0 */
/* One output of a command, a pipe or its terminal, on its way to the outbox. */
#ifndef AGENT_OUTPUT_H
#define AGENT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "agent/send_queue.h"

struct error;
struct outbox;
struct pty;

/* A busy pipe grows to this, if the kernel allows it. */
#define PIPE_BUSY_BYTES (1 << 20)

struct output {
	struct watch watch;    /* its descriptor, until its end */
	struct loop *loop;     /* borrowed */
	struct outbox *outbox; /* borrowed */
	enum send_kind kind;   /* SEND_OUT, SEND_ERR */
	struct pty *pty;       /* borrowed: whose the descriptor is; NULL: a
	                          pipe's */
	bool open;
	bool grown;
	size_t owed; /* see output_owe */
};

/* Take over the read end fd, which is non-blocking; nothing is read before
 * output_watch. on_ready's watch->data is owner. */
void output_open(struct output *output, int fd,
    void (*on_ready)(struct watch *watch, uint32_t events), void *owner);

/* Take over a terminal whose master has come, in the same way. */
void output_open_pty(struct output *output, struct pty *pty,
    void (*on_ready)(struct watch *watch, uint32_t events), void *owner);

/* Begin or resume (true), or pause (false). -1: ERROR_SYSTEM. */
int output_watch(struct output *output, bool wanted, struct error *err);

/*
 * Read once into the outbox, as much as that has room for; at the pipe's end
 * say so and close.
 * returns the bytes read; 0 also when nothing was there
 */
size_t output_pump(struct output *output);

/* What is there to be read now, bytes; 0 when it is closed. */
size_t output_pending(const struct output *output);

/*
 * The command has died: note what is in the pipe, which may be its own words
 * and must arrive however long that takes. output_pump counts owed down to 0.
 * What a terminal holds cannot be seen whole: then owed is the most that it may
 * be.
 */
void output_owe(struct output *output);

/* Say that it has ended and close, whatever is still to come. Safe twice. */
void output_finish(struct output *output);

/* Close without a word. Safe twice. */
void output_close(struct output *output);

#endif
