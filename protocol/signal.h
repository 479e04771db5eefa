/* SPDX-License-Identifier: Apache-2.0 */
/* Signal names without SIG, as RFC 4254 section 6.10 writes them. */
#ifndef PROTOCOL_SIGNAL_H
#define PROTOCOL_SIGNAL_H

struct error;

/* "TERM" for 15; "RTMIN+3" for real-time ones; NULL for what is no signal. */
const char *signal_name(int number);

/* The number of "TERM" or "SIGTERM"; -1 for what is no signal. */
int signal_number(const char *name);

/* ERROR_INVALID unless name, of a member "signal", is a signal's. */
int signal_check(const char *name, struct error *err);

#endif
