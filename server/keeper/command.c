/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/custody.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/memory.h"

/* FNV-1a: nobody gains by a collision with a command of their own. */
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* A given stdin may be all escapes. */
#define SPEC_BYTES_MAX ((size_t)8 << 20)

/* Whether vector has a variable of the same name as this "name=value". */
static bool
has_name(char *const *vector, const char *variable)
{
	size_t len = strcspn(variable, "=") + 1;

	for (; vector != NULL && *vector != NULL; vector++) {
		if (strncmp(*vector, variable, len) == 0)
			return true;
	}
	return false;
}

/* The strings stay their owners'; the vector is the caller's. */
static char **
merge(char *const *under, char *const *over)
{
	size_t room = memory_vector_len(under) + memory_vector_len(over) + 1;
	char **all = memory_new(room, sizeof(*all));
	size_t count = 0;

	for (; under != NULL && *under != NULL; under++) {
		if (!has_name(over, *under))
			all[count++] = *under;
	}
	for (; over != NULL && *over != NULL; over++)
		all[count++] = *over;
	return all;
}

int
command_write(const struct custody_configure *config,
    const struct exec_spec *spec, struct buffer *out, struct error *err)
{
	autofree char **env = merge(config->env, spec->env);
	struct link_exec body = {.spec = *spec};
	struct buffer message;

	if (memory_vector_len(env) > LIMIT_ENV)
		return error_set(err, ERROR_LIMIT,
		    "\"env\" has %zu variables with the task's, more than %u",
		    memory_vector_len(env), LIMIT_ENV);
	body.spec.env = env[0] == NULL ? NULL : env;
	if (body.spec.user == NULL)
		body.spec.user = config->user;
	if (body.spec.cwd == NULL)
		body.spec.cwd = config->cwd;
	if (spec->input.bytes != NULL)
		body.spec.stdin_mode = EXEC_STDIN_OPEN;
	body.spec.input = (struct json_data){0};
	body.spec.timeout_ms = 0;
	body.spec.name = NULL;
	body.spec.token = NULL;
	body.spec.overflow = OVERFLOW_SLOW;
	buffer_init(&message, FRAME_CONTROL_MAX);
	if (json_write(link_shapes[LINK_EXEC], link_types[LINK_EXEC], &body,
	        &message, err) == 0) {
		*out = message;
		return 0;
	}
	buffer_clear(&message);
	return error_set(err, ERROR_LIMIT,
	    "the command and its environment are more than %u bytes",
	    FRAME_CONTROL_MAX);
}

void
command_digest(
    const struct exec_spec *spec, char digest[COMMAND_DIGEST_BYTES + 1])
{
	uint64_t hash = FNV_BASIS;
	struct buffer json;
	const uint8_t *bytes;
	size_t i;

	buffer_init(&json, SPEC_BYTES_MAX);
	(void)json_write(&exec_spec_shape, NULL, spec, &json, NULL);
	bytes = buffer_bytes(&json);
	for (i = 0; i < buffer_len(&json); i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	buffer_clear(&json);
	(void)snprintf(digest, COMMAND_DIGEST_BYTES + 1, "%016" PRIx64, hash);
}
