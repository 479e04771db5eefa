/* SPDX-License-Identifier: Apache-2.0 */
/* A set of short strings: the user names that lead to tasks. */
#ifndef SERVER_GATE_NAMES_H
#define SERVER_GATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct names {
	char **slots; /* size of them; NULL: free */
	size_t size;  /* 0 or a power of two */
	size_t count;
};

/* An empty set is all zeroes. Both are safe for what is there, or not there,
 * already. */
void names_add(struct names *names, const char *name);
void names_remove(struct names *names, const char *name);

bool names_has(const struct names *names, const char *name);

/* Empty it and free its memory. */
void names_clear(struct names *names);

#endif
