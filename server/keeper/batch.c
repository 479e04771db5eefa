/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/batch.h"

#include <string.h>

#include "server/common/owner.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"

/* A frame of this size is worth its own writes, and no copy. */
#define LARGE (FRAME_DATA_MAX / 2)

static void
on_before_sleep(uv_prepare_t *prepare)
{
	batch_flush(&keeper_of_owner(prepare->data)->batch);
}

void
batch_init(struct batch *batch, uv_loop_t *loop, struct owner *owner)
{
	batch->exec = NULL;
	batch->len = 0;
	(void)uv_prepare_init(loop, &batch->before_sleep);
	owner_adopt(owner, (uv_handle_t *)&batch->before_sleep);
	(void)uv_prepare_start(&batch->before_sleep, on_before_sleep);
}

void
batch_add(struct batch *batch, struct exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len)
{
	if (batch->exec != exec || batch->stream != stream ||
	    len > sizeof(batch->bytes) - batch->len)
		batch_flush(batch);
	if (batch->exec == NULL && len >= LARGE) {
		exec_wrote(exec, stream, bytes, len);
		return;
	}
	batch->exec = exec;
	batch->stream = stream;
	memcpy(batch->bytes + batch->len, bytes, len);
	batch->len += len;
}

void
batch_flush(struct batch *batch)
{
	struct exec *exec = batch->exec;
	size_t len = batch->len;

	if (exec == NULL)
		return;
	batch->exec = NULL;
	batch->len = 0;
	exec_wrote(exec, batch->stream, batch->bytes, len);
}
