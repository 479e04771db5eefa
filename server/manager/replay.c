/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/manager.h"

struct replay {
	struct replays *replays;
	struct replay *next;
	struct owner owner;
	struct process process; /* adopted by owner */
};

static void
on_owner_gone(struct owner *owner)
{
	free(container_of(owner, struct replay, owner));
}

/* It counts no more. */
static void
release(struct replay *replay)
{
	struct replay **link = &replay->replays->first;

	while (*link != replay)
		link = &(*link)->next;
	*link = replay->next;
	replay->replays->count--;
	process_release(&replay->process);
	owner_close(&replay->owner);
}

static void
on_exit_seen(struct process *process)
{
	if (process->status != 0)
		log_warning("player %lld: ended with status %d",
		    (long long)process->id.pid, process->status);
	release(container_of(process, struct replay, process));
}

static int
start_process(struct replay *replay, const char *recording, const int fds[2],
    struct error *err)
{
	struct manager *manager = replay->replays->manager;
	char program[4096], uid[24];
	struct process_command command = {
	    .path = program,
	    .arguments = {uid, recording},
	    .fds = {fds[0], fds[1]},
	    .fd_count = 2,
	};

	(void)snprintf(
	    uid, sizeof(uid), "%" PRId64, manager->config->uid_player);
	if (process_program(
	        "sallyport-player", program, sizeof(program), err) != 0)
		return -1;
	return process_start(
	    &replay->process, &manager->loop, &command, on_exit_seen, err);
}

void
replays_open(struct replays *replays, struct manager *manager)
{
	memset(replays, 0, sizeof(*replays));
	replays->manager = manager;
}

int
replays_start(struct replays *replays, const char *recording, int file,
    int *out, struct error *err)
{
	int64_t most = replays->manager->config->replays;
	autoclose int near = -1, far = -1;
	struct replay *replay;
	int pair[2];

	if (replays->count >= most)
		return error_set(err, ERROR_LIMIT,
		    "%" PRId64 " recordings are being replayed already", most);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return error_sys(err, "socketpair: %s", strerror(errno));
	near = pair[0];
	far = pair[1];
	replay = memory_new(1, sizeof(*replay));
	replay->replays = replays;
	if (start_process(replay, recording, (const int[2]){file, near}, err) !=
	    0) {
		free(replay);
		return -1;
	}
	owner_init(&replay->owner, on_owner_gone);
	owner_adopt(&replay->owner, (uv_handle_t *)&replay->process.poll);
	replay->next = replays->first;
	replays->first = replay;
	replays->count++;
	*out = take_fd(&far);
	return 0;
}

void
replays_leave(struct replays *replays)
{
	while (replays->first != NULL)
		release(replays->first);
}
