/* SPDX-License-Identifier: MIT
 *
 * The daemon as a whole: "show info" of control and weirctl info. What is told is the
 * table info_fields.def; here its values are found, and written in every form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "shm/counters.h"
#include "shm/queue.h"
#include "shm/stats/render.h"
#include "shm/slots.h"

enum field {
#define INFO(id, name, type, tags, help) INFO_##id,
#include "shm/stats/info_fields.def"
	INFO_N
};
#undef INFO

struct row {
	const char *name;
	bool is_text;
	const char *type, *tags, *help;
};

#define STR				 true, "str"
#define U32				 false, "u32"
#define U64				 false, "u64"
#define INFO(id, name, type, tags, help) {name, type, tags, help},
static const struct row rows[INFO_N] = {
#include "shm/stats/info_fields.def"
};
#undef INFO
#undef STR
#undef U32
#undef U64

struct values {
	uint64_t n[INFO_N];
	const char *text[INFO_N];
	struct shm_info info;
	char uptime[64], host[256];
};

/* --- values ---------------------------------------------------------------------- */

static void
count_processes(const struct shm *s, struct values *v)
{
	struct shm_slot_view w;
	for (uint32_t i = 0; i < shm_slots_n(s); i++) {
		if (!shm_slot_view(s, i, &w))
			continue;
		v->n[INFO_tasks]++;
		v->n[INFO_workers_ready] +=
			w.role == SHM_ROLE_WORKER && w.state == SHM_PROC_READY;
	}
}

static void
count_waiting(const struct shm *s, struct values *v)
{
	const struct shm_stat_opts o = {.types = 1U << SHM_STAT_BACKEND};
	struct shm_stat st;
	if (shm_stat_take(s, &o, &st) != 0)
		return;
	for (size_t i = 0; i < st.rows_n; i++)
		v->n[INFO_run_queue] += shm_stat_n(st.rows[i], SHM_STAT_qcur);
	shm_stat_fini(&st);
}

static void
find_traffic(const struct shm *s, struct values *v, bool is_serving)
{
	struct shm_stat_global g;
	shm_stat_global(s, &g);
	v->n[INFO_maxconn] = g.maxconn;
	v->n[INFO_hard_maxconn] = g.hard_maxconn;
	v->n[INFO_conns] = g.conns;
	v->n[INFO_conns_max] = g.conns_max;
	v->n[INFO_conn_tot] = g.conn_tot;
	v->n[INFO_req_tot] = g.req_tot;
	v->n[INFO_conn_rate_limit] = g.rate_limit;
	v->n[INFO_conn_rate_max] = v->n[INFO_sess_rate_max] = g.conn_rate_max;
	v->n[INFO_req_rate_max] = g.req_rate_max;
	v->n[INFO_bytes_in] = g.bin;
	v->n[INFO_bytes_out] = g.bout;
	v->n[INFO_logs_sent] = g.log_sent;
	v->n[INFO_logs_dropped] = g.log_dropped;
	v->n[INFO_tasks] += g.conns;
	if (!is_serving)
		return;
	v->n[INFO_conn_rate] = v->n[INFO_sess_rate] = g.conn_rate;
	v->n[INFO_req_rate] = g.req_rate;
	v->n[INFO_bytes_in_rate] = g.bin_rate;
	v->n[INFO_bytes_out_rate] = g.bout_rate;
}

static void
find_uptime(struct values *v)
{
	uint64_t now = (uint64_t)time(NULL), from = v->info.started_wall_s;
	uint64_t s = v->info.running && now > from ? now - from : 0;
	snprintf(v->uptime, sizeof(v->uptime), "%llud %lluh%02llum%02llus",
		 (unsigned long long)(s / 86400), (unsigned long long)(s / 3600 % 24),
		 (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
	v->text[INFO_uptime] = v->uptime;
	v->n[INFO_uptime_s] = s;
	v->n[INFO_start_s] = from;
}

static void
find_region(const struct shm *s, struct values *v)
{
	const struct shm_info *i = &v->info;
	v->n[INFO_reloads] = i->reloads_ok;
	v->n[INFO_reloads_failed] = i->reloads_failed;
	v->text[INFO_last_reload] = !i->reload_last_wall_s ? "never"
				    : i->reload_last_ok	   ? "ok"
							   : "refused";
	v->n[INFO_last_reload_s] = i->reload_last_wall_s;
	v->n[INFO_config_hash] = (uint32_t)(i->config_hash ^ i->config_hash >> 32);
	v->text[INFO_control_socket] = i->control_socket;
	v->text[INFO_region] = shm_path(s);
	v->n[INFO_region_bytes] = i->size_bytes;
	v->n[INFO_region_used] = i->used_bytes;
	v->n[INFO_region_major] = i->major;
	v->n[INFO_region_minor] = i->minor;
	v->n[INFO_region_created] = i->created_wall_s;
}

static void
find_values(const struct shm *s, struct values *v)
{
	shm_info(s, &v->info);
	bool is_serving = v->info.running || v->info.orphans_n;
	if (gethostname(v->host, sizeof(v->host) - 1) != 0)
		v->host[0] = '\0';
	v->text[INFO_name] = "weir";
	v->text[INFO_version] = v->info.version;
	v->text[INFO_release] = WEIR_RELEASE_DATE;
	v->n[INFO_running] = v->info.running;
	v->n[INFO_nbthread] = v->n[INFO_process_num] = 1;
	v->n[INFO_nbproc] = v->info.workers_n;
	v->n[INFO_pid] = v->info.master_pid;
	v->text[INFO_node] = v->host;
	v->n[INFO_stopping] = !is_serving;
	v->n[INFO_orphans] = v->info.orphans_n;
	v->n[INFO_generation] = v->info.generation;
	if (is_serving)
		count_processes(s, v);
	find_uptime(v);
	find_traffic(s, v, is_serving);
	count_waiting(s, v);
	find_region(s, v);
}

/* --- forms ----------------------------------------------------------------------- */

static void
put_json(const struct values *v, int f, struct shm_text *out)
{
	if (rows[f].is_text)
		shm_text_json(out, v->text[f]);
	else
		shm_text_u64(out, v->n[f]);
}

static void
put_plain(const struct values *v, int f, struct shm_text *out)
{
	if (rows[f].is_text)
		shm_text_plain(out, v->text[f]);
	else
		shm_text_u64(out, v->n[f]);
}

static void
put_typed_json(const struct values *v, int f, struct shm_text *out)
{
	const struct row *r = &rows[f];
	shm_text_fmt(out, "%s{\"field\":{\"pos\":%d,\"name\":\"%s\"},\"processNum\":1,",
		     f ? "," : "[", f, r->name);
	shm_render_tags(out, r->tags);
	shm_text_fmt(out, ",\"value\":{\"type\":\"%s\",\"value\":", r->type);
	put_json(v, f, out);
	shm_text_str(out, f + 1 == INFO_N ? "}}]\n" : "}}");
}

static void
put_field(const struct values *v, enum shm_info_format format, int f,
	  struct shm_text *out)
{
	const struct row *r = &rows[f];
	switch (format) {
	case SHM_INFO_LINES:
	case SHM_INFO_HELP:
		shm_text_fmt(out, "%s: ", r->name);
		put_plain(v, f, out);
		if (format == SHM_INFO_HELP)
			shm_text_fmt(out, ":\"%s\"", r->help);
		shm_text_char(out, '\n');
		break;
	case SHM_INFO_TYPED:
		shm_text_fmt(out, "%d.%s.1:%s:%s:", f, r->name, r->tags, r->type);
		put_plain(v, f, out);
		shm_text_char(out, '\n');
		break;
	case SHM_INFO_TYPED_JSON:
		put_typed_json(v, f, out);
		break;
	case SHM_INFO_JSON:
		shm_text_fmt(out, "%s\"%s\": ", f ? ",\n " : "{\n ", r->name);
		put_json(v, f, out);
		shm_text_str(out, f + 1 == INFO_N ? "\n}\n" : "");
		break;
	}
}

void
shm_render_info(const struct shm *s, enum shm_info_format format, struct shm_text *out)
{
	struct values *v = must_calloc(1, sizeof(*v));
	find_values(s, v);
	for (int f = 0; f < INFO_N; f++)
		put_field(v, format, f, out);
	free(v);
}
