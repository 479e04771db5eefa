/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/refused.h"
#include "protocol/exec_spec.h"

void
pipes_init(struct pipes *pipes)
{
	*pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
}

/* pipe2 gives the read end first; ours is one or the other. */
static int
open_pipe(int ends[PIPE_ENDS], bool ours_reads)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -1;
	ends[PIPE_OURS] = fds[ours_reads ? 0 : 1];
	ends[PIPE_THEIRS] = fds[ours_reads ? 1 : 0];
	return fcntl(ends[PIPE_OURS], F_SETFL, O_NONBLOCK);
}

static int
open_stdio(struct pipes *pipes, const struct exec_spec *spec)
{
	if (spec->pty.present)
		return 0;
	if (spec->stdin_mode == EXEC_STDIN_OPEN &&
	    open_pipe(pipes->in, false) != 0)
		return -1;
	if (open_pipe(pipes->out, true) != 0)
		return -1;
	return open_pipe(pipes->err, true);
}

int
pipes_open(
    struct pipes *pipes, const struct exec_spec *spec, struct refused *refused)
{
	if (open_stdio(pipes, spec) != 0)
		return refused_sys(refused, errno, "cannot open a pipe");
	if (socketpair(
	        AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pipes->control) != 0)
		return refused_sys(refused, errno, "cannot open a socket");
	return 0;
}

static void
close_ends(const int ends[PIPE_ENDS])
{
	int i;

	for (i = 0; i < PIPE_ENDS; i++) {
		if (ends[i] >= 0)
			(void)close(ends[i]);
	}
}

void
pipes_close(struct pipes *pipes)
{
	close_ends(pipes->in);
	close_ends(pipes->out);
	close_ends(pipes->err);
	close_ends(pipes->control);
}
