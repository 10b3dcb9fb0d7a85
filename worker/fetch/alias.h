/* SPDX-License-Identifier: MIT
 *
 * What the two files of aliases share. Private to them.
 */
#ifndef WEIR_WORKER_FETCH_ALIAS_H
#define WEIR_WORKER_FETCH_ALIAS_H

#include "lib/expr/format.h"
#include "worker/fetch/context.h"

/* alias.c: all of them. */
extern expr_fetch_fn *const worker_aliases[FORMAT_ALIASES_N];

#define UNUSED __attribute__((unused))
#define ALIAS_FN(id)                                         \
	bool alias_##id(const struct expr_context *c UNUSED, \
			const struct expr_arg *args UNUSED,  \
			struct expr_sample *s UNUSED)

#define ALIAS(id, name, mode, kind, help) ALIAS_FN(id);
#include "lib/expr/format_alias.def"
#undef ALIAS

static inline const struct txn *
txn_of(const struct expr_context *c)
{
	return context_of(c)->t;
}

static inline bool
give_text(struct expr_sample *s, const char *text)
{
	expr_set_str(s, span_str(text));
	return true;
}

static inline bool
give_int(struct expr_sample *s, int64_t v)
{
	expr_set_int(s, v);
	return true;
}

/* false for UNIX sockets. */
static inline bool
give_sockaddr_ip(struct expr_sample *s, const union session_addr *a)
{
	if (a->sa.sa_family == AF_INET) {
		s->type = EXPR_IPV4;
		s->ipv4 = a->in.sin_addr;
	} else if (a->sa.sa_family == AF_INET6) {
		s->type = EXPR_IPV6;
		s->ipv6 = a->in6.sin6_addr;
	} else {
		return false;
	}
	return true;
}

static inline bool
give_sockaddr_port(struct expr_sample *s, const union session_addr *a)
{
	bool is_ip = a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
	/* the port stands at the same place in both */
	return is_ip && give_int(s, ntohs(a->in.sin_port));
}

/* What is still growing when the line is written early has a '+' in front. */
bool give_total(const struct expr_context *c, struct expr_sample *s, int64_t v);

#endif
