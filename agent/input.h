/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's stdin: bytes from the link into its pipe. What the pipe does not
 * take is queued, at most WINDOW_STDIN of it, because the keeper sends no more
 * than it has credit for; credit goes back as the pipe takes the bytes. When
 * nobody reads the pipe any more, bytes are thrown away and credited, so that
 * the sender comes to its end too.
 */
#ifndef AGENT_INPUT_H
#define AGENT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "protocol/buffer.h"

struct error;
struct link_io;

struct input {
	struct watch watch;   /* the pipe's write end */
	struct loop *loop;    /* borrowed */
	struct link_io *link; /* borrowed */
	uint32_t stream;
	bool open;
	bool ending; /* close when the queue is empty */
	bool grown;
	size_t credit; /* bytes that the keeper may still send */
	size_t taken;  /* not yet credited */
	struct buffer queue;
};

/*
 * Take over the write end fd, non-blocking; -1: stdin is closed, and what comes
 * is thrown away.
 */
void input_open(struct input *input, int fd);

/*
 * A STDIN frame; len 0 is the end of file.
 * returns 0, or -1: ERROR_LIMIT (sent without credit), ERROR_SYSTEM
 */
int input_take(
    struct input *input, const uint8_t *bytes, size_t len, struct error *err);

/* Close and forget what is queued. Safe twice. */
void input_close(struct input *input);

#endif
