/* SPDX-License-Identifier: MIT
 *
 * `weir expr`: a session, a txn and a parsed head around a saved request, and the
 * expression evaluated against them. Runs in the process that was called, before anything
 * is forked; self has a loop and memory for nothing else.
 */
#include "worker/fetch/evaluate.h"

#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/expr/cond.h"
#include "lib/expr/vars.h"
#include "worker/fetch/context.h"

enum { EVALUATE_SCRATCH_BYTES = 256 * 1024, EVALUATE_VARS_BYTES = 64 * 1024 };

static const struct http_limits limits = {.request_line_bytes = 60 * 1024,
					  .field_bytes = 60 * 1024,
					  .head_bytes = 60 * 1024,
					  .fields_n = HTTP_FIELDS_MAX,
					  .allow_connect = true};

/* What stands around the request. */
struct stage {
	struct cfg_proxy proxy;
	struct cfg_bind bind_cfg;
	struct rt_frontend fe;
	struct rt_listener bind;
	struct session session;
	struct txn txn;
	struct http_head head;
	struct arena *arena;
	struct expr_env env;
	struct expr_host host;
	struct txn_context context;
};

static struct expr_store store;

static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	(void)c;
	return expr_store_get(&store, v, out);
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	(void)c;
	if (value)
		return expr_store_set(&store, v, value);
	expr_store_unset(&store, v);
	return true;
}

static void
complain(const struct expr_context *c, const char *what, struct span detail)
{
	(void)c;
	fprintf(stderr, "weir: %s: %.*s\n", what, (int)detail.n, detail.p);
}

/* Objects of a region where nothing has happened yet. */
static struct shm_object
quiet_object(void)
{
	enum { RECORD_BYTES_MAX = 8192 };
	return (struct shm_object){.gauge = must_calloc(1, RECORD_BYTES_MAX),
				   .rates = must_calloc(1, sizeof(struct shm_rates))};
}

static void
stage_init(struct stage *g)
{
	static const struct net_loop_hooks no_hooks = {.before_wait = NULL};
	static const struct cfg cfg = {.global = {.nbproc = 1}};
	static const struct worker_inherit inherit = {.index = 0, .workers_n = 1};
	self.loop = net_loop_new(&no_hooks);
	self.cfg = &cfg;
	self.in = &inherit;
	self.global = quiet_object();
	g->proxy = (struct cfg_proxy){.name = "expr",
				      .id = 1,
				      .caps = CFG_CAP_FRONTEND,
				      .mode = CFG_MODE_HTTP,
				      .limits = limits};
	g->bind_cfg = (struct cfg_bind){.name = "expr", .frontend = &g->proxy};
	g->fe = (struct rt_frontend){.cfg = &g->proxy, .shm = quiet_object()};
	g->bind = (struct rt_listener){
		.cfg = &g->bind_cfg, .fe = &g->fe, .shm = quiet_object()};
	g->session = (struct session){.bind = &g->bind, .client.watch.fd = -1};
	g->session.peer.in = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	g->txn = (struct txn){.s = &g->session, .fe = &g->fe};
	g->session.txn = &g->txn;
	store = (struct expr_store){.bytes = must_alloc(EVALUATE_VARS_BYTES),
				    .cap = EVALUATE_VARS_BYTES};
	self.scratch = (struct expr_scratch){must_alloc(EVALUATE_SCRATCH_BYTES),
					     EVALUATE_SCRATCH_BYTES, 0};
	g->arena = arena_new();
	expr_env_init(&g->env, g->arena, http_field_id_of);
	g->env.at = EXPR_AT_REQUEST;
	g->host = worker_host;
	g->host.var_get = var_get;
	g->host.var_set = var_set;
	g->host.complain = complain;
	g->context = (struct txn_context){.base = {.host = &g->host,
						   .scratch = &self.scratch,
						   .at = EXPR_AT_REQUEST},
					  .s = &g->session,
					  .t = &g->txn,
					  .req = &g->head};
}

static void
stage_free(struct stage *g)
{
	struct shm_object *objects[] = {&self.global, &g->fe.shm, &g->bind.shm};
	for (size_t i = 0; i < 3; i++) {
		free(objects[i]->gauge);
		free(objects[i]->rates);
	}
	free(g->session.in);
	free(store.bytes);
	free(self.scratch.bytes);
	expr_env_free(&g->env);
	arena_free(&g->arena);
	net_loop_free(&self.loop);
	free(g);
}

/* A saved request may have LF alone at the end of its lines: an editor wrote it. */
static struct span
with_crlf(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.n * 2 + 5);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = text.p[i];
	}
	if (!memmem(out, n, "\r\n\r\n", 4)) {
		memcpy(out + n, "\r\n\r\n", 4);
		n += n >= 2 && out[n - 1] == '\n' ? 2 : 4;
	}
	return span_of(out, n);
}

static bool
take_request(struct stage *g, struct span request)
{
	enum http_reject why = HTTP_REJECT_none;
	struct span text = with_crlf(g->arena, request.n ? request
							 : SPAN("GET / HTTP/1.1\n"
								"Host: localhost\n"));
	enum http_parse r =
		http_head_parse_request(text.p, text.n, 0, &limits, &g->head, &why);
	if (r != HTTP_PARSE_OK) {
		fprintf(stderr, "weir: not a request: %s\n",
			r == HTTP_PARSE_REJECTED ? http_reject_text(why)
						 : "its head has no end");
		return false;
	}
	size_t head_n = g->head.skipped + g->head.bytes;
	struct buf *body = must_alloc(sizeof(*body) + text.n);
	*body = (struct buf){.cap = (uint32_t)text.n, .to = (uint32_t)(text.n - head_n)};
	memcpy(body->bytes, text.p + head_n, text.n - head_n);
	g->session.in = body;
	g->txn.method = (uint8_t)g->head.method;
	g->txn.client_minor = g->head.minor;
	return true;
}

/* --- what comes out
 * ----------------------------------------------------------------------- */

static int
mistake(struct span text, const struct expr_error *err)
{
	fprintf(stderr, "weir: column %zu: %s\n  %.*s\n  %*s\n", err->at + 1, err->text,
		(int)text.n, text.p, (int)err->at + 1, "^");
	return 2;
}

static void
print_value(const struct stage *g, struct expr_sample *s, FILE *out)
{
	enum expr_type type = (enum expr_type)s->type;
	fprintf(out, "%-6s ", expr_type_name(type));
	if (type == EXPR_BIN) {
		for (size_t i = 0; i < s->str.n; i++)
			fprintf(out, "%02x", (unsigned char)s->str.p[i]);
	} else if (type == EXPR_BOOL) {
		fputs(s->integer ? "true" : "false", out);
	} else if (expr_cast(&g->context.base, s, EXPR_STR)) {
		fwrite(s->str.p, 1, s->str.n, out);
	}
	fputc('\n', out);
}

static int
evaluate_expression(struct stage *g, struct span text, FILE *out)
{
	struct expr_error err;
	struct expr_sample s = {.next = 0};
	const struct expr_program *p = expr_compile(&g->env, text, &err);
	unsigned n = 0;
	if (!p)
		return mistake(text, &err);
	for (; expr_eval_next(p, &g->context.base, EXPR_ANY, &s); n++) {
		struct expr_sample shown = s;
		print_value(g, &shown, out);
		self.scratch.used = 0;
	}
	if (n == 0)
		fprintf(out, "no value\n");
	return n == 0;
}

static int
evaluate_condition(struct stage *g, struct span text, FILE *out)
{
	struct expr_error err;
	const struct expr_cond *c =
		expr_cond_compile(&g->env, expr_acls_new(&g->env), text, &err);
	if (!c)
		return mistake(text, &err);
	bool is_true = expr_cond_eval(c, &g->context.base) == EXPR_TRUE;
	fprintf(out, "%s\n", is_true ? "true" : "false");
	return !is_true;
}

static int
evaluate_format(struct stage *g, struct span text, FILE *out)
{
	struct expr_error err;
	char line[8192];
	const struct format *f = format_compile(&g->env, text, FORMAT_FIELD, true, &err);
	if (!f)
		return mistake(text, &err);
	size_t n = format_write(f, &g->context.base, line, sizeof(line));
	fwrite(line, 1, n, out);
	fputc('\n', out);
	return 0;
}

static int
evaluate(struct stage *g, struct span text, FILE *out)
{
	if (text.n && (text.p[0] == '{' || text.p[0] == '!'))
		return evaluate_condition(g, text, out);
	if (text.n && (text.p[0] == '%' || memmem(text.p, text.n, "%[", 2)))
		return evaluate_format(g, text, out);
	return evaluate_expression(g, text, out);
}

int
worker_evaluate(struct span text, struct span request, FILE *out)
{
	struct stage *g = must_calloc(1, sizeof(*g));
	stage_init(g);
	int status = take_request(g, request) ? evaluate(g, span_trim(text), out) : 2;
	stage_free(g);
	return status;
}
