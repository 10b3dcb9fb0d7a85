/* SPDX-License-Identifier: MIT
 *
 * Samples: typed values that fetches find, converters change and ACLs, rules and log
 * formats use (configuration.txt 7), and the context they are evaluated in. A sample is a
 * small struct passed by pointer; its bytes belong to the message, to the configuration
 * or to the scratch memory of the evaluation. Nothing is allocated.
 */
#ifndef WEIR_EXPR_SAMPLE_H
#define WEIR_EXPR_SAMPLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"

enum expr_type {
	EXPR_BOOL,
	EXPR_INT,
	EXPR_IPV4,
	EXPR_IPV6,
	EXPR_STR,
	EXPR_BIN,
	EXPR_METHOD, /* a string that ACLs compare as a method */
	EXPR_TYPES_N,
	/* only as the declared type of a fetch or converter */
	EXPR_ADDR = EXPR_TYPES_N, /* IPV4 or IPV6 */
	EXPR_ANY,		  /* known when it is evaluated */
	EXPR_SAME,		  /* converters: as it came in */
};
const char *expr_type_name(enum expr_type t); /* "str", "ipv4" ... */

struct expr_sample {
	uint8_t type;  /* enum expr_type, < EXPR_TYPES_N */
	bool is_own;   /* the bytes lie in the scratch and may be changed in place */
	bool has_more; /* the fetch may have a further value: call it again */
	bool is_found; /* set by expr_eval_next(): this is not the first value */
	bool iterates; /* all values are wanted; else the one the fetch means alone */
	uint32_t next; /* where it goes on, its own business; 0 at first */
	union {
		int64_t integer; /* BOOL (0, 1), INT */
		struct in_addr ipv4;
		struct in6_addr ipv6;
		struct span str; /* STR, BIN, METHOD */
	};
};

/* Points of evaluation, as bits: where an expression stands, and where a fetch is valid
 * (configuration.txt 7.3; the rule sets of section 4). */
enum expr_at {
	EXPR_AT_CONNECTION = 1 << 0,	 /* tcp_request connection */
	EXPR_AT_SESSION = 1 << 1,	 /* tcp_request session */
	EXPR_AT_CONTENT = 1 << 2,	 /* tcp_request content */
	EXPR_AT_REQUEST = 1 << 3,	 /* http_request, use_backend, request captures */
	EXPR_AT_RES_CONTENT = 1 << 4,	 /* tcp_response content */
	EXPR_AT_RESPONSE = 1 << 5,	 /* http_response, response captures */
	EXPR_AT_AFTER_RESPONSE = 1 << 6, /* http_after_response */
	EXPR_AT_LOG = 1 << 7,
	EXPR_AT_CHECK = 1 << 8, /* health checks */
	EXPR_AT_ALONE = 1 << 9, /* the command line: no traffic at all */
};
/* "an http_response rule": for messages. */
const char *expr_at_text(enum expr_at at);

/* Where a fetch is valid: what fetch.def says. */
enum {
	EXPR_ANYWHERE = (1 << 10) - 1,
	/* what workers know; some of it the checker knows, too */
	EXPR_IN_DAEMON = EXPR_ANYWHERE & ~(EXPR_AT_ALONE | EXPR_AT_CHECK),
	/* there is a client's connection */
	EXPR_WITH_CLIENT = EXPR_ANYWHERE & ~(EXPR_AT_CHECK | EXPR_AT_ALONE),
	/* bytes of the client wait in a buffer */
	EXPR_WITH_REQ_BYTES = EXPR_AT_CONTENT | EXPR_AT_REQUEST,
	/* bytes of the server do */
	EXPR_WITH_RES_BYTES = EXPR_AT_RES_CONTENT | EXPR_AT_RESPONSE,
	/* the head of the request is there; it is gone when the response comes */
	EXPR_WITH_REQUEST = EXPR_AT_CONTENT | EXPR_AT_REQUEST,
	EXPR_WITH_RESPONSE =
		EXPR_AT_RES_CONTENT | EXPR_AT_RESPONSE | EXPR_AT_AFTER_RESPONSE,
	/* the request's head has been there: what is remembered of it */
	EXPR_SINCE_REQUEST = EXPR_AT_CONTENT | EXPR_AT_REQUEST | EXPR_AT_RES_CONTENT |
			     EXPR_AT_RESPONSE | EXPR_AT_AFTER_RESPONSE | EXPR_AT_LOG,
	/* likewise the response's */
	EXPR_SINCE_RESPONSE = EXPR_AT_RES_CONTENT | EXPR_AT_RESPONSE |
			      EXPR_AT_AFTER_RESPONSE | EXPR_AT_LOG,
};

/* Memory for what an evaluation makes. It only grows; whoever starts an evaluation
 * takes `used` back afterwards, when the value is not needed any more. */
struct expr_scratch {
	char *bytes;
	size_t cap, used;
};
/* NULL when n bytes are not left: the value then counts as not found. */
char *expr_scratch_take(struct expr_scratch *s, size_t n);

struct expr_arg; /* program.h */
struct expr_var; /* vars.h */
struct expr_context;

/* The value of one fetch. *out is zeroed but for `iterates` and for `next`, which is what
 * the last call for the same expression left. false: there is no (further) value. */
typedef bool expr_fetch_fn(const struct expr_context *c, const struct expr_arg *args,
			   struct expr_sample *out);

/* What converter when() asks about an exchange (configuration.txt 7.3.1). */
enum expr_state {
	EXPR_STATE_ERROR,
	EXPR_STATE_FORWARDED,
	EXPR_STATE_NORMAL,
	EXPR_STATE_PROCESSED,
	EXPR_STATE_STOPPING,
	EXPR_STATE_TOAPPLET,
	EXPR_STATES_N
};

/* What a process provides for evaluation. Constant tables. */
struct expr_host {
	/* [EXPR_FETCHES_N], by enum expr_fetch_id; NULL: lib/expr has its own. */
	expr_fetch_fn *const *fetches;
	/* [FORMAT_ALIASES_N], by enum format_alias_id: the %letters of log formats. */
	expr_fetch_fn *const *aliases;
	bool (*var_get)(const struct expr_context *c, const struct expr_var *v,
			struct expr_sample *out);
	/* A copy of *value is kept; NULL: unset. false: no room. */
	bool (*var_set)(const struct expr_context *c, const struct expr_var *v,
			const struct expr_sample *value);
	/* A capture slot of the request, or of the response, if there is one. */
	void (*capture)(const struct expr_context *c, bool is_response, int64_t slot,
			struct span value);
	/* in_table and table_*: the converter, by enum expr_conv_id; *s is the key. */
	bool (*table)(const struct expr_context *c, unsigned id,
		      const struct expr_arg *args, struct expr_sample *s);
	/* nbsrv, srv_is_up, srv_queue, fe_exists: likewise; *s is a name. */
	bool (*name)(const struct expr_context *c, unsigned id, struct expr_sample *s);
	/* A regular expression reached its limits. */
	void (*complain)(const struct expr_context *c, const char *what,
			 struct span detail);
	bool (*is_in_state)(const struct expr_context *c, enum expr_state state);
	/* Converter debug: a value, as text. */
	void (*debug)(const struct expr_context *c, const char *prefix,
		      struct span value);
};

/* One evaluation. The process embeds it into a struct with what its fetches look at. */
struct expr_context {
	const struct expr_host *host;
	struct expr_scratch *scratch;
	enum expr_at at; /* one bit */
	/* Bytes may still come that change values: set by fetches that look at such bytes
	 * and find no value, or not a final one. NULL: what is there is all. */
	bool *lacks;
};

static inline void
expr_lacks(const struct expr_context *c)
{
	if (c->lacks)
		*c->lacks = true;
}

/* Casts (configuration.txt 7.2, "sample types": the table of conversions). Whether there
 * is one at all, for the loader; EXPR_ANY and EXPR_SAME may become anything. */
bool expr_can_cast(enum expr_type from, enum expr_type to);
/* Changes *s into that type; text goes to the scratch. false: it does not convert ("abc"
 * to ipv4; to int it is 0), or no room. */
bool expr_cast_run(const struct expr_context *c, struct expr_sample *s,
		   enum expr_type to);
static inline bool
expr_cast(const struct expr_context *c, struct expr_sample *s, enum expr_type to)
{
	return to >= EXPR_ANY || s->type == to || expr_cast_run(c, s, to);
}

static inline void
expr_set_int(struct expr_sample *s, int64_t v)
{
	s->type = EXPR_INT;
	s->integer = v;
}

static inline void
expr_set_bool(struct expr_sample *s, bool v)
{
	s->type = EXPR_BOOL;
	s->integer = v;
}

/* Bytes that outlive the evaluation and are not to be changed. */
static inline void
expr_set_str(struct expr_sample *s, struct span v)
{
	s->type = EXPR_STR;
	s->is_own = false;
	s->str = v;
}

#endif
