/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-launch: started by the manager for one sandbox's beginning or end,
 * in the task's bundle (launch.h says what it does), and by "sallyport doctor"
 * to try a runtime.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/manager/launch.h"
#include "server/manager/trial.h"

static int
create(const struct launch_job *job, struct error *err)
{
	if (job == NULL)
		return -1;
	return launch_create(job, LAUNCH_LINK_FD, err);
}

static const struct verb {
	const char *name;
	int (*run)(const struct launch_job *job, struct error *err);
} verbs[] = {
    {"create", create},
    {"destroy", launch_destroy},
};

/* Every verb gets the job, or NULL and err saying why there is none. */
static int
run(const struct verb *verb, struct error *err)
{
	struct launch_job job;
	int ret = launch_job_read(&job, err);

	if (ret == 0)
		ret = verb->run(&job, err);
	else if (err->code == ERROR_NOT_FOUND)
		ret = verb->run(NULL, err);
	json_clear(&launch_job_shape, &job);
	return ret;
}

static int
run_verb(const char *name)
{
	struct error err = {0};
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		(void)fcntl(LAUNCH_REPORT_FD, F_SETFD, FD_CLOEXEC);
		if (run(&verbs[i], &err) == 0)
			return 0;
		(void)dprintf(LAUNCH_REPORT_FD, "%s", err.text);
		return 1;
	}
	return 2;
}

/* try RUNTIME FOLDER AGENT: says how long it took, or what is wrong. */
static int
run_trial(const char *runtime, const char *folder, const char *agent)
{
	struct error err = {0};
	autofree char *where = realpath(folder, NULL);
	long hello_ms;

	if (where == NULL)
		(void)error_sys(&err, "%s", folder);
	else if (trial_run(runtime, where, agent, &hello_ms, &err) == 0) {
		(void)printf("%ld\n", hello_ms);
		return 0;
	}
	(void)printf("%s\n", err.text);
	return 1;
}

int
main(int argc, char **argv)
{
	int status = 2;

	/* what a sandbox sees has the modes that are written in the code */
	(void)umask(022);
	if (argc == 2)
		status = run_verb(argv[1]);
	else if (argc == 5 && strcmp(argv[1], "try") == 0)
		return run_trial(argv[2], argv[3], argv[4]);
	if (status == 2)
		(void)fprintf(stderr, "sallyport-launch is started by "
		                      "sallyportd, in a task's bundle\n");
	return status;
}
