/* SPDX-License-Identifier: MIT
 *
 * The words of `balance`. Any process.
 */
#include "lib/balance/balance.h"

enum table { TURNS, MAP, HASH };

static const struct {
	const char *word;
	enum table table;
	unsigned takes;
} algorithms[] = {
#define ALGORITHM(id, word, table, takes) {word, table, takes},
#include "lib/balance/algorithm.def"
#undef ALGORITHM
};

const char *
balance_word(enum balance_algorithm a)
{
	return algorithms[a].word;
}

unsigned
balance_takes(enum balance_algorithm a)
{
	return algorithms[a].takes;
}

bool
balance_is_hash(enum balance_algorithm a)
{
	return algorithms[a].table == HASH;
}

enum balance_kind
balance_kind_of(enum balance_algorithm a, enum balance_kind hash_kind)
{
	switch (algorithms[a].table) {
	case TURNS:
		return BALANCE_TURNS;
	case MAP:
		return BALANCE_MAP;
	case HASH:
		return hash_kind;
	}
	return BALANCE_TURNS;
}
