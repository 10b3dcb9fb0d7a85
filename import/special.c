/* SPDX-License-Identifier: MIT
 *
 * Words whose YAML has another shape than their line.
 */
#include <string.h>

#include "import/words.h"

static const char *
word_at(const struct cursor *c, size_t i)
{
	return i < c->line->n ? c->line->words[i].text : NULL;
}

static struct node *
scalar(struct cursor *c, size_t word, const char *text)
{
	return import_scalar(c->im, c->line, word, text);
}

static void
put_path(struct cursor *c, const char *path, struct node *value)
{
	const char *key;
	struct node *map = value ? import_reach(c, c->im->section, path, &key) : NULL;
	if (map)
		import_put(c, map, key, value);
}

/* The map at path, made when it is not there. */
static struct node *
map_at(struct cursor *c, const char *path)
{
	const char *key;
	return import_reach(c, c->im->section, arena_printf(c->im->arena, "%s.x", path),
			    &key);
}

static bool
needs(struct cursor *c, size_t n, const char *what)
{
	if (c->line->n >= n)
		return true;
	import_lost(c->im, import_pos(c->line, c->line->n), "expected '%s'", what);
	return false;
}

/* "a,b" as a list. */
static struct node *
comma_list(struct cursor *c, size_t word)
{
	struct arena *a = c->im->arena;
	struct node *list = node_new(a, NODE_LIST, import_pos(c->line, word));
	struct span rest = span_str(word_at(c, word));
	while (rest.n)
		node_append(a, list,
			    scalar(c, word, arena_span(a, span_cut(&rest, ','))));
	return list;
}

/* --- global ------------------------------------------------------------------------ */

void
shape_socket(struct cursor *c, const struct word_row *w)
{
	const struct schema_key *k = schema_find(SECTION_global_stats, "socket");
	struct node *made = import_arguments(c, k), *list = import_list(c, w->path);
	if (made && list)
		node_append(c->im->arena, list, made);
}

/* "cpu-map auto:1/1-4 0-3", "cpu-map 1 0": the CPUs, which are given out in turn. */
void
shape_cpu_map(struct cursor *c, const struct word_row *w)
{
	if (!needs(c, 3, "cpu-map PROCESSES CPU ..."))
		return;
	struct node *list = import_list(c, w->path);
	for (c->i = 2; list && c->i < c->line->n; c->i++)
		node_append(c->im->arena, list, scalar(c, c->i, word_at(c, c->i)));
	import_note(c->im, c->line->at, "the CPUs are given to the workers in turn");
}

/* "set-var proc.a int(12)": the rest as the value of a name; later ones may use it. */
void
shape_named_text(struct cursor *c, const struct word_row *w)
{
	if (!needs(c, 3, "NAME VALUE"))
		return;
	struct node *map = map_at(c, w->path), *value = scalar(c, 2, NULL);
	const char *name = word_at(c, 1);
	c->i = 2;
	value->text = c->line->n == 3 ? word_at(c, 2) : import_text(c);
	if (map)
		import_put(c, map, name, value);
}

void
shape_nbthread(struct cursor *c, const struct word_row *w)
{
	if (!needs(c, 2, "nbthread NUMBER") || node_get(c->im->section, w->path))
		return;
	put_path(c, w->path, scalar(c, 1, word_at(c, 1)));
	import_note(c->im, c->line->at, "weir has processes in place of threads: nbproc");
}

/* --- proxies --------------------------------------------------------------------------
 */

/* NULL: no default-server stood below a server of this section. */
static struct node *
late_defaults(const struct importing *im)
{
	return im->late_in == im->section ? im->late_defaults : NULL;
}

/* What a default-server said above this server and below another: YAML has one
 * default_server for all, which says what stood above the first. */
static struct node *
with_late_defaults(struct cursor *c, struct node *server)
{
	struct importing *im = c->im;
	const struct node *late = late_defaults(im);
	if (!late)
		return server;
	if (server->kind == NODE_SCALAR) {
		struct node *map = node_new(im->arena, NODE_MAP, server->pos);
		node_put(im->arena, map, "address", server);
		server = map;
	}
	for (size_t i = 0; i < late->n; i++) {
		size_t budget = SIZE_MAX;
		if (!node_get(server, late->keys[i]->text))
			node_put(im->arena, server, late->keys[i]->text,
				 node_copy(im->arena, late->items[i], &budget));
	}
	return server;
}

void
shape_server(struct cursor *c, const struct word_row *w)
{
	if (!needs(c, 3, "server NAME ADDRESS ..."))
		return;
	const char *name = word_at(c, 1);
	struct node *servers = map_at(c, w->path);
	c->i = 2;
	struct node *made = import_arguments(c, schema_find(SECTION_proxy, "servers"));
	if (!servers || !made)
		return;
	made = with_late_defaults(c, made);
	size_t there = node_find(servers, name);
	if (there < servers->n)
		import_lost(c->im, import_pos(c->line, 1),
			    "server '%s' is here twice; the first is at %s:%u", name,
			    servers->items[there]->pos.file,
			    servers->items[there]->pos.line);
	else
		node_put(c->im->arena, servers, name, made);
}

/* What is written holds to the letter, for requests that can be repeated too. */
void
shape_reuse(struct cursor *c, const struct word_row *w)
{
	shape_ONE(c, w);
	const char *mode = word_at(c, 1);
	if (mode && (strcmp(mode, "safe") == 0 || strcmp(mode, "aggressive") == 0))
		put_path(c, "reuse_repeatable", scalar(c, 1, "false"));
}

void
shape_default_server(struct cursor *c, const struct word_row *w)
{
	struct importing *im = c->im;
	const struct node *servers = node_get(im->section, "servers");
	c->has_no_positions = true;
	if (servers && servers->n && !late_defaults(im)) {
		im->late_defaults = node_new(im->arena, NODE_MAP, c->line->at);
		im->late_in = im->section;
	}
	struct node *map = late_defaults(im) ? late_defaults(im) : map_at(c, w->path);
	struct node *made =
		import_arguments(c, schema_find(SECTION_proxy, "default_server"));
	for (size_t i = 0; map && made && i < made->n; i++)
		import_put(c, map, made->keys[i]->text, made->items[i]);
}

void
shape_acl(struct cursor *c, const struct word_row *w)
{
	if (!needs(c, 3, "acl NAME TEST"))
		return;
	struct node *map = map_at(c, w->path), *test = scalar(c, 2, NULL);
	c->i = 2;
	test->text = import_text(c);
	if (map)
		import_append(c, map, word_at(c, 1), test);
}

/* "httpchk GET /health HTTP/1.1\r\nHost:\ a": fields behind the version are the old way
 * to send some. */
static struct node *
httpchk(struct cursor *c)
{
	struct arena *a = c->im->arena;
	size_t n = c->line->n - c->i, at = c->i;
	const char *version = n > 2 ? word_at(c, at + 2) : NULL;
	const char *fields = version ? strstr(version, "\r\n") : NULL;
	if (n == 0)
		return scalar(c, at - 1, "true");
	if (!fields && n > 3) {
		struct node *map = node_new(a, NODE_MAP, import_pos(c->line, at));
		static const char *const keys[] = {"method", "uri", "version", "host"};
		for (size_t i = 0; i < 4; i++)
			node_put(a, map, keys[i], scalar(c, at + i, word_at(c, at + i)));
		c->i = at + 4;
		return map;
	}
	if (!fields) {
		struct node *text = scalar(c, at, NULL);
		text->text = import_text(c);
		return text;
	}
	struct node *map = node_new(a, NODE_MAP, import_pos(c->line, at));
	struct node *headers = node_new(a, NODE_MAP, import_pos(c->line, at + 2));
	node_put(a, map, "method", scalar(c, at, word_at(c, at)));
	node_put(a, map, "uri", scalar(c, at + 1, word_at(c, at + 1)));
	node_put(a, map, "version",
		 scalar(c, at + 2,
			arena_span(a, span_of(version, (size_t)(fields - version)))));
	node_put(a, map, "headers", headers);
	struct span rest = span_str(fields + 2);
	while (rest.n) {
		struct span line = span_cut(&rest, '\n'), value = line;
		if (line.n && line.p[line.n - 1] == '\r')
			value.n = --line.n;
		struct span name = span_cut(&value, ':');
		if (name.n)
			import_append(c, headers, arena_span(a, name),
				      scalar(c, at + 2, arena_span(a, span_trim(value))));
	}
	c->i = c->line->n;
	return map;
}

void
shape_option(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	if (!needs(c, 2, "option NAME"))
		return;
	const char *name = import_snake(a, word_at(c, 1));
	const struct schema_key *k = schema_find(SECTION_option, name);
	struct node *value;
	c->i = 2;
	if (k && k->type == TYPE_HTTPCHK)
		value = httpchk(c);
	else if (!k || c->i == c->line->n)
		value = scalar(c, 1, "true");
	else if (k->sub != SECTION_none)
		value = import_arguments(c, k);
	else
		value = scalar(c, c->i, word_at(c, c->i)), c->i++;
	if (value && (!k || import_ends(c)))
		put_path(c, arena_printf(a, "%s.%s", w->path, name), value);
}

/* The rest as one text of words with '_'. */
void
shape_words(struct cursor *c, const struct word_row *w)
{
	const char *text = "";
	struct node *value = scalar(c, c->i, NULL);
	if (!needs(c, 2, "WORD ..."))
		return;
	for (size_t first = c->i; c->i < c->line->n; c->i++)
		text = arena_printf(c->im->arena, "%s%s%s", text, c->i > first ? " " : "",
				    import_snake(c->im->arena, word_at(c, c->i)));
	value->text = text;
	put_path(c, w->path, value);
}

/* An errorfile above the line of a group that has that status, too: in HAProxy the later
 * line wins, in weir the file does. */
static void
forget_errorfiles(struct cursor *c)
{
	struct node *own = node_get(c->im->section, "errorfile");
	const struct node *groups = node_get(c->im->result->root, "http_errors");
	const struct node *group = node_get(groups, word_at(c, 1));
	for (size_t i = own ? own->n : 0; i-- > 0;) {
		const char *status = own->keys[i]->text;
		bool is_named = c->line->n == 2 && node_get(group, status);
		for (size_t k = 2; k < c->line->n; k++)
			is_named |= strcmp(word_at(c, k), status) == 0;
		if (!is_named)
			continue;
		import_note(c->im, own->keys[i]->pos,
			    "the errorfiles below it have another answer to %s", status);
		node_remove(own, i);
	}
}

void
shape_errorfiles(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	if (!needs(c, 2, "errorfiles NAME [STATUS ...]"))
		return;
	forget_errorfiles(c);
	struct node *made = scalar(c, 1, word_at(c, 1)), *list = import_list(c, w->path);
	if (c->line->n > 2) {
		struct node *map = node_new(a, NODE_MAP, made->pos);
		struct node *codes = node_new(a, NODE_LIST, import_pos(c->line, 2));
		for (size_t i = 2; i < c->line->n; i++)
			node_append(a, codes, scalar(c, i, word_at(c, i)));
		node_put(a, map, "name", made);
		node_put(a, map, "codes", codes);
		made = map;
	}
	if (list)
		node_append(a, list, made);
}

static struct node *
rule(struct cursor *c, const char *action, const char *argument, const char *cond)
{
	struct arena *a = c->im->arena;
	struct node *r = node_new(a, NODE_MAP, c->line->at);
	node_put(a, r, action, scalar(c, 0, argument));
	node_put(a, r, "if", scalar(c, 1, cond));
	return r;
}

/* Connections of load balancers in front of us: answered, not logged. */
void
shape_monitor_net(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	const char *network = word_at(c, 1);
	if (!needs(c, 2, "monitor-net NETWORK") || !network)
		return;
	const char *mode = node_text(c->im->section, "mode");
	if (!mode)
		mode = node_text(c->im->base, "mode");
	const char *cond = arena_printf(a, "{ src %s }", network);
	bool is_http = mode && strcmp(mode, "http") == 0;
	struct node *list = import_list(c, is_http ? w->path : "tcp_request.connection");
	if (!list)
		return;
	if (is_http)
		node_append(a, list, rule(c, "set_log_level", "silent", cond));
	struct node *answer = rule(c, is_http ? "return" : "reject", "true", cond);
	node_append(a, list, answer);
	import_note(c->im, c->line->at,
		    "is a rule now; those above it in the file come first");
}

void
shape_dispatch(struct cursor *c, const struct word_row *w)
{
	struct node *servers = map_at(c, w->path);
	if (!needs(c, 2, "dispatch ADDRESS") || !servers)
		return;
	node_put(c->im->arena, servers, "dispatch", scalar(c, 1, word_at(c, 1)));
	import_note(c->im, c->line->at, "is a server named 'dispatch' now");
}

void
shape_enabled(struct cursor *c, const struct word_row *w)
{
	put_path(c, w->path, scalar(c, 0, "false"));
}

/* --- userlist
 * --------------------------------------------------------------------------- */

void
shape_user(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	struct node *users = map_at(c, w->path);
	if (!needs(c, 4, "user NAME password|insecure-password TEXT [groups A,B]") ||
	    !users)
		return;
	struct node *user = node_new(a, NODE_MAP, c->line->at);
	for (size_t i = 2; i + 1 < c->line->n; i += 2) {
		const char *key = import_snake(a, word_at(c, i));
		bool is_list = strcmp(key, "groups") == 0;
		node_put(a, user, key,
			 is_list ? comma_list(c, i + 1)
				 : scalar(c, i + 1, word_at(c, i + 1)));
	}
	node_put(a, users, word_at(c, 1), user);
}

void
shape_group(struct cursor *c, const struct word_row *w)
{
	struct arena *a = c->im->arena;
	struct node *groups = map_at(c, w->path);
	if (!needs(c, 2, "group NAME [users A,B]") || !groups)
		return;
	bool has_users = c->line->n > 3 && strcmp(word_at(c, 2), "users") == 0;
	node_put(a, groups, word_at(c, 1),
		 has_users ? comma_list(c, 3) : node_new(a, NODE_LIST, c->line->at));
}
