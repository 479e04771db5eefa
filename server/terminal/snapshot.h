/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal as data: what a brain reads of it. */
#ifndef SERVER_TERMINAL_SNAPSHOT_H
#define SERVER_TERMINAL_SNAPSHOT_H

#include "protocol/screen.h"

struct terminal;

/*
 * The screen as asked for; json_clear of screen_answer_shape frees it.
 *   terminal  observed: the answer's gen is terminal_observe's
 *   out       set; offset is terminal_ground()
 * Lines of text are trimmed at their ends; wide and combined characters are
 * whole. Highlights are told with text and ansi; cells have "reverse".
 *
 * An answer has whole rows, at most LIMIT_SCREEN_BYTES of them and as many as
 * one CONTROL frame holds, but one at least; next says where the others begin.
 * With join a line may be cut there too.
 */
void snapshot_take(struct terminal *terminal, const struct screen_ask *ask,
    struct screen_answer *out);

#endif
