/* SPDX-License-Identifier: Apache-2.0 */
/* SGR: a pen's colours and attributes, read and written. */
#ifndef SERVER_TERMINAL_SGR_H
#define SERVER_TERMINAL_SGR_H

#include <stddef.h>

#include "server/terminal/cell.h"

struct parser;

/* Change pen by the parameters of CSI ... m. */
void sgr_apply(struct style *pen, const struct parser *parser);

/* More than the longest that sgr_format writes. */
#define SGR_BYTES 128u

/*
 * The parameters of an SGR that sets style from any other: 0 and what is on.
 *   returns  the text's length
 */
size_t sgr_format(const struct style *style, char text[static SGR_BYTES]);

#endif
