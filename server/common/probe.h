/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do: what "sallyport doctor" says. */
#ifndef SERVER_COMMON_PROBE_H
#define SERVER_COMMON_PROBE_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define PROBE_TEXT_BYTES    256
#define PROBE_FINDINGS_MAX  32
#define PROBE_VERSION_BYTES 32

enum probe_state {
	PROBE_GOOD = 0,
	PROBE_NOTE, /* weaker than it could be, or one feature less */
	PROBE_BAD,  /* no sandbox can run like this */
	PROBE_STATES
};

/* "good", "note", "bad". */
extern const char *const probe_state_names[PROBE_STATES];

struct finding {
	const char *name; /* "cgroups" */
	enum probe_state state;
	char says[PROBE_TEXT_BYTES]; /* what is there and what it means */
	char mend[PROBE_TEXT_BYTES]; /* what to do; empty: nothing */
};

struct probe_version {
	unsigned major, minor, patch;
	char text[PROBE_VERSION_BYTES]; /* "1.1.5" */
};

struct probe_runtime {
	const char *name; /* "runc" */
	char path[PROBE_TEXT_BYTES];
	struct probe_version version;
};

/* Runtimes that can be asked for, the first that works being what "auto" is;
 * NULL-terminated. */
extern const char *const probe_runtimes[];

/*
 * Find a runtime in the usual folders and ask its version, which proves that
 * it runs.
 *   name     one of probe_runtimes, or another to be reported only ("runsc")
 *   returns  0, or -1: ERROR_NOT_FOUND, ERROR_SYSTEM (does not run)
 */
int probe_find_runtime(
    const char *name, struct probe_runtime *out, struct error *err);

/* The first "N.N[.N]" in the text of --version; -1 when there is none. */
int probe_parse_version(const char *text, struct probe_version *out);

/*
 * Which known holes a version does not have fixed.
 *   text     filled with their names, separated by blanks; "" for none
 */
void probe_missing_fixes(const char *runtime,
    const struct probe_version *version, char *text, size_t size);

/*
 * Look at everything but the runtimes' real runs.
 *   returns  how many findings were filled in
 */
size_t probe_machine(struct finding findings[PROBE_FINDINGS_MAX]);

#endif
