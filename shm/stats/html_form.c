/* SPDX-License-Identifier: MIT
 *
 * The form around each backend of the stats page: boxes for its servers, a list of what
 * can be done with them, a button.
 */
#include "shm/stats/html_parts.h"

/* Words of shm/ask.def; HAProxy's older ones, which do the same, are left out. */
static const struct {
	const char *word, *text;
} actions[] = {
	{"ready", "Set state to READY"},     {"drain", "Set state to DRAIN"},
	{"maint", "Set state to MAINT"},     {"dhlth", "Health: disable checks"},
	{"ehlth", "Health: enable checks"},  {"hrunn", "Health: force UP"},
	{"hnolb", "Health: force NOLB"},     {"hdown", "Health: force DOWN"},
	{"dagent", "Agent: disable checks"}, {"eagent", "Agent: enable checks"},
	{"arunn", "Agent: force UP"},	     {"adown", "Agent: force DOWN"},
	{"shutdown", "Kill sessions"},
};

void
html_put_result(const struct shm_html_opts *o, struct shm_text *out)
{
	if (!o->said)
		return;
	shm_text_fmt(out, "<section class=\"said%s\">%s</section>\n",
		     o->said_is_good ? "" : " bad", o->said);
}

void
html_begin_form(const struct shm_html_opts *o, struct shm_text *out)
{
	shm_text_str(out, "<form method=post action=\"");
	shm_text_html(out, o->uri ? o->uri : "");
	shm_text_str(out, "\">");
}

void
html_end_form(const char *proxy, struct shm_text *out)
{
	shm_text_str(out, "<p class=act>With the servers that are chosen: "
			  "<select name=action><option value=\"\"></option>");
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		shm_text_fmt(out, "<option value=%s>%s</option>", actions[i].word,
			     actions[i].text);
	shm_text_str(out, "</select><input type=hidden name=b value=\"");
	shm_text_html(out, proxy);
	shm_text_str(out, "\"> <button>Apply</button></p></form>\n");
}

void
html_put_box(const char *server, struct shm_text *out)
{
	shm_text_str(out, "<input type=checkbox name=s value=\"");
	shm_text_html(out, server);
	shm_text_str(out, "\">");
}
