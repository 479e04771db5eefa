/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/keeper/attachment.h"
#include "server/keeper/exec.h"
#include "server/keeper/frames.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_size.h"
#include "server/terminal/repaint.h"
#include "server/terminal/view.h"

/* Lines of the scrollback that an attaching client gets into its own. */
#define SCROLLBACK_SENT 200u

/* More than any screen takes to paint. */
#define PAINT_MAX ((size_t)64 << 20)

#define STATUS_BYTES 512u

static uint64_t
now_ms(const struct client *client)
{
	return uv_now(client->pty->exec->keeper->loop);
}

static size_t
cells_of(const struct terminal_size *size)
{
	return (size_t)size->rows * size->cols;
}

static struct frames *
frames_of(const struct client *client)
{
	return &client->pty->exec->keeper->frames;
}

static bool
may_be_raw(const struct client *client)
{
	struct terminal_size size = terminal_get_size(client->pty->terminal);

	return client->may_type && client->size.rows == size.rows &&
	       client->size.cols == size.cols && pty_is_whole(client->pty) &&
	       now_ms(client) >= client->light_ms;
}

/* Send it all: the bytes of one frame belong together. */
static void
flush(struct client *client, struct buffer *out)
{
	const uint8_t *bytes = buffer_bytes(out);
	size_t len = buffer_len(out);

	while (len > 0) {
		size_t part = len < FRAME_DATA_MAX ? len : FRAME_DATA_MAX;

		subscription_send(
		    client->subscription, OUTPUT_PTY, bytes, part);
		bytes += part;
		len -= part;
	}
	buffer_clear(out);
}

static void
describe(const struct client *client, char status[static STATUS_BYTES])
{
	const struct pty *pty = client->pty;
	struct terminal_size size = terminal_get_size(pty->terminal);

	(void)snprintf(status, STATUS_BYTES,
	    " %s%s%s  %ux%u  %s  (read-only; q leaves) ",
	    pty->exec->keeper->task, pty->name[0] == '\0' ? "" : "+", pty->name,
	    size.cols, size.rows, terminal_title(pty->terminal));
}

static uint64_t
pause_ms(const struct client *client)
{
	return client->may_type ? CLIENT_FRAME_MS : CLIENT_WATCH_MS;
}

static void
paint_picture(struct client *client)
{
	char status[STATUS_BYTES];
	struct buffer out;

	buffer_init(&out, PAINT_MAX);
	if (!client->may_type)
		describe(client, status);
	(void)view_frame(client->view, client->pty->terminal,
	    client->may_type ? NULL : status, &out);
	flush(client, &out);
	client->painted_ms = now_ms(client);
	if (view_is_behind(client->view))
		frames_add(frames_of(client), client,
		    client->painted_ms + pause_ms(client));
}

/* The whole screen, with the scrollback if that is not too much; returns
 * whether the screen is not. */
static bool
put_whole(const struct client *client, struct buffer *out)
{
	struct repaint_options options = {
	    .scrollback = client->state == CLIENT_NEW ? SCROLLBACK_SENT : 0,
	    .synchronized = true,
	    .first = !client->is_painted};
	size_t start = buffer_len(out);

	repaint_write(client->pty->terminal, &options, out);
	if (buffer_len(out) <= CLIENT_PAINT_BYTES || options.scrollback == 0)
		return buffer_len(out) <= CLIENT_PAINT_BYTES;
	buffer_truncate(out, start);
	options.scrollback = 0;
	repaint_write(client->pty->terminal, &options, out);
	return buffer_len(out) <= CLIENT_PAINT_BYTES;
}

/* Returns false, and nothing was sent, if that is too much at once. */
static bool
paint_whole(struct client *client)
{
	struct buffer left, out;

	buffer_init(&out, PAINT_MAX);
	if (!put_whole(client, &out)) {
		buffer_clear(&out);
		client->light_ms = now_ms(client) + CLIENT_HEAVY_MS;
		return false;
	}
	buffer_init(&left, PAINT_MAX);
	if (client->view != NULL)
		view_leave(client->view, &left);
	view_free(client->view);
	client->view = NULL;
	flush(client, &left);
	flush(client, &out);
	client->painted_ms = now_ms(client);
	client->is_painted = true;
	client->state = CLIENT_RAW;
	return true;
}

/* From the program's own bytes, or nothing, to frames. */
static void
begin_picture(struct client *client)
{
	struct buffer out;

	buffer_init(&out, PAINT_MAX);
	if (client->is_painted)
		repaint_leave(client->pty->terminal, &out);
	client->is_painted = false;
	flush(client, &out);
	if (client->view != NULL && client->is_resized)
		view_resize(client->view, &client->size);
	client->is_resized = false;
	if (client->view == NULL)
		client->view =
		    view_new(client->may_type ? VIEW_INTERACTIVE : VIEW_WATCH,
		        &client->size);
	client->state = CLIENT_PICTURE;
	client->held_ms = 0;
	paint_picture(client);
}

struct client *
client_new(struct pty *pty, struct subscription *subscription,
    const struct attachment_view *view)
{
	struct client *client = memory_new(1, sizeof(*client));

	client->subscription = subscription;
	client->pty = pty;
	client->may_type = view->kind == VIEW_NAME_CLIENT;
	client->size =
	    (struct terminal_size){(uint16_t)view->rows, (uint16_t)view->cols};
	pty->exec->keeper->cells += cells_of(&client->size);
	return client;
}

void
client_free(struct client *client)
{
	if (client == NULL)
		return;
	frames_remove(frames_of(client), client);
	client->pty->exec->keeper->cells -= cells_of(&client->size);
	view_free(client->view);
	free(client);
}

/* Decide how it sees the terminal, and show all of it. */
static void
fit(struct client *client)
{
	if (!attachment_has_room(client->subscription->attachment))
		client->state = CLIENT_STALE;
	else if (!may_be_raw(client) || !paint_whole(client))
		begin_picture(client);
}

static void
frame_soon(struct client *client)
{
	uint64_t now = now_ms(client);
	uint64_t next = client->painted_ms + pause_ms(client);

	frames_add(frames_of(client), client, next > now ? next : now);
}

void
client_renew(struct client *client)
{
	if (!client->subscription->is_open)
		return;
	if (client->state != CLIENT_NEW)
		client->state = CLIENT_STALE;
	frame_soon(client);
}

void
client_touch(struct client *client)
{
	if (client->state == CLIENT_PICTURE)
		frame_soon(client);
}

void
client_check_room(struct client *client)
{
	if ((client->state == CLIENT_RAW || client->state == CLIENT_PICTURE) &&
	    !attachment_has_room(client->subscription->attachment))
		client->state = CLIENT_STALE;
}

void
client_pass(struct client *client, const uint8_t *bytes, size_t len)
{
	if (client->state == CLIENT_RAW && len > 0)
		subscription_send(client->subscription, OUTPUT_PTY, bytes, len);
}

void
client_skip(struct client *client)
{
	if (client->state != CLIENT_RAW)
		return;
	client->state = CLIENT_STALE;
	frames_add(frames_of(client), client, now_ms(client) + CLIENT_FRAME_MS);
}

bool
client_answers(const struct client *client)
{
	return client->state == CLIENT_RAW && client == client->pty->leader;
}

/* What is no report goes on; whoever typed it leads from now on. */
static int
pass_typed(struct client *client, struct buffer *typed, struct error *err)
{
	struct subscription *from = client->subscription;
	size_t len = buffer_len(typed);
	int rc = 0;

	if (len > 0 && client->reports.is_typing)
		pty_lead(client->pty, client);
	if (len > 0)
		rc = input_write(&client->pty->exec->input, from,
		    buffer_bytes(typed), len, err);
	buffer_clear(typed);
	return rc;
}

/* What the leader's own terminal says is for the program; also when it was
 * asked and the screen has been skipped or resized since. */
static bool
may_report(const struct client *client)
{
	return client_answers(client) ||
	       (client == client->pty->leader && pty_is_asking(client->pty));
}

int
client_type(
    struct client *client, const uint8_t *bytes, size_t len, struct error *err)
{
	struct buffer typed;
	size_t kept = client->reports.len;
	size_t passed;

	client->pty->used_ms = now_ms(client);
	if (may_report(client) && kept == 0) {
		if (len > 0 && memchr(bytes, '\033', len) != NULL)
			pty_answered(client->pty);
		return input_write(&client->pty->exec->input,
		    client->subscription, bytes, len, err);
	}
	buffer_init(&typed, FRAME_DATA_MAX + REPORT_BYTES);
	reports_filter(&client->reports, bytes, len, &typed);
	passed = buffer_len(&typed) + client->reports.len;
	if (client->reports.len > 0) {
		client->escape_ms = now_ms(client) + CLIENT_ESCAPE_MS;
		frames_add(frames_of(client), client, client->escape_ms);
	} else {
		client->escape_ms = 0;
	}
	/* reports are used up here; their credit is the client's again */
	if (kept + len > passed)
		input_return(&client->pty->exec->input, client->subscription,
		    kept + len - passed);
	return pass_typed(client, &typed, err);
}

int
client_resize(
    struct client *client, const struct terminal_size *size, struct error *err)
{
	struct keeper *keeper = client->pty->exec->keeper;
	size_t before = cells_of(&client->size);
	size_t after = cells_of(size);

	if (after > before &&
	    keeper_check_cells(keeper, after - before, err) != 0)
		return -1;
	keeper->cells = keeper->cells - before + after;
	client->size = *size;
	client->is_resized = true;
	pty_size_fit(client->pty);
	client_renew(client);
	return 0;
}

static void
flush_escape(struct client *client)
{
	struct error err = {0};
	struct buffer typed;

	client->escape_ms = 0;
	buffer_init(&typed, FRAME_DATA_MAX + REPORT_BYTES);
	reports_flush(&client->reports, &typed);
	/* an ended program misses nothing */
	(void)pass_typed(client, &typed, &err);
}

/* The program is in the middle of a picture of its own. */
static bool
is_held(struct client *client)
{
	uint64_t now = now_ms(client);

	if (!terminal_is_synchronized(client->pty->terminal)) {
		client->held_ms = 0;
		return false;
	}
	if (client->held_ms == 0)
		client->held_ms = now;
	return now - client->held_ms < CLIENT_HELD_MS;
}

void
client_due(struct client *client)
{
	uint64_t now = now_ms(client);

	if (client->escape_ms > 0 && client->escape_ms <= now)
		flush_escape(client);
	else if (client->escape_ms > 0)
		frames_add(frames_of(client), client, client->escape_ms);
	if (client->state == CLIENT_NEW || client->state == CLIENT_STALE ||
	    (client->state == CLIENT_PICTURE && may_be_raw(client)))
		fit(client);
	client_check_room(client);
	if (client->state != CLIENT_PICTURE)
		return;
	if (is_held(client))
		frames_add(frames_of(client), client, now + CLIENT_FRAME_MS);
	else
		paint_picture(client);
}

void
client_drained(struct client *client)
{
	if (client->state == CLIENT_STALE)
		frame_soon(client);
}

void
client_leave(struct client *client)
{
	struct buffer out;

	buffer_init(&out, PAINT_MAX);
	if (client->view != NULL)
		view_leave(client->view, &out);
	else if (client->is_painted)
		repaint_leave(client->pty->terminal, &out);
	client->is_painted = false;
	flush(client, &out);
	client->state = CLIENT_NEW;
	client->may_type = false;
}
