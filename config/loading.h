/* SPDX-License-Identifier: MIT
 *
 * One run of the loader: what its steps share, and the steps in their order. Only the
 * files of this room use it.
 *
 *   yaml -> merge -> override -> check -> effective -> build -> cross -> resolve
 */
#ifndef WEIR_CONFIG_LOADING_H
#define WEIR_CONFIG_LOADING_H

#include "config/cfg.h"
#include "config/load.h"
#include "config/node.h"
#include "config/report.h"
#include "config/schema/schema.h"

enum {
	CFG_DEPTH_MAX = 64,	      /* of nested lists and maps */
	CFG_FROM_DEPTH_MAX = 32,      /* of `from` */
	CFG_ALIAS_NODES_MAX = 200000, /* that aliases may expand to, per run */
	CFG_FILE_BYTES_MAX = 64 << 20,
	CFG_RESOLVE_MS = 5000, /* for all names together */
};

/* A name that stands for an address until resolve.c has asked for it. */
struct unresolved {
	const char *host;
	struct addr *addr; /* the port is set */
	struct addr *copy; /* gets the host too, keeps its own port; or NULL */
	const struct node *at;
	bool is_required; /* an error, not a warning, when it can't be resolved */
};

/* A file with a whole response. */
struct error_file {
	const char *path;
	const struct http_reply *reply; /* NULL: it is not usable */
	const char *wrong;
};

/* A proxy on its way: the struct and the map it is made from. */
struct built {
	struct cfg_proxy *proxy;
	const struct node *map; /* effective */
	const struct node *at;	/* as written, for messages */
	struct expr_acls *acls;
};

/* A server that an expression names, before it is built. */
struct server_ref {
	struct cfg_server_ref *ref;
	const char *name;
};

/* A check of `checks`. */
struct named_check {
	const char *name;
	const struct cfg_check *check;
};

struct loading {
	struct arena *arena;
	const struct cfg_request *request;
	struct report *report;
	size_t alias_budget;
	bool is_alias_bomb; /* reported */
	unsigned serial;
	bool has_syntax_error; /* a file is missing from the tree: no cross checks */
	bool has_bad_mode;     /* a mode was dropped: modes are not compared */
	struct node *root;     /* merged */
	struct node
		*effective; /* global, frontends, backends, listens with all defaults */
	struct cfg *cfg;
	struct built *built; /* [cfg->proxies_n] */
	struct unresolved *names;
	size_t names_n;
	struct error_file *error_files; /* read so far */
	size_t error_files_n;
	struct cfg_check **checks; /* made so far */
	size_t checks_n;
	struct named_check *named_checks;
	size_t named_checks_n;
	struct server_ref *server_refs;
	size_t server_refs_n;
	struct patterns_use *patterns_uses; /* files that rules change */
	size_t patterns_uses_n;
};

/* vars.c: ${VAR}, ${VAR-default}, ${VAR+alt}, $$. The text itself when there is nothing
 * to expand; NULL with a reason in err. */
const char *vars_expand(struct loading *l, const char *text, const char **err);

/* yaml.c: one document. NULL on a syntax error (reported) and for an empty one. */
struct node *yaml_parse(struct loading *l, const char *name, const char *bytes, size_t n);

/* files.c: reads and merges everything the request names. */
void files_read(struct loading *l);
/* merge.c: adds the sections of one file to the tree. */
void merge_file(struct loading *l, struct node *file);
/* override.c: -o and the switches that set a keyword. */
void override_apply(struct loading *l);

/* check.c: reports everything the schema can tell and drops it from the tree. */
void check_tree(struct loading *l);
/* value.c: NULL when text is a value of the key, else what is wrong ("'x' is not ...;
 * expected ..."), in the arena. */
const char *value_check(struct loading *l, const struct schema_key *k, const char *text);
/* Stores a checked value into the member of the section's struct. */
void value_store(struct arena *a, const struct schema_key *k, const char *text,
		 void *base);
bool value_bool(const char *text);
/* Of a value that is false, true or something more. */
bool value_is_on(const char *text);
uint64_t value_uint(const char *text);
unsigned value_octal(const char *text);
/* Index of the word in "a|b|c", or -1. */
int value_choice(const char *allowed, const char *text);
/* "a, b or c" of "a|b|c". */
const char *value_choices_text(struct arena *a, const char *allowed);
/* Cuts the next blank-separated word off *rest; empty at the end. */
struct span value_word(struct span *rest);
/* NULL or what is wrong with a name. */
const char *value_name_wrong(struct arena *a, const char *name);

/* effective.c: defaults laid under every section, plain values turned into maps,
 * built-in defaults filled in. */
void effective_make(struct loading *l);
/* What lies under a proxy section as written: what its `from` names (reported when there
 * are none), else `defaults`; NULL: nothing. */
const struct node *effective_below(struct loading *l, const struct node *section);
/* A map with the built-in defaults of a section alone. */
struct node *effective_empty(struct loading *l, enum schema_section in, struct pos pos);

/* balance_words.c: "hdr(host) use_domain_only" as {algorithm: hdr, name: host,
 * use_domain_only: true}; NULL: wrong (reported). */
struct node *balance_words(struct loading *l, struct node *n);

/* cookie_words.c: likewise "SRV insert indirect". */
struct node *cookie_words(struct loading *l, struct node *n);

/* build.c: struct cfg from the effective tree. */
void build_cfg(struct loading *l);
/* Stores all FIELDs of a section found in map. */
void build_fields(struct loading *l, enum schema_section in, const struct node *map,
		  void *base);
/* The arena's copy of a span over text. */
struct span build_text(struct loading *l, const char *text);
void build_global(struct loading *l);
/* build_case.c: h1_case_adjust. */
void build_case(struct loading *l, const struct node *global);
void build_maxconn(struct loading *l);
uint64_t build_log(struct loading *l, const struct node *list);
void build_access_log(struct loading *l, struct built *b);
void build_binds(struct loading *l, struct built *b);
void build_servers(struct loading *l, struct built *b);
/* Once all servers are there: who tracks whom. */
void build_tracks(struct loading *l);
void build_check(struct loading *l, struct built *b);
/* A server that says nothing of its own is checked as p says. false: that needs an IP
 * address, and it has none. */
bool build_server_check(const struct cfg_proxy *p, struct cfg_server *s);
/* build_cookie.c: cookie, force_persist, ignore_persist. */
void build_cookie(struct loading *l, struct built *b);
/* build_balance.c: balance and hash_type. */
void build_balance(struct loading *l, struct built *b);
void build_rdp_persist(struct loading *l, struct built *b);
/* The algorithm of that word, with '-' or '_'; -1: there is none. */
int build_algorithm(struct span word);
/* "unknown algorithm 'x'; expected ...", in the arena. */
const char *build_algorithm_wrong(struct arena *a, struct span word);
/* The checks that have a name: before the servers that choose them. */
void build_checks(struct loading *l);
/* How an agent is asked; text: what is sent first, or NULL. */
const struct cfg_check *build_agent_check(struct loading *l, const char *text);
/* NULL: unknown (reported). */
const struct cfg_check *build_check_named(struct loading *l, const struct node *name);
/* Expressions compiled from now on stand in this proxy. */
void build_refs(struct loading *l, const struct built *b);
/* Servers are built: what named them leads to them. */
void build_refs_link(struct loading *l);
void build_environment(struct loading *l, const struct node *global);
void build_set_vars(struct loading *l, const struct node *global);
void build_acls(struct loading *l, struct built *b);
void build_rules(struct loading *l, struct built *b);
/* `if` or `unless` of a rule, for env.at. false: wrong (reported). */
bool build_cond(struct loading *l, struct built *b, const struct node *map,
		const struct expr_cond **cond, bool *unless);
/* An expression that makes keys of a table (NULL: any); NULL: wrong (reported). */
const struct expr_program *build_key(struct loading *l, const struct node *n,
				     const struct cfg_table *t);
/* Whether its values can be keys of the table; else reported at n. */
bool build_key_fits(struct loading *l, const struct node *n, const struct expr_program *p,
		    const struct cfg_table *t);
/* build_limit.c: the action rate_limit; NULL: wrong (reported). */
const struct cfg_limit *build_limit(struct loading *l, struct built *b,
				    const struct node *map, enum cfg_rule_set set);
/* build_stick.c */
void build_sticks(struct loading *l, struct built *b);
/* Whether servers are stored in the table of that name. */
bool build_is_sticky(const struct loading *l, const char *table);
/* build_tables.c: all tables, also those of proxies. */
void build_tables(struct loading *l);
/* A table that no section describes, planned; its name is PROXY.base, with a number
 * behind it when that is taken. NULL: it cannot be made. */
struct cfg_table *build_table_own(struct loading *l, const struct built *b,
				  const char *base, const struct node *at,
				  const struct stick_spec *spec);
/* The table of that name, empty: that of the proxy b; NULL: none, the reason in err. */
struct cfg_table *build_table_find(struct loading *l, const struct built *b,
				   struct span name, struct expr_error *err);
/* build_action.c: the arguments of a rule's action, for env.at. false: wrong (reported).
 */
bool build_action(struct loading *l, struct built *b, const struct node *args,
		  enum cfg_rule_set set, struct cfg_rule *rule);
/* build_userlist.c */
void build_userlists(struct loading *l);
/* build_forward.c */
void build_forward(struct loading *l, struct built *b, const struct node *options);
/* NULL, or what is wrong. */
const char *value_network(struct arena *a, const char *text, struct cfg_network *out);
/* build_action.c: all FIELDs of a section, compiled ones too, for env.at. false: wrong
 * (reported). */
bool build_members(struct loading *l, struct built *b, enum schema_section in,
		   const struct node *map, void *base);
/* build_capture.c: declared captures; then rules add theirs; then all get their places.
 */
void build_captures(struct loading *l, struct built *b);
void build_check_id(struct loading *l, struct built *b);
uint64_t build_slot(struct loading *l, struct cfg_proxy *p, int side,
		    const struct cfg_capture *slot);
void build_capture_places(struct loading *l, struct built *b);
/* Compiles a text, which stands at n; NULL: wrong (reported). */
const struct format *build_format(struct loading *l, const struct built *b,
				  const struct node *n, struct span text,
				  enum format_use use);
/* build_reply.c: an answer as `return`, `deny`, `tarpit` and `http_error` describe it. b:
 * formats are for this proxy, at env.at; NULL: there are none. has_page: with nothing but
 * a status it is the proxy's error page. usual: the status when none is written. */
void build_reply(struct loading *l, struct built *b, const struct node *map,
		 bool has_page, int usual, struct cfg_reply *r);
/* The contents of a file, in the arena; NULL or what is wrong. */
const char *build_file(struct loading *l, const char *path, struct span *bytes);
/* build_errors.c: all errors of a proxy. */
void build_errors(struct loading *l, struct built *b);
/* The groups no proxy may use are checked, too. */
void build_error_groups(struct loading *l);
/* What an error file holds; NULL: not usable (reported). */
const struct http_reply *build_error_file(struct loading *l, const struct node *at);
/* The map of a group of error files; NULL: unknown (reported). */
const struct node *build_error_group(struct loading *l, const struct node *name);
/* is_check: those of a check's request. */
void build_headers(struct loading *l, const struct node *map, bool is_check,
		   struct cfg_header **headers, size_t *n);
/* Remembers a host name for resolve.c. */
void build_unresolved(struct loading *l, struct span host, struct addr *addr,
		      struct addr *copy, const struct node *at, bool is_required);
/* cpus.c */
uint32_t cpus_available(void);
int *cpus_map(struct loading *l, const struct node *list, uint32_t workers_n);

/* cross.c: a rule at n changes the file of that source: somebody must look into it. */
void cross_patterns(struct loading *l, const struct node *n,
		    const struct expr_source *source);
/* cross.c: what can only be seen in the whole. Before it: names to pointers. */
void cross_link(struct loading *l);
/* The proxy with a backend of that name, or NULL (reported at `n`). */
struct cfg_proxy *cross_backend(struct loading *l, const struct node *n);
void cross_check(struct loading *l);
/* resolve.c: asks for all names at once, in children, with a time limit. */
void resolve_names(struct loading *l);
/* dump.c: the effective tree as YAML. */
void dump_tree(struct loading *l, FILE *out, bool with_origins);

/* load.c: from text in memory instead of files, for tests and fuzzing. */
struct cfg *cfg_load_text(const struct cfg_request *r, const char *name,
			  const char *bytes, size_t n, struct cfg_errors **errors);

#endif
