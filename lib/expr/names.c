/* SPDX-License-Identifier: MIT
 *
 * Names of HAProxy's expression language that are not fetches of ours: the predefined
 * ACLs, and what is known but not implemented, so that an error can tell "not yet"
 * from "misspelt". Master only (at load).
 */
#include "lib/expr/expr.h"

struct predefined {
	const char *name, *definition;
};

/* configuration.txt 7.4; those whose fetches exist here. */
static const struct predefined predefined[] = {
	{"TRUE", ""},
	{"FALSE", ""},
	{"HTTP_URL_STAR", "url *"},
	{"METH_CONNECT", "method CONNECT"},
	{"METH_DELETE", "method DELETE"},
	{"METH_GET", "method GET HEAD"},
	{"METH_HEAD", "method HEAD"},
	{"METH_OPTIONS", "method OPTIONS"},
	{"METH_POST", "method POST"},
	{"METH_PUT", "method PUT"},
	{"METH_TRACE", "method TRACE"},
};

const char *
expr_predefined(struct span name)
{
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++)
		if (span_eq(name, span_str(predefined[i].name)))
			return predefined[i].definition;
	return NULL;
}

const char *
expr_predefined_at(size_t i)
{
	return i < sizeof(predefined) / sizeof(predefined[0]) ? predefined[i].name : NULL;
}

/* configuration.txt 7.3: sample fetches, without the derived forms (_beg, _end, ...). */
static const char *const known_fetches[] = {
	"always_false",
	"always_true",
	"avg_queue",
	"base",
	"base32",
	"base32+src",
	"be_conn",
	"be_conn_free",
	"be_id",
	"be_name",
	"be_server_timeout",
	"be_sess_rate",
	"be_tunnel_timeout",
	"bin",
	"bool",
	"bytes_in",
	"bytes_out",
	"capture.req.hdr",
	"capture.req.method",
	"capture.req.uri",
	"capture.req.ver",
	"capture.res.hdr",
	"capture.res.ver",
	"connslots",
	"cook",
	"cook_cnt",
	"cook_val",
	"cookie",
	"cpu_calls",
	"date",
	"date_us",
	"distcc_body",
	"dst",
	"dst_conn",
	"dst_is_local",
	"dst_port",
	"env",
	"fc_http_major",
	"fc_rcvd_proxy",
	"fc_rtt",
	"fe_conn",
	"fe_id",
	"fe_name",
	"fe_req_rate",
	"fe_sess_rate",
	"hdr_cnt",
	"hdr_ip",
	"hdr_val",
	"hostname",
	"http_auth",
	"http_auth_group",
	"http_first_req",
	"int",
	"ipv4",
	"ipv6",
	"lat_ns_avg",
	"mqtt.is_valid",
	"nbproc",
	"nbsrv",
	"nbthread",
	"pathq",
	"payload",
	"payload_lv",
	"prio_class",
	"proc",
	"queue",
	"rand",
	"rdp_cookie",
	"rdp_cookie_cnt",
	"rep_ssl_hello_type",
	"req.body",
	"req.body_len",
	"req.body_param",
	"req.body_size",
	"req.cook",
	"req.cook_cnt",
	"req.cook_val",
	"req.fhdr",
	"req.fhdr_cnt",
	"req.hdr_cnt",
	"req.hdr_ip",
	"req.hdr_names",
	"req.hdr_val",
	"req.hdrs",
	"req.len",
	"req.method",
	"req.payload",
	"req.payload_lv",
	"req.proto_http",
	"req.rdp_cookie",
	"req.ssl_sni",
	"req.ssl_ver",
	"req.ver",
	"req_len",
	"req_proto_http",
	"req_ssl_hello_type",
	"req_ssl_sni",
	"req_ssl_ver",
	"req_ver",
	"res.body",
	"res.cook",
	"res.fhdr",
	"res.hdr",
	"res.len",
	"res.payload",
	"res.ver",
	"resp_ver",
	"sc0_conn_cnt",
	"sc0_conn_cur",
	"sc0_conn_rate",
	"sc0_http_req_rate",
	"sc_bytes_in_rate",
	"sc_bytes_out_rate",
	"sc_conn_cnt",
	"sc_conn_cur",
	"sc_conn_rate",
	"sc_get_gpc0",
	"sc_get_gpc1",
	"sc_get_gpt0",
	"sc_gpc0_rate",
	"sc_http_err_cnt",
	"sc_http_err_rate",
	"sc_http_fail_rate",
	"sc_http_req_cnt",
	"sc_http_req_rate",
	"sc_inc_gpc0",
	"sc_sess_cnt",
	"sc_sess_rate",
	"sc_tracked",
	"scook",
	"shdr",
	"shdr_cnt",
	"so_id",
	"so_name",
	"src",
	"src_clr_gpc0",
	"src_conn_cnt",
	"src_conn_cur",
	"src_conn_rate",
	"src_get_gpc0",
	"src_http_err_rate",
	"src_http_req_rate",
	"src_inc_gpc0",
	"src_is_local",
	"src_port",
	"src_sess_rate",
	"srv_conn",
	"srv_id",
	"srv_is_up",
	"srv_name",
	"srv_queue",
	"srv_sess_rate",
	"srv_weight",
	"ssl_bc",
	"ssl_c_s_dn",
	"ssl_c_used",
	"ssl_c_verify",
	"ssl_fc",
	"ssl_fc_alpn",
	"ssl_fc_cipher",
	"ssl_fc_has_crt",
	"ssl_fc_has_sni",
	"ssl_fc_protocol",
	"ssl_fc_sni",
	"ssl_hello_type",
	"status",
	"stopping",
	"str",
	"table_avl",
	"table_cnt",
	"thread",
	"txn.status",
	"unique-id",
	"unique_id",
	"url32",
	"url32+src",
	"url_ip",
	"url_param",
	"url_port",
	"urlp",
	"urlp_val",
	"uuid",
	"var",
	"wait_end",
	"wait_end",
};

static const char *const suffixes[] = {"_beg", "_dir", "_dom", "_end",
				       "_len", "_reg", "_sub"};

bool
expr_is_known_fetch(struct span name)
{
	for (size_t s = 0; s < sizeof(suffixes) / sizeof(suffixes[0]); s++) {
		struct span suffix = span_str(suffixes[s]);
		if (name.n > suffix.n && span_ends(name, suffix)) {
			struct span stem = span_of(name.p, name.n - suffix.n);
			if (expr_is_known_fetch(stem))
				return true;
		}
	}
	for (size_t i = 0; i < sizeof(known_fetches) / sizeof(known_fetches[0]); i++)
		if (span_eq(name, span_str(known_fetches[i])))
			return true;
	return false;
}
