/* SPDX-License-Identifier: MIT
 *
 * Fault hooks of test builds (-DWEIR_FAULTS): SHM_FAULT(point) kills the process with
 * SIGKILL (or stops it) when it reaches the armed point for the n-th time. Compiled to
 * nothing otherwise. Points stand in critical sections, so that "assume that you are
 * killed on any instruction" is a loop over a table, not a hope.
 */
#ifndef WEIR_SHM_FAULT_H
#define WEIR_SHM_FAULT_H

#include <stdbool.h>

#define SHM_FAULT_POINTS(X)                                                            \
	X(lock_pending)	 /* announced to the kernel, not taken */                      \
	X(lock_taken)	 /* taken, nothing changed */                                  \
	X(lock_released) /* free again, still announced */                             \
	X(gauge_undo)	 /* undo record written, not valid yet */                      \
	X(gauge_odd)	 /* undo record valid, nothing changed */                      \
	X(gauge_cur)	 /* cur changed, held not */                                   \
	X(gauge_held)	 /* both changed, undo record valid */                         \
	X(gauge_max)                                                                   \
	X(gauge_even)	       /* done, still locked */                                \
	X(repair_cur)	       /* an heir has restored cur */                          \
	X(repair_held)	       /* and held */                                          \
	X(repair_even)	       /* repaired, still locked */                            \
	X(stick_undo)	       /* undo record of a bucket written, not valid yet */    \
	X(stick_odd)	       /* undo record valid, nothing changed */                \
	X(stick_entry)	       /* entry changed, tag not */                            \
	X(stick_tag)	       /* both changed, ledger not */                          \
	X(ledger_where)	       /* a record between two contents */                     \
	X(stick_ledger)	       /* all changed, undo record valid */                    \
	X(stick_even)	       /* done, still locked */                                \
	X(stick_repair_entry)  /* an heir has restored the entry */                    \
	X(stick_repair_tag)    /* and the tag */                                       \
	X(stick_repair_ledger) /* and the ledger record */                             \
	X(undo_opened)	       /* in a section, nothing changed */                     \
	X(undo_written)	       /* old value written, not noted yet */                  \
	X(undo_noted)	       /* noted, not changed */                                \
	X(undo_changed)	       /* one word changed */                                  \
	X(undo_closed)	       /* done, still locked */                                \
	X(undo_restored)       /* an heir has put one word back */                     \
	X(undo_repaired)       /* and all of them, still locked */                     \
	X(session_claimed)     /* a chunk has an owner, who knows nothing of it */     \
	X(session_filled)      /* a summary is written, but not there yet */           \
	X(session_begun)       /* it is */                                             \
	X(session_ended)       /* it is not any more, nobody has its place */          \
	X(session_dropped)     /* the chunk of a dead one is empty, but not free */    \
	X(check_odd)	       /* record of the last check: being written */           \
	X(check_even)                                                                  \
	X(entry_odd) /* directory entry: being written */                              \
	X(entry_even)                                                                  \
	X(grow_allocated) /* room made, directory as before */                         \
	X(grow_entries)	  /* entries written, their number not published */            \
	X(member_text)	  /* text of a server that joins written, it is not current */ \
	X(member_entry)	  /* it is, or has left; nobody is told */                     \
	X(commit_entries) /* entries current, generation not published */              \
	X(create_filled)  /* temporary file complete, not renamed */

enum shm_fault_point {
#define X(name) SHM_FAULT_##name,
	SHM_FAULT_POINTS(X)
#undef X
		SHM_FAULTS_N
};

#ifdef WEIR_FAULTS
enum shm_fault_act { SHM_FAULT_KILL, SHM_FAULT_STOP };

/* Arms one point of this process: act when it is reached for the n-th time. */
void shm_fault_arm(enum shm_fault_point point, unsigned n, enum shm_fault_act act);
/* Arms what WEIR_FAULT=name[:n][:stop] asks for; an unknown name is ignored. */
void shm_fault_arm_env(void);
const char *shm_fault_name(enum shm_fault_point point);
void shm_fault_reached(enum shm_fault_point point);
#define SHM_FAULT(name) shm_fault_reached(SHM_FAULT_##name)
/* WEIR_MUTE is set: wake-ups between processes are lost. */
bool shm_fault_is_mute(void);
#else
#define SHM_FAULT(name)	    ((void)0)
#define shm_fault_is_mute() false
#endif

#endif
