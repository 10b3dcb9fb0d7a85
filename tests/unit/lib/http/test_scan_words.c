/* SPDX-License-Identifier: MIT
 *
 * The scans as machines without SSE2 run them: the same tests.
 */
#undef __SSE2__
#include "test_scan.c"
