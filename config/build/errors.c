/* SPDX-License-Identifier: MIT
 *
 * What a proxy sends instead of weir's error pages: errorfile, errorfiles, errorloc,
 * http_error of its section over those of the defaults below it. Within one section a
 * word about one error wins over a group; two such words are a mistake. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"
#include "lib/http/error_file.h"

/* --- files and groups -----------------------------------------------------------------
 */

/* Each file is read once, however many proxies name it. */
static const struct error_file *
error_file(struct loading *l, const char *path)
{
	struct span bytes = {NULL, 0};
	for (size_t i = 0; i < l->error_files_n; i++)
		if (strcmp(l->error_files[i].path, path) == 0)
			return &l->error_files[i];
	struct error_file made = {.path = path, .wrong = build_file(l, path, &bytes)};
	struct http_reply *reply = arena_alloc(l->arena, sizeof(*reply));
	if (!made.wrong) {
		const char *wrong = http_error_file_read(
			bytes.p, bytes.n, arena_alloc(l->arena, HTTP_ERROR_FILE_ROOM),
			reply);
		made.wrong =
			wrong ? arena_printf(l->arena, "'%s': %s", path, wrong) : NULL;
	}
	made.reply = made.wrong ? NULL : reply;
	l->error_files = arena_grow(l->arena, l->error_files, l->error_files_n,
				    sizeof(*l->error_files));
	l->error_files[l->error_files_n] = made;
	return &l->error_files[l->error_files_n++];
}

const struct http_reply *
build_error_file(struct loading *l, const struct node *at)
{
	const struct error_file *f = error_file(l, at->text);
	if (f->wrong)
		report_error(l->report, at, "%s", f->wrong);
	return f->reply;
}

const struct node *
build_error_group(struct loading *l, const struct node *name)
{
	const struct node *groups = node_get(l->root, "http_errors");
	const struct node *group = node_get(groups, name->text);
	if (group || l->has_syntax_error)
		return group;
	struct suggest s = suggest_begin(span_str(name->text));
	for (size_t i = 0; groups && i < groups->n; i++)
		suggest_offer(&s, groups->keys[i]->text);
	report_error(l->report, name, "there is no group '%s' in http_errors%s%s%s",
		     name->text, s.best ? "; did you mean '" : "", s.best ? s.best : "",
		     s.best ? "'?" : "");
	return NULL;
}

void
build_error_groups(struct loading *l)
{
	const struct node *groups = node_get(l->root, "http_errors");
	for (size_t i = 0; groups && i < groups->n; i++)
		for (size_t j = 0; j < groups->items[i]->n; j++)
			build_error_file(l, groups->items[i]->items[j]);
}

/* --- one section ----------------------------------------------------------------------
 */

/* What is said about one error. */
struct page {
	const struct cfg_reply *reply; /* NULL with `at`: taken back */
	const char *word;	  /* the keyword that says it, a group's is errorfile */
	const struct node *value; /* as written behind the word */
	const struct node *at;	  /* for messages: a group's is its name */
};

/* Index of a key of `error_files` or the like. */
static size_t
error_at(const char *status)
{
	return (size_t)http_error_of((int)value_uint(status));
}

static const struct cfg_reply *
of_message(struct loading *l, const struct http_reply *message)
{
	struct cfg_reply *r = arena_alloc(l->arena, sizeof(*r));
	r->message = message;
	return message ? r : NULL;
}

static const struct cfg_reply *
of_file(struct loading *l, const struct node *file)
{
	return of_message(l, build_error_file(l, file));
}

static void
set_page(struct loading *l, struct page pages[HTTP_ERRORS_N], const char *status,
	 struct page said)
{
	struct page *p = &pages[error_at(status)];
	if (p->at)
		report_error(l->report, said.at, "%s is answered already, at %s", status,
			     report_place(l->arena, p->at->pos));
	*p = said;
}

static void
import_group(struct loading *l, const struct node *n, struct page pages[HTTP_ERRORS_N])
{
	const struct node *name = n->kind == NODE_MAP ? node_get(n, "name") : n;
	const struct node *codes = node_get(n, "codes");
	const struct node *group = name ? build_error_group(l, name) : NULL;
	for (size_t i = 0; group && i < group->n; i++) {
		const char *status = group->keys[i]->text;
		bool is_meant = !codes;
		for (size_t j = 0; j < node_items_n(codes); j++)
			is_meant |= strcmp(node_item(codes, j)->text, status) == 0;
		if (is_meant)
			pages[error_at(status)] =
				(struct page){of_file(l, group->items[i]), "errorfile",
					      group->items[i], name};
	}
}

static void
add_files(struct loading *l, const struct node *map, struct page pages[HTTP_ERRORS_N])
{
	for (size_t i = 0; map && i < map->n; i++) {
		const struct node *n = map->items[i];
		set_page(l, pages, map->keys[i]->text,
			 (struct page){of_file(l, n), "errorfile", n, n});
	}
}

/* As HAProxy writes them. */
static void
add_locations(struct loading *l, const struct node *map, int status,
	      struct page pages[HTTP_ERRORS_N])
{
	for (size_t i = 0; map && i < map->n; i++) {
		struct http_reply *r = arena_alloc(l->arena, sizeof(*r));
		const char *text = map->items[i]->text;
		r->status = status;
		r->head = span_str(arena_printf(l->arena,
						"HTTP/1.1 %d %s\r\n"
						"Content-Length: 0\r\n"
						"Cache-Control: no-cache\r\n"
						"Location: %s\r\n",
						status, http_reason(status), text));
		set_page(l, pages, map->keys[i]->text,
			 (struct page){of_message(l, r),
				       status == 303 ? "errorloc303" : "errorloc",
				       map->items[i], map->items[i]});
	}
}

static void
add_answer(struct loading *l, struct built *b, const struct node *map,
	   struct page pages[HTTP_ERRORS_N])
{
	struct cfg_reply *r = arena_alloc(l->arena, sizeof(*r));
	const char *status = node_text(map, "status");
	if (!status)
		return;
	build_reply(l, b, map, false, 0, r);
	if (r->message || node_get(map, "default_errorfiles"))
		set_page(l, pages, status,
			 (struct page){r->message ? r : NULL, "http_error", map, map});
}

/* What a section says, over what those below it say. */
static void
lay_section(struct loading *l, struct built *b, const struct node *section, int depth,
	    struct page all[HTTP_ERRORS_N])
{
	struct page groups_say[HTTP_ERRORS_N] = {{0}}, own[HTTP_ERRORS_N] = {{0}};
	const struct node *below = effective_below(l, section);
	const struct node *groups = node_get(section, "errorfiles");
	const struct node *answers = node_get(section, "http_error");
	if (below && depth > 0)
		lay_section(l, b, below, depth - 1, all);
	for (size_t i = 0; i < node_items_n(groups); i++)
		import_group(l, node_item(groups, i), groups_say);
	add_files(l, node_get(section, "errorfile"), own);
	add_locations(l, node_get(section, "errorloc"), 302, own);
	add_locations(l, node_get(section, "errorloc303"), 303, own);
	for (size_t i = 0; i < node_items_n(answers); i++)
		add_answer(l, b, node_item(answers, i), own);
	for (size_t i = 0; i < HTTP_ERRORS_N; i++)
		if (own[i].at || groups_say[i].at)
			all[i] = own[i].at ? own[i] : groups_say[i];
}

/* The effective section says each error once, by the word that won. */
static void
write_back(struct loading *l, struct node *section,
	   const struct page pages[HTTP_ERRORS_N])
{
	static const char *const words[] = {"errorfile", "errorfiles", "errorloc",
					    "errorloc303", "http_error"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (node_get(section, words[i]))
			node_remove(section, node_find(section, words[i]));
	for (size_t i = 0; i < HTTP_ERRORS_N; i++) {
		const struct page *p = &pages[i];
		if (!p->at)
			continue;
		bool is_list = strcmp(p->word, "http_error") == 0;
		struct node *into = node_get(section, p->word);
		struct node *copy = arena_alloc(l->arena, sizeof(*copy));
		*copy = *p->value;
		if (!into) {
			into = node_new(l->arena, is_list ? NODE_LIST : NODE_MAP,
					section->pos);
			node_put(l->arena, section, p->word, into);
		}
		if (is_list)
			node_append(l->arena, into, copy);
		else
			node_put(l->arena, into, copy->name, copy);
	}
}

void
build_errors(struct loading *l, struct built *b)
{
	static const char *const kinds[] = {
		[CFG_CAP_FRONTEND] = "frontends",
		[CFG_CAP_BACKEND] = "backends",
		[CFG_CAP_FRONTEND | CFG_CAP_BACKEND] = "listens",
	};
	struct cfg_proxy *p = b->proxy;
	struct page pages[HTTP_ERRORS_N] = {{0}};
	const char *kind = kinds[p->caps];
	bool is_http = p->mode == CFG_MODE_HTTP;
	l->cfg->env.at = EXPR_AT_REQUEST;
	lay_section(l, is_http ? b : NULL, node_get(node_get(l->root, kind), p->name),
		    CFG_FROM_DEPTH_MAX, pages);
	for (size_t i = 0; i < HTTP_ERRORS_N; i++)
		p->errors[i] = pages[i].reply;
	if (is_http) /* else they are told to be useless, as written */
		write_back(l, node_get(node_get(l->effective, kind), p->name), pages);
}
