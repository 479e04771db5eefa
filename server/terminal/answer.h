/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that programs ask their terminal, and what this one says. */
#ifndef SERVER_TERMINAL_ANSWER_H
#define SERVER_TERMINAL_ANSWER_H

struct terminal;

/* The sequence just read is a question; another terminal may have something to
 * say to it, this one has not. */
void answer_nothing(struct terminal *terminal);

/* Those of CSI, by their usual names. */
void answer_attributes(struct terminal *terminal);           /* DA1 */
void answer_secondary_attributes(struct terminal *terminal); /* DA2 */
void answer_tertiary_attributes(struct terminal *terminal);  /* DA3 */
void answer_version(struct terminal *terminal);              /* XTVERSION */
void answer_status(struct terminal *terminal);               /* DSR */
void answer_private_status(struct terminal *terminal);       /* DECDSR */
void answer_mode(struct terminal *terminal);                 /* DECRQM */
void answer_window(struct terminal *terminal);      /* CSI 11 to 21 t */
void answer_keyboard(struct terminal *terminal);    /* CSI ? u */
void answer_modify_keys(struct terminal *terminal); /* XTQMODKEYS */

/* DCS: DECRQSS, XTGETTCAP. The parser's string is all that is behind ESC P. */
void answer_string(struct terminal *terminal);

/* OSC 4 ; and OSC 10 to 19 ; with question marks.
 *   number  that of the OSC
 *   text    what is behind it and its semicolon */
void answer_colors(
    struct terminal *terminal, unsigned number, const char *text);

#endif
