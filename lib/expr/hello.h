/* SPDX-License-Identifier: MIT
 *
 * The first message of a TLS connection, read from the bytes of a tunnel (RFC 8446 4.1.2,
 * 5.1; RFC 6066 3). Pure.
 */
#ifndef WEIR_EXPR_HELLO_H
#define WEIR_EXPR_HELLO_H

#include "lib/base/span.h"

enum hello_read { HELLO_OK, HELLO_INCOMPLETE, HELLO_BAD };

enum { HELLO_CLIENT = 1, HELLO_SERVER = 2 }; /* handshake types */

struct hello {
	unsigned record_version; /* 0x0301 ...: of the record */
	unsigned type;		 /* 1: ClientHello, 2: ServerHello */
	unsigned version;	 /* legacy_version of the message */
	struct span ciphers;	 /* of a ClientHello: two bytes each */
	struct span extensions;	 /* of a ClientHello */
};

/* The hello at the front of bytes, which may fill several records; scratch[0, cap) is
 * used then to put it together. */
enum hello_read hello_parse(struct span bytes, char *scratch, size_t cap,
			    struct hello *out);
/* The content of an extension of that number; p == NULL: there is none. */
struct span hello_extension(const struct hello *h, unsigned number);
/* The host name of extension 0; p == NULL: there is none. */
struct span hello_server_name(const struct hello *h);
/* The list inside an extension that begins with its length in `size` bytes. */
struct span hello_list(struct span extension, size_t size);

#endif
