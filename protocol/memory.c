/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/memory.h"

#include <stdlib.h>
#include <string.h>

void *
memory_new(size_t count, size_t size)
{
	void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

	if (memory == NULL)
		abort();
	return memory;
}

void *
memory_resize(void *old, size_t size)
{
	void *memory = realloc(old, size == 0 ? 1 : size);

	if (memory == NULL)
		abort();
	return memory;
}

char *
memory_string(const char *text)
{
	return text == NULL ? NULL : memory_copy(text, strlen(text) + 1);
}

void *
memory_copy(const void *bytes, size_t len)
{
	void *memory;

	if (bytes == NULL)
		return NULL;
	memory = memory_new(1, len);
	if (len > 0)
		memcpy(memory, bytes, len);
	return memory;
}

char **
memory_vector(char *const *vector)
{
	size_t count = memory_vector_len(vector);
	char **copy;
	size_t i;

	if (vector == NULL)
		return NULL;
	copy = memory_new(count + 1, sizeof(*copy));
	for (i = 0; i < count; i++)
		copy[i] = memory_string(vector[i]);
	return copy;
}

void
memory_vector_free(char **vector)
{
	size_t i;

	if (vector == NULL)
		return;
	for (i = 0; vector[i] != NULL; i++)
		free(vector[i]);
	free(vector);
}

size_t
memory_vector_len(char *const *vector)
{
	size_t count = 0;

	while (vector != NULL && vector[count] != NULL)
		count++;
	return count;
}
