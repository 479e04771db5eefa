/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that no command gets, whatever its user: the ways to new
 * namespaces and mounts, to kernel modules, tracing and keys, and the socket
 * families behind which the kernel's rarely used code lies.
 */
#include "server/manager/bundle.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "protocol/buffer.h"

#if defined(__x86_64__)
#define ARCHITECTURE "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "SCMP_ARCH_AARCH64"
#else
#error "no seccomp architecture for this machine"
#endif

#define ARGS_MAX 2

struct argument {
	unsigned index;
	const char *op; /* NULL: none */
	uint64_t value; /* of SCMP_CMP_MASKED_EQ the mask */
	uint64_t equals;
};

struct rule {
	const char *names; /* quoted, with commas between */
	int sys;           /* what it fails with */
	struct argument args[ARGS_MAX];
};

#define SOCKETS "\"socket\",\"socketpair\""

#define NO_FAMILY(op, family)                                \
	{                                                    \
		SOCKETS, EAFNOSUPPORT,                       \
		{                                            \
			{                                    \
				0, "SCMP_CMP_" op, family, 0 \
			}                                    \
		}                                            \
	}
#define NO_CLONE(flag)                                              \
	{                                                           \
		"\"clone\"", EPERM,                                 \
		{                                                   \
			{                                           \
				0, "SCMP_CMP_MASKED_EQ", flag, flag \
			}                                           \
		}                                                   \
	}

/*
 * The kernel looks at the low 32 bits of a family or an ioctl's number, a
 * filter at all 64: an equality alone is passed by setting a high bit. Hence
 * GT for everything from AF_NETLINK on, and a mask for the ioctl.
 */
static const struct rule rules[] = {
    {"\"unshare\",\"setns\",\"mount\",\"umount2\",\"move_mount\","
     "\"open_tree\",\"open_tree_attr\",\"fsopen\",\"fsconfig\",\"fsmount\","
     "\"fspick\",\"mount_setattr\",\"pivot_root\",\"chroot\",\"swapon\","
     "\"swapoff\",\"reboot\",\"acct\",\"quotactl\",\"quotactl_fd\","
     "\"syslog\",\"settimeofday\",\"clock_settime\",\"clock_adjtime\","
     "\"adjtimex\",\"iopl\",\"ioperm\",\"kexec_load\",\"kexec_file_load\","
     "\"init_module\",\"finit_module\",\"delete_module\",\"bpf\","
     "\"perf_event_open\",\"userfaultfd\",\"add_key\",\"request_key\","
     "\"keyctl\",\"open_by_handle_at\",\"name_to_handle_at\","
     "\"process_vm_readv\",\"process_vm_writev\",\"kcmp\",\"vmsplice\","
     "\"nfsservctl\",\"lookup_dcookie\",\"vhangup\"",
        EPERM, {{0}}},
    /* ENOSYS: the C library then takes the older call, which can be looked
     * into */
    {"\"io_uring_setup\",\"io_uring_enter\",\"io_uring_register\","
     "\"clone3\"",
        ENOSYS, {{0}}},
    NO_CLONE(CLONE_NEWNS),
    NO_CLONE(CLONE_NEWCGROUP),
    NO_CLONE(CLONE_NEWUTS),
    NO_CLONE(CLONE_NEWIPC),
    NO_CLONE(CLONE_NEWUSER),
    NO_CLONE(CLONE_NEWPID),
    NO_CLONE(CLONE_NEWNET),
    NO_FAMILY("EQ", AF_UNSPEC),
    NO_FAMILY("EQ", AF_AX25),
    NO_FAMILY("EQ", AF_IPX),
    NO_FAMILY("EQ", AF_APPLETALK),
    NO_FAMILY("EQ", AF_NETROM),
    NO_FAMILY("EQ", AF_BRIDGE),
    NO_FAMILY("EQ", AF_ATMPVC),
    NO_FAMILY("EQ", AF_X25),
    NO_FAMILY("EQ", AF_ROSE),
    NO_FAMILY("EQ", AF_DECnet),
    NO_FAMILY("EQ", AF_NETBEUI),
    NO_FAMILY("EQ", AF_SECURITY),
    NO_FAMILY("EQ", AF_KEY),
    NO_FAMILY("GT", AF_NETLINK),
    {"\"socket\"", EAFNOSUPPORT,
        {{0, "SCMP_CMP_EQ", AF_NETLINK, 0},
            {2, "SCMP_CMP_NE", NETLINK_ROUTE, 0}}},
    {"\"ioctl\"", EPERM, {{1, "SCMP_CMP_MASKED_EQ", UINT32_MAX, TIOCSTI}}},
};

static int
write_rule(const struct rule *rule, struct buffer *out, struct error *err)
{
	const struct argument *arg;
	size_t i;

	if (buffer_printf(out, err,
	        "{\"names\":[%s],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d",
	        rule->names, rule->sys) != 0)
		return -1;
	for (i = 0; i < ARGS_MAX && rule->args[i].op != NULL; i++) {
		arg = &rule->args[i];
		if (buffer_printf(out, err,
		        "%s{\"index\":%u,\"op\":\"%s\",\"value\":%llu,"
		        "\"valueTwo\":%llu}",
		        i == 0 ? ",\"args\":[" : ",", arg->index, arg->op,
		        (unsigned long long)arg->value,
		        (unsigned long long)arg->equals) != 0)
			return -1;
	}
	return buffer_printf(out, err, i == 0 ? "}" : "]}");
}

int
bundle_write_seccomp(struct buffer *out, struct error *err)
{
	size_t i;

	if (buffer_printf(out, err,
	        "{\"defaultAction\":\"SCMP_ACT_ALLOW\","
	        "\"architectures\":[\"" ARCHITECTURE "\"],\"syscalls\":[") != 0)
		return -1;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if ((i > 0 && buffer_append(out, ",", 1, err) != 0) ||
		    write_rule(&rules[i], out, err) != 0)
			return -1;
	}
	return buffer_append(out, "]}", 2, err);
}
