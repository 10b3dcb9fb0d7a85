/* SPDX-License-Identifier: MIT
 *
 * Scalars by type: is this text a value, and what value. The schema decides the type, so
 * `no`, `010` and `1e3` mean what the keyword says. Master (at load).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "config/loading.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"

bool
value_bool(const char *text)
{
	return !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on");
}

static bool
is_false(const char *text)
{
	return !strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "off");
}

bool
value_is_on(const char *text)
{
	return !is_false(text);
}

static bool
is_bool(const char *text)
{
	return value_bool(text) || is_false(text);
}

uint64_t
value_uint(const char *text)
{
	uint64_t v = 0;
	num_u64(span_str(text), &v);
	return v;
}

unsigned
value_octal(const char *text)
{
	unsigned v = 0;
	for (; *text; text++)
		v = v * 8 + (unsigned)(*text - '0');
	return v;
}

/* HAProxy's '-' and our '_' are the same. */
static bool
is_word(struct span word, const char *text)
{
	size_t n = 0;
	for (; n < word.n && text[n]; n++)
		if (word.p[n] != text[n] &&
		    (strchr("-_", word.p[n]) == NULL || strchr("-_", text[n]) == NULL))
			return false;
	return n == word.n && text[n] == '\0';
}

int
value_choice(const char *allowed, const char *text)
{
	struct span rest = span_str(allowed);
	for (int i = 0; rest.n; i++)
		if (is_word(span_cut(&rest, '|'), text))
			return i;
	return -1;
}

const char *
value_choices_text(struct arena *a, const char *allowed)
{
	struct span rest = span_str(allowed);
	const char *text = arena_span(a, span_cut(&rest, '|'));
	while (rest.n) {
		struct span word = span_cut(&rest, '|');
		text = arena_printf(a, "%s%s%.*s", text, rest.n ? ", " : " or ",
				    (int)word.n, word.p);
	}
	return text;
}

struct span
value_word(struct span *rest)
{
	*rest = span_trim(*rest);
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	struct span word = span_of(rest->p, n);
	*rest = span_trim(span_of(rest->p + n, rest->n - n));
	return word;
}

/* --- numbers within "min..max" --------------------------------------------------------
 */

typedef enum num_result (*num_parse)(struct span, uint64_t *);

static const char *
in_range(struct arena *a, const struct schema_key *k, const char *text, num_parse parse,
	 const char *kind, const char *example)
{
	struct span max = span_str(k->allowed), min = span_cut(&max, '.');
	uint64_t v = 0, low = 0, high = UINT64_MAX;
	max = span_of(max.p + 1, max.n - 1);
	parse(min, &low);
	parse(max, &high);
	enum num_result r = parse(span_str(text), &v);
	if (r == NUM_OK && v >= low && v <= high)
		return NULL;
	if (r == NUM_SYNTAX)
		return arena_printf(a, "'%s' is not %s; expected %s from %.*s to %.*s",
				    text, kind, example, (int)min.n, min.p, (int)max.n,
				    max.p);
	return arena_printf(a, "'%s' is out of range; expected %s from %.*s to %.*s",
			    text, example, (int)min.n, min.p, (int)max.n, max.p);
}

static const char *
check_octal(struct arena *a, const char *text)
{
	size_t n = strlen(text);
	if (n >= 3 && n <= 4 && strspn(text, "01234567") == n &&
	    value_octal(text) <= 0777)
		return NULL;
	return arena_printf(
		a, "'%s' is not a mode; expected three octal digits such as 0600", text);
}

/* --- words
 * ------------------------------------------------------------------------------ */

static const char *
check_choice(struct arena *a, const struct schema_key *k, const char *text)
{
	if (value_choice(k->allowed, text) >= 0)
		return NULL;
	struct suggest s = suggest_begin(span_str(text));
	struct span rest = span_str(k->allowed);
	while (rest.n)
		suggest_offer(&s, arena_span(a, span_cut(&rest, '|')));
	return arena_printf(a, "'%s' is not possible here; expected %s%s%s%s", text,
			    value_choices_text(a, k->allowed),
			    s.best ? "; did you mean '" : "", s.best ? s.best : "",
			    s.best ? "'?" : "");
}

/* Words of retry_on, with blanks between them. */
static const char *
check_retry_on(struct arena *a, const struct schema_key *k, const char *text)
{
	struct span rest = span_str(text);
	const char *wrong = NULL;
	while (rest.n && !wrong) {
		char *word = arena_span(a, value_word(&rest));
		for (char *p = word; *p; p++)
			if (*p == '-')
				*p = '_';
		if (strcmp(word, "0rtt_rejected") == 0)
			return "'0rtt_rejected' is not implemented in this release";
		wrong = check_choice(a, k, word);
		if (!wrong && strcmp(word, "none") == 0 && strlen(text) > 4)
			wrong = "'none' cannot be combined with other words";
	}
	return wrong;
}

const char *
value_name_wrong(struct arena *a, const char *name)
{
	size_t n = strlen(name);
	if (n == 0)
		return "the name is empty";
	if (n > CFG_NAME_MAX)
		return arena_printf(a, "the name '%s' has %zu bytes; expected at most %d",
				    name, n, CFG_NAME_MAX);
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		      (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || strchr("-_.:", name[i])))
			return arena_printf(
				a,
				"'%s' is not a name; expected letters, digits, "
				"'-', '_', '.' and ':'",
				name);
	return NULL;
}

static const char *
check_token(struct arena *a, const char *text, const char *kind)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"(),/:;<=>?@[\\]{}", *p))
			return arena_printf(
				a,
				"'%s' is not %s; expected letters, digits and "
				"'-'",
				text, kind);
	return text[0] ? NULL : arena_printf(a, "the empty text is not %s", kind);
}

enum { FIELD_NAME_MAX = 128 }; /* what the worker has room for */

static const char *
check_field_name(struct arena *a, const char *text)
{
	if (strlen(text) > FIELD_NAME_MAX)
		return arena_printf(a, "the name of a field has at most %d bytes",
				    FIELD_NAME_MAX);
	return check_token(a, text, "the name of a field");
}

static const char *
check_cookie(struct arena *a, const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\",;\\", *p))
			return arena_printf(a,
					    "'%s' cannot be part of a cookie; expected "
					    "no blanks, quotes, commas, semicolons and "
					    "backslashes",
					    text);
	return text[0] ? NULL : "the text is empty";
}

static bool
has_control(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((*p < ' ' && *p != '\t') || *p == 0x7f)
			return true;
	return false;
}

static const char *
check_location(struct arena *a, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return arena_printf(a,
					    "'%s' is not a URI; expected no blanks and "
					    "no control characters",
					    text);
	return text[0] ? NULL : "the text is empty; expected a URI";
}

static const char *
check_uri(struct arena *a, const char *text)
{
	const char *wrong = check_location(a, text);
	if (wrong)
		return wrong;
	if (text[0] == '/' || !strcmp(text, "*") || strstr(text, "://"))
		return NULL;
	return arena_printf(a, "'%s' is not a URI; expected a path such as /health",
			    text);
}

static const char *
check_auth(struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':');
	if (colon && colon != text && !has_control(text))
		return NULL;
	return arena_printf(a, "'%s' is not a login; expected user:password", text);
}

/* RFC 5424 6: printable, no blanks. */
static const char *
check_log_tag(struct arena *a, const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			n = 0;
	if (n > 0 && n <= LOG_TAG_BYTES)
		return NULL;
	return arena_printf(
		a,
		"'%s' is not a name for log lines; expected up to %d printable "
		"characters without blanks",
		text, LOG_TAG_BYTES);
}

/* --- types with a language of their own
 * -------------------------------------------------- */

static const char *
check_redispatch(struct arena *a, const char *text)
{
	uint64_t v;
	if (is_bool(text) || (num_u64(span_str(text + (text[0] == '-')), &v) == NUM_OK &&
			      v >= 1 && v <= 100))
		return NULL;
	return arena_printf(
		a,
		"'%s' is not possible here; expected true, false, or an interval "
		"from 1 to 100 or -100 to -1",
		text);
}

/* "200-399,404" */
static const char *
check_statuses(struct arena *a, const char *text)
{
	struct span rest = span_str(text);
	bool ok = rest.n > 0;
	while (rest.n && ok) {
		struct span to = span_trim(span_cut(&rest, ',')),
			    from = span_cut(&to, '-');
		uint64_t low = 0, high = 0;
		ok = num_u64(span_trim(from), &low) == NUM_OK && low >= 100 && low <= 999;
		high = low;
		if (to.n)
			ok = ok && num_u64(span_trim(to), &high) == NUM_OK;
		ok = ok && high >= low && high <= 999;
	}
	return ok ? NULL
		  : arena_printf(a,
				 "'%s' is not a list of status codes; expected codes and "
				 "ranges such as 200-399,404",
				 text);
}

static const char *
check_regex(struct arena *a, const char *text)
{
	int error;
	PCRE2_SIZE at;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0,
					 &error, &at, NULL);
	if (code) {
		pcre2_code_free(code);
		return NULL;
	}
	PCRE2_UCHAR why[160];
	pcre2_get_error_message(error, why, sizeof(why));
	return arena_printf(a, "'%s' is not a regular expression: %s, at character %zu",
			    text, (char *)why, (size_t)at + 1);
}

/* "[METHOD] URI [VERSION]" or true / false */
static const char *
check_httpchk(struct arena *a, const char *text)
{
	if (is_bool(text))
		return NULL;
	struct span rest = span_str(text);
	struct span first = value_word(&rest), uri = value_word(&rest), version = rest;
	if (uri.n == 0)
		return check_uri(a, arena_span(a, first));
	const char *wrong = check_token(a, arena_span(a, first), "a method");
	if (!wrong)
		wrong = check_uri(a, arena_span(a, uri));
	if (!wrong && version.n && !span_eq(version, SPAN("HTTP/1.0")) &&
	    !span_eq(version, SPAN("HTTP/1.1")))
		wrong = arena_printf(
			a,
			"'%.*s' is not a version; expected HTTP/1.0 or HTTP/1.1 "
			"(fields belong in 'headers')",
			(int)version.n, version.p);
	return wrong;
}

static const char *
check_hex(struct arena *a, const char *text)
{
	size_t digits = strspn(text, "0123456789abcdefABCDEF");
	if (text[digits] == '\0' && digits % 2 == 0 && digits > 0)
		return NULL;
	return arena_printf(a,
			    "'%s' is not a text of hexadecimal digits; expected two for "
			    "each byte, such as 50494e470d0a",
			    text);
}

static const char *
check_cpus(struct arena *a, const char *text)
{
	if (!strcmp(text, "auto") || !strcmp(text, "none"))
		return NULL;
	struct span rest = span_str(text);
	bool ok = true, any = false;
	while (rest.n && ok) {
		struct span to = value_word(&rest), from = span_cut(&to, '-');
		uint64_t low, high;
		ok = num_u64(from, &low) == NUM_OK && low < 4096;
		ok = ok && (!to.n ||
			    (num_u64(to, &high) == NUM_OK && high >= low && high < 4096));
		any = true;
	}
	return ok && any ? NULL
			 : arena_printf(
				   a,
				   "'%s' is not a set of CPUs; expected auto, none, or "
				   "numbers and ranges such as 0-3",
				   text);
}

/* "20%" or "20" */
static enum num_result
percent(struct span s, uint64_t *out)
{
	if (s.n && s.p[s.n - 1] == '%')
		s.n--;
	return num_u64(s, out);
}

static const char *
check_number(struct arena *a, const struct schema_key *k, const char *text)
{
	if (k->type == TYPE_DURATION)
		return in_range(a, k, text, num_duration_ms, "a duration",
				"a number with us, ms, s, m, h or d (without: ms)");
	if (k->type == TYPE_PERCENT)
		return in_range(a, k, text, percent, "a percentage", "a number with %");
	if (k->type == TYPE_SIZE)
		return in_range(a, k, text, num_size, "a size",
				"a number of bytes, or with k, m or g");
	if (k->type == TYPE_COUNT_OR_AUTO)
		return !strcmp(text, "auto") ? NULL
					     : in_range(a, k, text, num_u64, "a number",
							"auto or a whole number");
	if (k->type == TYPE_LIMIT)
		return !strcmp(text, "-1") ? NULL
					   : in_range(a, k, text, num_u64, "a number",
						      "-1 (no limit) or a whole number");
	return in_range(a, k, text, num_u64, "a number", "a whole number");
}

static const char *
check_switch(struct arena *a, const struct schema_key *k, const char *text)
{
	if (value_bool(text) || (k->type == TYPE_BOOL && is_bool(text)))
		return NULL;
	if (k->type == TYPE_BOOL)
		return arena_printf(a, "'%s' is not a switch; expected true or false",
				    text);
	if (k->sub == SECTION_none)
		return arena_printf(a, "'%s' is not possible here; expected true", text);
	return arena_printf(
		a, "'%s' is not possible here; expected true, or a map such as %s", text,
		schema_example(a, k->sub));
}

/* Types whose text alone says whether it is one. */
static const char *(*const checks[])(struct arena *, const char *) = {
	[TYPE_COOKIE_OCTETS] = check_cookie,
	[TYPE_OCTAL] = check_octal,
	[TYPE_NAME] = value_name_wrong,
	[TYPE_FIELD_NAME] = check_field_name,
	[TYPE_URI] = check_uri,
	[TYPE_LOCATION] = check_location,
	[TYPE_AUTH] = check_auth,
	[TYPE_LOG_TAG] = check_log_tag,
	[TYPE_REDISPATCH] = check_redispatch,
	[TYPE_STATUSES] = check_statuses,
	[TYPE_REGEX] = check_regex,
	[TYPE_HTTPCHK] = check_httpchk,
	[TYPE_CPUS] = check_cpus,
	[TYPE_HEX] = check_hex,
};

const char *
value_check(struct loading *l, const struct schema_key *k, const char *text)
{
	struct arena *a = l->arena;
	switch (k->type) {
	case TYPE_UINT:
	case TYPE_DURATION:
	case TYPE_SIZE:
	case TYPE_PERCENT:
	case TYPE_COUNT_OR_AUTO:
	case TYPE_LIMIT:
		return check_number(a, k, text);
	case TYPE_BOOL:
	case TYPE_TRUE:
		return check_switch(a, k, text);
	case TYPE_CHOICE:
		return check_choice(a, k, text);
	case TYPE_RETRY_ON:
		return check_retry_on(a, k, text);
	case TYPE_NETWORK:
		return value_network(a, text, &(struct cfg_network){.bits = 0});
	case TYPE_BACKEND:
		return strchr(text, '%') ? NULL : value_name_wrong(a, text);
	case TYPE_TOKEN:
		return check_token(a, text, "a method");
	case TYPE_FIELD_VALUE:
		return has_control(text) ? "a control character; expected printable text"
					 : NULL;
	case TYPE_BOOL_OR:
		return is_bool(text) ? NULL : check_choice(a, k, text);
	case TYPE_TEXT:
		return text[0] ? NULL : "the text is empty";
	case TYPE_NONE:
	case TYPE_STRING:
	case TYPE_BALANCE:
	case TYPE_HASH_TYPE:
	case TYPE_COOKIE:
	case TYPE_BIND:
	case TYPE_SERVER:
	case TYPE_HOST:
	case TYPE_LOG:
	case TYPE_LOG_ADDRESS:
	case TYPE_ACL:
	case TYPE_CONDITION:
	case TYPE_FORMAT:
	case TYPE_EXPRESSION:
	case TYPE_VARIABLE:
	case TYPE_PATTERN:
		return NULL;
	case TYPE_COOKIE_OCTETS:
	case TYPE_OCTAL:
	case TYPE_NAME:
	case TYPE_FIELD_NAME:
	case TYPE_URI:
	case TYPE_LOCATION:
	case TYPE_AUTH:
	case TYPE_LOG_TAG:
	case TYPE_REDISPATCH:
	case TYPE_STATUSES:
	case TYPE_REGEX:
	case TYPE_HTTPCHK:
	case TYPE_HEX:
	case TYPE_CPUS:
		break;
	}
	return checks[k->type](a, text);
}

/* --- into structs
 * ------------------------------------------------------------------------- */

static void
store_number(const struct schema_key *k, uint64_t v, void *at)
{
	uint32_t v32 = (uint32_t)v;
	uint16_t v16 = (uint16_t)v;
	uint8_t v8 = (uint8_t)v;
	if (k->bytes == 8)
		memcpy(at, &v, 8);
	else if (k->bytes == 4)
		memcpy(at, &v32, 4);
	else if (k->bytes == 2)
		memcpy(at, &v16, 2);
	else
		memcpy(at, &v8, 1);
}

void
value_store(struct arena *a, const struct schema_key *k, const char *text, void *base)
{
	void *at = (char *)base + k->offset;
	uint64_t v = 0;
	if (k->type == TYPE_BOOL) {
		*(bool *)at = value_bool(text);
		return;
	}
	if (k->type == TYPE_CHOICE)
		v = (uint64_t)value_choice(k->allowed, text);
	else if (k->type == TYPE_DURATION)
		num_duration_ms(span_str(text), &v);
	else if (k->type == TYPE_SIZE)
		num_size(span_str(text), &v);
	else if (k->type == TYPE_PERCENT)
		percent(span_str(text), &v);
	else if (k->type == TYPE_LIMIT)
		v = text[0] == '-' ? UINT64_MAX : value_uint(text);
	else if (k->type == TYPE_UINT)
		v = value_uint(text);
	else if (k->type == TYPE_OCTAL)
		v = value_octal(text);
	else {
		struct span copy = span_str(arena_strdup(a, text));
		memcpy(at, &copy, k->bytes); /* as a span, or its pointer alone */
		return;
	}
	store_number(k, v, at);
}
