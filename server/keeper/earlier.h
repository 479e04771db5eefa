/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links of earlier keepers, which the agent may still have the other end of: a
 * new link is offered to it on all of them. What they carry besides is read and
 * thrown away, so that the agent does not wait to be read.
 */
#ifndef SERVER_KEEPER_EARLIER_H
#define SERVER_KEEPER_EARLIER_H

#include <stddef.h>
#include <sys/queue.h>

#include <uv.h>

struct earlier_link;
struct error;

/* Each keeper that is killed before it is ready leaves one. */
#define EARLIER_LINKS_MAX 16u

TAILQ_HEAD(earlier_links, earlier_link);

struct earlier {
	uv_loop_t *loop;
	struct earlier_links links; /* newest first */
	size_t count;
	int offer; /* owned: the agent's end of the new link; -1: none, or it
	              was offered everywhere */
};

void earlier_init(struct earlier *earlier, uv_loop_t *loop);

/* One more, older than all before. fd is taken on 0; -1 ERROR_LIMIT,
 * ERROR_SYSTEM. */
int earlier_add(struct earlier *earlier, int fd, struct error *err);

/* A duplicate of the one at index, oldest first, the caller's. -1: there are no
 * more, or no descriptor for it. */
int earlier_duplicate(const struct earlier *earlier, size_t index);

/* Offer fd, which is taken, on each as soon as it has room. */
void earlier_offer(struct earlier *earlier, int fd);

/* Let go of all. */
void earlier_close(struct earlier *earlier);

#endif
