/* SPDX-License-Identifier: MIT
 *
 * Where log lines go, as plain data; and the sender.
 *
 * UDP targets are written by the process itself, in batches (sendmmsg). Files, UNIX
 * sockets, stdout and stderr belong to the control process: lines for them travel
 * over one datagram socketpair. Nothing here ever blocks: what a target or control
 * cannot take is dropped and counted.
 */
#ifndef WEIR_NET_LOG_TARGET_H
#define WEIR_NET_LOG_TARGET_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/span.h"

enum log_kind { LOG_TO_UDP, LOG_TO_UNIX, LOG_TO_STDOUT, LOG_TO_STDERR, LOG_TO_FILE };

enum log_format {
#define LOG_FORMAT(id, name, priority, date, host, process, help) LOG_FORMAT_##id,
#include "lib/net/log_format.def"
#undef LOG_FORMAT
	LOG_FORMATS_N
};

/* Datagrams to a UDP target end with a newline, as HAProxy's do. */
struct log_target {
	enum log_kind kind;
	enum log_format format; /* default: local; raw for stdout, stderr and files */
	struct addr addr;	/* LOG_TO_UDP, LOG_TO_UNIX */
	const char *path;	/* LOG_TO_FILE */
	int facility;		/* 0..23 (LOG_KERN >> 3 ... LOG_LOCAL7 >> 3) */
	int level_max;	    /* 0 (emerg) .. 7 (debug): less urgent lines are not sent */
	int level_min;	    /* more urgent ones are sent as this */
	uint32_t bytes_max; /* longer lines are cut, <= LOG_LINE_BYTES; 0: there */
	/* Of every sample_n lines those whose number (from 0) has its bit; 0: all. */
	uint32_t sample_n;
	uint64_t sample_mask;
	unsigned index; /* position in the configuration's list of all targets */
};

/* What a line says. Empty tag: the logger's; empty sd: none. */
struct log_text {
	struct span text;
	struct span sd;	 /* structured data "[id name=\"value\"]" (RFC 5424 6.3) */
	struct span tag; /* at most LOG_TAG_BYTES */
};

enum {
	LOG_TARGETS_MAX = 64,
	LOG_LINE_BYTES = 8192,
	LOG_TAG_BYTES = 64,
	LOG_SD_BYTES = 2048,
	/* priority, date, host, process id */
	LOG_HEADER_BYTES = 192,
	LOG_SAMPLE_MAX = 64,
	LOG_DELAY_MS = 10
};

struct logger;

struct log_counts {
	uint64_t sent, dropped; /* since the last call of logger_counts */
};

/* One per process. `relay_fd` is this process's end of the socketpair to control, -1
 * when this process is control (then `local` gets those lines). The targets are
 * borrowed. Call before chroot. */
struct logger *logger_new(const struct log_target *targets, size_t targets_n,
			  const char *tag, int relay_fd,
			  void (*local)(void *arg, const struct log_target *t,
					struct span line),
			  void *local_arg);
/* Shows this process id in lines, 0: that of the process that writes. */
void logger_show_pid(struct logger *l, pid_t pid);
/* Lines are numbered together with those of other processes, for samples: next[i] is the
 * number of the next line of targets[i]. */
void logger_share_samples(struct logger *l, _Atomic uint64_t next[LOG_TARGETS_MAX]);
void logger_free(struct logger **l);
/* Queues text (without newline) at `level` (syslog 0..7) for each target of `mask`
 * (bit i = targets[i]) that wants it. Long lines are cut at LOG_LINE_BYTES. */
void logger_line(struct logger *l, uint64_t mask, int level, struct span text);
void logger_write(struct logger *l, uint64_t mask, int level,
		  const struct log_text *text);
/* Sends what is queued. Called at the end of each round of the event loop. */
void logger_flush(struct logger *l);
/* The same for loops that prefer few system calls: sends only when the oldest line has
 * waited LOG_DELAY_MS. Returns the most milliseconds the loop may sleep before it must
 * ask again, UINT64_MAX when nothing is queued. */
uint64_t logger_flush_due(struct logger *l, uint64_t now_ms);
struct log_counts logger_counts(struct logger *l);

/* The datagram on the socketpair: 1 byte target index, then the finished line without
 * its newline (control adds it); at most 1 + LOG_LINE_BYTES bytes. For files, stdout
 * and stderr it may be several lines with newlines between them: the queue of a UNIX
 * socket is short in datagrams (net.unix.max_dgram_qlen), not in bytes. */

#endif
