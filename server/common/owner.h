/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who frees a struct that libuv handles live in.
 *
 * libuv calls back into a handle until its close callback has run, so the
 * struct must outlive the last of them. An owner counts its handles and calls
 * gone() once, from the loop, after the last close callback.
 */
#ifndef SERVER_COMMON_OWNER_H
#define SERVER_COMMON_OWNER_H

#include <stdbool.h>

#include <uv.h>

#define OWNER_HANDLES_MAX 10

struct owner {
	uv_handle_t *handles[OWNER_HANDLES_MAX];
	unsigned count; /* handles adopted */
	unsigned open;  /* handles whose close callback has not run */
	bool closing;
	void (*gone)(struct owner *owner);
};

/* gone() may free the struct that owner sits in. */
void owner_init(struct owner *owner, void (*gone)(struct owner *owner));

/*
 * Call right after a uv_*_init() that succeeded, and after every uv_spawn(),
 * which needs uv_close() even when it failed. Takes handle->data.
 */
void owner_adopt(struct owner *owner, uv_handle_t *handle);

/*
 * Close every adopted handle. Safe to call twice and from any of the handles'
 * own callbacks. At least one handle must have been adopted.
 */
void owner_close(struct owner *owner);

#endif
