/* SPDX-License-Identifier: MIT
 *
 * The schema for people and for editors: docs/config.md and a JSON Schema, both from
 * schema.def. Master (weir --schema), and the build of the documents.
 */
#include <stdio.h>

#include "config/load.h"
#include "config/schema/schema.h"
#include "lib/base/span.h"

/* --- JSON Schema (draft 2020-12)
 * -------------------------------------------------------- */

static void
json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

/* "min..max" of whole numbers. */
static void
json_range(FILE *out, const char *allowed)
{
	unsigned long long low, high;
	if (allowed && sscanf(allowed, "%llu..%llu", &low, &high) == 2)
		fprintf(out, ", \"minimum\": %llu, \"maximum\": %llu", low, high);
}

/* Status codes are numbers to an editor. */
static void
json_choices(FILE *out, const char *allowed)
{
	struct span rest = span_str(allowed);
	const char *quote = rest.n && rest.p[0] >= '1' && rest.p[0] <= '9' ? "" : "\"";
	fputs("{\"enum\": [", out);
	for (const char *comma = ""; rest.n; comma = ", ") {
		struct span word = span_cut(&rest, '|');
		fprintf(out, "%s%s%.*s%s", comma, quote, (int)word.n, word.p, quote);
	}
	fputs("]}", out);
}

/* What a plain value may look like to an editor; weir itself reads the raw text. */
static void
json_scalar(FILE *out, const struct schema_key *k)
{
	switch (k->type) {
	case TYPE_BOOL:
		fputs("{\"enum\": [true, false, \"yes\", \"no\", \"on\", \"off\"]}", out);
		return;
	case TYPE_TRUE:
		fputs("{\"enum\": [true, \"yes\", \"on\"]}", out);
		return;
	case TYPE_UINT:
		fputs("{\"type\": \"integer\"", out);
		json_range(out, k->allowed);
		fputs("}", out);
		return;
	case TYPE_COUNT_OR_AUTO:
		fputs("{\"anyOf\": [{\"const\": \"auto\"}, {\"type\": \"integer\"", out);
		json_range(out, k->allowed);
		fputs("}]}", out);
		return;
	case TYPE_LIMIT:
		fputs("{\"anyOf\": [{\"const\": -1}, {\"type\": \"integer\"", out);
		json_range(out, k->allowed);
		fputs("}]}", out);
		return;
	case TYPE_DURATION:
		fputs("{\"type\": [\"string\", \"integer\"], "
		      "\"pattern\": \"^[0-9]+(us|ms|s|m|h|d)?$\"}",
		      out);
		return;
	case TYPE_SIZE:
		fputs("{\"type\": [\"string\", \"integer\"], "
		      "\"pattern\": \"^[0-9]+[kKmMgG]?$\"}",
		      out);
		return;
	case TYPE_PERCENT:
		fputs("{\"type\": [\"string\", \"integer\"], "
		      "\"pattern\": \"^[0-9]+%?$\"}",
		      out);
		return;
	case TYPE_CHOICE:
		json_choices(out, k->allowed);
		return;
	case TYPE_NONE:
	case TYPE_STRING:
	case TYPE_TEXT:
	case TYPE_NAME:
	case TYPE_BACKEND:
	case TYPE_TOKEN:
	case TYPE_COOKIE_OCTETS:
	case TYPE_FIELD_NAME:
	case TYPE_FIELD_VALUE:
	case TYPE_URI:
	case TYPE_LOCATION:
	case TYPE_OCTAL:
	case TYPE_RETRY_ON:
	case TYPE_BALANCE:
	case TYPE_HASH_TYPE:
	case TYPE_COOKIE:
	case TYPE_REDISPATCH:
	case TYPE_BOOL_OR:
	case TYPE_LOG_TAG:
	case TYPE_FORMAT:
	case TYPE_EXPRESSION:
	case TYPE_VARIABLE:
	case TYPE_PATTERN:
	case TYPE_NETWORK:
	case TYPE_CPUS:
	case TYPE_STATUSES:
	case TYPE_REGEX:
	case TYPE_AUTH:
	case TYPE_HTTPCHK:
	case TYPE_HEX:
	case TYPE_BIND:
	case TYPE_SERVER:
	case TYPE_HOST:
	case TYPE_LOG:
	case TYPE_LOG_ADDRESS:
	case TYPE_ACL:
	case TYPE_CONDITION:
		break;
	}
	fputs("{\"type\": [\"string\", \"number\", \"boolean\"]}", out);
}

/* The proxy sections differ in what they may hold. */
static const char *
ref_suffix(const struct schema_key *k)
{
	if (k->sub == SECTION_server)
		return strcmp(k->name, "servers") == 0 ? "" : "_template";
	if (k->in != SECTION_root || k->sub != SECTION_proxy)
		return "";
	return strstr(k->name, "defaults")	   ? "_defaults"
	       : strcmp(k->name, "frontends") == 0 ? "_frontend"
	       : strcmp(k->name, "backends") == 0  ? "_backend"
						   : "_listen";
}

static void
json_one(FILE *out, const struct schema_key *k)
{
	bool has_scalar = k->form & FORM_SCALAR,
	     has_map = k->form & (FORM_MAP | FORM_FLAGS);
	if (has_scalar && has_map)
		fputs("{\"anyOf\": [", out);
	if (has_scalar)
		json_scalar(out, schema_plain(k));
	if (has_scalar && has_map)
		fputs(", ", out);
	if (has_map)
		fprintf(out, "{\"$ref\": \"#/$defs/%s%s\"}", schema_sections[k->sub].id,
			ref_suffix(k));
	if (has_scalar && has_map)
		fputs("]}", out);
}

static void
json_many(FILE *out, const struct schema_key *k)
{
	if (k->form & FORM_FLAGS) {
		fputs("{\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", "
		      "\"items\": "
		      "{\"type\": [\"string\", \"object\"]}}, ",
		      out);
		json_one(out, k);
		fputs("]}", out);
	} else if (k->form & FORM_LIST) {
		fputs("{\"anyOf\": [", out);
		json_one(out, k);
		fputs(", {\"type\": \"array\", \"items\": ", out);
		json_one(out, k);
		fputs("}]}", out);
	} else {
		json_one(out, k);
	}
}

static void
json_key(FILE *out, const struct schema_key *k)
{
	fputs("        ", out);
	json_text(out, k->name);
	fputs(": {\"description\": ", out);
	json_text(out, k->help);
	if (k->deflt && !strchr("@!{(", k->deflt[0])) {
		fputs(", \"default\": ", out);
		json_text(out, k->deflt);
	}
	fputs(", \"allOf\": [", out);
	if (k->form & FORM_NAMED) {
		fputs("{\"type\": [\"object\", \"null\"], \"additionalProperties\": ",
		      out);
		json_many(out, k);
		fputs("}", out);
	} else {
		json_many(out, k);
	}
	fputs("]}", out);
}

static void
json_section(FILE *out, enum schema_section in, const char *suffix, unsigned where)
{
	const char *comma = "";
	fprintf(out, "    \"%s%s\": {\n      \"description\": ", schema_sections[in].id,
		suffix);
	json_text(out, schema_sections[in].help);
	fputs(",\n      \"type\": [\"object\", \"null\"], \"additionalProperties\": "
	      "false,\n"
	      "      \"properties\": {\n",
	      out);
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in || !(k->where & where))
			continue;
		fputs(comma, out);
		json_key(out, k);
		comma = ",\n";
	}
	const char *other, *name;
	enum schema_section of;
	for (size_t i = 0; (other = schema_also_at(i, &of, &name)); i++)
		if (of == in)
			fprintf(out,
				",\n        \"%s\": {\"description\": \"The same as "
				"%s\"}",
				other, name);
	for (size_t i = 0;
	     in == SECTION_proxy && (other = schema_moved_at(i, &name, &comma)); i++)
		fprintf(out,
			",\n        \"%s\": {\"deprecated\": true, \"description\": "
			"\"Use %s\", "
			"\"type\": [\"string\", \"integer\"]}",
			other, name);
	fputs("\n      }\n    }", out);
}

void
cfg_schema_json(FILE *out)
{
	fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	      "  \"title\": \"weir configuration\",\n  \"$ref\": \"#/$defs/root\",\n"
	      "  \"$defs\": {\n",
	      out);
	for (int in = SECTION_root; in < SECTIONS_N; in++) {
		if (in == SECTION_proxy || in == SECTION_server)
			continue;
		json_section(out, (enum schema_section)in, "", WHERE_ANY);
		fputs(",\n", out);
	}
	json_section(out, SECTION_proxy, "_defaults", WHERE_DEFAULTS);
	fputs(",\n", out);
	json_section(out, SECTION_proxy, "_frontend", WHERE_FRONTEND);
	fputs(",\n", out);
	json_section(out, SECTION_proxy, "_backend", WHERE_BACKEND);
	fputs(",\n", out);
	json_section(out, SECTION_proxy, "_listen", WHERE_LISTEN);
	fputs(",\n", out);
	json_section(out, SECTION_server, "", WHERE_ANY & ~WHERE_TEMPLATE);
	fputs(",\n", out);
	json_section(out, SECTION_server, "_template", WHERE_TEMPLATE);
	fputs("\n  }\n}\n", out);
}

/* --- docs/config.md
 * ------------------------------------------------------------------------- */

/* Table cells can't hold '|'. */
static void
cell(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs(" \\| ", out);
		else
			fputc(*text, out);
}

static const char *
type_text(const struct schema_key *k)
{
	switch (k->type) {
	case TYPE_BOOL:
		return "true or false";
	case TYPE_TRUE:
		return "true";
	case TYPE_UINT:
		return "number";
	case TYPE_COUNT_OR_AUTO:
		return "number or auto";
	case TYPE_RETRY_ON:
	case TYPE_HASH_TYPE:
	case TYPE_COOKIE:
		return "words";
	case TYPE_BALANCE:
		return "algorithm";
	case TYPE_LIMIT:
		return "number or -1";
	case TYPE_OCTAL:
		return "octal";
	case TYPE_DURATION:
		return "duration";
	case TYPE_SIZE:
		return "size";
	case TYPE_PERCENT:
		return "percentage";
	case TYPE_CHOICE:
		return "word";
	case TYPE_NAME:
	case TYPE_BACKEND:
	case TYPE_FIELD_NAME:
	case TYPE_TOKEN:
		return "name";
	case TYPE_COOKIE_OCTETS:
		return "word";
	case TYPE_URI:
	case TYPE_LOCATION:
		return "URI";
	case TYPE_REDISPATCH:
		return "true, false or number";
	case TYPE_BOOL_OR:
		return "true, false or word";
	case TYPE_LOG_TAG:
		return "name";
	case TYPE_FORMAT:
		return "format";
	case TYPE_EXPRESSION:
		return "expression";
	case TYPE_VARIABLE:
		return "variable";
	case TYPE_CPUS:
		return "CPUs";
	case TYPE_STATUSES:
		return "status codes";
	case TYPE_NETWORK:
		return "network";
	case TYPE_REGEX:
	case TYPE_PATTERN:
		return "regular expression";
	case TYPE_AUTH:
		return "user:password";
	case TYPE_HEX:
		return "hexadecimal digits";
	case TYPE_HTTPCHK:
		return "true or text";
	case TYPE_BIND:
	case TYPE_SERVER:
	case TYPE_HOST:
	case TYPE_LOG_ADDRESS:
		return "address";
	case TYPE_LOG:
		return "log target";
	case TYPE_ACL:
		return "ACL";
	case TYPE_CONDITION:
		return "condition";
	case TYPE_NONE:
	case TYPE_STRING:
	case TYPE_TEXT:
	case TYPE_FIELD_VALUE:
		break;
	}
	return "text";
}

static void
form_cell(FILE *out, const struct schema_key *k)
{
	if (k->form & FORM_NAMED)
		fputs("map of names to: ", out);
	if (k->form & FORM_FLAGS)
		fputs("name, list of names, or ", out);
	if (k->form & FORM_SCALAR)
		fputs(type_text(schema_plain(k)), out);
	if ((k->form & FORM_SCALAR) && (k->form & FORM_MAP))
		fputs(", or ", out);
	if (k->form & FORM_MAP) {
		fputs("map: ", out);
		fputs(schema_sections[k->sub].title, out);
	}
	if (k->form & FORM_LIST)
		fputs("; or a list", out);
	if (k->allowed) {
		fputs(" (", out);
		cell(out, k->allowed);
		fputs(")", out);
	}
}

static void
default_cell(FILE *out, const char *deflt)
{
	if (!deflt || strcmp(deflt, "{}") == 0)
		fputs("–", out);
	else if (deflt[0] == '!')
		fputs("must be written", out);
	else if (deflt[0] == '@')
		fprintf(out, "as %s", deflt + 1);
	else if (deflt[0] == '(')
		fprintf(out, "%.*s", (int)strlen(deflt) - 2, deflt + 1);
	else
		fprintf(out, "`%s`", deflt);
}

static void
where_cell(FILE *out, unsigned where)
{
	static const char letters[] = "DFBL";
	char places[SCHEMA_WHERE_BYTES];
	if (where == WHERE_ANY)
		fputs("–", out);
	else if (where >= WHERE_TEMPLATE)
		fputs(schema_where_text(where, places), out);
	else
		for (unsigned i = 0; i < 4; i++)
			if (where & 1U << i)
				fputc(letters[i], out);
}

static void
md_section(FILE *out, enum schema_section in)
{
	const struct schema_section_row *s = &schema_sections[in];
	bool has_where = in == SECTION_proxy || in == SECTION_option ||
			 in == SECTION_rule || in == SECTION_tcp_request;
	fprintf(out, "\n## %s\n\n%s\n\n", s->title, s->help);
	fprintf(out, "| key | value | default |%s meaning | HAProxy's manual |\n",
		has_where ? " in |" : "");
	fprintf(out, "|---|---|---|%s---|---|\n", has_where ? "---|" : "");
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in)
			continue;
		fprintf(out, "| `%s` | ", k->name);
		form_cell(out, k);
		fputs(" | ", out);
		default_cell(out, k->deflt);
		fputs(" | ", out);
		if (has_where) {
			where_cell(out, k->where);
			fputs(" | ", out);
		}
		cell(out, k->help);
		fprintf(out, " | %s |\n", k->manual ? k->manual : "–");
	}
	enum schema_section of;
	const char *other, *name;
	for (size_t i = 0; (other = schema_also_at(i, &of, &name)); i++)
		if (of == in)
			fprintf(out, "\n`%s` is the same as `%s`.\n", other, name);
}

static void
md_deprecated(FILE *out)
{
	const char *old, *to, *manual;
	fputs("\n## Deprecated\n\nAccepted in proxies with a warning.\n\n"
	      "| key | use | HAProxy's manual |\n|---|---|---|\n",
	      out);
	for (size_t i = 0; (old = schema_moved_at(i, &to, &manual)); i++)
		fprintf(out, "| `%s` | `%s` | %s |\n", old, to, manual);
}

static void
md_unsupported(FILE *out)
{
	const char *name, *why;
	enum schema_section of;
	fputs("\n## Known, not implemented yet\n\nAn error that says so; never "
	      "ignored.\n\n",
	      out);
	for (int in = SECTION_root; in < SECTIONS_N; in++) {
		const char *comma = "";
		for (size_t i = 0; (name = schema_unsupported_at(i, &of, &why)); i++) {
			if ((int)of != in || why)
				continue;
			if (comma[0] == '\0')
				fprintf(out, "- **%s**: ", schema_sections[in].title);
			fprintf(out, "%s`%s`", comma, name);
			comma = ", ";
		}
		if (comma[0])
			fputs("\n", out);
	}
	fputs("\n## Known, and not possible\n\n", out);
	for (size_t i = 0; (name = schema_unsupported_at(i, &of, &why)); i++)
		if (why)
			fprintf(out, "- **%s**: `%s` %s\n", schema_sections[of].title,
				name, why);
}

void
cfg_schema_markdown(FILE *out)
{
	fputs("<!-- Made from config/schema/schema.def; do not edit. -->\n\n# "
	      "Configuration "
	      "reference\n\n"
	      "HAProxy's vocabulary in YAML: keys are HAProxy's keywords in snake_case, "
	      "conditions are its own strings. `weir --schema` prints the same as a JSON "
	      "Schema; `weir --dump-config` prints what is in effect and where each "
	      "value "
	      "comes from.\n\n"
	      "Durations take `us ms s m h d` (a bare number is milliseconds), sizes `k "
	      "m g`. "
	      "`${VAR}`, `${VAR-default}` and `${VAR+text}` expand in every value and "
	      "key; `$$` "
	      "is a dollar. Precedence: command line (`-o path.to.key=value`), file, "
	      "`defaults`, built-in default.\n",
	      out);
	for (int in = SECTION_root; in < SECTIONS_N; in++)
		md_section(out, (enum schema_section)in);
	md_deprecated(out);
	md_unsupported(out);
}
