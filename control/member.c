/* SPDX-License-Identifier: MIT
 *
 * Servers that join a backend and leave it: "add server", "del server". The words are
 * those of a server line of HAProxy; what they come to is a map of the configuration
 * language, which the master notes and every process reads. Runs in the control process.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "config/schema/schema.h"
#include "control/command.h"
#include "control/self.h"
#include "lib/base/must.h"
#include "lib/base/num.h"
#include "roster/request.h"
#include "roster/roster.h"

/* --- who is there now --------------------------------------------------------------- */

/* A backend's members as they were seen last. */
struct followed {
	struct cfg_proxy *proxy;
	struct shm_object object;
	uint64_t seen;
};

static struct followed *followed;
static size_t followed_n;

void
members_begin(void)
{
	followed = must_calloc(control.cfg->proxies_n + 1, sizeof(*followed));
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		struct followed *f = &followed[followed_n];
		f->proxy = control.cfg->proxies[i];
		if (f->proxy->caps & CFG_CAP_BACKEND &&
		    shm_find(control.shm, SHM_BACKEND, "", f->proxy->name, NULL,
			     &f->object))
			followed_n++;
	}
	members_follow();
}

void
members_follow(void)
{
	for (size_t i = 0; i < followed_n; i++)
		(void)roster_follow(control.shm, followed[i].proxy, &followed[i].object,
				    &followed[i].seen);
}

/* --- words to settings ---------------------------------------------------------------
 */

/* Those that have a meaning for a server that joins. */
static const char *const keywords[] = {
	"addr",
	"agent-addr",
	"agent-check",
	"agent-inter",
	"agent-port",
	"agent-send",
	"backup",
	"check",
	"check-reuse-pool",
	"check-send-proxy",
	"cookie",
	"disabled",
	"downinter",
	"enabled",
	"error-limit",
	"fall",
	"fastinter",
	"hash-key",
	"id",
	"init-state",
	"inter",
	"max-reuse",
	"maxconn",
	"maxqueue",
	"minconn",
	"non-stick",
	"observe",
	"on-error",
	"on-marked-down",
	"on-marked-up",
	"pool-max-conn",
	"pool-purge-delay",
	"port",
	"proxy-v2-options",
	"rise",
	"send-proxy",
	"send-proxy-v2",
	"slowstart",
	"strict-maxconn",
	"weight",
};
enum { KEYWORDS_N = sizeof(keywords) / sizeof(keywords[0]) };

/* The same word in the configuration language: hyphens are underscores there. */
static void
put_underscored(struct shm_text *out, const char *word)
{
	for (; *word; word++)
		shm_text_char(out, *word == '-' ? '_' : *word);
}

/* In double quotes; "$" stands for itself. */
static void
put_quoted(struct shm_text *out, const char *text)
{
	shm_text_char(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < ' ' || c == 0x7f)
			shm_text_fmt(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			shm_text_fmt(out, "\\%c", c);
		else if (c == '$')
			shm_text_str(out, "$$");
		else
			shm_text_char(out, (char)c);
	}
	shm_text_char(out, '"');
}

static bool
is_keyword(const char *word)
{
	for (size_t i = 0; i < KEYWORDS_N; i++)
		if (strcmp(keywords[i], word) == 0)
			return true;
	return false;
}

static const struct schema_key *
find_key(const char *word)
{
	struct shm_text name = {0};
	put_underscored(&name, word);
	const struct schema_key *k = is_keyword(word) && !name.failed
					     ? schema_find(SECTION_server, name.bytes)
					     : NULL;
	shm_text_fini(&name);
	return k;
}

/* Words of a choice as the schema spells them; "a,b" as ["a", "b"] where a key may have
 * several values. */
static void
put_value(struct shm_text *out, const struct schema_key *k, char *value)
{
	bool is_spelt = k->type != TYPE_CHOICE || strstr(k->allowed, value);
	for (char *p = value; !is_spelt && *p; p++)
		*p = *p == '-' ? '_' : *p;
	if (!(k->form & FORM_LIST)) {
		put_quoted(out, value);
		return;
	}
	const char *before = "[";
	for (char *one; (one = strsep(&value, ",")); before = ", ") {
		shm_text_str(out, before);
		put_quoted(out, one);
	}
	shm_text_char(out, ']');
}

/* What a server line says. */
struct line {
	struct roster_request *request;
	struct shm_text text; /* the map */
	bool is_wrong;	      /* answered */
};

static void
take_word(struct command_session *s, struct line *l, const struct command_words *w,
	  size_t *at)
{
	const char *word = w->at[(*at)++];
	uint64_t id;
	if (strcmp(word, "enabled") == 0 || strcmp(word, "disabled") == 0) {
		l->request->is_enabled = word[0] == 'e';
		return;
	}
	const struct schema_key *k = find_key(word);
	if (!k) {
		shm_text_str(&s->answer, "unknown keyword '");
		shm_text_plain(&s->answer, word);
		shm_text_str(&s->answer, "'.\n");
		l->is_wrong = true;
		return;
	}
	bool is_flag = k->type == TYPE_BOOL;
	if (!is_flag && !w->at[*at]) {
		shm_text_fmt(&s->answer, "'%s' expects an argument.\n", word);
		l->is_wrong = true;
		return;
	}
	if (strcmp(word, "id") == 0 && num_u64(span_str(w->at[*at]), &id) == NUM_OK &&
	    id <= INT32_MAX) {
		l->request->id = (uint32_t)id;
		++*at;
		return;
	}
	shm_text_fmt(&l->text, ", %s: ", k->name);
	if (is_flag)
		shm_text_str(&l->text, "true");
	else
		put_value(&l->text, k, w->at[(*at)++]);
}

/* --- commands ---------------------------------------------------------------------- */

static const struct cfg_proxy *
find_backend(const char *name)
{
	for (size_t i = 0; i < followed_n; i++)
		if (strcmp(followed[i].proxy->name, name) == 0)
			return followed[i].proxy;
	return NULL;
}

/* "backend/server" into r; NULL: answered. */
static const struct cfg_proxy *
take_name(struct command_session *s, char *word, struct roster_request *r)
{
	char *slash = word ? strchr(word, '/') : NULL;
	if (!slash || !slash[1]) {
		shm_text_str(&s->answer, "Require 'backend/server'.");
		return NULL;
	}
	*slash = '\0';
	const struct cfg_proxy *p = find_backend(word);
	if (!p || strlen(word) >= sizeof(r->backend)) {
		shm_text_str(&s->answer, "No such backend.");
		return NULL;
	}
	if (strlen(slash + 1) >= sizeof(r->server)) {
		shm_text_fmt(&s->answer, "The name is longer than %zu characters.\n",
			     sizeof(r->server) - 1);
		return NULL;
	}
	strcpy(r->backend, word);
	strcpy(r->server, slash + 1);
	return p;
}

static bool
has_server(const struct cfg_proxy *p, const char *name)
{
	for (size_t i = 0; i < p->servers_n; i++)
		if (strcmp(p->servers[i]->name, name) == 0)
			return true;
	return false;
}

/* An answer to "add server" ends its line itself, one to "del server" does not. */
static bool
ask(struct command_session *s, struct roster_request *r)
{
	struct roster_answer a;
	r->is_passing = s->is_passing;
	roster_ask(control.in->member_fd, r, &a);
	if (!a.is_done) {
		shm_text_plain(&s->answer, a.text);
		shm_text_str(&s->answer, r->wish == ROSTER_JOIN ? "\n" : "");
	}
	members_follow();
	return a.is_done;
}

/* false: answered. */
static bool
read_line(struct command_session *s, struct line *l, const struct command_words *w)
{
	if (!w->at[3]) {
		shm_text_str(&s->answer, "'server' expects <name> and <addr>[:<port>] as "
					 "arguments.\n");
		return false;
	}
	shm_text_str(&l->text, "{address: ");
	put_quoted(&l->text, w->at[3]);
	for (size_t at = 4; at < w->n && !l->is_wrong;)
		take_word(s, l, w, &at);
	shm_text_str(&l->text, "}");
	if (!l->is_wrong && (l->text.failed || l->text.n >= sizeof(l->request->text))) {
		shm_text_str(&s->answer, "The line is too long.\n");
		l->is_wrong = true;
	}
	if (!l->is_wrong)
		memcpy(l->request->text, l->text.bytes, l->text.n + 1);
	return !l->is_wrong;
}

static void
put_keywords(struct shm_text *out)
{
	shm_text_str(out, "List of keywords supported for dynamic servers:\n");
	for (size_t i = 0; i < KEYWORDS_N; i++)
		shm_text_fmt(out, "%s\n", keywords[i]);
}

/* As in HAProxy: in maintenance until it is enabled, checked when that is enabled. */
void
command_add_server(struct command_session *s, const struct command_words *w)
{
	struct roster_request r = {.wish = ROSTER_JOIN};
	struct line l = {.request = &r};
	if (w->n == 3 && strcmp(w->at[2], "help") == 0) {
		put_keywords(&s->answer);
		return;
	}
	const struct cfg_proxy *p = take_name(s, w->at[2], &r);
	if (!p)
		return;
	if (balance_kind_of(p->balance.algorithm, p->balance.hash_kind) == BALANCE_MAP)
		shm_text_fmt(&s->answer,
			     "backend '%s' uses a non dynamic load balancing method.\n",
			     p->name);
	else if (has_server(p, r.server))
		shm_text_str(&s->answer, "Already exists a server with the same name in "
					 "backend.\n");
	else if (read_line(s, &l, w) && ask(s, &r))
		shm_text_str(&s->answer, "New server registered.\n");
	shm_text_fini(&l.text);
}

void
command_del_server(struct command_session *s, const struct command_words *w)
{
	struct roster_request r = {.wish = ROSTER_LEAVE};
	const struct cfg_proxy *p = take_name(s, w->at[2], &r);
	if (!p)
		return;
	if (!has_server(p, r.server))
		shm_text_str(&s->answer, "No such server.");
	else if (ask(s, &r))
		shm_text_str(&s->answer, "Server deleted.");
}
