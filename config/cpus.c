/* SPDX-License-Identifier: MIT
 *
 * How many CPUs there are for us, and which worker runs on which. Master (at load).
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/loading.h"
#include "lib/base/num.h"

enum { WORKERS_MAX = 256 };

/* "max 100000" or "200000 100000" of one cgroup: CPUs rounded up, 0: no limit. */
static unsigned
quota_of(const char *path)
{
	FILE *f = fopen(path, "re");
	char first[32] = "";
	unsigned long long period = 0;
	if (!f)
		return 0;
	int got = fscanf(f, "%31s %llu", first, &period);
	fclose(f);
	unsigned long long quota = strtoull(first, NULL, 10);
	if (got != 2 || quota == 0 || period == 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

/* The cgroup v1 pair of files. */
static unsigned
quota_v1(void)
{
	long long quota = -1, period = 0;
	FILE *f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
	if (f) {
		if (fscanf(f, "%lld", &quota) != 1)
			quota = -1;
		fclose(f);
	}
	f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
	if (f) {
		if (fscanf(f, "%lld", &period) != 1)
			period = 0;
		fclose(f);
	}
	return quota > 0 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

/* The tightest quota from our cgroup (v2) up to the root. */
static unsigned
quota_v2(void)
{
	char line[1024], path[1200];
	FILE *f = fopen("/proc/self/cgroup", "re");
	unsigned tightest = 0;
	char *group = NULL;
	while (f && !group && fgets(line, sizeof(line), f))
		if (strncmp(line, "0::", 3) == 0)
			group = line + 3;
	if (f)
		fclose(f);
	if (!group)
		return 0;
	group[strcspn(group, "\n")] = '\0';
	for (;;) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
		unsigned n = quota_of(path);
		if (n && (!tightest || n < tightest))
			tightest = n;
		char *slash = strrchr(group, '/');
		if (!slash || !group[0])
			return tightest;
		*slash = '\0';
	}
}

uint32_t
cpus_available(void)
{
	cpu_set_t set;
	long n = sched_getaffinity(0, sizeof(set), &set) == 0
			 ? CPU_COUNT(&set)
			 : sysconf(_SC_NPROCESSORS_ONLN);
	unsigned v2 = quota_v2(), v1 = quota_v1();
	if (v2 && v2 < n)
		n = v2;
	if (v1 && v1 < n)
		n = v1;
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (uint32_t)n;
}

struct cpu_list {
	int cpus[CPU_SETSIZE];
	size_t n;
};

static void
add_cpus(struct cpu_list *list, int from, int to)
{
	for (int cpu = from; cpu <= to && list->n < CPU_SETSIZE; cpu++)
		list->cpus[list->n++] = cpu;
}

static void
add_text(struct cpu_list *list, const char *text)
{
	struct span rest = span_str(text);
	while (rest.n) {
		struct span to = value_word(&rest), from = span_cut(&to, '-');
		uint64_t low = 0, high = 0;
		num_u64(from, &low);
		high = low;
		if (to.n)
			num_u64(to, &high);
		add_cpus(list, (int)low, (int)high);
	}
}

int *
cpus_map(struct loading *l, const struct node *given, uint32_t workers_n)
{
	struct cpu_list list = {.n = 0};
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return NULL;
	for (size_t i = 0; i < given->n; i++) {
		const char *text = given->items[i]->text;
		if (strcmp(text, "none") == 0)
			continue;
		if (strcmp(text, "auto") != 0)
			add_text(&list, text);
		else
			for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
				if (CPU_ISSET(cpu, &set))
					add_cpus(&list, cpu, cpu);
	}
	for (size_t i = 0; i < list.n; i++)
		if (list.cpus[i] >= CPU_SETSIZE || !CPU_ISSET(list.cpus[i], &set)) {
			report_error(l->report, given,
				     "CPU %d is not there for us; expected CPUs of the "
				     "affinity mask",
				     list.cpus[i]);
			return NULL;
		}
	if (list.n == 0)
		return NULL;
	int *map = arena_alloc(l->arena, workers_n * sizeof(*map));
	for (uint32_t i = 0; i < workers_n; i++)
		map[i] = list.cpus[i % list.n];
	return map;
}
