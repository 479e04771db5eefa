/* SPDX-License-Identifier: Apache-2.0 */
/* One run of sallyport-launch, from the manager's loop. */
#ifndef SERVER_MANAGER_LAUNCHER_H
#define SERVER_MANAGER_LAUNCHER_H

#include <stdint.h>

#include <uv.h>

struct error;
struct launcher;

struct launcher_call {
	const char *program; /* NULL: nothing to be done, which succeeds */
	const char *verb;    /* "create", "destroy" */
	const char *bundle;  /* its working directory */
	int link_fd;         /* borrowed; -1: none */
	uint64_t wait_ms;    /* then it is killed with all it started */
};

/* Once, from the loop; err NULL when it succeeded. The launcher is gone. */
typedef void (*launcher_done_fn)(void *data, const struct error *err);

/* Start it; whatever fails is told to on_done. */
struct launcher *launcher_start(uv_loop_t *loop,
    const struct launcher_call *call, launcher_done_fn on_done, void *data);

/* End it before its time; on_done follows. */
void launcher_kill(struct launcher *launcher);

#endif
