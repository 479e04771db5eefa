/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's event loop: raw epoll in two lanes. What must be heard first is
 * in the first; the commands' output pipes are in a second epoll that is itself
 * a member of the first, so that however many of them write, they are one
 * event beside the others.
 *
 * Both lanes are level-triggered, and the kernel takes ready descriptors in
 * turn: commands are read fairly.
 */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum lane { LANE_MAIN = 0, LANE_OUTPUT, LANES };

/*
 * A descriptor and who hears of it. Embedded; its memory must stay until the
 * round in which it was removed has ended.
 */
struct watch {
	void (*on_ready)(struct watch *watch, uint32_t events);
	void *data; /* the owner's */
	int fd;     /* borrowed */
	enum lane lane;
	bool active; /* in the loop now */
};

struct loop {
	int epolls[LANES];
	int64_t now_ms; /* CLOCK_MONOTONIC, once a round */
};

/* Make an empty loop. returns 0, or -1 ERROR_SYSTEM. */
int loop_open(struct loop *loop, struct error *err);

/*
 * Begin to watch fd for epoll events (EPOLLIN, EPOLLOUT). on_ready, data and
 * lane are the caller's to set before. Events of a watch that was removed
 * meanwhile are dropped. returns 0, or -1 ERROR_SYSTEM (no memory).
 */
int loop_add(
    struct loop *loop, struct watch *watch, uint32_t events, struct error *err);

/* Other events for a watch that is in the loop. */
void loop_change(struct loop *loop, struct watch *watch, uint32_t events);

/* Stop watching; the descriptor stays open. Safe twice. */
void loop_remove(struct loop *loop, struct watch *watch);

/*
 * One round: wait at most timeout_ms (-1: for ever) and call what is ready.
 * returns 0, or -1 ERROR_SYSTEM.
 */
int loop_turn(struct loop *loop, int timeout_ms, struct error *err);

/* Of two times to wait, the one that is over first; -1: for ever. */
int loop_sooner(int first, int second);

/* CLOCK_MONOTONIC in ms. */
int64_t loop_clock(void);

#endif
