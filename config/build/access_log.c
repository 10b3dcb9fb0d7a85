/* SPDX-License-Identifier: MIT
 *
 * The formats of access log lines: what is written in the configuration, or those that
 * option httplog and tcplog stand for (configuration.txt 8.2.1 - 8.2.3). Master (at
 * load).
 */
#include "config/loading.h"

static const char httplog[] =
	"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS "
	"%tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
static const char httplog_clf[] =
	"%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr "
	"%Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
static const char tcplog[] = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts "
			     "%ac/%fc/%bc/%sc/%rc %sq/%bq";
static const char http_connect[] = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";
static const char tcp_connect[] = "Connect from %ci:%cp to %fi:%fp (%f/TCP)";
/* configuration.txt 8.2.6; the listener and the reason come behind it */
static const char handshake[] = "%ci:%cp [%t] %f/";

static const struct format *
compile(struct loading *l, const struct cfg_proxy *p, const struct node *at,
	const char *text)
{
	struct expr_error err;
	l->cfg->env.at = EXPR_AT_LOG;
	const struct format *f = format_compile(&l->cfg->env, span_str(text), FORMAT_LOG,
						p->mode == CFG_MODE_HTTP, &err);
	if (!f)
		report_error_in(l->report, at, err.at, "%s", err.text);
	return f;
}

static const struct format *
compile_object(struct loading *l, const struct cfg_proxy *p, const struct node *json)
{
	struct expr_error err;
	size_t wrong;
	struct span *names = arena_alloc(l->arena, (json->n + 1) * sizeof(*names));
	struct span *texts = arena_alloc(l->arena, (json->n + 1) * sizeof(*texts));
	for (size_t i = 0; i < json->n; i++) {
		names[i] = span_str(json->keys[i]->text);
		texts[i] = span_str(json->items[i]->text);
	}
	l->cfg->env.at = EXPR_AT_LOG;
	const struct format *f =
		format_compile_object(&l->cfg->env, names, texts, json->n,
				      p->mode == CFG_MODE_HTTP, &wrong, &err);
	if (!f)
		report_error_in(l->report, json->items[wrong], err.at, "%s", err.text);
	return f;
}

/* A format as written: its text, or the members of an object. NULL: none, or wrong. */
static const struct format *
written(struct loading *l, const struct cfg_proxy *p, const struct node *map)
{
	const struct node *text = node_get(map, "text"), *json = node_get(map, "json");
	if (text && json)
		report_error(l->report, json,
			     "'text' is given too; expected one of them");
	if (text)
		return compile(l, p, text, text->text);
	return json ? compile_object(l, p, json) : NULL;
}

static const char *
standard_text(const struct cfg_proxy *p, const struct node *options)
{
	bool is_http = p->mode == CFG_MODE_HTTP;
	const char *http = node_text(options, "httplog");
	if (http && is_http && !strcmp(http, "clf"))
		return httplog_clf;
	if (http && value_is_on(http))
		return is_http ? httplog : tcplog;
	if (p->options & CFG_OPT_TCPLOG)
		return tcplog;
	return is_http ? http_connect : tcp_connect;
}

void
build_access_log(struct loading *l, struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_log *log = &p->access_log;
	const struct node *sd = node_get(b->map, "log_format_sd");
	const char *tag = node_text(b->map, "log_tag");
	if (tag)
		log->tag = build_text(l, tag);
	if (!(p->caps & CFG_CAP_FRONTEND) || p->mode == CFG_MODE_HEALTH)
		return;
	log->format = written(l, p, node_get(b->map, "log_format"));
	log->error_format = written(l, p, node_get(b->map, "error_log_format"));
	if (sd)
		log->sd = compile(l, p, sd, sd->text);
	log->handshake = compile(l, p, NULL, handshake);
	if (log->format)
		return;
	const char *text = standard_text(p, node_get(b->map, "option"));
	log->is_per_connection = text == http_connect;
	log->format = compile(l, p, NULL, text);
}
