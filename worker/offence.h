/* SPDX-License-Identifier: MIT
 *
 * Messages that break the protocol are kept for people (shm/offence.h). Worker.
 */
#ifndef WEIR_WORKER_OFFENCE_H
#define WEIR_WORKER_OFFENCE_H

#include "lib/http/head.h"
#include "worker/session.h"

/* A head that the parser refused: self.head is overwritten. */
void offence_request(struct txn *t, struct span bytes, enum http_reject why);
void offence_response(struct txn *t, struct span bytes, enum http_reject why);
/* One that is refused as a whole, or for what stands behind its head. */
void offence_request_at(struct txn *t, struct span bytes, size_t at,
			enum http_reject why);
void offence_response_at(struct txn *t, struct span bytes, size_t at,
			 enum http_reject why);
/* A body that a flow has just refused: of later reads, without what was passed on. */
void offence_request_body(struct txn *t);
void offence_response_body(struct txn *t);

#endif
