/* SPDX-License-Identifier: MIT
 *
 * Maps: pattern lists with values, read from files at load, and the converters that look
 * into them (configuration.txt 7.3.1 "map"). A file that several expressions name is read
 * once for each match and type of values.
 */
#include "lib/expr/live.h"
#include "lib/expr/parts.h"
#include "lib/expr/pattern_list.h"

enum { GROUPS_N = 10 };

struct expr_map {
	const struct expr_patterns *patterns;
};

static struct expr_patterns *
patterns_of(struct expr_env *env, struct span path, enum expr_match match,
	    enum expr_type values, struct expr_error *err)
{
	struct expr_source *ref = expr_source_file(env, path, true);
	struct expr_patterns *p = expr_source_list(ref, match, values, false, false);
	if (p)
		return p;
	p = expr_patterns_new(env, match, false);
	p->values = values;
	if (expr_patterns_read(p, path, values, err) < 0)
		return NULL;
	expr_patterns_seal(p);
	expr_source_add_list(ref, p);
	return p;
}

static int
check_map(struct expr_env *env, struct expr_arg *args, const struct expr_arg_text *texts,
	  enum expr_match match, enum expr_type values, struct expr_error *err)
{
	struct expr_map *m = arena_alloc(env->arena, sizeof(*m));
	m->patterns = patterns_of(env, args[0].str, match, values, err);
	if (!m->patterns) {
		err->at = texts[0].at;
		return -1;
	}
	args[0] = (struct expr_arg){.kind = EXPR_ARG_MAP, .map = m};
	return 0;
}

/* *s becomes the text, as the type the converter gives. */
static bool
give(const struct expr_context *c, struct expr_sample *s, struct span text,
     enum expr_type out)
{
	expr_set_str(s, text);
	return out == EXPR_STR || expr_cast(c, s, out);
}

static bool
give_default(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *s, enum expr_type out)
{
	return args[1].kind == EXPR_ARG_STR && give(c, s, args[1].str, out);
}

static bool
map_value(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *s, enum expr_type out)
{
	struct expr_found found = {.groups = NULL};
	if (expr_patterns_find(args[0].map->patterns, c, s, &found))
		return give(c, s, found.value, out);
	return give_default(c, args, s, out);
}

/* The value with what the groups have caught. */
static bool
map_groups(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *s, enum expr_type out)
{
	size_t groups[2 * GROUPS_N], n = 0;
	struct expr_found found = {.groups = groups, .groups_n = GROUPS_N};
	struct expr_scratch *room = c->scratch;
	if (!expr_patterns_find(args[0].map->patterns, c, s, &found))
		return give_default(c, args, s, out);
	char *text = room->bytes + room->used;
	if (!expr_put_groups(found.value, s->str, groups, found.groups_n, text, &n,
			     room->cap - room->used))
		return false;
	room->used += n;
	expr_set_own(s, EXPR_STR, text, n);
	return true;
}

/* The key, not the value. */
static bool
map_key(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *s)
{
	struct expr_found found = {.wants_text = true};
	if (!expr_patterns_find(args[0].map->patterns, c, s, &found))
		return false;
	expr_set_str(s, found.text);
	return true;
}

#define MAP(id, name, match, in, out)                                                  \
	int expr_check_##id(struct expr_env *env, struct expr_arg *args,               \
			    const struct expr_arg_text *texts, struct expr_error *err) \
	{                                                                              \
		return check_map(env, args, texts, EXPR_MATCH_##match, out, err);      \
	}                                                                              \
	bool expr_conv_##id(const struct expr_context *c, const struct expr_arg *args, \
			    struct expr_sample *s)                                     \
	{                                                                              \
		return EXPR_CONV_##id == EXPR_CONV_map_regm                            \
			       ? map_groups(c, args, s, out)                           \
			       : map_value(c, args, s, out);                           \
	}
#define MAP_KEY(id, name, match, in)                                                   \
	int expr_check_##id(struct expr_env *env, struct expr_arg *args,               \
			    const struct expr_arg_text *texts, struct expr_error *err) \
	{                                                                              \
		return check_map(env, args, texts, EXPR_MATCH_##match, EXPR_STR, err); \
	}                                                                              \
	bool expr_conv_##id(const struct expr_context *c, const struct expr_arg *args, \
			    struct expr_sample *s)                                     \
	{                                                                              \
		return map_key(c, args, s);                                            \
	}
#include "lib/expr/map.def"
#undef MAP
#undef MAP_KEY
