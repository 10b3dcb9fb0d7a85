/* SPDX-License-Identifier: MIT
 *
 * http_send_name_header: the name of the server in the head it is sent, written anew when
 * the request goes to another one. Worker. The line is the last one of the head in
 * txn.head; what stands behind it, the body and the protocols of an upgrade, moves.
 */
#include "worker/session.h"

size_t
name_header_begin(const struct txn *t, struct http_head *h)
{
	struct span field = t->be->cfg->send_name_header;
	int i = field.n ? http_head_find(h, field, 0) : -1;
	for (; i >= 0; i = http_head_find(h, field, (unsigned)i + 1))
		h->fields[i].dropped = 1;
	return field.n ? field.n + CFG_NAME_MAX + 4 : 0;
}

/* The buffer with room for n more bytes. false: there is none. */
static bool
make_room(struct txn *t, size_t n, size_t behind_n)
{
	if (t->head->to + behind_n + n <= t->head->cap)
		return true;
	struct buf *larger = buf_get(&self.bufs, t->head->to + behind_n + n);
	if (!larger)
		return false;
	memcpy(larger->bytes, t->head->bytes, t->head->to + behind_n);
	larger->to = t->head->to;
	if (behind_n)
		t->upgrade.p = larger->bytes + larger->to;
	buf_put(&self.bufs, &t->head);
	t->head = larger;
	return true;
}

bool
name_header_write(struct txn *t)
{
	struct span field = t->be->cfg->send_name_header;
	struct span name = span_str(t->srv->cfg->name);
	size_t n = field.n + name.n + 4;
	if (!make_room(t, n, t->upgrade.n))
		return false;
	char *line = t->head->bytes + t->name_at, *behind = line + t->name_n;
	size_t rest = t->head->to + t->upgrade.n - t->name_at - t->name_n;
	memmove(line + n, behind, rest);
	memcpy(line, field.p, field.n);
	memcpy(line + field.n, ": ", 2);
	memcpy(line + field.n + 2, name.p, name.n);
	memcpy(line + n - 2, "\r\n", 2);
	t->head->to += (uint32_t)n - t->name_n;
	if (t->upgrade.n)
		t->upgrade.p = t->head->bytes + t->head->to;
	t->name_n = (uint32_t)n;
	return true;
}
