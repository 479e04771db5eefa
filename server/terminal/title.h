/* SPDX-License-Identifier: Apache-2.0 */
/* The window's title, and those that programs put aside for later. */
#ifndef SERVER_TERMINAL_TITLE_H
#define SERVER_TERMINAL_TITLE_H

struct terminal;

/* text may be any bytes: controls are left out, what is no UTF-8 becomes
 * U+FFFD, and what is too long is cut. */
void title_set(struct terminal *terminal, const char *text);

/* CSI 22 t and CSI 23 t. Of more than TITLE_STACK the oldest is forgotten. */
void title_push(struct terminal *terminal);
void title_pop(struct terminal *terminal);

/* Forget those that were put aside. */
void title_clear(struct terminal *terminal);

#endif
