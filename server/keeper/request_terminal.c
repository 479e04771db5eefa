/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/request_terminal.h"

#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/keeper/answer.h"
#include "server/keeper/asks.h"
#include "server/keeper/attachment.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/subscription.h"
#include "server/terminal/keys.h"

/* No key is longer than its name may be, nor are a paste's brackets. */
#define KEYS_BYTES_MAX (LIMIT_PASTE_BYTES + LIMIT_KEYS * LIMIT_KEY_BYTES)

static int
refuse(const struct request_subject *subject, int64_t number,
    const struct error *err)
{
	answer_refuse(
	    subject->attachment, subject->stream, (uint32_t)number, err);
	return 0;
}

int
request_screen(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	struct attachment_answer answer = {.ask = body->screen.ask};
	const struct pty *pty = exec_get_pty(subject->subscription->exec, err);

	if (pty == NULL || answer_check(subject->attachment, err) != 0)
		return refuse(subject, body->screen.ask, err);
	answer_screen(pty, &body->screen.of, &answer.screen);
	answer_send(subject->attachment, subject->stream, &answer);
	json_clear(&screen_answer_shape, &answer.screen);
	return 0;
}

static int
encode(const struct terminal *terminal, const struct keys_ask *ask,
    struct buffer *out, struct error *err)
{
	char *const *name = ask->keys;

	for (; name != NULL && *name != NULL; name++) {
		if (keys_encode(terminal, *name, out, err) != 0)
			return -1;
	}
	if (ask->text != NULL)
		return buffer_append(out, ask->text, strlen(ask->text), err);
	if (ask->paste != NULL)
		keys_paste(terminal, ask->paste, strlen(ask->paste), out);
	return 0;
}

static int
check_keys(const struct request_subject *subject,
    const struct attachment_keys *keys, struct error *err)
{
	if (subject->attachment->right != RIGHT_WRITE)
		return error_set(err, ERROR_DENIED, "may only read");
	if (keys->ask == 0)
		return error_set(
		    err, ERROR_INVALID, "\"ask\" of keys is 0, which is none");
	return 0;
}

int
request_keys(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	const struct attachment_keys *keys = &body->keys;
	const struct asks_from from = {
	    subject->subscription, (uint32_t)keys->ask};
	const struct wait_ask *wait = keys->wait.present ? &keys->wait : NULL;
	struct pty *pty = exec_get_pty(subject->subscription->exec, err);
	struct buffer bytes;
	int rc = -1;

	buffer_init(&bytes, KEYS_BYTES_MAX);
	if (pty != NULL && check_keys(subject, keys, err) == 0 &&
	    encode(pty->terminal, &keys->of, &bytes, err) == 0)
		rc = asks_type(pty->asks, &from, buffer_bytes(&bytes),
		    buffer_len(&bytes), wait, err);
	buffer_clear(&bytes);
	return rc == 0 ? 0 : refuse(subject, keys->ask, err);
}

int
request_wait(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	const struct asks_from from = {
	    subject->subscription, (uint32_t)body->wait.ask};
	struct pty *pty = exec_get_pty(subject->subscription->exec, err);

	if (pty == NULL ||
	    asks_wait(pty->asks, &from, &body->wait.of, err) != 0)
		return refuse(subject, body->wait.ask, err);
	return 0;
}

int
request_cancel(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	const struct asks_from from = {
	    subject->subscription, (uint32_t)body->cancel.ask};
	const struct pty *pty = subject->subscription->exec->pty;

	(void)err;
	/* One that is not open has been answered: the two have crossed. */
	if (pty != NULL)
		asks_cancel(pty->asks, &from);
	return 0;
}

int
request_terminals(const struct request_subject *subject,
    const union attachment_body *body, struct error *err)
{
	struct attachment_terminal terminal = {.ask = body->terminals.ask};
	const struct exec *exec =
	    TAILQ_FIRST(&subject->attachment->keeper->execs.running);

	(void)err;
	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry)) {
		if (exec->pty == NULL || exec->state != EXEC_RUNNING)
			continue;
		pty_describe(exec->pty, &terminal.of);
		attachment_say(subject->attachment, subject->stream,
		    ATTACHMENT_TERMINAL, &terminal);
	}
	answer_done(subject->attachment, subject->stream,
	    (uint32_t)body->terminals.ask);
	return 0;
}
