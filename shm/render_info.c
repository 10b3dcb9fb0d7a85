/* SPDX-License-Identifier: MIT
 *
 * The daemon as a whole, line by line: "show info" of control and weirctl info.
 * Names are HAProxy's where it has one (management.txt 9.3, "show info").
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/render.h"
#include "shm/slots.h"

struct lines {
	bool is_json;
	size_t n;
	struct shm_text *out;
};

static void
put_name(struct lines *l, const char *name)
{
	if (!l->is_json) {
		shm_text_fmt(l->out, "%s: ", name);
		return;
	}
	shm_text_str(l->out, l->n++ ? ",\n " : "{\n ");
	shm_text_json(l->out, name);
	shm_text_str(l->out, ": ");
}

static void
put_n(struct lines *l, const char *name, uint64_t v)
{
	put_name(l, name);
	shm_text_u64(l->out, v);
	shm_text_str(l->out, l->is_json ? "" : "\n");
}

static void
put_s(struct lines *l, const char *name, const char *v)
{
	put_name(l, name);
	if (l->is_json) {
		shm_text_json(l->out, v);
		return;
	}
	shm_text_plain(l->out, v);
	shm_text_char(l->out, '\n');
}

static void
put_uptime(struct lines *l, uint64_t s)
{
	char text[64];
	snprintf(text, sizeof(text), "%llud %lluh%02llum%02llus",
		 (unsigned long long)(s / 86400), (unsigned long long)(s / 3600 % 24),
		 (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
	put_s(l, "Uptime", text);
	put_n(l, "Uptime_sec", s);
}

static uint32_t
ready_workers(const struct shm *s)
{
	struct shm_slot_view v;
	uint32_t n = 0;
	for (uint32_t i = 0; i < shm_slots_n(s); i++)
		n += shm_slot_view(s, i, &v) && v.role == SHM_ROLE_WORKER &&
		     v.state == SHM_PROC_READY;
	return n;
}

static void
put_traffic(struct lines *l, const struct shm *s, bool is_running)
{
	struct shm_stat_global g;
	shm_stat_global(s, &g);
	if (!is_running) {
		g.conn_rate = g.req_rate = 0;
		g.bin_rate = g.bout_rate = 0;
	}
	put_n(l, "Maxconn", g.maxconn);
	put_n(l, "Hard_maxconn", g.maxconn);
	put_n(l, "CurrConns", g.conns);
	put_n(l, "MaxConns", g.conns_max);
	put_n(l, "CumConns", g.conn_tot);
	put_n(l, "CumReq", g.req_tot);
	put_n(l, "ConnRate", g.conn_rate);
	put_n(l, "MaxConnRate", g.conn_rate_max);
	put_n(l, "ReqRate", g.req_rate);
	put_n(l, "MaxReqRate", g.req_rate_max);
	put_n(l, "TotalBytesIn", g.bin);
	put_n(l, "TotalBytesOut", g.bout);
	put_n(l, "BytesInRate", g.bin_rate);
	put_n(l, "BytesOutRate", g.bout_rate);
	put_n(l, "SentLogs", g.log_sent);
	put_n(l, "DroppedLogs", g.log_dropped);
}

void
shm_render_info(const struct shm *s, bool is_json, struct shm_text *out)
{
	struct lines l = {.is_json = is_json, .out = out};
	struct shm_info info;
	char host[256] = "";
	uint64_t now = (uint64_t)time(NULL);
	shm_info(s, &info);
	bool is_serving = info.running || info.orphans_n;
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	put_s(&l, "Name", "weir");
	put_s(&l, "Version", info.version);
	put_n(&l, "Running", info.running);
	put_n(&l, "Nbproc", info.workers_n);
	put_n(&l, "Process_num", 1);
	put_n(&l, "Pid", info.master_pid);
	put_uptime(&l, info.running && now > info.started_wall_s
			       ? now - info.started_wall_s
			       : 0);
	put_n(&l, "Start_time_sec", info.started_wall_s);
	put_s(&l, "node", host);
	put_n(&l, "Stopping", !is_serving);
	put_n(&l, "Workers_ready", is_serving ? ready_workers(s) : 0);
	put_n(&l, "Orphans", info.orphans_n);
	put_n(&l, "Generation", info.generation);
	put_traffic(&l, s, is_serving);
	put_n(&l, "Reloads", info.reloads_ok);
	put_n(&l, "FailedReloads", info.reloads_failed);
	put_s(&l, "Last_reload",
	      !info.reload_last_wall_s ? "never"
	      : info.reload_last_ok    ? "ok"
				       : "refused");
	put_n(&l, "Last_reload_sec", info.reload_last_wall_s);
	put_s(&l, "Control_socket", info.control_socket);
	put_s(&l, "Region", shm_path(s));
	put_n(&l, "Region_bytes", info.size_bytes);
	put_n(&l, "Region_used_bytes", info.used_bytes);
	put_n(&l, "Region_major", info.major);
	put_n(&l, "Region_minor", info.minor);
	put_n(&l, "Region_created_sec", info.created_wall_s);
	shm_text_str(out, is_json ? "\n}\n" : "");
}
