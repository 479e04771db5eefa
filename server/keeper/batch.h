/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins small output frames of one stream that come together, so that a
 * command that writes a line at a time costs one write to the disk and one to
 * each reader, not one for each line. What waits here is passed on before the
 * loop sleeps.
 */
#ifndef SERVER_KEEPER_BATCH_H
#define SERVER_KEEPER_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/attachment.h"
#include "protocol/frame.h"

struct exec;
struct owner;

struct batch {
	uv_prepare_t before_sleep;
	struct exec *exec; /* borrowed; NULL: nothing waits */
	enum output_stream stream;
	size_t len;
	uint8_t bytes[FRAME_DATA_MAX];
};

/* Empty; the handle is adopted by owner. */
void batch_init(struct batch *batch, uv_loop_t *loop, struct owner *owner);

/* Output that came: kept until batch_flush, or passed on at once with what
 * waited. len is 1..FRAME_DATA_MAX. */
void batch_add(struct batch *batch, struct exec *exec,
    enum output_stream stream, const uint8_t *bytes, size_t len);

/* Pass on what waits. To be called before anything else is said of an exec. */
void batch_flush(struct batch *batch);

#endif
