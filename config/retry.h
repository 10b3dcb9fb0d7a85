/* SPDX-License-Identifier: MIT
 *
 * The events after which a request may be sent again (retry_on), as bits of
 * cfg_proxy.retry_on.
 */
#ifndef WEIR_CONFIG_RETRY_H
#define WEIR_CONFIG_RETRY_H

#include <stdint.h>

#include "lib/base/span.h"

enum {
	RETRY_CONN_FAILURE = 1 << 0,
	RETRY_EMPTY_RESPONSE = 1 << 1,
	RETRY_JUNK_RESPONSE = 1 << 2,
	RETRY_RESPONSE_TIMEOUT = 1 << 3,
	RETRY_STATUS = 1 << 4, /* and up: one per status */
};

/* The bits of a word of retry_on, with '-' or '_'; none and unknown ones: 0. */
uint32_t retry_of_word(struct span word);
/* The bit of a status code; 0: it never leads to a retry. */
uint32_t retry_of_status(unsigned status);

#endif
