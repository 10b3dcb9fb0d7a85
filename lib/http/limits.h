/* SPDX-License-Identifier: MIT
 *
 * What a message may measure; each has its row in reject.def. All sizes count bytes; a
 * line is measured without its CRLF. head_bytes and fields_n are clamped to the maxima.
 */
#ifndef WEIR_HTTP_LIMITS_H
#define WEIR_HTTP_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct http_limits {
	uint32_t request_line_bytes; /* 414; default 16k */
	uint32_t field_bytes;	     /* one field line: 431; default 16k */
	uint32_t head_bytes;	 /* start line + fields: 431; default 32k, at most 60k */
	uint32_t fields_n;	 /* 431; default 128, at most HTTP_FIELDS_MAX */
	uint32_t trailers_bytes; /* default 8k */
	bool allow_connect;	 /* CONNECT is not refused (`option: allow_connect`) */
};

enum { HTTP_FIELDS_MAX = 1024, HTTP_HEAD_BYTES_MAX = 60 * 1024 };

#endif
