# SPDX-License-Identifier: MIT
"""What may happen between a request that asks for another protocol and the
answer to it: a test for each row, and each in a CONNECT tunnel, in
absolute-form, and through a reverse listener."""

import re
import socket
import threading

from harness import Case, read_all, read_exactly, read_head
from wsframes import ANSWER, KEY, REQUEST, frame

VIA = b'Via: 1.1 fairlead\r\n'
MODES = ('connect', 'forward', 'reverse')
HELLO = frame(1, b'hello')
CLIENT = frame(1, b'from the client', mask=True)
NEXT = b'GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
FIRST = b'HTTP/1.1 101 Switching Protocols\r\n'


def without(head, name):
    """The head without the fields of this name."""
    lines = head.split(b'\r\n')
    return b'\r\n'.join(x for x in lines if not
                        x.lower().startswith(name.lower() + b':'))


def with_field(head, field):
    return head[:-2] + field + b'\r\n\r\n'


def fields(head, name):
    return [x.partition(b':')[2].strip() for x in head.split(b'\r\n')
            if x.lower().startswith(name.lower() + b':')]


def asking(upgrade, *more):
    return b'\r\n'.join((b'GET /chat HTTP/1.1', b'Host: localhost',
                         b'Connection: Upgrade', b'Upgrade: ' + upgrade)
                        + more) + b'\r\n\r\n'


def read_answer(sock):
    """(head, body) of an answer with a length, in chunks, or without."""
    head = read_head(sock)
    if fields(head, b'transfer-encoding'):
        body = b''
        while True:
            size = int(read_line(sock), 16)
            body += read_exactly(sock, size)
            read_exactly(sock, 2)
            if size == 0:
                return head, body
    if head.split()[1] == b'304':
        return head, b''
    return head, read_exactly(sock, int(fields(head, b'content-length')[0]))


def read_line(sock):
    line = b''
    while not line.endswith(b'\r\n'):
        line += read_exactly(sock, 1)
    return line


def read_past_head(sock):
    """A head, and what came with its end."""
    data = b''
    while b'\r\n\r\n' not in data:
        more = sock.recv(1 << 20)
        assert more, 'the head has no end'
        data += more
    head, end, rest = data.partition(b'\r\n\r\n')
    return head + end, rest


class Rows(Case):
    def reach(self, proxy, port, mode):
        """(socket, how requests are written there)"""
        if mode == 'connect':
            return self.connect(proxy, port), lambda data: data
        if mode == 'reverse':
            return self.dial(proxy.reverse_port), lambda data: data
        start = rb'\1 http://127.0.0.1:%d/' % port
        return self.dial(proxy.port), (
            lambda data: re.sub(rb'\b(GET|POST) /', start, data))

    def row(self, ask, server, client, serve=None, narrow=False, **options):
        """server(sock, head) and client(sock, spell) in each mode; a list of
        (mode, the tunnel's lines).  self.heads: what reached the server."""
        self.heads = []

        def handler(sock):
            try:
                head = read_head(sock)
            except (EOFError, ConnectionResetError):
                return
            self.heads.append(head)
            server(sock, head)
        end = self.serve(serve or handler)
        if narrow:
            # For those that connect from now on: little room, and small
            # segments, for which the sender makes little room, too.
            end.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            end.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG,
                                    536)
        proxy = self.proxy(reverse=f'127.0.0.1:{end.port}', **options)
        for mode in MODES:
            sock, spell = self.reach(proxy, end.port, mode)
            sock.sendall(spell(ask))
            client(sock, spell)
            sock.close()
        proxy.wait_line('tunnel.close', 3)
        lines = proxy.stop()
        tunnels = {x['mode']: x['tunnel'] for x in lines
                   if x['event'] == 'tunnel.open'}
        return [(mode, [x for x in lines if x.get('tunnel') == tunnels[mode]])
                for mode in MODES]

    def errors(self, lines):
        return [x['http']['kind'] for x in lines
                if x['event'] == 'http.error']

    def check_switched(self, rows, kind=None, to='websocket'):
        for mode, lines in rows:
            with self.subTest(mode=mode):
                self.assertEqual(self.errors(lines), [kind] if kind else [])
                handoff, = [x for x in lines if x['event'] ==
                            'tunnel.handoff']
                self.assertEqual(handoff['to'], to)
                self.assertEqual(lines[-1]['inspector'], to)
                if to == 'websocket':
                    for direction in ('c2s', 's2c'):
                        self.assertEqual(
                            lines[-1]['ws'][direction]['text'], 1)
                    self.assertNotIn('ws.error',
                                     [x['event'] for x in lines])

    def check_not_switched(self, rows, kind=None):
        for mode, lines in rows:
            with self.subTest(mode=mode):
                self.assertEqual(self.errors(lines), [kind] if kind else [])
                self.assertNotIn('tunnel.handoff',
                                 [x['event'] for x in lines])
                self.assertEqual(lines[-1]['inspector'], 'http')

    def talk(self, before=b'', after=HELLO, answer=ANSWER):
        """A server that answers 101, and a client that is content."""
        def server(sock, head):
            sock.sendall(before + answer + after)
            self.assertEqual(read_exactly(sock, len(CLIENT)), CLIENT)
            self.assertEqual(read_all(sock), b'')

        def client(sock, spell):
            want, got = before + answer + after, b''
            # In forward mode the proxy signs what comes before the 101.
            while len(got.replace(VIA, b'')) < len(want):
                got += read_exactly(sock, 1)
            self.assertEqual(got.replace(VIA, b''), want)
            sock.sendall(CLIENT)
        return server, client

    def refused(self, status, more=None):
        """A client that is told so by the proxy, and no more."""
        def client(sock, spell):
            answer, body = read_answer(sock)
            self.assertEqual(answer.split()[1], b'%d' % status)
            self.assertIn(b'fairlead: ', body)
            if more:
                self.assertIn(more, answer)
            self.assertEqual(read_all(sock), b'')
        return client

    # -- the request ---------------------------------------------------

    def test_proper(self):
        self.check_switched(self.row(REQUEST, *self.talk()))
        for head in self.heads:
            for name in (b'upgrade', b'connection', b'sec-websocket-key',
                         b'sec-websocket-version'):
                self.assertEqual(len(fields(head, name)), 1)

    def test_proper_in_other_words(self):
        self.check_switched(self.row(
            REQUEST.replace(b'websocket', b'WebSocket', 1).replace(
                b'Connection: Upgrade', b'connection: keep-alive , UPGRADE'),
            *self.talk()))

    def improper(self, ask, status=400, more=None):
        def server(sock, head):
            self.fail(f'{head} reached the server')
        self.check_not_switched(
            self.row(ask, server, self.refused(status, more)),
            'bad_upgrade')
        self.assertEqual(self.heads, [])

    def test_wrong_version(self):
        self.improper(REQUEST.replace(b'Version: 13', b'Version: 12'), 426,
                      b'\r\nSec-WebSocket-Version: 13\r\n')

    def test_no_version(self):
        self.improper(without(REQUEST, b'Sec-WebSocket-Version'), 426)

    def test_no_key(self):
        self.improper(without(REQUEST, b'Sec-WebSocket-Key'))

    def test_two_keys(self):
        self.improper(with_field(REQUEST,
                                 b'Sec-WebSocket-Key: ' + KEY.encode()))

    def test_short_key(self):
        self.improper(REQUEST.replace(KEY.encode(), b'c2hvcnQ='))

    def test_post(self):
        self.improper(REQUEST.replace(b'GET', b'POST'))

    def test_http_1_0(self):
        self.improper(REQUEST.replace(b'HTTP/1.1', b'HTTP/1.0'))

    def test_with_a_body(self):
        self.improper(with_field(REQUEST, b'Content-Length: 3') + b'abc')

    def test_no_connection_option(self):
        self.improper(REQUEST.replace(b'Connection: Upgrade',
                                      b'Connection: keep-alive'))

    # -- around the 101 ------------------------------------------------

    def test_interim_answers_before(self):
        self.check_switched(self.row(REQUEST, *self.talk(
            b'HTTP/1.1 100 Continue\r\n\r\n'
            b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')))

    def test_frames_before_the_101(self):
        def server(sock, head):
            # Nothing of them comes before the answer.
            sock.setblocking(False)
            with self.assertRaises(BlockingIOError):
                sock.recv(1)
            sock.settimeout(60)
            sock.sendall(ANSWER + HELLO)
            self.assertEqual(read_exactly(sock, len(CLIENT)), CLIENT)

        def client(sock, spell):
            want = ANSWER + HELLO
            self.assertEqual(read_exactly(sock, len(want)), want)
        self.check_switched(self.row(REQUEST + CLIENT, server, client))

    def test_request_before_another_answer(self):
        def server(sock, head):
            sock.sendall(OK)
            self.heads.append(read_head(sock))
            sock.sendall(OK)

        def client(sock, spell):
            for _ in range(2):
                self.assertEqual(read_answer(sock)[1], b'ok')
        self.check_not_switched(self.row(REQUEST + NEXT, server, client))
        self.assertEqual(
            [x.split()[1] for x in self.heads], [b'/chat', b'/next'] * 3)

    def test_frames_before_another_answer(self):
        """They are the next request, and a bad one."""
        def server(sock, head):
            sock.sendall(OK)
            self.assertEqual(read_all(sock), b'')

        def client(sock, spell):
            self.assertEqual(read_answer(sock)[1], b'ok')
            self.assertEqual(read_answer(sock)[0].split()[1], b'400')
            self.assertEqual(read_all(sock), b'')
        for mode, lines in self.row(REQUEST + CLIENT, server, client):
            self.assertEqual(len(self.errors(lines)), 1, mode)
            self.assertEqual(lines[-1]['inspector'], 'http')

    def test_101_before_the_request_is_written(self):
        """A server that reads nothing before it answers; the request is
        larger than what it has room for."""
        padding = b''.join(b'X-%d: ' % i + b'x' * 7000 + b'\r\n'
                           for i in range(20))
        ask = with_field(REQUEST, padding[:-2])
        release = threading.Semaphore(0)

        def handler(sock):
            self.assertTrue(release.acquire(timeout=60))
            sock.sendall(ANSWER + HELLO)
            self.assertTrue(release.acquire(timeout=60))
            head, rest = read_past_head(sock)
            self.assertEqual(head[:9], b'GET /chat')
            self.assertEqual(head.count(b'x' * 7000), 20)
            rest += read_exactly(sock, len(CLIENT) - len(rest))
            self.assertEqual(rest, CLIENT)

        def client(sock, spell):
            proxy = self.asked
            self.turn = getattr(self, 'turn', 0) + 1
            proxy.wait_line('http.request', self.turn)
            release.release()
            want = ANSWER + HELLO
            self.assertEqual(read_exactly(sock, len(want)), want)
            sock.sendall(CLIENT)
            release.release()
            self.assertEqual(sock.recv(1), b'')
        self.check_switched(self.row(ask, None, client, serve=handler,
                                     narrow=True, http={'head_bytes': '1MiB'},
                                     extra='limits: {head: 1MiB}'))

    def proxy(self, *args, **kw):
        self.asked = super().proxy(*args, **kw)
        return self.asked

    def test_client_finishes_before_the_101(self):
        finished = threading.Semaphore(0)

        def server(sock, head):
            self.assertTrue(finished.acquire(timeout=60))
            sock.sendall(ANSWER + HELLO)
            self.assertEqual(read_all(sock), CLIENT)

        def client(sock, spell):
            sock.shutdown(socket.SHUT_WR)
            finished.release()
            self.assertEqual(read_all(sock), ANSWER + HELLO)
        self.check_switched(self.row(REQUEST + CLIENT, server, client))

    def test_server_finishes_with_the_101(self):
        def server(sock, head):
            sock.sendall(ANSWER + HELLO)
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(sock), CLIENT)

        def client(sock, spell):
            self.assertEqual(read_all(sock), ANSWER + HELLO)
            sock.sendall(CLIENT)
        self.check_switched(self.row(REQUEST, server, client))

    # -- other answers -------------------------------------------------

    def other_answer(self, answer, body=b''):
        """HTTP goes on, and the second attempt succeeds."""
        def server(sock, head):
            sock.sendall(answer)
            self.heads.append(read_head(sock))
            sock.sendall(ANSWER + HELLO)
            self.assertEqual(read_exactly(sock, len(CLIENT)), CLIENT)

        def client(sock, spell):
            head, got = read_answer(sock)
            self.assertEqual(head.split(b'\r\n')[0],
                             answer.split(b'\r\n')[0])
            self.assertEqual(got, body)
            self.assertEqual(fields(head, b'upgrade'),
                             fields(answer, b'upgrade'))
            sock.sendall(spell(REQUEST))
            want = ANSWER + HELLO
            self.assertEqual(read_exactly(sock, len(want)), want)
            sock.sendall(CLIENT)
        rows = self.row(REQUEST, server, client)
        self.check_switched(rows)
        for mode, lines in rows:
            self.assertEqual(lines[-1]['http_txns'], 2)

    def test_200(self):
        self.other_answer(OK, b'ok')

    def test_200_in_chunks(self):
        self.other_answer(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
                          b'\r\n\r\n2\r\nok\r\n0\r\n\r\n', b'ok')

    def test_304(self):
        self.other_answer(b'HTTP/1.1 304 Not Modified\r\n'
                          b'Content-Length: 9\r\n\r\n')

    def test_401(self):
        self.other_answer(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: '
                          b'Basic realm="x"\r\nContent-Length: 2\r\n\r\nno',
                          b'no')

    def test_426(self):
        self.other_answer(b'HTTP/1.1 426 Upgrade Required\r\n'
                          b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
                          b'Sec-WebSocket-Version: 13, 8\r\n'
                          b'Content-Length: 0\r\n\r\n')

    def test_500(self):
        self.other_answer(b'HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n')

    # -- wrong answers -------------------------------------------------

    def wrong_answer(self, answer, kind, ask=REQUEST):
        """Recorded by default, a 502 where rules are enforced."""
        with self.subTest(mode='observe'):
            self.check_switched(
                self.row(ask, *self.talk(answer=answer)), kind)
        with self.subTest(mode='enforce'):
            self.bad_answer(answer, kind, ask, http={'mode': 'enforce'})

    def bad_answer(self, answer, kind, ask, **options):
        def server(sock, head):
            sock.sendall(answer + HELLO)
            try:
                self.assertEqual(read_all(sock), b'')
            except ConnectionResetError:
                pass
        self.check_not_switched(
            self.row(ask, server, self.refused(502), **options), kind)

    def test_wrong_accept(self):
        self.wrong_answer(ANSWER.replace(b'Accept: ', b'Accept: x'),
                          'bad_accept')

    def test_no_accept(self):
        self.wrong_answer(without(ANSWER, b'Sec-WebSocket-Accept'),
                          'bad_accept')

    def test_no_upgrade(self):
        self.wrong_answer(without(ANSWER, b'Upgrade'), 'bad_upgrade')

    def test_no_connection(self):
        self.wrong_answer(without(ANSWER, b'Connection'), 'bad_upgrade')

    def test_101_of_http_1_0(self):
        self.wrong_answer(ANSWER.replace(b'HTTP/1.1', b'HTTP/1.0'),
                          'bad_upgrade')

    def test_subprotocol_not_offered(self):
        self.wrong_answer(
            with_field(ANSWER, b'Sec-WebSocket-Protocol: chat'),
            'not_offered',
            with_field(REQUEST, b'Sec-WebSocket-Protocol: other, chat2'))

    def test_extension_not_offered(self):
        self.wrong_answer(
            with_field(ANSWER, b'Sec-WebSocket-Extensions: x-other'),
            'not_offered', with_field(
                REQUEST, b'Sec-WebSocket-Extensions: permessage-deflate'))

    def test_another_protocol(self):
        self.bad_answer(ANSWER.replace(b'websocket', b'foo'), 'bad_upgrade',
                        REQUEST)

    def test_unasked(self):
        self.bad_answer(ANSWER, 'unasked_101', NEXT)

    def test_unasked_because_stripped(self):
        ask = asking(b'h2c', b'HTTP2-Settings: AAMAAABkAAQAAP__')
        self.bad_answer(ANSWER.replace(b'websocket', b'h2c'), 'unasked_101',
                        ask)

    # -- other protocols -----------------------------------------------

    def test_foreign(self):
        def server(sock, head):
            self.assertEqual(fields(head, b'upgrade'), [b'foo/2'])
            sock.sendall(FIRST + b'Connection: Upgrade\r\nUpgrade: foo/2'
                         b'\r\n\r\nat once')
            self.assertEqual(read_exactly(sock, 10), b'early late')
            sock.sendall(b'bye')

        def client(sock, spell):
            self.assertIn(b'101', read_head(sock))
            self.assertEqual(read_exactly(sock, 7), b'at once')
            sock.sendall(b' late')
            self.assertEqual(read_exactly(sock, 3), b'bye')
        rows = self.row(asking(b'foo/2') + b'early', server, client)
        self.check_switched(rows, to='raw')
        for mode, lines in rows:
            self.assertIn('tunnel.uninspected', [x['event'] for x in lines])

    def stripped(self, ask, left=(), **options):
        """Served as HTTP, and nothing of the offer is left but that."""
        def server(sock, head):
            sock.sendall(OK)

        def client(sock, spell):
            self.assertEqual(read_answer(sock)[1], b'ok')
        self.check_not_switched(self.row(ask, server, client, **options))
        self.assertEqual(len(self.heads), 3)
        for head in self.heads:
            self.assertEqual(fields(head, b'upgrade'), list(left))
            self.assertNotIn(b'HTTP2-Settings', head)
            self.assertEqual(fields(head, b'connection'),
                             [b'Upgrade'] if left else [])

    def test_foreign_refused(self):
        self.stripped(asking(b'foo'), extra='upgrade: {"*": refuse}')

    def test_h2c(self):
        ask = asking(b'h2c', b'HTTP2-Settings: AAMAAABkAAQAAP__')
        self.stripped(ask)
        self.stripped(ask.replace(
            b'Connection: Upgrade', b'Connection: Upgrade, HTTP2-Settings'))

    def test_h2c_in_other_words(self):
        self.stripped(asking(b'H2C, h2c-14', b'Upgrade: HTTP/2.0',
                             b'http2-settings: AAMAAABkAAQAAP__'))

    def test_h2c_and_websocket(self):
        ask = REQUEST.replace(b'Upgrade: websocket',
                              b'Upgrade: h2c, websocket')
        ask = with_field(ask.replace(
            b'Connection: Upgrade', b'Connection: Upgrade, HTTP2-Settings'),
            b'HTTP2-Settings: AAMAAABkAAQAAP__')
        self.check_switched(self.row(ask, *self.talk()))
        for head in self.heads:
            self.assertEqual(fields(head, b'upgrade'), [b'websocket'])
            self.assertEqual(fields(head, b'connection'), [b'Upgrade'])
            self.assertNotIn(b'HTTP2-Settings', head)

    def test_h2c_and_half_a_websocket(self):
        self.improper(asking(b'h2c, websocket'), 426)
