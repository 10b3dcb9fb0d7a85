/* SPDX-License-Identifier: MIT
 *
 * enum shm_GLOBAL_counter { SHM_GLOBAL_conn_tot, ..., SHM_GLOBAL_COUNTERS_N } and one
 * more per kind, all from counters.def. The rows of one kind need not be together.
 */
#ifndef WEIR_SHM_COUNTERS_ENUM_H
#define WEIR_SHM_COUNTERS_ENUM_H

/* Picks the rows of one kind: COUNTER(FRONTEND, x, ...) expands to ROW_FRONTEND(x). */
#define COUNTER(kind, name, unit, help) ROW_##kind(name)
#define ROW_GLOBAL(name)
#define ROW_FRONTEND(name)
#define ROW_LISTENER(name)
#define ROW_BACKEND(name)
#define ROW_SERVER(name)
#define ROW_TABLE(name)

#undef ROW_GLOBAL
#define ROW_GLOBAL(name) SHM_GLOBAL_##name,
enum shm_global_counter {
#include "shm/counters.def"
	SHM_GLOBAL_COUNTERS_N
};
#undef ROW_GLOBAL
#define ROW_GLOBAL(name)

#undef ROW_FRONTEND
#define ROW_FRONTEND(name) SHM_FRONTEND_##name,
enum shm_frontend_counter {
#include "shm/counters.def"
	SHM_FRONTEND_COUNTERS_N
};
#undef ROW_FRONTEND
#define ROW_FRONTEND(name)

#undef ROW_LISTENER
#define ROW_LISTENER(name) SHM_LISTENER_##name,
enum shm_listener_counter {
#include "shm/counters.def"
	SHM_LISTENER_COUNTERS_N
};
#undef ROW_LISTENER
#define ROW_LISTENER(name)

#undef ROW_BACKEND
#define ROW_BACKEND(name) SHM_BACKEND_##name,
enum shm_backend_counter {
#include "shm/counters.def"
	SHM_BACKEND_COUNTERS_N
};
#undef ROW_BACKEND
#define ROW_BACKEND(name)

#undef ROW_SERVER
#define ROW_SERVER(name) SHM_SERVER_##name,
enum shm_server_counter {
#include "shm/counters.def"
	SHM_SERVER_COUNTERS_N
};
#undef ROW_SERVER
#define ROW_SERVER(name)

#undef ROW_TABLE
#define ROW_TABLE(name) SHM_TABLE_##name,
enum shm_table_counter {
#include "shm/counters.def"
	SHM_TABLE_COUNTERS_N
};
#undef ROW_TABLE

#undef ROW_GLOBAL
#undef ROW_FRONTEND
#undef ROW_LISTENER
#undef ROW_BACKEND
#undef ROW_SERVER
#undef COUNTER

#endif
