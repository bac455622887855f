/* SPDX-License-Identifier: MIT */
/* request -- the client's flow: heads, their checks, what is forwarded. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "step.h"

/* Bytes of the client; see frl_plugin.data. */
enum frl_verdict request_data(struct frl_link *link, struct frl_bytes held);

/* Let the request go that the link's exchange describes. */
enum frl_verdict request_send(struct frl_link *link);

#endif
