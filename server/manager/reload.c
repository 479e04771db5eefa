/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/reload.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/home.h"
#include "server/manager/manager.h"

#define PROFILES_FOLDER "profiles.d"
#define NAMES_BYTES     (RELOAD_NOTE_BYTES - 64)

/* Before anything is changed. */
struct fresh {
	struct config config;
	struct authorized_keys *keys;
	struct profiles profiles;
};

int
reload_profiles(
    const struct config *config, struct profiles *out, struct error *err)
{
	char name[] = PROFILE_DEFAULT, image[] = "default", runtime[] = "auto";
	const struct profile base = {
	    .name = name,
	    .image = image,
	    .runtime = runtime,
	    .limits = config->task_limits,
	    .max = config->task_limits_max,
	    .ttl_ms = config->task_ttl_ms,
	    .ttl_ms_max = config->task_ttl_ms_max,
	    .idle_ms = config->task_idle_ms,
	    .idle_ms_max = config->task_idle_ms_max,
	    .recording = {.present = config->recording != CONFIG_RECORD_OFF,
	        .format = config->recording == CONFIG_RECORD_2 ? RECORDING_2
	                                                       : RECORDING_3,
	        .bytes = config->recording_bytes},
	};

	return profiles_load(out, &base, PROFILES_FOLDER, err);
}

static void
on_refused(void *data, const struct error *why)
{
	struct error *first = data;

	if (first->code == ERROR_NONE)
		*first = *why;
}

/* At a start, a line that is wrong keeps out whom it names and nobody else. Who
 * asks for a reload is there to mend it. */
static int
read_keys(const char *path, struct authorized_keys **out, struct error *err)
{
	autofree char *text = NULL;
	struct error first = {0};
	size_t len;

	if (home_read(path, AUTHORIZED_KEYS_FILE_BYTES, &text, &len, err) != 0)
		return -1;
	*out = authorized_keys_new();
	authorized_keys_read(*out, path, text, len, on_refused, &first);
	if (first.code == ERROR_NONE)
		return 0;
	*err = first;
	return -1;
}

static int
read_all(struct manager *manager, struct fresh *fresh, struct error *err)
{
	if (settings_read(
	        manager->settings, manager->dir, &fresh->config, err) != 0 ||
	    read_keys(fresh->config.authorized_keys, &fresh->keys, err) != 0)
		return -1;
	return reload_profiles(&fresh->config, &fresh->profiles, err);
}

/* Nothing here can fail. */
static void
change(struct manager *manager, struct fresh *fresh, struct buffer *stays)
{
	struct config *config = &manager->settings->config;
	struct authorized_keys *keys = manager->keys;
	struct profiles profiles = manager->profiles;

	config_change(config, &fresh->config, stays);
	manager->keys = fresh->keys;
	fresh->keys = keys;
	manager->profiles = fresh->profiles;
	fresh->profiles = profiles;
	log_set_level((enum log_level)config->log_level);
	manager_watch_keys(manager);
	gates_configure(&manager->gates, manager_wanted_gates(manager));
}

int
reload_all(struct manager *manager, char *note, size_t size, struct error *err)
{
	struct fresh fresh = {0};
	struct buffer stays;
	int ret;

	note[0] = '\0';
	config_init(&fresh.config);
	buffer_init(&stays, NAMES_BYTES);
	ret = read_all(manager, &fresh, err);
	if (ret == 0)
		change(manager, &fresh, &stays);
	if (buffer_len(&stays) > 0)
		(void)snprintf(note, size,
		    "until the next start, %.*s as "
		    "before",
		    (int)buffer_len(&stays),
		    (const char *)buffer_bytes(&stays));
	if (ret == 0)
		log_info("read again: %zu authorized keys%s%s",
		    authorized_keys_count(manager->keys),
		    note[0] == '\0' ? "" : "; ", note);
	buffer_clear(&stays);
	config_clear(&fresh.config);
	authorized_keys_free(fresh.keys);
	profiles_clear(&fresh.profiles);
	return ret;
}
