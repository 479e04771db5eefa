/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: a code to branch on, an errno, and one line for a person.
 */
#ifndef PROTOCOL_ERROR_H
#define PROTOCOL_ERROR_H

enum error_code {
	ERROR_NONE = 0,
	ERROR_INVALID,   /* the peer or the file said something we refuse */
	ERROR_LIMIT,     /* a quota or a size limit was reached */
	ERROR_NOT_FOUND, /* no such task, exec, profile, file */
	ERROR_DENIED,    /* this principal may not */
	ERROR_STATE,     /* not now: the task or exec is in the wrong state */
	ERROR_SYSTEM,    /* a system call failed; error.sys holds errno */
	ERROR_BUG,       /* we broke our own rules */
	ERROR_CODES
};

struct error {
	enum error_code code;
	int sys;        /* errno, or 0 */
	char text[192]; /* UTF-8 without control bytes; safe to log */
};

/*
 * Fill err and return -1, so that a failing function ends in
 * "return error_set(...)". err may be NULL: the caller wants only the -1.
 */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * As error_set with ERROR_SYSTEM and errno as it stands on entry. Its reason is
 * put behind the text, unless the text ends in it.
 */
int error_sys(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "what: " before the text already in err. Returns -1. */
int error_wrap(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The code as it goes over a wire: "invalid", "limit", "not_found", "denied",
 * "state", "system", "internal". Never NULL.
 */
const char *error_code_name(enum error_code code);

/* The code of a name from a wire; ERROR_BUG for one that is unknown. */
enum error_code error_code_named(const char *name);

#endif
