/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "protocol/error.h"

#define EVENTS_MAX 32

int
loop_open(struct loop *loop, struct error *err)
{
	/* the only event without a watch */
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int i;

	memset(loop, 0, sizeof(*loop));
	for (i = 0; i < LANES; i++) {
		loop->epolls[i] = epoll_create1(EPOLL_CLOEXEC);
		if (loop->epolls[i] < 0)
			return error_sys(err, "epoll");
	}
	if (epoll_ctl(loop->epolls[LANE_MAIN], EPOLL_CTL_ADD,
	        loop->epolls[LANE_OUTPUT], &event) != 0)
		return error_sys(err, "epoll");
	loop->now_ms = loop_clock();
	return 0;
}

int
loop_add(
    struct loop *loop, struct watch *watch, uint32_t events, struct error *err)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	assert(!watch->active);
	if (epoll_ctl(loop->epolls[watch->lane], EPOLL_CTL_ADD, watch->fd,
	        &event) != 0)
		return error_sys(err, "epoll: %s", strerrordesc_np(errno));
	watch->active = true;
	return 0;
}

void
loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int ret;

	assert(watch->active);
	ret = epoll_ctl(
	    loop->epolls[watch->lane], EPOLL_CTL_MOD, watch->fd, &event);
	assert(ret == 0);
	(void)ret;
}

void
loop_remove(struct loop *loop, struct watch *watch)
{
	if (!watch->active)
		return;
	watch->active = false;
	(void)epoll_ctl(
	    loop->epolls[watch->lane], EPOLL_CTL_DEL, watch->fd, NULL);
}

static void
call(const struct epoll_event *event)
{
	struct watch *watch = event->data.ptr;

	if (watch->active)
		watch->on_ready(watch, event->events);
}

static void
turn_output(struct loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	int count, i;

	count = epoll_wait(loop->epolls[LANE_OUTPUT], events, EVENTS_MAX, 0);
	for (i = 0; i < count; i++)
		call(&events[i]);
}

int
loop_turn(struct loop *loop, int timeout_ms, struct error *err)
{
	struct epoll_event events[EVENTS_MAX];
	bool output = false;
	int count, i;

	count =
	    epoll_wait(loop->epolls[LANE_MAIN], events, EVENTS_MAX, timeout_ms);
	if (count < 0 && errno != EINTR)
		return error_sys(err, "epoll_wait");
	loop->now_ms = loop_clock();
	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == NULL)
			output = true;
		else
			call(&events[i]);
	}
	if (output)
		turn_output(loop);
	return 0;
}

int
loop_sooner(int first, int second)
{
	if (first < 0 || second < 0)
		return first < 0 ? second : first;
	return first < second ? first : second;
}

int64_t
loop_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
