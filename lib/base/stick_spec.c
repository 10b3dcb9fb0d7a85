/* SPDX-License-Identifier: MIT
 *
 * Specifications of stick tables. Pure; everybody.
 */
#include "lib/base/stick_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/num.h"

enum { COUNT, GAUGE, RATE, TAG, COUNTS, RATES, TAGS };

static const struct {
	const char *name;
	uint8_t kind;
	const char *help;
} types[STICK_TYPES_N] = {
#define COLUMN(id, name, kind, help) {name, kind, help},
#include "lib/base/stick_columns.def"
#undef COLUMN
};

static const char *const keys[STICK_KEYS_N] = {"ip", "ipv6", "integer", "string",
					       "binary"};

const char *
stick_type_name(enum stick_type t)
{
	return types[t].name;
}

enum stick_kind
stick_type_kind(enum stick_type t)
{
	return (enum stick_kind)types[t].kind;
}

const char *
stick_type_help(enum stick_type t)
{
	return types[t].help;
}

int
stick_type_find(const char *name, size_t n)
{
	for (int i = 0; i < STICK_TYPES_N; i++)
		if (strlen(types[i].name) == n && memcmp(types[i].name, name, n) == 0)
			return i;
	return -1;
}

const char *
stick_key_name(enum stick_key k)
{
	return keys[k];
}

bool
stick_spec_add(struct stick_spec *s, enum stick_type type, uint32_t n, uint32_t period_ms)
{
	uint32_t values = 0, at = s->columns_n;
	for (uint32_t i = 0; i < s->columns_n; i++) {
		values += s->columns[i].n;
		if (s->columns[i].type == type)
			return false;
		if (s->columns[i].type > type && at == s->columns_n)
			at = i;
	}
	if (n == 0 || n > STICK_ELEMENTS_MAX || values + n > STICK_VALUES_MAX ||
	    stick_is_rate(type) != (period_ms > 0) || (n > 1 && !stick_is_array(type)))
		return false;
	memmove(&s->columns[at + 1], &s->columns[at],
		(s->columns_n - at) * sizeof(s->columns[0]));
	s->columns[at] = (struct stick_column){
		.type = (uint8_t)type, .n = (uint8_t)n, .period_ms = period_ms};
	s->columns_n++;
	return true;
}

static uint64_t
round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

/* Buckets are planned two thirds full: the chance that one overflows before the table
 * holds `size` keys is about one key in 100,000 (docs/shm.md has the measurement). */
static void
plan_buckets(struct stick_spec *s)
{
	enum { PLANNED_WAYS = 41 };
	s->ways = STICK_WAYS;
	s->buckets_n = 1;
	if (s->size <= STICK_WAYS)
		s->ways = (uint32_t)s->size;
	else
		s->buckets_n = (s->size + PLANNED_WAYS - 1) / PLANNED_WAYS;
}

bool
stick_spec_plan(struct stick_spec *s)
{
	static const uint8_t fixed[] = {
		[STICK_IP] = 4, [STICK_IPV6] = 16, [STICK_INTEGER] = 4};
	if ((unsigned)s->key >= STICK_KEYS_N || s->size == 0 || s->size > STICK_SIZE_MAX)
		return false;
	if (s->key < STICK_STRING)
		s->key_bytes = fixed[s->key];
	if (s->key_bytes == 0 || s->key_bytes > STICK_KEY_BYTES_MAX)
		return false;
	s->values_n = s->cells_n = 0;
	for (uint32_t i = 0; i < s->columns_n; i++) {
		struct stick_column *c = &s->columns[i];
		uint32_t cells =
			stick_is_rate((enum stick_type)c->type) ? STICK_RATE_CELLS : 1;
		c->value = (uint16_t)s->values_n;
		c->cell = (uint16_t)s->cells_n;
		s->values_n += c->n;
		s->cells_n += c->n * cells;
	}
	plan_buckets(s);
	s->cells_off = (uint32_t)(STICK_ENTRY_BYTES + round_up(s->key_bytes, 8));
	s->entry_bytes = s->cells_off + s->cells_n * 8;
	s->bucket_bytes = (uint32_t)round_up(
		2 * STICK_LINE + (s->ways + 1ULL) * s->entry_bytes, STICK_LINE);
	s->bytes = STICK_HEAD_BYTES + s->buckets_n * s->bucket_bytes;
	return true;
}

const struct stick_column *
stick_spec_find(const struct stick_spec *s, enum stick_type type)
{
	for (uint32_t i = 0; i < s->columns_n; i++)
		if (s->columns[i].type == type)
			return &s->columns[i];
	return NULL;
}

/* --- text --------------------------------------------------------------------------- */

static size_t
write_column(const struct stick_column *c, char *out, size_t room)
{
	enum stick_type t = (enum stick_type)c->type;
	int n;
	if (stick_is_array(t) && stick_is_rate(t))
		n = snprintf(out, room, "%s(%u,%u)", types[t].name, c->n, c->period_ms);
	else if (stick_is_array(t))
		n = snprintf(out, room, "%s(%u)", types[t].name, c->n);
	else if (stick_is_rate(t))
		n = snprintf(out, room, "%s(%u)", types[t].name, c->period_ms);
	else
		n = snprintf(out, room, "%s", types[t].name);
	return (size_t)n;
}

size_t
stick_spec_write(const struct stick_spec *s, char out[STICK_TEXT_BYTES])
{
	size_t n = (size_t)snprintf(out, STICK_TEXT_BYTES,
				    "%s len=%u size=%" PRIu64 " expire=%" PRIu64 "%s",
				    keys[s->key], s->key_bytes, s->size, s->expire_ms,
				    s->is_nopurge ? " nopurge" : "");
	for (uint32_t i = 0; i < s->columns_n && n < STICK_TEXT_BYTES; i++) {
		const char *before = i ? "," : " store=";
		n += (size_t)snprintf(out + n, STICK_TEXT_BYTES - n, "%s", before);
		if (n < STICK_TEXT_BYTES)
			n += write_column(&s->columns[i], out + n, STICK_TEXT_BYTES - n);
	}
	return n < STICK_TEXT_BYTES ? n : 0;
}

void
stick_spec_id(const struct stick_spec *s, char *out, size_t room)
{
	char text[STICK_TEXT_BYTES];
	size_t n = stick_spec_write(s, text);
	if (n < room)
		memcpy(out, text, n + 1);
	else
		snprintf(out, room, "%.*s ~%016" PRIx64, (int)(room - 20), text,
			 hash_bytes(text, n, 0));
}

/* "gpc_rate(3,10000)" */
static bool
read_column(struct span text, struct stick_spec *s)
{
	struct span args = text;
	struct span name = span_cut(&args, '(');
	int type = stick_type_find(name.p, name.n);
	uint64_t n = 1, period = 0;
	if (type < 0)
		return false;
	bool has_args = name.n < text.n;
	if (has_args && (!args.n || args.p[--args.n] != ')'))
		return false;
	if (has_args != (stick_is_array((enum stick_type)type) ||
			 stick_is_rate((enum stick_type)type)))
		return false;
	if (stick_is_array((enum stick_type)type) &&
	    num_u64(span_cut(&args, ','), &n) != NUM_OK)
		return false;
	if (stick_is_rate((enum stick_type)type) && num_u64(args, &period) != NUM_OK)
		return false;
	return n <= UINT32_MAX && period <= UINT32_MAX &&
	       stick_spec_add(s, (enum stick_type)type, (uint32_t)n, (uint32_t)period);
}

/* Columns are separated by commas outside of parentheses. */
static bool
read_columns(struct span text, struct stick_spec *s)
{
	size_t from = 0, depth = 0;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] == '(')
			depth++;
		if (i < text.n && text.p[i] == ')' && depth)
			depth--;
		if (i < text.n && (text.p[i] != ',' || depth))
			continue;
		if (!read_column(span_of(text.p + from, i - from), s))
			return false;
		from = i + 1;
	}
	return true;
}

bool
stick_spec_read(const char *text, struct stick_spec *out)
{
	struct span rest = span_str(text);
	struct span key = span_cut(&rest, ' ');
	uint64_t len = 0;
	bool ok = true;
	*out = (struct stick_spec){.key = STICK_KEYS_N};
	for (int k = 0; k < STICK_KEYS_N; k++)
		if (span_eq(key, span_str(keys[k])))
			out->key = (enum stick_key)k;
	while (rest.n && ok) {
		struct span value = span_cut(&rest, ' ');
		struct span word = span_cut(&value, '=');
		if (span_eq(word, SPAN("len")))
			ok = num_u64(value, &len) == NUM_OK && len <= UINT32_MAX;
		else if (span_eq(word, SPAN("size")))
			ok = num_u64(value, &out->size) == NUM_OK;
		else if (span_eq(word, SPAN("expire")))
			ok = num_u64(value, &out->expire_ms) == NUM_OK;
		else if (span_eq(word, SPAN("nopurge")))
			out->is_nopurge = true;
		else
			ok = span_eq(word, SPAN("store")) && read_columns(value, out);
	}
	out->key_bytes = (uint32_t)len;
	return ok && stick_spec_plan(out);
}
