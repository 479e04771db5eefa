/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and an exec's subreaper tell each other, as whole messages on
 * a SOCK_SEQPACKET pair: the same program is at both ends.
 *
 * subreaper -> agent: REFUSED, or STARTED and then ENDED; each once.
 * agent -> subreaper: orders, any number. The end of the socket is the order
 * to kill everything and go.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "agent/refused.h"

enum report_kind { REPORT_REFUSED = 0, REPORT_STARTED, REPORT_ENDED };

/* How a process ended, as waitid(2) tells it. */
struct ending {
	int how;            /* CLD_EXITED, CLD_KILLED, CLD_DUMPED */
	int status;         /* exit code, or signal */
	struct rusage used; /* with all it waited for */
};

struct report {
	enum report_kind kind;
	union {
		struct refused refused;
		pid_t pid; /* STARTED */
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

#endif
