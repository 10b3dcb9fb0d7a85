/* SPDX-License-Identifier: MIT
 *
 * What weir prints about itself: version, build, and the list of counters made from the
 * one table.
 */
#include "master/docs.h"

#include <sys/utsname.h>

#include "shm/region.h"

struct counter_row {
	enum shm_kind kind;
	const char *name, *unit, *help;
};

static const struct counter_row counters[] = {
#define COUNTER(kind, name, unit, help) {SHM_##kind, #name, unit, help},
#include "shm/counters.def"
#undef COUNTER
};

static const struct {
	enum shm_kind kind;
	const char *title, *text;
} kinds[] = {
	{SHM_GLOBAL, "Daemon", "One set, over all processes and generations."},
	{SHM_FRONTEND, "Frontend", "One set per `frontends` and `listens` section."},
	{SHM_LISTENER, "Listener", "One set per address a frontend is bound to."},
	{SHM_BACKEND, "Backend", "One set per `backends` and `listens` section."},
	{SHM_SERVER, "Server", "One set per server of a backend."},
	{SHM_TABLE, "Table", "One set per stick table."},
};

void
docs_version(FILE *out)
{
	fprintf(out, "weir version %s\n", WEIR_VERSION);
}

void
docs_build(FILE *out)
{
	struct utsname u;
	docs_version(out);
#ifdef __clang__
	fprintf(out, "Compiler: clang %s\n", __clang_version__);
#else
	fprintf(out, "Compiler: gcc %s\n", __VERSION__);
#endif
#ifdef __OPTIMIZE__
	fprintf(out, "Optimised: yes\n");
#else
	fprintf(out, "Optimised: no\n");
#endif
#ifdef WEIR_FAULTS
	fprintf(out, "Fault hooks: yes (a test build)\n");
#endif
#ifdef __SANITIZE_ADDRESS__
	fprintf(out, "AddressSanitizer: yes\n");
#endif
	fprintf(out, "Configuration: %s/conf.d\n", WEIR_SYSCONFDIR);
	if (uname(&u) == 0)
		fprintf(out, "Running on: %s %s %s\n", u.sysname, u.release, u.machine);
}

void
docs_counters(FILE *out)
{
	fprintf(out,
		"# Counters\n\n"
		"Generated from `shm/counters.def` by `./dev docs`; do not edit.\n\n"
		"All are totals over all processes and generations. They never decrease, "
		"and "
		"live as long as the region:\n"
		"over the death of a worker, reloads, and restarts on the same boot. "
		"`weirctl counters` prints them;\n"
		"names, units and texts also stand in the region itself.\n");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		fprintf(out,
			"\n## %s\n\n%s\n\n| counter | unit | meaning |\n|---|---|---|\n",
			kinds[k].title, kinds[k].text);
		for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
			if (counters[i].kind == kinds[k].kind)
				fprintf(out, "| `%s` | %s | %s |\n", counters[i].name,
					counters[i].unit, counters[i].help);
	}
}
