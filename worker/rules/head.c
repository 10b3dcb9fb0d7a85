/* SPDX-License-Identifier: MIT
 *
 * Actions that rewrite a head (lib/http/edit.h): fields, target, method, status. Worker.
 */
#include "lib/expr/format.h"
#include "lib/expr/pattern.h"
#include "lib/http/edit.h"
#include "lib/http/reply.h"
#include "worker/rules/rules.h"

/* The head that is rewritten; edits begin with the first one. */
static struct http_head *
head_of(struct rule_run *r)
{
	struct http_head *h = r->c.res ? r->c.res : r->c.req;
	if (!h->is_edited)
		http_edit_begin(h, self.edits, WORKER_EDITS_BYTES);
	return h;
}

static enum rule_end
done(struct rule_run *r, bool is_done)
{
	return is_done ? RULE_GOES_ON : rule_failed(r);
}

static void
count_failure(const struct txn *t)
{
	shm_count(&t->fe->shm, SHM_FRONTEND_wrew, 1);
	shm_count(&t->s->bind->shm, SHM_LISTENER_wrew, 1);
	if (t->be)
		shm_count(&t->be->shm, SHM_BACKEND_wrew, 1);
	if (t->srv)
		shm_count(&t->srv->shm, SHM_SERVER_wrew, 1);
}

enum rule_end
rule_failed(struct rule_run *r)
{
	count_failure(r->c.t);
	if (r->is_lenient || r->set == CFG_RULES_AFTER_RESPONSE)
		return RULE_GOES_ON;
	bool is_response = r->set == CFG_RULES_RESPONSE;
	reply_error(r->c.t, is_response ? 502 : 500, STOP_rewrite_failed);
	return RULE_ENDED;
}

enum rule_end
do_strict_mode(struct rule_run *r, const struct cfg_rule *a)
{
	r->is_lenient = !a->is_on;
	return RULE_GOES_ON;
}

/* --- fields ------------------------------------------------------------------------- */

enum rule_end
do_add_header(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_add(head_of(r), a->name, rule_text(r, a->format)));
}

enum rule_end
do_set_header(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_set(head_of(r), a->name, rule_text(r, a->format)));
}

static bool
contains(struct span s, struct span part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (strncasecmp(s.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

static bool
is_meant(struct rule_run *r, const struct cfg_rule *a, struct span name)
{
	struct span part = a->name;
	size_t groups[2];
	switch ((enum cfg_match)a->match) {
	case CFG_MATCH_STR:
		return span_ieq(name, part);
	case CFG_MATCH_BEG:
		return name.n >= part.n && strncasecmp(name.p, part.p, part.n) == 0;
	case CFG_MATCH_END:
		return name.n >= part.n &&
		       strncasecmp(name.p + name.n - part.n, part.p, part.n) == 0;
	case CFG_MATCH_SUB:
		return contains(name, part);
	case CFG_MATCH_REG:
		return expr_regex_match(a->regex, &r->c.base, name, 0, groups, 1) > 0;
	}
	return false;
}

enum rule_end
do_del_header(struct rule_run *r, const struct cfg_rule *a)
{
	struct http_head *h = r->c.res ? r->c.res : r->c.req;
	if (a->match == CFG_MATCH_STR) {
		enum http_field_id id = http_field_id_of(a->name);
		for (int i = http_head_find_id(h, id, a->name, 0); i >= 0;
		     i = http_head_find_id(h, id, a->name, (unsigned)i + 1))
			(void)http_edit_delete(head_of(r), (unsigned)i);
		return RULE_GOES_ON;
	}
	for (unsigned i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		if (f->deleted || !is_meant(r, a, http_field_name(h, f)))
			continue;
		(void)http_edit_delete(head_of(r), i); /* false: it ends here anyway */
	}
	return RULE_GOES_ON;
}

/* --- replacing ---------------------------------------------------------------------- */

enum { GROUPS_N = 10 };

/* A text that grows at the end of the scratch. */
struct text {
	char *p;
	size_t n;
	bool is_full;
};

static struct text
text_begin(void)
{
	return (struct text){.p = self.scratch.bytes + self.scratch.used};
}

static void
text_add(struct text *t, struct span s)
{
	char *p = s.n ? expr_scratch_take(&self.scratch, s.n) : NULL;
	if (s.n && !p) {
		t->is_full = true;
		return;
	}
	if (s.n)
		memcpy(p, s.p, s.n);
	t->n += s.n;
}

/* Adds what stands in the place of a match: \0 to \9 are groups of the subject. */
static void
add_replacement(struct text *t, struct span with, struct span subject,
		const size_t *groups, int groups_n)
{
	for (size_t i = 0; i < with.n; i++) {
		if (with.p[i] != '\\' || i + 1 == with.n) {
			text_add(t, span_of(with.p + i, 1));
			continue;
		}
		char c = with.p[++i];
		int g = c - '0';
		if (g < 0 || g > 9)
			text_add(t, span_of(&with.p[i], 1));
		else if (g < groups_n && groups[2 * g] != SIZE_MAX)
			text_add(t, span_of(subject.p + groups[2 * g],
					    groups[2 * g + 1] - groups[2 * g]));
	}
}

/* Adds the replacement of `subject` when it matches, else (keeps) itself. Whether it did.
 */
static bool
replace(struct rule_run *r, const struct cfg_rule *a, struct span with,
	struct span subject, struct text *t)
{
	size_t groups[2 * GROUPS_N];
	int n = expr_regex_match(a->regex, &r->c.base, subject, 0, groups, GROUPS_N);
	if (n <= 0)
		return false;
	add_replacement(t, with, subject, groups, n);
	return true;
}

enum rule_end
do_replace_header(struct rule_run *r, const struct cfg_rule *a)
{
	struct http_head *h = head_of(r);
	struct span with = rule_text(r, a->format);
	for (int i = http_head_find(h, a->name, 0); i >= 0;
	     i = http_head_find(h, a->name, (unsigned)i + 1)) {
		struct text t = text_begin();
		if (!replace(r, a, with, http_field_value(h, &h->fields[i]), &t))
			continue;
		if (t.is_full || !http_edit_value(h, (unsigned)i, span_of(t.p, t.n)))
			return rule_failed(r);
	}
	return RULE_GOES_ON;
}

/* Where the value of a list that begins at `from` ends: a comma outside quotes. */
static size_t
element_end(struct span list, size_t from)
{
	bool is_quoted = false;
	for (; from < list.n; from++) {
		if (list.p[from] == '"')
			is_quoted = !is_quoted;
		else if (list.p[from] == '\\' && is_quoted)
			from++;
		else if (list.p[from] == ',' && !is_quoted)
			break;
	}
	return from < list.n ? from : list.n;
}

/* Every element of a list by itself; the white space around it stays. */
static bool
replace_elements(struct rule_run *r, const struct cfg_rule *a, struct span with,
		 struct span list, struct text *t)
{
	bool is_changed = false;
	for (size_t at = 0; at < list.n;) {
		size_t end = element_end(list, at);
		struct span element = span_trim(span_of(list.p + at, end - at));
		text_add(t, span_of(list.p + at, (size_t)(element.p - list.p) - at));
		if (element.n && replace(r, a, with, element, t))
			is_changed = true;
		else
			text_add(t, element);
		at = (size_t)(element.p - list.p) + element.n;
		end += end < list.n; /* the comma */
		text_add(t, span_of(list.p + at, end - at));
		at = end;
	}
	return is_changed;
}

enum rule_end
do_replace_value(struct rule_run *r, const struct cfg_rule *a)
{
	struct http_head *h = head_of(r);
	struct span with = rule_text(r, a->format);
	for (int i = http_head_find(h, a->name, 0); i >= 0;
	     i = http_head_find(h, a->name, (unsigned)i + 1)) {
		struct text t = text_begin();
		struct span list = http_field_value(h, &h->fields[i]);
		if (!replace_elements(r, a, with, list, &t))
			continue;
		if (t.is_full || !http_edit_value(h, (unsigned)i, span_of(t.p, t.n)))
			return rule_failed(r);
	}
	return RULE_GOES_ON;
}

/* --- start line --------------------------------------------------------------------- */

enum rule_end
do_set_method(struct rule_run *r, const struct cfg_rule *a)
{
	struct http_head *h = head_of(r);
	bool was_head = h->method == HTTP_METHOD_HEAD;
	if (!http_edit_method(h, rule_text(r, a->format)))
		return rule_failed(r);
	r->c.t->hides_body |= was_head && h->method != HTTP_METHOD_HEAD;
	r->c.t->method = (uint8_t)h->method;
	r->c.t->is_replayable &= http_method_is_idempotent(h->method);
	return RULE_GOES_ON;
}

enum rule_end
do_set_path(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_path(head_of(r), rule_text(r, a->format)));
}

enum rule_end
do_set_pathq(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_pathq(head_of(r), rule_text(r, a->format)));
}

enum rule_end
do_set_query(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_query(head_of(r), rule_text(r, a->format)));
}

enum rule_end
do_set_uri(struct rule_run *r, const struct cfg_rule *a)
{
	return done(r, http_edit_uri(head_of(r), rule_text(r, a->format)));
}

typedef bool edit_fn(struct http_head *h, struct span value);

static enum rule_end
replace_part(struct rule_run *r, const struct cfg_rule *a, struct span part,
	     edit_fn *edit)
{
	struct span with = rule_text(r, a->format);
	struct text t = text_begin();
	if (!replace(r, a, with, part, &t))
		return RULE_GOES_ON;
	return done(r, !t.is_full && edit(head_of(r), span_of(t.p, t.n)));
}

enum rule_end
do_replace_path(struct rule_run *r, const struct cfg_rule *a)
{
	return replace_part(r, a, r->c.req->path, http_edit_path);
}

/* Path and query stand behind each other, but for a target without a path. */
static struct span
pathq_of(const struct http_head *h)
{
	if (!h->query.p || h->path.p + h->path.n + 1 != h->query.p)
		return h->path;
	return span_of(h->path.p, h->path.n + 1 + h->query.n);
}

enum rule_end
do_replace_pathq(struct rule_run *r, const struct cfg_rule *a)
{
	return replace_part(r, a, pathq_of(r->c.req), http_edit_pathq);
}

enum rule_end
do_replace_uri(struct rule_run *r, const struct cfg_rule *a)
{
	return replace_part(r, a, r->c.req->target, http_edit_uri);
}

enum rule_end
do_set_status(struct rule_run *r, const struct cfg_rule *a)
{
	int status = (int)a->number;
	struct span reason = a->name.n ? a->name : span_str(http_reason(status));
	return done(r, http_edit_status(head_of(r), status, reason));
}
