/* SPDX-License-Identifier: Apache-2.0 */
/* Erasing, and shifting text in the cursor's row and region. */
#ifndef SERVER_TERMINAL_ERASE_H
#define SERVER_TERMINAL_ERASE_H

#include <stdint.h>

struct terminal;

/* EL and ED. which: 0 from the cursor on, 1 up to it, 2 all, 3 (of a display)
 * the scrollback. Others do nothing. */
void erase_line(struct terminal *terminal, uint16_t which);
void erase_display(struct terminal *terminal, uint16_t which);

/* ECH, ICH, DCH: count cells from the cursor on. */
void erase_cells(struct terminal *terminal, uint16_t count);
void erase_insert_cells(struct terminal *terminal, uint16_t count);
void erase_delete_cells(struct terminal *terminal, uint16_t count);

/* IL and DL: count rows from the cursor's on; outside of the scroll region they
 * do nothing. The cursor goes to the first column. */
void erase_insert_rows(struct terminal *terminal, uint16_t count);
void erase_delete_rows(struct terminal *terminal, uint16_t count);

/* DECALN: the screen full of E. */
void erase_align(struct terminal *terminal);

#endif
