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
#include "server/manager/home.h"
#include "server/manager/manager.h"

#define PLAYER         "sallyport-player"
#define CHILDREN_BYTES (256u << 10)

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
	if (process_program(PLAYER, program, sizeof(program), err) != 0)
		return -1;
	return process_start(
	    &replay->process, &manager->loop, &command, on_exit_seen, err);
}

static void
add(struct replay *replay)
{
	struct replays *replays = replay->replays;

	owner_init(&replay->owner, on_owner_gone);
	owner_adopt(&replay->owner, (uv_handle_t *)&replay->process.poll);
	replay->next = replays->first;
	replays->first = replay;
	replays->count++;
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
	add(replay);
	*out = take_fd(&far);
	return 0;
}

static void
adopt(struct replays *replays, int64_t pid)
{
	struct replay *replay = memory_new(1, sizeof(*replay));
	struct process_id id;

	replay->replays = replays;
	if (process_identify(pid, &id, NULL) == 0 &&
	    process_is_named(pid, PLAYER) &&
	    process_watch(&replay->process, &replays->manager->loop, &id,
	        on_exit_seen, NULL) == 0)
		add(replay);
	else
		free(replay);
}

void
replays_adopt(struct replays *replays)
{
	char path[64];
	autofree char *text = NULL;
	char *word, *rest;
	size_t len;

	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	if (home_read(path, CHILDREN_BYTES, &text, &len, NULL) != 0)
		return;
	for (word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		adopt(replays, strtoll(word, NULL, 10));
}

void
replays_leave(struct replays *replays)
{
	while (replays->first != NULL)
		release(replays->first);
}
