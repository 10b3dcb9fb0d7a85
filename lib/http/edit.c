/* SPDX-License-Identifier: MIT
 *
 * Edits of a head, written behind each other into the lent memory.
 */
#include "lib/http/edit.h"

#include "lib/http/authority.h"
#include "lib/http/lines.h"
#include "lib/http/scan.h"

#define BIT(id) (1u << HTTP_FIELD_##id)

/* As drop_hop_fields() of the framing: those that are written anew, or end here. */
static const uint32_t our_fields =
	BIT(CONNECTION) | BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE) |
	BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) | BIT(TE) | BIT(TRAILER);

static bool
is_ours(unsigned id)
{
	return id == HTTP_FIELD_IDS_N || our_fields & 1u << id;
}

void
http_edit_begin(struct http_head *h, char *bytes, size_t cap)
{
	h->is_edited = true;
	h->edits = bytes;
	h->edits_n = 0;
	h->edits_cap = (uint32_t)(cap < HTTP_EDITS_MAX ? cap : HTTP_EDITS_MAX);
}

bool
http_edit_is_ours(struct span name)
{
	return is_ours(http_field_id_of(name));
}

/* n bytes at the end of the edits, not taken yet; NULL: there is no room. */
static char *
room(const struct http_head *h, size_t n)
{
	return h->edits_cap - h->edits_n < n ? NULL : h->edits + h->edits_n;
}

/* --- fields ------------------------------------------------------------------------- */

/* A value may hold anything but controls (RFC 9110 5.5). */
static inline void
copy_value(char *to, struct span value)
{
	const char *p = value.p, *end = p + value.n;

	memcpy(to, p, value.n);
	while ((p = http_scan_value(p, end)) < end)
		to[p++ - value.p] = ' ';
}

/* Writes a field line, to which *f then points. */
static bool
write_line(struct http_head *h, struct http_field *f, struct span name, struct span value,
	   unsigned id)
{
	while (value.n && (value.p[0] == ' ' || value.p[0] == '\t'))
		value = span_of(value.p + 1, value.n - 1); /* behind it as written */
	size_t n = name.n + 2 + value.n + 2;
	char *p = room(h, n);

	if (!p)
		return false;
	memcpy(p, name.p, name.n);
	memcpy(p + name.n, ": ", 2);
	if (value.n)
		copy_value(p + name.n + 2, value);
	memcpy(p + n - 2, "\r\n", 2);
	*f = (struct http_field){
		.line_off = (uint16_t)h->edits_n,
		.line_n = (uint16_t)n,
		.name_n = (uint16_t)name.n,
		.value_off = (uint16_t)(h->edits_n + name.n + 2),
		.value_n = (uint16_t)value.n,
		.id = (uint8_t)id,
		.added = 1,
	};
	h->edits_n += (uint32_t)n;
	return true;
}

/* Brings seen, repeated and first up to date after a change of fields with that id. */
static void
recount(struct http_head *h, unsigned id)
{
	unsigned n = 0;

	if (id == HTTP_FIELD_OTHER)
		return;
	for (unsigned i = h->fields_n; i-- > 0;)
		if (h->fields[i].id == id && !h->fields[i].deleted) {
			h->first[id] = (uint16_t)i;
			n++;
		}
	h->seen = (h->seen & ~(1u << id)) | (unsigned)(n > 0) << id;
	h->repeated = (h->repeated & ~(1u << id)) | (unsigned)(n > 1) << id;
	if (id == HTTP_FIELD_HOST)
		h->authority = http_head_value(h, HTTP_FIELD_HOST);
}

/* There is one Host, and it names a host. */
static bool
may_be_written(unsigned id, struct span value)
{
	if (id == HTTP_FIELD_HOST)
		return http_authority_is_valid(span_trim(value), HTTP_PORT_OPTIONAL);
	return !is_ours(id);
}

bool
http_edit_add(struct http_head *h, struct span name, struct span value)
{
	unsigned id = http_field_id_of(name);

	if (id == HTTP_FIELD_HOST)
		return http_edit_set(h, name, value);
	if (h->fields_n == HTTP_FIELDS_MAX || !may_be_written(id, value) ||
	    !write_line(h, &h->fields[h->fields_n], name, value, id))
		return false;
	h->fields_n++;
	recount(h, id);
	return true;
}

bool
http_edit_set(struct http_head *h, struct span name, struct span value)
{
	unsigned id = http_field_id_of(name), last = h->fields_n;
	int i = http_head_find_id(h, id, name, 0);

	if (last == HTTP_FIELDS_MAX || !may_be_written(id, value) ||
	    !write_line(h, &h->fields[last], name, value, id))
		return false;
	for (; i >= 0; i = http_head_find_id(h, id, name, (unsigned)i + 1))
		h->fields[i].dropped = h->fields[i].deleted = 1;
	h->fields_n++;
	recount(h, id);
	return true;
}

bool
http_edit_value(struct http_head *h, unsigned i, struct span value)
{
	struct http_field *f = &h->fields[i], line;

	if (!may_be_written(f->id, value) ||
	    !write_line(h, &line, http_field_name(h, f), value, f->id))
		return false;
	line.dropped = f->dropped;
	*f = line;
	recount(h, f->id);
	return true;
}

bool
http_edit_delete(struct http_head *h, unsigned i)
{
	struct http_field *f = &h->fields[i];

	if (is_ours(f->id))
		return false;
	f->dropped = f->deleted = 1;
	recount(h, f->id);
	return true;
}

/* --- start line --------------------------------------------------------------------- */

/* Copies bytes of a target; what it cannot have, and `also`, is encoded. Returns the
 * length, at most three times that of s. */
static size_t
copy_target(char *to, struct span s, char also)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = to;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (http_is((char)c, HTTP_C_TARGET) && c != (unsigned char)also) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	return (size_t)(p - to);
}

/* Scheme and authority, which a new path leaves as they are. */
static struct span
target_front(const struct http_head *h)
{
	if (h->target_form != HTTP_TARGET_ABSOLUTE)
		return span_of(NULL, 0);
	const char *from = memchr(h->target.p, ':', h->target.n);
	struct span rest =
		span_of(from + 3, (size_t)(h->target.p + h->target.n - from - 3));
	while (rest.n && *rest.p != '/' && *rest.p != '?') {
		rest.p++;
		rest.n--;
	}
	return span_of(h->target.p, (size_t)(rest.p - h->target.p));
}

/* A whole new target of these parts; query.p == NULL: without '?'. */
static bool
write_target(struct http_head *h, struct span path, struct span query)
{
	struct span front = target_front(h);
	char *p = room(h, front.n + 3 * path.n + 1 + 3 * query.n), *at = p;

	if (h->target_form == HTTP_TARGET_AUTHORITY || !p || path.n == 0 ||
	    path.p[0] != '/')
		return false;
	if (front.n)
		memcpy(at, front.p, front.n);
	at += front.n;
	h->path = span_of(at, copy_target(at, path, '?'));
	at += h->path.n;
	h->query = span_of(NULL, 0);
	if (query.p) {
		*at++ = '?';
		h->query = span_of(at, copy_target(at, query, '#'));
		at += h->query.n;
	}
	h->target = span_of(p, (size_t)(at - p));
	if (h->target_form == HTTP_TARGET_ASTERISK)
		h->target_form = HTTP_TARGET_ORIGIN;
	h->edits_n += (uint32_t)h->target.n;
	return true;
}

bool
http_edit_path(struct http_head *h, struct span path)
{
	return write_target(h, path, h->query);
}

bool
http_edit_query(struct http_head *h, struct span query)
{
	if (query.n == 0 && !h->query.p)
		return true;
	return write_target(h, h->path, span_of(query.n ? query.p : "", query.n));
}

bool
http_edit_pathq(struct http_head *h, struct span pathq)
{
	const char *mark = pathq.n ? memchr(pathq.p, '?', pathq.n) : NULL;
	struct span query = {NULL, 0};

	if (mark) {
		query = span_of(mark + 1, (size_t)(pathq.p + pathq.n - mark - 1));
		pathq.n = (size_t)(mark - pathq.p);
	}
	return write_target(h, pathq, query);
}

/* Takes over the target that the scratch head has; false: it is not one. */
static bool
take_absolute(struct http_head *h, struct span uri)
{
	char *p = room(h, 3 * uri.n);
	struct http_head parsed;

	if (!p)
		return false;
	/* only what http_target_split() looks at and writes */
	parsed.method = h->method;
	parsed.target = span_of(p, copy_target(p, uri, '#'));
	if (http_target_split(&parsed) != HTTP_REJECT_none ||
	    parsed.target_form != HTTP_TARGET_ABSOLUTE)
		return false;
	/* the host of the target is the Host of the request (RFC 9112 3.2.2) */
	uint32_t before = h->edits_n;
	h->edits_n += (uint32_t)parsed.target.n;
	if (!http_edit_set(h, SPAN("Host"), parsed.authority)) {
		h->edits_n = before;
		return false;
	}
	h->target = parsed.target;
	h->target_form = HTTP_TARGET_ABSOLUTE;
	h->path = parsed.path;
	h->query = parsed.query;
	return true;
}

bool
http_edit_uri(struct http_head *h, struct span uri)
{
	enum http_target before = h->target_form;

	if (before == HTTP_TARGET_AUTHORITY || uri.n == 0)
		return false;
	if (uri.p[0] != '/')
		return take_absolute(h, uri);
	h->target_form = HTTP_TARGET_ORIGIN;
	if (http_edit_pathq(h, uri))
		return true;
	h->target_form = before;
	return false;
}

static bool
decides_the_end(enum http_method m)
{
	return m == HTTP_METHOD_HEAD || m == HTTP_METHOD_CONNECT;
}

bool
http_edit_method(struct http_head *h, struct span method)
{
	enum http_method m = http_method_of(method);
	char *p = room(h, method.n);

	if (m == h->method && span_eq(method, h->method_text))
		return true;
	if (!p || method.n == 0 ||
	    http_scan_token(method.p, method.p + method.n) != method.p + method.n ||
	    decides_the_end(m) || h->method == HTTP_METHOD_CONNECT ||
	    h->target_form == HTTP_TARGET_ASTERISK)
		return false;
	memcpy(p, method.p, method.n);
	h->edits_n += (uint32_t)method.n;
	h->method = m;
	h->method_text = span_of(p, method.n);
	return true;
}

static bool
has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

bool
http_edit_status(struct http_head *h, int status, struct span reason)
{
	char *p = room(h, reason.n);

	if (!p || status < 200 || status > 599 || !has_body(status) ||
	    !has_body(h->status))
		return false;
	if (reason.n)
		copy_value(p, reason);
	h->edits_n += (uint32_t)reason.n;
	h->status = (uint16_t)status;
	h->reason = span_of(p, reason.n);
	return true;
}
