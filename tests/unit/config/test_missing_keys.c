/* SPDX-License-Identifier: MIT
 *
 * Configurations of which parts are missing: each section of the schema with nothing in
 * it, and with each one of its keys alone. What is missing is reported, and what is built
 * of the rest does not stumble over the gap.
 */
#include "bad.h"

#include "config/schema/schema.h"

enum { TEXT_MAX = 1024, VISITS_MAX = 8 };

struct sweep {
	uint8_t visits[SECTIONS_N]; /* a section is looked at in so many places */
	unsigned sections_n, texts_n;
};

/* The errors are another test's business: none or some. */
static void
load(struct sweep *s, const char *before, const char *middle, const char *after)
{
	char text[2 * TEXT_MAX];
	bool is_table = strncmp(before, "tables:", 7) == 0;
	int n = snprintf(text, sizeof(text), "{%s%s{%s}%s}\n",
			 is_table ? "" : "tables: {t: {type: ip, size: 10}}, ", before,
			 middle, after);
	assert_in_range(n, 1, sizeof(text) - 1);
	free(errors_of(text));
	s->texts_n++;
}

static void
load_keys(struct sweep *s, enum schema_section in, const char *before, const char *after)
{
	static const char *const values[] = {"1", "src", "t", "{}", "[]"};
	char middle[128];
	load(s, before, "", after);
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++)
		for (size_t i = 0; k->in == in && i < sizeof(values) / sizeof(*values);
		     i++) {
			snprintf(middle, sizeof(middle), "%s: %s", k->name, values[i]);
			load(s, before, middle, after);
		}
}

/* Has a key before k the same section below it, in the same place? */
static bool
is_twin(const struct schema_key *k, unsigned where)
{
	for (const struct schema_key *o = schema_keys; o != k; o++)
		if (o->in == k->in && o->sub == k->sub && (o->where & where) &&
		    schema_inner(o, where) == schema_inner(k, where))
			return true;
	return false;
}

static void
sweep_section(struct sweep *s, enum schema_section in, unsigned where, const char *before,
	      const char *after)
{
	char b[TEXT_MAX], a[TEXT_MAX];
	if (s->visits[in] == VISITS_MAX)
		return;
	s->sections_n += s->visits[in]++ == 0;
	if (in != SECTION_root)
		load_keys(s, in, before, after);
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		if (k->in != in || !(k->where & where) || k->sub == SECTION_none ||
		    is_twin(k, where))
			continue;
		const char *open = in == SECTION_root ? "" : "{";
		const char *close = in == SECTION_root ? "" : "}";
		bool is_named = k->form & FORM_NAMED, is_list = k->form & FORM_LIST;
		snprintf(b, sizeof(b), "%s%s%s: %s", before, open, k->name,
			 is_named  ? "{n: "
			 : is_list ? "["
				   : "");
		snprintf(a, sizeof(a), "%s%s%s",
			 is_named  ? "}"
			 : is_list ? "]"
				   : "",
			 close, after);
		sweep_section(s, k->sub, schema_inner(k, where), b, a);
	}
}

static void
what_is_missing_is_reported_and_nothing_falls_over_it(void **state)
{
	struct sweep s = {0};
	(void)state;
	sweep_section(&s, SECTION_root, WHERE_ANY, "", "");
	print_message("%u sections, %u texts\n", s.sections_n, s.texts_n);
	assert_in_range(s.sections_n, 50, SECTIONS_N);
	assert_in_range(s.texts_n, 1000, 1000 * 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_reported_and_nothing_falls_over_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
