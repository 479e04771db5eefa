/* SPDX-License-Identifier: Apache-2.0 */
/* Things by number: execs by theirs, an attachment's streams by theirs. */
#ifndef SERVER_KEEPER_MAP_H
#define SERVER_KEEPER_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint32_t number; /* 0: free */
	void *thing;
};

struct map {
	struct map_slot *slots; /* owned */
	size_t room;            /* 0 or a power of two */
	size_t count;
};

/* An empty map; allocates nothing yet. */
void map_init(struct map *map);

/* Free the table, not what is in it. */
void map_clear(struct map *map);

/* Borrowed; NULL when there is none. */
void *map_get(const struct map *map, uint32_t number);

/* Number must be free and not 0 (asserted). */
void map_put(struct map *map, uint32_t number, void *thing);

/* The number is free afterwards; it need not have been used. */
void map_remove(struct map *map, uint32_t number);

#endif
