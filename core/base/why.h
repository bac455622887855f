/* SPDX-License-Identifier: MIT */
/*
 * why -- every reason for which a tunnel ends or never begins, in one table.
 *
 * name	the machine's word: `end` of tunnel.close, `reason` of
 *		tunnel.failed
 * text	the sentence for people
 * status	what a client is answered while it waits for its tunnel
 * error	the error type of Proxy-Status (RFC 9209, 2.3), "" where none
 *		fits
 * kind	is it an end in peace, a fault, or a decision
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#define WHY_TABLE(X) \
	X(NONE, "none", "still going on", 0, "", PEACE) \
	X(CLIENT_FIN, "client_fin", "the client finished", 0, "", PEACE) \
	X(SERVER_FIN, "server_fin", "the server finished", 0, "", PEACE) \
	X(NEXT_TARGET, "next_target", "the client turned to another server", \
	    0, "", PEACE) \
	X(DRAIN, "drain", "the proxy is draining", 503, \
	    "proxy_internal_response", PEACE) \
	X(SHUTDOWN, "shutdown", "the proxy was shut down", 503, \
	    "proxy_internal_response", PEACE) \
	X(OPERATOR, "operator", "the operator closed it", 503, \
	    "proxy_internal_response", PEACE) \
	X(CLIENT_RESET, "client_reset", "the client reset the connection", \
	    0, "", FAULT) \
	X(SERVER_RESET, "server_reset", "the server reset the connection", \
	    502, "connection_terminated", FAULT) \
	X(BAD_HEAD, "bad_head", "the request head is malformed", 400, \
	    "http_request_error", FAULT) \
	X(BAD_TARGET, "bad_target", "the target is not a valid host:port", \
	    400, "http_request_error", FAULT) \
	X(BAD_METHOD, "not_implemented", "this proxy does not do that", \
	    501, "http_request_error", FAULT) \
	X(BAD_PROXY_HEADER, "bad_proxy_header", \
	    "the PROXY header is missing or malformed", 0, "", FAULT) \
	X(HEAD_TIMEOUT, "head_timeout", "the request head came too slowly", \
	    408, "http_request_error", FAULT) \
	X(HEAD_TOO_LARGE, "head_too_large", "the request head is too large", \
	    431, "http_request_error", FAULT) \
	X(DNS_FAILED, "dns_failed", "the host name did not resolve", 502, \
	    "dns_error", FAULT) \
	X(DNS_TIMEOUT, "dns_timeout", "the name servers did not answer", \
	    504, "dns_timeout", FAULT) \
	X(CONNECT_FAILED, "connect_failed", "the server refused to connect", \
	    502, "connection_refused", FAULT) \
	X(CONNECT_TIMEOUT, "connect_timeout", "the server did not answer", \
	    504, "connection_timeout", FAULT) \
	X(REFUSED, "refused", "this is not allowed here", 403, \
	    "http_request_denied", DECISION) \
	X(FORBIDDEN_ADDRESS, "forbidden_address", \
	    "the destination address is not allowed here", 403, \
	    "destination_ip_prohibited", DECISION) \
	X(FORBIDDEN_PORT, "forbidden_port", \
	    "the destination port is not allowed here", 403, \
	    "http_request_denied", DECISION) \
	X(SELF, "self_connection", \
	    "the destination is this proxy itself", 403, \
	    "destination_ip_prohibited", DECISION) \
	X(LOOP, "loop", "the request would go round and round", 508, \
	    "proxy_loop_detected", FAULT) \
	X(PARENT_REFUSED, "parent_refused", \
	    "the parent proxy does not lead there", 502, \
	    "destination_unavailable", FAULT) \
	X(PARENT_TIMEOUT, "parent_timeout", \
	    "the parent proxy did not answer in time", 504, \
	    "connection_timeout", FAULT) \
	X(PARENT_ERROR, "parent_error", \
	    "the parent proxy does not speak HTTP as it should", 502, \
	    "http_protocol_error", FAULT) \
	X(HOLD_LIMIT, "hold_limit", "an inspector held too much", 502, \
	    "proxy_internal_error", FAULT) \
	X(DETECT_TIMEOUT, "detect_timeout", \
	    "the protocol could not be made out in time", 0, "", FAULT) \
	X(HALF_CLOSED_TIMEOUT, "half_closed_timeout", \
	    "one side finished and the other went silent", 0, "", FAULT) \
	X(IDLE_TIMEOUT, "idle_timeout", "no byte moved for too long", 0, "", \
	    FAULT) \
	X(LIFETIME, "lifetime", "the tunnel reached its age limit", 0, "", \
	    FAULT) \
	X(PROTOCOL_ERROR, "protocol_error", "a peer broke the protocol", \
	    502, "http_protocol_error", FAULT) \
	X(TIMEOUT, "timeout", "a deadline passed", 504, \
	    "connection_timeout", FAULT) \
	X(LIMIT, "limit", "a configured limit was reached", 503, \
	    "connection_limit_reached", DECISION) \
	X(UNLOGGED, "unlogged", "new tunnels cannot be logged", 503, \
	    "proxy_internal_error", DECISION) \
	X(QUARANTINED, "quarantined", \
	    "an inspector that the tunnel needs is quarantined", 503, \
	    "proxy_internal_error", DECISION) \
	X(OUT_OF_RESOURCES, "out_of_resources", \
	    "the proxy is out of memory or descriptors", 503, \
	    "proxy_internal_error", FAULT) \
	X(PLUGIN_ERROR, "plugin_error", "an inspector failed", 502, \
	    "proxy_internal_error", FAULT)

enum why {
#define WHY_ENUM(id, name, text, status, error, kind) WHY_##id,
	WHY_TABLE(WHY_ENUM)
#undef WHY_ENUM
	WHY_COUNT
};

enum why_kind { WHY_PEACE, WHY_FAULT, WHY_DECISION };

struct why_row {
	const char *name, *text, *error;
	int status;
	enum why_kind kind;
};

/* The row of a reason; never NULL. */
const struct why_row *why_row(enum why why);

#endif
