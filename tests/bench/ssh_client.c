/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SSH client for the benchmarks, so that both servers meet the same one:
 *   ssh_client latency HOST PORT USER KEY N COMMAND   exec on one connection
 *   ssh_client connect HOST PORT USER KEY N COMMAND   connect to first byte
 *   ssh_client rate    HOST PORT USER KEY SECONDS -   connect and authenticate
 *   ssh_client idle    HOST PORT USER KEY N -         hold until stdin ends
 * latency and connect print one time in microseconds a line; rate prints
 * connections a second; idle prints "held N" and then waits.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libssh/libssh.h>

struct target {
	const char *host;
	const char *port;
	const char *user;
	const char *key;
	long count;
	const char *command;
};

static double
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
die(const char *what, ssh_session session)
{
	(void)fprintf(stderr, "ssh_client: %s: %s\n", what,
	    session == NULL ? "-" : ssh_get_error(session));
	exit(1);
}

static ssh_session
open_session(const struct target *target, ssh_key key)
{
	ssh_session session = ssh_new();
	int no = 0;
	int yes = 1;

	if (session == NULL)
		die("ssh_new", NULL);
	(void)ssh_options_set(session, SSH_OPTIONS_HOST, target->host);
	(void)ssh_options_set(session, SSH_OPTIONS_PORT_STR, target->port);
	(void)ssh_options_set(session, SSH_OPTIONS_USER, target->user);
	(void)ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	(void)ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes);
	(void)ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	(void)ssh_options_set(
	    session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	if (ssh_connect(session) != SSH_OK)
		die("connect", session);
	if (ssh_userauth_publickey(session, NULL, key) != SSH_AUTH_SUCCESS)
		die("authenticate", session);
	return session;
}

static void
close_session(ssh_session session)
{
	ssh_disconnect(session);
	ssh_free(session);
}

/* Run the command; the time to its first byte, or to its end without one. */
static double
run(ssh_session session, const char *command, bool to_first_byte)
{
	double start = now_us();
	double first = 0;
	ssh_channel channel = ssh_channel_new(session);
	char bytes[4096];
	int got;

	if (channel == NULL || ssh_channel_open_session(channel) != SSH_OK ||
	    ssh_channel_request_exec(channel, command) != SSH_OK)
		die("exec", session);
	while ((got = ssh_channel_read(channel, bytes, sizeof(bytes), 0)) > 0) {
		if (first == 0)
			first = now_us() - start;
	}
	if (ssh_channel_get_exit_status(channel) != 0)
		die("exit status", session);
	(void)ssh_channel_close(channel);
	ssh_channel_free(channel);
	return to_first_byte && first > 0 ? first : now_us() - start;
}

static void
bench_latency(const struct target *target, ssh_key key)
{
	ssh_session session = open_session(target, key);
	long i;

	for (i = 0; i < target->count; i++)
		(void)printf("%.1f\n", run(session, target->command, false));
	close_session(session);
}

static void
bench_connect(const struct target *target, ssh_key key)
{
	long i;

	for (i = 0; i < target->count; i++) {
		double start = now_us();
		ssh_session session = open_session(target, key);
		double opened = now_us() - start;

		(void)printf(
		    "%.1f\n", opened + run(session, target->command, true));
		close_session(session);
	}
}

static void
bench_rate(const struct target *target, ssh_key key)
{
	double start = now_us();
	double end = start + (double)target->count * 1e6;
	long opened = 0;

	for (; now_us() < end; opened++)
		close_session(open_session(target, key));
	(void)printf("%.1f\n", (double)opened * 1e6 / (now_us() - start));
}

static void
bench_idle(const struct target *target, ssh_key key)
{
	ssh_session *sessions =
	    calloc((size_t)target->count, sizeof(ssh_session));
	char byte;
	long i;

	if (sessions == NULL)
		die("memory", NULL);
	for (i = 0; i < target->count; i++)
		sessions[i] = open_session(target, key);
	(void)printf("held %ld\n", target->count);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (i = 0; i < target->count; i++)
		close_session(sessions[i]);
	free(sessions);
}

static const struct mode {
	const char *name;
	void (*run)(const struct target *target, ssh_key key);
} modes[] = {
    {"latency", bench_latency},
    {"connect", bench_connect},
    {"rate", bench_rate},
    {"idle", bench_idle},
};

int
main(int argc, char **argv)
{
	struct target target;
	ssh_key key = NULL;
	size_t i;

	if (argc != 8) {
		(void)fprintf(stderr, "usage: ssh_client MODE HOST PORT USER "
		                      "KEY COUNT COMMAND\n");
		return 2;
	}
	target = (struct target){argv[2], argv[3], argv[4], argv[5],
	    strtol(argv[6], NULL, 10), argv[7]};
	if (ssh_pki_import_privkey_file(target.key, NULL, NULL, NULL, &key) !=
	    SSH_OK)
		die("key", NULL);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) == 0)
			modes[i].run(&target, key);
	}
	ssh_key_free(key);
	return 0;
}
