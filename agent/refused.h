/* SPDX-License-Identifier: Apache-2.0 */
/* Why a command could not be started, as the keeper will be told. */
#ifndef AGENT_REFUSED_H
#define AGENT_REFUSED_H

#include "protocol/link.h"

#define REFUSED_TEXT_BYTES 512

struct refused {
	enum refusal reason;
	char text[REFUSED_TEXT_BYTES]; /* valid UTF-8, never empty */
};

/* Fill refused and return -1. Bytes that are no UTF-8 become '?'. */
int refused_set(struct refused *refused, enum refusal reason,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * As refused_set for an errno that says by itself whether a limit was reached
 * (EAGAIN, ENOMEM, EMFILE, ENFILE, E2BIG, ...) or anything else went wrong. The
 * errno's text is put behind ": ".
 */
int refused_sys(struct refused *refused, int sys, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
