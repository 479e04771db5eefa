/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a repaint that are no cells: each writes one kind of state,
 * whatever the reader's was. */
#ifndef SERVER_TERMINAL_REPAINT_MODES_H
#define SERVER_TERMINAL_REPAINT_MODES_H

struct buffer;
struct cursor;
struct keyboard;
struct repaint_options;
struct terminal;

/* Leaves the cursor in the first row. */
void repaint_tabs(const struct terminal *terminal, struct buffer *out);

/* The margins and origin mode, which move the cursor. */
void repaint_region(const struct terminal *terminal, struct buffer *out);

/* All other modes but ?7, the mouse, the cursor's looks. */
void repaint_modes(const struct terminal *terminal, struct buffer *out);

/* The cursor's; the reader's are ASCII in all slots. */
void repaint_charsets(const struct cursor *cursor, struct buffer *out);

/* The flags of the screen that the reader shows. */
void repaint_keyboard(const struct keyboard *keyboard, struct buffer *out);

/* The title; to whom nothing was written before, also the ones that were put
 * aside, above the reader's own. */
void repaint_titles(const struct terminal *terminal,
    const struct repaint_options *options, struct buffer *out);

/* The reader's own title again. */
void repaint_forget_titles(const struct terminal *terminal, struct buffer *out);

#endif
