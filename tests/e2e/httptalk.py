# SPDX-License-Identifier: MIT
"""A client and a server under full control, with a proxy between them.

A conversation is a function that says step by step who sends what and what
the other must read then, to the byte.  It is held in every mode (connect,
forward, reverse) and with every cut (whole, in two, byte by byte).  What a
proxy has to change in forward mode is modelled here, independently of it:
RFC 9110, 7.6 and 6.6.1.
"""

import itertools
import json
import os
import select
import socket

from harness import BUILD, Case, DEADLINE, read_exactly, read_head, wait_until

MODES = ('connect', 'forward', 'reverse')
CUTS = ('whole', 'halves', 'bytes')
# A long table goes round the pairs, a short one has these, unless there is
# time for all.
SHORT = {('connect', 'whole'), ('forward', 'halves'), ('reverse', 'bytes'),
         ('forward', 'whole'), ('connect', 'bytes')}
LONG = bool(os.environ.get('FRL_LONG'))
DATE = 'Sun, 06 Nov 1994 08:49:37 GMT'
HOP = {'connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade',
       'proxy-authenticate', 'proxy-authentication-info',
       'proxy-authorization'}


class Message:
    """A head (fields: "Name: value" texts) with a body."""

    def __init__(self, first, fields, body, minor):
        self.first, self.body, self.minor = first, body, minor
        self.fields = list(fields)

    def bytes(self, first, fields):
        return '\r\n'.join([first, *fields, '', '']).encode() + self.body

    def end_to_end(self, more=()):
        named = set(more) | HOP
        for field in self.fields:
            name, _, value = field.partition(':')
            if name.lower() == 'connection':
                named |= {x.strip().lower() for x in value.split(',')}
        named -= {'content-length', 'transfer-encoding'}
        return [': '.join(x.strip() for x in field.split(':', 1))
                for field in self.fields
                if field.partition(':')[0].lower() not in named]


class Req(Message):
    def __init__(self, method='GET', path='/', *fields, body=b'', minor=1,
                 host=True):
        super().__init__((method, path), fields, body, minor)
        self.host = host

    def sent(self, mode, port):
        method, path = self.first
        host = f'127.0.0.1:{port}'
        if mode == 'forward':
            path = f'http://{host}' + ('' if path == '*' else path)
        fields = ([f'Host: {host}'] if self.host else []) + self.fields
        return self.bytes(f'{method} {path} HTTP/1.{self.minor}', fields)

    def seen(self, mode, port, close=False):
        if mode != 'forward':
            return self.sent(mode, port)
        method, path = self.first
        fields = [f'Host: 127.0.0.1:{port}']
        # RFC 9110, 10.1.1: in HTTP/1.0 it means nothing.
        fields += self.end_to_end(['host'] + ['expect'] * (not self.minor))
        if close or not self.minor:
            fields.append('Connection: close')
        fields.append(f'Via: 1.{self.minor} fairlead')
        return self.bytes(f'{method} {path} HTTP/1.1', fields)


class Ans(Message):
    """date: whether it has one; in forward mode it gets one."""

    def __init__(self, status=200, *fields, body=b'', minor=1, reason='OK',
                 date=True):
        super().__init__((status, reason), fields, body, minor)
        if date and status >= 200:
            self.fields.insert(0, f'Date: {DATE}')

    def sent(self):
        status, reason = self.first
        return self.bytes(f'HTTP/1.{self.minor} {status} {reason}',
                          self.fields)

    def seen(self, mode, close=False):
        if mode != 'forward':
            return self.sent()
        status, reason = self.first
        fields = self.end_to_end()
        if close:
            fields.append('Connection: close')
        fields.append(f'Via: 1.{self.minor} fairlead')
        return self.bytes(f'HTTP/1.1 {status} {reason}', fields)


def ok(body=b'', *fields, **more):
    return Ans(200, f'Content-Length: {len(body)}', *fields, body=body,
               **more)


def chunks(*pieces, trailers=b''):
    return b''.join(b'%x\r\n%b\r\n' % (len(p), p)
                    for p in pieces) + b'0\r\n' + trailers + b'\r\n'


class Talk:
    """One conversation.  The connections are made when they are needed."""

    def __init__(self, case, proxy, mode, cut):
        self.case, self.proxy, self.mode, self.cut = case, proxy, mode, cut
        self.port = case.port
        self.server = None
        case.listener.setblocking(False)
        try:
            while True:         # whom an earlier, failed one left
                case.listener.accept()[0].close()
        except BlockingIOError:
            case.listener.settimeout(DEADLINE)
        if mode == 'connect':
            self.client = case.connect(proxy, self.port)
        else:
            self.client = case.dial(proxy.reverse_port if mode == 'reverse'
                                    else proxy.port)

    # -- sending

    def send(self, sock, data):
        if self.cut == 'bytes':
            for at in range(len(data)):
                sock.sendall(data[at:at + 1])
        elif self.cut == 'halves':
            sock.sendall(data[:len(data) // 2])
            # Let the proxy have its turn, if it likes.
            select.select([], [], [], 0)
            sock.sendall(data[len(data) // 2:])
        else:
            sock.sendall(data)

    def ask(self, *what):
        """The client sends requests, or bytes."""
        self.send(self.client, b''.join(
            w if isinstance(w, bytes) else w.sent(self.mode, self.port)
            for w in what))

    def say(self, *what):
        """The server sends."""
        self.need_server()
        self.send(self.server, b''.join(
            w if isinstance(w, bytes) else w.sent() for w in what))

    # -- reading

    def need_server(self):
        if self.server is None:
            self.server, _ = self.case.listener.accept()
            self.server.settimeout(DEADLINE)
            self.server.setsockopt(socket.IPPROTO_TCP,
                                   socket.TCP_NODELAY, 1)
            self.case.addCleanup(self.server.close)

    def expect(self, sock, who, want):
        got = b''
        while len(got) < len(want):
            more = sock.recv(len(want) - len(got))
            if not more:
                break
            got += more
            if not want.startswith(got):
                break
        self.case.assertEqual(got, want, f'at the {who}')

    def heard(self, *what, close=False):
        """The server reads this next."""
        self.need_server()
        self.expect(self.server, 'server', b''.join(
            w if isinstance(w, bytes) else
            w.seen(self.mode, self.port, close) for w in what))

    def got(self, *what, close=False):
        """The client reads this next."""
        self.expect(self.client, 'client', b''.join(
            w if isinstance(w, bytes) else w.seen(self.mode, close)
            for w in what))

    def got_ours(self, status, close=True):
        """The client reads an answer of the proxy's own."""
        head = read_head(self.client)
        self.case.assertTrue(head.startswith(b'HTTP/1.1 %d ' % status), head)
        self.case.assertEqual(b'\r\nConnection: close' in head, close, head)
        self.case.assertIn(b'\r\nProxy-Status: fairlead; error=', head)
        length = int(head.split(b'Content-Length: ')[1].split(b'\r\n')[0])
        return head + read_exactly(self.client, length)

    def end_of(self, sock, who):
        """Its end comes next, and not by a reset."""
        try:
            more = sock.recv(4096)
        except ConnectionResetError:
            self.case.fail(f'the {who} was reset')
        self.case.assertEqual(more, b'', f'at the {who}')

    def client_ended(self):
        self.end_of(self.client, 'client')

    def server_ended(self):
        self.need_server()
        self.end_of(self.server, 'server')

    def exchange(self, req=None, ans=None):
        """A whole one."""
        req, ans = req or Req(), ans or ok(b'hi')
        self.ask(req)
        self.heard(req)
        self.say(ans)
        self.got(ans)

    def new_server(self):
        """In forward mode the next request goes there over a new connection:
        of this one no more is heard."""
        self.server_ended()
        self.server.close()
        self.server = None

    # -- the end

    def finish(self, errors=()):
        """Nothing more comes anywhere.  errors: what the log says."""
        try:
            self.client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        if self.server is not None:
            self.server_ended()
            self.server.close()
        self.client_ended()
        self.client.close()
        self.case.wait_errors(self.proxy, list(errors))


class Conversations(Case):
    """The proxies of all conversations, and what they write."""

    env = None

    def setUp(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.addCleanup(self.listener.close)
        self.proxies, self.tails = {}, {}

    def proxy_for(self, cut):
        key = cut == 'bytes'
        if key not in self.proxies:
            # Here not even the kernel can put pieces together.
            front = (('fragment', BUILD / 'tests/inspectors/fragment.so'),)
            proxy = self.proxy((front if key else ()) + ('http', 'raw'),
                               reverse=f'127.0.0.1:{self.port}',
                               env=self.env)
            self.proxies[key] = proxy
            self.tails[proxy] = [0, []]
        return self.proxies[key]

    def wait_errors(self, proxy, want):
        """All tunnels are closed, and these are the new http.errors."""
        tail = self.tails[proxy]
        lines = tail[1]

        def over():
            with open(proxy.log, 'rb') as f:
                f.seek(tail[0])
                text = f.read()
            text = text[:text.rfind(b'\n') + 1]
            tail[0] += len(text)
            lines.extend(json.loads(x) for x in text.splitlines())
            events = [x['event'] for x in lines]
            return (events.count('tunnel.close') > 0 or
                    'tunnel.failed' in events) and \
                events.count('tunnel.open') == events.count('tunnel.close')
        wait_until(over, 'the last line')
        got = [x['http']['kind'] for x in lines if x['event'] == 'http.error']
        del lines[:]
        self.assertEqual(got, want)

    def hold(self, talk, modes=MODES, cuts=CUTS, about=((),)):
        """Hold this conversation in all these ways; each of `about` is what
        it gets told besides."""
        pairs = list(itertools.product(modes, cuts))
        for n, more in enumerate(about):
            for mode, cut in pairs:
                if not LONG and (pairs[n % len(pairs)] != (mode, cut) if
                                 len(about) > 3 else len(pairs) == 9 and
                                 (mode, cut) not in SHORT):
                    continue
                with self.subTest(talk.__name__, mode=mode, cut=cut,
                                  more=more):
                    talk(Talk(self, self.proxy_for(cut), mode, cut), *more)
