/* SPDX-License-Identifier: MIT
 *
 * Users, their passwords and groups. Master (at load).
 */
#include <crypt.h>

#include "config/loading.h"
#include "lib/base/suggest.h"

static void
add_group(struct loading *l, struct cfg_user *u, const char *group)
{
	u->groups = arena_grow(l->arena, u->groups, u->groups_n, sizeof(*u->groups));
	u->groups[u->groups_n++] = build_text(l, group);
}

/* What crypt(3) cannot read would refuse everybody. */
static void
check_hash(struct loading *l, const struct node *n)
{
	static struct crypt_data room;
	const char *made = crypt_r("", n->text, &room);
	if (!made || made[0] == '*')
		report_error(l->report, n,
			     "the system's crypt() does not know this form; expected "
			     "'$6$...', '$5$...' or another of crypt(5)");
}

static void
build_user(struct loading *l, struct cfg_user *u, const struct node *map)
{
	const struct node *hash = node_get(map, "password");
	const struct node *plain = node_get(map, "insecure_password");
	const struct node *groups = node_get(map, "groups");
	if (!hash == !plain)
		report_error(l->report, map,
			     "%s; expected one of password and insecure_password",
			     hash ? "two passwords" : "no password");
	if (hash)
		check_hash(l, hash);
	build_fields(l, SECTION_userlist_user, map, u);
	u->is_plain = plain != NULL;
	if (plain)
		u->password = build_text(l, plain->text);
	for (size_t i = 0; groups && i < node_items_n(groups); i++)
		add_group(l, u, node_item(groups, i)->text);
}

static struct cfg_user *
user_named(struct loading *l, struct cfg_userlist *list, const struct node *n)
{
	struct suggest s = suggest_begin(span_str(n->text));
	for (size_t i = 0; i < list->users_n; i++) {
		if (span_eq(list->users[i].name, span_str(n->text)))
			return &list->users[i];
		suggest_offer(&s, arena_span(l->arena, list->users[i].name));
	}
	report_error(l->report, n, "unknown user '%s'%s%s%s", n->text,
		     s.best ? "; did you mean '" : "", s.best ? s.best : "",
		     s.best ? "'?" : "");
	return NULL;
}

static void
build_list(struct loading *l, struct cfg_userlist *list, const struct node *map)
{
	const struct node *users = node_get(map, "users");
	const struct node *groups = node_get(map, "groups");
	for (size_t i = 0; users && i < users->n; i++) {
		struct cfg_user u = {.name = build_text(l, users->keys[i]->text)};
		build_user(l, &u, users->items[i]);
		list->users = arena_grow(l->arena, list->users, list->users_n, sizeof(u));
		list->users[list->users_n++] = u;
	}
	for (size_t i = 0; groups && i < groups->n; i++) {
		const struct node *members = groups->items[i];
		for (size_t j = 0; j < node_items_n(members); j++) {
			struct cfg_user *u = user_named(l, list, node_item(members, j));
			if (u)
				add_group(l, u, groups->keys[i]->text);
		}
	}
}

void
build_userlists(struct loading *l)
{
	const struct node *all = node_get(l->root, "userlists");
	struct cfg *c = l->cfg;
	c->userlists_n = all ? all->n : 0;
	c->userlists =
		arena_alloc(l->arena, (c->userlists_n + 1) * sizeof(*c->userlists));
	for (size_t i = 0; i < c->userlists_n; i++) {
		c->userlists[i].name = arena_strdup(l->arena, all->keys[i]->text);
		build_list(l, &c->userlists[i], all->items[i]);
	}
}
