/* SPDX-License-Identifier: MIT
 *
 * Converters of fields of HTTP: Accept-Language (RFC 9110 12.5.4), and Forwarded and its
 * nodes (RFC 7239), read and written. Any process; no allocation.
 */
#include <arpa/inet.h>
#include <ctype.h>

#include "lib/base/forwarded.h"
#include "lib/base/num.h"
#include "lib/expr/parts.h"

/* --- language --------------------------------------------------------------------------
 */

/* "0.8" in thousandths (RFC 9110 12.4.2); what is none counts as not written. */
static unsigned
quality(struct span v)
{
	unsigned q = 0, unit = 1000;
	for (size_t i = 0; i < v.n && unit; i++) {
		if (i == 1 ? v.p[i] != '.' : !isdigit((unsigned char)v.p[i]))
			return 1000;
		if (i != 1) {
			q += (unsigned)(v.p[i] - '0') * unit;
			unit /= 10;
		}
	}
	return v.n && q < 1000 ? q : 1000;
}

/* Takes the next "de;q=0.5" off *rest. */
static struct span
language_next(struct span *rest, unsigned *q)
{
	struct span item = span_cut(rest, ','), name = span_cut(&item, ';');
	*q = 1000;
	while (item.n) {
		struct span value = span_trim(span_cut(&item, ';'));
		struct span key = span_trim(span_cut(&value, '='));
		if (span_ieq(key, SPAN("q")))
			*q = quality(span_trim(value));
	}
	return span_trim(name);
}

/* The one of "es;fr;en" that this is: with its variant, or as its base language. */
static struct span
language_among(struct span values, struct span name)
{
	struct span base = name, found = span_of(NULL, 0);
	base = span_cut(&base, '-');
	while (values.n) {
		struct span v = span_trim(span_cut(&values, ';'));
		if (v.n && span_eq(v, name))
			return v;
		if (v.n && span_eq(v, base))
			found = v;
	}
	return found;
}

bool
expr_conv_language(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	struct span rest = s->str, best = span_of(NULL, 0);
	unsigned best_q = 0;
	(void)c;
	while (rest.n) {
		unsigned q;
		struct span name = language_next(&rest, &q);
		struct span v =
			q > best_q ? language_among(args[0].str, name) : span_of(NULL, 0);
		if (v.n) {
			best = v;
			best_q = q;
		}
	}
	if (!best.n && args[1].kind == EXPR_ARG_STR)
		best = args[1].str;
	expr_set_str(s, best);
	return best.n > 0;
}

/* --- Forwarded -------------------------------------------------------------------------
 */

static bool
is_token(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!isalnum((unsigned char)v.p[i]) &&
		    (v.p[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", v.p[i])))
			return false;
	return v.n > 0;
}

static bool
address_of(struct span v, struct expr_sample *out)
{
	char text[INET6_ADDRSTRLEN];
	bool is_six = v.n > 1 && v.p[0] == '[' && v.p[v.n - 1] == ']';
	if (is_six)
		v = span_of(v.p + 1, v.n - 2);
	if (v.n >= sizeof(text))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	out->type = is_six ? EXPR_IPV6 : EXPR_IPV4;
	return inet_pton(is_six ? AF_INET6 : AF_INET, text,
			 is_six ? (void *)&out->ipv6 : (void *)&out->ipv4) == 1;
}

/* "192.0.2.1:80", "[2001:db8::1]", "unknown", "_name:_port" (RFC 7239 6). The port's span
 * has no p where there is none. */
static bool
node_split(struct span v, struct span *name, struct span *port)
{
	struct expr_sample ignored;
	size_t from = 0;
	const char *close = v.n && v.p[0] == '[' ? memchr(v.p, ']', v.n) : NULL;
	if (close)
		from = (size_t)(close - v.p);
	const char *colon = v.n ? memchr(v.p + from, ':', v.n - from) : NULL;
	*name = span_of(v.p, colon ? (size_t)(colon - v.p) : v.n);
	*port = colon ? span_of(colon + 1, v.n - name->n - 1) : span_of(NULL, 0);
	return (!port->p || forwarded_is_port(*port)) &&
	       (forwarded_is_hidden(*name) || span_eq(*name, SPAN("unknown")) ||
		address_of(*name, &ignored));
}

static bool
is_node(struct span v)
{
	struct span name, port;
	return node_split(v, &name, &port);
}

static bool
is_host(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!isalnum((unsigned char)v.p[i]) &&
		    (v.p[i] == '\0' || !strchr("-._~%!$&'()*+,;=:[]", v.p[i])))
			return false;
	return v.n > 0;
}

static bool
is_proto(struct span v)
{
	return span_ieq(v, SPAN("http")) || span_ieq(v, SPAN("https"));
}

static const struct {
	struct span name;
	bool (*is_valid)(struct span v);
} parameters[] = {
	{{"for", 3}, is_node},
	{{"by", 2}, is_node},
	{{"host", 4}, is_host},
	{{"proto", 5}, is_proto},
};
enum { PARAMETERS_N = sizeof(parameters) / sizeof(parameters[0]) };

/* A quoted string at *rest, without its quotes; *rest moves behind it. Escaped bytes stay
 * as they are: what may stand in these parameters needs none. */
static bool
quoted_next(struct span *rest, struct span *out)
{
	for (size_t i = 1; i < rest->n; i++) {
		if (rest->p[i] == '\\')
			return false;
		if (rest->p[i] != '"')
			continue;
		*out = span_of(rest->p + 1, i - 1);
		*rest = span_of(rest->p + i + 1, rest->n - i - 1);
		return true;
	}
	return false;
}

/* Takes "name=value" off *rest, up to the ';' or ',' behind it. */
static bool
pair_next(struct span *rest, struct span *name, struct span *value)
{
	size_t n = 0;
	const char *equals = rest->n ? memchr(rest->p, '=', rest->n) : NULL;
	if (!equals)
		return false;
	*name = span_of(rest->p, (size_t)(equals - rest->p));
	*rest = span_of(equals + 1, rest->n - name->n - 1);
	if (rest->n && rest->p[0] == '"')
		return is_token(*name) && quoted_next(rest, value);
	while (n < rest->n && rest->p[n] != ';' && rest->p[n] != ',')
		n++;
	*value = span_trim(span_of(rest->p, n));
	*rest = span_of(rest->p + n, rest->n - n);
	return is_token(*name) && is_token(*value);
}

/* Checks a field's value, elements with commas between them, and finds a parameter of the
 * first one. false: it is not valid; where none is wanted, nor are extensions, which
 * HAProxy does not take. */
static bool
forwarded_read(struct span rest, struct span wanted, struct span *out)
{
	bool is_first = true;
	unsigned seen = 0;
	for (rest = span_trim(rest); rest.n; rest = span_trim(rest)) {
		struct span name, value;
		if (!pair_next(&rest, &name, &value))
			return false;
		unsigned i = 0;
		while (i < PARAMETERS_N && !span_ieq(name, parameters[i].name))
			i++;
		bool is_known = i < PARAMETERS_N;
		if (is_known ? seen & 1u << i || !parameters[i].is_valid(value)
			     : wanted.n == 0)
			return false;
		seen |= 1u << i;
		if (is_known && is_first && span_eq(parameters[i].name, wanted))
			*out = value;
		rest = span_trim(rest);
		if (rest.n == 0)
			return true;
		if (rest.p[0] == ',') {
			is_first = false;
			seen = 0;
		} else if (rest.p[0] != ';') {
			return false;
		}
		rest = span_of(rest.p + 1, rest.n - 1);
	}
	return false;
}

bool
expr_conv_rfc7239_is_valid(const struct expr_context *c, const struct expr_arg *args,
			   struct expr_sample *s)
{
	struct span ignored;
	(void)c;
	(void)args;
	expr_set_bool(s, forwarded_read(s->str, span_of(NULL, 0), &ignored));
	return true;
}

bool
expr_conv_rfc7239_field(const struct expr_context *c, const struct expr_arg *args,
			struct expr_sample *s)
{
	struct span out = span_of(NULL, 0);
	(void)c;
	if (!forwarded_read(s->str, parameters[args[0].integer].name, &out) || !out.p)
		return false;
	s->str = out;
	return true;
}

bool
expr_conv_rfc7239_n2nn(const struct expr_context *c, const struct expr_arg *args,
		       struct expr_sample *s)
{
	struct span name, port;
	(void)c;
	(void)args;
	if (!node_split(s->str, &name, &port))
		return false;
	if (!address_of(name, s)) {
		s->type = EXPR_STR;
		s->str = name;
	}
	return true;
}

bool
expr_conv_rfc7239_n2np(const struct expr_context *c, const struct expr_arg *args,
		       struct expr_sample *s)
{
	struct span name, port;
	uint64_t number;
	(void)c;
	(void)args;
	if (!node_split(s->str, &name, &port) || !port.p)
		return false;
	s->str = port;
	if (num_u64(port, &number) == NUM_OK)
		expr_set_int(s, (int64_t)number);
	return true;
}

/* "_" and the text, if the result is one that may stand there. */
static bool
obfuscate(const struct expr_context *c, struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, s->str.n + 1);
	if (!p)
		return false;
	p[0] = '_';
	memcpy(p + 1, s->str.p, s->str.n);
	expr_set_own(s, EXPR_STR, p, s->str.n + 1);
	return forwarded_is_hidden(s->str);
}

static bool
bracket(const struct expr_context *c, struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, s->str.n + 2);
	if (!p)
		return false;
	p[0] = '[';
	memcpy(p + 1, s->str.p, s->str.n);
	p[s->str.n + 1] = ']';
	expr_set_own(s, EXPR_STR, p, s->str.n + 2);
	return true;
}

bool
expr_conv_rfc7239_nn(const struct expr_context *c, const struct expr_arg *args,
		     struct expr_sample *s)
{
	enum expr_type type = s->type;
	(void)args;
	if (!expr_cast(c, s, EXPR_STR) || type == EXPR_IPV4)
		return type == EXPR_IPV4;
	if (type == EXPR_IPV6)
		return bracket(c, s);
	if (s->str.n)
		return obfuscate(c, s);
	expr_set_str(s, SPAN("unknown"));
	return true;
}

bool
expr_conv_rfc7239_np(const struct expr_context *c, const struct expr_arg *args,
		     struct expr_sample *s)
{
	bool is_number = s->type == EXPR_INT;
	(void)args;
	if (is_number && (s->integer < 0 || s->integer > UINT16_MAX))
		return false;
	return expr_cast(c, s, EXPR_STR) && (is_number || obfuscate(c, s));
}
