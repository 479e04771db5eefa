/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys by name, as the bytes that the terminal's program expects in its current
 * modes: Enter Tab Escape Space BSpace Delete Insert Home End PageUp PageDown
 * Up Down Left Right F1..F24 KP0..KP9 KP. KP/ KP* KP- KP+ KPEnter, also by
 * their other usual names and in any case; one character; and C- M- S- before
 * any of them (^x is C-x), as tmux writes them.
 *   source  xterm's ctlseqs; sw.kovidgoyal.net/kitty/keyboard-protocol
 */
#ifndef SERVER_TERMINAL_KEYS_H
#define SERVER_TERMINAL_KEYS_H

#include <stddef.h>

struct buffer;
struct error;
struct terminal;

/*
 *   returns 0, or -1: ERROR_INVALID (no such key, or none that the program can
 *           be told of in its modes), the buffer's; nothing is appended
 */
int keys_encode(const struct terminal *terminal, const char *name,
    struct buffer *out, struct error *err);

/* Text that is pasted: bracketed if the program asked for that; what would end
 * the brackets is taken out of it, and line ends become CR. out has room for
 * len + 12 bytes. */
void keys_paste(const struct terminal *terminal, const char *bytes, size_t len,
    struct buffer *out);

#endif
