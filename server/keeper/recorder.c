/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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
#include "server/terminal/asciicast.h"
#include "server/terminal/repaint.h"

#define OUT_MAX     ((size_t)1 << 20)
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
	const char *id; /* the exec's; borrowed */
	int fd;         /* owned; -1: the recording is over */
	struct asciicast cast;
	off_t written;       /* bytes of the file */
	struct buffer out;   /* that come next */
	struct buffer typed; /* the agent has not taken it yet */
	bool has_input;
	uint64_t begun_ms;
	uint64_t size; /* of the file, with what is in out */
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

/* Nothing more is recorded; what waits is forgotten. */
static void
close_file(struct recorder *recorder)
{
	(void)close(recorder->fd);
	recorder->fd = -1;
	buffer_clear(&recorder->out);
	buffer_clear(&recorder->typed);
	owner_close(&recorder->owner);
}

/* What cannot be written whole is not there at all. */
static void
give_up(struct recorder *recorder, size_t done)
{
	const uint8_t *bytes = buffer_bytes(&recorder->out);
	struct error err = {0};

	(void)error_sys(&err, "write");
	while (done > 0 && bytes[done - 1] != '\n')
		done--;
	if (ftruncate(recorder->fd, recorder->written + (off_t)done) != 0)
		log_warning("%s: the last line of its recording is not whole",
		    recorder->id);
	log_error("%s: its recording ends here: %s", recorder->id, err.text);
	close_file(recorder);
}

static void
flush(struct recorder *recorder)
{
	const uint8_t *bytes = buffer_bytes(&recorder->out);
	size_t len = buffer_len(&recorder->out);
	size_t done = 0;

	while (done < len) {
		ssize_t got = write(recorder->fd, bytes + done, len - done);

		if (got < 0 && errno != EINTR) {
			give_up(recorder, done);
			return;
		}
		if (got > 0)
			done += (size_t)got;
	}
	buffer_consume(&recorder->out, len);
	recorder->written += (off_t)len;
}

static void
on_later(uv_timer_t *timer)
{
	struct recorder *recorder = of_owner(timer->data);

	if (recorder->fd >= 0)
		flush(recorder);
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
	if (now >= FLUSH_BYTES)
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
	if (recorder->fd >= 0)
		close_file(recorder);
}

/* Whether there is room for an event without bytes; if not, that was all. */
static bool
has_room(struct recorder *recorder)
{
	if (recorder == NULL || recorder->fd < 0)
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
		write_event(&recorder->cast, at_ms(recorder), bytes, piece,
		    &recorder->out);
		added(recorder, before);
		bytes += piece;
		len -= piece;
	}
}

static int
open_file(const struct exec *exec, struct error *err)
{
	char name[LIMIT_EXEC_ID_BYTES + sizeof(".cast")];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.cast", exec->id);
	fd = openat(exec->keeper->recording_dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : error_sys(err, "%s", name);
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

struct recorder *
recorder_new(struct pty *pty, const char *term)
{
	const struct keeper *keeper = pty->exec->keeper;
	const struct recording_spec *spec = &keeper->config.recording;
	struct recorder *recorder;
	struct error err = {0};
	int fd;

	if (!spec->present)
		return NULL;
	fd = open_file(pty->exec, &err);
	if (fd < 0) {
		log_error(
		    "%s: it is not recorded: %s", pty->exec->id, err.text);
		return NULL;
	}
	recorder = memory_new(1, sizeof(*recorder));
	recorder->loop = keeper->loop;
	recorder->id = pty->exec->id;
	recorder->fd = fd;
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
	put_header(recorder, pty->terminal, term);
	put_repaint(recorder, pty->terminal);
	return recorder;
}

void
recorder_free(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	if (recorder->fd >= 0)
		flush(recorder);
	if (recorder->fd >= 0)
		close_file(recorder);
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
	if (recorder == NULL || recorder->fd < 0 || !recorder->has_input)
		return;
	/* With a hole in it, nobody would know what echo showed. */
	if (buffer_append(&recorder->typed, bytes, len, NULL) != 0)
		recorder->has_input = false;
}

void
recorder_taken(struct recorder *recorder, size_t len, bool echo)
{
	if (recorder == NULL || recorder->fd < 0 || !recorder->has_input)
		return;
	if (len > buffer_len(&recorder->typed))
		len = buffer_len(&recorder->typed);
	if (echo)
		put(recorder, asciicast_input, buffer_bytes(&recorder->typed),
		    len);
	if (recorder->fd >= 0)
		buffer_consume(&recorder->typed, len);
}
