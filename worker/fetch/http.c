/* SPDX-License-Identifier: MIT
 *
 * Fetches of the start lines, of what is remembered of them, and of Authorization
 * (configuration.txt 7.3.6). Worker.
 */
#include <arpa/inet.h>

#include <crypt.h>

#include "lib/base/base64.h"
#include "lib/base/hash.h"
#include "lib/base/num.h"
#include "worker/fetch/capture.h"
#include "worker/fetch/fetch.h"

static const struct http_head *
request(const struct expr_context *c)
{
	return context_of(c)->req;
}

FETCH_FN(method)
{
	static const char *const names[] = {
		[HTTP_METHOD_GET] = "GET",	 [HTTP_METHOD_HEAD] = "HEAD",
		[HTTP_METHOD_POST] = "POST",	 [HTTP_METHOD_PUT] = "PUT",
		[HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
		[HTTP_METHOD_TRACE] = "TRACE",	 [HTTP_METHOD_CONNECT] = "CONNECT",
		[HTTP_METHOD_PATCH] = "PATCH",
	};
	const struct http_head *h = request(c);
	const struct txn *t = context_of(c)->t;
	if (h)
		expr_set_str(s, h->method_text);
	else if (!t || !t->request_us || t->method == HTTP_METHOD_OTHER)
		return false;
	else
		expr_set_str(s, span_str(names[t->method]));
	s->type = EXPR_METHOD;
	return true;
}

FETCH_FN(path)
{
	const struct http_head *h = request(c);
	return h && h->path.n && h->path.p[0] == '/' && give_span(s, h->path);
}

FETCH_FN(query)
{
	const struct http_head *h = request(c);
	if (!h || !h->query.p)
		return false;
	bool with_mark = args[0].kind == EXPR_ARG_INT && h->query.n;
	return give_span(s,
			 with_mark ? span_of(h->query.p - 1, h->query.n + 1) : h->query);
}

FETCH_FN(url)
{
	const struct http_head *h = request(c);
	return h && give_span(s, h->target);
}

/* Path and, behind a '?', query: they stand behind each other in the target. */
static struct span
path_and_query(const struct http_head *h)
{
	struct span v = h->path;
	if (v.n == 0 || v.p[0] != '/')
		return span_of(NULL, 0);
	if (h->query.p)
		v.n = (size_t)(h->query.p + h->query.n - v.p);
	return v;
}

FETCH_FN(pathq)
{
	const struct http_head *h = request(c);
	return h && give_span(s, path_and_query(h));
}

/* Host and `rest` behind each other. */
static bool
give_base(const struct expr_context *c, struct expr_sample *s, struct span rest)
{
	struct span host = request(c)->authority;
	if (host.n == 0)
		return rest.n && give_span(s, rest);
	char *p = expr_scratch_take(c->scratch, host.n + rest.n);
	if (!p)
		return false;
	memcpy(p, host.p, host.n);
	if (rest.n)
		memcpy(p + host.n, rest.p, rest.n);
	return give_span(s, span_of(p, host.n + rest.n));
}

FETCH_FN(base)
{
	const struct http_head *h = request(c);
	if (!h)
		return false;
	bool has_path = h->path.n && h->path.p[0] == '/';
	return give_base(c, s, has_path ? h->path : span_of(NULL, 0));
}

FETCH_FN(baseq)
{
	return request(c) && give_base(c, s, path_and_query(request(c)));
}

static uint32_t
hash_of(struct span v)
{
	return hash_avalanche(hash_sdbm(v.p, v.n));
}

FETCH_FN(base32)
{
	return fetch_base(c, args, s) && give_int(s, hash_of(s->str));
}

FETCH_FN(base32_src)
{
	return fetch_base(c, args, s) && give_hash_src(c, s, hash_of(s->str));
}

FETCH_FN(url32)
{
	return fetch_baseq(c, args, s) && give_int(s, hash_of(s->str));
}

FETCH_FN(url32_src)
{
	return fetch_baseq(c, args, s) && give_hash_src(c, s, hash_of(s->str));
}

/* "address" or "address:port" of an absolute target. */
static bool
url_address(const struct expr_context *c, struct addr *a)
{
	const struct http_head *h = request(c);
	return h && h->target_form == HTTP_TARGET_ABSOLUTE &&
	       addr_parse(h->authority, 80, a, NULL) == ADDR_OK;
}

FETCH_FN(url_ip)
{
	struct addr a;
	return url_address(c, &a) && give_ip(s, &a);
}

FETCH_FN(url_port)
{
	struct addr a;
	return url_address(c, &a) && give_int(s, addr_port(&a));
}

/* --- what is remembered ----------------------------------------------------------------
 */

static bool
is_bad(const struct expr_sample *s)
{
	return span_eq(s->str, SPAN("<BADREQ>"));
}

static const struct cfg_capture *
slot_of(const struct txn *t, int side, int64_t number)
{
	return t && number >= 0 ? capture_slot(t, side, (uint64_t)number) : NULL;
}

void
fetch_capture(const struct expr_context *c, bool is_response, int64_t number,
	      struct span value)
{
	int side = is_response ? CFG_CAPTURE_RESPONSE : CFG_CAPTURE_REQUEST;
	struct txn *t = context_of(c)->t;
	const struct cfg_capture *slot = slot_of(t, side, number);
	if (slot)
		capture_keep(t, slot, value);
}

static bool
give_kept(const struct expr_context *c, int side, const struct expr_arg *arg,
	  struct expr_sample *s)
{
	const struct txn *t = context_of(c)->t;
	const struct cfg_capture *slot = slot_of(t, side, arg->integer);
	if (!slot)
		return false;
	expr_set_str(s, capture_kept(t, slot));
	return s->str.p != NULL;
}

FETCH_FN(capture_req_hdr)
{
	return give_kept(c, CFG_CAPTURE_REQUEST, &args[0], s);
}

FETCH_FN(capture_res_hdr)
{
	return give_kept(c, CFG_CAPTURE_RESPONSE, &args[0], s);
}

FETCH_FN(unique_id)
{
	return context_of(c)->t && alias_ID(c, args, s);
}

FETCH_FN(capture_req_method)
{
	return context_of(c)->t && alias_HM(c, args, s) && !is_bad(s);
}

FETCH_FN(capture_req_uri)
{
	return context_of(c)->t && alias_HU(c, args, s) && !is_bad(s);
}

/* The version of the request that was read, whether or not its head is still there. */
static bool
request_minor(const struct expr_context *c, unsigned *minor)
{
	const struct txn *t = context_of(c)->t;
	if (request(c))
		*minor = request(c)->minor;
	else if (t && t->request_us)
		*minor = t->client_minor;
	else
		return false;
	return true;
}

FETCH_FN(capture_req_ver)
{
	unsigned minor;
	return request_minor(c, &minor) && give_text(s, minor ? "HTTP/1.1" : "HTTP/1.0");
}

FETCH_FN(req_ver)
{
	unsigned minor;
	return request_minor(c, &minor) && give_text(s, minor ? "1.1" : "1.0");
}

FETCH_FN(capture_res_ver)
{
	const struct txn *t = context_of(c)->t;
	return t && t->server_status &&
	       give_text(s, t->server_minor ? "HTTP/1.1" : "HTTP/1.0");
}

FETCH_FN(res_ver)
{
	const struct http_head *h = context_of(c)->res;
	return h && give_text(s, h->minor ? "1.1" : "1.0");
}

FETCH_FN(status)
{
	return fetch_txn_status(c, args, s);
}

FETCH_FN(server_status)
{
	const struct txn *t = context_of(c)->t;
	return t && t->server_status && give_int(s, t->server_status);
}

FETCH_FN(txn_status)
{
	const struct txn *t = context_of(c)->t;
	const struct http_head *h = context_of(c)->res;
	if (h)
		return give_int(s, h->status);
	return t && t->status && give_int(s, t->status);
}

FETCH_FN(http_first_req)
{
	return give_bool(s, context_of(c)->s->requests_n <= 1);
}

FETCH_FN(req_bytes_in)
{
	return context_of(c)->t && give_int(s, (int64_t)context_of(c)->t->bytes_in);
}

FETCH_FN(res_bytes_in)
{
	return context_of(c)->t && give_int(s, (int64_t)context_of(c)->t->bytes_out);
}

/* --- Authorization ---------------------------------------------------------------------
 */

/* Scheme and the rest of a field's value. */
static bool
credentials(struct span value, struct span *scheme, struct span *rest)
{
	*rest = value;
	*scheme = span_cut(rest, ' ');
	*rest = span_trim(*rest);
	return scheme->n > 0;
}

FETCH_FN(http_auth_type)
{
	struct span scheme, rest;
	return request(c) &&
	       credentials(http_head_value(request(c), HTTP_FIELD_AUTHORIZATION), &scheme,
			   &rest) &&
	       give_span(s, scheme);
}

FETCH_FN(http_auth_bearer)
{
	const struct http_head *h = request(c);
	struct span scheme, rest;
	if (!h)
		return false;
	struct span value = http_head_value(h, HTTP_FIELD_AUTHORIZATION);
	if (args[0].kind == EXPR_ARG_STR) {
		int i = http_head_find(h, args[0].str, 0);
		value = i < 0 ? span_of(NULL, 0) : http_field_value(h, &h->fields[i]);
	}
	return credentials(value, &scheme, &rest) && span_ieq(scheme, SPAN("Bearer")) &&
	       rest.n && give_span(s, rest);
}

/* "user:password" of Basic (RFC 7617), cut apart. */
static bool
basic(const struct expr_context *c, struct span *user, struct span *password)
{
	struct span scheme, rest;
	if (!request(c) ||
	    !credentials(http_head_value(request(c), HTTP_FIELD_AUTHORIZATION), &scheme,
			 &rest) ||
	    !span_ieq(scheme, SPAN("Basic")))
		return false;
	char *p = expr_scratch_take(c->scratch, rest.n);
	ssize_t n = p ? base64_decode(rest, BASE64_PADDED, p) : -1;
	if (n < 0 || !memchr(p, ':', (size_t)n))
		return false;
	*password = span_of(p, (size_t)n);
	*user = span_cut(password, ':');
	return true;
}

/* Compares in a time that does not depend on where they differ. */
static bool
is_same(struct span a, struct span b)
{
	unsigned char diff = a.n != b.n;
	for (size_t i = 0; i < a.n && i < b.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return diff == 0;
}

static bool
is_password_of(const struct cfg_user *u, struct span password)
{
	static struct crypt_data room;
	char text[256];
	if (u->is_plain)
		return is_same(password, u->password);
	if (password.n >= sizeof(text) || memchr(password.p, '\0', password.n))
		return false;
	memcpy(text, password.p, password.n);
	text[password.n] = '\0';
	const char *made = crypt_r(text, u->password.p, &room);
	return made && is_same(span_str(made), u->password);
}

/* The user whom the request names and whose password it has; NULL: none. */
static const struct cfg_user *
authenticated(const struct expr_context *c, const struct cfg_userlist *list)
{
	struct span user, password;
	if (!basic(c, &user, &password))
		return NULL;
	for (size_t i = 0; i < list->users_n; i++)
		if (span_eq(list->users[i].name, user))
			return is_password_of(&list->users[i], password) ? &list->users[i]
									 : NULL;
	return NULL;
}

FETCH_FN(http_auth)
{
	return give_bool(s, authenticated(c, args[0].ref) != NULL);
}

FETCH_FN(http_auth_group)
{
	uint32_t at = s->next;
	const struct cfg_user *u = authenticated(c, args[0].ref);
	if (!u || at >= u->groups_n)
		return false;
	s->next = at + 1;
	s->has_more = s->next < u->groups_n;
	return give_span(s, u->groups[at]);
}

FETCH_FN(http_auth_user)
{
	struct span user, password;
	return basic(c, &user, &password) && give_span(s, user);
}

FETCH_FN(http_auth_pass)
{
	struct span user, password;
	return basic(c, &user, &password) && give_span(s, password);
}

/* --- what has a letter in formats ------------------------------------------------------
 */

#define LETTERS(id, letters)                                                    \
	FETCH_FN(id)                                                            \
	{                                                                       \
		return context_of(c)->t != NULL && alias_##letters(c, args, s); \
	}

LETTERS(bc_timer_connect, Tc)
LETTERS(res_timer_data, Td)
LETTERS(txn_timer_user, Tu)
LETTERS(txn_sess_term_state, ts)
LETTERS(req_timer_hdr, TR)
LETTERS(req_timer_idle, Ti)
LETTERS(req_timer_queue, Tw)
LETTERS(req_timer_tq, Tq)
LETTERS(res_timer_hdr, Tr)
LETTERS(txn_timer_total, Ta)
