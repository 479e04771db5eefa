/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key that detaches from a named session, found in what a client types: a
 * control character, or one of the two ways in which terminals write such a key
 * when the program asked for it: CSI 92 ; 5 u and CSI 27 ; 5 ; 92 ~ are C-\.
 */
#ifndef SERVER_GATE_DETACH_KEY_H
#define SERVER_GATE_DETACH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DETACH_KEY_NONE  (-1) /* no key detaches */
#define DETACH_KEY_UNSET (-2) /* it was not said */

#define DETACH_KEY_CSI_BYTES 32u /* a longer sequence is no key */

struct detach_key {
	int key;                             /* 0..31, or DETACH_KEY_NONE */
	char csi[DETACH_KEY_CSI_BYTES + 1u]; /* a sequence so far, from ESC */
	size_t len;                          /* of it; 0: outside of one */
};

/*
 * Read a key as tmux writes it: "C-\", "C-]", "C-a"; or "none". Not C-i, C-j,
 * C-m and C-[, which are Tab, Enter and Escape.
 *   returns 0, or -1 and *key is as it was
 */
int detach_key_parse(const char *text, int *key);

void detach_key_init(struct detach_key *detach, int key);

/*
 * Look at what was typed.
 *   found    set to whether the key is in it
 *   returns  how many bytes go on to the program: those before the key, or all.
 *            Of a sequence that came in parts all goes on: its beginning has
 *            already
 */
size_t detach_key_scan(
    struct detach_key *detach, const uint8_t *bytes, size_t len, bool *found);

#endif
