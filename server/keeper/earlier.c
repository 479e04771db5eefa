/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/earlier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/ancillary.h"
#include "server/common/owner.h"

#define READ_BYTES (64u << 10)

/* Reads of one link before others have their turn. */
#define READS_MAX 16

struct earlier_link {
	struct owner owner;
	struct earlier *earlier; /* borrowed; NULL: it was let go */
	uv_poll_t poll;
	int fd;          /* owned */
	bool is_offered; /* the new link, or there is nothing to offer yet */
	TAILQ_ENTRY(earlier_link) entry;
};

static void
on_gone(struct owner *owner)
{
	struct earlier_link *link =
	    (struct earlier_link *)(void *)((char *)owner -
	                                    offsetof(
	                                        struct earlier_link, owner));

	(void)close(link->fd);
	free(link);
}

/* Once it was offered everywhere, our copy goes: when the agent has not taken
 * it either, the new link ends, and that is how we know. */
static void
check_offer(struct earlier *earlier)
{
	const struct earlier_link *each = TAILQ_FIRST(&earlier->links);

	while (each != NULL && each->is_offered)
		each = TAILQ_NEXT(each, entry);
	if (each != NULL || earlier->offer < 0)
		return;
	(void)close(earlier->offer);
	earlier->offer = -1;
}

static void
let_go(struct earlier_link *link)
{
	struct earlier *earlier = link->earlier;

	TAILQ_REMOVE(&earlier->links, link, entry);
	earlier->count--;
	link->earlier = NULL;
	owner_close(&link->owner);
}

/* Returns whether the agent's end is gone. */
static bool
drain(const struct earlier_link *link)
{
	uint8_t bytes[READ_BYTES];
	ssize_t got = 1;
	int i;

	/* a descriptor that comes with them is dropped by the kernel */
	for (i = 0; i < READS_MAX && got > 0; i++)
		got = recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* Returns whether the agent's end is gone. */
static bool
offer(struct earlier_link *link)
{
	uint8_t byte = 0;
	const struct iovec one = {&byte, 1};

	if (ancillary_send(link->fd, &one, 1, link->earlier->offer) == 1)
		link->is_offered = true;
	else if (errno != EAGAIN && errno != EINTR)
		return true;
	return false;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void
watch(struct earlier_link *link)
{
	(void)uv_poll_start(&link->poll,
	    UV_READABLE | (link->is_offered ? 0 : UV_WRITABLE), on_poll);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct owner *owner = poll->data;
	struct earlier_link *link =
	    (struct earlier_link *)(void *)((char *)owner -
	                                    offsetof(
	                                        struct earlier_link, owner));
	struct earlier *earlier = link->earlier;
	bool is_gone = status != 0;

	if (earlier == NULL)
		return;
	if (!is_gone && (events & UV_READABLE) != 0)
		is_gone = drain(link);
	if (!is_gone && (events & UV_WRITABLE) != 0 && !link->is_offered)
		is_gone = offer(link);
	if (is_gone)
		let_go(link);
	else
		watch(link);
	check_offer(earlier);
}

void
earlier_init(struct earlier *earlier, uv_loop_t *loop)
{
	earlier->loop = loop;
	TAILQ_INIT(&earlier->links);
	earlier->count = 0;
	earlier->offer = -1;
}

int
earlier_add(struct earlier *earlier, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);
	struct earlier_link *link;

	if (earlier->count >= EARLIER_LINKS_MAX)
		return error_set(err, ERROR_LIMIT, "more than %u earlier links",
		    EARLIER_LINKS_MAX);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return error_sys(err, "an earlier link");
	link = memory_new(1, sizeof(*link));
	owner_init(&link->owner, on_gone);
	if (uv_poll_init(earlier->loop, &link->poll, fd) != 0) {
		free(link);
		return error_set(
		    err, ERROR_INVALID, "an earlier link is no socket");
	}
	owner_adopt(&link->owner, (uv_handle_t *)&link->poll);
	link->earlier = earlier;
	link->fd = fd;
	link->is_offered = true;
	TAILQ_INSERT_TAIL(&earlier->links, link, entry);
	earlier->count++;
	watch(link);
	return 0;
}

int
earlier_duplicate(const struct earlier *earlier, size_t index)
{
	const struct earlier_link *link =
	    TAILQ_LAST(&earlier->links, earlier_links);

	for (; link != NULL && index > 0; index--)
		link = TAILQ_PREV(link, earlier_links, entry);
	return link == NULL ? -1 : fcntl(link->fd, F_DUPFD_CLOEXEC, 0);
}

void
earlier_offer(struct earlier *earlier, int fd)
{
	struct earlier_link *link = TAILQ_FIRST(&earlier->links);

	earlier->offer = fd;
	for (; link != NULL; link = TAILQ_NEXT(link, entry)) {
		link->is_offered = false;
		watch(link);
	}
	check_offer(earlier);
}

void
earlier_close(struct earlier *earlier)
{
	struct earlier_link *link;

	while ((link = TAILQ_FIRST(&earlier->links)) != NULL)
		let_go(link);
	check_offer(earlier);
}
