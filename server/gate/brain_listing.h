/* SPDX-License-Identifier: Apache-2.0 */
/* sessions: the terminals that run in a task, asked from its keeper. */
#ifndef SERVER_GATE_BRAIN_LISTING_H
#define SERVER_GATE_BRAIN_LISTING_H

struct brain_attachment;
struct error;

/* The attachment is open: ask what waits for that. */
void brain_listing_ask_all(struct brain_attachment *attachment);

/* The attachment will not open: refuse what waits for it. */
void brain_listing_fail_all(
    struct brain_attachment *attachment, const struct error *err);

#endif
