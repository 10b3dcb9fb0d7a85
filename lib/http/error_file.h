/* SPDX-License-Identifier: MIT
 *
 * Error files: a whole HTTP response, written by a person. Used when a configuration is
 * loaded. Pure.
 */
#ifndef WEIR_HTTP_ERROR_FILE_H
#define WEIR_HTTP_ERROR_FILE_H

#include "lib/http/reply.h"

/* What http_error_file_read() needs for its heads: as it is read, as it is sent. */
enum { HTTP_ERROR_FILE_ROOM = 4 * HTTP_HEAD_BYTES_MAX + 128 };

/* Makes *r of the n bytes of a file; its head lies in out[0, room), its body in p. It is
 * normalised as every response that weir sends: HTTP/1.1, CRLF (lines of the file may end
 * with LF alone), fields about the connection, the framing and the date replaced by
 * weir's own. An empty file is a silent reply. NULL, or what is wrong. */
const char *http_error_file_read(const char *p, size_t n, char *out,
				 struct http_reply *r);

#endif
