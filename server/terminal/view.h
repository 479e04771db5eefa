/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture of a terminal on another terminal of any size: cells, sent as what
 * changed since the last frame. No byte that the program wrote is in it.
 *
 * A watching view is for the eyes of an operator. All it ever writes is
 *   printable characters (never a control, format or unassigned one: those are
 *   shown as U+FFFD), CSI ... m, CSI row ; col H, CSI row H, CSI K, CSI 2 J,
 *   CSI ? 25 h/l, CSI ? 1049 h/l, CSI ? 2026 h/l, CSI ? 7 h/l
 * and it has a status line. An interactive view also sets the modes of input
 * (mouse, paste, focus, keys, cursor's shape) and the title, for somebody who
 * works in the terminal from a window of another size; the mouse is off while
 * the part that is shown does not begin at the terminal's first row and column.
 */
#ifndef SERVER_TERMINAL_VIEW_H
#define SERVER_TERMINAL_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/terminal.h"

struct buffer;
struct view;

/* A frame has about so many bytes at most; what is left comes with the next. */
#define VIEW_FRAME_BYTES (512u << 10)

enum view_kind { VIEW_INTERACTIVE = 0, VIEW_WATCH, VIEW_KINDS };

/* size is that of the reader's terminal. */
struct view *view_new(enum view_kind kind, const struct terminal_size *size);

/* NULL is accepted. */
void view_free(struct view *view);

/* The next frame paints everything. */
void view_resize(struct view *view, const struct terminal_size *size);
void view_invalidate(struct view *view);

/*
 * Append what makes the reader see the terminal as it is. A reader that is
 * smaller sees the part around the cursor.
 *   status   for the last line of a watching view, UTF-8, filtered here; NULL
 *   returns  whether anything was appended
 */
bool view_frame(struct view *view, const struct terminal *terminal,
    const char *status, struct buffer *out);

/* Whether the last frame has left something for the next. */
bool view_is_behind(const struct view *view);

/* Give the reader its terminal back. */
void view_leave(struct view *view, struct buffer *out);

#endif
