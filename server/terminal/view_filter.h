/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader who trusts nobody may be shown of a terminal's cells. */
#ifndef SERVER_TERMINAL_VIEW_FILTER_H
#define SERVER_TERMINAL_VIEW_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/terminal/cell.h"

#define FILTER_REPLACEMENT 0xfffdu

/*
 * Whether a person sees a code point as what it is: no control, format, private
 * or unassigned one, no line separator, nothing that is drawn as nothing.
 */
bool filter_is_visible(uint32_t point);

/* A glyph and its marks. */
#define FILTER_POINTS (1u + MARKS_MAX)

/*
 * What a cell shows: U+FFFD instead of what is not visible, or bears something
 * that is not. What only chooses between pictures of a glyph, U+200D and U+FE0E
 * and U+FE0F, is left out.
 *   points   set; a blank cell and a tail are a space
 *   returns  how many there are, at least 1
 */
size_t filter_cell(
    const struct row *row, uint16_t col, uint32_t points[static FILTER_POINTS]);

/*
 * A style that hides nothing: what was concealed, or has the colour of its
 * background, is dim instead; nothing blinks, and there is one kind of
 * underline.
 */
struct style filter_style(const struct style *style);

#endif
