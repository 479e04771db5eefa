/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that scrolled off a screen, packed: UTF-8 and changes of style, no
 * trailing blanks. Bounded in lines and in memory; the oldest go first.
 */
#ifndef SERVER_TERMINAL_SCROLLBACK_H
#define SERVER_TERMINAL_SCROLLBACK_H

#include <stddef.h>
#include <stdint.h>

struct row;
struct scrollback_line;

struct scrollback {
	uint32_t lines_max;
	size_t bytes_max;              /* of both arrays */
	struct scrollback_line *lines; /* owned; a ring */
	uint32_t lines_size;
	uint32_t oldest; /* index of the oldest line */
	uint32_t count;
	uint8_t *bytes; /* owned; the lines' bytes, a ring */
	size_t bytes_size;
	size_t end;       /* behind the newest line's bytes */
	uint8_t *packing; /* owned; one line being packed */
	size_t packing_size;
};

/* lines_max 0 keeps nothing. Allocates nothing yet. */
void scrollback_init(
    struct scrollback *scrollback, uint32_t lines_max, size_t bytes_max);

/* Forget all lines and free their memory. */
void scrollback_clear(struct scrollback *scrollback);

/* Keep a copy of row as the newest line. */
void scrollback_push(struct scrollback *scrollback, const struct row *row);

/* Lines kept. */
uint32_t scrollback_count(const struct scrollback *scrollback);

/*
 * Unpack a line.
 *   index  0 the newest .. scrollback_count - 1 the oldest
 *   out    all zeroes at first, then used again and again; row_free frees it.
 *          Its width is what the screen's was; every cell has the newest
 *          stamp of the line's.
 */
void scrollback_unpack(
    const struct scrollback *scrollback, uint32_t index, struct row *out);

/* The newest stamp of a line's cells; 0: a blank one. index as above. */
uint32_t scrollback_stamp(const struct scrollback *scrollback, uint32_t index);

/* Memory it holds, bytes. */
size_t scrollback_memory(const struct scrollback *scrollback);

#endif
