/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of sallyport: one function each, from its own arguments (argv[0]
 * is "sallyport") to an exit status: 0, 1 failed, 2 wrong usage. Faults are
 * said by whoever sees them, on standard error.
 */
#ifndef SERVER_ADMIN_VERB_H
#define SERVER_ADMIN_VERB_H

#include <stdbool.h>

#include "protocol/control.h"

struct error;

enum verb_status { VERB_DONE = 0, VERB_FAILED = 1, VERB_USAGE = 2 };

#define VERB_DIR_DEFAULT "/var/lib/sallyport"

int up_verb(int argc, char **argv);
int down_verb(int argc, char **argv);
int reload_verb(int argc, char **argv);
int upgrade_verb(int argc, char **argv);
int ps_verb(int argc, char **argv);
int create_verb(int argc, char **argv);
int destroy_verb(int argc, char **argv);
int lease_verb(int argc, char **argv);
int recordings_verb(int argc, char **argv);

/* $SALLYPORT_DIR, or VERB_DIR_DEFAULT. */
const char *verb_dir(void);

/* Connect to the gateway of dir, ask once as client_ask does, and say what was
 * refused; an exit status. */
int verb_ask(const char *dir, enum control_type type, union control_body *body,
    void (*on_item)(void *data, union control_body *item), void *data);

/* Say "sallyport: TEXT"; VERB_FAILED. */
int verb_fail(const struct error *err);

/* Whether --help or -h is among the arguments; usage was printed then. */
bool verb_helps(int argc, char **argv, const char *usage);

/*
 * The options of a verb that has only --dir and --help. optind is behind them.
 *   dir      where the gateway is; borrowed from argv or the environment
 *   status   the verb's, when there is nothing left to do
 *   returns  whether the verb goes on
 */
bool verb_takes_dir(
    int argc, char **argv, const char *usage, const char **dir, int *status);

/* Say what a verb's usage is; VERB_USAGE. */
int verb_usage(const char *usage);

/* Say that an argument is one too many, and the usage; VERB_USAGE. */
int verb_surplus(const char *argument, const char *usage);

#endif
