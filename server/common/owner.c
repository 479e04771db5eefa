/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/owner.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void
owner_init(struct owner *owner, void (*gone)(struct owner *owner))
{
	memset(owner, 0, sizeof(*owner));
	owner->gone = gone;
}

void
owner_adopt(struct owner *owner, uv_handle_t *handle)
{
	assert(owner->count < OWNER_HANDLES_MAX);
	assert(!owner->closing);
	handle->data = owner;
	owner->handles[owner->count++] = handle;
	owner->open++;
}

static void
on_closed(uv_handle_t *handle)
{
	struct owner *owner = handle->data;

	assert(owner->open > 0);
	if (--owner->open == 0)
		owner->gone(owner);
}

void
owner_close(struct owner *owner)
{
	unsigned i;

	assert(owner->count > 0);
	if (owner->closing)
		return;
	owner->closing = true;
	for (i = 0; i < owner->count; i++)
		uv_close(owner->handles[i], on_closed);
}
