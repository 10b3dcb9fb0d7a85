/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as they stand in a configuration: "10.0.0.1:80", "[::1]:80",
 * "*:80", ":80", "unix@/path", "fd@3". Names are not resolved here.
 */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/span.h"

enum addr_kind { ADDR_NONE, ADDR_INET, ADDR_INET6, ADDR_UNIX, ADDR_FD };

struct addr {
	enum addr_kind kind;
	int fd; /* ADDR_FD */
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage ss;
	} u;
};

enum { ADDR_TEXT_BYTES = 128 };

enum addr_result {
	ADDR_OK = 0,
	ADDR_HOSTNAME =
		1, /* well formed, but the host is a name: *host and port are set */
	ADDR_SYNTAX = -1,
	ADDR_PORT = -2, /* port is missing, not a number or not in 0..65535 */
};

/* Parses text. port_default is used when no port stands there, -1: a port is
 * required. For ADDR_HOSTNAME `host` (may be NULL) receives the name and the
 * address has only its port set, in u.in. */
enum addr_result addr_parse(struct span text, int port_default, struct addr *out,
			    struct span *host);
/* "10.0.0.1:80", "[::1]:80" (v6 in brackets), "unix@/path", "fd@3"; returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_BYTES]);
/* The host part alone, without brackets: "10.0.0.1", "::1", "unix@/path" as HAProxy
 * logs it ("unix:1" there; here the path). A v4-mapped v6 address prints as v4. */
const char *addr_format_host(const struct addr *a, char buf[ADDR_TEXT_BYTES]);
int addr_port(const struct addr *a);
void addr_set_port(struct addr *a, int port);
bool addr_eq(const struct addr *a, const struct addr *b);
/* "192.0.2.1": at most 15 bytes, no terminator; returns the length. */
size_t addr_put_ipv4(char *p, const struct in_addr *a);
/* Fills a from what accept()/getsockname() returned. */
void addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, socklen_t len);

#endif
