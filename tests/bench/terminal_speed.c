/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal engine alone: MB/s on what programs write, beside libvterm's two
 * layers (VTermScreen keeps the screen, VTermState only says what to do to it),
 * and memory for a terminal with 2,000 lines of scrollback. Rounds are
 * interleaved and the best of each is taken.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/terminal/terminal.h"

#if __has_include(<vterm.h>)
#include <vterm.h>
#define HAS_VTERM 1
#else
#define HAS_VTERM 0
#endif

#define LOAD_BYTES  (1u << 20)
#define CHUNK       16384u
#define ROUNDS      5
#define ROUND_MS    120.0
#define LINES_KEPT  2000u
#define BYTES_KEPT  (1u << 20)
#define COLUMNS_MAX 200

struct load {
	size_t len;
	char bytes[LOAD_BYTES + 4096];
};

static const struct terminal_size sizes[] = {{24, 80}, {50, 200}};

static void add(struct load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct load *load, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	load->len += (size_t)vsnprintf(load->bytes + load->len,
	    sizeof(load->bytes) - load->len, format, args);
	va_end(args);
}

static void
plain_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	(void)size;
	add(load,
	    "%08u a line of plain text, as long as many of a log's are\r\n", n);
}

static void
yes_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	(void)size;
	(void)n;
	add(load, "y\r\n");
}

static void
ls_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	unsigned i;

	for (i = 0; i < size->cols / 20u; i++)
		add(load, "\x1b[0m\x1b[01;%um%s%05u\x1b[0m  %s",
		    31 + (n + i) % 6, "folder-", n * 7 + i,
		    i % 3 == 0 ? "file.c" : "");
	add(load, "\r\n");
}

/* A part of a screen that an editor or a monitor has drawn anew. */
static void
redraw_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	unsigned row = n % size->rows + 1;

	add(load, "\x1b[%u;1H\x1b[38;5;130m%4u \x1b[m\x1b[38;5;81m%s\x1b[m",
	    row, n, "static int");
	add(load,
	    "\x1b[33m%6u\x1b[39m\x1b[7mS\x1b[27m\x1b[1m%3u.%u\x1b(B\x1b[m",
	    n * 31 % 65536, n % 100, n % 10);
	add(load,
	    "\x1b[K\x1b[%u;40H\x1b[32m||||||||\x1b[31m||\x1b[90m %u%%\x1b[m",
	    row, n % 100);
	if (row == 1)
		add(load, "\x1b[?25l\x1b[2;%ur\x1b[2;1H\x1b[M\x1b[r\x1b[?25h",
		    size->rows - 1u);
}

static void
truecolor_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	unsigned col;

	if (n % size->rows == 0)
		add(load, "\x1b[H");
	for (col = 0; col < size->cols && col < 90; col++)
		add(load, "\x1b[38;2;%u;%u;%um\x1b[48;2;%u;%u;%um\xe2\x96\x80",
		    (n + col) % 256, n * 3 % 256, col * 2 % 256, col % 256,
		    (n * col) % 256, (n + 128) % 256);
	add(load, "\x1b[0m\r\n");
}

static void
wide_line(struct load *load, const struct terminal_size *size, unsigned n)
{
	(void)size;
	add(load,
	    "%u \xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa\xe4\xba\xa4"
	    "\xe3\x81\x98\xe3\x82\x8a\xe6\x96\x87\xf0\x9f\x98\x80\xf0\x9f\x9a"
	    "\x80 e\xcc\x81 \xed\x95\x9c\xea\xb5\xad\xec\x96\xb4\r\n",
	    n);
}

static const struct {
	const char *name;
	void (*line)(
	    struct load *load, const struct terminal_size *size, unsigned n);
} loads[] = {
    {"plain lines", plain_line},
    {"yes", yes_line},
    {"ls --color", ls_line},
    {"editor and monitor redraws", redraw_line},
    {"truecolour, full screen", truecolor_line},
    {"CJK and emoji", wide_line},
};

static double
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* MB/s of feeding the load again and again for a round. */
static double
speed(void (*feed)(void *terminal, const char *bytes, size_t len),
    void *terminal, const struct load *load)
{
	double start = now_ms();
	double total = 0;
	double ms;

	do {
		size_t at;

		for (at = 0; at < load->len; at += CHUNK)
			feed(terminal, load->bytes + at,
			    load->len - at < CHUNK ? load->len - at : CHUNK);
		total += (double)load->len;
		ms = now_ms() - start;
	} while (ms < ROUND_MS);
	return total / 1e3 / ms;
}

static void
feed_engine(void *terminal, const char *bytes, size_t len)
{
	terminal_feed(terminal, (const uint8_t *)bytes, len);
}

static struct terminal *
new_engine(const struct terminal_size *size)
{
	const struct terminal_options options = {
	    .size = *size,
	    .scrollback_lines = LINES_KEPT,
	    .scrollback_bytes = BYTES_KEPT,
	};

	return terminal_new(&options, NULL, NULL);
}

#if HAS_VTERM
static void
feed_vterm(void *terminal, const char *bytes, size_t len)
{
	(void)vterm_input_write(terminal, bytes, len);
}

static int
take_glyph(VTermGlyphInfo *info, VTermPos at, void *data)
{
	(void)info;
	(void)at;
	(void)data;
	return 1;
}

static int
take_scroll(VTermRect rect, int downward, int rightward, void *data)
{
	(void)rect;
	(void)downward;
	(void)rightward;
	(void)data;
	return 1;
}

static int
take_erase(VTermRect rect, int selective, void *data)
{
	(void)rect;
	(void)selective;
	(void)data;
	return 1;
}

static VTerm *
new_vterm(const struct terminal_size *size, int has_screen)
{
	static const VTermStateCallbacks callbacks = {
	    .putglyph = take_glyph,
	    .scrollrect = take_scroll,
	    .erase = take_erase,
	};
	VTerm *vterm = vterm_new(size->rows, size->cols);

	vterm_set_utf8(vterm, 1);
	if (has_screen) {
		vterm_screen_enable_altscreen(vterm_obtain_screen(vterm), 1);
		vterm_screen_reset(vterm_obtain_screen(vterm), 1);
	} else {
		vterm_state_set_callbacks(
		    vterm_obtain_state(vterm), &callbacks, NULL);
		vterm_state_reset(vterm_obtain_state(vterm), 1);
	}
	return vterm;
}
#endif

static void
most(double *best, double found)
{
	if (found > *best)
		*best = found;
}

static void
measure(
    const struct load *load, const char *name, const struct terminal_size *size)
{
	struct terminal *engine = new_engine(size);
	double best[3] = {0};
	int round;

#if HAS_VTERM
	VTerm *screen = new_vterm(size, 1);
	VTerm *state = new_vterm(size, 0);
#endif
	for (round = 0; round < ROUNDS; round++) {
		most(&best[0], speed(feed_engine, engine, load));
#if HAS_VTERM
		most(&best[1], speed(feed_vterm, screen, load));
		most(&best[2], speed(feed_vterm, state, load));
#endif
	}
	(void)printf("  %-28s %3ux%-3u %7.0f MB/s", name, size->cols,
	    size->rows, best[0]);
#if HAS_VTERM
	(void)printf("  %7.1f  %6.1fx  %7.1f  %6.1fx", best[1],
	    best[0] / best[1], best[2], best[0] / best[2]);
	vterm_free(screen);
	vterm_free(state);
#endif
	(void)printf("\n");
	terminal_free(engine);
}

static void
weigh(
    const struct load *load, const char *name, const struct terminal_size *size)
{
	static const char alternate[] = "\x1b[?1049h\x1b#8\x1b[?1049l";
	struct terminal *engine = new_engine(size);

	feed_engine(engine, alternate, sizeof(alternate) - 1);
	feed_engine(engine, load->bytes, load->len);
	(void)printf("  %-28s %3ux%-3u %7.0f KiB\n", name, size->cols,
	    size->rows, (double)terminal_memory(engine) / 1024);
	terminal_free(engine);
}

/* The load's bytes for a size. */
static void
fill(struct load *load, size_t which, const struct terminal_size *size)
{
	unsigned n;

	load->len = 0;
	for (n = 0; load->len < LOAD_BYTES - 4096; n++)
		loads[which].line(load, size, n);
}

static void
for_each(void (*act)(const struct load *load, const char *name,
    const struct terminal_size *size))
{
	static struct load load;
	size_t i, n;

	for (i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		for (n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
			fill(&load, i, &sizes[n]);
			act(&load, loads[i].name, &sizes[n]);
		}
	}
}

int
main(void)
{
	(void)printf("terminal engine, one core\n");
#if HAS_VTERM
	(void)printf("  %41s %11s  %17s  %17s\n", "", "engine", "VTermScreen",
	    "VTermState");
#else
	(void)printf("  (libvterm-dev is not installed: no comparison)\n");
#endif
	for_each(measure);
	(void)printf("terminal memory, %u lines of scrollback\n", LINES_KEPT);
	for_each(weigh);
	return 0;
}
