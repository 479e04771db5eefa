/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/authorized_keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keys/authorized_line.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"

#define BUCKETS 1024u

/* One principal may have several keys. */
struct person {
	struct principal principal;
	struct person *next; /* in its bucket, by name */
};

struct key {
	char *line;
	char *type;
	char *blob;
	const struct person *person;
	struct key *next; /* in its bucket, by blob */
};

struct authorized_keys {
	struct key **keys;
	size_t count;
	struct key *by_blob[BUCKETS];
	struct person *by_name[BUCKETS];
};

/* FNV-1a. Who writes the file is trusted, so nobody chooses collisions. */
static size_t
bucket(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash % BUCKETS;
}

static struct key *
find_key(const struct authorized_keys *keys, const char *blob)
{
	struct key *key = keys->by_blob[bucket(blob)];

	while (key != NULL && strcmp(key->blob, blob) != 0)
		key = key->next;
	return key;
}

static struct person *
find_person(const struct authorized_keys *keys, const char *name)
{
	struct person *person = keys->by_name[bucket(name)];

	while (person != NULL && strcmp(person->principal.name, name) != 0)
		person = person->next;
	return person;
}

static bool
is_same(const struct principal *one, const struct principal *other)
{
	size_t count = memory_vector_len(one->tasks);
	size_t i;

	if (one->role != other->role ||
	    count != memory_vector_len(other->tasks))
		return false;
	for (i = 0; i < count; i++) {
		if (strcmp(one->tasks[i], other->tasks[i]) != 0)
			return false;
	}
	return true;
}

/* Takes the principal out of line. */
static struct person *
add_person(struct authorized_keys *keys, struct authorized_line *line)
{
	struct person *person = memory_new(1, sizeof(*person));
	struct person **head = &keys->by_name[bucket(line->principal.name)];

	person->principal = line->principal;
	memset(&line->principal, 0, sizeof(line->principal));
	person->next = *head;
	*head = person;
	return person;
}

static void
add_key(struct authorized_keys *keys, struct authorized_line *line,
    const struct person *person, char *text)
{
	struct key *key = memory_new(1, sizeof(*key));
	struct key **head = &keys->by_blob[bucket(line->blob)];

	key->line = text;
	key->type = take(&line->type);
	key->blob = take(&line->blob);
	key->person = person;
	key->next = *head;
	*head = key;
	/* room for a power of two */
	if ((keys->count & (keys->count - 1)) == 0)
		keys->keys = memory_resize(
		    keys->keys, (keys->count == 0 ? 1 : 2 * keys->count) *
		                    sizeof(*keys->keys));
	keys->keys[keys->count++] = key;
}

static int
add(struct authorized_keys *keys, struct authorized_line *line,
    const char *text, size_t len, struct error *err)
{
	struct person *person;
	char *copy;

	if (keys->count >= AUTHORIZED_KEYS_MAX)
		return error_set(
		    err, ERROR_LIMIT, "more than %u keys", AUTHORIZED_KEYS_MAX);
	if (find_key(keys, line->blob) != NULL)
		return error_set(
		    err, ERROR_INVALID, "the same key stands in a line before");
	person = find_person(keys, line->principal.name);
	if (person != NULL && !is_same(&person->principal, &line->principal))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" has another role or other tasks in a line before",
		    line->principal.name);
	if (person == NULL)
		person = add_person(keys, line);
	copy = memory_new(len + 1, 1);
	memcpy(copy, text, len);
	add_key(keys, line, person, copy);
	return 0;
}

struct authorized_keys *
authorized_keys_new(void)
{
	return memory_new(1, sizeof(struct authorized_keys));
}

void
authorized_keys_free(struct authorized_keys *keys)
{
	size_t i;

	if (keys == NULL)
		return;
	for (i = 0; i < keys->count; i++) {
		free(keys->keys[i]->line);
		free(keys->keys[i]->type);
		free(keys->keys[i]->blob);
		free(keys->keys[i]);
	}
	for (i = 0; i < BUCKETS; i++) {
		while (keys->by_name[i] != NULL) {
			struct person *person = keys->by_name[i];

			keys->by_name[i] = person->next;
			principal_clear(&person->principal);
			free(person);
		}
	}
	free(keys->keys);
	free(keys);
}

int
authorized_keys_add(struct authorized_keys *keys, const char *line, size_t len,
    struct error *err)
{
	struct authorized_line parsed = {0};
	int result = authorized_line_parse(&parsed, line, len, err);

	if (result == 0 && parsed.blob != NULL)
		result = add(keys, &parsed, line, len, err);
	authorized_line_clear(&parsed);
	return result;
}

void
authorized_keys_read(struct authorized_keys *keys, const char *file,
    const char *bytes, size_t len,
    void (*on_refused)(void *data, const struct error *why), void *data)
{
	const char *end = bytes + len;
	unsigned number = 0;

	while (bytes < end) {
		const char *newline =
		    memchr(bytes, '\n', (size_t)(end - bytes));
		const char *stop = newline == NULL ? end : newline;
		struct error err = {0};

		number++;
		if (authorized_keys_add(
		        keys, bytes, (size_t)(stop - bytes), &err) != 0 &&
		    on_refused != NULL) {
			(void)error_wrap(&err, "%s:%u", file, number);
			on_refused(data, &err);
		}
		bytes = newline == NULL ? end : newline + 1;
	}
}

const struct principal *
authorized_keys_find(
    const struct authorized_keys *keys, const char *type, const char *blob)
{
	const struct key *key = find_key(keys, blob);

	if (key == NULL || strcmp(key->type, type) != 0)
		return NULL;
	return &key->person->principal;
}

const struct principal *
authorized_keys_principal(const struct authorized_keys *keys, const char *name)
{
	const struct person *person = find_person(keys, name);

	return person == NULL ? NULL : &person->principal;
}

size_t
authorized_keys_count(const struct authorized_keys *keys)
{
	return keys->count;
}

const char *
authorized_keys_line(const struct authorized_keys *keys, size_t i)
{
	return keys->keys[i]->line;
}
