/* SPDX-License-Identifier: MIT
 *
 * Fault hooks. Test builds only; any process. An armed point is per process: a fork
 * inherits it, shm_child_enter() re-arms from the environment.
 */
#include "shm/fault.h"

#ifdef WEIR_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	enum shm_fault_point point;
	enum shm_fault_act act;
	unsigned left; /* 0: nothing is armed */
} armed;

static const char *const names[] = {
#define X(name) #name,
	SHM_FAULT_POINTS(X)
#undef X
};

const char *
shm_fault_name(enum shm_fault_point point)
{
	return (unsigned)point < SHM_FAULTS_N ? names[point] : "?";
}

void
shm_fault_arm(enum shm_fault_point point, unsigned n, enum shm_fault_act act)
{
	armed.point = point;
	armed.act = act;
	armed.left = n;
}

void
shm_fault_arm_env(void)
{
	const char *e = getenv("WEIR_FAULT");
	if (!e)
		return;
	size_t len = strcspn(e, ":");
	for (unsigned i = 0; i < SHM_FAULTS_N; i++) {
		if (strlen(names[i]) != len || strncmp(names[i], e, len) != 0)
			continue;
		unsigned long n = e[len] ? strtoul(e + len + 1, NULL, 10) : 1;
		shm_fault_arm((enum shm_fault_point)i, n ? (unsigned)n : 1,
			      strstr(e + len, ":stop") ? SHM_FAULT_STOP : SHM_FAULT_KILL);
	}
}

bool
shm_fault_is_mute(void)
{
	return getenv("WEIR_MUTE") != NULL;
}

void
shm_fault_reached(enum shm_fault_point point)
{
	if (armed.left == 0 || armed.point != point || --armed.left > 0)
		return;
	kill(getpid(), armed.act == SHM_FAULT_STOP ? SIGSTOP : SIGKILL);
}
#else
/* ISO C wants a declaration in every file. */
extern int shm_fault_unused;
#endif
