/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate says to a player: one row for each message that it may say. */
#ifndef SERVER_PLAYER_PLAYER_REQUEST_H
#define SERVER_PLAYER_PLAYER_REQUEST_H

struct error;
struct frame;
struct player;

/* Read a frame and act on it; -1 is the gate's fault, and ends the player. */
int player_request_take(
    struct player *player, const struct frame *frame, struct error *err);

#endif
