/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"

#define SIZE_MIN 64u

/* FNV-1a. Names are the manager's, so nobody aims at its weaknesses. */
static size_t
hash(const char *name)
{
	uint64_t value = 14695981039346656037u;

	for (; *name != '\0'; name++) {
		value ^= (unsigned char)*name;
		value *= 1099511628211u;
	}
	return (size_t)value;
}

/* The name's slot, or the free one where it would go. */
static size_t
place(const struct names *names, const char *name)
{
	size_t at = hash(name) & (names->size - 1);

	while (names->slots[at] != NULL && strcmp(names->slots[at], name) != 0)
		at = (at + 1) & (names->size - 1);
	return at;
}

static void
grow(struct names *names)
{
	struct names old = *names;
	size_t i;

	names->size = old.size == 0 ? SIZE_MIN : old.size * 2;
	names->slots = memory_new(names->size, sizeof(*names->slots));
	for (i = 0; i < old.size; i++) {
		if (old.slots[i] != NULL)
			names->slots[place(names, old.slots[i])] = old.slots[i];
	}
	free(old.slots);
}

void
names_add(struct names *names, const char *name)
{
	size_t at;

	if (names->count + 1 > names->size / 2)
		grow(names);
	at = place(names, name);
	if (names->slots[at] != NULL)
		return;
	names->slots[at] = memory_string(name);
	names->count++;
}

/* What stands behind the gap may have wanted to stand in it: put the rest of
 * the run in anew. */
void
names_remove(struct names *names, const char *name)
{
	size_t at;

	if (!names_has(names, name))
		return;
	at = place(names, name);
	free(names->slots[at]);
	names->slots[at] = NULL;
	names->count--;
	for (at = (at + 1) & (names->size - 1); names->slots[at] != NULL;
	     at = (at + 1) & (names->size - 1)) {
		char *moved = names->slots[at];

		names->slots[at] = NULL;
		names->slots[place(names, moved)] = moved;
	}
}

bool
names_has(const struct names *names, const char *name)
{
	return names->size > 0 && names->slots[place(names, name)] != NULL;
}

void
names_clear(struct names *names)
{
	size_t i;

	for (i = 0; i < names->size; i++)
		free(names->slots[i]);
	free(names->slots);
	memset(names, 0, sizeof(*names));
}
