/* SPDX-License-Identifier: Apache-2.0 */
/* How many columns a character takes, as Unicode has it and xterm draws it. */
#ifndef SERVER_TERMINAL_WIDTH_H
#define SERVER_TERMINAL_WIDTH_H

#include <stdint.h>

/*
 *   point    0x20 upwards, no surrogate, not 0x7f to 0x9f
 *   returns  0 it joins the one before: combining marks, joiners, variation
 *            selectors and other format characters; 2 East Asian wide and
 *            emoji; else 1, also for what is ambiguous, private or unassigned
 */
unsigned width_of(uint32_t point);

#endif
