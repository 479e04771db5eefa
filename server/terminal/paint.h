/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing for a terminal: what repaint.c, view.c and snapshot.c have in common.
 * What does not fit out any more is left out; who calls gives it room.
 */
#ifndef SERVER_TERMINAL_PAINT_H
#define SERVER_TERMINAL_PAINT_H

#include <stdint.h>

struct buffer;
struct style;

/* Plain text, or a sequence that is always the same. */
void paint_text(const char *text, struct buffer *out);

/* CSI row ; col H, from 0. */
void paint_move(uint16_t row, uint16_t col, struct buffer *out);

/*
 * The shortest CSI ... m between two styles; nothing when they are equal.
 * Colours are 38;5;n and 38;2;r;g;b, which no terminal brightens for bold; what
 * only few terminals know (kinds and colours of underlines) has colons, so that
 * the others pass over it.
 */
void paint_style(
    const struct style *from, const struct style *to, struct buffer *out);

#endif
