/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Players of recordings (sallyport-player): one process for each replay, that
 * ends with its connection. They outlive the manager, who then forgets them.
 */
#ifndef SERVER_MANAGER_REPLAY_H
#define SERVER_MANAGER_REPLAY_H

struct error;
struct manager;
struct replay;

struct replays {
	struct manager *manager; /* borrowed */
	struct replay *first;
	unsigned count;
};

void replays_open(struct replays *replays, struct manager *manager);

/* Watch those that the program which we were before has started. */
void replays_adopt(struct replays *replays);

/*
 * Start a player.
 *   recording  its id
 *   file       the recording, open for reading; borrowed
 *   out        owned: the gate's end of the attachment to the player
 *   returns    0, or -1: ERROR_LIMIT (the configuration's "replays" are
 *              running), ERROR_SYSTEM
 */
int replays_start(struct replays *replays, const char *recording, int file,
    int *out, struct error *err);

/* Let go of all that run. */
void replays_leave(struct replays *replays);

#endif
