/* SPDX-License-Identifier: MIT
 *
 * Stick tables as text. weirctl and control; allocates.
 */
#include "shm/stick/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "lib/base/num.h"

bool
shm_stick_find(const struct shm *s, const char *name, struct shm_object *out)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_facts f;
		if (!shm_object_at(s, i, out) || out->kind != SHM_TABLE ||
		    !out->is_current)
			continue;
		shm_object_facts(s, out, &f);
		if (strcmp(f.name, name) == 0)
			return true;
	}
	return false;
}

/* --- keys and values ------------------------------------------------------------------
 */

static void
put_hex(struct shm_text *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		shm_text_fmt(out, "%02X", p[i]);
}

/* Nothing in a key may look like the end of it. */
static void
put_string(struct shm_text *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n && p[i]; i++) {
		bool is_plain = p[i] > ' ' && p[i] < 0x7f && p[i] != '\\';
		if (is_plain)
			shm_text_char(out, (char)p[i]);
		else
			shm_text_fmt(out, "\\x%02X", p[i]);
	}
}

static void
put_key(struct shm_text *out, const struct stick_spec *spec, const unsigned char *key)
{
	char host[INET6_ADDRSTRLEN];
	uint32_t number;
	switch (spec->key) {
	case STICK_IP:
	case STICK_IPV6:
		inet_ntop(spec->key == STICK_IP ? AF_INET : AF_INET6, key, host,
			  sizeof(host));
		shm_text_str(out, host);
		break;
	case STICK_INTEGER:
		memcpy(&number, key, sizeof(number));
		shm_text_u64(out, number);
		break;
	case STICK_STRING:
		put_string(out, key, spec->key_bytes);
		break;
	case STICK_BINARY:
		put_hex(out, key, spec->key_bytes);
		break;
	case STICK_KEYS_N:
		break;
	}
}

static bool
parse_binary(const struct stick_spec *spec, const char *text, unsigned char *key)
{
	size_t n = strlen(text);
	for (size_t i = 0; i < n && i / 2 < spec->key_bytes; i += 2) {
		int high = num_hex_digit(text[i]),
		    low = high < 0 ? -1 : num_hex_digit(text[i + 1]);
		if (low < 0)
			return false;
		key[i / 2] = (unsigned char)(high << 4 | low);
	}
	return n > 0 && n % 2 == 0;
}

/* As put_string() writes it. */
static void
parse_string(const struct stick_spec *spec, const char *text, unsigned char *key)
{
	for (size_t n = 0; *text && n < spec->key_bytes; n++) {
		bool is_hex = text[0] == '\\' && text[1] == 'x' &&
			      num_hex_digit(text[2]) >= 0 && num_hex_digit(text[3]) >= 0;
		key[n] = is_hex ? (unsigned char)(num_hex_digit(text[2]) << 4 |
						  num_hex_digit(text[3]))
				: (unsigned char)text[0];
		text += is_hex ? 4 : 1;
	}
}

bool
shm_stick_parse_key(const struct stick_spec *spec, const char *text,
		    unsigned char key[STICK_KEY_BYTES_MAX])
{
	uint64_t number;
	uint32_t stored;
	memset(key, 0, STICK_KEY_BYTES_MAX);
	switch (spec->key) {
	case STICK_IP:
		return inet_pton(AF_INET, text, key) == 1;
	case STICK_IPV6:
		return inet_pton(AF_INET6, text, key) == 1;
	case STICK_INTEGER:
		if (num_u64(span_str(text), &number) != NUM_OK || number > UINT32_MAX)
			return false;
		stored = (uint32_t)number;
		memcpy(key, &stored, sizeof(stored));
		return true;
	case STICK_STRING:
		parse_string(spec, text, key);
		return *text;
	case STICK_BINARY:
		return parse_binary(spec, text, key);
	case STICK_KEYS_N:
		break;
	}
	return false;
}

enum shm_stick_wrong
shm_stick_parse_value(const struct stick_spec *spec, const char *text, uint16_t *value)
{
	struct span rest = span_str(text), prefix = SPAN("data.");
	uint64_t element = 0;
	if (rest.n > prefix.n && memcmp(rest.p, prefix.p, prefix.n) == 0)
		rest = span_of(rest.p + prefix.n, rest.n - prefix.n);
	struct span name = span_cut(&rest, '[');
	if (rest.n && (rest.p[--rest.n] != ']' || num_u64(rest, &element) != NUM_OK))
		return SHM_STICK_NO_TYPE;
	int type = stick_type_find(name.p, name.n);
	if (type < 0)
		return SHM_STICK_NO_TYPE;
	const struct stick_column *c = stick_spec_find(spec, (enum stick_type)type);
	if (!c || element >= c->n)
		return SHM_STICK_NOT_STORED;
	*value = (uint16_t)(c->value + element);
	return SHM_STICK_RIGHT;
}

/* --- filters ---------------------------------------------------------------------------
 */

static const char *const operators[] = {"eq", "ne", "le", "ge", "lt", "gt"};
enum { EQ, NE, LE, GE, LT, GT, OPERATORS_N };

enum shm_stick_wrong
shm_stick_add_filter(struct shm_stick_query *q, const struct stick_spec *spec,
		     const char *column, const char *op, const char *n)
{
	struct shm_stick_filter *f = &q->filters[q->filters_n];
	if (q->filters_n == SHM_STICK_FILTERS_MAX)
		return SHM_STICK_TOO_MANY;
	enum shm_stick_wrong wrong = shm_stick_parse_value(spec, column, &f->value);
	if (wrong)
		return wrong;
	for (f->op = 0; f->op < OPERATORS_N; f->op++)
		if (op && strcmp(op, operators[f->op]) == 0)
			break;
	if (f->op == OPERATORS_N)
		return SHM_STICK_NO_OPERATOR;
	if (!n || num_u64(span_str(n), &f->n) != NUM_OK)
		return SHM_STICK_NO_NUMBER;
	q->filters_n++;
	return SHM_STICK_RIGHT;
}

bool
shm_stick_matches(const struct shm_stick_query *q, const struct shm_stick_view *v)
{
	for (unsigned i = 0; i < q->filters_n; i++) {
		const struct shm_stick_filter *f = &q->filters[i];
		uint64_t is = v->values[f->value];
		const bool results[OPERATORS_N] = {[EQ] = is == f->n,
						   [NE] = is != f->n,
						   [LE] = is <= f->n,
						   [GE] = is >= f->n,
						   [LT] = is<f->n, [GT] = is> f->n};
		if (!results[f->op])
			return false;
	}
	return true;
}

/* --- entries ---------------------------------------------------------------------------
 */

/* "gpc[1]"; as HAProxy "gpc1", and "gpc1_rate" of an array "gpc_rate". */
static void
put_name(struct shm_text *out, const struct stick_column *c, uint32_t element,
	 bool is_haproxys)
{
	const char *name = stick_type_name((enum stick_type)c->type);
	if (!stick_is_array((enum stick_type)c->type))
		shm_text_str(out, name);
	else if (is_haproxys)
		shm_text_fmt(out, "%.3s%u%s", name, element, name + strlen("gpc"));
	else
		shm_text_fmt(out, "%s[%u]", name, element);
	if (c->period_ms)
		shm_text_fmt(out, "(%u)", c->period_ms);
}

/* The name or address that has this hash, "-": none that is configured. */
static void
put_server(struct shm_text *out, const struct shm_stick_query *q, uint64_t hash)
{
	struct shm_facts f = {.name = "-"};
	const char *found = NULL;
	for (uint32_t i = 0; hash && !found && i < shm_objects_n(q->region); i++) {
		struct shm_object o;
		if (!shm_object_at(q->region, i, &o) || o.kind != SHM_SERVER)
			continue;
		shm_object_facts(q->region, &o, &f);
		if (hash_bytes(f.name, strlen(f.name), 0) == hash)
			found = f.name;
		else if (hash_bytes(f.addr, strlen(f.addr), 0) == hash)
			found = f.addr;
	}
	if (q->is_json)
		shm_text_json(out, found ? found : "-");
	else
		shm_text_plain(out, found ? found : "-");
}

static void
put_value(struct shm_text *out, const struct stick_column *c, uint32_t element,
	  uint64_t v, const struct shm_stick_query *q)
{
	shm_text_str(out, q->is_json ? ",\"" : " ");
	put_name(out, c, element, q->is_haproxys);
	shm_text_str(out, q->is_json ? "\":" : "=");
	if (c->type != STICK_server_key || !q->region)
		shm_text_u64(out, v);
	else
		put_server(out, q, v);
}

static void
put_entry(struct shm_text *out, const struct stick_spec *spec,
	  const struct shm_stick_view *v, const struct shm_stick_query *q)
{
	const bool is_json = q->is_json;
	struct shm_text key = {0};
	put_key(&key, spec, v->key);
	shm_text_str(out, is_json ? "{\"key\":" : "key=");
	if (is_json)
		shm_text_json(out, key.bytes ? key.bytes : "");
	else
		shm_text_str(out, key.bytes ? key.bytes : "");
	shm_text_fini(&key);
	shm_text_fmt(out,
		     is_json ? ",\"use\":%u,\"exp\":%" PRIu64 : " use=%u exp=%" PRIu64,
		     v->refs, v->expires_in_ms);
	if (q->is_haproxys && !is_json)
		shm_text_str(out, " shard=0"); /* of peers, which are not there */
	for (uint32_t i = 0; i < spec->columns_n; i++) {
		const struct stick_column *c = &spec->columns[i];
		for (uint32_t j = 0; j < c->n; j++)
			put_value(out, c, j, v->values[c->value + j], q);
	}
	if (is_json)
		shm_text_char(out, '}');
}

/* A line on its way, and by what it is sorted. */
struct line {
	uint64_t number; /* the value, or an integer key */
	unsigned char *key;
	uint32_t key_bytes;
	char *text;
	uint64_t place;
};

struct lines {
	struct line *at;
	size_t n, cap;
};

static int
by_key(const void *pa, const void *pb)
{
	const struct line *a = pa, *b = pb;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return memcmp(a->key, b->key, a->key_bytes);
}

static int
by_value(const void *pa, const void *pb)
{
	const struct line *a = pa, *b = pb;
	if (a->number != b->number)
		return a->number > b->number ? -1 : 1;
	return memcmp(a->key, b->key, a->key_bytes);
}

static void
lines_add(struct lines *l, const struct shm_stick *t, const struct shm_stick_query *q,
	  const struct shm_stick_view *v, uint64_t place)
{
	struct shm_text text = {0};
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		struct line *more = must_calloc(l->cap, sizeof(*more));
		if (l->n)
			memcpy(more, l->at, l->n * sizeof(*more));
		free(l->at);
		l->at = more;
	}
	struct line *line = &l->at[l->n++];
	*line = (struct line){.key_bytes = t->spec.key_bytes, .place = place};
	uint32_t number;
	if (q->sort >= 0) {
		line->number = v->values[q->sort];
	} else if (t->spec.key == STICK_INTEGER) {
		memcpy(&number, v->key, sizeof(number));
		line->number = number;
	}
	line->key = must_alloc(t->spec.key_bytes);
	memcpy(line->key, v->key, t->spec.key_bytes);
	put_entry(&text, &t->spec, v, q);
	line->text = text.bytes;
}

static void
collect(const struct shm_stick *t, const struct shm_stick_query *q, uint64_t now_ms,
	struct lines *l)
{
	struct shm_stick_view *v = must_alloc(sizeof(*v));
	enum shm_stick_result r;
	uint64_t at = 0;
	if (q->key) {
		if (shm_stick_read(t, q->key, now_ms, v) == SHM_STICK_OK)
			lines_add(l, t, q, v, 1);
		free(v);
		return;
	}
	while ((r = shm_stick_each(t, &at, now_ms, v)) != SHM_STICK_NONE)
		if (r == SHM_STICK_OK && shm_stick_matches(q, v))
			lines_add(l, t, q, v, at);
	free(v);
}

static void
put_head(struct shm_text *out, const struct shm_stick *t, const char *name,
	 const struct shm_stick_query *q, uint64_t now_ms)
{
	const char *type = stick_key_name(t->spec.key);
	uint64_t used = shm_stick_live(t, now_ms);
	if (q->is_json) {
		shm_text_str(out, "{\"table\":");
		shm_text_json(out, name);
		shm_text_fmt(out,
			     ",\"type\":\"%s\",\"size\":%" PRIu64 ",\"used\":%" PRIu64
			     ",\"entries\":[",
			     type, t->spec.size, used);
	} else if (q->is_haproxys) {
		shm_text_fmt(out,
			     "# table: %s, type: %s, size:%" PRIu64 ", used:%" PRIu64
			     "\n",
			     name, type, t->spec.size, used);
	}
}

void
shm_stick_render(const struct shm_stick *t, const char *name,
		 const struct shm_stick_query *q, uint64_t now_ms, struct shm_text *out)
{
	struct lines l = {.n = 0};
	collect(t, q, now_ms, &l);
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), q->sort >= 0 ? by_value : by_key);
	if (!q->is_haproxys || !q->key || l.n) /* a key that is not there: not a word */
		put_head(out, t, name, q, now_ms);
	for (size_t i = 0; i < l.n; i++) {
		if (q->is_json && i)
			shm_text_char(out, ',');
		if (q->is_haproxys && !q->is_json)
			shm_text_fmt(out, "0x%" PRIx64 ": ", l.at[i].place);
		shm_text_str(out, l.at[i].text ? l.at[i].text : "");
		if (!q->is_json)
			shm_text_char(out, '\n');
		free(l.at[i].text);
		free(l.at[i].key);
	}
	if (q->is_json)
		shm_text_str(out, "]}\n");
	free(l.at);
}
