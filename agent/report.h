/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and an exec's subreaper tell each other, as whole messages on
 * a SOCK_SEQPACKET pair: the same program is at both ends.
 *
 * subreaper -> agent: TERMINAL, if there is one, then TRYING, then REFUSED, or
 * STARTED and then ENDED; each at most once. REFUSED may come at any time
 * before STARTED. TRYING, and a REFUSED behind it, are the command's own
 * process's words: when the socket ends behind TRYING, it runs.
 * agent -> subreaper: orders, any number. The end of the socket is the order
 * to kill everything and go.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "agent/refused.h"

enum report_kind {
	REPORT_TERMINAL = 0, /* with the master of the command's terminal */
	REPORT_TRYING,       /* the command is about to be executed */
	REPORT_REFUSED,
	REPORT_STARTED,
	REPORT_ENDED
};

/* How a process ended, as waitid(2) tells it. */
struct ending {
	int how;            /* CLD_EXITED, CLD_KILLED, CLD_DUMPED */
	int status;         /* exit code, or signal */
	struct rusage used; /* with all it waited for */
};

struct report {
	enum report_kind kind;
	union {
		pid_t pid; /* TRYING, STARTED */
		struct refused refused;
		struct ending ending;
	} of;
};

enum order_kind {
	ORDER_SIGNAL = 0, /* to the command's process group */
	ORDER_SIGNAL_TREE,
	ORDER_KILL /* everything, until nothing is left */
};

struct order {
	enum order_kind kind;
	int number; /* of a signal */
};

/*
 * Send a report; fd goes with it, -1: none, and stays the caller's. A report is
 * smaller than the socket's buffer and the agent always reads, so this fails
 * only when the agent is gone; then so shall everything be. Allocates nothing.
 */
void report_send(int socket, const struct report *report, int fd);

/*
 * Take the next report, if there is one.
 *   fd       owned: what came with it, close-on-exec; below 0: nothing, or it
 *            could not be taken
 *   returns  1 a report, 0 none now, -1 the socket's end
 */
int report_receive(int socket, struct report *report, int *fd);

#endif
