/* SPDX-License-Identifier: MIT
 *
 * Stick tables of a generation: memory that was just cut off the region gets its head
 * before anybody is forked. Master. What was there stays as it is.
 */
#include "master/tables.h"

#include <string.h>

#include "lib/base/must.h"
#include "master/report.h"
#include "master/self.h"
#include "shm/stick.h"

static bool
is_blank(const struct shm_object *o)
{
	static const unsigned char zeros[STICK_HEAD_BYTES];
	return memcmp(o->area, zeros, sizeof(zeros)) == 0;
}

static void
prepare(const struct cfg_table *t)
{
	char id[SHM_ADDR_BYTES];
	struct shm_object o;
	struct shm_stick handle;
	stick_spec_id(&t->spec, id, sizeof(id));
	must(shm_find(master.shm, SHM_TABLE, "", t->name, id, &o) && o.area);
	if (shm_stick_init(&handle, &t->spec, &o)) {
		shm_stick_fini(&handle);
		return;
	}
	if (!is_blank(&o)) {
		report(REPORT_WARNING, "table %s: damaged, it begins anew", t->name);
		memset(o.area, 0, t->spec.bytes);
	}
	shm_stick_format(o.area, &t->spec);
}

void
tables_prepare(const struct cfg *cfg)
{
	for (size_t i = 0; i < cfg->tables_n; i++)
		prepare(cfg->tables[i]);
}
