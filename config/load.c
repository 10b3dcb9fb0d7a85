/* SPDX-License-Identifier: MIT
 *
 * The loader: its steps in their order. Master.
 */
#include "config/load.h"

#include <stdio.h>

#include "config/loading.h"
#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "lib/http/head.h"

static void
begin(struct loading *l, const struct cfg_request *r)
{
	struct arena *a = arena_new();
	*l = (struct loading){
		.arena = a,
		.request = r,
		.report = report_new(a),
		.alias_budget = CFG_ALIAS_NODES_MAX,
		.root = node_new(a, NODE_MAP, (struct pos){"configuration", 0, 0}),
		.cfg = arena_alloc(a, sizeof(struct cfg)),
	};
	l->cfg->arena = a;
	if (r->read)
		report_hide_paths(l->report);
	expr_env_init(&l->cfg->env, a, http_field_id_of);
}

/* With their ends, so that what stands side by side is told from what stands inside. */
static uint64_t
hash_tree(const struct node *n, uint64_t h)
{
	if (n->kind == NODE_SCALAR)
		return hash_bytes(n->text, strlen(n->text) + 1, h);
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_MAP)
			h = hash_bytes(n->keys[i]->text, strlen(n->keys[i]->text) + 1, h);
		h = hash_tree(n->items[i], h);
	}
	return hash_bytes(n->kind == NODE_MAP ? "}" : "]", 1, h);
}

static void
read_files(struct loading *l)
{
	const struct cfg_request *r = l->request;
	if (r->read)
		merge_file(l, r->read(r, l->arena, l->report));
	else
		files_read(l);
}

/* Nobody waits for name servers while a configuration runs. */
static void
refuse_names(struct loading *l)
{
	for (size_t i = 0; i < l->names_n; i++)
		report_error(l->report, l->names[i].at,
			     "'%s' is a name, and names are resolved when files are "
			     "read; expected an IP address",
			     l->names[i].host);
}

/* Everything behind the reading of files. */
static void
digest(struct loading *l)
{
	override_apply(l);
	check_tree(l);
	effective_make(l);
	build_cfg(l);
	if (!l->has_syntax_error)
		cross_check(l);
	if (l->request->is_part)
		refuse_names(l);
	else if (report_errors_n(l->report) == 0 && !l->request->asks_no_names)
		resolve_names(l);
}

static struct cfg *
finish(struct loading *l, struct cfg_errors **errors)
{
	struct cfg *c = l->cfg;
	*errors = report_errors(l->report);
	if (cfg_errors_n(*errors) > 0) {
		cfg_free(&c);
		return NULL;
	}
	c->hash = hash_tree(l->effective, 0);
	expr_names_close(c->env.vars);
	c->warnings = report_warnings(l->report, &c->warnings_n);
	return c;
}

struct cfg *
cfg_load(const struct cfg_request *r, struct cfg_errors **errors)
{
	struct loading l;
	begin(&l, r);
	read_files(&l);
	digest(&l);
	return finish(&l, errors);
}

struct cfg *
cfg_load_text(const struct cfg_request *r, const char *name, const char *bytes, size_t n,
	      struct cfg_errors **errors)
{
	struct loading l;
	begin(&l, r);
	struct node *file = yaml_parse(&l, name, bytes, n);
	if (file)
		merge_file(&l, file);
	digest(&l);
	return finish(&l, errors);
}

int
cfg_dump(const struct cfg_request *r, FILE *out, struct cfg_errors **errors)
{
	struct loading l;
	begin(&l, r);
	read_files(&l);
	digest(&l);
	bool is_sound = report_errors_n(l.report) == 0;
	if (is_sound)
		dump_tree(&l, out, true);
	struct cfg *c = finish(&l, errors);
	cfg_free(&c);
	return is_sound ? 0 : -1;
}

/* The arena holds everything but compiled regular expressions, which the environment of
 * expressions knows. */
void
cfg_free(struct cfg **c)
{
	if (!*c)
		return;
	struct arena *a = (*c)->arena;
	expr_env_free(&(*c)->env);
	*c = NULL;
	arena_free(&a);
}
