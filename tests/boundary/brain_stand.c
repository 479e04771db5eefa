/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A brain session without SSH: stream-json on standard input and output, the
 * manager on descriptor 3. brain.t plays the manager, the keepers and the
 * brain. Ends when the session does; what it may still hold is then a leak.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/gate/brain.h"
#include "server/gate/gate.h"
#include "server/gate/stream.h"

#define READ_BYTES ((size_t)64 << 10)
#define ROOM_BYTES ((size_t)128 << 10) /* like a channel's window */

struct stand {
	uv_loop_t loop;
	struct gate gate;
	struct stream stream;
	uv_poll_t input;
	uv_poll_t output;
	uv_idle_t again;    /* callbacks come from the loop */
	struct buffer kept; /* input that was not taken */
	struct buffer out;
	bool wants_writable;
	bool input_ended;
	bool output_broken;
	bool finishing;
	bool closed;
	int code;
};

static void on_input(uv_poll_t *poll, int status, int events);
static void on_output(uv_poll_t *poll, int status, int events);
static void on_again(uv_idle_t *idle);

static struct stand *
stand_of(const struct stream *stream)
{
	return (struct stand *)(void *)((uintptr_t)stream -
	                                offsetof(struct stand, stream));
}

static void
watch(struct stand *stand)
{
	if (buffer_len(&stand->kept) == 0 && !stand->input_ended &&
	    !stand->finishing)
		(void)uv_poll_start(&stand->input, UV_READABLE, on_input);
	else
		(void)uv_poll_stop(&stand->input);
	(void)uv_poll_start(&stand->output,
	    UV_DISCONNECT | (buffer_len(&stand->out) > 0 ? UV_WRITABLE : 0),
	    on_output);
}

static void
close_all(struct stand *stand)
{
	if (stand->closed)
		return;
	stand->closed = true;
	uv_close((uv_handle_t *)&stand->input, NULL);
	uv_close((uv_handle_t *)&stand->output, NULL);
	uv_close((uv_handle_t *)&stand->again, NULL);
	stand->stream.events->on_closed(&stand->stream);
	manager_close(&stand->gate.manager);
}

static size_t
room(const struct stream *stream)
{
	const struct stand *stand = stand_of(stream);

	return ROOM_BYTES - buffer_len(&stand->out);
}

static size_t
put(struct stream *stream, enum stream_output output, const void *bytes,
    size_t len)
{
	struct stand *stand = stand_of(stream);
	size_t taken = room(stream);

	(void)output;
	if (stand->finishing || stand->closed || stand->output_broken)
		return len;
	if (taken > len)
		taken = len;
	if (buffer_append(&stand->out, bytes, taken, NULL) != 0)
		abort();
	if (taken < len)
		stand->wants_writable = true;
	watch(stand);
	return taken;
}

static void
resume(struct stream *stream)
{
	(void)uv_idle_start(&stand_of(stream)->again, on_again);
}

static void
finish(struct stream *stream, const struct stream_end *end)
{
	struct stand *stand = stand_of(stream);

	if (stand->finishing)
		return;
	stand->finishing = true;
	stand->code = end->code;
	resume(stream);
}

static const struct stream_methods methods = {put, resume, finish};

/* Give the session what was kept; it may take a part again. */
static void
deliver(struct stand *stand)
{
	size_t taken;

	if (stand->finishing || stand->closed)
		return;
	if (buffer_len(&stand->kept) > 0) {
		taken = stand->stream.events->on_input(&stand->stream,
		    buffer_bytes(&stand->kept), buffer_len(&stand->kept));
		buffer_consume(&stand->kept, taken);
	}
	if (buffer_len(&stand->kept) == 0 && stand->input_ended)
		stand->stream.events->on_eof(&stand->stream);
}

static void
on_again(uv_idle_t *idle)
{
	struct stand *stand = idle->data;

	(void)uv_idle_stop(idle);
	deliver(stand);
	if (stand->finishing && buffer_len(&stand->out) == 0)
		close_all(stand);
	if (!stand->closed)
		watch(stand);
}

static void
on_input(uv_poll_t *poll, int status, int events)
{
	struct stand *stand = poll->data;
	uint8_t bytes[READ_BYTES];
	ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)status;
	(void)events;
	if (len < 0 && errno == EAGAIN)
		return;
	if (len > 0 && buffer_append(&stand->kept, bytes, (size_t)len, NULL))
		abort();
	if (len <= 0)
		stand->input_ended = true;
	deliver(stand);
	if (!stand->closed)
		watch(stand);
}

static void
on_output(uv_poll_t *poll, int status, int events)
{
	struct stand *stand = poll->data;
	ssize_t len = 0;

	(void)events;
	if (status == 0 && buffer_len(&stand->out) > 0)
		len = write(STDOUT_FILENO, buffer_bytes(&stand->out),
		    buffer_len(&stand->out));
	if (len < 0 && errno == EAGAIN)
		return;
	if (len < 0 || status != 0) {
		/* the client has gone, as when its connection breaks */
		stand->output_broken = true;
		close_all(stand);
		return;
	}
	buffer_consume(&stand->out, (size_t)len);
	if (stand->wants_writable && !stand->finishing) {
		stand->wants_writable = false;
		stand->stream.events->on_writable(&stand->stream);
	}
	if (stand->finishing && buffer_len(&stand->out) == 0)
		close_all(stand);
	else
		watch(stand);
}

static void
on_message(
    void *data, enum control_type type, const union control_body *body, int fd)
{
	(void)data;
	(void)type;
	(void)body;
	if (fd >= 0)
		(void)close(fd);
}

static int64_t
on_ready(void *data)
{
	(void)data;
	return 0;
}

static void
on_gone(void *data)
{
	(void)data;
}

static bool
may_see(void *data, const char *principal, const struct control_task *task)
{
	(void)data;
	return task->owner != NULL && strcmp(task->owner, principal) == 0;
}

static const struct manager_events manager_events = {
    .on_message = on_message,
    .on_ready = on_ready,
    .on_gone = on_gone,
    .may_see = may_see,
    .on_closed = on_gone,
};

static void
init_handles(struct stand *stand)
{
	(void)uv_poll_init(&stand->loop, &stand->input, STDIN_FILENO);
	(void)uv_poll_init(&stand->loop, &stand->output, STDOUT_FILENO);
	(void)uv_idle_init(&stand->loop, &stand->again);
	stand->input.data = stand;
	stand->output.data = stand;
	stand->again.data = stand;
	buffer_init(&stand->kept, (size_t)1 << 20);
	buffer_init(&stand->out, ROOM_BYTES);
}

int
main(void)
{
	static struct stand stand;
	struct error err = {0};

	log_open("stand", LOG_WARNING);
	(void)signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&stand.loop) != 0)
		return 99;
	init_handles(&stand);
	stand.gate.loop = &stand.loop;
	if (manager_open(&stand.gate.manager, &stand.loop, 3, &manager_events,
	        &stand, &err) != 0)
		return 99;
	stand.stream.methods = &methods;
	brain_open(&stand.stream, &stand.gate, "alice", "session-1");
	watch(&stand);
	(void)uv_run(&stand.loop, UV_RUN_DEFAULT);
	buffer_clear(&stand.kept);
	buffer_clear(&stand.out);
	if (uv_loop_close(&stand.loop) != 0) {
		(void)fprintf(stderr, "handles are left\n");
		return 98;
	}
	return stand.code;
}
