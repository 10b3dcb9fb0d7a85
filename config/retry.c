/* SPDX-License-Identifier: MIT
 *
 * The words of retry_on. Master (at load), worker (status codes).
 */
#include "config/retry.h"

#include "lib/base/num.h"

/* configuration.txt, retry-on */
static const uint16_t statuses[] = {401, 403, 404, 408, 421, 425,
				    429, 500, 501, 502, 503, 504};

static const struct {
	const char *name;
	uint32_t bits;
} words[] = {
	{"conn_failure", RETRY_CONN_FAILURE},
	{"empty_response", RETRY_EMPTY_RESPONSE},
	{"junk_response", RETRY_JUNK_RESPONSE},
	{"response_timeout", RETRY_RESPONSE_TIMEOUT},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_word(struct span text, const char *name)
{
	if (text.n != strlen(name))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (name[i] != (text.p[i] == '-' ? '_' : text.p[i]))
			return false;
	return true;
}

uint32_t
retry_of_status(unsigned status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i] == status)
			return (uint32_t)RETRY_STATUS << i;
	return 0;
}

uint32_t
retry_of_word(struct span word)
{
	uint64_t status;
	uint32_t all = 0;
	if (num_u64(word, &status) == NUM_OK)
		return status < 1000 ? retry_of_status((unsigned)status) : 0;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (is_word(word, words[i].name))
			return words[i].bits;
		all |= words[i].bits;
	}
	if (!is_word(word, "all_retryable_errors"))
		return 0;
	return all | retry_of_status(500) | retry_of_status(502) | retry_of_status(503) |
	       retry_of_status(504);
}
