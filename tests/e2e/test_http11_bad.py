# SPDX-License-Identifier: MIT
"""Messages that two readers could take for two different things: none of
them is sent on, and nothing that stands behind them is read."""

from harness import read_all
from httptalk import Ans, Conversations, Req, ok

HOST = b'Host: a\r\n'
SMUGGLED = b'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
BIG = b'9' * 30


def post(*fields, body=b''):
    return b'POST {} HTTP/1.1\r\n' + HOST + b''.join(
        f + b'\r\n' for f in fields) + b'\r\n' + body


def get(*fields):
    return post(*fields).replace(b'POST', b'GET')


def field_rows(status, kind, names, *values):
    return [(status, kind, post(n + b':' + v, body=b'5\r\nhello\r\n0\r\n\r\n'))
            for n in names for v in values]


LENGTH, CODING = b'Content-Length: 5', b'Transfer-Encoding: chunked'

# (status, kind of http.error, bytes); {}: the target.
HEADS = [
    # 23, 24: lengths
    (400, 'bad_framing', post(LENGTH, CODING)),
    (400, 'bad_framing', post(CODING, LENGTH)),
    (400, 'bad_framing', post(LENGTH, b'content-length: 6')),
    (400, 'bad_framing', post(LENGTH, LENGTH)),
    *field_rows(400, 'bad_framing', [b'Content-Length'], b' 5, 5', b' +5',
                b' 5 ', b' 0x5', b' 1_0', b'', b' ', b' -5', b' 5;', b'\t5',
                b' \t5', b' 5\t', b' 5a', b' 4611686018427387904',
                b' 18446744073709551621', b' ' + BIG),
    # 25, 26: codings
    *field_rows(400, 'bad_framing', [b'Transfer-Encoding'], b' xchunked',
                b' chunked, identity', b' chunked;q=1', b' ,chunked',
                b' chunked,', b' identity', b' gzip, chunked',
                b' \xa0chunked', b'\tchunked', b' chunked ', b' "chunked"',
                b'', b' chunked chunked', b' chunke\xc4\x91'),
    *field_rows(400, 'bad_framing', [b'Transfer-Encoding'], b'\r\n chunked'),
    *field_rows(400, 'bad_field', [b'Transfer-Encoding'], b' \x0bchunked',
                b' chunked\0'),
    (400, 'bad_framing', post(CODING, CODING)),
    (400, 'bad_framing', post(CODING).replace(b'/1.1', b'/1.0')),
    # 30: line ends
    (400, 'bad_start_line', b'GET {} HTTP/1.1\n' + HOST + b'\r\n'),
    (400, 'bad_start_line', b'GET {} HTTP/1.1\rHost: a\r\n\r\n'),
    (400, 'bad_field', b'GET {} HTTP/1.1\r\nHost: a\n\r\n'),
    (400, 'bad_field', b'GET {} HTTP/1.1\r\nHost: a\r\n\n'),
    (400, 'bad_field', b'GET {} HTTP/1.1\r\nHost: a\rX: y\r\n\r\n'),
    (400, 'bad_field', b'GET {} HTTP/1.1\r\nHost: a\r\r\n\r\n'),
    (400, 'bad_start_line', b'\nGET {} HTTP/1.1\r\nHost: a\r\n\r\n'),
    (400, 'bad_start_line', b'\r\n\r\nGET {} HTTP/1.1\r\nHost: a\r\n\r\n'),
    # 31: folding
    (400, 'bad_field', get(b'X: y', b' z')),
    (400, 'bad_field', get(b'X: y', b'\tContent-Length: 5')),
    (400, 'bad_field', b'GET {} HTTP/1.1\r\n Host: a\r\n\r\n'),
    (400, 'bad_start_line', b' GET {} HTTP/1.1\r\nHost: a\r\n\r\n'),
    # 32: names and values
    (400, 'bad_field', get(b'X : y')),
    (400, 'bad_field', get(b'X\t: y')),
    (400, 'bad_field', get(b'no colon')),
    (400, 'bad_field', get(b': y')),
    (400, 'bad_field', get(b'X[]: y')),
    (400, 'bad_field', get(b'X\xc3\xa4: y')),
    (400, 'bad_field', get(b'X: a\0b')),
    (400, 'bad_field', get(b'X: a\x7fb')),
    # 33: Host
    (400, 'bad_field', b'GET {} HTTP/1.1\r\nX: y\r\n\r\n'),
    (400, 'bad_field', get(b'Host: a')),
    (400, 'bad_field', get().replace(b': a', b': a b')),
    (400, 'bad_field', get().replace(b': a', b': a,b')),
    (400, 'bad_field', get().replace(b': a', b': a/b')),
    (400, 'bad_field', get().replace(b': a', b': u@a')),
    (400, 'bad_field', get().replace(b': a', b': a:b')),
    # 35: targets
    (400, 'bad_start_line', get().replace(b'{}', b'{}#f')),
    (400, 'bad_start_line', get().replace(b'{}', b'{}a b')),
    (400, 'bad_start_line', get().replace(b'{}', b'{}\x01')),
    (400, 'bad_start_line', get().replace(b'{}', b'')),
    (400, 'bad_start_line', get().replace(b' {}', b'\t{}')),
    (400, 'bad_start_line', get().replace(b'{}', b' {}')),
    # 36: what may not be named
    *[(400, 'bad_connection', post(LENGTH, b'Connection: ' + name,
                                   body=b'hello'))
      for name in (b'content-length', b'close, Host', b'TRANSFER-encoding',
                   b'x ,\tcontent-length\t,')],
    # 37: expectations
    *[(417, 'bad_expectation', post(LENGTH, b'Expect: ' + v, body=b'hello'))
      for v in (b'y 100-continue', b'100-continue, x', b'100', b'',
                b'100-continue;q=1', b'200-ok')],
    # 19, 40: versions and methods
    *[(400, 'bad_start_line', get().replace(b'HTTP/1.1', v))
      for v in (b'HTTP/0.9', b'HTTP/2.0', b'HTTP/1.2', b'http/1.1',
                b'HTTP/1.10', b'HTTP/01.1', b'HTTP/1.1 ', b'RTSP/1.0',
                b'HTTP/1,1', b'HTTP/11')],
    (400, 'bad_start_line', get().replace(b'GET', b'G=":<>(e)')),
    (501, 'bad_method', get().replace(b'GET', b'get')),
    (501, 'bad_method', get().replace(b'GET', b'Get')),
    # 41: size
    (431, 'too_large', get(*[b'X: y'] * 101)),
    (431, 'too_large', get(b'X: ' + b'y' * 17000)),
    (431, 'too_large', get().replace(b'GET', b'G' * 65536)),
]

# The same in an answer; {}: nothing.
ANSWERS = [
    ('bad_framing', Ans(200, 'Content-Length: 5', CODING.decode())),
    ('bad_framing', Ans(200, 'Content-Length: 5', 'Content-Length: 6')),
    ('bad_framing', Ans(200, 'Content-Length: 5', 'Content-Length: 5')),
    *[('bad_framing', Ans(200, f'Content-Length:{v}'))
      for v in (' 5, 5', ' +5', ' 5 ', ' 0x5', '', '\t5', ' 9' * 30)],
    *[('bad_framing', Ans(200, f'Transfer-Encoding:{v}'))
      for v in (' xchunked', ' gzip', ' chunked, chunked', '\tchunked', '')],
    ('bad_framing', Ans(200, CODING.decode(), minor=0)),
    ('bad_framing', Ans(204, CODING.decode())),
    ('bad_framing', Ans(103, CODING.decode())),
    ('bad_framing', Ans(100, 'Content-Length: 5', body=b'hello')),
    ('bad_connection', Ans(200, 'Content-Length: 0',
                           'Connection: content-length')),
    ('bad_connection', Ans(200, CODING.decode(),
                           'Connection: close, transfer-encoding')),
    ('bad_field', Ans(200, 'X: y', ' z')),
    ('bad_field', Ans(200, 'X : y')),
    ('bad_field', Ans(200, 'X: a\0b')),
    ('bad_field', Ans(200, 'X: a\rY: b')),
    ('bad_field', Ans(200, 'X: a\nY: b')),
    ('bad_field', Ans(200, ': y')),
    ('bad_start_line', Ans(99)),
    ('bad_start_line', b'HTTP/1.1 20x OK\r\n\r\n'),
    ('bad_start_line', b'HTTP/1.1 2000 OK\r\n\r\n'),
    ('bad_start_line', b'HTTP/1.1\t200 OK\r\n\r\n'),
    ('bad_start_line', b'HTTP/2.0 200 OK\r\n\r\n'),
    ('bad_start_line', b'\r\nHTTP/1.1 200 OK\r\n\r\n'),
    ('bad_start_line', b'ICY 200 OK\r\n\r\n'),
    ('bad_start_line', b'<html>'),
    ('too_large', Ans(200, *['X: y'] * 101)),
    ('too_large', Ans(200, 'X: ' + 'y' * 17000)),
    ('unasked_101', b'HTTP/1.1 101 Switching\r\nUpgrade: foo\r\n'
     b'Connection: Upgrade\r\n\r\n'),
]

# 27-29, 45: chunked bodies
CHUNKS = [
    b'0x5\r\nhello\r\n', b'+5\r\nhello\r\n', b'5 \r\nhello\r\n',
    b'1_0\r\nhello\r\n', b'\r\nhello\r\n', b'-5\r\nhello\r\n',
    b'10000000000000005\r\nhello\r\n', b'ffffffffffffffff\r\nhello\r\n',
    b'5;' + b'a' * 300 + b'\r\nhello\r\n', b'5;a\0\r\nhello\r\n',
    b'5;a\rb\r\nhello\r\n', b'5;a="\r\n"\r\nhello\r\n', b'5;a\nhello\r\n',
    b'5\nhello\r\n', b'5\r\nhelloXX0\r\n\r\n', b'5\r\nhello\n0\r\n\r\n',
    (b'1;' + b'a' * 200 + b'\r\nx\r\n') * 30 + b'0\r\n\r\n',
    *[b'0\r\n' + name + b': 5\r\n\r\n' for name in (
        b'Content-Length', b'Transfer-Encoding', b'hOST', b'Connection',
        b'Upgrade', b'Trailer', b'TE', b'Authorization',
        b'Proxy-Authorization')],
    b'0\r\nX: y\r\n z\r\n\r\n', b'0\r\nX : y\r\n\r\n', b'0\r\nX: y\n\r\n',
    b'0\r\nX: \0\r\n\r\n',
]


class Bad(Conversations):
    def rest(self, sock):
        """All that comes; whoever was refused may be reset."""
        data = bytearray()
        while True:
            try:
                more = sock.recv(1 << 16)
            except ConnectionResetError:
                return bytes(data)
            if not more:
                return bytes(data)
            data += more

    def refused(self, t, status, errors):
        """The client is told so, and no one hears more."""
        if status:
            t.got_ours(status)
        t.client_ended()
        t.client.close()
        if t.server is not None:
            self.assertEqual(self.rest(t.server), b'')
            t.server.close()
        self.wait_errors(t.proxy, errors)

    def ask_bad(self, t, raw):
        target = b'/' if t.mode != 'forward' else \
            b'http://127.0.0.1:%d/' % t.port
        t.ask(raw.replace(b'{}', target) + SMUGGLED)

    def test_heads_behind_others(self):
        def talk(t, status, kind, raw):
            t.exchange()
            self.ask_bad(t, raw)
            self.refused(t, status, [kind])
        self.hold(talk, about=HEADS)

    def test_first_heads(self):
        """Not even a server is asked for, in forward mode."""
        def talk(t, status, kind, raw):
            tunnel = t.mode != 'forward' or kind in (
                'bad_connection', 'bad_expectation', 'bad_method')
            self.ask_bad(t, raw)
            if tunnel:
                t.need_server()
            self.refused(t, status, [kind] if tunnel else [])
        self.hold(talk, cuts=('whole',), about=HEADS)

    def test_in_tunnels(self):
        """A tunnel has its target; and * is for OPTIONS."""
        def talk(t, raw, status, kind):
            t.exchange()
            t.ask(raw + SMUGGLED)
            self.refused(t, status, [kind])
        self.hold(talk, modes=('connect', 'reverse'), about=[
            (b'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400,
             'bad_target'),
            (b'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_target'),
            (b'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_target'),
            (b'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 501,
             'bad_method')])

    def test_answers(self):
        def talk(t, kind, ans):
            t.ask(Req(), SMUGGLED if t.mode != 'forward' else b'')
            t.heard(Req())
            t.say(ans)
            self.refused(t, 502, [kind])
        self.hold(talk, about=ANSWERS)

    def test_chunks_of_requests(self):
        def talk(t, body):
            head = Req('POST', '/', CODING.decode())
            t.ask(head)
            t.heard(head)
            t.ask(body + SMUGGLED)
            t.got_ours(400)
            t.client_ended()
            t.client.close()
            self.assertTrue(body.startswith(self.rest(t.server)))
            t.server.close()
            self.wait_errors(t.proxy, ['bad_chunk'])
        self.hold(talk, about=[[b] for b in CHUNKS])

    def test_chunks_of_answers(self):
        """What was let go stands there, and is seen to be incomplete."""
        def talk(t, body):
            ans = Ans(200, CODING.decode())
            t.ask(Req())
            t.heard(Req())
            t.say(ans)
            t.got(ans)
            t.say(body + SMUGGLED)
            got = self.rest(t.client)
            self.assertTrue(body.startswith(got), got)
            self.assertNotEqual(got, body)
            t.client.close()
            self.assertEqual(self.rest(t.server), b'')
            t.server.close()
            self.wait_errors(t.proxy, ['bad_chunk'])
        self.hold(talk, about=[[b] for b in CHUNKS])

    def test_more_than_asked_for(self):
        """38, 39: an answer to nothing could be taken for the next one."""
        def talk(t, ans, extra):
            t.exchange(Req('HEAD') if extra == b'head' else Req(),
                       ok(b'hi') if extra != b'head' else
                       Ans(200, 'Content-Length: 4'))
            t.ask(Req('HEAD') if extra == b'head' else Req())
            t.need_server()
            t.heard(Req('HEAD') if extra == b'head' else Req())
            t.cut = 'whole'
            t.say(ans, extra)
            t.got(ans, close=t.mode == 'forward' and
                  not ans.body)
            self.refused(t, None, ['unasked_response'])
        for ans in (Ans(204), Ans(304, 'Content-Length: 4')):
            self.hold(talk, about=[[ans, b'body']])
        self.hold(talk, about=[[Ans(200, 'Content-Length: 4'), b'head']])

    def test_answer_behind_an_answer(self):
        def talk(t, ans):
            t.ask(Req())
            t.heard(Req())
            t.cut = 'whole'
            t.say(ans, ok(b'forged'))
            t.got(ans)
            self.refused(t, None, ['unasked_response'])
        self.hold(talk, about=[
            [ok(b'hi')],
            [Ans(200, CODING.decode(), body=b'0\r\n\r\n')]])

    def test_answers_to_nobody(self):
        """Before it was asked, and between two requests."""
        def talk(t, raw):
            t.exchange()
            t.cut = 'whole'     # the first byte is one too many
            t.say(raw)
            if t.mode == 'forward':
                t.new_server()          # it says good-bye to us
                t.exchange()
                t.finish(['unasked_response'])
            else:
                self.refused(t, None, ['unasked_response'])
        self.hold(talk, about=[
            [ok(b'forged').sent()],
            [Ans(408, 'Connection: close', 'Content-Length: 0').sent()]])

    def test_answer_in_a_head(self):
        """The request is not whole, nobody has heard of it."""
        def talk(t):
            t.exchange()
            t.ask(Req().sent(t.mode, t.port)[:-4])
            t.cut = 'whole'
            t.say(ok(b'forged'))
            if t.mode == 'forward':
                t.new_server()
                t.ask(b'\r\n\r\n')
                t.heard(Req())
                t.say(ok(b'true'))
                t.got(ok(b'true'))
                t.finish(['unasked_response'])
            else:
                self.refused(t, None, ['unasked_response'])
        self.hold(talk)
