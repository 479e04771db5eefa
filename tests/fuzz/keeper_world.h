/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole keeper in this process, with a manager, a link and gates that the
 * target plays. Nothing of it may be left when the world ends: an open handle
 * or a descriptor is a fault, and memory is the sanitizer's matter.
 */
#ifndef TESTS_FUZZ_KEEPER_WORLD_H
#define TESTS_FUZZ_KEEPER_WORLD_H

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <uv.h>

#include "server/common/log.h"
#include "server/keeper/keeper.h"
#include "tests/fuzz/peer.h"

#define WORLD_GATES 3
#define WORLD_STEPS 64 /* turns of the loop that anything takes to settle */

struct world {
	uv_loop_t loop;
	struct keeper keeper;
	char dir[64];
	struct peer manager;
	struct peer agent;
	struct peer gates[WORLD_GATES];
	void (*play)(struct world *world); /* the honest ones have their say */
	void *data;
};

static inline int
world_connect(const struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/door", world->dir);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
	                  sizeof(address)) != 0)
		abort();
	return fd;
}

static inline int
world_listen(const struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/door", world->dir);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 16) != 0)
		abort();
	return fd;
}

static inline bool
world_turn(struct world *world)
{
	bool moved = false;
	size_t i;

	(void)uv_run(&world->loop, UV_RUN_NOWAIT);
	moved |= peer_move(&world->manager);
	moved |= peer_move(&world->agent);
	for (i = 0; i < WORLD_GATES; i++)
		moved |= peer_move(&world->gates[i]);
	if (world->play != NULL)
		world->play(world);
	return moved;
}

/* Until nothing happens any more. */
static inline void
world_settle(struct world *world)
{
	int quiet = 0;
	int turn;

	for (turn = 0; turn < WORLD_STEPS && quiet < 3; turn++)
		quiet = world_turn(world) ? 0 : quiet + 1;
}

static inline void
world_admit(struct world *world, size_t gate, const char *who)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "{\"type\":\"admit\",\"principal\":\"%s\",\"right\":\"%s\"}", who,
	    gate == WORLD_GATES - 1 ? "read" : "write");
	peer_open(&world->gates[gate], world_connect(world));
	peer_say(&world->gates[gate], 0, text);
	/* it has to be let in before so many wait that a connect would */
	(void)world_turn(world);
}

static inline void
world_begin(struct world *world)
{
	struct keeper_grant grant = {.task = "t", .recording_fd = -1};
	struct error err = {0};
	int pair[2];
	size_t i;

	log_open("fuzz", LOG_ERROR);
	(void)snprintf(world->dir, sizeof(world->dir), "/dev/shm/fuzz-XXXXXX");
	if (uv_loop_init(&world->loop) != 0 || mkdtemp(world->dir) == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	grant.door_fd = world_listen(world);
	grant.link_fd = pair[0];
	grant.spool_fd = open(world->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < WORLD_GATES; i++)
		peer_open(&world->gates[i], -1);
	peer_open(&world->manager, -1);
	peer_open(&world->agent, pair[1]);
	if (keeper_open(&world->keeper, &world->loop, &grant, &err) != 0)
		abort();
	peer_open(&world->manager, world_connect(world));
	peer_say(&world->manager, 0, "{\"type\":\"take\"}");
	peer_say(&world->manager, 0,
	    "{\"type\":\"configure\",\"execs\":4,\"output\":262144}");
}

static inline void
world_remove(const struct world *world)
{
	int folder = open(world->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = folder < 0 ? NULL : fdopendir(folder);
	const struct dirent *entry;

	if (dir == NULL)
		abort();
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(folder, entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(world->dir);
}

/* Stop the keeper as a manager does; every handle must go. */
static inline void
world_end(struct world *world)
{
	int turn;
	size_t i;

	world->play = NULL;
	for (i = 0; i < WORLD_GATES; i++)
		peer_close(&world->gates[i]);
	peer_close(&world->manager);
	peer_open(&world->manager, world_connect(world));
	peer_say(&world->manager, 0, "{\"type\":\"take\"}");
	peer_say(&world->manager, 0, "{\"type\":\"stop\"}");
	for (turn = 0; turn < WORLD_STEPS && world_turn(world); turn++)
		;
	peer_close(&world->agent);
	for (turn = 0; turn < 1000 && uv_loop_alive(&world->loop); turn++)
		(void)world_turn(world);
	peer_close(&world->manager);
	(void)uv_run(&world->loop, UV_RUN_NOWAIT);
	keeper_clear(&world->keeper);
	if (uv_loop_close(&world->loop) != 0)
		abort();
	world_remove(world);
}

#endif
