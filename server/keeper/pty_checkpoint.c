/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/pty_checkpoint.h"

#include <inttypes.h>

#include "protocol/error.h"
#include "server/common/log.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/recorder.h"
#include "server/terminal/repaint.h"

static uint64_t
now_ms(const struct pty *pty)
{
	return uv_now(pty->exec->keeper->loop);
}

static struct checkpoint_state
state_of(const struct pty *pty, uint64_t fed)
{
	return (struct checkpoint_state){.offset = pty->offset + fed,
	    .size = terminal_get_size(pty->terminal),
	    .asked = pty->asked,
	    .policy = pty->policy,
	    .echo = pty->echo,
	    .canonical = pty->canonical};
}

static bool
is_size(const struct terminal_size *one, const struct terminal_size *two)
{
	return one->rows == two->rows && one->cols == two->cols;
}

/* But for the offset. */
static bool
is_same(const struct checkpoint_state *one, const struct checkpoint_state *two)
{
	return is_size(&one->size, &two->size) &&
	       is_size(&one->asked, &two->asked) &&
	       one->policy == two->policy && one->echo == two->echo &&
	       one->canonical == two->canonical;
}

static void
failed(struct pty *pty, const struct error *err)
{
	if (pty->retry_ms == 0)
		log_error(
		    "%s: its screen is not kept: %s", pty->exec->id, err->text);
	pty->retry_ms = now_ms(pty) + PTY_CHECKPOINT_RETRY_MS;
}

static void
succeeded(struct pty *pty)
{
	if (pty->retry_ms != 0)
		log_info("%s: its screen is kept again", pty->exec->id);
	pty->retry_ms = 0;
	pty->noted = state_of(pty, 0);
}

/* Everything, as it is where no sequence is half read. */
static void
write_anew(struct pty *pty)
{
	const struct output *output = &pty->exec->output;
	const struct repaint_options options = {
	    .scrollback = LIMIT_SCROLLBACK, .blank = true};
	const struct checkpoint_state state =
	    state_of(pty, terminal_ground(pty->terminal));
	struct error err = {0};
	struct buffer paint;

	/* what the ring does not have yet would come again */
	if (output->held_bytes > 0 || now_ms(pty) < pty->retry_ms)
		return;
	buffer_init(&paint, CHECKPOINT_PAINT_MAX);
	repaint_write(pty->terminal, &options, &paint);
	if (checkpoint_write(&pty->checkpoint, &state, &paint, &err) == 0) {
		pty->checkpoint_at = output->spool.head;
		pty->checkpoint_ms = now_ms(pty);
		pty->is_resized = false;
		succeeded(pty);
	} else {
		failed(pty, &err);
	}
	buffer_clear(&paint);
}

void
pty_checkpoint_begin(struct pty *pty)
{
	pty->noted = state_of(pty, 0);
}

static bool
is_due(const struct pty *pty)
{
	const struct spool *spool = &pty->exec->output.spool;
	uint64_t most = (spool->capacity - spool->begin.at) / 2;

	if (most > PTY_CHECKPOINT_BYTES)
		most = PTY_CHECKPOINT_BYTES;
	if (pty->is_resized &&
	    now_ms(pty) - pty->checkpoint_ms >= PTY_CHECKPOINT_MS)
		return true;
	return pty->retry_ms != 0 || spool->head - pty->checkpoint_at > most;
}

void
pty_checkpoint_fed(struct pty *pty)
{
	if (is_due(pty))
		write_anew(pty);
}

void
pty_checkpoint_note(struct pty *pty)
{
	const struct checkpoint_state state =
	    state_of(pty, terminal_fed(pty->terminal));
	struct error err = {0};

	if (is_same(&state, &pty->noted))
		return;
	/* another size may show what a repaint has no bytes for */
	pty->is_resized |= !is_size(&state.size, &pty->noted.size);
	if (!is_due(pty) && checkpoint_add(&pty->checkpoint, &state, &err) == 0)
		pty->noted = state;
	else if (err.code == ERROR_NONE || err.code == ERROR_LIMIT)
		write_anew(pty);
	else
		failed(pty, &err);
}

void
pty_checkpoint_mark(struct pty *pty, const struct checkpoint_mark *mark)
{
	struct error err = {0};

	if (checkpoint_set_mark(&pty->checkpoint, mark, &err) == 0)
		return;
	if (err.code == ERROR_LIMIT)
		write_anew(pty);
	else
		failed(pty, &err);
}

/* What a state says besides output; the agent is told the size later. */
static void
take_state(struct pty *pty, const struct checkpoint_state *state)
{
	struct keeper *keeper = pty->exec->keeper;

	keeper->cells -= terminal_cells(pty->terminal);
	terminal_resize(pty->terminal, &state->size);
	keeper->cells += terminal_cells(pty->terminal);
	pty->asked = state->asked;
	pty->policy = state->policy;
	pty->echo = state->echo;
	pty->canonical = state->canonical;
}

struct replay {
	struct pty *pty;
	const struct checkpoint_content *content;
	size_t next; /* of its states */
	uint64_t at; /* of the output: so much was fed */
};

/* Changes that came before more output than was fed by now. */
static void
replay_states(struct replay *replay)
{
	const struct checkpoint_content *content = replay->content;

	while (replay->next < content->count &&
	       content->states[replay->next].offset <= replay->at) {
		const struct checkpoint_state *state =
		    &content->states[replay->next++];

		take_state(replay->pty, state);
		if (replay->at >= replay->pty->checkpoint.mark.offset)
			recorder_resize(replay->pty->recorder, &state->size);
	}
}

/* Where the next change or the end of the recording is, or len bytes on. */
static size_t
part_of(const struct replay *replay, uint64_t len)
{
	const struct checkpoint_content *content = replay->content;
	uint64_t end = replay->at + len;
	uint64_t recorded = replay->pty->checkpoint.mark.offset;

	if (replay->next < content->count &&
	    content->states[replay->next].offset < end)
		end = content->states[replay->next].offset;
	if (recorded > replay->at && recorded < end)
		end = recorded;
	return (size_t)(end - replay->at);
}

static void
replay_bytes(struct replay *replay, const uint8_t *bytes, uint64_t len)
{
	while (len > 0) {
		size_t part = part_of(replay, len);

		replay->pty->is_recorded =
		    replay->at < replay->pty->checkpoint.mark.offset;
		pty_replay(replay->pty, bytes, part);
		replay->at += part;
		bytes += part;
		len -= part;
		replay_states(replay);
	}
}

/* The ring from where the paint ends. */
static int
replay_ring(struct replay *replay, struct error *err)
{
	struct keeper *keeper = replay->pty->exec->keeper;
	struct spool *spool = &replay->pty->exec->output.spool;
	uint64_t want[OUTPUT_STREAMS] = {[OUTPUT_PTY] = replay->at};
	struct spool_cursor cursor;
	struct spool_piece piece;
	uint64_t missing = 0;
	int got;

	spool_seek(spool, &cursor, want);
	while ((got = spool_read(spool, &cursor, &keeper->view, &piece, err)) !=
	       0) {
		if (got < 0)
			continue;
		if (piece.bytes != NULL) {
			replay_bytes(
			    replay, piece.bytes, piece.to - piece.from);
			continue;
		}
		missing += piece.to - piece.from;
		replay->pty->offset += piece.to - piece.from;
		replay->at = piece.to;
		replay_states(replay);
	}
	/* noted while the disk took no output */
	replay->at = UINT64_MAX;
	replay_states(replay);
	if (missing > 0)
		return error_set(err, ERROR_INVALID,
		    "%" PRIu64 " bytes of its screen are missing", missing);
	return 0;
}

static int
load(struct pty *pty, struct checkpoint_content *content, struct error *err)
{
	uint64_t end = pty->exec->output.spool.end[OUTPUT_PTY];
	int rc = checkpoint_load(&pty->checkpoint, content, err);

	if (rc == 0 && content->count > 0 && content->states[0].offset > end)
		rc = error_set(err, ERROR_INVALID,
		    "its screen is behind its end at %" PRIu64, end);
	if (rc == 0)
		return 0;
	checkpoint_content_clear(content);
	checkpoint_remove(&pty->checkpoint);
	checkpoint_init(
	    &pty->checkpoint, pty->checkpoint.dir, pty->checkpoint.number);
	return -1;
}

int
pty_restore(struct pty *pty, struct error *err)
{
	struct checkpoint_content content;
	struct replay replay = {.pty = pty, .content = &content};
	int rc = load(pty, &content, err);

	pty->is_replaying = true;
	pty->recorder = recorder_resume(pty, &pty->checkpoint.mark);
	if (content.count > 0)
		replay.at = content.states[0].offset;
	replay_states(&replay);
	pty_paint(pty, buffer_bytes(&content.paint), buffer_len(&content.paint),
	    replay.at);
	if (replay_ring(&replay, rc == 0 ? err : NULL) != 0)
		rc = -1;
	checkpoint_content_clear(&content);
	pty->is_replaying = false;
	pty->checkpoint_at = spool_tail(&pty->exec->output.spool);
	pty_checkpoint_begin(pty);
	return rc;
}
