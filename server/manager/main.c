/* SPDX-License-Identifier: Apache-2.0 */
/* sallyportd: the manager. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "server/common/config.h"
#include "server/common/log.h"
#include "server/manager/manager.h"

#define USAGE                                                             \
	"usage: sallyportd [-t] [--dir DIR] [--port N] [--config FILE]\n" \
	"       sallyportd --down [--dir DIR]\n"

#define PRINT_BYTES_MAX (1u << 20)

struct arguments {
	const char *dir;
	const char *file; /* NULL: DIR/config.json, if it is there */
	long port;        /* -1: the configuration's */
	bool test;
	bool down;
	bool help;
	bool version;
};

static int
parse_port(const char *text, long *out)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || port < 0 || port > 65535) {
		(void)fprintf(stderr,
		    "sallyportd: port \"%s\" is not 0 to 65535\n", text);
		return -1;
	}
	*out = port;
	return 0;
}

static int
parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {"port", required_argument, NULL, 'p'},
	    {"config", required_argument, NULL, 'c'},
	    {"test", no_argument, NULL, 't'},
	    {"down", no_argument, NULL, 'D'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int option, ret = 0;

	while ((option = getopt_long(argc, argv, "d:p:c:thV", options, NULL)) !=
	       -1) {
		if (option == 'd')
			arguments->dir = optarg;
		else if (option == 'p')
			ret |= parse_port(optarg, &arguments->port);
		else if (option == 'c')
			arguments->file = optarg;
		else if (option == 't')
			arguments->test = true;
		else if (option == 'D')
			arguments->down = true;
		else if (option == 'h')
			arguments->help = true;
		else if (option == 'V')
			arguments->version = true;
		else
			ret = -1;
	}
	if (ret == 0 && optind < argc) {
		(void)fprintf(stderr,
		    "sallyportd: \"%s\" is not expected here\n", argv[optind]);
		ret = -1;
	}
	return ret;
}

static int
print(const struct config *config, struct error *err)
{
	struct buffer text;
	int ret;

	buffer_init(&text, PRINT_BYTES_MAX);
	ret = config_print(config, &text, err);
	if (ret == 0)
		(void)fwrite(buffer_bytes(&text), 1, buffer_len(&text), stdout);
	buffer_clear(&text);
	return ret;
}

/* A task takes a few descriptors, and there may be thousands. */
static void
raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		log_warning("limit of descriptors: %s", strerror(errno));
}

static int
run(const struct arguments *arguments, struct error *err)
{
	struct settings settings;
	int ret = settings_open(
	    &settings, arguments->dir, arguments->file, arguments->port, err);

	if (ret == 0 && arguments->test)
		ret = print(&settings.config, err);
	else if (ret == 0 && geteuid() != 0)
		ret = error_set(err, ERROR_DENIED,
		    "sallyportd makes sandboxes, which takes root");
	else if (ret == 0) {
		log_open(
		    "sallyportd", (enum log_level)settings.config.log_level);
		raise_limits();
		ret = arguments->down
		          ? manager_run_down(&settings, arguments->dir, err)
		          : manager_run(&settings, arguments->dir, err);
	}
	settings_clear(&settings);
	return ret;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {.port = -1};
	struct error err = {0};

	arguments.dir = getenv("SALLYPORT_DIR");
	if (arguments.dir == NULL)
		arguments.dir = "/var/lib/sallyport";
	if (parse(argc, argv, &arguments) != 0) {
		(void)fputs(USAGE, stderr);
		return 2;
	}
	if (arguments.help || arguments.version) {
		(void)fputs(arguments.help ? USAGE
		                           : "sallyport " SALLYPORT_VERSION
		                             "\n",
		    stdout);
		return 0;
	}
	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	if (run(&arguments, &err) != 0) {
		(void)fprintf(stderr, "sallyportd: %s\n", err.text);
		return 1;
	}
	return 0;
}
