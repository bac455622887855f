/* SPDX-License-Identifier: MIT */
/*
 * detect -- is this HTTP/1?  And what of a target may be written down.
 *
 * Two questions about a request's first line that need no tunnel.
 */
#ifndef HTTP_DETECT_H
#define HTTP_DETECT_H

#include <fairlead/inspector.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* See frl_plugin.detect. */
enum frl_detection detect_http(struct frl_bytes client,
    struct frl_bytes server, bool ended);

/*
 * Copy a target without the values of its query: "/a?b=1&c" becomes
 * "/a?b=&***", for what has no value may be one.  size: of the buffer; what
 * does not fit is left out.
 */
struct frl_bytes detect_redact(struct frl_bytes target, uint8_t *buffer,
    size_t size);

#endif
