/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/name.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "protocol/error.h"
#include "protocol/limits.h"

static const char *const reserved[] = {
    "admin",
    "all",
    "brain",
    "gateway",
    "localhost",
    "new",
    "ops",
    "root",
    "sallyport",
};

/* Letters first; no i, l, o, 0, 1, which people misread. */
static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";
#define LETTERS    23u
#define CHARACTERS (sizeof(alphabet) - 1)

static bool
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
name_is_valid(const char *name)
{
	size_t i;

	if (!is_alphanumeric(name[0]))
		return false;
	for (i = 1; name[i] != '\0'; i++) {
		if (i >= LIMIT_NAME_BYTES ||
		    (!is_alphanumeric(name[i]) && name[i] != '-'))
			return false;
	}
	return true;
}

bool
name_is_reserved(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
		if (strcmp(reserved[i], name) == 0)
			return true;
	}
	return false;
}

int
name_check(const char *field, const char *name, struct error *err)
{
	if (!name_is_valid(name))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is not [a-z0-9][a-z0-9-]*, 1 to %u bytes", field,
		    LIMIT_NAME_BYTES);
	if (name_is_reserved(name))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is \"%s\", a reserved name", field, name);
	return 0;
}

/* 0..below-1, each as likely. */
static size_t
random_below(size_t below)
{
	size_t fair = 256 - 256 % below;
	uint8_t byte;

	do {
		if (getrandom(&byte, 1, 0) != 1)
			abort();
	} while (byte >= fair);
	return byte % below;
}

void
name_generate(char id[NAME_ID_BYTES])
{
	size_t i;

	id[0] = alphabet[random_below(LETTERS)];
	for (i = 1; i < NAME_ID_BYTES - 1; i++)
		id[i] = alphabet[random_below(CHARACTERS)];
	id[i] = '\0';
}

static int
read_number(const char *text, uint32_t *number)
{
	uint64_t value = 0;

	if (*text < '1' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > UINT32_MAX)
			return -1;
	}
	*number = (uint32_t)value;
	return *text == '\0' ? 0 : -1;
}

int
name_split_exec(
    const char *exec, char *task, uint32_t *number, struct error *err)
{
	const char *dash = strrchr(exec, '-');
	char name[LIMIT_NAME_BYTES + 1];
	uint32_t value;
	size_t len;

	len = dash == NULL ? 0 : (size_t)(dash - exec);
	if (len == 0 || len > LIMIT_NAME_BYTES || read_number(dash + 1, &value))
		return error_set(
		    err, ERROR_INVALID, "\"exec\" is not TASK-NUMBER");
	memcpy(name, exec, len);
	name[len] = '\0';
	if (!name_is_valid(name))
		return error_set(
		    err, ERROR_INVALID, "\"exec\" is not TASK-NUMBER");
	memcpy(task, name, len + 1);
	*number = value;
	return 0;
}
