/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/probe.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/capture.h"

#define VERSION_WAIT_MS 3000
#define OUTPUT_BYTES    1024
#define FIXED_MAX       3

const char *const probe_runtimes[] = {"runc", "crun", NULL};

/* Not $PATH: what runs as root is not found by what the caller's shell says. */
static const char *const folders[] = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"};

struct number {
	unsigned major, minor, patch;
};

/*
 * From the projects' own changelogs and advisories. Not CVE-2024-21626 (runc
 * 1.1.12): Debian 12 has it fixed under the number 1.1.5.
 */
static const struct hole {
	const char *runtime;
	const char *name;
	struct number since;
	struct number fixed[FIXED_MAX]; /* one for each series, oldest first */
} holes[] = {
    {"runc", "CVE-2024-45310", {1, 0, 0}, {{1, 1, 14}, {1, 2, 0}}},
    {"runc", "CVE-2025-31133", {1, 0, 0}, {{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}},
    {"runc", "CVE-2025-52565", {1, 0, 0}, {{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}},
    {"runc", "CVE-2025-52881", {1, 0, 0}, {{1, 2, 8}, {1, 3, 3}, {1, 4, 0}}},
    {"runc", "CVE-2026-41579", {1, 0, 0}, {{1, 3, 6}, {1, 4, 3}, {1, 5, 0}}},
    {"crun", "CVE-2026-30892", {1, 19, 0}, {{1, 27, 0}}},
    {"crun", "CVE-2026-47766", {1, 0, 0}, {{1, 28, 0}}},
};

int
probe_parse_version(const char *text, struct probe_version *out)
{
	struct probe_version version = {0};
	int count = 0;

	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			continue;
		count = sscanf(text, "%9u.%9u.%9u", &version.major,
		    &version.minor, &version.patch);
		if (count >= 2)
			break;
		/* a number without a dot: past it */
		while (isdigit((unsigned char)text[1]))
			text++;
	}
	if (*text == '\0')
		return -1;
	if (count == 2)
		version.patch = 0;
	(void)snprintf(version.text, sizeof(version.text), "%.*s",
	    (int)strspn(text, "0123456789."), text);
	*out = version;
	return 0;
}

static int
compare(const struct probe_version *version, const struct number *number)
{
	const unsigned left[] = {
	    version->major, version->minor, version->patch};
	const unsigned right[] = {number->major, number->minor, number->patch};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	}
	return 0;
}

/* Fixed in its own series, or newer than every series that needed a fix. */
static bool
is_fixed(const struct hole *hole, const struct probe_version *version)
{
	size_t i;

	if (compare(version, &hole->since) < 0)
		return true;
	for (i = 0; i < FIXED_MAX && hole->fixed[i].major != 0; i++) {
		bool is_last =
		    i + 1 == FIXED_MAX || hole->fixed[i + 1].major == 0;

		if (compare(version, &hole->fixed[i]) >= 0 &&
		    (is_last || version->minor == hole->fixed[i].minor))
			return true;
	}
	return false;
}

void
probe_missing_fixes(const char *runtime, const struct probe_version *version,
    char *text, size_t size)
{
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		if (strcmp(holes[i].runtime, runtime) != 0 ||
		    is_fixed(&holes[i], version) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s",
		    used == 0 ? "" : " ", holes[i].name);
	}
}

int
probe_find_runtime(
    const char *name, struct probe_runtime *out, struct error *err)
{
	const char *argv[] = {NULL, "--version", NULL};
	char text[OUTPUT_BYTES];
	int status;
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(
		    out->path, sizeof(out->path), "%s/%s", folders[i], name);
		if (access(out->path, X_OK) == 0)
			break;
	}
	if (i == sizeof(folders) / sizeof(folders[0]))
		return error_set(
		    err, ERROR_NOT_FOUND, "%s is not installed", name);
	argv[0] = out->path;
	if (capture_run(
	        argv, VERSION_WAIT_MS, text, sizeof(text), &status, err) != 0)
		return -1;
	if (status != 0)
		return error_set(
		    err, ERROR_SYSTEM, "%s --version does not work", out->path);
	if (probe_parse_version(text, &out->version) != 0)
		return error_set(err, ERROR_SYSTEM,
		    "%s --version names no version", out->path);
	out->name = name;
	return 0;
}
