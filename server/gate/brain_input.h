/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's stdin, fed as far as the agent's credit goes. A request is done
 * when its bytes have been taken: what was sent, less the credit that is not
 * back yet.
 */
#ifndef SERVER_GATE_BRAIN_INPUT_H
#define SERVER_GATE_BRAIN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

struct attachment_refused;
struct attachment_start;
struct brain_exec;
struct error;

/* Bytes taken by the agent, of sent, when so many have no credit yet. */
static inline uint64_t
brain_input_taken(uint64_t sent, size_t waiting)
{
	return waiting >= sent ? 0 : sent - waiting;
}

/*
 * Add stdin that came with the exec request to what starts the command, when a
 * frame has the room: then it arrives whatever becomes of the connection. Else
 * it is fed like any other.
 *   start  lent the bytes until brain_input_joined, once it was sent
 */
void brain_input_join(struct brain_exec *exec, struct attachment_start *start);
void brain_input_joined(
    struct brain_exec *exec, const struct attachment_start *start);

/* The exec runs already, for its token was known: so much of what was given
 * with it has come. -1: all there will be. */
void brain_input_skip(struct brain_exec *exec, int64_t taken);

/* Send what the credit allows and answer what has been taken. */
void brain_input_pump(struct brain_exec *exec);

/* Whether the stdin that came with the exec request was all taken. */
bool brain_input_is_given(const struct brain_exec *exec);

/* The keeper takes none of it, now or later. */
void brain_input_refuse(
    struct brain_exec *exec, const struct attachment_refused *refused);

/* The keeper was replaced: nobody knows what of it a terminal was given. */
void brain_input_lose(struct brain_exec *exec);

/* The exec ends: refuse what was not taken, free what is kept. */
void brain_input_end(struct brain_exec *exec, const struct error *err);

#endif
