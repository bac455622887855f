# SPDX-License-Identifier: MIT
"""HTTP/1.1 as RFC 9110 and 9112 have it: what is said through the proxy is
what would have been said without it."""

import os
import socket
import threading

from harness import read_exactly, read_head
from httptalk import Ans, Conversations, Req, chunks, ok

POST = ('POST', '/p')
CHUNKED = 'Transfer-Encoding: chunked'


class Framing(Conversations):
    def test_kept_alive(self):
        def talk(t):
            t.exchange()
            t.exchange(Req(*POST, 'Content-Length: 3', body=b'abc'), ok(b''))
            t.exchange(Req('PUT', '/x?y=z', 'Content-Length: 0'),
                       ok(b'x', 'A:b', 'Set-Cookie: a', 'Set-Cookie: b'))
            t.finish()
        self.hold(talk)

    def test_chunked(self):
        """Extensions and trailers too."""
        body = (b'3;a=b\r\nabc\r\n00A;x="y;z"\r\n0123456789\r\n'
                b'0;last\r\nDigest: x\r\nEmpty:\r\n\r\n')

        def talk(t):
            t.exchange(Req(*POST, CHUNKED, 'Trailer: Digest', body=body),
                       Ans(200, CHUNKED, body=body))
            t.exchange(Req(*POST, CHUNKED, body=b'0\r\n\r\n'),
                       Ans(200, CHUNKED, body=b'0\r\n\r\n'))
            t.finish()
        self.hold(talk)

    def test_no_body(self):
        """HEAD, 204, 304: whatever their fields say (RFC 9112, 6.3)."""
        def talk(t):
            t.exchange(Req('HEAD'), Ans(200, 'Content-Length: 5'))
            t.exchange(Req('HEAD'), Ans(200, CHUNKED))
            t.exchange(Req('HEAD'), Ans(200))
            t.exchange(None, Ans(204, reason='No Content'))
            t.exchange(None, Ans(304, 'Content-Length: 5', 'ETag: "x"'))
            t.exchange(None, Ans(304, CHUNKED))
            t.exchange(None, Ans(205, 'Content-Length: 0'))
            t.exchange()
            t.finish()
        self.hold(talk)

    def test_until_close(self):
        """However long it pauses: nothing is waited for but its end."""
        def talk(t, ans):
            t.ask(Req())
            t.heard(Req())
            t.say(ans)
            t.got(ans, close=True)
            for piece in (b'one', b'two', b'0\r\n\r\n'):
                t.say(piece)
                t.got(piece)
            t.server.shutdown(socket.SHUT_WR)
            t.client_ended()
            t.finish()
        self.hold(talk, about=[
            [Ans(200)], [Ans(200, minor=0)],
            [Ans(200, 'Connection: close')]])

    def test_statuses_of_the_future(self):
        def talk(t):
            for status in (200, 201, 226, 299, 300, 399, 400, 499, 500, 599,
                           600, 999):
                t.exchange(None, Ans(status, 'Content-Length: 1', body=b'x',
                                     reason=''))
            t.finish()
        self.hold(talk)


class Persistence(Conversations):
    def test_client_says_close(self):
        def talk(t):
            req = Req('GET', '/', 'Connection: close')
            t.ask(req)
            t.heard(req, close=True)
            t.say(ok(b'hi'))
            t.got(ok(b'hi'), close=True)
            t.server_ended()
            t.client_ended()
            t.finish()
        self.hold(talk)

    def test_server_says_close(self):
        ans = ok(b'hi', 'Connection: close')

        def talk(t):
            t.exchange(None, ans)
            if t.mode == 'forward':
                # That was between the server and the proxy.
                t.new_server()
                t.exchange()
            else:
                t.server_ended()
                t.client_ended()
            t.finish()
        self.hold(talk)

    def test_server_closes_after_answer(self):
        def talk(t):
            t.exchange()
            t.server.shutdown(socket.SHUT_WR)
            if t.mode == 'forward':
                t.new_server()
                t.exchange()
            else:
                t.client_ended()
            t.finish()
        self.hold(talk)

    def test_client_finishes_after_request(self):
        def talk(t):
            t.ask(Req())
            t.client.shutdown(socket.SHUT_WR)
            t.heard(Req())
            t.say(ok(b'hi'))
            t.got(ok(b'hi'))
            t.finish()
        self.hold(talk)

    def test_truncated_request(self):
        """The server sees that it is; what it says is heard."""
        req = Req(*POST, 'Content-Length: 9', body=b'abc')
        ans = Ans(400, 'Content-Length: 0', 'Connection: close')

        def talk(t):
            t.ask(req)
            t.heard(req)
            t.client.shutdown(socket.SHUT_WR)
            t.server_ended()
            t.say(ans)
            t.got(ans, close=True)
            t.finish(['truncated'])
        self.hold(talk)

    def test_truncated_response(self):
        """The client sees the end too early, and no invented bytes."""
        def talk(t, ans):
            t.ask(Req())
            t.heard(Req())
            t.say(ans)
            t.got(ans)
            t.server.shutdown(socket.SHUT_WR)
            t.client_ended()
            t.finish(['truncated'])
        self.hold(talk, about=[
            [Ans(200, 'Content-Length: 9', body=b'abc')],
            [Ans(200, CHUNKED, body=b'3\r\nab')]])

    def test_version_0(self):
        """Without keep-alive it is over after the answer."""
        def talk(t, host):
            req = Req(minor=0, host=host)
            t.ask(req)
            t.heard(req)
            t.say(ok(b'hi'))
            t.got(ok(b'hi'), close=True)
            t.client_ended()
            t.finish()
        self.hold(talk, about=[[True], [False]])

    def test_version_0_kept_alive(self):
        """Only where the proxy is none (RFC 9112, 9.3)."""
        req = Req('GET', '/', 'Connection: Keep-Alive', minor=0)
        ans = ok(b'hi', 'Connection: keep-alive', minor=0)

        def talk(t):
            if t.mode == 'forward':
                t.ask(req)
                t.heard(req, close=True)
                t.say(ans)
                t.got(ans, close=True)
                t.client_ended()
            else:
                t.exchange(req, ans)
                t.exchange(req, ans)
                t.exchange(Req(), ans)
            t.finish()
        self.hold(talk)

    def test_version_0_server(self):
        """Without keep-alive it closes."""
        ans = ok(b'hi', minor=0)

        def talk(t):
            t.exchange(None, ans)
            if t.mode == 'forward':
                t.new_server()
                t.exchange()
            else:
                t.server_ended()
                t.client_ended()
            t.finish()
        self.hold(talk)

    def test_empty_line_before_a_request(self):
        """RFC 9112, 2.2: old clients send one behind a body.  Not sent on,
        and a second one is too many."""
        def talk(t):
            t.exchange(Req(*POST, 'Content-Length: 3', body=b'abc'))
            t.ask(b'\r\n')
            t.exchange()
            t.ask(b'\r\n\r\n', Req())
            t.got_ours(400)
            t.finish(['bad_start_line'])
        self.hold(talk)


class Interim(Conversations):
    EXPECT = ('PUT', '/e', 'Expect: 100-continue', 'Content-Length: 4')

    def test_continue(self):
        head, body = Req(*self.EXPECT), b'body'
        go = Ans(100, reason='Continue')

        def talk(t):
            for _ in range(2):
                t.ask(head)
                t.heard(head)
                t.say(go)
                t.got(go)
                t.ask(body)
                t.heard(body)
                t.say(ok(b'hi'))
                t.got(ok(b'hi'))
            t.finish()
        self.hold(talk)

    def test_client_does_not_wait(self):
        req = Req(*self.EXPECT, body=b'body')

        def talk(t):
            t.exchange(req)
            t.exchange(req, ok(b''))
            t.finish()
        self.hold(talk)

    def test_early_final_answer(self):
        """What the client sends now may be the body or not: nobody guesses
        (RFC 9110, 10.1.1)."""
        head = Req(*self.EXPECT)
        no = Ans(417, 'Content-Length: 2', body=b'no', reason='No')

        def talk(t):
            t.ask(head)
            t.heard(head)
            t.say(no)
            t.got(no, close=True)
            t.ask(b'body', Req('GET', '/smuggled'))
            t.client_ended()
            t.finish()
        self.hold(talk)

    def test_others(self):
        """102, 103, and what is yet to come."""
        early = Ans(103, 'Link: </a>; rel=preload', reason='Early Hints')

        def talk(t):
            t.ask(Req())
            t.heard(Req())
            for ans in (Ans(102, reason='Processing'), early, early,
                        Ans(199, 'Connection: X', 'X: 1', reason='')):
                t.say(ans)
                t.got(ans)
            t.say(Ans(100, reason=''), ok(b'hi'))
            t.got(Ans(100, reason=''), ok(b'hi'))
            t.exchange()
            t.finish()
        self.hold(talk)

    def test_ten_and_no_more(self):
        def talk(t):
            t.ask(Req())
            t.heard(Req())
            t.say(Ans(100, reason='') .sent() * 10)
            t.got(*[Ans(100, reason='')] * 10)
            t.say(Ans(100, reason=''))
            t.got_ours(502)
            t.client_ended()
            t.finish(['too_many_interim'])
        self.hold(talk)

    def test_version_0(self):
        """RFC 9110, 15.2: such a client knows no 1xx.  In a tunnel that is
        the server's business."""
        req, ans = Req(minor=0), ok(b'hi')

        def talk(t):
            t.ask(req)
            t.heard(req)
            t.say(Ans(103, reason=''), ans)
            if t.mode != 'forward':
                t.got(Ans(103, reason=''))
            t.got(ans, close=True)
            t.client_ended()
            t.finish()
        self.hold(talk)


class BothWays(Conversations):
    def test_echo(self):
        """Each piece is answered before the next one comes."""
        def talk(t):
            for field, wrap in ((CHUNKED, lambda p: b'%x\r\n%b\r\n' %
                                 (len(p), p)),
                                ('Content-Length: 24', lambda p: p)):
                req, ans = Req(*POST, field), Ans(200, field)
                t.ask(req)
                t.heard(req)
                t.say(ans)
                t.got(ans)
                for n in range(3):
                    piece = wrap(b'piece %02d' % n)
                    t.ask(piece)
                    t.heard(piece)
                    t.say(piece)
                    t.got(piece)
                if field == CHUNKED:
                    t.ask(b'0\r\n\r\n')
                    t.heard(b'0\r\n\r\n')
                    t.say(b'0\r\n\r\n')
                    t.got(b'0\r\n\r\n')
            t.exchange()
            t.finish()
        self.hold(talk)

    def test_answer_before_the_body(self):
        """A whole answer, and the upload goes on to its end."""
        head = Req(*POST, 'Content-Length: 8', body=b'abcd')

        def talk(t):
            t.ask(head)
            t.heard(head)
            t.say(ok(b'early'))
            t.got(ok(b'early'))
            t.ask(b'efgh', Req('GET', '/next'))
            t.heard(b'efgh', Req('GET', '/next'))
            t.say(ok(b'2'))
            t.got(ok(b'2'))
            t.finish()
        self.hold(talk)

    def test_error_during_an_upload(self):
        """The server wants no more and closes: the client has all of the
        answer, though it sends on."""
        body = b'too large' * 1000
        head = Req(*POST, 'Content-Length: 4000000', body=b'x' * 1000)

        def talk(t, *fields):
            no = Ans(413, f'Content-Length: {len(body)}', *fields, body=body)
            t.ask(head)
            t.heard(head)
            t.say(no)
            t.server.close()            # all was read: a FIN
            stop = threading.Event()
            thread = threading.Thread(target=self.upload,
                                      args=(t.client, stop))
            thread.start()
            t.got(no)
            stop.set()
            thread.join()
            t.client.close()
        self.hold(talk, cuts=('whole', 'halves'),
                  about=[['Connection: close'], []])

    def test_error_and_a_reset(self):
        """The same, and it closes on bytes that it has not read: what it said
        before that is not lost."""
        body = b'too large' * 1000
        no = Ans(413, f'Content-Length: {len(body)}', 'Connection: close',
                 body=body)
        head = Req(*POST, 'Content-Length: 4000000', body=b'')

        def talk(t):
            t.ask(head, b'x' * 5000)
            t.heard(head)
            t.say(no)
            t.server.close()
            t.got(no)
            t.client.close()
        self.hold(talk, cuts=('whole', 'halves'), about=[()] * 3)

    def upload(self, sock, stop):
        try:
            while not stop.is_set():
                sock.sendall(b'x' * 4096)
        except OSError:
            pass


class Pipelining(Conversations):
    def test_in_order(self):
        """One after the other, whatever the bodies are."""
        reqs = [Req('GET', '/1'),
                Req(*POST, 'Content-Length: 3', body=b'GET'),
                Req(*POST, CHUNKED, body=chunks(b'GET / HTTP/1.1\r\n\r\n')),
                Req('HEAD', '/4'), Req('GET', '/5')]

        def talk(t):
            t.ask(*reqs)
            for n, req in enumerate(reqs):
                t.heard(req)
                # The next one waits for this answer.
                t.server.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    t.server.recv(1)
                t.server.settimeout(60)
                ans = Ans(200, 'Content-Length: 2',
                          body=b'' if n == 3 else b'%02d' % n)
                t.say(ans)
                t.got(ans)
            t.finish()
        self.hold(talk)

    def test_many(self):
        """10,000 in one piece; memory does not grow with them."""
        count = 10000

        def serve(sock, one, answer):
            left = b''
            for _ in range(count):
                while len(left) < len(one):
                    left += sock.recv(1 << 16)
                self.assertEqual(left[:len(one)], one)
                left = left[len(one):]
                sock.sendall(answer)

        def talk(t):
            req, ans = Req(), ok(b'hi')
            thread = threading.Thread(target=t.client.sendall, args=(
                req.sent(t.mode, t.port) * count,))
            thread.start()
            t.need_server()
            server = threading.Thread(target=serve, args=(
                t.server, req.seen(t.mode, t.port), ans.sent()))
            server.start()
            one = ans.seen(t.mode)
            got = read_exactly(t.client, len(one) * count)
            self.assertEqual(got, one * count)
            thread.join()
            server.join()
            t.finish()
        # It is warm after this; then nothing is kept (by a sanitizer, too).
        self.env = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') +
                    ':quarantine_size_mb=1'}
        self.hold(talk, modes=('connect',), cuts=('whole',))
        before = self.proxy_for('whole').memory()
        self.hold(talk, modes=('forward', 'reverse'), cuts=('whole',))
        self.assertLess(self.proxy_for('whole').memory() - before, 8192)


class Meaning(Conversations):
    def test_methods(self):
        def talk(t):
            for method in ('GET', 'DELETE', 'PATCH', 'PROPFIND', 'M-SEARCH',
                           'QUERY', 'X', 'TRACE', 'OPTIONS'):
                t.exchange(Req(method, '/m'))
            t.exchange(Req('OPTIONS', '*'))
            t.finish()
        self.hold(talk)

    def test_fields_of_one_connection(self):
        """RFC 9110, 7.6.1: in forward mode they stay there."""
        def talk(t):
            t.exchange(
                Req('GET', '/', 'Connection: keep-alive, X-One', 'X-One: 1',
                    'Keep-Alive: 5', 'TE: trailers', 'X-Two: 2',
                    'Proxy-Authorization: Basic eDp5',
                    'Authorization: Basic eDp5', 'Via: 1.0 other'),
                ok(b'hi', 'Connection: X-Three', 'X-Three: 3', 'X-Four: 4',
                   'Keep-Alive: timeout=5', 'Proxy-Authenticate: Basic',
                   'Via: 1.0 other'))
            t.finish()
        self.hold(talk)

    def test_date(self):
        """RFC 9110, 6.6.1: who forwards an answer without one adds it."""
        ans = ok(b'hi', date=False)

        def talk(t):
            t.ask(Req())
            t.heard(Req())
            t.say(ans)
            head = read_head(t.client)
            self.assertRegex(
                head, rb'\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} '
                rb'2\d{3} \d\d:\d\d:\d\d GMT\r\n')
            self.assertEqual(read_exactly(t.client, 2), b'hi')
            t.finish()
        self.hold(talk, modes=('forward',))

    def test_max_forwards(self):
        """RFC 9110, 7.6.2."""
        def talk(t):
            for method in ('TRACE', 'OPTIONS'):
                t.ask(Req(method, '/', 'Max-Forwards: 7'))
                t.heard(Req(method, '/', 'Max-Forwards: 6'))
                t.say(ok(b'hi'))
                t.got(ok(b'hi'))
            t.exchange(Req('GET', '/', 'Max-Forwards: 0'))
            t.finish()
        self.hold(talk, modes=('forward',))

    def test_no_more_forwards(self):
        """At 0 the proxy is the last one that hears it."""
        def talk(t):
            t.exchange()
            t.ask(Req('OPTIONS', '/', 'Max-Forwards: 0'))
            head = read_head(t.client)
            self.assertTrue(head.startswith(b'HTTP/1.1 200 OK\r\n'), head)
            self.assertIn(b'\r\nContent-Length: 0\r\n', head)
            t.server_ended()
            t.client_ended()
            t.finish()

        def trace(t):
            req = Req('TRACE', '/t', 'Max-Forwards: 0', 'A: b',
                      'Authorization: Basic eDp5', 'Cookie: secret')
            t.ask(req)
            head = read_head(t.client)
            self.assertTrue(head.startswith(b'HTTP/1.1 200 OK\r\n'), head)
            self.assertIn(b'\r\nContent-Type: message/http\r\n', head)
            length = head.split(b'Content-Length: ')[1].split(b'\r\n')[0]
            want = Req('TRACE', '/t', 'Max-Forwards: 0', 'A: b')
            self.assertEqual(read_exactly(t.client, int(length)),
                             want.sent(t.mode, t.port))
            t.server_ended()
            t.client_ended()
            t.finish()
        for one in (talk, trace):
            self.hold(one, modes=('forward',))

    def test_chunks_for_version_0(self):
        """RFC 9112, 6.1: such a client cannot read them.  A proxy takes the
        framing away; what goes on in a tunnel is the server's business."""
        req = Req(minor=0)
        ans = Ans(200, CHUNKED, body=b'3;a=b\r\nabc\r\n10\r\n' + b'z' * 16 +
                  b'\r\n0\r\nT: x\r\n\r\n')
        plain = Ans(200, body=b'abc' + b'z' * 16)

        def talk(t):
            t.ask(req)
            t.heard(req)
            t.say(ans)
            t.got(plain if t.mode == 'forward' else ans, close=True)
            t.client_ended()
            t.finish()
        self.hold(talk)

    def test_empty_port(self):
        """RFC 3986, 3.2.3."""
        proxy = self.proxy_for('whole')
        client = self.dial(proxy.port)
        client.sendall(b'GET http://10.255.255.1:/ HTTP/1.1\r\n'
                       b'Host: a\r\n\r\n')
        self.assertIn(b' 403 ', read_head(client))
