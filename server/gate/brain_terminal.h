/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the terminal of an exec: screen, keys, wait, and resize. They go
 * over the stream on which the exec is followed; for one that is not, or has
 * ended, an exec "aside" is opened, which carries no output and is left as soon
 * as nothing is asked on it any more.
 */
#ifndef SERVER_GATE_BRAIN_TERMINAL_H
#define SERVER_GATE_BRAIN_TERMINAL_H

struct attachment_answer;
struct brain;
struct brain_exec;
struct brain_request;

/* An exec aside is being opened: send what waits for that. */
void brain_terminal_send_all(struct brain_exec *exec);

/* The keeper has answered one. */
void brain_terminal_answer(
    struct brain_exec *exec, const struct attachment_answer *answer);

/* A question was answered or given up: leave an exec aside with its last. */
void brain_terminal_settle(struct brain_exec *exec);

/* The exec that they were asked on has ended before the keeper saw them: ask
 * them aside, for its screen is still there. The queue is taken. */
void brain_terminal_ask_again(struct brain *brain, struct brain_request *asks);

#endif
