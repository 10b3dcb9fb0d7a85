/* SPDX-License-Identifier: MIT
 *
 * Captures live in one buffer of the txn, made with the first of them: each slot begins
 * with its length and one (0: nothing is kept). Worker.
 */
#include "worker/fetch/capture.h"

#include "lib/expr/format.h"

static struct buf *
memory_of(struct txn *t)
{
	uint32_t bytes = t->fe->cfg->captures.bytes;
	if (!t->kept && bytes && (t->kept = buf_get(&self.bufs, bytes)))
		memset(t->kept->bytes, 0, bytes);
	return t->kept;
}

void
capture_keep(struct txn *t, const struct cfg_capture *slot, struct span value)
{
	struct buf *b = memory_of(t);
	if (!b)
		return;
	uint16_t n = (uint16_t)(value.n < slot->len ? value.n : slot->len), head = n + 1;
	memcpy(b->bytes + slot->off, &head, sizeof(head));
	if (n)
		memcpy(b->bytes + slot->off + sizeof(head), value.p, n);
}

struct span
capture_kept(const struct txn *t, const struct cfg_capture *slot)
{
	uint16_t head = 0;
	if (t->kept && slot->len)
		memcpy(&head, t->kept->bytes + slot->off, sizeof(head));
	return head ? span_of(t->kept->bytes + slot->off + sizeof(head), head - 1u)
		    : span_of(NULL, 0);
}

const struct cfg_capture *
capture_slot(const struct txn *t, int side, uint64_t number)
{
	const struct cfg_captures *c = &t->fe->cfg->captures;
	return number < c->slots_n[side] ? &c->slots[side][number] : NULL;
}

/* The first cookie whose name=value begins with `name`, in one field. */
static bool
find_cookie(struct span list, struct span name, bool is_set_cookie, struct span *found)
{
	while (list.n) {
		*found = span_trim(span_cut(&list, ';'));
		if (span_begins(*found, name))
			return true;
		if (is_set_cookie)
			return false; /* what follows are attributes */
	}
	return false;
}

static void
capture_cookie(struct txn *t, const struct http_head *h, int side)
{
	const struct cfg_capture *slot = &t->fe->cfg->captures.cookie[side];
	bool is_response = side == CFG_CAPTURE_RESPONSE;
	struct span field = is_response ? SPAN("Set-Cookie") : SPAN("Cookie"), found;
	for (int i = http_head_find(h, field, 0); i >= 0;
	     i = http_head_find(h, field, (unsigned)i + 1))
		if (find_cookie(http_field_value(h, &h->fields[i]), slot->name,
				is_response, &found)) {
			capture_keep(t, slot, found);
			return;
		}
}

void
capture_head_run(struct txn *t, const struct http_head *h, int side)
{
	const struct cfg_captures *c = &t->fe->cfg->captures;
	if (c->cookie[side].len)
		capture_cookie(t, h, side);
	for (size_t i = 0; i < c->slots_n[side]; i++) {
		const struct cfg_capture *slot = &c->slots[side][i];
		int last = -1, at = slot->name.n ? http_head_find(h, slot->name, 0) : -1;
		for (; at >= 0; at = http_head_find(h, slot->name, (unsigned)at + 1))
			last = at;
		if (last >= 0)
			capture_keep(t, slot, http_field_value(h, &h->fields[last]));
	}
}

struct span
capture_unique_id(struct txn_context *c)
{
	struct txn *t = c->t;
	const struct cfg_proxy *fe = t->fe->cfg;
	if (!fe->unique_id)
		return span_of(NULL, 0);
	struct span kept = capture_kept(t, &fe->captures.unique_id);
	if (kept.p)
		return kept;
	char id[CFG_UNIQUE_ID_BYTES];
	size_t n = format_write(fe->unique_id, &c->base, id, sizeof(id));
	capture_keep(t, &fe->captures.unique_id, span_of(id, n));
	return capture_kept(t, &fe->captures.unique_id);
}
