/* SPDX-License-Identifier: MIT
 *
 * The functions behind sample fetches, by file. Private to worker/fetch*.c.
 */
#ifndef WEIR_WORKER_FETCH_FETCH_H
#define WEIR_WORKER_FETCH_FETCH_H

#include "lib/expr/program.h"
#include "worker/fetch/alias.h"

#define FETCH_FN(id)                                         \
	bool fetch_##id(const struct expr_context *c UNUSED, \
			const struct expr_arg *args UNUSED,  \
			struct expr_sample *s UNUSED)

/* Those of lib/expr/fetch_internal.c are only declared. */
#define FETCH(id, name, args, type, where, help, manual) FETCH_FN(id);
#include "lib/expr/fetch.def"
#undef FETCH

static inline bool
give_bool(struct expr_sample *s, bool v)
{
	expr_set_bool(s, v);
	return true;
}

static inline bool
give_span(struct expr_sample *s, struct span v)
{
	expr_set_str(s, v);
	return v.p != NULL;
}

static inline bool
give_bin(struct expr_sample *s, struct span v)
{
	expr_set_str(s, v);
	s->type = EXPR_BIN;
	return v.p != NULL;
}

/* complain.c: of struct expr_host. */
bool fetch_is_in_state(const struct expr_context *c, enum expr_state state);
void fetch_complain(const struct expr_context *c, const char *what, struct span detail);
void fetch_debug(const struct expr_context *c, const char *prefix, struct span value);

/* fetch_http.c: converters capture-req and capture-res, for struct expr_host. */
void fetch_capture(const struct expr_context *c, bool is_response, int64_t slot,
		   struct span value);
/* fetch_stick.c: converters, for struct expr_host. */
bool table_convert(const struct expr_context *c, unsigned id, const struct expr_arg *args,
		   struct expr_sample *s);
/* fetch_state.c: the one named, else where the request goes. NULL: nowhere yet. */
struct rt_backend *fetch_backend(const struct expr_context *c,
				 const struct expr_arg *arg);
/* fetch_queue.c: how many wait in the queue of a backend or server. */
uint32_t fetch_waiting_at(const struct shm_object *o);
/* The one with a backend; NULL: there is none. */
const struct cfg_proxy *fetch_proxy_named(struct span name);
/* Converters nbsrv, srv_is_up, srv_queue and fe_exists, for struct expr_host. */
bool fetch_convert_name(const struct expr_context *c, unsigned id, struct expr_sample *s);
/* NULL: its backend is disabled. */
const struct rt_server *fetch_server(const struct expr_arg *arg);
/* fetch_conn.c: false for UNIX sockets. */
bool give_ip(struct expr_sample *s, const struct addr *a);
/* A hash (four bytes, the highest first) and the client's address. */
bool give_hash_src(const struct expr_context *c, struct expr_sample *s, uint32_t hash);

#endif
