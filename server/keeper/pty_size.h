/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a terminal is: as its policy makes of the sizes of its clients, and
 * as the agent is told.
 */
#ifndef SERVER_KEEPER_PTY_SIZE_H
#define SERVER_KEEPER_PTY_SIZE_H

struct pty;
struct terminal_size;

/* Somebody who may has asked for this size, expressly. */
void pty_size_ask(struct pty *pty, const struct terminal_size *size);

/* Give the terminal the size that follows from policy and clients. */
void pty_size_fit(struct pty *pty);

/* Tell the agent, if it does not know it; also if it does, for a link was
 * lost. */
void pty_size_tell(struct pty *pty);
void pty_size_tell_again(struct pty *pty);

#endif
