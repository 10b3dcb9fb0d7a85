/* SPDX-License-Identifier: MIT
 *
 * How servers are checked: a script of steps, made by the master at load and shared by
 * all servers that are checked the same way.
 */
#ifndef WEIR_CONFIG_CFG_CHECK_H
#define WEIR_CONFIG_CFG_CHECK_H

#include "lib/base/addr.h"
#include "lib/expr/format.h"
#include "lib/expr/pattern.h"
#include "lib/expr/vars.h"

struct cfg_rule;

struct cfg_range {
	uint16_t from, to;
};

/* Bytes, or a format that makes them for each probe. */
struct cfg_text {
	struct span bytes;
	const struct format *format; /* NULL: `bytes` */
};

/* A field of a request. */
struct cfg_check_field {
	struct span name;
	struct cfg_text value;
};

struct cfg_check_request {
	struct span method, version;
	struct cfg_text uri, body;
	struct cfg_check_field *fields; /* Host among them when given */
	size_t fields_n;
};

enum cfg_expect_kind {
	CFG_EXPECT_STATUS, /* list of ranges */
	CFG_EXPECT_RSTATUS,
	CFG_EXPECT_HDR,	 /* one of the values between commas */
	CFG_EXPECT_FHDR, /* a whole line */
	CFG_EXPECT_STRING,
	CFG_EXPECT_RSTRING,
	CFG_EXPECT_BINARY,
	CFG_EXPECT_RBINARY, /* regex on the bytes in hexadecimal */
	/* what presets ask of protocols that no pattern describes */
	CFG_EXPECT_MYSQL_GREETING,
	CFG_EXPECT_MYSQL_OK,
	CFG_EXPECT_SMTP_REPLY,
	CFG_EXPECT_LDAP_BOUND,
	CFG_EXPECT_DNS_ANSWER,
	CFG_EXPECT_AGENT_LINE,
};

/* How a name or a value is compared. */
struct cfg_compare {
	uint8_t match; /* enum cfg_match */
	struct cfg_text text;
	const struct expr_regex *regex;
};

struct cfg_expect {
	enum cfg_expect_kind kind;
	bool negate;
	uint8_t ok_status, error_status, tout_status; /* places in their lists; error: 0:
							 as usual for the kind, else + 1
						       */
	int32_t min_recv;			      /* bytes, -1: not asked for */
	struct cfg_range *ranges;
	size_t ranges_n;
	struct cfg_text pattern; /* STRING, BINARY; for messages the others' too */
	bool is_hex;		 /* the format makes hexadecimal digits */
	const struct expr_regex *regex;
	struct cfg_compare name, value; /* HDR, FHDR */
	bool has_value;
	const struct format *on_success, *on_error; /* or NULL */
	const struct expr_program *status_code;
};
#define CFG_OK_STATUSES	   "L7OK|L7OKC|L6OK|L4OK"
#define CFG_ERROR_STATUSES "L7OKC|L7RSP|L7STS|L6RSP|L4CON"
#define CFG_TOUT_STATUSES  "L7TOUT|L6TOUT|L4TOUT"

struct cfg_check_connect {
	struct addr addr; /* ADDR_NONE: the server's */
	uint16_t port;	  /* 0: the server's */
	const struct expr_program *port_expr;
	bool is_default, send_proxy, linger;
};

enum cfg_step_kind {
	CFG_STEP_CONNECT,
	CFG_STEP_SEND,
	CFG_STEP_REQUEST, /* HTTP */
	CFG_STEP_EXPECT,
	CFG_STEP_VAR, /* set and unset */
};

struct cfg_step {
	enum cfg_step_kind kind;
	uint16_t number;     /* as the user counts, from 1; 0: not written */
	const char *comment; /* or NULL */
	bool is_hex;	     /* SEND: the format makes hexadecimal digits */
	union {
		const struct cfg_check_connect
			*connect; /* NULL: as the server is checked */
		struct cfg_text bytes;
		struct cfg_check_request *request;
		struct cfg_expect *expect;
		const struct cfg_rule *rule; /* var; neither expr nor format: unset */
	};
};

enum cfg_check_kind {
	CFG_CHECK_TCP,	  /* connecting is all */
	CFG_CHECK_SCRIPT, /* tcp_check */
	CFG_CHECK_PRESET, /* the same, made here: messages don't speak of steps */
	CFG_CHECK_HTTP,
	CFG_CHECK_ICMP,
	CFG_CHECK_EXTERNAL,
};

struct cfg_check {
	enum cfg_check_kind kind;
	bool is_datagram;    /* UDP: no answer is no failure where none is expected */
	bool disable_on_404; /* HTTP: 404 means no new sessions */
	bool send_state;     /* HTTP: the server is told how it is seen */
	bool is_private;     /* depends on the server: its probes are not shared */
	struct cfg_step *steps;
	size_t steps_n;
	const char *command, *path; /* external: program, PATH of its environment */
	const char *identity; /* the text it was made from: the same text, the same check
			       */
};

#endif
