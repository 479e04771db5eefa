/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that cannot fail: out of memory ends the process. Every size that
 * a peer names was checked against protocol/limits.h before it gets here, so
 * only the machine can make these fail.
 */
#ifndef PROTOCOL_MEMORY_H
#define PROTOCOL_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count things of size bytes; owned by the caller. */
void *memory_new(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));

/* As realloc(3); the old contents stay, what is new is undefined. */
void *memory_resize(void *old, size_t size) __attribute__((returns_nonnull));

/* Copies; NULL gives NULL. */
char *memory_string(const char *text);
void *memory_copy(const void *bytes, size_t len);

/* A NULL-terminated vector and its strings; NULL gives NULL. */
char **memory_vector(char *const *vector);

/* Free a NULL-terminated vector and its strings; NULL is accepted. */
void memory_vector_free(char **vector);

/* Items in a NULL-terminated vector; 0 for NULL. */
size_t memory_vector_len(char *const *vector);

/* The struct of a type that has what pointer points to as its member. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
