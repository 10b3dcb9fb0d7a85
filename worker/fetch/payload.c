/* SPDX-License-Identifier: MIT
 *
 * Fetches of bytes that wait in a buffer (configuration.txt 7.3.5): their number, parts
 * of them, and what protocols say at the beginning of a connection. Worker.
 */
#include "lib/expr/hello.h"
#include "worker/fetch/fetch.h"

/* What the client has sent and nobody has taken yet. */
static struct span
request_bytes(const struct expr_context *c)
{
	const struct session *session = context_of(c)->s;
	return session && session->in ? buf_span(session->in) : SPAN("");
}

static struct span
response_bytes(const struct expr_context *c)
{
	const struct txn *t = context_of(c)->t;
	return t && t->res_in ? buf_span(t->res_in) : SPAN("");
}

FETCH_FN(req_len)
{
	expr_lacks(c);
	return give_int(s, (int64_t)request_bytes(c).n);
}

FETCH_FN(res_len)
{
	expr_lacks(c);
	return give_int(s, (int64_t)response_bytes(c).n);
}

/* --- parts
 * ------------------------------------------------------------------------------ */

/* args: offset, length (0: all that is behind). All of it must be there. */
static bool
give_part(const struct expr_context *c, struct span bytes, int64_t offset, int64_t length,
	  struct expr_sample *s)
{
	int64_t n = (int64_t)bytes.n;
	if (offset < 0 || length < 0)
		return false;
	if (length == 0) {
		expr_lacks(c);
		length = n - offset;
	}
	if (offset > n || length > n - offset || length == 0) {
		expr_lacks(c);
		return false;
	}
	return give_bin(s, span_of(bytes.p + offset, (size_t)length));
}

/* args: where the length is, its size, where the bytes are: a position, or "+1", "-1"
 * from behind the length. */
static bool
give_lv(const struct expr_context *c, struct span bytes, const struct expr_arg *args,
	struct expr_sample *s)
{
	int64_t at = args[0].integer, size = args[1].integer, length = 0;
	if (at < 0 || size < 1 || size > 8)
		return false;
	if (at > (int64_t)bytes.n - size) {
		expr_lacks(c);
		return false;
	}
	for (int64_t i = 0; i < size; i++)
		length = (int64_t)((uint64_t)length << 8 | (uint8_t)bytes.p[at + i]);
	int64_t begin = at + size;
	if (args[2].kind == EXPR_ARG_INT)
		begin = args[3].integer ? begin + args[2].integer : args[2].integer;
	return length > 0 && give_part(c, bytes, begin, length, s);
}

FETCH_FN(req_payload)
{
	return give_part(c, request_bytes(c), args[0].integer, args[1].integer, s);
}

FETCH_FN(res_payload)
{
	return give_part(c, response_bytes(c), args[0].integer, args[1].integer, s);
}

FETCH_FN(req_payload_lv)
{
	return give_lv(c, request_bytes(c), args, s);
}

FETCH_FN(res_payload_lv)
{
	return give_lv(c, response_bytes(c), args, s);
}

FETCH_FN(req_proto_http)
{
	struct http_head h;
	enum http_reject why;
	struct span bytes = request_bytes(c);
	if (context_of(c)->req)
		return give_bool(s, true);
	if (bytes.n == 0) {
		expr_lacks(c);
		return false;
	}
	const struct http_limits *limits = &context_of(c)->s->bind->fe->cfg->limits;
	enum http_parse r =
		http_head_parse_request(bytes.p, bytes.n, 0, limits, &h, &why);
	if (r == HTTP_PARSE_INCOMPLETE)
		expr_lacks(c);
	return r != HTTP_PARSE_INCOMPLETE && give_bool(s, r == HTTP_PARSE_OK);
}

/* --- RDP
 * -------------------------------------------------------------------------------- */

/* "Cookie: name=value\r\n" of a connection request (MS-RDPBCGR 2.2.1.1): behind the TPKT
 * head (4 bytes) and the X.224 one (7 bytes). */
static bool
rdp_cookie(const struct expr_context *c, const struct expr_arg *name, struct span *value)
{
	enum { RDP_HEAD = 11 };
	static const char prefix[] = "Cookie:";
	struct span bytes = request_bytes(c);
	if (bytes.n && bytes.p[0] != 3)
		return false;
	if (bytes.n < RDP_HEAD) {
		expr_lacks(c);
		return false;
	}
	struct span text = span_of(bytes.p + RDP_HEAD, bytes.n - RDP_HEAD);
	const char *end = text.n ? memmem(text.p, text.n, "\r\n", 2) : NULL;
	if (!end)
		expr_lacks(c);
	if (!end || text.n < 7 || strncasecmp(text.p, prefix, 7) != 0)
		return false;
	*value = span_trim(span_of(text.p + 7, (size_t)(end - text.p) - 7));
	size_t whole = value->n;
	struct span key = span_cut(value, '=');
	if (key.n == whole)
		return false;
	return name->kind != EXPR_ARG_STR || span_ieq(key, name->str);
}

FETCH_FN(req_rdp_cookie)
{
	struct span value;
	return rdp_cookie(c, args, &value) && give_span(s, value);
}

FETCH_FN(req_rdp_cookie_cnt)
{
	struct span value;
	return give_int(s, rdp_cookie(c, args, &value));
}

/* --- TLS
 * -------------------------------------------------------------------------------- */

enum { /* extensions */
       EXT_GROUPS = 10,
       EXT_SIGALGS = 13,
       EXT_ALPN = 16,
       EXT_TICKET = 35,
       EXT_KEY_SHARE = 51,
};

static bool
read_hello(const struct expr_context *c, struct span bytes, struct hello *h)
{
	struct expr_scratch *room = c->scratch;
	enum hello_read r =
		hello_parse(bytes, room->bytes + room->used, room->cap - room->used, h);
	if (r == HELLO_INCOMPLETE)
		expr_lacks(c);
	if (r == HELLO_OK)
		room->used += bytes.n < room->cap - room->used ? bytes.n : 0;
	return r == HELLO_OK;
}

static bool
client_hello(const struct expr_context *c, struct hello *h)
{
	return read_hello(c, request_bytes(c), h) && h->type == HELLO_CLIENT;
}

FETCH_FN(req_ssl_hello_type)
{
	struct hello h;
	return give_int(s, read_hello(c, request_bytes(c), &h) ? h.type : 0);
}

FETCH_FN(res_ssl_hello_type)
{
	struct hello h;
	return give_int(s, read_hello(c, response_bytes(c), &h) ? h.type : 0);
}

/* "3.1" is 0x30001. */
FETCH_FN(req_ssl_ver)
{
	struct hello h;
	return client_hello(c, &h) &&
	       give_int(s, (int64_t)(h.version >> 8) << 16 | (h.version & 255));
}

FETCH_FN(req_ssl_sni)
{
	struct hello h;
	return client_hello(c, &h) && give_span(s, hello_server_name(&h));
}

FETCH_FN(req_ssl_alpn)
{
	struct hello h;
	if (!client_hello(c, &h))
		return false;
	struct span list = hello_list(hello_extension(&h, EXT_ALPN), 2);
	char *p = list.p ? expr_scratch_take(c->scratch, list.n) : NULL;
	size_t n = 0;
	if (!p)
		return false;
	while (list.n) {
		struct span name = hello_list(list, 1);
		if (!name.p)
			return false;
		if (n)
			p[n++] = ',';
		memcpy(p + n, name.p, name.n);
		n += name.n;
		list = span_of(name.p + name.n, list.n - name.n - 1);
	}
	return give_span(s, span_of(p, n));
}

FETCH_FN(req_ssl_cipherlist)
{
	struct hello h;
	return client_hello(c, &h) && give_bin(s, h.ciphers);
}

FETCH_FN(req_ssl_supported_groups)
{
	struct hello h;
	return client_hello(c, &h) &&
	       give_bin(s, hello_list(hello_extension(&h, EXT_GROUPS), 2));
}

FETCH_FN(req_ssl_ec_ext)
{
	struct hello h;
	return client_hello(c, &h) &&
	       give_bool(s, hello_extension(&h, EXT_GROUPS).p != NULL);
}

FETCH_FN(req_ssl_sigalgs)
{
	struct hello h;
	return client_hello(c, &h) &&
	       give_bin(s, hello_list(hello_extension(&h, EXT_SIGALGS), 2));
}

FETCH_FN(req_ssl_st_ext)
{
	struct hello h;
	if (!client_hello(c, &h))
		return false;
	struct span ticket = hello_extension(&h, EXT_TICKET);
	return give_int(s, !ticket.p ? 0 : ticket.n == 0 ? 1 : 2);
}

/* Two bytes each; the keys between them are left out. */
FETCH_FN(req_ssl_keyshare_groups)
{
	struct hello h;
	if (!client_hello(c, &h))
		return false;
	struct span list = hello_list(hello_extension(&h, EXT_KEY_SHARE), 2);
	char *p = list.p ? expr_scratch_take(c->scratch, list.n) : NULL;
	size_t n = 0;
	while (p && list.n > 4) {
		struct span key = hello_list(span_of(list.p + 2, list.n - 2), 2);
		if (!key.p)
			return false;
		memcpy(p + n, list.p, 2);
		n += 2;
		list = span_of(key.p + key.n, list.n - key.n - 4);
	}
	return p && give_bin(s, span_of(p, n));
}
