/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to what a gate has asked of a terminal: messages with an "ask". */
#ifndef SERVER_KEEPER_ANSWER_H
#define SERVER_KEEPER_ANSWER_H

#include <stdint.h>

#include "protocol/attachment.h"
#include "server/keeper/attachment.h"

struct error;
struct pty;

/* While a gate leaves more than this unread, it is answered without screens. */
#define ANSWER_QUEUED_MAX (ATTACHMENT_QUEUED_MAX + (1u << 20))

/* Whether the gate reads what it is answered; -1 ERROR_LIMIT: no. */
int answer_check(const struct attachment *attachment, struct error *err);

/* Send an answer. One that has a screen becomes a refusal, code "limit", while
 * the gate does not read. */
void answer_send(struct attachment *attachment, uint32_t stream,
    const struct attachment_answer *answer);

/* Answer that it was done, without more. */
void answer_done(
    struct attachment *attachment, uint32_t stream, uint32_t number);

/* Answer that it was not. */
void answer_refuse(struct attachment *attachment, uint32_t stream,
    uint32_t number, const struct error *err);

/* The same, with a code that is no error's; both are copied. */
void answer_code(struct attachment *attachment, uint32_t stream,
    uint32_t number, const char *code, const char *text);

/* snapshot_take, with what the agent said of the terminal among the modes. */
void answer_screen(const struct pty *pty, const struct screen_ask *ask,
    struct screen_answer *out);

#endif
