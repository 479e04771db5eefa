/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport-gate: the SSH side of the gateway. Started by sallyportd. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include <uv.h>

#include "server/common/log.h"
#include "server/gate/gate.h"
#include "server/gate/ssh_host.h"

#define CONTROL_FD 3

/* What a burst needed goes back to the kernel soon after it, but not between
 * one packet and the next. */
#define MMAP_FROM (4 << 20)
#define TRIM_FROM (8 << 20)

static void
prepare(void)
{
	struct rlimit files;

	(void)signal(SIGPIPE, SIG_IGN);
	/* a descriptor for each connection and each command */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
	(void)mallopt(M_ARENA_MAX, 1);
	host_prepare();
}

int
main(void)
{
	struct gate gate;
	struct error err = {0};
	uv_loop_t loop;
	int status;

	log_open("gate", LOG_INFO);
	prepare();
	if (uv_loop_init(&loop) != 0)
		return 1;
	if (gate_open(&gate, &loop, CONTROL_FD, &err) != 0) {
		log_error("%s", err.text);
		return 1;
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	status = gate.has_failed ? 1 : 0;
	gate_clear(&gate);
	if (uv_loop_close(&loop) != 0)
		log_error("a handle was left open");
	host_finish();
	return status;
}
