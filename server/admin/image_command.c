/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/image_command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/admin/verb.h"
#include "server/common/image.h"
#include "server/common/image_import.h"

#define IMAGE_USAGE                                          \
	"image [--dir DIR] list | import NAME FOLDER|TAR | " \
	"remove NAME"

static int
list(const char *dir, char **args)
{
	struct error err;
	struct image image;
	char **names;
	size_t i;

	(void)args;
	if (image_list(dir, &names, &err) != 0)
		return verb_fail(&err);
	if (names[0] != NULL)
		(void)printf("%-24s %-21s %-8s %s\n", "NAME", "IMPORTED",
		    "USER", "SOURCE");
	for (i = 0; names[i] != NULL; i++) {
		if (image_find(dir, names[i], &image, &err) != 0) {
			(void)verb_fail(&err);
			continue;
		}
		(void)printf("%-24s %-21s %-8s %s\n", image.name,
		    image.imported, image.user, image.source);
		image_clear(&image);
	}
	memory_vector_free(names);
	return VERB_DONE;
}

static int
import(const char *dir, char **args)
{
	struct error err;
	struct stat stat_of;

	/* before the first "up" too; the rest of it is up's to make */
	if (stat(dir, &stat_of) != 0 && mkdir(dir, 0711) != 0) {
		(void)error_sys(&err, "%s", dir);
		return verb_fail(&err);
	}
	if (image_import(dir, args[0], args[1], &err) != 0)
		return verb_fail(&err);
	return VERB_DONE;
}

static int
discard(const char *dir, char **args)
{
	struct error err;

	if (image_remove(dir, args[0], &err) != 0)
		return verb_fail(&err);
	return VERB_DONE;
}

static const struct {
	const char *name;
	int args;
	int (*run)(const char *dir, char **args);
} actions[] = {
    {"list", 0, list},
    {"import", 2, import},
    {"remove", 1, discard},
};

int
image_command(int argc, char **argv)
{
	static const struct option options[] = {
	    {"dir", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0},
	};
	const char *dir = verb_dir();
	int option;
	size_t i;

	if (verb_helps(argc, argv, IMAGE_USAGE))
		return VERB_DONE;
	while ((option = getopt_long(argc, argv, "d:", options, NULL)) != -1) {
		if (option != 'd')
			return verb_usage(IMAGE_USAGE);
		dir = optarg;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (argc - optind == 1 + actions[i].args &&
		    strcmp(argv[optind], actions[i].name) == 0)
			return actions[i].run(dir, argv + optind + 1);
	}
	return verb_usage(IMAGE_USAGE);
}
