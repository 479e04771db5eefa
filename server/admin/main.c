/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport: the local admin's command. */
#include <stdio.h>
#include <string.h>

#include "server/admin/doctor.h"
#include "server/admin/image_command.h"
#include "server/admin/verb.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
    {"up", up_verb, "serve a folder, in the foreground"},
    {"down", down_verb, "end a gateway and everything it made"},
    {"reload", reload_verb, "read configuration, keys and profiles again"},
    {"upgrade", upgrade_verb, "go on as the programs that are installed now"},
    {"ps", ps_verb, "list tasks"},
    {"create", create_verb, "make a task and print its id"},
    {"destroy", destroy_verb, "end tasks and everything of them"},
    {"lease", lease_verb, "keep an idle task for a while"},
    {"recordings", recordings_verb, "list recordings of terminals"},
    {"image", image_command, "import, list and remove images"},
    {"doctor", doctor_command, "say what this machine can do"},
};

static void
print_help(FILE *out)
{
	size_t i;

	(void)fputs("usage: sallyport VERB [--dir DIR] ...\n\n", out);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		(void)fprintf(
		    out, "  %-10s  %s\n", verbs[i].name, verbs[i].help);
	(void)fputs("\nDIR is $SALLYPORT_DIR, or " VERB_DIR_DEFAULT
	            ", unless it is given.\n",
	    out);
}

int
main(int argc, char **argv)
{
	static char self[] = "sallyport"; /* what getopt's faults begin with */
	char *verb = argv[1];
	size_t i;

	if (argc < 2) {
		print_help(stderr);
		return VERB_USAGE;
	}
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 ||
	    strcmp(verb, "help") == 0) {
		print_help(stdout);
		return VERB_DONE;
	}
	if (strcmp(verb, "--version") == 0) {
		(void)puts("sallyport " SALLYPORT_VERSION);
		return VERB_DONE;
	}
	argv[1] = self;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	(void)fprintf(stderr, "sallyport: no verb \"%s\"; see --help\n", verb);
	return VERB_USAGE;
}
