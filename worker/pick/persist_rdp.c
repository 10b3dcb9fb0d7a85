/* SPDX-License-Identifier: MIT
 *
 * Persistence by the cookie of a terminal server (configuration.txt, persist rdp-cookie;
 * MS-RDPBCGR 3.2.5.3.1): "ADDRESS.PORT.0000", the four and two bytes of its address as
 * they stand in memory of a little-endian machine, in decimal. Worker.
 */
#include "lib/base/num.h"
#include "worker/fetch/context.h"
#include "worker/pick/farm.h"
#include "worker/pick/persist.h"

/* The next number of a text whose numbers end with '.'. */
static bool
take_number(struct span *rest, uint64_t most, uint64_t *out)
{
	size_t n = rest->n;
	struct span digits = span_cut(rest, '.');
	return digits.n < n && num_u64(digits, out) == NUM_OK && *out <= most;
}

static bool
read_address(struct span text, struct addr *out)
{
	uint64_t host, port;
	if (!take_number(&text, UINT32_MAX, &host) ||
	    !take_number(&text, UINT16_MAX, &port))
		return false;
	*out = (struct addr){.kind = ADDR_INET, .u.in.sin_family = AF_INET};
	for (unsigned i = 0; i < 4; i++)
		((uint8_t *)&out->u.in.sin_addr)[i] = (uint8_t)(host >> 8 * i);
	addr_set_port(out, (int)((port & 0xff) << 8 | port >> 8));
	return true;
}

static struct rt_server *
server_at(struct rt_backend *be, const struct addr *a)
{
	for (size_t i = 0; i < be->servers_n; i++)
		if (addr_eq(&be->servers[i]->cfg->addr, a))
			return be->servers[i];
	return NULL;
}

void
persist_rdp_run(struct txn *t)
{
	struct txn_context c = context_for(t, EXPR_AT_CONTENT);
	struct expr_sample v;
	struct addr a;
	self.scratch.used = 0;
	if (!expr_eval(t->be->cfg->rdp_cookie, &c.base, EXPR_STR, &v) ||
	    !read_address(v.str, &a))
		return;
	struct rt_server *srv = server_at(t->be, &a);
	if (srv && farm_may_stick(srv, t->is_forced))
		t->wanted = srv;
}
