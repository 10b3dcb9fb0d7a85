/* SPDX-License-Identifier: MIT
 *
 * What a frontend keeps of requests and responses: declared captures, the slots of rules,
 * the unique id. Slots get their places when all are known. Master (at load).
 */
#include "config/loading.h"

enum { SLOT_HEAD = 2, CAPTURE_BYTES_MAX = 32 * 1024 };

uint64_t
build_slot(struct loading *l, struct cfg_proxy *p, int side,
	   const struct cfg_capture *slot)
{
	struct cfg_captures *c = &p->captures;
	c->slots[side] =
		arena_grow(l->arena, c->slots[side], c->slots_n[side], sizeof(*slot));
	c->slots[side][c->slots_n[side]] = *slot;
	return c->slots_n[side]++;
}

static const char *const sides[CFG_CAPTURE_SIDES_N] = {"request", "response"};

void
build_captures(struct loading *l, struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *capture = node_get(b->map, "capture");
	const struct node *declared = node_get(b->map, "declare_capture");
	const struct node *cookie = node_get(capture, "cookie");
	for (int side = 0; side < CFG_CAPTURE_SIDES_N; side++) {
		const struct node *list =
			node_get(node_get(capture, sides[side]), "header");
		for (size_t i = 0; list && i < list->n; i++) {
			struct cfg_capture slot = {.len = 0};
			build_fields(l, SECTION_capture_header, list->items[i], &slot);
			build_slot(l, p, side, &slot);
		}
		for (size_t i = 0; declared && i < declared->n; i++) {
			const struct node *map =
				node_get(declared->items[i], sides[side]);
			struct cfg_capture slot = {.len = 0};
			if (!map)
				continue;
			build_fields(l, SECTION_capture_slot, map, &slot);
			build_slot(l, p, side, &slot);
		}
		if (cookie)
			build_fields(l, SECTION_capture_cookie, cookie,
				     &p->captures.cookie[side]);
	}
	const struct node *id = node_get(b->map, "unique_id_format");
	const char *header = node_text(b->map, "unique_id_header");
	l->cfg->env.at = EXPR_AT_REQUEST;
	if (id && p->mode == CFG_MODE_HTTP) {
		p->unique_id = build_format(l, b, id, span_str(id->text), FORMAT_FIELD);
		p->captures.unique_id.len = CFG_UNIQUE_ID_BYTES;
	}
	if (header)
		p->unique_id_header = build_text(l, header);
}

void
build_check_id(struct loading *l, struct built *b)
{
	const struct node *id = node_get(b->map, "unique_id_format");
	if (!id || !node_is_own(id)) /* what defaults say is of requests */
		return;
	l->cfg->env.at = EXPR_AT_CHECK;
	b->proxy->check_id = build_format(l, b, id, span_str(id->text), FORMAT_FIELD);
}

static void
place(struct cfg_captures *c, struct cfg_capture *slot)
{
	slot->off = c->bytes;
	if (slot->len)
		c->bytes += (SLOT_HEAD + slot->len + 1) & ~1u;
}

void
build_capture_places(struct loading *l, struct built *b)
{
	struct cfg_captures *c = &b->proxy->captures;
	place(c, &c->unique_id);
	for (int side = 0; side < CFG_CAPTURE_SIDES_N; side++) {
		place(c, &c->cookie[side]);
		for (size_t i = 0; i < c->slots_n[side]; i++)
			place(c, &c->slots[side][i]);
	}
	if (c->bytes > CAPTURE_BYTES_MAX)
		report_error(l->report, b->at,
			     "captures of %u bytes for each request; expected at most %d",
			     c->bytes, CAPTURE_BYTES_MAX);
}
