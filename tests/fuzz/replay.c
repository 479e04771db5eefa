/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for a fuzz target without a fuzzer: feed it every file of a folder,
 * argv[1] or tests/fuzz/corpus/NAME, and say how many there were.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define INPUT_MAX (16u << 20)

/* In memory of just its size, so that ASan sees one byte too many. */
static int
replay(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *all = malloc(INPUT_MAX);
	uint8_t *bytes;
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (file == NULL || all == NULL) {
		perror(path);
		exit(1);
	}
	len = fread(all, 1, INPUT_MAX, file);
	(void)fclose(file);
	bytes = malloc(len + (len == 0));
	if (bytes == NULL)
		abort();
	memcpy(bytes, all, len);
	free(all);
	(void)LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 1;
}

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char folder[256];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir;

	(void)snprintf(folder, sizeof(folder), "%s%s",
	    argc > 1 ? argv[1] : "tests/fuzz/corpus/",
	    argc > 1       ? ""
	    : name == NULL ? argv[0]
	                   : name + 1);
	dir = opendir(folder);
	if (dir == NULL) {
		perror(folder);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			count += (unsigned)replay(folder, entry->d_name);
	}
	(void)closedir(dir);
	(void)printf("%u inputs\n", count);
	return count == 0;
}
