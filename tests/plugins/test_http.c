/* SPDX-License-Identifier: MIT */
/*
 * test_http -- the http plugin with a fake host.
 *
 * Most of it is a table of conversations.  Each is played whole, byte by
 * byte, and cut in two at every place of every piece; bytes, events and
 * handoff must be the same each time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/exchange.h"
#include "fake_host.h"

extern const struct frl_plugin frl_plugin;

#define C FRL_FROM_CLIENT
#define S FRL_FROM_SERVER
#define FIN "\x04"		/* a step that is an end */

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define OLD "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
#define OLD_OK "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" \
    "Content-Length: 2\r\n\r\nhi"
#define ASK_REST "Connection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
    "Sec-WebSocket-Version: 13\r\n"
#define ASK_LINE "GET /chat?k=secret HTTP/1.1\r\nHost: a\r\n"
#define ASK ASK_LINE "Upgrade: websocket\r\n" ASK_REST "\r\n"
#define ASK_MORE ASK_LINE "Upgrade: websocket\r\n" ASK_REST \
    "Sec-WebSocket-Protocol: chat, realtime\r\n" \
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"\
    "\r\n\r\n"
#define SWITCH_LINE "HTTP/1.1 101 Switching Protocols\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCH_REST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define SWITCH SWITCH_LINE SWITCH_REST ACCEPT "\r\n"
#define FRAMES "\x81\x02hi\x89\x01x"
#define FOO "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n" \
    "Upgrade: foo\r\n\r\n"
#define FOO_SWITCH SWITCH_LINE "Connection: Upgrade\r\nUpgrade: Foo\r\n\r\n"

/* What the configuration permits. */
enum table { WS, WS_AND_STAR, NOTHING, WS_AND_H2C };

struct say {
	enum frl_flow flow;
	const char *text;
};

struct talk {
	const char *name;
	struct say says[8];
	const char *to_server;		/* exact */
	const char *to_client;		/* exact; a status line's begin where
					 * the answer is ours: "~HTTP/1.1 502";
					 * "x~y": x exactly, then ours */
	const char *events[6];		/* parts of lines, in order */
	const char *handoff;		/* part of it */
	const char *rest[2];		/* what the new link is shown */
	enum table table;
	enum http_mode mode;
	bool handoff_fails;
	int barred;			/* as in fake_host.h */
	bool open;			/* the connection goes on */
	const char *never;		/* part of no line */
};

static const struct talk talks[] = {
	/* -- the switch ---------------------------------------------- */
	{ .name = "proper request, valid 101",
	    .says = { { C, ASK_MORE }, { S, SWITCH_LINE SWITCH_REST ACCEPT
	    "Sec-WebSocket-Protocol: realtime\r\n"
	    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" },
	    { C, FRAMES }, { S, FRAMES } },
	    .to_server = ASK_MORE, .to_client = SWITCH_LINE SWITCH_REST ACCEPT
	    "Sec-WebSocket-Protocol: realtime\r\n"
	    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	    .events = { "c2s http.request http.txn=1 http.method=GET "
	    "http.target=/chat?k= http.host=a http.version=1.1 "
	    "http.header_bytes=", "http.status=101" },
	    .never = "secret",
	    .handoff = "token=websocket method=GET target=/chat?k=secret "
	    "host=a status=101 subprotocol=realtime "
	    "extensions=permessage-deflate",
	    .rest = { FRAMES, FRAMES } },
	{ .name = "wrong version: 426",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 426 ",
	    .events = { "http.kind=bad_upgrade" } },
	{ .name = "no version: 426",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 426 " },
	{ .name = "no key: 400",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "key of 15 bytes: 400",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "two keys: 400",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n" ASK_REST
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "POST: 400",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Upgrade: websocket\r\n" ASK_REST "\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "HTTP/1.0: 400",
	    .says = { { C, "GET / HTTP/1.0\r\nHost: a\r\n"
	    "Upgrade: websocket\r\n" ASK_REST "\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "no Connection: upgrade: 400",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "101 and frames in one segment",
	    .says = { { C, ASK }, { S, SWITCH FRAMES }, { S, FRAMES } },
	    .to_server = ASK, .to_client = SWITCH,
	    .handoff = "token=websocket", .rest = { "", FRAMES FRAMES } },
	{ .name = "early frames, then 101",
	    .says = { { C, ASK FRAMES }, { C, FRAMES }, { S, SWITCH } },
	    .to_server = ASK, .to_client = SWITCH,
	    .handoff = "token=websocket", .rest = { FRAMES FRAMES, "" } },
	{ .name = "early bytes, then 200: the next request",
	    .says = { { C, ASK GET }, { S, OK2 }, { S, OK2 } },
	    .to_server = ASK GET, .to_client = OK2 OK2, .open = true,
	    .events = { "http.request http.txn=1", "http.done http.txn=1",
	    "http.request http.txn=2", "http.done http.txn=2" } },
	{ .name = "early frames, then 200: no request",
	    .says = { { C, ASK FRAMES }, { S, OK2 } },
	    .to_server = ASK, .to_client = OK2 "~HTTP/1.1 400 " },
	{ .name = "100 and 103, then 101",
	    .says = { { C, ASK }, { S, "HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" SWITCH FRAMES } },
	    .to_server = ASK, .to_client = "HTTP/1.1 100 Continue\r\n\r\n"
	    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" SWITCH,
	    .events = { "status=100", "status=103", "status=101" },
	    .handoff = "token=websocket", .rest = { "", FRAMES } },
	{ .name = "426 to an upgrade, and on",
	    .says = { { C, ASK }, { S, "HTTP/1.1 426 No\r\n"
	    "Upgrade: websocket\r\nContent-Length: 0\r\n\r\n" }, { C, GET },
	    { S, OK2 } },
	    .to_server = ASK GET, .to_client = "HTTP/1.1 426 No\r\n"
	    "Upgrade: websocket\r\nContent-Length: 0\r\n\r\n" OK2,
	    .open = true },
	{ .name = "404, chunked, to an upgrade, and on",
	    .says = { { C, ASK }, { S, "HTTP/1.1 404 No\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" },
	    { C, GET }, { S, OK2 } },
	    .to_server = ASK GET, .to_client = "HTTP/1.1 404 No\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" OK2,
	    .open = true },
	{ .name = "503 until the end to an upgrade",
	    .says = { { C, ASK FRAMES }, { S, "HTTP/1.1 503 No\r\n\r\nsorry" },
	    { S, FIN } },
	    .to_server = ASK, .to_client = "HTTP/1.1 503 No\r\n\r\nsorry",
	    .events = { "http.response_body_bytes=5", } },
	{ .name = "101 nobody asked for",
	    .says = { { C, GET }, { S, SWITCH FRAMES } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "s2c http.error http.txn=1 http.kind=unasked_101" } },
	{ .name = "101 for what was stripped",
	    .says = { { C, ASK }, { S, SWITCH } }, .table = NOTHING,
	    .to_server = ASK_LINE
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n",
	    .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=unasked_101" } },
	{ .name = "bad accept, observed",
	    .says = { { C, ASK }, { S, SWITCH_LINE SWITCH_REST
	    "Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	    FRAMES } },
	    .to_server = ASK, .to_client = SWITCH_LINE SWITCH_REST
	    "Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	    .events = { "http.kind=bad_accept" },
	    .handoff = "token=websocket", .rest = { "", FRAMES } },
	{ .name = "bad accept, enforced", .mode = HTTP_ENFORCE,
	    .says = { { C, ASK }, { S, SWITCH_LINE SWITCH_REST
	    "Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	    FRAMES } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_accept" } },
	{ .name = "no accept, enforced", .mode = HTTP_ENFORCE,
	    .says = { { C, ASK }, { S, SWITCH_LINE SWITCH_REST "\r\n" } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_accept" } },
	{ .name = "101 of HTTP/1.0, enforced", .mode = HTTP_ENFORCE,
	    .says = { { C, ASK }, { S, "HTTP/1.0 101 Switching Protocols\r\n"
	    SWITCH_REST ACCEPT "\r\n" FRAMES } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_upgrade" } },
	{ .name = "no Upgrade, observed",
	    .says = { { C, ASK }, { S, SWITCH_LINE "Connection: Upgrade\r\n"
	    ACCEPT "\r\n" FRAMES } },
	    .to_server = ASK, .to_client = SWITCH_LINE
	    "Connection: Upgrade\r\n" ACCEPT "\r\n",
	    .events = { "http.kind=bad_upgrade" },
	    .handoff = "token=websocket", .rest = { "", FRAMES } },
	{ .name = "no Connection, enforced", .mode = HTTP_ENFORCE,
	    .says = { { C, ASK }, { S, SWITCH_LINE "Upgrade: websocket\r\n"
	    ACCEPT "\r\n" FRAMES } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_upgrade" } },
	{ .name = "subprotocol not offered, observed",
	    .says = { { C, ASK_MORE }, { S, SWITCH_LINE SWITCH_REST ACCEPT
	    "Sec-WebSocket-Protocol: Chat\r\n\r\n" } },
	    .to_server = ASK_MORE, .to_client = SWITCH_LINE SWITCH_REST ACCEPT
	    "Sec-WebSocket-Protocol: Chat\r\n\r\n",
	    .events = { "http.kind=not_offered" },
	    .handoff = "subprotocol=Chat" },
	{ .name = "extension not offered, enforced", .mode = HTTP_ENFORCE,
	    .says = { { C, ASK_MORE }, { S, SWITCH_LINE SWITCH_REST ACCEPT
	    "Sec-WebSocket-Extensions: permessage-deflate, x\r\n\r\n" } },
	    .to_server = ASK_MORE, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=not_offered" } },
	{ .name = "another token than was offered: 502 in any mode",
	    .says = { { C, ASK }, { S, FOO_SWITCH } }, .table = WS_AND_STAR,
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_upgrade" } },
	{ .name = "foo by the star",
	    .says = { { C, FOO "early" }, { S, FOO_SWITCH "bytes" } },
	    .table = WS_AND_STAR,
	    .to_server = FOO, .to_client = FOO_SWITCH,
	    .handoff = "token=foo", .rest = { "early", "bytes" } },
	{ .name = "foo refused by the table: stripped",
	    .says = { { C, FOO }, { S, OK2 } }, .open = true,
	    .to_server = GET, .to_client = OK2,
	    .events = { "http.upgrade=foo" } },
	{ .name = "handoff fails: 502", .handoff_fails = true,
	    .says = { { C, ASK }, { S, SWITCH FRAMES } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 502 " },
	{ .name = "inspector quarantined: 503 before the server is asked",
	    .says = { { C, ASK } }, .barred = 1,
	    .to_server = "", .to_client = "~HTTP/1.1 503 ",
	    .never = "http.request" },
	{ .name = "quarantined, but it is no upgrade", .barred = 1,
	    .says = { { C, "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Upgrade: websocket\r\n\r\n" }, { S, OK2 } }, .open = true,
	    .to_server = GET, .to_client = OK2 },
	{ .name = "quarantined while the server switches: 503", .barred = 2,
	    .says = { { C, ASK }, { S, SWITCH FRAMES } },
	    .to_server = ASK, .to_client = "~HTTP/1.1 503 " },
	{ .name = "h2c: stripped, the star does not cover it",
	    .says = { { C, "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: Upgrade, HTTP2-Settings, x\r\nUpgrade: h2c\r\n"
	    "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" },
	    { S, OK2 } }, .table = WS_AND_STAR, .open = true,
	    .to_server = "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\n\r\n",
	    .to_client = OK2, .events = { "http.upgrade=h2c" } },
	{ .name = "h2c by name",
	    .says = { { C, "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" },
	    { S, SWITCH_LINE "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
	    "x" } },
	    .table = WS_AND_H2C,
	    .to_server = "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	    .to_client = SWITCH_LINE
	    "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	    .handoff = "token=h2c", .rest = { "", "x" } },
	{ .name = "h2c, websocket: only what the table allows",
	    .says = { { C, ASK_LINE "Upgrade: h2c, websocket\r\n" ASK_REST
	    "\r\n" }, { S, SWITCH FRAMES } },
	    .to_server = ASK, .to_client = SWITCH,
	    .handoff = "token=websocket", .rest = { "", FRAMES } },
	/* -- ordinary HTTP ------------------------------------------- */
	{ .name = "keep-alive",
	    .says = { { C, GET }, { S, OK2 }, { C, GET }, { S, OK2 } },
	    .to_server = GET GET, .to_client = OK2 OK2, .open = true },
	{ .name = "pipelined, serial",
	    .says = { { C, GET GET GET }, { S, OK2 }, { S, OK2 }, { S, OK2 } },
	    .to_server = GET GET GET, .to_client = OK2 OK2 OK2, .open = true,
	    .events = { "request http.txn=1", "done http.txn=1",
	    "request http.txn=2", "done http.txn=2", "request http.txn=3",
	    "done http.txn=3" } },
	{ .name = "bodies with a length",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 5\r\n\r\nhello" }, { C, GET }, { S, OK2 },
	    { S, OK2 } },
	    .to_server = "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 5\r\n\r\nhello" GET, .to_client = OK2 OK2,
	    .open = true,
	    .events = { "http.request_body_bytes=5 "
	    "http.response_body_bytes=2 http.duration_us=0 "
	    "http.complete=true" } },
	{ .name = "chunked both ways, extension and trailer",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" GET },
	    { S, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "1\r\nx\r\n0\r\n\r\n" }, { S, OK2 } },
	    .to_server = "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" GET,
	    .to_client = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n1\r\nx\r\n0\r\n\r\n" OK2, .open = true,
	    .events = { "http.request_body_bytes=40 "
	    "http.response_body_bytes=11" } },
	{ .name = "HEAD, 204 and 304 have no body",
	    .says = { { C, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" },
	    { S, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" }, { C, GET },
	    { S, "HTTP/1.1 204 No\r\n\r\n" }, { C, GET },
	    { S, "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n" } },
	    .to_server = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET GET,
	    .to_client = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
	    "HTTP/1.1 204 No\r\n\r\n"
	    "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n", .open = true },
	{ .name = "an early final answer while the client uploads",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 9\r\n\r\nhe" }, { S, OK2 }, { C, "llo, yo" GET },
	    { S, OK2 } },
	    .to_server = "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 9\r\n\r\nhello, yo" GET,
	    .to_client = OK2 OK2, .open = true,
	    .events = { "http.request_body_bytes=9 "
	    "http.response_body_bytes=2", "http.request http.txn=2" } },
	{ .name = "Connection: close ends it, extra bytes are dropped",
	    .says = { { C, GET GET }, { S, "HTTP/1.1 200 OK\r\n"
	    "Connection: close\r\nContent-Length: 2\r\n\r\nhi" },
	    { S, "extra" } },
	    .to_server = GET, .to_client = "HTTP/1.1 200 OK\r\n"
	    "Connection: close\r\nContent-Length: 2\r\n\r\nhi",
	    .events = { "http.complete=true" } },
	{ .name = "HTTP/1.0 response ends it",
	    .says = { { C, GET }, { S, "HTTP/1.0 200 OK\r\n"
	    "Content-Length: 2\r\n\r\nhi" } },
	    .to_server = GET, .to_client = "HTTP/1.0 200 OK\r\n"
	    "Content-Length: 2\r\n\r\nhi" },
	{ .name = "HTTP/1.0 request, until the end",
	    .says = { { C, "GET / HTTP/1.0\r\n\r\n" },
	    { S, "HTTP/1.0 200 OK\r\n\r\nhello" }, { S, FIN } },
	    .to_server = "GET / HTTP/1.0\r\n\r\n",
	    .to_client = "HTTP/1.0 200 OK\r\n\r\nhello",
	    .events = { "http.response_body_bytes=5 http.duration_us=0 "
	    "http.complete=true" } },
	{ .name = "the client shuts down early and is answered",
	    .says = { { C, GET GET }, { C, FIN }, { S, OK2 }, { S, OK2 } },
	    .to_server = GET GET, .to_client = OK2 OK2 },
	{ .name = "server closes before it answers",
	    .says = { { C, GET }, { S, FIN } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=no_response", "http.complete=false" } },
	{ .name = "server closes inside a head",
	    .says = { { C, GET }, { S, "HTTP/1.1 200 O" }, { S, FIN } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=truncated http.offset_bytes=14" } },
	{ .name = "server closes inside a body",
	    .says = { { C, GET }, { S, "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 9\r\n\r\nhalf" }, { S, FIN } },
	    .to_server = GET, .to_client = "HTTP/1.1 200 OK\r\n"
	    "Content-Length: 9\r\n\r\nhalf",
	    .events = { "http.kind=truncated",
	    "http.response_body_bytes=4 http.duration_us=0 "
	    "http.complete=false" } },
	{ .name = "idle, then the server closes",
	    .says = { { C, GET }, { S, OK2 }, { S, FIN } },
	    .to_server = GET, .to_client = OK2 },
	{ .name = "idle, then the client closes",
	    .says = { { C, GET }, { S, OK2 }, { C, FIN } },
	    .to_server = GET, .to_client = OK2 },
	{ .name = "the client closes inside a body",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 5\r\n\r\nhe" }, { C, FIN },
	    { S, "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n" } },
	    .to_server = "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 5\r\n\r\nhe",
	    .to_client = "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
	    .events = { "c2s http.error http.txn=1 http.kind=truncated",
	    "http.request_body_bytes=2" } },
	{ .name = "Expect, 100, body",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n" },
	    { S, "HTTP/1.1 100 Continue\r\n\r\n" }, { C, "ab" }, { S, OK2 },
	    { C, GET } },
	    .to_server = "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab" GET,
	    .to_client = "HTTP/1.1 100 Continue\r\n\r\n" OK2, .open = true },
	{ .name = "Expect, final answer, no body",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n" },
	    { S, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" },
	    { C, FIN } },
	    .to_server = "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
	    .to_client = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
	    .events = { "http.complete=false" } },
	{ .name = "Expect, final answer: nothing behind it is a request",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 99\r\n\r\n" },
	    { S, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" },
	    { C, GET } },
	    .to_server = "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 99\r\n\r\n",
	    .to_client = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" },
	{ .name = "Expect, but the client does not wait",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" GET },
	    { S, OK2 }, { S, OK2 } },
	    .to_server = "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" GET,
	    .to_client = OK2 OK2, .open = true,
	    .events = { "http.request_body_bytes=5" } },
	{ .name = "HTTP/1.0, kept alive by both",
	    .says = { { C, OLD OLD }, { S, OLD_OK }, { S, OLD_OK } },
	    .to_server = OLD OLD, .to_client = OLD_OK OLD_OK, .open = true },
	{ .name = "HTTP/1.0, not kept alive by the server",
	    .says = { { C, OLD OLD }, { S, "HTTP/1.0 200 OK\r\n"
	    "Content-Length: 2\r\n\r\nhi" } },
	    .to_server = OLD, .to_client = "HTTP/1.0 200 OK\r\n"
	    "Content-Length: 2\r\n\r\nhi" },
	{ .name = "an empty line before requests",
	    .says = { { C, "\r\n" GET "\r\n" }, { S, OK2 }, { C, GET },
	    { S, OK2 } },
	    .to_server = GET GET, .to_client = OK2 OK2, .open = true },
	{ .name = "two empty lines",
	    .says = { { C, GET "\r\n\r\n" GET }, { S, OK2 } },
	    .to_server = GET, .to_client = OK2 "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_start_line http.offset_bytes=29" } },
	{ .name = "an empty line that is none",
	    .says = { { C, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "an empty line and the end",
	    .says = { { C, GET "\r\n" }, { S, OK2 }, { C, FIN } },
	    .to_server = GET, .to_client = OK2, .never = "http.error" },
	{ .name = "* is for OPTIONS",
	    .says = { { C, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"
	    "GET * HTTP/1.1\r\nHost: a\r\n\r\n" }, { S, OK2 } },
	    .to_server = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	    .to_client = OK2 "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_target" } },
	{ .name = "a response that names its length in Connection",
	    .says = { { C, GET }, { S, "HTTP/1.1 200 OK\r\n"
	    "Connection: x, Content-Length\r\nContent-Length: 2\r\n\r\n" } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "s2c http.error http.txn=1 http.kind=bad_connection" } },
	{ .name = "a 103 with a length",
	    .says = { { C, GET }, { S, "HTTP/1.1 103 x\r\n"
	    "Content-Length: 2\r\n\r\nhi" } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_framing" } },
	{ .name = "a 204 with a length is the last one",
	    .says = { { C, GET GET }, { S, "HTTP/1.1 204 No\r\n"
	    "Content-Length: 2\r\n\r\n" } },
	    .to_server = GET, .to_client = "HTTP/1.1 204 No\r\n"
	    "Content-Length: 2\r\n\r\n" },
	{ .name = "Expect, not the exact word",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: y 100-continue\r\nContent-Length: 2\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 417 ",
	    .events = { "http.kind=bad_expectation" } },
	{ .name = "Expect, two of them",
	    .says = { { C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Expect: 100-continue\r\nExpect: a\r\n"
	    "Content-Length: 2\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 417 " },
	{ .name = "the client asks to close",
	    .says = { { C, "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: close\r\n\r\n" GET }, { S, OK2 } },
	    .to_server = "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: close\r\n\r\n", .to_client = OK2,
	    .events = { "http.complete=true" } },
	/* -- refused -------------------------------------------------- */
	{ .name = "offsets count what was rewritten",
	    .says = { { C, FOO }, { S, OK2 }, { C, "G(T / HTTP/1.1\r\n" } },
	    .to_server = GET, .to_client = OK2 "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_start_line http.offset_bytes=63" } },
	{ .name = "WebSocket request with a body",
	    .says = { { C, ASK_LINE "Upgrade: websocket\r\n"
	    "Content-Length: 3\r\n" ASK_REST "\r\nabc" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "absolute form",
	    .says = { { C, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_target" } },
	{ .name = "CONNECT inside the tunnel",
	    .says = { { C, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" GET } },
	    .to_server = "", .to_client = "~HTTP/1.1 501 " },
	{ .name = "lower-case method",
	    .says = { { C, "get / HTTP/1.1\r\nHost: a\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 501 " },
	{ .name = "bad version",
	    .says = { { C, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_start_line" } },
	{ .name = "both lengths",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3"
	    "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 ",
	    .events = { "http.kind=bad_framing" } },
	{ .name = "a bad second request",
	    .says = { { C, GET "GET  / HTTP/1.1\r\n" }, { S, OK2 } },
	    .to_server = GET, .to_client = OK2 "~HTTP/1.1 400 ",
	    .events = { "http.done http.txn=1", "http.error http.txn=2 "
	    "http.kind=bad_start_line http.offset_bytes=31" } },
	{ .name = "Connection names framing",
	    .says = { { C, "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Connection: close, Content-Length\r\n\r\n" } },
	    .to_server = "", .to_client = "~HTTP/1.1 400 " },
	{ .name = "bad chunk from the client",
	    .says = { { C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n" },
	    { C, "0x5\r\nhello\r\n" } },
	    .to_server = NULL, .to_client = "~HTTP/1.1 400 ",
	    .events = { "c2s http.error http.txn=1 http.kind=bad_chunk" } },
	{ .name = "bad response head",
	    .says = { { C, GET }, { S, "HTTP/1.1 200 OK\r\nA : b\r\n\r\n" } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "s2c http.error http.txn=1 http.kind=bad_field" } },
	{ .name = "Transfer-Encoding in a 204",
	    .says = { { C, GET }, { S, "HTTP/1.1 204 No\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n" } },
	    .to_server = GET, .to_client = "~HTTP/1.1 502 ",
	    .events = { "http.kind=bad_framing" } },
	{ .name = "a server that speaks unasked",
	    .says = { { C, GET }, { S, OK2 }, { S, OK2 } },
	    .to_server = GET, .to_client = OK2,
	    .events = { "http.kind=unasked_response" } },
};

/* ------------------------------------------------------------------ */
/* Playing								*/

static const struct http_options defaults = { .idle = 60000,
    .head_time = 10000, .first_byte = 300000, .head_bytes = 16384,
    .head_fields = 100, .mode = HTTP_OBSERVE, .via = "fairlead" };

static struct fake *
create(const struct http_options *options, enum table table, bool fails,
    int barred)
{
	static const char *const tables[][3] = { { "websocket" },
	    { "websocket" }, { NULL }, { "websocket", "h2c" } };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = options,
	    .tokens = tables[table], .star = table == WS_AND_STAR,
	    .handoff_fails = fails, .barred = barred });

	assert_non_null(f);
	return (f);
}

static struct fake *
plain(void)
{
	return (create(&defaults, WS, false, 0));
}

/* cut 0: whole; 1: byte by byte; else every piece in two, behind cut-1. */
static struct fake *
play(const struct talk *talk, size_t cut, struct http_options *options)
{
	struct fake *f;

	*options = defaults;
	options->mode = talk->mode;
	f = create(options, talk->table, talk->handoff_fails, talk->barred);
	for (size_t i = 0; i < 8 && talk->says[i].text != NULL; i++) {
		const struct say *s = &talk->says[i];
		size_t n = strlen(s->text), at = 0, step = cut;

		if (strcmp(s->text, FIN) == 0) {
			fake_over(f, s->flow);
			continue;
		}
		if (cut > 1)
			step = cut - 1;
		while (at < n) {
			size_t part = cut == 0 || (cut > 1 && at > 0) ||
			    step > n - at ? n - at : step;

			fake_feed(f, s->flow, s->text + at, part, false);
			at += part;
		}
	}
	return (f);
}

static bool
is_output(const struct fake *f, enum frl_flow flow, const char *want)
{
	struct frl_bytes out = fake_output(f, flow);
	const char *text = (const char *)out.data;
	const char *ours = strchr(want, '~');
	size_t n = ours == NULL ? strlen(want) : (size_t)(ours - want);

	if (out.len < n || memcmp(text, want, n) != 0)
		return (false);
	if (ours == NULL)
		return (out.len == n);
	return (strncmp(text + n, ours + 1, strlen(ours + 1)) == 0 &&
	    strstr(text + n, "Connection: close") != NULL &&
	    strstr(text + n, "Proxy-Status: fairlead; error=") != NULL);
}

static const char *
check(const struct talk *talk, const struct fake *f)
{
	const char *at = fake_events(f);

	if (talk->to_server != NULL && !is_output(f, C, talk->to_server))
		return ("bytes to the server");
	if (!is_output(f, S, talk->to_client))
		return ("bytes to the client");
	for (size_t i = 0; i < 6 && talk->events[i] != NULL; i++)
		if ((at = strstr(at, talk->events[i])) == NULL)
			return (talk->events[i]);
	if (talk->never != NULL && strstr(fake_events(f), talk->never))
		return ("an event says too much");
	if (talk->handoff == NULL)
		return (fake_handoff(f) != NULL && !talk->handoff_fails ?
		    "a handoff" : fake_closed(f) == talk->open ?
		    "open or closed" : fake_report(f, "http.summary") == NULL
		    && !talk->open ? "no report" : NULL);
	if (fake_handoff(f) == NULL ||
	    strstr(fake_handoff(f), talk->handoff) == NULL)
		return ("no handoff");
	for (int i = 0; i < 2; i++) {
		struct frl_bytes held = fake_held(f, (enum frl_flow)i);
		const char *rest = talk->rest[i] ? talk->rest[i] : "";

		if (held.len != strlen(rest) ||
		    memcmp(held.data, rest, held.len) != 0)
			return ("what the new link is shown");
	}
	return (NULL);
}

static size_t
longest(const struct talk *talk)
{
	size_t max = 0;

	for (size_t i = 0; i < 8 && talk->says[i].text != NULL; i++)
		if (strlen(talk->says[i].text) > max)
			max = strlen(talk->says[i].text);
	return (max);
}

/* Every talk, in every way to cut it. */
static void
test_talks(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		const struct talk *talk = &talks[i];
		size_t last = longest(talk);

		for (size_t cut = 0; cut <= last; cut++) {
			struct http_options options;
			struct fake *f = play(talk, cut, &options);
			const char *what = check(talk, f);

			if (what != NULL) {
				print_error("%s (cut %zu): %s\n%s"
				    "to server <%s>\nto client <%s>\n%s %s\n",
				    talk->name, cut, what, fake_events(f),
				    fake_output(f, C).data,
				    fake_output(f, S).data,
				    fake_handoff(f) ? fake_handoff(f) : "-",
				    fake_refused(f) ? fake_refused(f) : "-");
				wrong++;
			}
			fake_free(f);
			if (what != NULL)
				break;
		}
	}
	assert_int_equal(wrong, 0);
}

/* ------------------------------------------------------------------ */
/* What a table cannot say						*/

static void
test_hook_refuses(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_answer(f, "http.request", FRL_REFUSE);
	fake_text(f, C, GET GET);
	assert_true(is_output(f, C, ""));
	assert_true(is_output(f, S, "~HTTP/1.1 403 "));
	assert_non_null(strstr((const char *)fake_output(f, S).data,
	    "a hook objected"));
	assert_true(fake_closed(f));
	fake_free(f);
}

static void
test_hook_waits(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_answer(f, "http.request", FRL_WAIT);
	fake_text(f, C, ASK FRAMES);
	assert_true(is_output(f, C, ""));
	assert_true(fake_decide(f, C, FRL_OK));
	assert_true(is_output(f, C, ASK));
	fake_text(f, S, SWITCH);
	assert_non_null(fake_handoff(f));
	assert_int_equal(fake_held(f, C).len, strlen(FRAMES));
	fake_free(f);

	f = plain();
	fake_answer(f, "http.request", FRL_WAIT);
	fake_text(f, C, GET);
	assert_true(fake_decide(f, C, FRL_REFUSE));
	assert_true(is_output(f, C, ""));
	assert_true(is_output(f, S, "~HTTP/1.1 403 "));
	fake_free(f);
}

/* A rewritten head, and a body behind it, wait for the verdict too. */
static void
test_hook_waits_rewritten(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_answer(f, "http.request", FRL_WAIT);
	fake_text(f, C, "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\n"
	    "Connection: Upgrade\r\nContent-Length: 2\r\n\r\nab" GET);
	assert_true(fake_decide(f, C, FRL_OK));
	assert_true(fake_output_is(f, C, "POST / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\nab"));
	fake_text(f, S, OK2);
	assert_true(fake_saw(f, "http.done", "request_body_bytes=2"));
	assert_int_equal(fake_count(f, "http.request"), 2);
	fake_free(f);
}

/* The server goes while a hook thinks. */
static void
test_server_gone_while_waiting(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_answer(f, "http.request", FRL_WAIT);
	fake_text(f, C, GET);
	fake_over(f, S);
	assert_true(is_output(f, S, "~HTTP/1.1 502 "));
	(void)fake_decide(f, C, FRL_OK);
	assert_true(is_output(f, C, ""));
	assert_true(fake_closed(f));
	fake_free(f);
}

static void
test_limits(void **state)
{
	char head[20000];
	struct fake *f = plain();
	size_t n = 0;

	(void)state;
	memset(head, 'a', sizeof(head));
	memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
	fake_feed(f, C, head, sizeof(head), false);
	assert_true(is_output(f, S, "~HTTP/1.1 431 "));
	assert_true(fake_saw(f, "http.error", "http.kind=too_large"));
	fake_free(f);

	f = plain();
	n = (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 101; i++)
		n += (size_t)snprintf(head + n, sizeof(head) - n, "A: b\r\n");
	fake_feed(f, C, head, n, false);
	assert_true(is_output(f, S, "~HTTP/1.1 431 "));
	fake_free(f);
}

static void
test_interims(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, GET);
	for (int i = 0; i < 10; i++)
		fake_text(f, S, "HTTP/1.1 103 x\r\n\r\n");
	assert_false(fake_closed(f));
	fake_text(f, S, "HTTP/1.1 103 x\r\n\r\n");
	assert_true(fake_saw(f, "http.error", "too_many_interim"));
	assert_true(fake_closed(f));
	assert_non_null(strstr((const char *)fake_output(f, S).data,
	    "HTTP/1.1 502 "));
	fake_free(f);
}

/* Bodies run ahead. */
static void
test_running_ahead(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 1000000\r\n\r\n");
	assert_int_equal(fake_credit(f, C), 999999);
	fake_text(f, S, "HTTP/1.1 200 OK\r\n\r\n");
	assert_true(fake_credit(f, S) == FRL_ALL);
	assert_int_equal(fake_calls(f, C), 1);
	fake_free(f);
}

static void
test_drain(void **state)
{
	struct fake *f = plain();

	(void)state;
	/* In a body: it goes on to its last byte. */
	fake_text(f, C, GET);
	fake_text(f, S, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	fake_text(f, S, "cd");
	assert_true(is_output(f, S,
	    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"));
	assert_true(fake_closed(f));
	assert_true(fake_saw(f, "http.done", "http.complete=true"));
	fake_free(f);
	/* Before an answer: 503. */
	f = plain();
	fake_text(f, C, GET);
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	assert_true(is_output(f, S, "~HTTP/1.1 503 "));
	assert_string_equal(fake_report(f, "http.summary"),
	    "http.summary http_txns=1");
	fake_free(f);
	/* Idle: nothing to say. */
	f = plain();
	fake_text(f, C, GET);
	fake_text(f, S, OK2);
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	assert_true(is_output(f, S, OK2));
	assert_true(fake_closed(f));
	fake_free(f);
}

/* A response that came with more than itself is not followed by another. */
static void
test_split_response(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, GET GET);
	fake_text(f, S, OK2 OK2);
	assert_true(is_output(f, C, GET));
	assert_true(is_output(f, S, OK2));
	assert_true(fake_saw(f, "http.error", "unasked_response"));
	assert_true(fake_closed(f));
	fake_free(f);
}

/* A pipelining client cannot make us hold more than the limit. */
static void
test_back_pressure(void **state)
{
	struct fake *f = plain();
	char *many = calloc(1, 200001);

	(void)state;
	assert_non_null(many);
	memset(many, 'x', 200000);
	fake_text(f, C, GET);
	fake_text(f, C, many);
	assert_true(fake_paused(f, C));
	assert_int_equal(fake_held(f, C).len, 65536);
	assert_null(fake_refused(f));
	free(many);
	fake_free(f);
}

/* A head has its time, from its first byte; an idle connection has not. */
static void
test_head_time(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, GET);
	fake_text(f, S, OK2);
	assert_int_equal(fake_timer_ms(f), FRL_ALL);
	fake_text(f, C, "GET ");
	assert_int_equal(fake_timer_ms(f), 10000);
	fake_text(f, C, "/ HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_not_equal(fake_timer_ms(f), 10000);
	fake_text(f, S, OK2);
	assert_true(is_output(f, C, GET GET));
	fake_text(f, C, "G");
	assert_true(fake_timer(f));
	assert_true(is_output(f, S, OK2 OK2 "~HTTP/1.1 408 "));
	assert_true(fake_saw(f, "http.error", "head_timeout"));
	assert_string_equal(fake_refused(f),
	    "timeout: the request head came too slowly");
	assert_true(fake_closed(f));
	fake_free(f);
}

/* `idle` is for between exchanges: within one, the core's own counts. */
static void
test_idle(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, "G");
	assert_int_equal(fake_idle(f), 60000);
	fake_text(f, C, GET + 1);
	assert_int_equal(fake_idle(f), 0);
	fake_text(f, S, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
	assert_int_equal(fake_idle(f), 0);
	fake_text(f, S, "k");
	assert_int_equal(fake_idle(f), 60000);
	fake_text(f, C, GET);
	assert_int_equal(fake_idle(f), 0);
	fake_free(f);
}

/* A server has its time for the first byte, from the request's last byte. */
static void
test_first_byte(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\n1");
	assert_int_equal(fake_timer_ms(f), FRL_ALL);
	fake_text(f, C, "2");
	assert_int_equal(fake_timer_ms(f), 300000);
	/* Then it has another one for the head. */
	fake_text(f, S, "H");
	assert_int_equal(fake_timer_ms(f), 10000);
	fake_text(f, S, "T");
	fake_text(f, S, OK2 + 2);
	assert_int_equal(fake_timer_ms(f), FRL_ALL);
	fake_text(f, C, GET);
	assert_int_equal(fake_timer_ms(f), 300000);
	assert_true(fake_timer(f));
	assert_true(is_output(f, S, OK2 "~HTTP/1.1 504 "));
	assert_true(fake_saw(f, "http.error", "response_timeout"));
	assert_true(fake_closed(f));
	fake_free(f);
}

/* A head that drips in, even before the request is whole. */
static void
test_slow_response(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\n1");
	fake_text(f, S, "HTTP/1.1 1");
	assert_int_equal(fake_timer_ms(f), 10000);
	fake_text(f, C, "2");
	assert_int_equal(fake_timer_ms(f), 10000);
	assert_true(fake_timer(f));
	assert_true(is_output(f, S, "~HTTP/1.1 504 "));
	assert_true(fake_saw(f, "http.error", "response_timeout"));
	fake_free(f);
}

/* It answers early, or not at all because it left: no time runs on. */
static void
test_first_byte_needless(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_text(f, C, "PUT / HTTP/1.1\r\nHost: a\r\n"
	    "Content-Length: 2\r\n\r\n1");
	fake_text(f, S, OK2);
	fake_text(f, C, "2");
	assert_int_equal(fake_timer_ms(f), FRL_ALL);
	fake_text(f, C, GET);
	assert_int_equal(fake_timer_ms(f), 300000);
	fake_over(f, S);
	assert_int_equal(fake_timer_ms(f), FRL_ALL);
	fake_free(f);
}

static void
test_unwanted(void **state)
{
	struct fake *f = plain();

	(void)state;
	fake_want(f, false);
	fake_text(f, C, GET);
	fake_text(f, S, OK2);
	assert_int_equal(fake_count(f, "http.request"), 0);
	assert_true(is_output(f, S, OK2));
	fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_talks),
		cmocka_unit_test(test_hook_refuses),
		cmocka_unit_test(test_hook_waits),
		cmocka_unit_test(test_hook_waits_rewritten),
		cmocka_unit_test(test_server_gone_while_waiting),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_interims),
		cmocka_unit_test(test_running_ahead),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_split_response),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_head_time),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_slow_response),
		cmocka_unit_test(test_first_byte_needless),
		cmocka_unit_test(test_unwanted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
