/* SPDX-License-Identifier: MIT
 *
 * Time. Deadlines and durations use the monotonic clock, log lines the wall clock.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);
/* CLOCK_BOOTTIME: goes on during suspend, same for all processes of one boot. */
uint64_t clock_boot_ms(void);
/* Microseconds since 1970. */
uint64_t clock_wall_us(void);

#endif
