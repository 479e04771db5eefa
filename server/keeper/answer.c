/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/answer.h"

#include <stddef.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/channel.h"
#include "server/keeper/pty.h"
#include "server/terminal/snapshot.h"

int
answer_check(const struct attachment *attachment, struct error *err)
{
	if (channel_pending(attachment->channel) > ANSWER_QUEUED_MAX)
		return error_set(err, ERROR_LIMIT,
		    "more than %u bytes of answers were not read yet",
		    ANSWER_QUEUED_MAX);
	return 0;
}

void
answer_send(struct attachment *attachment, uint32_t stream,
    const struct attachment_answer *answer)
{
	bool has_screen = answer->screen.present || answer->wait.present;
	struct error err = {0};

	if (!has_screen || answer_check(attachment, &err) == 0)
		attachment_say(attachment, stream, ATTACHMENT_ANSWER, answer);
	else
		answer_refuse(attachment, stream, (uint32_t)answer->ask, &err);
}

void
answer_done(struct attachment *attachment, uint32_t stream, uint32_t number)
{
	const struct attachment_answer answer = {.ask = number};

	attachment_say(attachment, stream, ATTACHMENT_ANSWER, &answer);
}

void
answer_refuse(struct attachment *attachment, uint32_t stream, uint32_t number,
    const struct error *err)
{
	answer_code(
	    attachment, stream, number, error_code_name(err->code), err->text);
}

void
answer_code(struct attachment *attachment, uint32_t stream, uint32_t number,
    const char *code, const char *text)
{
	autofree char *code_copy = memory_string(code);
	autofree char *text_copy = memory_string(text);
	const struct attachment_answer answer = {
	    .ask = number, .code = code_copy, .text = text_copy};

	attachment_say(attachment, stream, ATTACHMENT_ANSWER, &answer);
}

static void
add_mode(struct screen_answer *screen, const char *word)
{
	size_t count = memory_vector_len(screen->modes);

	screen->modes =
	    memory_resize(screen->modes, (count + 2) * sizeof(*screen->modes));
	screen->modes[count] = memory_string(word);
	screen->modes[count + 1] = NULL;
}

void
answer_screen(const struct pty *pty, const struct screen_ask *ask,
    struct screen_answer *out)
{
	snapshot_take(pty->terminal, ask, out);
	out->present = true;
	if (!pty->echo)
		add_mode(out, "echo_off");
	if (!pty->canonical)
		add_mode(out, "canonical_off");
}
