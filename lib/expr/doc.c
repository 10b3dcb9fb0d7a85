/* SPDX-License-Identifier: MIT
 *
 * docs/expressions.md, generated. Any process.
 */
#include "lib/expr/doc.h"

#include "lib/expr/format.h"
#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

/* Places, and the letters that the tables of fetches have for them. */
static const struct {
	char letter;
	unsigned at;
	const char *text;
} places[] = {
	{'C', EXPR_AT_CONNECTION, "`tcp_request` `connection`"},
	{'S', EXPR_AT_SESSION, "`tcp_request` `session`"},
	{'T', EXPR_AT_CONTENT, "`tcp_request` `content`"},
	{'Q', EXPR_AT_REQUEST, "`http_request`, `use_backend`"},
	{'t', EXPR_AT_RES_CONTENT, "`tcp_response` `content`"},
	{'R', EXPR_AT_RESPONSE, "`http_response`"},
	{'A', EXPR_AT_AFTER_RESPONSE, "`http_after_response`"},
	{'L', EXPR_AT_LOG, "log formats"},
	{'H', EXPR_AT_CHECK, "health checks"},
};
enum { PLACES_N = sizeof(places) / sizeof(places[0]) };

/* '|' would end a cell. */
static void
put_cell(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

/* "name(a[,b])" */
static void
put_call(FILE *out, const char *name, const char *signature)
{
	struct span rest = span_str(signature);
	int open = 0;
	bool is_first = true;
	fprintf(out, "`%s%s", name, rest.n ? "(" : "");
	while (rest.n) {
		struct span place = span_cut(&rest, ',');
		bool repeats = span_ends(place, SPAN("..."));
		bool is_optional = memchr(place.p, '?', place.n) != NULL;
		struct span label = span_cut(&place, ':');
		while (label.n && strchr("?.", label.p[label.n - 1]))
			label.n--;
		fprintf(out, "%s%s%.*s%s", is_optional ? "[" : "", is_first ? "" : ",",
			(int)label.n, label.p, repeats ? ",..." : "");
		open += is_optional;
		is_first = false;
	}
	while (open--)
		fputc(']', out);
	fprintf(out, "%s`", signature[0] ? ")" : "");
}

/* What each argument may be, where its name does not say it. */
static void
put_kinds(FILE *out, const char *signature)
{
	struct span rest = span_str(signature);
	bool is_first = true;
	while (rest.n) {
		struct span kind = span_cut(&rest, ',');
		struct span label = span_cut(&kind, ':');
		while (kind.n && strchr("?.", kind.p[kind.n - 1]))
			kind.n--;
		if (kind.n == 0 || span_eq(kind, label))
			continue;
		fprintf(out, "%s%.*s: ", is_first ? "" : ", ", (int)label.n, label.p);
		for (size_t i = 0; i < kind.n; i++)
			fprintf(out, kind.p[i] == '|' ? " or " : "%c", kind.p[i]);
		is_first = false;
	}
}

static void
put_where(FILE *out, unsigned where)
{
	for (int i = 0; i < PLACES_N; i++)
		if (where & places[i].at)
			fputc(places[i].letter, out);
}

static void
put_fetches(FILE *out, const char *manual, const char *title)
{
	fprintf(out,
		"\n### %s\n\n| fetch | arguments | type | where | value |\n"
		"|---|---|---|---|---|\n",
		title);
	for (int i = 0; i < EXPR_FETCHES_N; i++) {
		const struct expr_fetch_row *r = &expr_fetch_rows[i];
		if (strcmp(r->manual, manual) != 0)
			continue;
		fputs("| ", out);
		put_call(out, r->name, r->args);
		fputs(" | ", out);
		put_kinds(out, r->args);
		fprintf(out, " | %s | ", expr_type_name(r->type));
		put_where(out, r->where);
		fputs(" | ", out);
		put_cell(out, r->help);
		fputs(" |\n", out);
	}
}

static void
put_names(FILE *out)
{
	static const struct {
		const char *name, *request, *response;
	} rows[] = {
#define NAME(name, request, response) {name, #request, #response},
#include "lib/expr/fetch_name.def"
#undef NAME
	};
	static const struct {
		const char *id, *name;
	} ids[] = {
#define FETCH(id, name, args, type, where, help, manual) {#id, name},
#include "lib/expr/fetch.def"
#undef FETCH
	};
	fputs("\n### Other names\n\n| name | means | in rules for responses |\n"
	      "|---|---|---|\n",
	      out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *request = "", *response = "";
		for (size_t j = 0; j < EXPR_FETCHES_N; j++) {
			if (strcmp(ids[j].id, rows[i].request) == 0)
				request = ids[j].name;
			if (strcmp(ids[j].id, rows[i].response) == 0)
				response = ids[j].name;
		}
		fprintf(out, "| `%s` | `%s` | `%s` |\n", rows[i].name, request, response);
	}
}

static void
put_converters(FILE *out)
{
	fputs("\n## Converters\n\n| converter | arguments | takes | gives | value |\n"
	      "|---|---|---|---|---|\n",
	      out);
	for (int i = 0; i < EXPR_CONVS_N; i++) {
		const struct expr_conv_row *r = &expr_conv_rows[i];
		fputs("| ", out);
		put_call(out, r->name, r->args);
		fputs(" | ", out);
		put_kinds(out, r->args);
		fprintf(out, " | %s | %s | ", expr_type_name(r->in),
			expr_type_name(r->out));
		put_cell(out, r->help);
		fputs(" |\n", out);
	}
}

static void
put_matches(FILE *out)
{
	fputs("\n## Matches\n\nHow ACLs compare: `-m name`, or `_name` behind a fetch "
	      "(`path_beg`).\n\n| match | compares |\n|---|---|\n",
	      out);
	for (int m = 0; m < EXPR_MATCHES_N; m++)
		fprintf(out, "| `%s` | %s |\n", expr_match_name((enum expr_match)m),
			expr_match_help((enum expr_match)m));
}

static void
put_letters(FILE *out)
{
	const char *name, *help;
	bool is_http_only;
	fputs("\n## Letters of formats\n\n`log_format`, `set_header` and others take "
	      "text with "
	      "`%letters`, `%[expressions]` and `%%`. Flags in\nbraces are for one item, "
	      "or "
	      "with `o` for all that follow: `%{+Q}o`. `Q` puts texts into quotes, "
	      "`X`\nwrites "
	      "addresses, ports, `%Ts`, `%rt`, `%lc` and `%pid` in hexadecimal, `E` puts "
	      "a backslash before `\"`, "
	      "`\\` and "
	      "`]`, `json` makes\none JSON object of the items with names: "
	      "`%(status)ST`.\n\n"
	      "| letters | value | mode |\n|---|---|---|\n",
	      out);
	for (size_t i = 0; (name = format_alias_at(i, &help, &is_http_only)); i++)
		fprintf(out, "| `%%%s` | %s | %s |\n", name, help,
			is_http_only ? "http" : "any");
}

void
expr_doc_markdown(FILE *out)
{
	fputs("# Expressions\n\n"
	      "Generated from `lib/expr/*.def` by `./dev docs`; do not edit.\n\n"
	      "An expression is a fetch and any number of converters, "
	      "`fetch(arguments),converter(arguments)`:\nHAProxy's language, word for "
	      "word. Text arguments may stand in quotes. To try one on a saved "
	      "request:\n\n"
	      "    weir expr 'req.hdr(host),lower' --request FILE\n\n"
	      "Where a fetch has a value is checked when the configuration is "
	      "loaded:\n\n| letter | place "
	      "|\n|---|---|\n",
	      out);
	for (int i = 0; i < PLACES_N; i++)
		fprintf(out, "| %c | %s |\n", places[i].letter, places[i].text);
	fputs("\n## Fetches\n", out);
	put_fetches(out, "7.3.2", "States and constants");
	put_fetches(out, "7.3.3", "Connections");
	put_fetches(out, "7.3.5", "Bytes that wait in a buffer");
	put_fetches(out, "7.3.6", "HTTP");
	put_names(out);
	put_converters(out);
	put_matches(out);
	put_letters(out);
}
