/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/seccomp_filter.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#include <seccomp.h>

#include "protocol/error.h"

/* What libuv, json-c, libssh and OpenSSL do on sockets that exist already. No
 * file is opened, no socket made, no program started. */
static const char *const base[] = {
    /* descriptors */
    "read", "readv", "pread64", "write", "writev", "pwrite64", "close",
    "close_range", "dup", "dup2", "dup3", "fcntl", "fstat", "newfstatat",
    "lseek", "pipe2", "eventfd2",
    /* sockets */
    "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg",
    "accept", "accept4", "shutdown", "getsockopt", "setsockopt", "getsockname",
    "getpeername",
    /* waiting */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "poll", "ppoll", "select", "pselect6", "nanosleep", "clock_nanosleep",
    "restart_syscall", "pause",
    /* memory, but see add_arguments() */
    "brk", "munmap", "mremap", "madvise", "futex", "membarrier",
    /* time, chance, and who am I */
    "clock_gettime", "clock_getres", "gettimeofday", "time", "times",
    "getrandom", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getrusage", "getrlimit", "sysinfo",
    "uname", "getcpu",
    /* signals, threads, the end */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
    "rt_sigtimedwait", "sigaltstack", "tgkill", "set_robust_list", "rseq",
    "sched_yield", "sched_getaffinity", "set_tid_address", "exit", "exit_group",
    NULL};

/* Nobody but an intruder would: the process is lost, so it ends. */
static const char *const hostile[] = {"execve", "execveat", "ptrace",
    "process_vm_readv", "process_vm_writev", "mount", "umount2", "pivot_root",
    "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "setns", "unshare", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
    "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key",
    "open_by_handle_at", "iopl", "ioperm", "io_uring_setup", "swapon",
    "swapoff", "acct", "settimeofday", "clock_settime", "sethostname",
    "setdomainname", "personality", "quotactl", "syslog", NULL};

#ifdef __SANITIZE_ADDRESS__
/* The sanitizer reads its own maps, and at the end a process that shares this
 * one's memory traces it and looks for leaks. Only a test build has it. */
static const char *const sanitizer[] = {"openat", "open", "readlink",
    "readlinkat", "stat", "access", "mmap", "mprotect", "getdents64", "clone",
    "wait4", "prctl", "prlimit64", "sched_setaffinity", "ptrace", NULL};
#else
static const char *const sanitizer[] = {NULL};
#endif

static int
refused(int rc, const char *name, struct error *err)
{
	errno = -rc;
	return error_sys(err, "cannot filter %s: %s", name, strerror(-rc));
}

static int
is_in(const char *name, const char *const *names)
{
	for (; *names != NULL; names++) {
		if (strcmp(name, *names) == 0)
			return 1;
	}
	return 0;
}

static int
add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names,
    struct error *err)
{
	int number;
	int rc;

	for (; *names != NULL; names++) {
		if (action != SCMP_ACT_ALLOW && is_in(*names, sanitizer))
			continue;
		number = seccomp_syscall_resolve_name(*names);
		/* negative: another architecture's, such as x86's time */
		if (number == __NR_SCMP_ERROR)
			return error_set(
			    err, ERROR_BUG, "\"%s\" is no system call", *names);
		if (number < 0)
			continue;
		rc = seccomp_rule_add(filter, action, number, 0);
		if (rc != 0)
			return refused(rc, *names, err);
	}
	return 0;
}

/* Memory is never both written and run, a new thread is no new process, limits
 * are read, not set, and of a terminal only the state is asked: what is pushed
 * into one (TIOCSTI) would be typed into the admin's shell. */
static int
add_arguments(scmp_filter_ctx filter, struct error *err)
{
	static const struct {
		const char *name;
		uint32_t action;
		unsigned argument;
		uint64_t mask;
		uint64_t value;
	} rules[] = {
	    {"mmap", SCMP_ACT_ALLOW, 2, PROT_EXEC, 0},
	    {"mprotect", SCMP_ACT_ALLOW, 2, PROT_EXEC, 0},
	    {"clone", SCMP_ACT_ALLOW, 0, CLONE_THREAD, CLONE_THREAD},
	    {"prlimit64", SCMP_ACT_ALLOW, 2, UINT64_MAX, 0},
	    /* its flags lie in memory: the C library then takes clone */
	    {"ioctl", SCMP_ACT_ALLOW, 1, UINT32_MAX, FIONBIO},
	    {"ioctl", SCMP_ACT_ALLOW, 1, UINT32_MAX, FIONREAD},
	    {"ioctl", SCMP_ACT_ALLOW, 1, UINT32_MAX, FIOCLEX},
	    {"ioctl", SCMP_ACT_ALLOW, 1, UINT32_MAX, TCGETS},
	    {"ioctl", SCMP_ACT_ALLOW, 1, UINT32_MAX, TIOCGWINSZ},
	    {"clone3", SCMP_ACT_ERRNO(ENOSYS), 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		int number = seccomp_syscall_resolve_name(rules[i].name);
		int rc;

		if (is_in(rules[i].name, sanitizer))
			continue;
		rc = seccomp_rule_add(filter, rules[i].action, number,
		    rules[i].mask == 0 ? 0 : 1,
		    SCMP_CMP64(rules[i].argument, SCMP_CMP_MASKED_EQ,
		        rules[i].mask, rules[i].value));
		if (rc != 0)
			return refused(rc, rules[i].name, err);
	}
	return 0;
}

static int
load(scmp_filter_ctx filter, const char *const *extra, struct error *err)
{
	int rc;

	if (add_names(filter, SCMP_ACT_ALLOW, base, err) != 0 ||
	    add_names(filter, SCMP_ACT_ALLOW, sanitizer, err) != 0 ||
	    (extra != NULL &&
	        add_names(filter, SCMP_ACT_ALLOW, extra, err) != 0) ||
	    add_names(filter, SCMP_ACT_KILL_PROCESS, hostile, err) != 0 ||
	    add_arguments(filter, err) != 0)
		return -1;
	/* a call through another architecture's door has other numbers */
	rc = seccomp_attr_set(
	    filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* a tree: what each call costs does not grow with the list */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_load(filter);
	return rc == 0 ? 0 : refused(rc, "the process", err);
}

int
seccomp_filter_load(const char *const *extra, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (filter == NULL)
		return error_set(err, ERROR_SYSTEM, "no filter was made");
	result = load(filter, extra, err);
	seccomp_release(filter);
	return result;
}
