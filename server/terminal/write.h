/* SPDX-License-Identifier: Apache-2.0 */
/* Printing characters at the cursor. */
#ifndef SERVER_TERMINAL_WRITE_H
#define SERVER_TERMINAL_WRITE_H

#include <stddef.h>
#include <stdint.h>

struct terminal;

/* Characters from 0x20 to 0x7e, in the charset that is in use. */
void write_ascii(struct terminal *terminal, const uint8_t *bytes, size_t len);

/* Any other character, 0xa0 upwards; one of no width joins the glyph before,
 * or is dropped. */
void write_point(struct terminal *terminal, uint32_t point);

/* REP: the last glyph again, at most as often as the screen has cells. */
void write_repeat(struct terminal *terminal, uint16_t count);

#endif
