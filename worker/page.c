/* SPDX-License-Identifier: MIT
 *
 * Answers of the configuration as they are sent for one request. Worker.
 */
#include "worker/page.h"

#include "lib/expr/format.h"
#include "lib/http/reply.h"

struct span
page_text(const struct txn_context *c, const struct format *f)
{
	struct span text = format_constant(f);
	if (text.p)
		return text;
	/* the text, and behind it what its expressions make */
	struct expr_scratch *s = &self.scratch;
	size_t at = s->used, room = (s->cap - at) / 2;
	s->used = at + room;
	size_t n = format_write(f, &c->base, s->bytes + at, room);
	s->used = at + n;
	return span_of(s->bytes + at, n);
}

/* The lines of fields whose values are made now, behind those that are fixed. */
static struct span
field_lines(const struct txn_context *c, const struct cfg_reply *reply)
{
	struct span fixed = reply->message->extra;
	if (!reply->fields_n)
		return fixed;
	char *out = expr_scratch_take(&self.scratch, self.scratch.cap / 4);
	size_t n = 0, cap = self.scratch.cap / 4;
	if (!out || fixed.n > cap)
		return fixed;
	if (fixed.n)
		memcpy(out, fixed.p, fixed.n);
	n = fixed.n;
	for (size_t i = 0; i < reply->fields_n; i++) {
		const struct cfg_field *f = &reply->fields[i];
		struct span value = page_text(c, f->value);
		if (value.n == 0)
			continue; /* as HAProxy: a field without a value is none */
		if (n + f->name.n + value.n + 4 > cap)
			break;
		memcpy(out + n, f->name.p, f->name.n);
		n += f->name.n;
		memcpy(out + n, ": ", 2);
		memcpy(out + n + 2, value.p, value.n);
		n += 2 + value.n;
		memcpy(out + n, "\r\n", 2);
		n += 2;
	}
	return span_of(out, n);
}

void
page_make(const struct txn_context *c, const struct cfg_reply *from,
	  struct http_reply *made)
{
	*made = *from->message;
	if (from->body)
		made->body = page_text(c, from->body);
	if (!made->head.p)
		made->extra = field_lines(c, from);
}

/* The backend's once there is one, else the frontend's; NULL: the standard page. */
static const struct cfg_reply *
own_page(const struct txn *t, int status)
{
	int i = http_error_of(status);
	if (i < 0)
		return NULL;
	const struct cfg_reply *own = t->be ? t->be->cfg->errors[i] : NULL;
	return own ? own : t->fe->cfg->errors[i];
}

bool
page_is_own(const struct txn *t, int status)
{
	return own_page(t, status);
}

void
page_error(const struct txn_context *c, int status, struct http_reply *made)
{
	const struct cfg_reply *own = own_page(c->t, status);
	if (own)
		page_make(c, own, made);
	else
		http_reply_error(status, made);
	made->status = status; /* whatever the file says, it is counted as this */
}

void
page_error_of(struct txn *t, int status, struct http_reply *made)
{
	const struct cfg_reply *own = own_page(t, status);
	struct txn_context c = context_for(t, EXPR_AT_REQUEST);
	bool is_made = own && (own->body || own->fields_n);
	self.scratch.used = 0;
	if (is_made && t->head && t->head_sent == 0 && !t->is_parked) {
		struct span s = buf_span(t->head);
		enum http_reject why;
		if (http_head_parse_request(s.p, s.n, 0, &t->fe->cfg->limits, &self.head,
					    &why) == HTTP_PARSE_OK)
			c.req = &self.head;
	}
	page_error(&c, status, made);
}
