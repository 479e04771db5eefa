/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/common/owner.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_checkpoint.h"
#include "server/keeper/recorder_file.h"
#include "server/terminal/asciicast.h"
#include "server/terminal/repaint.h"

#define OUT_MAX     ((size_t)1 << 20)
#define OUT_SPARE   ((size_t)8 << 10)  /* for other events than bytes */
#define FLUSH_BYTES ((size_t)64 << 10) /* are written without waiting */

/* An event at its longest: its time and quotes, and each byte escaped, with
 * those of a character that was begun before. */
#define EVENT_BYTES  128u
#define ESCAPE_BYTES 6u
#define PARTIAL_MAX  4u
#define PIECE_MIN    16u

/* Kept free for the mark of a cut. */
#define CUT_BYTES EVENT_BYTES

#define LABEL_BYTES 64u

struct recorder {
	struct owner owner;
	uv_timer_t later; /* active: out is to be written */
	uv_loop_t *loop;
	struct pty *pty;           /* borrowed */
	const char *id;            /* the exec's; borrowed */
	struct recorder_file file; /* closed: the recording is over */
	struct asciicast cast;
	struct buffer out;   /* that come next */
	struct buffer typed; /* the agent has not taken it yet */
	bool has_input;
	bool is_stalled; /* the disk is full: what does not fit into out is */
	uint64_t missed; /* left out, so many bytes */
	uint64_t begun_ms;
	uint64_t offset; /* bytes of output that were put */
	uint64_t size;   /* of the file, with what is in out */
	uint64_t size_max;
	bool is_closed; /* the handles are */
	bool is_unused; /* and nobody else has this any more */
};

typedef void (*cast_fn)(struct asciicast *cast, uint64_t at_ms,
    const uint8_t *bytes, size_t len, struct buffer *out);

static struct recorder *
of_owner(struct owner *owner)
{
	return (struct recorder *)(void *)((char *)owner -
	                                   offsetof(struct recorder, owner));
}

static void
on_gone(struct owner *owner)
{
	struct recorder *recorder = of_owner(owner);

	recorder->is_closed = true;
	if (recorder->is_unused)
		free(recorder);
}

static uint64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* For whoever goes on with it: all up to here is in the file. */
static void
tell_mark(struct recorder *recorder)
{
	struct checkpoint_mark mark = {.bytes = recorder->file.written,
	    .offset = recorder->offset - asciicast_half(&recorder->cast),
	    .written_ms = recorder->cast.written_ms,
	    .wall_ms = wall_ms()};

	if (recorder->pty != NULL)
		pty_checkpoint_mark(recorder->pty, &mark);
}

/* Nothing more is recorded; what waits is forgotten. */
static void
close_file(struct recorder *recorder)
{
	const struct checkpoint_mark none = {0};

	if (recorder->pty != NULL)
		pty_checkpoint_mark(recorder->pty, &none);
	recorder_file_close(&recorder->file);
	buffer_clear(&recorder->out);
	buffer_clear(&recorder->typed);
	owner_close(&recorder->owner);
}

/* What was left out while the disk was full. */
static void
put_missed(struct recorder *recorder)
{
	char label[LABEL_BYTES];

	(void)snprintf(label, sizeof(label), "%llu bytes are missing",
	    (unsigned long long)recorder->missed);
	recorder->missed = 0;
	asciicast_marker(
	    &recorder->cast, recorder->cast.written_ms, label, &recorder->out);
	recorder->size += buffer_len(&recorder->out);
}

static void
flush(struct recorder *recorder)
{
	struct error err = {0};
	enum recorder_write wrote;

	wrote = recorder_file_write(&recorder->file, &recorder->out, &err);
	if (wrote == RECORDER_WRITTEN && recorder->missed > 0) {
		put_missed(recorder);
		wrote =
		    recorder_file_write(&recorder->file, &recorder->out, &err);
	}
	if (wrote == RECORDER_FAILED) {
		log_error(
		    "%s: its recording ends here: %s", recorder->id, err.text);
		close_file(recorder);
		return;
	}
	if (wrote == RECORDER_FULL) {
		if (!recorder->is_stalled)
			log_error("%s: its recording waits: %s", recorder->id,
			    err.text);
	} else {
		if (recorder->is_stalled)
			log_info("%s: its recording goes on", recorder->id);
		tell_mark(recorder);
	}
	recorder->is_stalled = wrote == RECORDER_FULL;
}

static void
on_later(uv_timer_t *timer)
{
	struct recorder *recorder = of_owner(timer->data);

	if (recorder->file.fd >= 0)
		flush(recorder);
	if (recorder->file.fd >= 0 && recorder->is_stalled)
		(void)uv_timer_start(timer, on_later, RECORDER_RETRY_MS, 0);
}

static uint64_t
at_ms(const struct recorder *recorder)
{
	return uv_now(recorder->loop) - recorder->begun_ms;
}

/* Events were put behind what was in out before. */
static void
added(struct recorder *recorder, size_t before)
{
	size_t now = buffer_len(&recorder->out);

	recorder->size += now - before;
	if (now >= FLUSH_BYTES && !recorder->is_stalled)
		flush(recorder);
	else if (!uv_is_active((uv_handle_t *)&recorder->later))
		(void)uv_timer_start(
		    &recorder->later, on_later, RECORDER_FLUSH_MS, 0);
}

/* The last event: there is always room for it. */
static void
cut(struct recorder *recorder)
{
	char label[LABEL_BYTES];

	(void)snprintf(label, sizeof(label), "recording cut at %llu bytes",
	    (unsigned long long)recorder->size_max);
	asciicast_marker(
	    &recorder->cast, at_ms(recorder), label, &recorder->out);
	flush(recorder);
	if (recorder->file.fd >= 0)
		close_file(recorder);
}

/* Whether there is room for an event without bytes; if not, that was all. */
static bool
has_room(struct recorder *recorder)
{
	if (recorder == NULL || recorder->file.fd < 0)
		return false;
	if (recorder->size + EVENT_BYTES + CUT_BYTES <= recorder->size_max)
		return true;
	cut(recorder);
	return false;
}

/* How many of len bytes fit into one event, whatever they are. */
static size_t
piece_of(const struct recorder *recorder, size_t len)
{
	uint64_t room =
	    recorder->size_max - recorder->size - EVENT_BYTES - CUT_BYTES;
	uint64_t most = room / ESCAPE_BYTES;

	most = most > PARTIAL_MAX ? most - PARTIAL_MAX : 0;
	if (most < PIECE_MIN && most < len)
		return 0;
	return most < len ? (size_t)most : len;
}

/* They do not fit while the disk is full. */
static void
miss(struct recorder *recorder, cast_fn write_event, size_t len)
{
	recorder->missed += len;
	if (write_event == asciicast_output)
		recorder->offset += len;
}

static void
put(struct recorder *recorder, cast_fn write_event, const uint8_t *bytes,
    size_t len)
{
	while (len > 0 && has_room(recorder)) {
		size_t before = buffer_len(&recorder->out);
		size_t piece =
		    piece_of(recorder, len < FLUSH_BYTES ? len : FLUSH_BYTES);

		if (piece == 0) {
			cut(recorder);
			return;
		}
		if (before + ESCAPE_BYTES * (piece + PARTIAL_MAX) >
		    OUT_MAX - OUT_SPARE) {
			miss(recorder, write_event, len);
			return;
		}
		write_event(&recorder->cast, at_ms(recorder), bytes, piece,
		    &recorder->out);
		if (write_event == asciicast_output)
			recorder->offset += piece;
		added(recorder, before);
		bytes += piece;
		len -= piece;
	}
}

/* A viewer's terminal may be in any state. */
static void
put_repaint(struct recorder *recorder, const struct terminal *terminal)
{
	const struct repaint_options options = {.scrollback = 0};
	struct buffer paint;

	buffer_init(&paint, OUT_MAX);
	repaint_write(terminal, &options, &paint);
	put(recorder, asciicast_output, buffer_bytes(&paint),
	    buffer_len(&paint));
	buffer_clear(&paint);
}

static void
put_header(struct recorder *recorder, const struct terminal *terminal,
    const char *term)
{
	const struct asciicast_header header = {
	    .version = recorder->cast.version,
	    .size = terminal_get_size(terminal),
	    .timestamp = (int64_t)time(NULL),
	    .term = term};

	asciicast_begin(&recorder->cast, &header, &recorder->out);
	added(recorder, 0);
}

/* With a file, which is taken. */
static struct recorder *
make(struct pty *pty, const struct recorder_file *file)
{
	const struct keeper *keeper = pty->exec->keeper;
	const struct recording_spec *spec = &keeper->config.recording;
	struct recorder *recorder = memory_new(1, sizeof(*recorder));

	recorder->pty = pty;
	recorder->loop = keeper->loop;
	recorder->id = pty->exec->id;
	recorder->file = *file;
	recorder->cast.version =
	    spec->format == RECORDING_2 ? ASCIICAST_2 : ASCIICAST_3;
	recorder->has_input = spec->input;
	recorder->size_max = (uint64_t)spec->bytes;
	recorder->begun_ms = uv_now(keeper->loop);
	buffer_init(&recorder->out, OUT_MAX);
	buffer_init(&recorder->typed, WINDOW_STDIN);
	owner_init(&recorder->owner, on_gone);
	(void)uv_timer_init(keeper->loop, &recorder->later);
	owner_adopt(&recorder->owner, (uv_handle_t *)&recorder->later);
	return recorder;
}

struct recorder *
recorder_new(struct pty *pty)
{
	const struct exec *exec = pty->exec;
	struct recorder *recorder;
	struct recorder_file file;
	struct error err = {0};

	if (!exec->keeper->config.recording.present)
		return NULL;
	if (recorder_file_make(&file, exec, &err) != 0) {
		log_error("%s: it is not recorded: %s", exec->id, err.text);
		return NULL;
	}
	recorder = make(pty, &file);
	put_header(
	    recorder, pty->terminal, pty->term[0] != '\0' ? pty->term : NULL);
	put_repaint(recorder, pty->terminal);
	recorder->offset = 0;
	flush(recorder);
	return recorder;
}

struct recorder *
recorder_resume(struct pty *pty, const struct checkpoint_mark *mark)
{
	const struct exec *exec = pty->exec;
	uint64_t now = wall_ms();
	struct recorder *recorder;
	struct recorder_file file;
	struct error err = {0};

	if (!exec->keeper->config.recording.present || mark->bytes == 0)
		return NULL;
	if (recorder_file_reopen(&file, exec, mark->bytes, &err) != 0) {
		log_error(
		    "%s: its recording ends here: %s", exec->id, err.text);
		return NULL;
	}
	recorder = make(pty, &file);
	recorder->size = mark->bytes;
	recorder->offset = mark->offset;
	recorder->cast.written_ms = mark->written_ms;
	recorder->begun_ms -= mark->written_ms;
	if (now > mark->wall_ms)
		recorder->begun_ms -= now - mark->wall_ms;
	return recorder;
}

void
recorder_free(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	if (recorder->file.fd >= 0)
		flush(recorder);
	if (recorder->is_stalled)
		log_error("%s: its recording ends here", recorder->id);
	if (recorder->file.fd >= 0)
		close_file(recorder);
	recorder->pty = NULL;
	recorder->is_unused = true;
	if (recorder->is_closed)
		free(recorder);
}

void
recorder_output(struct recorder *recorder, const uint8_t *bytes, size_t len)
{
	put(recorder, asciicast_output, bytes, len);
}

void
recorder_resize(struct recorder *recorder, const struct terminal_size *size)
{
	size_t before;

	if (!has_room(recorder))
		return;
	before = buffer_len(&recorder->out);
	asciicast_resize(
	    &recorder->cast, at_ms(recorder), size, &recorder->out);
	added(recorder, before);
}

void
recorder_mark(struct recorder *recorder, char kind, int code)
{
	const char *word = kind == 'A'   ? "prompt"
	                   : kind == 'B' ? "input"
	                   : kind == 'C' ? "command"
	                                 : "exit";
	char label[LABEL_BYTES];
	size_t before;

	if (!has_room(recorder))
		return;
	if (code >= 0)
		(void)snprintf(label, sizeof(label), "%s %d", word, code);
	else
		(void)snprintf(label, sizeof(label), "%s", word);
	before = buffer_len(&recorder->out);
	asciicast_marker(
	    &recorder->cast, at_ms(recorder), label, &recorder->out);
	added(recorder, before);
}

void
recorder_exit(struct recorder *recorder, int status)
{
	size_t before;

	if (status < 0 || !has_room(recorder))
		return;
	before = buffer_len(&recorder->out);
	asciicast_exit(
	    &recorder->cast, at_ms(recorder), status, &recorder->out);
	added(recorder, before);
}

void
recorder_typed(struct recorder *recorder, const uint8_t *bytes, size_t len)
{
	if (recorder == NULL || recorder->file.fd < 0 || !recorder->has_input)
		return;
	/* With a hole in it, nobody would know what echo showed. */
	if (buffer_append(&recorder->typed, bytes, len, NULL) != 0)
		recorder->has_input = false;
}

void
recorder_taken(struct recorder *recorder, size_t len, bool echo)
{
	if (recorder == NULL || recorder->file.fd < 0 || !recorder->has_input)
		return;
	if (len > buffer_len(&recorder->typed))
		len = buffer_len(&recorder->typed);
	if (echo)
		put(recorder, asciicast_input, buffer_bytes(&recorder->typed),
		    len);
	if (recorder->file.fd >= 0)
		buffer_consume(&recorder->typed, len);
}
