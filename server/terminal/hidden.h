/* SPDX-License-Identifier: Apache-2.0 */
/* What is on a screen and a person does not see, but a program reads. */
#ifndef SERVER_TERMINAL_HIDDEN_H
#define SERVER_TERMINAL_HIDDEN_H

#include <stddef.h>
#include <stdint.h>

#include "server/terminal/cell.h"

/* "<U+10FFFF>" for each code point of a cell, at most. */
#define HIDDEN_BYTES ((size_t)10 * (MARKS_MAX + 1))

/*
 * The hidden part of a cell: text in its own background's colour, or concealed,
 * as it is; what no glyph is drawn for by its number.
 *   returns  bytes put into text; 0: nothing is hidden. An emoji's selector and
 *            the joiner behind what is not ASCII are not counted as hidden.
 */
size_t hidden_text(
    const struct row *row, uint16_t col, char text[static HIDDEN_BYTES]);

#endif
