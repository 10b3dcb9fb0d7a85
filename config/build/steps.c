/* SPDX-License-Identifier: MIT
 *
 * The steps of health checks: tcp_check and http_check. Master (at load).
 */
#include "config/making.h"
#include "lib/base/num.h"

/* --- pieces --------------------------------------------------------------------- */

struct cfg_step *
making_step(struct making *m, enum cfg_step_kind kind)
{
	struct cfg_check *c = m->check;
	c->steps = arena_grow(m->l->arena, c->steps, c->steps_n, sizeof(*c->steps));
	struct cfg_step *s = &c->steps[c->steps_n++];
	*s = (struct cfg_step){.kind = kind};
	return s;
}

void
making_connect(struct making *m)
{
	making_step(m, CFG_STEP_CONNECT);
}

void
making_send(struct making *m, struct span bytes)
{
	making_step(m, CFG_STEP_SEND)->bytes.bytes = bytes;
}

struct cfg_expect *
making_expect(struct making *m, enum cfg_expect_kind kind)
{
	struct cfg_expect *e = arena_alloc(m->l->arena, sizeof(*e));
	*e = (struct cfg_expect){.kind = kind, .min_recv = -1};
	making_step(m, CFG_STEP_EXPECT)->expect = e;
	return e;
}

const struct format *
making_format(struct making *m, const char *text)
{
	struct expr_error err;
	return format_compile(&m->l->cfg->env, span_str(text), FORMAT_BYTES, false, &err);
}

const struct expr_program *
making_expr(struct making *m, const char *text)
{
	struct expr_error err;
	return expr_compile(&m->l->cfg->env, span_str(text), &err);
}

const struct expr_regex *
making_regex(struct making *m, const char *text)
{
	struct expr_error err;
	return expr_regex_new(&m->l->cfg->env, span_str(text), false, 0, &err);
}

static unsigned
digit_of(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

struct span
making_hex(struct making *m, const char *digits)
{
	size_t n = strlen(digits) / 2;
	char *bytes = arena_alloc(m->l->arena, n + 1);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(digit_of(digits[2 * i]) << 4 |
				  digit_of(digits[2 * i + 1]));
	return span_of(bytes, n);
}

/* A format as it stands in the file; what is constant needs no evaluation. */
struct cfg_text
making_text_of_format(struct making *m, const struct node *n)
{
	struct cfg_text t = {.bytes = {NULL, 0}};
	const struct format *f =
		build_format(m->l, m->b, n, span_str(n->text), FORMAT_BYTES);
	if (!f)
		return t;
	t.bytes = format_constant(f);
	if (!t.bytes.p) {
		t.format = f;
		m->check->is_private = true;
	}
	return t;
}

/* `key`, or the format `key`_lf; at most one. */
struct cfg_text
making_text_of_keys(struct making *m, const struct node *map, const char *key,
		    const char *format_key)
{
	const struct node *plain = node_get(map, key), *made = node_get(map, format_key);
	struct cfg_text t = {.bytes = {NULL, 0}};
	if (plain && made)
		report_error(m->l->report, made,
			     "'%s' is given too; expected one of them", key);
	else if (made)
		return making_text_of_format(m, made);
	if (plain)
		t.bytes = build_text(m->l, plain->text);
	return t;
}

/* --- requests ---------------------------------------------------------------------- */

static struct cfg_check_field *
field_of(struct making *m, struct cfg_check_request *r, struct span name)
{
	for (size_t i = 0; i < r->fields_n; i++)
		if (span_ieq(r->fields[i].name, name))
			return &r->fields[i];
	r->fields = arena_grow(m->l->arena, r->fields, r->fields_n, sizeof(*r->fields));
	r->fields[r->fields_n] = (struct cfg_check_field){.name = name};
	return &r->fields[r->fields_n++];
}

static void
add_headers(struct making *m, struct cfg_check_request *r, const struct node *headers)
{
	struct cfg_header *list = NULL;
	size_t n = 0;
	build_headers(m->l, headers, true, &list,
		      &n); /* names and values are checked there */
	for (size_t i = 0; i < headers->n; i++) {
		struct span name = build_text(m->l, headers->keys[i]->text);
		bool is_known = false;
		for (size_t j = 0; j < n; j++)
			is_known |= span_ieq(list[j].name, name);
		for (size_t j = 0; is_known && j < node_items_n(headers->items[i]); j++) {
			const struct node *value = node_item(headers->items[i], j);
			struct cfg_check_field *f = j == 0 ? field_of(m, r, name) : NULL;
			if (!f) { /* a list of values is a list of lines */
				r->fields = arena_grow(m->l->arena, r->fields,
						       r->fields_n, sizeof(*r->fields));
				f = &r->fields[r->fields_n++];
				f->name = name;
			}
			f->value = making_text_of_format(m, value);
		}
	}
}

/* method, uri, version, host, headers, body of `httpchk` or `send`. */
static void
fill_request(struct making *m, struct cfg_check_request *r, const struct node *map)
{
	const char *method = node_text(map, "method");
	const char *version = node_text(map, "version"), *host = node_text(map, "host");
	const struct node *headers = node_get(map, "headers");
	struct cfg_text uri = making_text_of_keys(m, map, "uri", "uri_lf");
	struct cfg_text body = making_text_of_keys(m, map, "body", "body_lf");
	if (method)
		r->method = build_text(m->l, method);
	if (uri.bytes.p || uri.format)
		r->uri = uri;
	if (version)
		r->version = build_text(m->l, version);
	if (body.bytes.p || body.format)
		r->body = body;
	if (host)
		field_of(m, r, SPAN("Host"))->value.bytes = build_text(m->l, host);
	if (headers)
		add_headers(m, r, headers);
}

static struct cfg_check_request *
new_request(struct making *m)
{
	struct cfg_check_request *r = arena_alloc(m->l->arena, sizeof(*r));
	*r = (struct cfg_check_request){.method = SPAN("OPTIONS"),
					.uri.bytes = SPAN("/"),
					.version = SPAN("HTTP/1.0")};
	return r;
}

/* --- connecting ----------------------------------------------------------------------
 */

static void
fill_connect(struct making *m, struct cfg_check_connect *c, const struct node *map)
{
	const struct node *addr = node_get(map, "addr"), *port = node_get(map, "port");
	struct span host = {NULL, 0};
	uint64_t number;
	if (map->kind != NODE_MAP)
		return;
	build_fields(m->l, SECTION_check_connect, map, c);
	if (addr) {
		enum addr_result r = addr_parse(span_str(addr->text), 0, &c->addr, &host);
		if (r < 0 || c->addr.kind == ADDR_FD || addr->text[0] == '*')
			report_error(m->l->report, addr,
				     "'%s' is not an address; expected a host",
				     addr->text);
		else if (r == ADDR_HOSTNAME)
			build_unresolved(m->l, host, &c->addr, NULL, addr, true);
		else if (addr_port(&c->addr))
			c->port = (uint16_t)addr_port(&c->addr);
	}
	if (!port)
		return;
	if (num_u64(span_str(port->text), &number) == NUM_OK) {
		if (number < 1 || number > 65535)
			report_error(m->l->report, port,
				     "'%s' is not a port; expected 1 to 65535",
				     port->text);
		c->port = (uint16_t)number;
		return;
	}
	struct expr_error err;
	c->port_expr = expr_compile(&m->l->cfg->env, span_str(port->text), &err);
	m->check->is_private = true;
	if (!c->port_expr)
		report_error_in(m->l->report, port, err.at, "%s", err.text);
}

/* --- steps
 * ------------------------------------------------------------------------------ */

static const char *const actions[] = {
	"connect",	  "send",	    "send_lf",	  "send_binary",
	"send_binary_lf", "expect",	    "set_var",	  "set_var_fmt",
	"unset_var",	  "disable_on_404", "send_state",
};

/* The one action of a step; NULL: none, or several (reported). */
static const char *
action_of(struct making *m, const struct node *step)
{
	const char *found = NULL;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!node_get(step, actions[i]))
			continue;
		if (found) {
			report_error(m->l->report, node_get(step, actions[i]),
				     "'%s' is given too; expected one action in a step",
				     found);
			return NULL;
		}
		found = actions[i];
	}
	if (!found && !step->has_lost && !node_get(step, "comment"))
		report_error(m->l->report, step,
			     m->check->kind == CFG_CHECK_HTTP
				     ? "expected one of connect, send, expect, set_var, "
				       "unset_var, disable_on_404 and send_state in a "
				       "step"
				     : "expected one of connect, send, send_lf, "
				       "send_binary, "
				       "send_binary_lf, expect, set_var and unset_var in "
				       "a step");
	return found;
}

static void
add_var(struct making *m, const struct node *args, enum schema_section in)
{
	struct cfg_rule *rule = arena_alloc(m->l->arena, sizeof(*rule));
	m->check->is_private = true;
	if (build_members(m->l, m->b, in, args, rule))
		making_step(m, CFG_STEP_VAR)->rule = rule;
}

static void
add_connect(struct making *m, const struct node *value)
{
	struct cfg_check_connect *c = arena_alloc(m->l->arena, sizeof(*c));
	making_step(m, CFG_STEP_CONNECT)->connect = c;
	fill_connect(m, c, value);
}

static void
add_send(struct making *m, const char *action, const struct node *value)
{
	struct cfg_step *s = making_step(m, CFG_STEP_SEND);
	if (strcmp(action, "send") == 0) {
		s->bytes.bytes = build_text(m->l, value->text);
	} else if (strcmp(action, "send_binary") == 0) {
		s->bytes.bytes = making_hex(m, value->text);
	} else {
		s->is_hex = strcmp(action, "send_binary_lf") == 0;
		s->bytes = making_text_of_format(m, value);
		if (s->is_hex && !s->bytes.format)
			s->bytes.format = build_format(
				m->l, m->b, value, span_str(value->text), FORMAT_BYTES);
	}
}

/* What both languages have; false: another action. */
static bool
add_common(struct making *m, const char *action, const struct node *value)
{
	if (strcmp(action, "connect") == 0)
		add_connect(m, value);
	else if (strcmp(action, "expect") == 0)
		making_expect_of(m, value);
	else if (strcmp(action, "set_var") == 0)
		add_var(m, value, SECTION_var);
	else if (strcmp(action, "set_var_fmt") == 0)
		add_var(m, value, SECTION_var_format);
	else if (strcmp(action, "unset_var") == 0)
		add_var(m, value, SECTION_unset_var);
	else
		return false;
	return true;
}

/* Its comment, and its number in messages. */
static void
finish_step(struct making *m, const struct node *step, size_t before, uint16_t *number)
{
	const char *comment = node_text(step, "comment");
	if (m->check->steps_n == before) {
		if (comment)
			m->comment = arena_strdup(m->l->arena, comment);
		return;
	}
	++*number;
	for (size_t i = before; i < m->check->steps_n; i++) {
		struct cfg_step *s = &m->check->steps[i];
		s->number = *number;
		if (!s->comment)
			s->comment =
				comment ? arena_strdup(m->l->arena, comment) : m->comment;
	}
	m->comment = NULL;
}

/* A script connects before all, or says nothing of it. */
static bool
begins_by_connecting(struct making *m)
{
	bool has_connect = false, has_other = false;
	for (size_t i = 0; m->steps && i < m->steps->n; i++) {
		const struct node *step = m->steps->items[i];
		if (node_get(step, "connect")) {
			if (has_other && !has_connect)
				report_error(m->l->report, step,
					     "what stands before it has no connection; "
					     "expected 'connect' as the first step");
			has_connect = true;
		}
		has_other |= node_get(step, "send") || node_get(step, "expect") ||
			     node_get(step, "send_lf") || node_get(step, "send_binary") ||
			     node_get(step, "send_binary_lf");
	}
	return has_connect;
}

void
making_script(struct making *m)
{
	uint16_t number = 0;
	if (!m->steps || m->steps->n == 0)
		return; /* connecting is all */
	m->check->kind = CFG_CHECK_SCRIPT;
	if (!begins_by_connecting(m))
		making_connect(m);
	for (size_t i = 0; i < m->steps->n; i++) {
		const struct node *step = m->steps->items[i];
		const char *action = action_of(m, step);
		size_t before = m->check->steps_n;
		if (action && !add_common(m, action, node_get(step, action)))
			add_send(m, action, node_get(step, action));
		finish_step(m, step, before, &number);
	}
}

/* --- HTTP
 * --------------------------------------------------------------------------------
 */

/* How far an HTTP script has come. */
struct exchange {
	struct cfg_check_request *implied; /* of option httpchk, until something is
					      expected */
	bool has_request, has_expect;	   /* since the last connection */
};

static void
expect_usual_status(struct making *m)
{
	struct cfg_expect *e = making_expect(m, CFG_EXPECT_STATUS);
	making_ranges(m->l, e, "200-399");
}

static void
add_request(struct making *m, struct exchange *x, const struct node *value)
{
	if (x->implied) {
		fill_request(m, x->implied, value);
		return;
	}
	if (x->has_request)
		report_error(m->l->report, value,
			     "servers close after each response to a check; expected a "
			     "step 'connect' before it");
	struct cfg_check_request *r = new_request(m);
	fill_request(m, r, value);
	making_step(m, CFG_STEP_REQUEST)->request = r;
	x->has_request = true;
	x->has_expect = false;
}

/* The request of the option comes behind the first connection. */
static void
add_implied(struct making *m, struct exchange *x, const struct node *httpchk)
{
	struct cfg_check_request *r = new_request(m);
	if (httpchk->kind == NODE_MAP)
		fill_request(m, r, httpchk);
	making_step(m, CFG_STEP_REQUEST)->request = r;
	*x = (struct exchange){.implied = r, .has_request = true};
}

static void
add_http_step(struct making *m, struct exchange *x, const struct node *httpchk,
	      const struct node *step, const char *action)
{
	const struct node *value = node_get(step, action);
	if (strcmp(action, "disable_on_404") == 0) {
		m->check->disable_on_404 = true;
	} else if (strcmp(action, "send_state") == 0) {
		m->check->send_state = true;
		m->check->is_private = true;
	} else if (strcmp(action, "connect") == 0) {
		bool is_first = !x->has_request;
		if (x->has_request && !x->has_expect)
			expect_usual_status(m);
		(void)add_common(m, action, value);
		*x = (struct exchange){.has_request = false};
		if (is_first)
			add_implied(m, x, httpchk);
	} else if (strcmp(action, "send") == 0) {
		add_request(m, x, value);
	} else {
		(void)add_common(m, action, value);
		if (strcmp(action, "expect") == 0) {
			x->implied = NULL;
			x->has_expect = true;
		}
	}
}

void
making_http(struct making *m, const struct node *httpchk)
{
	struct exchange x = {.implied = NULL};
	uint16_t number = 0;
	m->check->kind = CFG_CHECK_HTTP;
	if (!begins_by_connecting(m)) {
		making_connect(m);
		add_implied(m, &x, httpchk);
	}
	for (size_t i = 0; m->steps && i < m->steps->n; i++) {
		const struct node *step = m->steps->items[i];
		const char *action = action_of(m, step);
		size_t before = m->check->steps_n;
		if (action)
			add_http_step(m, &x, httpchk, step, action);
		finish_step(m, step, before, &number);
	}
	if (!x.has_expect)
		expect_usual_status(m);
}
