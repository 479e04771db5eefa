/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/pty.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/signal.h"
#include "server/keeper/asks.h"
#include "server/keeper/client.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/link.h"
#include "server/keeper/pty_checkpoint.h"
#include "server/keeper/pty_size.h"
#include "server/keeper/recorder.h"

static uint64_t
now_ms(const struct pty *pty)
{
	return uv_now(pty->exec->keeper->loop);
}

/* Who reads the program's own bytes and leads answers it. */
static bool
is_answered(const struct pty *pty)
{
	return pty->plain != NULL ||
	       (pty->leader != NULL && client_answers(pty->leader));
}

/* A program that reads nothing gets no answer, as from any terminal: what
 * people type has room. */
static void
answer(struct pty *pty, const uint8_t *bytes, size_t len)
{
	const struct input_share share = {.len = len};

	if (buffer_len(&pty->exec->input.waiting) < PTY_ANSWERS_MAX)
		(void)input_type(&pty->exec->input, &share, bytes, NULL);
}

bool
pty_is_asking(const struct pty *pty)
{
	return buffer_len(&pty->owed) > 0 &&
	       now_ms(pty) - pty->owed_ms < PTY_OWED_MS;
}

void
pty_answered(struct pty *pty)
{
	buffer_clear(&pty->owed);
}

/* The leader has been asked: it answers, or we do if it goes before. */
static void
owe(struct pty *pty, const char *bytes, size_t len)
{
	if (!pty_is_asking(pty))
		buffer_clear(&pty->owed);
	pty->owed_ms = now_ms(pty);
	/* answers without an end: the first ones do */
	(void)buffer_append(&pty->owed, (const uint8_t *)bytes, len, NULL);
}

/* The leader does not lead any more. */
static void
answer_owed(struct pty *pty)
{
	if (pty_is_asking(pty))
		answer(pty, buffer_bytes(&pty->owed), buffer_len(&pty->owed));
	buffer_clear(&pty->owed);
}

static void
on_query(void *data, uint64_t from, uint64_t to, const char *bytes, size_t len)
{
	struct pty *pty = data;

	if (pty->query_count < PTY_QUERIES_MAX)
		pty->queries[pty->query_count] = (struct pty_range){from, to};
	pty->query_count++;
	if (len == 0 || pty->is_replaying)
		return;
	if (!is_answered(pty))
		answer(pty, (const uint8_t *)bytes, len);
	else if (pty->plain == NULL)
		owe(pty, bytes, len);
}

static void
on_bell(void *data)
{
	struct pty *pty = data;

	if (!pty->is_replaying)
		asks_tell(pty->asks, ASKS_BELL);
}

static void
on_mark(void *data, char kind, int code)
{
	struct pty *pty = data;

	if (!pty->is_replaying || !pty->is_recorded)
		recorder_mark(pty->recorder, kind, code);
	if (!pty->is_replaying && (kind == 'A' || kind == 'B'))
		asks_tell(pty->asks, ASKS_PROMPT);
}

static const struct terminal_events events = {
    .on_query = on_query,
    .on_bell = on_bell,
    .on_mark = on_mark,
};

struct pty *
pty_new(struct exec *exec, const struct exec_spec *spec)
{
	const struct terminal_options options = {
	    .size = {(uint16_t)spec->pty.rows, (uint16_t)spec->pty.cols},
	    .scrollback_lines = LIMIT_SCROLLBACK,
	    .scrollback_bytes = LIMIT_SCROLLBACK_BYTES};
	struct pty *pty = memory_new(1, sizeof(*pty));

	pty->exec = exec;
	(void)snprintf(pty->name, sizeof(pty->name), "%s",
	    spec->name != NULL ? spec->name : "");
	(void)snprintf(pty->term, sizeof(pty->term), "%s",
	    spec->pty.term != NULL ? spec->pty.term : "");
	pty->terminal = terminal_new(&options, &events, pty);
	exec->keeper->cells += terminal_cells(pty->terminal);
	pty->asked = options.size;
	pty->told = options.size;
	pty->policy = (enum size_policy)spec->pty.size;
	pty->echo = true;
	pty->canonical = true;
	pty->made_ms = now_ms(pty);
	pty->used_ms = pty->made_ms;
	TAILQ_INIT(&pty->clients);
	buffer_init(&pty->owed, PTY_OWED_MAX);
	pty->asks = asks_new(pty);
	checkpoint_init(
	    &pty->checkpoint, exec->keeper->spool_dir, exec->number);
	pty_checkpoint_begin(pty);
	return pty;
}

void
pty_free(struct pty *pty)
{
	if (pty == NULL)
		return;
	asks_free(pty->asks);
	recorder_free(pty->recorder);
	checkpoint_remove(&pty->checkpoint);
	pty->exec->keeper->cells -= terminal_cells(pty->terminal);
	terminal_free(pty->terminal);
	buffer_clear(&pty->owed);
	free(pty);
}

/* What a shell would say of it. */
static int
status_of(const struct attachment_exit *exit)
{
	if (exit->signal != NULL)
		return 128 + signal_number(exit->signal);
	return (int)exit->code;
}

void
pty_ended(struct pty *pty)
{
	asks_tell(pty->asks, ASKS_EXIT);
	recorder_exit(pty->recorder, status_of(&pty->exec->exit));
	recorder_free(pty->recorder);
	pty->recorder = NULL;
}

/* The part of a stretch of the stream that lies in bytes from offset at on. */
static void
pass_part(struct client *client, const struct pty_range *part, uint64_t at,
    const uint8_t *bytes, size_t len)
{
	uint64_t from = part->from > at ? part->from : at;
	uint64_t to = part->to < at + len ? part->to : at + len;

	if (from < to)
		client_pass(client, bytes + (from - at), (size_t)(to - from));
}

static void
pass(const struct pty *pty, struct client *client, const struct pty_range *part,
    const struct pty_bytes *news)
{
	pass_part(client, part, pty->released, pty->pending, pty->pending_len);
	pass_part(client, part, news->at, news->bytes, news->len);
}

/* Everything up to a place, but for what only the leader may be asked. */
static void
pass_filtered(const struct pty *pty, struct client *client, uint64_t to,
    const struct pty_bytes *news)
{
	struct pty_range part = {.from = pty->released};
	size_t i;

	for (i = 0; i < pty->query_count; i++) {
		part.to = pty->queries[i].from;
		pass(pty, client, &part, news);
		part.from = pty->queries[i].to;
	}
	part.to = to;
	pass(pty, client, &part, news);
}

/* Keep what is not released yet. */
static void
keep_pending(struct pty *pty, uint64_t to, const struct pty_bytes *news)
{
	uint64_t end = news->at + news->len;

	if (to >= news->at) {
		pty->pending_len = (size_t)(end - to);
		memcpy(pty->pending, news->bytes + (to - news->at),
		    pty->pending_len);
	} else {
		memcpy(pty->pending + pty->pending_len, news->bytes, news->len);
		pty->pending_len += news->len;
	}
	pty->released = to;
}

/*
 * Raw clients get whole sequences and characters only, so that one of them can
 * be left out, and so that anybody can begin where they end. What is longer
 * than a query may be is passed on as it comes.
 */
static void
show(struct pty *pty, const struct pty_bytes *news)
{
	uint64_t fed = terminal_fed(pty->terminal);
	uint64_t to = terminal_ground(pty->terminal);
	struct client *each = TAILQ_FIRST(&pty->clients);

	if (fed - to > TERMINAL_QUERY_BYTES)
		to = fed;
	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		struct pty_range all = {pty->released, to};

		if (client_answers(each))
			pass(pty, each, &all, news);
		else if (pty->query_count <= PTY_QUERIES_MAX)
			pass_filtered(pty, each, to, news);
		else
			client_skip(each);
		client_touch(each);
	}
	keep_pending(pty, to, news);
}

void
pty_wrote(struct pty *pty, const uint8_t *bytes, size_t len)
{
	const struct pty_bytes news = {terminal_fed(pty->terminal), bytes, len};
	struct client *each = TAILQ_FIRST(&pty->clients);

	pty->used_ms = now_ms(pty);
	pty->query_count = 0;
	for (; each != NULL; each = TAILQ_NEXT(each, entry))
		client_check_room(each);
	recorder_output(pty->recorder, bytes, len);
	terminal_feed(pty->terminal, bytes, len);
	show(pty, &news);
	asks_tell(pty->asks, ASKS_OUTPUT);
	pty_checkpoint_fed(pty);
}

void
pty_paint(struct pty *pty, const uint8_t *bytes, size_t len, uint64_t offset)
{
	terminal_feed(pty->terminal, bytes, len);
	pty->released = terminal_fed(pty->terminal);
	pty->pending_len = 0;
	pty->offset = offset - pty->released;
}

void
pty_replay(struct pty *pty, const uint8_t *bytes, size_t len)
{
	const struct pty_bytes news = {terminal_fed(pty->terminal), bytes, len};

	pty->query_count = 0;
	if (!pty->is_recorded)
		recorder_output(pty->recorder, bytes, len);
	terminal_feed(pty->terminal, bytes, len);
	show(pty, &news);
}

bool
pty_is_whole(const struct pty *pty)
{
	return pty->released == terminal_ground(pty->terminal);
}

void
pty_modes(struct pty *pty, bool echo, bool canonical)
{
	pty->echo = echo;
	pty->canonical = canonical;
	pty_checkpoint_note(pty);
	asks_tell(pty->asks, ASKS_ECHO);
}

int
pty_type(struct pty *pty, struct subscription *from, uint32_t ask,
    const uint8_t *bytes, size_t len, struct error *err)
{
	const struct input_share share = {.from = from, .ask = ask, .len = len};

	pty->used_ms = now_ms(pty);
	return input_type(&pty->exec->input, &share, bytes, err);
}

void
pty_sent(struct pty *pty)
{
	if (pty->recorder == NULL)
		pty->recorder = recorder_new(pty);
	pty_size_tell(pty);
}

void
pty_lead(struct pty *pty, struct client *client)
{
	client->typed = ++pty->turns;
	if (pty->leader == client)
		return;
	answer_owed(pty);
	pty->leader = client;
	pty_size_fit(pty);
}

void
pty_join(struct pty *pty, struct client *client)
{
	TAILQ_INSERT_TAIL(&pty->clients, client, entry);
	if (client->may_type && pty->leader == NULL)
		pty->leader = client;
	pty_size_fit(pty);
}

/* Whoever typed last of those who are left. */
static void
choose_leader(struct pty *pty)
{
	struct client *each = TAILQ_FIRST(&pty->clients);

	pty->leader = NULL;
	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		if (each->may_type &&
		    (pty->leader == NULL || each->typed > pty->leader->typed))
			pty->leader = each;
	}
}

void
pty_part(struct pty *pty, struct client *client)
{
	TAILQ_REMOVE(&pty->clients, client, entry);
	if (pty->leader == client) {
		answer_owed(pty);
		choose_leader(pty);
	}
	pty_size_fit(pty);
}

void
pty_describe(const struct pty *pty, struct terminal_info *info)
{
	struct terminal_size size = terminal_get_size(pty->terminal);
	const struct client *each = TAILQ_FIRST(&pty->clients);
	/* read by json_write only, which changes nothing */
	char *words[] = {(char *)(uintptr_t)pty->exec->id,
	    (char *)(uintptr_t)pty->name, (char *)(uintptr_t)pty->exec->what,
	    (char *)(uintptr_t)terminal_title(pty->terminal),
	    (char *)(uintptr_t)pty->exec->principal};

	*info = (struct terminal_info){.exec = words[0],
	    .name = pty->name[0] != '\0' ? words[1] : NULL,
	    .what = words[2],
	    .title = words[3][0] != '\0' ? words[3] : NULL,
	    .principal = words[4],
	    .rows = size.rows,
	    .cols = size.cols,
	    .clients = pty->plain != NULL,
	    .age_ms = (int64_t)(now_ms(pty) - pty->made_ms),
	    .idle_ms = (int64_t)(now_ms(pty) - pty->used_ms),
	    .recorded = pty->recorder != NULL};
	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		info->clients += each->may_type;
		info->watchers += !each->may_type;
	}
}
