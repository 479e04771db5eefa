/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of frames as a reader takes it: byte by byte it must come to the
 * same frames, or the same refusal, as all at once.
 */
#include "protocol/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_rewrite(const struct frame *frame, const uint8_t *bytes, size_t used)
{
	struct buffer out;

	buffer_init(&out, used);
	if (frame_append(&out, frame->kind, frame->stream, frame->payload,
	        frame->len, NULL) != 0 ||
	    buffer_len(&out) != used ||
	    memcmp(buffer_bytes(&out), bytes, used) != 0)
		abort();
	if (frame->kind == FRAME_WINDOW)
		(void)frame_credit(frame);
	buffer_clear(&out);
}

/* What less than the whole says may only be "more", until enough is there. */
static void
check_prefixes(const uint8_t *bytes, size_t used, int result)
{
	struct error err = {0};
	struct frame frame;
	size_t taken;
	size_t len;

	for (len = 0; len < used; len++) {
		int early = frame_parse(bytes, len, &frame, &taken, &err);

		if (early != 0 && (early != result || early > 0))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct error err = {0};
	struct frame frame;
	size_t used = 0;
	int result;

	while ((result = frame_parse(bytes, len, &frame, &used, &err)) > 0) {
		if (used > len || frame.payload + frame.len != bytes + used)
			abort();
		check_rewrite(&frame, bytes, used);
		check_prefixes(bytes, used < 64 ? used : 64, result);
		bytes += used;
		len -= used;
	}
	if (result < 0 && err.text[0] == '\0')
		abort();
	check_prefixes(bytes, len < 64 ? len : 64, result);
	return 0;
}
