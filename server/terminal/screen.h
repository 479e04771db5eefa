/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal's two screens: their rows, scrolling, erasing, another size. What
 * is not said to be otherwise happens to the one that is shown. */
#ifndef SERVER_TERMINAL_SCREEN_H
#define SERVER_TERMINAL_SCREEN_H

#include "server/terminal/state.h"

/* Give the screen blank rows; screen_clear frees them. */
void screen_init(struct screen *screen, uint16_t rows);
void screen_clear(struct screen *screen, uint16_t rows);

/* Show the alternate screen, or the primary one; the cursor stays. */
void screen_show(struct terminal *terminal, bool is_alternate);

/* Erase the rows from up to but without to. */
void screen_erase(struct terminal *terminal, uint16_t from, uint16_t to);

/* The lines from first to the end of the region move up or down by count. */
void screen_delete_rows(
    struct terminal *terminal, uint16_t first, uint16_t count);
void screen_insert_rows(
    struct terminal *terminal, uint16_t first, uint16_t count);

/* The lines of the scroll region move up by count. Those that leave the top of
 * the primary screen go to the scrollback. */
void screen_scroll_up(struct terminal *terminal, uint16_t count);

/* Both screens; also the cursors, the margins and what is pending. */
void screen_resize(struct terminal *terminal, const struct terminal_size *to);

#endif
