/* SPDX-License-Identifier: MIT
 *
 * Names of HAProxy's expression language that are not fetches of ours: the predefined
 * ACLs, and what is known but not implemented, so that an error can tell "not yet"
 * from "misspelt". Master only (at load).
 */
#include "lib/expr/expr.h"
#include "lib/expr/parts.h"

struct predefined {
	const char *name, *definition;
};

/* configuration.txt 7.4; those whose fetches exist here. */
static const struct predefined predefined[] = {
	{"TRUE", ""},
	{"FALSE", ""},
	{"HTTP", "req.proto_http"},
	{"HTTP_1.0", "req.ver 1.0"},
	{"HTTP_1.1", "req.ver 1.1"},
	{"HTTP_2.0", "req.ver 2.0"},
	{"HTTP_CONTENT", "req.hdr_val(content-length) gt 0"},
	{"HTTP_URL_ABS", "url_reg ^[^/:]*://"},
	{"HTTP_URL_SLASH", "url_beg /"},
	{"HTTP_URL_STAR", "url *"},
	{"LOCALHOST", "src 127.0.0.0/8 ::1"},
	{"METH_CONNECT", "method CONNECT"},
	{"METH_DELETE", "method DELETE"},
	{"METH_GET", "method GET HEAD"},
	{"METH_HEAD", "method HEAD"},
	{"METH_OPTIONS", "method OPTIONS"},
	{"METH_POST", "method POST"},
	{"METH_PUT", "method PUT"},
	{"METH_TRACE", "method TRACE"},
	{"RDP_COOKIE", "req.rdp_cookie_cnt gt 0"},
	{"REQ_CONTENT", "req.len gt 0"},
	{"WAIT_END", "wait_end"},
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
	"bc_err",
	"bc_err_name",
	"bc_err_str",
	"bc_glitches",
	"bc_settings_streams_limit",
	"bs.aborted",
	"bs.debug_str",
	"bs.id",
	"bs.rst_code",
	"cpu_calls",
	"cpu_ns_avg",
	"cpu_ns_tot",
	"distcc_body",
	"distcc_param",
	"fc_err",
	"fc_err_name",
	"fc_err_str",
	"fc_glitches",
	"fc_saved_syn",
	"fc_settings_streams_limit",
	"fs.aborted",
	"fs.debug_str",
	"fs.id",
	"fs.rst_code",
	"lat_ns_avg",
	"lat_ns_tot",
	"mqtt.is_valid",
	"nbthread",
	"quic_enabled",
	"req.bytes_out",
	"req.method",
	"res.cache_hit",
	"res.cache_name",
	"res.comp",
	"res.comp_algo",
	"sc0_glitch_cnt",
	"sc0_glitch_rate",
	"sc0_key",
	"sc1_glitch_cnt",
	"sc1_glitch_rate",
	"sc1_key",
	"sc2_glitch_cnt",
	"sc2_glitch_rate",
	"sc2_key",
	"sc_glitch_cnt",
	"sc_glitch_rate",
	"src_glitch_cnt",
	"src_glitch_rate",
	"ssl_bc_alg_keysize",
	"ssl_bc_alpn",
	"ssl_bc_cipher",
	"ssl_bc_client_early_traffic_secret",
	"ssl_bc_client_handshake_traffic_secret",
	"ssl_bc_client_random",
	"ssl_bc_client_traffic_secret_0",
	"ssl_bc_curve",
	"ssl_bc_early_exporter_secret",
	"ssl_bc_err",
	"ssl_bc_err_str",
	"ssl_bc_exporter_secret",
	"ssl_bc_is_resumed",
	"ssl_bc_npn",
	"ssl_bc_protocol",
	"ssl_bc_server_handshake_traffic_secret",
	"ssl_bc_server_random",
	"ssl_bc_server_traffic_secret_0",
	"ssl_bc_session_id",
	"ssl_bc_session_key",
	"ssl_bc_sni",
	"ssl_bc_unique_id",
	"ssl_bc_use_keysize",
	"ssl_c_ca_err",
	"ssl_c_ca_err_depth",
	"ssl_c_chain_der",
	"ssl_c_der",
	"ssl_c_err",
	"ssl_c_i_dn",
	"ssl_c_key_alg",
	"ssl_c_notafter",
	"ssl_c_notbefore",
	"ssl_c_policies",
	"ssl_c_r_dn",
	"ssl_c_s_dn",
	"ssl_c_san",
	"ssl_c_serial",
	"ssl_c_sha1",
	"ssl_c_sig_alg",
	"ssl_c_used",
	"ssl_c_verify",
	"ssl_c_version",
	"ssl_f_der",
	"ssl_f_i_dn",
	"ssl_f_key_alg",
	"ssl_f_notafter",
	"ssl_f_notbefore",
	"ssl_f_s_dn",
	"ssl_f_serial",
	"ssl_f_sha1",
	"ssl_f_sig_alg",
	"ssl_f_version",
	"ssl_fc_alg_keysize",
	"ssl_fc_alpn",
	"ssl_fc_cipher",
	"ssl_fc_cipherlist_bin",
	"ssl_fc_cipherlist_hex",
	"ssl_fc_cipherlist_str",
	"ssl_fc_cipherlist_xxh",
	"ssl_fc_client_early_traffic_secret",
	"ssl_fc_client_handshake_traffic_secret",
	"ssl_fc_client_random",
	"ssl_fc_client_traffic_secret_0",
	"ssl_fc_crtname",
	"ssl_fc_curve",
	"ssl_fc_early_exporter_secret",
	"ssl_fc_ecformats_bin",
	"ssl_fc_eclist_bin",
	"ssl_fc_err",
	"ssl_fc_err_str",
	"ssl_fc_exporter_secret",
	"ssl_fc_extlist_bin",
	"ssl_fc_has_crt",
	"ssl_fc_has_early",
	"ssl_fc_has_sni",
	"ssl_fc_is_resumed",
	"ssl_fc_npn",
	"ssl_fc_protocol",
	"ssl_fc_protocol_hello_id",
	"ssl_fc_server_handshake_traffic_secret",
	"ssl_fc_server_random",
	"ssl_fc_server_traffic_secret_0",
	"ssl_fc_session_id",
	"ssl_fc_session_key",
	"ssl_fc_sigalgs_bin",
	"ssl_fc_sni",
	"ssl_fc_supported_versions_bin",
	"ssl_fc_unique_id",
	"ssl_fc_use_keysize",
	"ssl_hello_type",
	"ssl_s_chain_der",
	"ssl_s_der",
	"ssl_s_i_dn",
	"ssl_s_key_alg",
	"ssl_s_notafter",
	"ssl_s_notbefore",
	"ssl_s_s_dn",
	"ssl_s_serial",
	"ssl_s_sha1",
	"ssl_s_sig_alg",
	"ssl_s_version",
	"term_events",
	"waiting_entity",
};

static const char *const suffixes[] = {"_beg", "_dir", "_dom", "_end",
				       "_len", "_reg", "_sub"};

static const char *const known_convs[] = {
	"aes_cbc_dec",
	"aes_cbc_enc",
	"aes_gcm_dec",
	"aes_gcm_enc",
	"da-csv-conv",
	"eth.data",
	"eth.dst",
	"eth.hdr",
	"eth.proto",
	"eth.src",
	"eth.vlan",
	"fix_is_valid",
	"fix_tag_value",
	"ip.data",
	"ip.df",
	"ip.dst",
	"ip.fp",
	"ip.hdr",
	"ip.proto",
	"ip.src",
	"ip.tos",
	"ip.ttl",
	"ip.ver",
	"jwt_decrypt_cert",
	"jwt_decrypt_jwk",
	"jwt_decrypt_secret",
	"jwt_header_query",
	"jwt_payload_query",
	"jwt_verify",
	"jwt_verify_cert",
	"mqtt_field_value",
	"mqtt_is_valid",
	"protobuf",
	"table_glitch_cnt",
	"table_glitch_rate",
	"tcp.dst",
	"tcp.flags",
	"tcp.options.mss",
	"tcp.options.sack",
	"tcp.options.tsopt",
	"tcp.options.tsval",
	"tcp.options.wscale",
	"tcp.options.wsopt",
	"tcp.options_list",
	"tcp.seq",
	"tcp.src",
	"tcp.win",
	"ungrpc",
	"x509_v_err_str",
};

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

bool
expr_is_known_conv(struct span name)
{
	for (size_t i = 0; i < sizeof(known_convs) / sizeof(known_convs[0]); i++)
		if (span_eq(name, span_str(known_convs[i])))
			return true;
	return false;
}
