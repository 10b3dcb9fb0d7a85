/* SPDX-License-Identifier: MIT
 *
 * What agents of servers say (configuration.txt 5.2, agent-check): words that change a
 * weight, a limit, and whether the server serves. What one does not mention stays as it
 * was; an agent that cannot be reached says nothing. Runs in the checker.
 */
#include <stdio.h>
#include <string.h>

#include "checker/self.h"
#include "lib/base/num.h"

static const struct state_word {
	const char *word;
	enum shm_agent_state state;
} states[] = {
	{"up", SHM_AGENT_UP},
	{"down", SHM_AGENT_DOWN},
	{"stopped", SHM_AGENT_STOPPED},
	{"fail", SHM_AGENT_FAILED},
};

static const struct admin_word {
	const char *word;
	bool maint, drain;
} admins[] = {
	{"ready", false, false},
	{"drain", false, true},
	{"maint", true, false},
};

static bool
take_number(struct span text, uint64_t most, uint64_t *out)
{
	return num_u64(text, out) == NUM_OK && *out <= most;
}

/* "75%" is of the configured weight. */
static bool
take_weight(struct shm_agent_word *w, struct span text, uint32_t configured)
{
	uint64_t n;
	bool is_percent = text.n && text.p[text.n - 1] == '%';
	if (is_percent)
		text.n--;
	if (!take_number(text, UINT32_MAX, &n))
		return false;
	if (is_percent)
		n = n * configured / 100;
	w->weight = (uint16_t)(n < SHM_WEIGHT_MAX ? n : SHM_WEIGHT_MAX);
	return true;
}

static bool
cut_prefix(struct span *word, struct span prefix)
{
	if (word->n < prefix.n || !span_ieq(span_of(word->p, prefix.n), prefix))
		return false;
	*word = span_of(word->p + prefix.n, word->n - prefix.n);
	return true;
}

static const struct state_word *
state_of(struct span word)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (span_ieq(word, span_str(states[i].word)))
			return &states[i];
	return NULL;
}

static bool
take_word(struct shm_agent_word *w, struct span word, const struct cfg_server *s)
{
	uint64_t n;
	const struct state_word *state = state_of(word);
	if (state) {
		w->state = state->state;
		return true;
	}
	for (size_t i = 0; i < sizeof(admins) / sizeof(admins[0]); i++)
		if (span_ieq(word, span_str(admins[i].word))) {
			w->maint = admins[i].maint;
			w->drain = admins[i].drain;
			return true;
		}
	if (cut_prefix(&word, SPAN("weight:")) || (word.n && word.p[word.n - 1] == '%'))
		return take_weight(w, word, s->weight);
	if (cut_prefix(&word, SPAN("maxconn:")) && take_number(word, UINT32_MAX, &n)) {
		w->maxconn = (uint32_t)n;
		return true;
	}
	return false;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == ',';
}

/* From *at to the next separator, where *at is then. */
static struct span
next_word(struct span line, size_t *at)
{
	size_t from = *at;
	while (*at < line.n && !is_separator(line.p[*at]))
		(*at)++;
	return span_of(line.p + from, *at - from);
}

bool
agent_read(struct shm_agent_word *w, struct span line, const struct cfg_server *s,
	   struct span *wrong)
{
	bool is_right = true;
	const char *description = memchr(line.p, '#', line.n);
	if (description)
		line.n = (size_t)(description - line.p);
	for (size_t at = 0; at < line.n; at++) {
		struct span word = next_word(line, &at);
		if (word.n && !take_word(w, word, s) && is_right) {
			is_right = false;
			*wrong = word;
		}
	}
	return is_right;
}

/* The word that says what the server is; without one, all of them. */
static struct span
state_word(struct span words)
{
	struct span state = words;
	for (size_t at = 0; at < words.n; at++) {
		struct span word = next_word(words, &at);
		if (state_of(word))
			state = word;
	}
	return state;
}

/* "via agent : stopped (for lunch)" */
static void
tell_source(struct probe_result *r, const char *said)
{
	struct span words = span_str(said), description = {NULL, 0};
	const char *sharp = strchr(said, '#');
	if (sharp) {
		words = span_trim(span_of(said, (size_t)(sharp - said)));
		description = span_trim(span_str(sharp + 1));
	}
	words = state_word(words);
	snprintf(r->info, sizeof(r->info), "via agent : %.*s%s%.*s%s", (int)words.n,
		 words.p, description.n ? " (" : "", (int)description.n,
		 description.n ? description.p : "", description.n ? ")" : "");
}

void
agent_take(struct probe *p, struct probe_result *r)
{
	struct checked *c = p->users;
	struct shm_agent_word w = c->says;
	struct probe_result said = *r;
	struct span wrong;
	if (!result_passed(r->id)) /* checks tell whether the server can be reached */
		;
	else if (!agent_read(&w, span_str(said.info), c->cfg, &wrong))
		r->id = RESULT_l7_response;
	else if (shm_agent_is_down(w))
		r->id = RESULT_l7_status;
	tell_source(r, said.info);
	outcome_agent(c, w, r);
}
