/* SPDX-License-Identifier: MIT
 *
 * ACLs, http_request rules and the choice of a backend. Master (at load).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/loading.h"

enum { BODY_BYTES_MAX = 16 << 20 };

static void
build_acls(struct loading *l, struct built *b)
{
	const struct node *map = node_get(b->map, "acl");
	b->acls = expr_acls_new(l->arena);
	for (size_t i = 0; map && i < map->n; i++) {
		struct span name = span_str(map->keys[i]->text);
		for (size_t j = 0; j < map->items[i]->n; j++) {
			const struct node *n = map->items[i]->items[j];
			struct expr_error err;
			if (expr_acls_add(b->acls, name, span_str(n->text), &err) == 0)
				continue;
			report_error_in(l->report, n, err.at, "%s", err.text);
			/* the name is known all the same: one message is enough */
			expr_acls_add(b->acls, name, SPAN("path /"), &err);
		}
	}
}

/* `if` or `unless` of a rule. false: wrong (reported). */
static bool
build_cond(struct loading *l, struct built *b, const struct node *map,
	   const struct expr_cond **cond, bool *unless)
{
	const struct node *yes = node_get(map, "if"), *no = node_get(map, "unless");
	struct expr_error err;
	if (yes && no) {
		report_error(l->report, no, "'if' is given too; expected one of them");
		return false;
	}
	const struct node *n = yes ? yes : no;
	*unless = no != NULL;
	if (!n)
		return true;
	*cond = expr_cond_compile(l->arena, b->acls, span_str(n->text), &err);
	if (!*cond)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return *cond != NULL;
}

/* --- replies ------------------------------------------------------------------------ */

static bool
is_field_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"(),/:;<=>?@[\\]{}", *p))
			return false;
	return text[0] != '\0';
}

void
build_headers(struct loading *l, const struct node *map, struct cfg_header **headers,
	      size_t *n)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->keys[i]->text;
		static const char *const ours[] = {"Content-Length", "Transfer-Encoding",
						   "Connection"};
		bool is_ours = false;
		for (size_t j = 0; j < 3; j++)
			is_ours |= strcasecmp(name, ours[j]) == 0;
		if (!is_field_name(name) || is_ours) {
			report_error(l->report, map->items[i],
				     is_ours ? "'%s' is set by weir itself; expected "
					       "another field"
					     : "'%s' is not the name of a field",
				     name);
			continue;
		}
		for (size_t j = 0; j < map->items[i]->n; j++) {
			const struct node *value = map->items[i]->items[j];
			if (value->text[strcspn(value->text, "\r\n")]) {
				report_error(l->report, value,
					     "a line break in a field; expected "
					     "one line");
				continue;
			}
			*headers = arena_grow(l->arena, *headers, *n, sizeof(**headers));
			(*headers)[(*n)++] = (struct cfg_header){
				build_text(l, name), build_text(l, value->text)};
		}
	}
}

static struct span
read_body(struct loading *l, const struct node *at)
{
	struct span body = {NULL, 0};
	struct stat st;
	int fd = open(at->text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		report_error(l->report, at, "'%s' cannot be opened: %s", at->text,
			     strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > BODY_BYTES_MAX)
		report_error(
			l->report, at,
			"'%s' is not usable; expected a regular file of at most 16 MB",
			at->text);
	else {
		char *bytes = arena_alloc(l->arena, (size_t)st.st_size + 1);
		ssize_t got;
		while (body.n < (size_t)st.st_size &&
		       (got = read(fd, bytes + body.n, (size_t)st.st_size - body.n)) > 0)
			body.n += (size_t)got;
		body.p = bytes;
	}
	if (fd >= 0)
		close(fd);
	return body;
}

static void
build_reply(struct loading *l, const struct node *map, enum schema_section in,
	    struct cfg_reply *r)
{
	const struct node *string = node_get(map, "string"),
			  *file = node_get(map, "file");
	const struct node *headers = node_get(map, "headers");
	build_fields(l, in, map, r);
	if (string && file)
		report_error(l->report, file,
			     "'string' is given too; expected one of them");
	if (string)
		r->body = build_text(l, string->text);
	else if (file)
		r->body = read_body(l, file);
	if (headers)
		build_headers(l, headers, &r->headers, &r->headers_n);
	bool has_no_body = r->status == 204 || r->status == 205 || r->status == 304;
	if (r->body.n && has_no_body)
		report_error(
			l->report, string ? string : file,
			"a response %d has no body; expected another status, or no body",
			r->status);
	if ((string || file) && !r->content_type)
		r->content_type = "text/plain";
}

static const struct {
	const char *name;
	enum cfg_action action;
	enum schema_section section;
} actions[] = {
	{"return", CFG_ACTION_RETURN, SECTION_return},
	{"deny", CFG_ACTION_DENY, SECTION_deny},
};

static void
build_rule(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_rule rule = {0};
	size_t given = 0;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct node *n = node_get(map, actions[i].name);
		if (!n)
			continue;
		given++;
		rule.action = actions[i].action;
		if (n->kind == NODE_MAP)
			build_reply(l, n, actions[i].section, &rule.reply);
	}
	if (given != 1) {
		if (given || !map->has_lost)
			report_error(l->report, map,
				     "%s; expected one of return and deny in a rule",
				     given ? "two actions" : "no action");
		return;
	}
	if (!build_cond(l, b, map, &rule.cond, &rule.unless))
		return;
	p->http_request = arena_grow(l->arena, p->http_request, p->http_request_n,
				     sizeof(*p->http_request));
	p->http_request[p->http_request_n++] = rule;
}

static void
build_choice(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_use_backend u = {0};
	const struct node *name = node_get(map, "backend");
	bool is_sound = build_cond(l, b, map, &u.cond, &u.unless);
	if (!name || !(u.backend = cross_backend(l, name)) || !is_sound)
		return;
	p->use_backend = arena_grow(l->arena, p->use_backend, p->use_backend_n,
				    sizeof(*p->use_backend));
	p->use_backend[p->use_backend_n++] = u;
}

/* What stands behind a rule that always ends the matter is never reached. */
static void
warn_unreachable(struct loading *l, const struct node *list, const char *what)
{
	for (size_t i = 0; list && i + 1 < list->n; i++) {
		const struct node *map = list->items[i];
		if (node_get(map, "if") || node_get(map, "unless"))
			continue;
		report_warning(l->report, list->items[i + 1],
			       "never reached: the %s at %s has no condition", what,
			       report_place(l->arena, map->pos));
		return;
	}
}

void
build_rules(struct loading *l, struct built *b)
{
	const struct node *rules = node_get(b->map, "http_request");
	const struct node *choices = node_get(b->map, "use_backend");
	const struct node *last = node_get(b->map, "default_backend");
	struct cfg_proxy *p = b->proxy;
	build_acls(l, b);
	for (size_t i = 0; rules && i < rules->n; i++)
		build_rule(l, b, rules->items[i]);
	for (size_t i = 0; choices && i < choices->n; i++)
		build_choice(l, b, choices->items[i]);
	warn_unreachable(l, rules, "rule");
	warn_unreachable(l, choices, "use_backend");
	if (last && (p->caps & CFG_CAP_FRONTEND))
		p->default_backend = cross_backend(l, last);
	else if (p->caps == (CFG_CAP_FRONTEND | CFG_CAP_BACKEND))
		p->default_backend = p;
}
