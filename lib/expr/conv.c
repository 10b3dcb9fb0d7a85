/* SPDX-License-Identifier: MIT
 *
 * Which converters look at their arguments when they are compiled. Master only (at load).
 */
#include "lib/expr/parts.h"

expr_args_check_fn *const expr_conv_checks[EXPR_CONVS_N] = {
	[EXPR_CONV_add_item] = expr_check_add_item,
	[EXPR_CONV_be2dec] = expr_check_chunks,
	[EXPR_CONV_bytes] = expr_check_bytes,
	[EXPR_CONV_debug] = expr_check_debug,
	[EXPR_CONV_digest] = expr_check_digest,
	[EXPR_CONV_field] = expr_check_delimiter,
	[EXPR_CONV_has_ctl] = expr_check_has_ctl,
	[EXPR_CONV_hmac] = expr_check_hmac,
	[EXPR_CONV_json_query] = expr_check_json_query,
	[EXPR_CONV_le2dec] = expr_check_chunks,
	[EXPR_CONV_param] = expr_check_param,
	[EXPR_CONV_regsub] = expr_check_regsub,
	[EXPR_CONV_when] = expr_check_when,
	[EXPR_CONV_word] = expr_check_delimiter,
#define MAP(id, name, match, in, out) [EXPR_CONV_##id] = expr_check_##id,
#define MAP_KEY(id, name, match, in)  [EXPR_CONV_##id] = expr_check_##id,
#include "lib/expr/map.def"
#undef MAP
#undef MAP_KEY
};
