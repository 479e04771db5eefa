/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors between the agent and a new exec, before each has its own. */
#ifndef AGENT_PIPES_H
#define AGENT_PIPES_H

struct exec_spec;
struct refused;

enum { PIPE_OURS = 0, PIPE_THEIRS, PIPE_ENDS };

/* All close-on-exec; ours are non-blocking. -1: not there. */
struct pipes {
	int in[PIPE_ENDS];
	int out[PIPE_ENDS];
	int err[PIPE_ENDS];
	int control[PIPE_ENDS]; /* SOCK_SEQPACKET, both ends blocking */
};

/* All -1. */
void pipes_init(struct pipes *pipes);

/*
 * Open what spec needs: in only where stdin is open, and no pipe at all with a
 * terminal. returns 0, or -1 with refused set; either way pipes_close is due.
 */
int pipes_open(
    struct pipes *pipes, const struct exec_spec *spec, struct refused *refused);

/* Close what was not taken (take_fd of protocol/cleanup.h). */
void pipes_close(struct pipes *pipes);

#endif
