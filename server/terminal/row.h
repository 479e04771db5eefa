/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a row of cells so that it stays whole: a wide glyph never loses one
 * half, marks belong to a glyph and are sorted, nothing is kept behind used.
 *   cols   the screen's columns, for which the row's cells have room
 *   blank  what an erased cell becomes
 */
#ifndef SERVER_TERMINAL_ROW_H
#define SERVER_TERMINAL_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "server/terminal/cell.h"

/* Free what the row holds; all zeroes afterwards. */
void row_free(struct row *row);

/* Forget what is in it, but keep the memory. */
void row_reset(struct row *row);

/*
 * Make room to write the cells from up to but without to; the caller writes
 * all of them.
 *   returns the row's cells, borrowed
 */
struct cell *row_open(
    struct row *row, uint16_t from, uint16_t to, uint16_t cols);

/* Erase the cells from up to but without to. */
void row_erase(struct row *row, uint16_t from, uint16_t to, uint16_t cols,
    const struct cell *blank);

/* Move what is at col and right of it by count cells; what leaves the row at
 * its end is lost. */
void row_insert(struct row *row, uint16_t col, uint16_t count, uint16_t cols,
    const struct cell *blank);
void row_delete(struct row *row, uint16_t col, uint16_t count, uint16_t cols,
    const struct cell *blank);

/* The marks of the glyph at col; NULL: none. */
const struct marks *row_marks(const struct row *row, uint16_t col);

/* Put a combining mark on the glyph at col < used. */
void row_mark(struct row *row, uint16_t col, uint32_t point);

/* Make its cells fit another number of columns; what is behind is lost. */
void row_resize(struct row *row, uint16_t cols);

#endif
