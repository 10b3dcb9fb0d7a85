/* SPDX-License-Identifier: MIT
 *
 * The arguments of a rule's action. Most are FIELDs of schema_rules.def that need no more
 * than their type; what is left has a row in `finish`. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/expr/live.h"
#include "lib/expr/vars.h"
#include "lib/http/edit.h"

/* A rule on its way. */
struct action {
	struct built *b;
	const struct node *args; /* its map; a plain value where it takes none */
	enum cfg_rule_set set;
	struct cfg_rule *rule;
};

const struct format *
build_format(struct loading *l, const struct built *b, const struct node *n,
	     struct span text, enum format_use use)
{
	struct expr_error err;
	const struct format *f = format_compile(&l->cfg->env, text, use,
						b->proxy->mode == CFG_MODE_HTTP, &err);
	if (!f)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return f;
}

static const struct expr_program *
build_expr(struct loading *l, const struct node *n)
{
	struct expr_error err;
	const struct expr_program *p =
		expr_compile(&l->cfg->env, span_str(n->text), &err);
	if (!p)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return p;
}

/* --- variables ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum expr_set_if bit;
} set_ifs[] = {
	{"ifexists", EXPR_SET_IF_EXISTS}, {"ifnotexists", EXPR_SET_IF_NOT_EXISTS},
	{"ifset", EXPR_SET_IF_SET},	  {"ifnotset", EXPR_SET_IF_NOT_SET},
	{"ifempty", EXPR_SET_IF_EMPTY},	  {"ifnotempty", EXPR_SET_IF_NOT_EMPTY},
	{"ifgt", EXPR_SET_IF_GREATER},	  {"iflt", EXPR_SET_IF_LESS},
};

/* The words behind the name: "txn.x,ifnotexists". */
static bool
add_set_if(struct loading *l, const struct node *n, struct span word,
	   struct cfg_rule *rule)
{
	struct suggest s = suggest_begin(word);
	for (size_t i = 0; i < sizeof(set_ifs) / sizeof(set_ifs[0]); i++) {
		if (span_eq(word, span_str(set_ifs[i].name))) {
			rule->set_if |= (uint8_t)set_ifs[i].bit;
			return true;
		}
		suggest_offer(&s, set_ifs[i].name);
	}
	report_error_in(l->report, n, (size_t)(word.p - n->text),
			"'%.*s' is not a condition of set_var; expected ifexists, "
			"ifnotexists, ifset, ifnotset, ifempty, ifnotempty, ifgt or "
			"iflt%s%s%s",
			(int)word.n, word.p, s.best ? "; did you mean '" : "",
			s.best ? s.best : "", s.best ? "'?" : "");
	return false;
}

static const struct expr_var *
build_var(struct loading *l, const struct action *a, const struct node *n)
{
	struct expr_error err;
	struct span rest = span_str(n->text), name = span_trim(span_cut(&rest, ','));
	const struct expr_var *v = expr_var_at(&l->cfg->env, name, 0, &err);
	if (!v) {
		report_error_in(l->report, n, err.at, "%s", err.text);
		return NULL;
	}
	while (rest.n)
		if (!add_set_if(l, n, span_trim(span_cut(&rest, ',')), a->rule))
			return NULL;
	return v;
}

/* --- arguments by their types --------------------------------------------------------
 */

/* A format that makes the text as it is. */
static const char *
without_format(struct loading *l, const char *text)
{
	char *out = arena_alloc(l->arena, 2 * strlen(text) + 1), *p = out;
	for (; *text; text++) {
		if (*text == '%')
			*p++ = '%';
		*p++ = *text;
	}
	return out;
}

static const void *
compile_arg(struct loading *l, const struct action *a, const struct schema_key *k,
	    const struct node *n)
{
	struct expr_error err;
	if (k->in == SECTION_redirect_rule)
		return build_format(l, a->b, n, span_str(without_format(l, n->text)),
				    FORMAT_BYTES);
	if (k->type == TYPE_FORMAT)
		return build_format(l, a->b, n, span_str(n->text),
				    k->in == SECTION_field ||
						    k->in == SECTION_replace_field
					    ? FORMAT_FIELD
					    : FORMAT_BYTES);
	if (k->type == TYPE_EXPRESSION)
		return build_expr(l, n);
	if (k->type == TYPE_VARIABLE)
		return build_var(l, a, n);
	const struct expr_regex *r =
		expr_regex_new(&l->cfg->env, span_str(n->text), false, 0, &err);
	if (!r)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return r;
}

/* All FIELDs of the section that are given, into base. false: one is wrong or missing
 * (reported). */
static bool
build_args(struct loading *l, const struct action *a, enum schema_section in, void *base)
{
	bool is_sound = true;
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in || !k->bytes)
			continue;
		const struct node *n = node_get(a->args, k->name);
		if (!n) {
			is_sound &= !schema_is_required(k);
			continue;
		}
		uint64_t number;
		bool is_number = (in == SECTION_number || in == SECTION_sc_gpc ||
				  in == SECTION_sc_gpt || in == SECTION_sc_gpt0) &&
				 k->type == TYPE_EXPRESSION &&
				 num_u64(span_str(n->text), &number) == NUM_OK;
		if (is_number) {
			a->rule->number = number;
		} else if (k->type == TYPE_FORMAT || k->type == TYPE_EXPRESSION ||
			   k->type == TYPE_VARIABLE || k->type == TYPE_PATTERN) {
			const void *made = compile_arg(l, a, k, n);
			memcpy((char *)base + k->offset, &made, sizeof(made));
			is_sound &= made != NULL;
		} else {
			value_store(l->arena, k, n->text, base);
		}
	}
	return is_sound;
}

bool
build_members(struct loading *l, struct built *b, enum schema_section in,
	      const struct node *map, void *base)
{
	bool is_var = in == SECTION_var || in == SECTION_var_format;
	const struct action a = {.b = b, .args = map, .rule = is_var ? base : NULL};
	return build_args(l, &a, in, base);
}

/* --- what actions need besides --------------------------------------------------------
 */

typedef bool finish_fn(struct loading *l, const struct action *a);

/* What frames the message is not to be edited. */
static bool
finish_field(struct loading *l, const struct action *a)
{
	struct span name = a->rule->name;
	if (a->rule->match != CFG_MATCH_STR || !http_edit_is_ours(name))
		return true;
	report_error(l->report, node_get(a->args, "name"),
		     "'%.*s' is written by weir itself; expected another field",
		     (int)name.n, name.p);
	return false;
}

static bool
finish_del_header(struct loading *l, const struct action *a)
{
	struct expr_error err;
	struct cfg_rule *r = a->rule;
	if (r->match != CFG_MATCH_REG)
		return finish_field(l, a);
	r->regex = expr_regex_new(&l->cfg->env, r->name, true, 0, &err);
	if (!r->regex)
		report_error_in(l->report, node_get(a->args, "name"), err.at, "%s",
				err.text);
	return r->regex != NULL;
}

static bool
finish_reply(struct loading *l, const struct action *a)
{
	struct cfg_reply *reply = arena_alloc(l->arena, sizeof(*reply));
	int usual = a->rule->action == CFG_ACTION_return   ? 200
		    : a->rule->action == CFG_ACTION_tarpit ? 500
		    : a->set == CFG_RULES_RESPONSE	   ? 502
							   : 403;
	bool has_page = a->rule->action != CFG_ACTION_return;
	a->rule->reply = reply;
	if (a->args->kind == NODE_MAP)
		build_reply(l, a->b, a->args, has_page, usual, reply);
	else
		reply->status = usual;
	return true;
}

static bool
finish_redirect(struct loading *l, const struct action *a)
{
	static const uint16_t codes[] = {301, 302, 303, 307, 308};
	struct cfg_redirect *r = arena_alloc(l->arena, sizeof(*r));
	bool is_plain = a->set == CFG_RULES_REDIRECT;
	bool is_sound =
		build_args(l, a, is_plain ? SECTION_redirect_rule : SECTION_redirect, r);
	bool has_location = node_get(a->args, "location");
	int given = has_location + (node_get(a->args, "prefix") != NULL) +
		    (node_get(a->args, "scheme") != NULL);
	r->code = codes[r->code];
	a->rule->redirect = r;
	if (given != 1) {
		report_error(l->report, a->args,
			     "%s; expected one of location, prefix and scheme",
			     given ? "two targets" : "no target");
		return false;
	}
	if (a->set == CFG_RULES_RESPONSE && !has_location) {
		report_error(l->report, a->args,
			     "the request is gone when its response comes; expected "
			     "'location'");
		return false;
	}
	return is_sound;
}

static bool
finish_set_timeout(struct loading *l, const struct action *a)
{
	static const char *const names[CFG_TIMEOUTS_N] = {"client", "connect", "queue",
							  "server", "tarpit",  "tunnel"};
	struct cfg_set_timeout *t = arena_alloc(l->arena, CFG_TIMEOUTS_N * sizeof(*t));
	bool is_sound = true, any = false;
	for (size_t i = 0; i < CFG_TIMEOUTS_N; i++) {
		const struct node *n = node_get(a->args, names[i]);
		any |= n != NULL;
		if (!n)
			continue;
		t[i].is_set = true;
		if (num_duration_ms(span_str(n->text), &t[i].ms) == NUM_OK)
			continue;
		t[i].expr = build_expr(l, n);
		is_sound &= t[i].expr != NULL;
	}
	if (!any)
		report_error(l->report, a->args,
			     "no timeout; expected client, connect, queue, server, "
			     "tarpit or tunnel");
	a->rule->timeouts = t;
	return is_sound && any;
}

static bool
finish_set_retries(struct loading *l, const struct action *a)
{
	if (!(a->b->proxy->caps & CFG_CAP_BACKEND)) {
		report_error(l->report, a->args,
			     "retries are a backend's; expected this rule in a backend "
			     "or a listen");
		return false;
	}
	if (a->rule->expr || a->rule->number <= 100)
		return true;
	report_error(l->report, a->args, "more than 100; expected 0 to 100");
	return false;
}

static bool
finish_auth(struct loading *l, const struct action *a)
{
	if (!a->rule->name.n)
		a->rule->name = span_str(a->b->proxy->name);
	if (!memchr(a->rule->name.p, '"', a->rule->name.n))
		return true;
	report_error(l->report, node_get(a->args, "realm"),
		     "a realm is written in quotes; expected it without one");
	return false;
}

/* rule.number becomes the slot. */
static bool
finish_capture(struct loading *l, const struct action *a)
{
	const struct node *len = node_get(a->args, "len"), *id = node_get(a->args, "id");
	bool is_request = a->set == CFG_RULES_REQUEST || a->set == CFG_RULES_CONTENT;
	if (!len == !id) {
		report_error(l->report, a->args, "%s; expected one of len and id",
			     len ? "two slots" : "no slot");
		return false;
	}
	if (id) {
		a->rule->number = value_uint(id->text);
		return true;
	}
	if (!is_request || !(a->b->proxy->caps & CFG_CAP_FRONTEND)) {
		report_error(l->report, len,
			     "only rules for requests in a frontend make slots; "
			     "expected 'id', and the slot in declare_capture");
		return false;
	}
	const struct cfg_capture slot = {.len = (uint32_t)a->rule->number};
	a->rule->number = build_slot(l, a->b->proxy, CFG_CAPTURE_REQUEST, &slot);
	return true;
}

/* --- stick tables ------------------------------------------------------------------- */

static enum expr_type
key_type(enum stick_key key)
{
	static const uint8_t types[STICK_KEYS_N] = {
		[STICK_IP] = EXPR_IPV4,	    [STICK_IPV6] = EXPR_IPV6,
		[STICK_INTEGER] = EXPR_INT, [STICK_STRING] = EXPR_STR,
		[STICK_BINARY] = EXPR_BIN,
	};
	return (enum expr_type)types[key];
}

bool
build_key_fits(struct loading *l, const struct node *n, const struct expr_program *p,
	       const struct cfg_table *t)
{
	if (expr_can_cast(expr_program_type(p), key_type(t->spec.key)))
		return true;
	report_error(l->report, n, "it gives %s; the table '%s' has keys of type %s",
		     expr_type_name(expr_program_type(p)), t->name,
		     stick_key_name(t->spec.key));
	return false;
}

const struct expr_program *
build_key(struct loading *l, const struct node *n, const struct cfg_table *t)
{
	const struct expr_program *p = build_expr(l, n);
	return p && (!t || build_key_fits(l, n, p, t)) ? p : NULL;
}

static bool
finish_track(struct loading *l, const struct action *a)
{
	struct cfg_rule *r = a->rule;
	const struct node *name = node_get(a->args, "table");
	struct expr_error err;
	r->sc = (uint8_t)(r->action - CFG_ACTION_track_sc0);
	r->table = build_table_find(l, a->b, span_str(name ? name->text : ""), &err);
	if (!r->table) {
		report_error(l->report, name ? name : a->args, "%s", err.text);
		return false;
	}
	l->cfg->trackers |= 1u << r->sc;
	return build_key_fits(l, node_get(a->args, "key"), r->expr, r->table);
}

static bool
finish_rate_limit(struct loading *l, const struct action *a)
{
	a->rule->limit = build_limit(l, a->b, a->args, a->set);
	return a->rule->limit != NULL;
}

/* The file may be one that an expression further down reads (cross.c). */
static bool
finish_patterns(struct loading *l, const struct action *a)
{
	const struct node *map = node_get(a->args, "map");
	const struct node *file = map ? map : node_get(a->args, "acl");
	if (!file)
		return false; /* reported */
	a->rule->patterns =
		expr_source_file(&l->cfg->env, span_str(file->text), map != NULL);
	cross_patterns(l, file, a->rule->patterns);
	return true;
}

static finish_fn *const finish[CFG_ACTIONS_N] = {
	[CFG_ACTION_set_map] = finish_patterns,
	[CFG_ACTION_del_map] = finish_patterns,
	[CFG_ACTION_add_acl] = finish_patterns,
	[CFG_ACTION_del_acl] = finish_patterns,
	[CFG_ACTION_add_header] = finish_field,
	[CFG_ACTION_set_header] = finish_field,
	[CFG_ACTION_replace_header] = finish_field,
	[CFG_ACTION_replace_value] = finish_field,
	[CFG_ACTION_del_header] = finish_del_header,
	[CFG_ACTION_return] = finish_reply,
	[CFG_ACTION_deny] = finish_reply,
	[CFG_ACTION_tarpit] = finish_reply,
	[CFG_ACTION_redirect] = finish_redirect,
	[CFG_ACTION_set_timeout] = finish_set_timeout,
	[CFG_ACTION_set_retries] = finish_set_retries,
	[CFG_ACTION_auth] = finish_auth,
	[CFG_ACTION_track_sc0] = finish_track,
	[CFG_ACTION_track_sc1] = finish_track,
	[CFG_ACTION_track_sc2] = finish_track,
	[CFG_ACTION_track_sc3] = finish_track,
	[CFG_ACTION_track_sc4] = finish_track,
	[CFG_ACTION_track_sc5] = finish_track,
	[CFG_ACTION_track_sc6] = finish_track,
	[CFG_ACTION_track_sc7] = finish_track,
	[CFG_ACTION_track_sc8] = finish_track,
	[CFG_ACTION_track_sc9] = finish_track,
	[CFG_ACTION_track_sc10] = finish_track,
	[CFG_ACTION_track_sc11] = finish_track,
	[CFG_ACTION_capture] = finish_capture,
	[CFG_ACTION_rate_limit] = finish_rate_limit,
};

static const enum schema_section sections[CFG_ACTIONS_N] = {
#define ACTION(name, sets, end, form, type, sub, help, manual) SECTION_##sub,
#include "config/actions.def"
#undef ACTION
};

bool
build_action(struct loading *l, struct built *b, const struct node *args,
	     enum cfg_rule_set set, struct cfg_rule *rule)
{
	const struct action a = {.b = b, .args = args, .set = set, .rule = rule};
	enum schema_section in = sections[rule->action];
	finish_fn *rest = finish[rule->action];
	bool is_own = rest == finish_reply || rest == finish_redirect ||
		      rest == finish_rate_limit;
	bool is_sound = is_own || build_args(l, &a, in, rule);
	return is_sound && (!rest || rest(l, &a));
}
