/* SPDX-License-Identifier: MIT
 *
 * Edits of a parsed head: fields added, replaced and deleted, a new start line. Bytes do
 * not move: what is new is written into memory that the caller lends for as long as the
 * head is in use, and the table of fields points to it. Everything that reads the head
 * afterwards sees the edited one. Pure.
 *
 * No edit can touch what decides where the message ends: the fields of this hop and of
 * the framing belong to the proxy (http_edit_is_ours). Whatever is written is a valid
 * field or target: control characters in values become spaces (RFC 9110 5.5), other bytes
 * that a target cannot have are percent-encoded.
 *
 * All functions return false, and have changed nothing, when there is no room or the
 * result would not be valid.
 */
#ifndef WEIR_HTTP_EDIT_H
#define WEIR_HTTP_EDIT_H

#include "lib/http/head.h"

enum { HTTP_EDITS_MAX = UINT16_MAX };

/* bytes[0, cap) may be used from now on; cap is at most HTTP_EDITS_MAX. */
void http_edit_begin(struct http_head *h, char *bytes, size_t cap);

/* Whether a field is written by the proxy itself: Connection, Content-Length,
 * Transfer-Encoding and their like. */
bool http_edit_is_ours(struct span name);

/* Behind all others. name is a token. */
bool http_edit_add(struct http_head *h, struct span name, struct span value);
/* One field in the place of all of that name. */
bool http_edit_set(struct http_head *h, struct span name, struct span value);
/* Another value for the i-th field, which keeps its place. */
bool http_edit_value(struct http_head *h, unsigned i, struct span value);
/* The i-th field; false when it is ours. */
bool http_edit_delete(struct http_head *h, unsigned i);

/* HEAD and CONNECT neither come nor go: they decide how the response ends. */
bool http_edit_method(struct http_head *h, struct span method);
/* '?' is encoded, too. The query stays. */
bool http_edit_path(struct http_head *h, struct span path);
/* Behind the '?'; an empty one does not add a '?'. */
bool http_edit_query(struct http_head *h, struct span query);
/* "/path" or "/path?query"; without '?' the query is gone. */
bool http_edit_pathq(struct http_head *h, struct span pathq);
/* The same, or with scheme and authority, which then is the host. */
bool http_edit_uri(struct http_head *h, struct span uri);
/* 100..599 but not one that has no body where there is one, or the other way round: the
 * class 1xx, 204 and 304 neither come nor go. */
bool http_edit_status(struct http_head *h, int status, struct span reason);

#endif
