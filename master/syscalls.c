/* SPDX-License-Identifier: MIT
 *
 * A filter of system calls (seccomp(2)) for the children. A list of what is refused, not
 * of what is allowed: libraries change, but none of these has a place in a proxy. Some
 * would lead from what a child may write to what it may only read (remap_file_pages: the
 * writable mapping of the region reaches the pages of the master), some to other
 * processes, the others are the usual ways to the kernel's back rooms.
 *
 * Descriptors that are shared with other processes stay non-blocking: whoever reads or
 * writes them never waits, also when a worker was taken over.
 */
#include "master/syscalls.h"

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef OWN_ARCH
#define X32_BIT 0x40000000U /* x86-64: the other numbers of the same calls */
#define NAMESPACES                                                                  \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | \
	 CLONE_NEWUTS | CLONE_NEWCGROUP)

static const uint16_t refused[] = {
	/* pages of a file by another way than mmap() of a descriptor */
	SYS_remap_file_pages,
	/* memory and descriptors of other processes */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_process_madvise,
	SYS_pidfd_getfd,
	SYS_kcmp,
	SYS_userfaultfd,
	/* another view of the system */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_unshare,
	SYS_setns,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	SYS_fanotify_init,
	/* the kernel itself */
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_syslog,
	SYS_personality,
	/* the machine */
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
#endif
};

enum { REFUSED_N = sizeof(refused) / sizeof(refused[0]), MORE = 100 };

struct program {
	struct sock_filter at[REFUSED_N * 2 + MORE];
	unsigned short n;
};

static void
add(struct program *p, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	p->at[p->n++] = (struct sock_filter){code, if_true, if_false, k};
}

static void
look_at(struct program *p, size_t off)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)off, 0, 0);
}

static void
answer(struct program *p, int error)
{
	add(p, BPF_RET | BPF_K,
	    error ? SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)
		  : SECCOMP_RET_ALLOW,
	    0, 0);
}

/* What was loaded: that error when it is k. */
static void
refuse_if(struct program *p, uint16_t compare, uint32_t k, int error)
{
	add(p, BPF_JMP | compare | BPF_K, k, 0, 1);
	answer(p, error);
}

/* The lower half of an argument. */
static size_t
argument(int i)
{
	return offsetof(struct seccomp_data, args) + 8 * (size_t)i;
}

/* Calls that are refused for some of their arguments: number, which argument, comparison,
 * value. Allowed otherwise. */
static void
refuse_some(struct program *p, uint32_t nr, int arg, uint16_t compare, uint32_t k)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4);
	look_at(p, argument(arg));
	refuse_if(p, compare, k, EPERM);
	answer(p, 0);
}

/* fcntl() and ioctl() that make a descriptor blocking, or have the kernel send signals to
 * somebody else in our name. */
static void
keep_descriptors(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 8);
	look_at(p, argument(1));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN, 4, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN_EX, 3, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, F_SETFL, 0, 3);
	look_at(p, argument(2));
	add(p, BPF_JMP | BPF_JSET | BPF_K, O_NONBLOCK, 1, 0);
	answer(p, EPERM);
	answer(p, 0);

	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 6);
	look_at(p, argument(1));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, FIONBIO, 2, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, FIOSETOWN, 1, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SIOCSPGRP, 0, 1);
	answer(p, EPERM);
	answer(p, 0);
}

/* A call whose first argument is a process: this one, or 0. */
static void
only_self(struct program *p, uint32_t nr, uint32_t pid)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5);
	look_at(p, argument(0));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, pid, 1, 0);
	answer(p, EPERM);
	answer(p, 0);
}

/* kill() of others only asks whether they are there; 0 would be a whole group. */
static void
spare_others(struct program *p, uint32_t pid)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 6);
	look_at(p, argument(1));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
	look_at(p, argument(0));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, pid, 1, 0);
	answer(p, EPERM);
	answer(p, 0);
	only_self(p, SYS_tgkill, pid);
	only_self(p, SYS_tkill, pid);
	only_self(p, SYS_rt_sigqueueinfo, pid);
	only_self(p, SYS_rt_tgsigqueueinfo, pid);
	only_self(p, SYS_prlimit64, pid); /* a limit of 0 s of CPU time kills, too */
	refuse_if(p, BPF_JEQ, SYS_pidfd_send_signal, EPERM);
}

static void
write_program(struct program *p, bool may_signal)
{
	look_at(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0);
	answer(p, EPERM);
	look_at(p, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	refuse_if(p, BPF_JGE, X32_BIT, EPERM);
#endif
	for (size_t i = 0; i < REFUSED_N; i++)
		refuse_if(p, BPF_JEQ, refused[i], EPERM);
	refuse_some(p, SYS_clone, 0, BPF_JSET, NAMESPACES);
	refuse_if(p, BPF_JEQ, SYS_clone3, ENOSYS); /* its flags cannot be seen */
	keep_descriptors(p);
	if (!may_signal)
		spare_others(p, (uint32_t)getpid());
	answer(p, 0);
}

int
syscalls_restrict(bool may_signal)
{
	struct program p = {.n = 0};
	write_program(&p, may_signal);
	const struct sock_fprog f = {.len = p.n, .filter = p.at};
	/* SPEC_ALLOW: without it older kernels slow every branch of the process down */
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_SPEC_ALLOW, &f);
}

#else
int
syscalls_restrict(bool may_signal)
{
	(void)may_signal;
	errno = EINVAL;
	return -1;
}
#endif
