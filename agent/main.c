/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-agent: the sandbox's init. Descriptor 3 is the link to the keeper;
 * it takes no arguments.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "protocol/error.h"

#define LINK_FD 3

/*
 * The agent's own memory. Subreapers do not inherit it: what passes over the
 * link is none of their business, and a fork has less to copy.
 */
static struct agent *
make_agent(void)
{
	void *memory = mmap(NULL, sizeof(struct agent), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	(void)madvise(memory, sizeof(struct agent), MADV_DONTFORK);
	return memory;
}

int
main(void)
{
	struct error err = {.code = ERROR_NONE};
	struct agent *agent = make_agent();
	int fd;

	if (agent == NULL)
		return 1;
	/* a pipe's end among the first three would get lost on its way to a
	 * command */
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return 1;
	} while (fd <= STDERR_FILENO);
	/* what else was inherited is nobody's here */
	(void)close_range(LINK_FD + 1, ~0u, 0);
	if (agent_open(agent, LINK_FD, &err) == 0 &&
	    agent_serve(agent, &err) == 0)
		return 0;
	(void)fprintf(stderr, "sallyport-agent: %s\n", err.text);
	return 1;
}
