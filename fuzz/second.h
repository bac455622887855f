/* SPDX-License-Identifier: MIT */
/*
 * second -- a second reader of HTTP/1, written from RFC 9112 and sharing no
 * code with what is fuzzed: what does a server see of what we let through?
 */
#ifndef FUZZ_SECOND_H
#define FUZZ_SECOND_H

#include "fuzz.h"

/* Where a whole chunked body ends (7.1), or 0. */
size_t second_chunks(struct frl_bytes body);

/*
 * How many requests is this?  The last one's body may still go on.  False:
 * behind the last one stands something that is no whole head.
 */
bool second_requests(struct frl_bytes bytes, size_t *ret_count);

#endif
