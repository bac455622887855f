/* SPDX-License-Identifier: MIT */
/* events_table -- the events of the `http` inspector, as tables. */
#ifndef HTTP_EVENTS_TABLE_H
#define HTTP_EVENTS_TABLE_H

#include <fairlead/http.h>

/* http.summary: part of tunnel.close. */
struct http_summary {
	uint64_t txns;
};

extern const struct frl_event http_event_request, http_event_response,
    http_event_done, http_event_error, http_event_summary;

/* All of them; NULL ends. */
extern const struct frl_event *const http_events[];

#endif
