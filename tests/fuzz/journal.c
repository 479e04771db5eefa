/* SPDX-License-Identifier: Apache-2.0 */
/* A journal as it lies on the disk: what is read of it is written as lines that
 * are read again, to the same table. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/keeper/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define TASK        "abc"
#define MESSAGE_MAX (64u << 20)

static void
add(struct buffer *out, enum journal_type type, const void *body)
{
	if (json_write(journal_shapes[type], journal_types[type], body, out,
	        NULL) != 0 ||
	    buffer_append(out, "\n", 1, NULL) != 0)
		abort();
}

/* As a keeper describes its table. */
static void
describe(const struct history_exec *exec, struct buffer *out)
{
	struct journal_asked asked = exec->asked;
	const struct journal_started started = {exec->exec.number, exec->pid};
	const struct journal_ended ended = {exec->exec.number, exec->exit};

	asked.number = exec->exec.number;
	add(out, JOURNAL_EXEC, &exec->exec);
	if (exec->sent.number != 0)
		add(out, JOURNAL_SENT, &exec->sent);
	if (exec->pid != 0)
		add(out, JOURNAL_STARTED, &started);
	add(out, JOURNAL_ASKED, &asked);
	if (exec->is_ended)
		add(out, JOURNAL_ENDED, &ended);
}

/* What is left of history is emptied into out. */
static void
describe_all(struct history *history, struct buffer *out)
{
	char task[] = TASK;
	const struct journal_begin begin = {
	    JOURNAL_VERSION, task, history->last};
	struct history_exec *exec;

	add(out, JOURNAL_BEGIN, &begin);
	while ((exec = history_take(history)) != NULL) {
		describe(exec, out);
		history_exec_free(exec);
	}
}

static void
again(const struct buffer *first)
{
	struct history history;
	struct buffer second;

	buffer_init(&second, MESSAGE_MAX);
	history_init(&history, TASK);
	if (history_read(
	        &history, buffer_bytes(first), buffer_len(first), NULL) != 0 ||
	    history.whole != buffer_len(first))
		abort();
	describe_all(&history, &second);
	if (buffer_len(&second) != buffer_len(first) ||
	    memcmp(buffer_bytes(&second), buffer_bytes(first),
	        buffer_len(first)) != 0)
		abort();
	history_clear(&history);
	buffer_clear(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct error err = {0};
	struct history history;
	struct buffer first;

	buffer_init(&first, MESSAGE_MAX);
	history_init(&history, TASK);
	if (history_read(&history, bytes, len, &err) == 0 &&
	    history.lines > 0) {
		describe_all(&history, &first);
		again(&first);
	}
	history_clear(&history);
	buffer_clear(&first);
	return 0;
}
