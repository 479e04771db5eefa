/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture of a terminal for an operator, of one that lives or of a recording.
 * What reaches the client is painted by the keeper or the player from cells;
 * what the client types are keys for the picture, and nothing of it goes on.
 *
 * Ends with status 0 on q or C-c, and when what is shown has ended.
 */
#ifndef SERVER_GATE_OPS_VIEW_H
#define SERVER_GATE_OPS_VIEW_H

#include <stdint.h>

struct session;

#define OPS_VIEW_SPEED_MIN 100 /* thousandths */
#define OPS_VIEW_SPEED_MAX 100000

/* Watch a terminal of a task: that of a name, or with "" the one last in use.
 */
void ops_view_watch(
    struct session *session, const char *task, const char *terminal);

/*
 * Play a recording. Keys: space halts and goes on, + and - change the speed.
 *   speed_milli  1000: as it was recorded
 *   idle_ms      pauses are cut to this; 0: not cut
 */
void ops_view_replay(struct session *session, const char *recording,
    int64_t speed_milli, int64_t idle_ms);

#endif
