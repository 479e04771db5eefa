/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out what the parser has read; a sequence's parts are in
 * terminal->parser. */
#ifndef SERVER_TERMINAL_CONTROL_H
#define SERVER_TERMINAL_CONTROL_H

#include <stdint.h>

struct terminal;

/* A control character, below 0x20. */
void control_c0(struct terminal *terminal, uint8_t byte);

/* ESC, perhaps an intermediate, and final. */
void control_escape(struct terminal *terminal, char final);

/* ESC [ ... final */
void control_csi(struct terminal *terminal, char final);

/* ESC ] ... BEL or ESC \ */
void control_osc(struct terminal *terminal);

/* ESC P ... ESC \ */
void control_dcs(struct terminal *terminal);

/* ESC _ ... ESC \ */
void control_apc(struct terminal *terminal);

#endif
