/* SPDX-License-Identifier: Apache-2.0 */
/* Moving the cursor. Every motion forgets a pending wrap, and what a combining
 * mark could have joined. */
#ifndef SERVER_TERMINAL_MOTION_H
#define SERVER_TERMINAL_MOTION_H

#include "server/terminal/state.h"

/* CUP: from the top left, or in origin mode from the region's; clamped. */
void motion_to(struct terminal *terminal, uint16_t row, uint16_t col);
void motion_to_row(struct terminal *terminal, uint16_t row);
void motion_to_col(struct terminal *terminal, uint16_t col);

/* By count rows; stops at the region's edge, or outside of it at the
 * screen's. */
void motion_up(struct terminal *terminal, uint16_t count);
void motion_down(struct terminal *terminal, uint16_t count);

/* By count columns; back goes on into a wrapped row above in reverse-wrap
 * mode. */
void motion_right(struct terminal *terminal, uint16_t count);
void motion_left(struct terminal *terminal, uint16_t count);

/* One row down or up; at the region's edge its lines scroll. */
void motion_index(struct terminal *terminal);
void motion_reverse_index(struct terminal *terminal);

/* Over count tab stops. Forward keeps a pending wrap, as xterm does. */
void motion_tab(struct terminal *terminal, uint16_t count);
void motion_back_tab(struct terminal *terminal, uint16_t count);

/* DECSC and DECRC: each screen has its own. Without a saved one the cursor
 * goes home, plain. */
void motion_save(struct terminal *terminal);
void motion_restore(struct terminal *terminal);

#endif
