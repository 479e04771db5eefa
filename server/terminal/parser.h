/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal's bytes, cut anywhere, as printed characters, controls and whole
 * sequences. What it keeps of one that is not whole yet is bounded; a sequence
 * that goes on for PARSER_SEQUENCE_BYTES is given up.
 *
 *   GROUND    text and controls
 *   CHARACTER inside a UTF-8 character
 *   ESCAPE    behind ESC                      -> CSI, STRING, GROUND
 *   CSI       behind ESC [                    -> GROUND
 *   STRING    behind ESC ] P _ ^ X k          -> STRING_ESCAPE, GROUND
 *   STRING_ESCAPE  ESC inside a string        -> GROUND, ESCAPE
 *
 * CAN and SUB give up any sequence, ESC begins a new one. Other controls inside
 * ESC or CSI count, but only when the sequence is over, so that a terminal's
 * state is always what whole sequences made.
 */
#ifndef SERVER_TERMINAL_PARSER_H
#define SERVER_TERMINAL_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct terminal;

#define PARSER_PARAMS         32u /* more are dropped */
#define PARSER_PARAM_MAX      65535u
#define PARSER_STRING_BYTES   512u /* of OSC and DCS; longer ones do nothing */
#define PARSER_SEQUENCE_BYTES (1u << 20)
#define PARSER_HELD           16u /* controls inside a sequence */

enum parser_state {
	PARSER_GROUND = 0,
	PARSER_CHARACTER,
	PARSER_ESCAPE,
	PARSER_CSI,
	PARSER_STRING,
	PARSER_STRING_ESCAPE,
	PARSER_STATES
};

/* All zeroes at the beginning. */
struct parser {
	enum parser_state state;
	uint64_t fed;         /* bytes before this chunk */
	const uint8_t *chunk; /* borrowed while it is fed */
	uint64_t from;        /* where the sequence or character began */
	uint64_t to;          /* its end, while it is carried out */

	uint32_t point; /* of a character, as far as it was read */
	uint8_t wanted; /* bytes it still needs, */
	uint8_t low;    /* the next from low to high */
	uint8_t high;

	char leader;       /* one of < = > ?, or 0 */
	char intermediate; /* one of SP to /, or 0 */
	bool is_ignored;   /* not a sequence of ours, as far as it was read */
	bool is_begun;     /* something stands behind ESC [ */
	bool is_full;      /* the last parameter was dropped */
	uint8_t last;      /* index of the last parameter; an absent one is 0 */
	uint16_t params[PARSER_PARAMS];
	uint32_t subs; /* bit i: parameter i came behind a colon */

	uint8_t held[PARSER_HELD]; /* controls inside the sequence */
	uint8_t held_len;

	char string_kind; /* the byte behind ESC */
	bool is_bell;     /* it was ended by BEL, not ESC \ */
	uint64_t escape_at;
	size_t string_len; /* more than PARSER_STRING_BYTES: cut */
	char string[PARSER_STRING_BYTES + 1]; /* NUL behind it when whole */
};

/* Parameter i of a CSI sequence; 0 or none is absent's value. */
uint16_t parser_param(const struct parser *parser, unsigned i, uint16_t absent);

/* Carry out what the bytes say. */
void parser_feed(struct terminal *terminal, const uint8_t *bytes, size_t len);

#endif
