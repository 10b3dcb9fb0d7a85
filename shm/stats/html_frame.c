/* SPDX-License-Identifier: MIT
 *
 * The stats page around its tables: head, what was refused at the last reload, the
 * daemon's totals, what the colours mean.
 */
#include "shm/stats/html_parts.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/stats/css.h"

static void
put_tile(struct shm_text *out, const char *label, uint64_t v, unsigned step,
	 const char *unit)
{
	shm_text_fmt(out, "<div><b title=\"%llu\">", (unsigned long long)v);
	html_put_value(v, step, out);
	shm_text_fmt(out, "<u>%s</u></b><span>%s</span></div>\n", unit, label);
}

void
html_put_tiles(const struct shm *s, bool is_running, struct shm_text *out)
{
	struct shm_stat_global g;
	shm_stat_global(s, &g);
	if (!is_running)
		g.conn_rate = g.req_rate = 0, g.bin_rate = g.bout_rate = 0;
	shm_text_str(out, "<section class=tiles>\n");
	put_tile(out, "connections", g.conns, 1000, "");
	put_tile(out, "limit", g.maxconn, 1000, "");
	put_tile(out, "new connections", g.conn_rate, 1000, "/s");
	put_tile(out, "requests", g.req_rate, 1000, "/s");
	put_tile(out, "from clients", g.bin_rate, 1024, "B/s");
	put_tile(out, "to clients", g.bout_rate, 1024, "B/s");
	put_tile(out, "connections in total", g.conn_tot, 1000, "");
	put_tile(out, "requests in total", g.req_tot, 1000, "");
	shm_text_str(out, "</section>\n");
}

void
html_put_head(const struct shm_info *info, const struct shm_html_opts *o,
	      struct shm_text *out)
{
	char host[256] = "";
	time_t now = time(NULL);
	uint64_t up_s = (uint64_t)now > info->started_wall_s
				? (uint64_t)now - info->started_wall_s
				: 0;
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	shm_text_str(out, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
			  "<meta name=viewport content=\"width=device-width\">\n"
			  "<meta name=color-scheme content=\"light dark\">\n");
	if (o->refresh_ms)
		shm_text_fmt(out, "<meta http-equiv=refresh content=%llu>\n",
			     (unsigned long long)(o->refresh_ms + 999) / 1000);
	shm_text_str(out, "<title>weir on ");
	shm_text_html(out, host);
	shm_text_str(out, "</title>\n<style>" SHM_RENDER_CSS_FRAME);
	shm_text_str(out,
		     SHM_RENDER_CSS_TABLES "</style></head>\n<body><header><h1>weir");
	if (!o->hide_version) {
		shm_text_str(out, " <small>");
		shm_text_html(out, info->version);
		shm_text_str(out, "</small>");
	}
	shm_text_str(out, "</h1><p>");
	shm_text_html(out, host);
	if (info->running) {
		shm_text_str(out, " &middot; up ");
		shm_text_age(out, up_s);
	} else {
		shm_text_str(out, " &middot; <strong>not running</strong>");
	}
	shm_text_fmt(out, " &middot; %u worker%s &middot; generation %llu",
		     info->workers_n, info->workers_n == 1 ? "" : "s",
		     (unsigned long long)info->generation);
	shm_text_str(out, "</p><nav>");
	static const char *const forms[][2] = {
		{"", "Refresh"}, {";csv", "CSV"}, {";json", "JSON"}};
	for (size_t i = 0; i < 3; i++) {
		shm_text_str(out, "<a href=\"");
		shm_text_html(out, o->uri ? o->uri : "");
		shm_text_fmt(out, "%s\">%s</a>", forms[i][0], forms[i][1]);
	}
	shm_text_str(out, "</nav></header>\n");
}

/* Who was refused last is who needs it most. */
void
html_put_reload(const struct shm_info *info, struct shm_text *out)
{
	if (!info->reload_last_wall_s || info->reload_last_ok)
		return;
	shm_text_str(out, "<section class=refused><h2>The last reload was refused</h2>"
			  "<pre>");
	for (const char *p = info->reload_text; *p;) {
		char line[512];
		size_t n = strcspn(p, "\n");
		size_t cut = n < sizeof(line) - 1 ? n : sizeof(line) - 1;
		memcpy(line, p, cut);
		line[cut] = '\0';
		shm_text_html(out, line);
		shm_text_char(out, '\n');
		p += n + (p[n] == '\n');
	}
	shm_text_str(out, "</pre></section>\n");
}

void
html_put_foot(struct shm_text *out)
{
	static const enum shm_stat_light lights[] = {
		SHM_LIGHT_UP,	     SHM_LIGHT_GOING_DOWN, SHM_LIGHT_DOWN,
		SHM_LIGHT_GOING_UP,  SHM_LIGHT_DRAIN,	   SHM_LIGHT_MAINT,
		SHM_LIGHT_UNCHECKED,
	};
	static const char *const texts[] = {
		"up",	    "up, going down", "down",	     "down, going up",
		"draining", "maintenance",    "not checked",
	};
	shm_text_str(out, "<footer>");
	for (size_t i = 0; i < sizeof(lights) / sizeof(lights[0]); i++)
		shm_text_fmt(out, "<span class=\"light %s\">%s</span>\n",
			     html_light_class(lights[i]), texts[i]);
	shm_text_str(out, "</footer></body></html>\n");
}
