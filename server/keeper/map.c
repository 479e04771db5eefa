/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"

#define ROOM_MIN 8u

/* The peer chooses the numbers, so neighbours must not pile up. */
static size_t
home(const struct map *map, uint32_t number)
{
	uint32_t hash = number * 0x9e3779b1u;

	return (hash ^ (hash >> 16)) & (map->room - 1);
}

/* The slot that holds number, or the free one where it would go. */
static struct map_slot *
slot(const struct map *map, uint32_t number)
{
	size_t i = home(map, number);

	while (map->slots[i].number != 0 && map->slots[i].number != number)
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

static void
resize(struct map *map, size_t room)
{
	struct map old = *map;
	size_t i;

	map->slots = memory_new(room, sizeof(*map->slots));
	map->room = room;
	for (i = 0; i < old.room; i++) {
		if (old.slots[i].number != 0)
			*slot(map, old.slots[i].number) = old.slots[i];
	}
	free(old.slots);
}

void
map_init(struct map *map)
{
	memset(map, 0, sizeof(*map));
}

void
map_clear(struct map *map)
{
	free(map->slots);
	map_init(map);
}

void *
map_get(const struct map *map, uint32_t number)
{
	if (map->count == 0 || number == 0)
		return NULL;
	return slot(map, number)->thing;
}

void
map_put(struct map *map, uint32_t number, void *thing)
{
	struct map_slot *at;

	assert(number != 0);
	if (map->count >= map->room / 2)
		resize(map, map->room == 0 ? ROOM_MIN : map->room * 2);
	at = slot(map, number);
	assert(at->number == 0);
	at->number = number;
	at->thing = thing;
	map->count++;
}

void
map_remove(struct map *map, uint32_t number)
{
	struct map_slot *hole;
	size_t i;

	if (map_get(map, number) == NULL)
		return;
	hole = slot(map, number);
	memset(hole, 0, sizeof(*hole));
	map->count--;
	/* Move up what had to step over the hole. */
	i = (size_t)(hole - map->slots);
	for (i = (i + 1) & (map->room - 1); map->slots[i].number != 0;
	     i = (i + 1) & (map->room - 1)) {
		struct map_slot moved = map->slots[i];

		memset(&map->slots[i], 0, sizeof(moved));
		*slot(map, moved.number) = moved;
	}
}
