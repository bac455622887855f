/* SPDX-License-Identifier: MIT */
/* response -- the server's flow: interim and final responses, the 101. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "step.h"

/* Bytes of the server; see frl_plugin.data. */
enum frl_verdict response_data(struct frl_link *link, struct frl_bytes held);

#endif
