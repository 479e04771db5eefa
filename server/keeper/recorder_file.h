/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a recording: whole lines, but for the last while the disk is
 * full. */
#ifndef SERVER_KEEPER_RECORDER_FILE_H
#define SERVER_KEEPER_RECORDER_FILE_H

#include <stdint.h>

struct buffer;
struct error;
struct exec;

struct recorder_file {
	int fd;           /* owned; -1: closed */
	uint64_t written; /* bytes of it */
	uint64_t whole;   /* ... up to the end of a line */
};

/* What is left of a line, and no disk to put it on. */
enum recorder_write {
	RECORDER_WRITTEN = 0, /* all of it */
	RECORDER_FULL,        /* the disk is full: the rest may go later */
	RECORDER_FAILED,      /* it never will */
	RECORDER_WRITES
};

/* A new file for an exec. -1 ERROR_SYSTEM. */
int recorder_file_make(
    struct recorder_file *file, const struct exec *exec, struct error *err);

/* The file of an exec, cut to a size that it had. -1: ERROR_SYSTEM,
 * ERROR_INVALID (it is no such file, or smaller). */
int recorder_file_reopen(struct recorder_file *file, const struct exec *exec,
    uint64_t size, struct error *err);

/* Write what lines has and drop from it what was written. */
enum recorder_write recorder_file_write(
    struct recorder_file *file, struct buffer *lines, struct error *err);

/* Cut off what is not a whole line, and close it. */
void recorder_file_close(struct recorder_file *file);

#endif
