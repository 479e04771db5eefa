/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/signal.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "protocol/error.h"

/*
 * By the kernel's numbers: a process can die of 32 and 33 too, which the C
 * library keeps to itself and SIGRTMIN leaves out.
 */
#define RTMIN 34

static const char *const names[] = {
    [SIGHUP] = "HUP",
    [SIGINT] = "INT",
    [SIGQUIT] = "QUIT",
    [SIGILL] = "ILL",
    [SIGTRAP] = "TRAP",
    [SIGABRT] = "ABRT",
    [SIGBUS] = "BUS",
    [SIGFPE] = "FPE",
    [SIGKILL] = "KILL",
    [SIGUSR1] = "USR1",
    [SIGSEGV] = "SEGV",
    [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE",
    [SIGALRM] = "ALRM",
    [SIGTERM] = "TERM",
    [SIGSTKFLT] = "STKFLT",
    [SIGCHLD] = "CHLD",
    [SIGCONT] = "CONT",
    [SIGSTOP] = "STOP",
    [SIGTSTP] = "TSTP",
    [SIGTTIN] = "TTIN",
    [SIGTTOU] = "TTOU",
    [SIGURG] = "URG",
    [SIGXCPU] = "XCPU",
    [SIGXFSZ] = "XFSZ",
    [SIGVTALRM] = "VTALRM",
    [SIGPROF] = "PROF",
    [SIGWINCH] = "WINCH",
    [SIGIO] = "IO",
    [SIGPWR] = "PWR",
    [SIGSYS] = "SYS",
    [RTMIN - 2] = "RTMIN-2",
    [RTMIN - 1] = "RTMIN-1",
    [RTMIN] = "RTMIN",
    [RTMIN + 1] = "RTMIN+1",
    [RTMIN + 2] = "RTMIN+2",
    [RTMIN + 3] = "RTMIN+3",
    [RTMIN + 4] = "RTMIN+4",
    [RTMIN + 5] = "RTMIN+5",
    [RTMIN + 6] = "RTMIN+6",
    [RTMIN + 7] = "RTMIN+7",
    [RTMIN + 8] = "RTMIN+8",
    [RTMIN + 9] = "RTMIN+9",
    [RTMIN + 10] = "RTMIN+10",
    [RTMIN + 11] = "RTMIN+11",
    [RTMIN + 12] = "RTMIN+12",
    [RTMIN + 13] = "RTMIN+13",
    [RTMIN + 14] = "RTMIN+14",
    [RTMIN + 15] = "RTMIN+15",
    [RTMIN + 16] = "RTMIN+16",
    [RTMIN + 17] = "RTMIN+17",
    [RTMIN + 18] = "RTMIN+18",
    [RTMIN + 19] = "RTMIN+19",
    [RTMIN + 20] = "RTMIN+20",
    [RTMIN + 21] = "RTMIN+21",
    [RTMIN + 22] = "RTMIN+22",
    [RTMIN + 23] = "RTMIN+23",
    [RTMIN + 24] = "RTMIN+24",
    [RTMIN + 25] = "RTMIN+25",
    [RTMIN + 26] = "RTMIN+26",
    [RTMIN + 27] = "RTMIN+27",
    [RTMIN + 28] = "RTMIN+28",
    [RTMIN + 29] = "RTMIN+29",
    [RTMIN + 30] = "RTMIN+30",
};

#define SIGNALS (sizeof(names) / sizeof(*names))

const char *
signal_name(int number)
{
	if (number < 0 || (size_t)number >= SIGNALS)
		return NULL;
	return names[number];
}

int
signal_number(const char *name)
{
	size_t i;

	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (i = 1; i < SIGNALS; i++) {
		if (names[i] != NULL && strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

int
signal_check(const char *name, struct error *err)
{
	if (signal_number(name) < 0)
		return error_set(err, ERROR_INVALID,
		    "\"signal\" is \"%s\", not a signal's name", name);
	return 0;
}
