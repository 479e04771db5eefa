/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env: a variable for the command. sshd takes only names it was told to,
 * because there a variable can subvert a login that has privilege; in a sandbox
 * it can only subvert the client's own command, so every name passes. All of a
 * session's together may be as long as one variable may be.
 *
 * Two names are for the gateway itself, and are not passed on.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/exec_spec.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/utf8.h"
#include "server/gate/detach_key.h"
#include "server/gate/request.h"
#include "server/gate/session.h"

static bool
set_detach_key(struct session *session, const char *value)
{
	return detach_key_parse(value, &session->detach_key) == 0;
}

static bool
set_size(struct session *session, const char *value)
{
	int i;

	for (i = 0; i < SIZE_POLICIES; i++) {
		if (strcmp(value, size_policy_names[i]) == 0) {
			session->size = i;
			return true;
		}
	}
	return false;
}

static const struct {
	const char *name;
	bool (*set)(struct session *session, const char *value);
} ours[] = {
    {"SALLYPORT_DETACH_KEY", set_detach_key},
    {"SALLYPORT_SIZE", set_size},
};

static bool
is_valid(const struct request_args *args)
{
	return args->name[0] != '\0' && strchr(args->name, '=') == NULL &&
	       utf8_is_valid(args->name, strlen(args->name));
}

/* The one of the same name, or the place behind the last. */
static size_t
place(const struct session *session, const char *name)
{
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < session->env_count; i++) {
		if (strncmp(session->env[i], name, len) == 0 &&
		    session->env[i][len] == '=')
			break;
	}
	return i;
}

static bool
pass_on(struct session *session, const struct request_args *args)
{
	size_t len = strlen(args->name) + strlen(args->value) + 1;
	size_t at = place(session, args->name);
	char *pair;

	if (at == LIMIT_ENV || len > LIMIT_ENV_BYTES - session->env_bytes)
		return false;
	pair = memory_new(len + 1, 1);
	(void)snprintf(pair, len + 1, "%s=%s", args->name, args->value);
	session_env_set(session, at, pair);
	return true;
}

static bool
accept_env(struct session *session, const struct request_args *args)
{
	size_t i;

	if (session->open != NULL || !is_valid(args))
		return false;
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(args->name, ours[i].name) == 0)
			return ours[i].set(session, args->value);
	}
	return pass_on(session, args);
}

const struct request request_env = {"env", false, accept_env};
