/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"

void
kept_token(char token[KEPT_TOKEN_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bits[(KEPT_TOKEN_BYTES - 1) / 2];
	size_t i;

	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		abort();
	for (i = 0; i < sizeof(bits); i++) {
		token[2 * i] = digits[bits[i] >> 4];
		token[2 * i + 1] = digits[bits[i] & 15];
	}
	token[KEPT_TOKEN_BYTES - 1] = '\0';
}

static void
open_start(struct kept *kept, const struct attachment_start *start)
{
	kept->is_tied = start->tied;
	kept->is_terminal = start->spec.pty.present;
	/* a plain session reads its terminal's bytes, like any reader */
	if (!start->tied)
		kept->view = start->view;
}

static void
open_attach(struct kept *kept, const struct attachment_attach *where)
{
	kept->is_tied = where->tied;
	kept->view = where->view;
	kept->is_quiet = !where->view.present && !where->offsets.present &&
	                 where->from == ATTACH_NONE;
	if (where->offsets.present) {
		kept->asked[OUTPUT_STDOUT] = where->offsets.out;
		kept->asked[OUTPUT_PTY] = where->offsets.out;
		kept->asked[OUTPUT_STDERR] = where->offsets.err;
	} else if (where->from != ATTACH_START) {
		memset(kept->asked, -1, sizeof(kept->asked));
	}
}

int
kept_open(struct kept *kept, enum attachment_type type, const void *body,
    struct error *err)
{
	memset(kept, 0, sizeof(*kept));
	kept->opening_type = type;
	buffer_init(&kept->opening, FRAME_CONTROL_MAX);
	buffer_init(&kept->input, WINDOW_STDIN);
	if (type == ATTACHMENT_ATTACH)
		open_attach(kept, body);
	else
		open_start(kept, body);
	return json_write(attachment_shapes[type], attachment_types[type], body,
	    &kept->opening, err);
}

static void
said_free(struct kept *kept, struct kept_said **at)
{
	struct kept_said *said = *at;

	*at = said->next;
	kept->said_count--;
	buffer_clear(&said->json);
	free(said);
}

void
kept_clear(struct kept *kept)
{
	buffer_clear(&kept->opening);
	buffer_clear(&kept->input);
	while (kept->said != NULL)
		said_free(kept, &kept->said);
}

static void
set_exec(struct kept *kept, const char *exec)
{
	memset(kept->exec, 0, sizeof(kept->exec));
	memcpy(kept->exec, exec, strnlen(exec, sizeof(kept->exec) - 1));
	buffer_clear(&kept->opening);
}

void
kept_started(struct kept *kept, const struct attachment_started *started)
{
	set_exec(kept, started->exec);
	kept->is_input_known = true;
}

static enum output_stream
first_stream(const struct kept *kept)
{
	return kept->is_terminal ? OUTPUT_PTY : OUTPUT_STDOUT;
}

/* Between what was asked for and what comes, a gap does. */
static void
begin_at(struct kept *kept, enum output_stream stream, int64_t comes)
{
	int64_t asked = kept->asked[stream];

	kept->comes[stream] = comes;
	kept->has[stream] = asked >= 0 && asked < comes ? asked : comes;
}

void
kept_attached(struct kept *kept, const struct attachment_attached *attached)
{
	set_exec(kept, attached->exec);
	kept->is_terminal = attached->pty;
	begin_at(kept, first_stream(kept), attached->out);
	begin_at(kept, OUTPUT_STDERR, attached->err);
	kept->is_input_known = attached->taken >= 0;
	kept->input_at = attached->taken < 0 ? 0 : attached->taken;
}

void
kept_where(const struct kept *kept, struct attachment_attach *where)
{
	memset(where, 0, sizeof(*where));
	/* only written, which changes nothing */
	where->exec = (char *)(uintptr_t)kept->exec;
	where->tied = kept->is_tied;
	where->view = kept->view;
	if (kept->is_quiet)
		where->from = ATTACH_NONE;
	else if (!kept->view.present)
		where->offsets = (struct stream_offsets){.present = true,
		    .out = kept->has[first_stream(kept)],
		    .err = kept->has[OUTPUT_STDERR]};
}

/* The first byte that comes of a stream is here. */
static void
resume_output(struct kept *kept, enum output_stream stream, int64_t from,
    struct attachment_gap *gap)
{
	int64_t has = kept->has[stream];

	kept->comes[stream] = from;
	*gap = (struct attachment_gap){(int)stream, has, has};
	if (from <= has)
		return;
	gap->to = from;
	kept->has[stream] = from;
}

/*
 * What the command's side has goes from what is kept; the rest is to be sent
 * again. Where somebody else has fed it meanwhile, or it is not known where
 * ours began, nobody can tell how much of it came through.
 */
static int
resume_input(struct kept *kept, int64_t taken, struct error *err)
{
	size_t len = buffer_len(&kept->input);
	bool is_known = kept->is_input_known || len == 0;

	if (taken < 0) {
		/* a terminal, or closed: nobody will read it */
		buffer_consume(&kept->input, len);
		return 0;
	}
	if (len == 0)
		kept->input_at = taken;
	if (kept->is_input_known && taken < kept->input_at)
		return error_set(err, ERROR_INVALID,
		    "a keeper has less stdin than it gave credit for");
	if (!is_known || taken > kept->input_at + (int64_t)len) {
		kept->is_input_refused = true;
		buffer_consume(&kept->input, len);
		return 0;
	}
	buffer_consume(&kept->input, (size_t)(taken - kept->input_at));
	kept->input_at = taken;
	kept->is_input_known = true;
	return 0;
}

int
kept_resume(struct kept *kept, const struct attachment_attached *attached,
    struct attachment_gap gaps[OUTPUT_STREAMS], struct error *err)
{
	enum output_stream first = first_stream(kept);

	memset(gaps, 0, OUTPUT_STREAMS * sizeof(*gaps));
	if (strcmp(attached->exec, kept->exec) != 0 ||
	    attached->pty != kept->is_terminal)
		return error_set(err, ERROR_INVALID,
		    "a keeper attached %.64s for %s", attached->exec,
		    kept->exec);
	if (!kept->view.present && !kept->is_quiet) {
		resume_output(kept, first, attached->out, &gaps[first]);
		if (!kept->is_terminal)
			resume_output(kept, OUTPUT_STDERR, attached->err,
			    &gaps[OUTPUT_STDERR]);
	}
	return resume_input(kept, attached->taken, err);
}

size_t
kept_output(struct kept *kept, enum output_stream stream, size_t len)
{
	int64_t had = kept->has[stream] - kept->comes[stream];

	if (kept->view.present)
		return 0;
	kept->comes[stream] += (int64_t)len;
	if (had >= (int64_t)len)
		return len;
	kept->has[stream] = kept->comes[stream];
	return had > 0 ? (size_t)had : 0;
}

bool
kept_end(struct kept *kept, enum output_stream stream)
{
	bool is_news = !kept->ended[stream];

	kept->ended[stream] = true;
	return is_news;
}

bool
kept_gap(struct kept *kept, struct attachment_gap *gap)
{
	int64_t *has = &kept->has[gap->stream];

	kept->comes[gap->stream] = gap->to;
	if (gap->to <= *has)
		return false;
	if (gap->from < *has)
		gap->from = *has;
	*has = gap->to;
	return true;
}

void
kept_sent(struct kept *kept, const uint8_t *bytes, size_t len)
{
	if (!kept->is_terminal && !kept->is_input_refused)
		(void)buffer_append(&kept->input, bytes, len, NULL);
}

void
kept_credit(struct kept *kept, size_t len)
{
	size_t waiting = buffer_len(&kept->input);

	if (len > waiting)
		len = waiting;
	buffer_consume(&kept->input, len);
	kept->input_at += (int64_t)len;
}

struct kept_said *
kept_say(
    struct kept *kept, enum attachment_type type, int64_t ask, const void *body)
{
	struct kept_said **at = &kept->said;
	struct kept_said *said;

	if (kept->said_count >= KEPT_SAID_MAX)
		return NULL;
	said = memory_new(1, sizeof(*said));
	said->type = type;
	said->ask = ask;
	buffer_init(&said->json, FRAME_CONTROL_MAX);
	if (json_write(attachment_shapes[type], attachment_types[type], body,
	        &said->json, NULL) != 0) {
		buffer_clear(&said->json);
		free(said);
		return NULL;
	}
	while (*at != NULL)
		at = &(*at)->next;
	*at = said;
	kept->said_count++;
	return said;
}

void
kept_taken(struct kept *kept)
{
	struct kept_said **at = &kept->said;

	while (*at != NULL && (*at)->ask != 0)
		at = &(*at)->next;
	if (*at != NULL)
		said_free(kept, at);
}

void
kept_answered(struct kept *kept, int64_t ask)
{
	struct kept_said **at = &kept->said;

	while (*at != NULL && (*at)->ask != ask)
		at = &(*at)->next;
	if (*at != NULL)
		said_free(kept, at);
}
