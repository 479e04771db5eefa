/* SPDX-License-Identifier: Apache-2.0 */
/* What no program would write, but a terminal must bear: random text, controls
 * and sequences, made from a number. */
#ifndef TESTS_UNIT_TERMINAL_NOISE_H
#define TESTS_UNIT_TERMINAL_NOISE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/memory.h"

struct noise {
	uint64_t state; /* not 0 */
};

/* From 0 up to but without count. */
static inline uint32_t
noise_pick(struct noise *noise, uint32_t count)
{
	noise->state ^= noise->state << 13;
	noise->state ^= noise->state >> 7;
	noise->state ^= noise->state << 17;
	return (uint32_t)((noise->state >> 16) % count);
}

/* The run's number: SALLYPORT_SEED, or one of the clock; printed, so that a
 * failure can be had again. */
static inline uint64_t
noise_seed(void)
{
	const char *given = getenv("SALLYPORT_SEED");
	struct timespec now;
	uint64_t seed;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = given != NULL
	           ? strtoull(given, NULL, 0)
	           : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
	(void)printf("# SALLYPORT_SEED=%llu\n", (unsigned long long)seed);
	return seed == 0 ? 1 : seed;
}

static inline void
noise_put(struct buffer *out, const char *text)
{
	(void)buffer_append(out, text, strlen(text), NULL);
}

static inline void
noise_text(struct noise *noise, struct buffer *out)
{
	static const char *const words[] = {"a", "bc", "def", "    ",
	    "0123456789", "the quick brown fox", "\xc3\xa9", "\xe4\xb8\xad",
	    "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", "\xf0\x9f\x98\x80",
	    "e\xcc\x81", "\xcc\x82", "\xe2\x80\x8d", "\xef\xb8\x8f",
	    "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9", "\xc2\xad",
	    "\xe2\x94\x80\xe2\x94\x82", "\xed\x95\x9c", "qqxx#~_`",
	    "\xe1\x84\x80\xe1\x85\xa1", "\xef\xbf\xbd", "\xff", "\xc2\x85",
	    "\xf3\xa0\x81\x81", "\xe2\x80\xae", "\xee\x82\xb0", "\xe3\x85\xa4"};
	uint32_t count = 1 + noise_pick(noise, 6);

	while (count-- > 0)
		noise_put(out,
		    words[noise_pick(noise, sizeof(words) / sizeof(*words))]);
}

/* Mostly small, as what matters happens on a screen. */
static inline uint32_t
noise_number(struct noise *noise)
{
	switch (noise_pick(noise, 8)) {
	case 0:
		return 0;
	case 1:
		return noise_pick(noise, 300);
	case 2:
		return noise_pick(noise, 70000);
	default:
		return 1 + noise_pick(noise, 30);
	}
}

static inline void
noise_csi(struct noise *noise, struct buffer *out)
{
	static const char finals[] = "@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu^";
	static const char *const moves[] = {"H", "r", "m", "J", "K", "X"};
	uint32_t params = noise_pick(noise, 4);
	uint32_t i;

	noise_put(out, "\x1b[");
	for (i = 0; i < params; i++)
		(void)buffer_printf(
		    out, NULL, "%s%u", i > 0 ? ";" : "", noise_number(noise));
	if (noise_pick(noise, 2) == 0)
		noise_put(out, moves[noise_pick(noise, 6)]);
	else
		(void)buffer_append(out,
		    &finals[noise_pick(noise, sizeof(finals) - 1)], 1, NULL);
}

static inline void
noise_style(struct noise *noise, struct buffer *out)
{
	static const char *const styles[] = {"0", "1", "2", "3", "4", "5", "7",
	    "8", "9", "21", "22", "4:3", "4:5", "53", "31", "44", "97", "105",
	    "38;5;200", "48;5;17", "38;2;1;2;3", "48:2::9:8:7", "58;5;3",
	    "58:2::1:2:3", "59", "39", "49", "27", "24", "40"};

	(void)buffer_printf(out, NULL, "\x1b[%s;%sm",
	    styles[noise_pick(noise, sizeof(styles) / sizeof(*styles))],
	    styles[noise_pick(noise, sizeof(styles) / sizeof(*styles))]);
}

static inline void
noise_mode(struct noise *noise, struct buffer *out)
{
	static const uint16_t modes[] = {1, 5, 6, 7, 9, 12, 25, 45, 47, 66,
	    1000, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1048,
	    1049, 1049, 1049, 2004, 2026};

	if (noise_pick(noise, 4) == 0)
		(void)buffer_printf(out, NULL, "\x1b[%c%c",
		    noise_pick(noise, 2) == 0 ? '4' : '2',
		    noise_pick(noise, 2) == 0 ? 'h' : 'l');
	else
		(void)buffer_printf(out, NULL, "\x1b[?%u%c",
		    modes[noise_pick(noise, sizeof(modes) / sizeof(*modes))] +
		        0u,
		    noise_pick(noise, 2) == 0 ? 'h' : 'l');
}

static inline void
noise_other(struct noise *noise, struct buffer *out)
{
	static const char *const others[] = {"\x1b"
	                                     "7",
	    "\x1b"
	    "8",
	    "\x1b"
	    "D",
	    "\x1b"
	    "E",
	    "\x1b"
	    "M",
	    "\x1bH", "\x1b=", "\x1b>", "\x1b(0", "\x1b(B", "\x1b)0", "\x1b*A",
	    "\x1b+0", "\x0e", "\x0f", "\x1bn", "\x1bo", "\x1bN", "\x1bO",
	    "\x1b#8",
	    "\x1b"
	    "c",
	    "\x1b[!p", "\x1b[3 q", "\x1b[0 q", "\x1b[>1u", "\x1b[>5u",
	    "\x1b[<u", "\x1b[=3u", "\x1b[>4;2m", "\x1b[>4m", "\x1b[22t",
	    "\x1b[23t", "\x1b]0;a title\x07", "\x1b]2;\xe4\xb8\xad\x1b\\",
	    "\x1b[3g", "\x1b[0g", "\x1b[c", "\x1bP1$r\x1b\\", "\x1b_Ga\x1b\\",
	    "\x1b]52;c;Zm9v\x07", "\x18", "\x07", "\x1bkname\x1b\\"};
	const char *text =
	    others[noise_pick(noise, sizeof(others) / sizeof(*others))];

	/* these leave little to look at */
	if ((text[1] == 'c' || text[1] == '#') && noise_pick(noise, 8) > 0)
		return;
	noise_put(out, text);
}

static inline void
noise_move(struct noise *noise, struct buffer *out)
{
	static const char *const moves[] = {
	    "\r", "\n", "\r\n", "\b", "\t", "\r\n", "\n\n\n"};

	noise_put(out, moves[noise_pick(noise, 7)]);
}

/* About len bytes more. */
static inline void
noise_write(struct noise *noise, size_t len, struct buffer *out)
{
	size_t end = buffer_len(out) + len;

	while (buffer_len(out) < end) {
		uint32_t kind = noise_pick(noise, 20);

		if (kind < 8)
			noise_text(noise, out);
		else if (kind < 11)
			noise_move(noise, out);
		else if (kind < 15)
			noise_csi(noise, out);
		else if (kind < 17)
			noise_style(noise, out);
		else if (kind < 18)
			noise_mode(noise, out);
		else
			noise_other(noise, out);
	}
}

#endif
