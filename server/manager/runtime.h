/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an OCI runtime's command line, waited for. */
#ifndef SERVER_MANAGER_RUNTIME_H
#define SERVER_MANAGER_RUNTIME_H

#include <stddef.h>

struct error;

#define RUNTIME_WAIT_MS 10000

struct runtime_call {
	const char *program;
	const char *state; /* folder: --root */
	const char *log;   /* file: --log; its last line is the error's text */
	const char *null;  /* the call's standard descriptors */
	int link_fd;       /* becomes descriptor 3 of the container; -1: none */
	int lock_fd;       /* stays open in the runtime; -1: none */
};

/*
 * Run "program --root ... VERB ARGS".
 *   args     NULL-terminated: the verb and what follows it
 *   returns  0, or -1 ERROR_SYSTEM: it could not be started, ended with
 *            another status than 0, or took longer than RUNTIME_WAIT_MS and
 *            was killed
 */
int runtime_run(const struct runtime_call *call, const char *const *args,
    struct error *err);

/*
 * The message of the last line of a runtime's log.
 *   text     filled with as much of its end as fits; "" when there is none
 */
void runtime_last_message(const char *log, char *text, size_t size);

#endif
