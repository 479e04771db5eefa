/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of a terminal that any bytes have made: snapshots in every
 * format are valid messages that fit into a frame, all rows are told by asking
 * on, and any expression comes to an end. The input's first two bytes are the
 * size, then there is an expression up to a newline.
 */
#include "server/terminal/snapshot.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/utf8.h"
#include "server/terminal/match.h"
#include "server/terminal/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_message(struct screen_answer *answer)
{
	struct buffer out;

	buffer_init(&out, FRAME_CONTROL_MAX);
	if (json_write(&screen_answer_shape, NULL, answer, &out, NULL) != 0)
		abort();
	json_clear(&screen_answer_shape, answer);
	if (json_read(&screen_answer_shape, (const char *)buffer_bytes(&out),
	        buffer_len(&out), answer, NULL) != 0)
		abort();
	buffer_clear(&out);
}

static void
take_all(struct terminal *terminal, struct screen_ask ask)
{
	int64_t first = SCREEN_FIRST;

	do {
		struct screen_answer answer;

		snapshot_take(terminal, &ask, &answer);
		check_message(&answer);
		if (first != SCREEN_FIRST && answer.first != first)
			abort();
		first = answer.next;
		if (first != SCREEN_FIRST && first <= answer.first)
			abort();
		ask.first = first;
		json_clear(&screen_answer_shape, &answer);
	} while (first != SCREEN_FIRST);
}

static void
look_for(const struct terminal *terminal, struct pattern *pattern,
    uint32_t since, bool is_regex)
{
	struct match match;
	int result = match_find(terminal, pattern, since, &match, NULL);

	if (result < 0 && !is_regex)
		abort();
	if (result <= 0)
		return;
	if (strlen(match.text) > LIMIT_TEXT_BYTES ||
	    (is_regex && !utf8_is_valid(match.text, strlen(match.text))))
		abort();
	free(match.text);
}

static void
look(struct terminal *terminal, const char *text, uint32_t since)
{
	struct pattern *regex = pattern_regex(text, NULL);
	struct pattern *plain = pattern_text(text);

	look_for(terminal, plain, 0, false);
	look_for(terminal, plain, since, false);
	if (regex != NULL) {
		look_for(terminal, regex, 0, true);
		look_for(terminal, regex, since, true);
		(void)match_digest(terminal, regex);
	}
	pattern_free(regex);
	pattern_free(plain);
}

static void
run(struct terminal *terminal, const char *text, const uint8_t *bytes,
    size_t len)
{
	struct screen_ask ask = {.scrollback = 5, .first = SCREEN_FIRST};
	uint32_t since;

	terminal_feed(terminal, bytes, len / 2);
	since = terminal_observe(terminal);
	terminal_feed(terminal, bytes + len / 2, len - len / 2);
	for (ask.format = 0; ask.format < SCREEN_FORMATS; ask.format++) {
		ask.join = false;
		take_all(terminal, ask);
		ask.join = true;
		take_all(terminal, ask);
	}
	look(terminal, text, since);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct terminal_events events;
	struct terminal_options options = {
	    .scrollback_lines = 100, .scrollback_bytes = 1u << 16};
	const uint8_t *end = len > 2 ? memchr(bytes, '\n', len) : NULL;
	struct terminal *terminal;
	size_t text_len;
	char *text;

	if (end == NULL || end < bytes + 2 ||
	    (size_t)(end - bytes) > LIMIT_PATTERN_BYTES)
		return 0;
	text_len = (size_t)(end - bytes) - 2;
	text = memory_new(1, text_len + 1);
	memcpy(text, bytes + 2, text_len);
	options.size.rows = (uint16_t)(1 + bytes[0] % 40);
	options.size.cols = (uint16_t)(1 + bytes[1]);
	terminal = terminal_new(&options, &events, NULL);
	run(terminal, text, end + 1, len - (size_t)(end + 1 - bytes));
	terminal_free(terminal);
	free(text);
	return 0;
}
