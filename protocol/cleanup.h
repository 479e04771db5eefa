/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes for locals that free themselves; take() hands one out. */
#ifndef PROTOCOL_CLEANUP_H
#define PROTOCOL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void
cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define autofree  __attribute__((cleanup(cleanup_free)))
#define autoclose __attribute__((cleanup(cleanup_close)))

/* The pointer's value; the pointer is NULL afterwards. */
#define take(pointer)                                        \
	__extension__({                                      \
		__typeof__(pointer) taken_from = (pointer);  \
		__typeof__(*taken_from) taken = *taken_from; \
		*taken_from = NULL;                          \
		taken;                                       \
	})

/* The descriptor; -1 is left in its place. */
static inline int
take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
