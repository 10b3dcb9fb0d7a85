/* SPDX-License-Identifier: MIT
 *
 * Converters that ask stick tables, and what a proxy or server of some name does: the
 * process has them. Worker.
 */
#include "lib/expr/parts.h"

static bool
ask(const struct expr_context *c, enum expr_conv_id id, const struct expr_arg *args,
    struct expr_sample *s)
{
	return c->host->table && c->host->table(c, id, args, s);
}

#define STICK_CONV(name)                                                                 \
	bool expr_conv_##name(const struct expr_context *c, const struct expr_arg *args, \
			      struct expr_sample *s)                                     \
	{                                                                                \
		return ask(c, EXPR_CONV_##name, args, s);                                \
	}
STICK_CONV(in_table)
STICK_CONV(table_bytes_in_rate)
STICK_CONV(table_bytes_out_rate)
STICK_CONV(table_clr_gpc)
STICK_CONV(table_clr_gpc0)
STICK_CONV(table_clr_gpc1)
STICK_CONV(table_conn_cnt)
STICK_CONV(table_conn_cur)
STICK_CONV(table_conn_rate)
STICK_CONV(table_expire)
STICK_CONV(table_gpc)
STICK_CONV(table_gpc0)
STICK_CONV(table_gpc0_rate)
STICK_CONV(table_gpc1)
STICK_CONV(table_gpc1_rate)
STICK_CONV(table_gpc_rate)
STICK_CONV(table_gpt)
STICK_CONV(table_gpt0)
STICK_CONV(table_http_err_cnt)
STICK_CONV(table_http_err_rate)
STICK_CONV(table_http_fail_cnt)
STICK_CONV(table_http_fail_rate)
STICK_CONV(table_http_req_cnt)
STICK_CONV(table_http_req_rate)
STICK_CONV(table_idle)
STICK_CONV(table_inc_gpc)
STICK_CONV(table_inc_gpc0)
STICK_CONV(table_inc_gpc1)
STICK_CONV(table_kbytes_in)
STICK_CONV(table_kbytes_out)
STICK_CONV(table_server_id)
STICK_CONV(table_sess_cnt)
STICK_CONV(table_sess_rate)
STICK_CONV(table_trackers)

#define NAME_CONV(id)                                                                  \
	bool expr_conv_##id(const struct expr_context *c, const struct expr_arg *args, \
			    struct expr_sample *s)                                     \
	{                                                                              \
		(void)args;                                                            \
		return c->host->name && c->host->name(c, EXPR_CONV_##id, s);           \
	}
NAME_CONV(fe_exists)
NAME_CONV(nbsrv)
NAME_CONV(srv_is_up)
NAME_CONV(srv_queue)
