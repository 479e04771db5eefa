/* SPDX-License-Identifier: Apache-2.0 */
/* A recording, as the player reads and plays it: what it shows is text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/player/reel.h"
#include "server/terminal/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define EVENTS_MAX 256 /* a size is many cells: not too many of them */

static void
play(struct terminal *terminal, const struct asciicast_event *event)
{
	if (event->kind == ASCIICAST_OUTPUT)
		terminal_feed(
		    terminal, (const uint8_t *)event->bytes, event->len);
	else if (event->kind == ASCIICAST_RESIZE)
		terminal_resize(terminal, &event->size);
}

/* Whatever comes, time goes on and the file comes to its end. */
static void
play_all(struct reel *reel)
{
	static const struct terminal_events unheard;
	struct terminal_options options = {.size = reel->header.size};
	struct terminal *terminal = terminal_new(&options, &unheard, NULL);
	struct asciicast_event event;
	uint64_t before = 0, count;
	struct error err = {0};
	int ret = 1;

	for (count = 0; count < EVENTS_MAX && ret == 1; count++) {
		event.bytes = NULL;
		ret = reel_next(reel, &event, &err);
		if (ret == 1)
			play(terminal, &event);
		if (ret == 1)
			free(event.bytes);
		if (reel->at_ms < before || (ret < 0) != (err.text[0] != '\0'))
			abort();
		before = reel->at_ms;
	}
	terminal_free(terminal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct error err = {0};
	struct reel reel;

	if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len)
		abort();
	if (reel_open(&reel, fd, &err) == 0)
		play_all(&reel);
	else if (err.text[0] == '\0')
		abort();
	reel_clear(&reel);
	(void)close(fd);
	return 0;
}
