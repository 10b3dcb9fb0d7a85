/* SPDX-License-Identifier: MIT
 *
 * Names and ports of nodes in Forwarded. Any process.
 */
#include "lib/base/forwarded.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/num.h"

bool
forwarded_may_be_hidden(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !memchr("._-", s.p[i], 3))
			return false;
	return s.n > 0;
}

bool
forwarded_is_hidden(struct span s)
{
	return s.n > 1 && s.p[0] == '_' && forwarded_may_be_hidden(s);
}

bool
forwarded_is_port(struct span s)
{
	uint64_t port;
	return forwarded_is_hidden(s) ||
	       (s.n > 0 && s.n <= 5 && num_u64(s, &port) == NUM_OK && port <= UINT16_MAX);
}
