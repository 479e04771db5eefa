/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come in. The first frame says what a connection is: admit
 * makes it an attachment, take makes it the manager's; both are the manager's
 * to say, so only connections that the manager made are heard at all. The
 * descriptor of an attachment may be a gate's by the time it is accepted, but
 * the kernel tells who connected it.
 */
#ifndef SERVER_KEEPER_DOOR_H
#define SERVER_KEEPER_DOOR_H

#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <uv.h>

struct error;
struct keeper;
struct owner;
struct visitor;

#define DOOR_SILENT_MS  5000u /* to say the first frame */
#define DOOR_SILENT_MAX 256u  /* connections that have not */

TAILQ_HEAD(visitor_list, visitor);

struct door {
	struct keeper *keeper;
	int fd;        /* owned */
	int spare;     /* owned; given up to send one away when there are no
	                  descriptors left */
	uid_t manager; /* besides 0, whose connections are heard */
	uv_poll_t poll;
	uv_timer_t timer; /* for the visitor that came first */
	struct visitor_list visitors;
	size_t count;
};

/*
 * Listen; the handles are adopted by owner.
 *   fd       a listening socket, taken on 0; its owner is the manager
 *   returns  0, or -1 ERROR_SYSTEM
 */
int door_open(struct door *door, struct keeper *keeper, int fd,
    struct owner *owner, struct error *err);

/* Accept no more and send away who waits. */
void door_close(struct door *door);

/* Let go of the descriptors; the handles are closed. */
void door_clear(struct door *door);

#endif
