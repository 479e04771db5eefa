/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"

/* A pass takes milliseconds; the pids limit ends a race long before this. */
#define PASSES_MAX 256

struct process {
	pid_t pid;
	pid_t parent;
	bool below;  /* in the tree */
	bool alive;  /* some thread of it still runs */
	bool halted; /* was sent SIGSTOP */
};

/* Ascending by pid, which is the order of /proc. */
struct list {
	struct process *items;
	size_t count;
	size_t size;
};

static bool
read_stat(int proc_fd, pid_t pid, struct process *out)
{
	char path[32];
	char text[512];
	const char *rest;
	char state;
	int threads;
	ssize_t len;
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	/* the name before may hold anything, a ')' too */
	rest = strrchr(text, ')');
	if (rest == NULL ||
	    sscanf(rest,
	        ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
	        "%*d %*d %d",
	        &state, &out->parent, &threads) != 3)
		return false;
	out->pid = pid;
	/* a first thread that has ended looks dead while others go on */
	out->alive = (state != 'Z' && state != 'X') || threads > 1;
	return true;
}

static void
add(struct list *list, const struct process *process)
{
	if (list->count == list->size) {
		list->size = list->size == 0 ? 64 : list->size * 2;
		list->items = memory_resize(
		    list->items, list->size * sizeof(*list->items));
	}
	list->items[list->count++] = *process;
}

static int
compare(const void *first, const void *second)
{
	const struct process *a = first;
	const struct process *b = second;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

static struct process *
find(const struct list *list, pid_t pid)
{
	const struct process key = {.pid = pid};

	if (list->count == 0)
		return NULL;
	return bsearch(
	    &key, list->items, list->count, sizeof(*list->items), compare);
}

static int
scan_all(int proc_fd, struct list *list)
{
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	list->count = 0;
	while ((entry = readdir(dir)) != NULL) {
		struct process process = {0};
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && read_stat(proc_fd, (pid_t)pid, &process))
			add(list, &process);
	}
	(void)closedir(dir);
	return 0;
}

static bool
is_spared(const struct tree *tree, pid_t pid)
{
	size_t i;

	for (i = 0; i < tree->spared_count; i++) {
		if (tree->spared[i] == pid)
			return true;
	}
	return false;
}

/* One pass is enough but where a parent has the higher number. */
static void
mark(const struct tree *tree, struct list *list)
{
	bool again = true;
	size_t i;

	while (again) {
		again = false;
		for (i = 0; i < list->count; i++) {
			struct process *process = &list->items[i];
			const struct process *parent;

			if (process->below || is_spared(tree, process->pid))
				continue;
			parent = find(list, process->parent);
			process->below = process->parent == tree->root ||
			                 (parent != NULL && parent->below);
			again = again || process->below;
		}
	}
}

static void
send_signal(const struct tree *tree, const struct process *process, int number)
{
	struct process now;
	autoclose int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);

	/* an orphan's parent is the root; any other change is a new process */
	if (fd < 0 || !read_stat(tree->proc_fd, process->pid, &now) ||
	    (now.parent != process->parent && now.parent != tree->root))
		return;
	(void)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

/* Signal the tree's living; those halted in before are left alone by SIGSTOP.
 * returns how many were signalled. */
static int
signal_list(const struct tree *tree, struct list *list,
    const struct list *before, int number)
{
	int count = 0;
	size_t i;

	for (i = 0; i < list->count; i++) {
		struct process *process = &list->items[i];
		const struct process *was;

		if (!process->below || !process->alive)
			continue;
		was = before == NULL ? NULL : find(before, process->pid);
		process->halted = number == SIGSTOP;
		if (was != NULL && was->halted)
			continue;
		send_signal(tree, process, number);
		count++;
	}
	return count;
}

static int
scan(const struct tree *tree, struct list *list)
{
	if (scan_all(tree->proc_fd, list) != 0)
		return -1;
	mark(tree, list);
	return 0;
}

int
tree_signal(const struct tree *tree, int number)
{
	struct list list = {0};
	int count = scan(tree, &list);

	if (count == 0)
		count = signal_list(tree, &list, NULL, number);
	free(list.items);
	return count;
}

int
tree_kill(const struct tree *tree)
{
	struct list lists[2] = {{0}, {0}};
	int pass = 0;
	int count = 0;

	do {
		struct list *now = &lists[pass % 2];
		const struct list *before = &lists[(pass + 1) % 2];

		count = scan(tree, now);
		if (count == 0)
			count = signal_list(tree, now, before, SIGSTOP);
		pass++;
	} while (count > 0 && pass < PASSES_MAX);
	if (count >= 0)
		count =
		    signal_list(tree, &lists[(pass + 1) % 2], NULL, SIGKILL);
	free(lists[0].items);
	free(lists[1].items);
	return count;
}
