# SPDX-License-Identifier: MIT
"""Every way to leave, in every state a tunnel can be in.

A stage brings a client and its server somewhere; then one or both of them
leave, by FIN or RST, and whoever does not leave does nothing at all: it
neither reads nor closes.  All stages with all ways to leave go on at once in
one proxy.  Afterwards, while those peers still hold their sockets, the proxy
must have given up all of its own, each tunnel must have its one last line,
and that must say the truth.
"""

import collections
import contextlib
import re
import socket
import time

from dnsserver import Dns
from harness import (BUILD, CONFIG, Case, DEADLINE, free_port, listens,
                     read_exactly, read_head, reset, wait_until)
from sampler import sleeps, sockets
from wsframes import ANSWER, REQUEST, frame

TIMEOUTS = """\
timeouts: {head: 5s, detect: 5s, resolve: 5s, connect: 5s, wait: 5s,
  farewell: 700ms, idle: 6s, half_closed: 3s,
  unacknowledged: 5s}
resolver: {servers: ["127.0.0.1:%d"]}
"""
SOON = 2        # s, before the shortest of them
HTTP = {'idle': '6s', 'head_time': '5s', 'first_byte': '1m'}
GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
POST = b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
PIPES = 24
UPGRADED = b'HTTP/1.1 101 Switching'


def fill(sock, proxy):
    """Send until nobody takes any more, and the proxy has nothing to do."""
    sock.settimeout(0.02)
    rests = 0
    while rests < 2:
        try:
            sock.sendall(b'x' * 65536)
            rests = 0
        except TimeoutError:
            rests = rests + 1 if sleeps(proxy.process.pid) else 0
    sock.settimeout(DEADLINE)


class Stage:
    """Where a tunnel is brought to: (client, server or None)."""

    def __init__(self, case, proxy, ports):
        self.case, self.proxy, self.ports = case, proxy, ports
        self.address = None         # of the next client, and no other one
        self.server = socket.create_server(('127.0.0.1', 0), backlog=64)
        case.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]
        self.server.settimeout(DEADLINE)

    def accept(self):
        sock, _ = self.server.accept()
        sock.settimeout(DEADLINE)
        self.case.addCleanup(sock.close)
        return sock

    def ask(self, data, port=None):
        sock = socket.create_connection(
            ('127.0.0.1', port or self.proxy.port), DEADLINE,
            (self.address, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.case.addCleanup(sock.close)
        sock.sendall(data)
        return sock

    def request(self, host, port):
        return f'CONNECT {host}:{port} HTTP/1.1\r\nHost: a\r\n\r\n'.encode()

    # Before there is a tunnel.

    def silent(self):
        return self.ask(b''), None

    def half_head(self):
        return self.ask(b'CONNECT 127.0.0.1:1 HT'), None

    def no_proxy_header(self):
        return self.ask(b'', self.ports['balanced']), None

    def half_proxy_header(self):
        return self.ask(b'PROXY TCP4 192.0.2.1 19',
                        self.ports['balanced']), None

    def half_proxy_header_v2(self):
        return self.ask(b'\r\n\r\n\0\r\nQUIT\n\x21\x11',
                        self.ports['balanced']), None

    def half_head_behind_proxy_header(self):
        return self.ask(f'PROXY TCP4 {self.address} 192.0.2.2 1 2\r\nCONN'
                        .encode(), self.ports['balanced']), None

    def resolving(self):
        sock = self.ask(self.request('silent.test', 80))
        return sock, None

    def resolving_with_early_bytes(self):
        return self.ask(self.request('silent.test', 80) + b'\0early'), None

    def connecting(self):
        return self.ask(self.request('127.0.0.1', self.ports['deaf'])), None

    def connecting_forward(self):
        return self.ask(b'GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: a\r\n'
                        b'\r\n' % self.ports['deaf']), None

    def refused(self):
        """Answered, and not read."""
        return self.ask(self.request('10.0.0.1', 80) + b'x' * 5000), None

    # Raw.

    def empty(self):
        client = self.ask(self.request('127.0.0.1', self.port))
        server = self.accept()
        read_head(client)
        return client, server

    def raw(self):
        client, server = self.empty()
        client.sendall(b'\0')
        server.sendall(b'\0')
        read_exactly(server, 1)
        return client, server

    def raw_reverse(self):
        client = self.ask(b'\0', self.ports['reverse'])
        server = self.case.reverse_accept()
        read_exactly(server, 1)
        return client, server

    def raw_full_to_client(self):
        client, server = self.raw()
        fill(server, self.proxy)
        return client, server

    def raw_full_to_server(self):
        client, server = self.raw()
        fill(client, self.proxy)
        return client, server

    def raw_full_both(self):
        client, server = self.raw()
        fill(client, self.proxy)
        fill(server, self.proxy)
        return client, server

    def detecting(self):
        client, server = self.empty()
        client.sendall(b'GET /')
        return client, server

    # HTTP.

    def http(self, sent, answer=b''):
        client, server = self.empty()
        client.sendall(sent)
        if sent.endswith(b'\r\n\r\n'):
            read_head(server)
        server.sendall(answer)
        return client, server

    def http_half_head(self):
        return self.http(GET[:-4])

    def http_asked(self):
        return self.http(GET)

    def http_half_body(self):
        return self.http(GET, OK[:-1])

    def http_half_answer_head(self):
        return self.http(GET, OK[:20])

    def http_half_chunk(self):
        return self.http(GET, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked'
                         b'\r\n\r\n5\r\nhal')

    def http_until_close(self):
        return self.http(GET, b'HTTP/1.1 200 OK\r\n\r\nand so on')

    def http_half_upload(self):
        client, server = self.http(POST)
        client.sendall(b'half')
        return client, server

    def http_full_upload(self):
        client, server = self.http(POST.replace(b': 10', b': 999999999'))
        fill(client, self.proxy)
        return client, server

    def http_full_body(self):
        client, server = self.http(
            GET, OK.replace(b': 2', b': 999999999')[:-2])
        fill(server, self.proxy)
        return client, server

    def http_idle(self):
        client, server = self.http(GET, OK)
        self.case.assertTrue(read_head(client))
        read_exactly(client, 2)
        return client, server

    # Absolute-form.

    def forward(self, answer=b'', head=b'', port=None):
        client = self.ask(b'GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: a\r\n'
                          b'%b\r\n' % (port or self.port, head))
        server = self.accept()
        read_head(server)
        server.sendall(answer)
        return client, server

    def forward_asked(self):
        return self.forward()

    def forward_half_body(self):
        return self.forward(OK[:-1])

    def forward_idle(self):
        client, server = self.forward(OK)
        read_head(client)
        read_exactly(client, 2)
        return client, server

    def forward_next_connecting(self):
        """The first tunnel is over, the second one's server is deaf."""
        client, server = self.forward_idle()
        client.sendall(b'GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: a\r\n\r\n'
                       % self.ports['deaf'])
        self.case.assertEqual(server.recv(1), b'')
        return client, server

    def forward_next_half_head(self):
        client, server = self.forward_idle()
        client.sendall(b'GET http://127.0.')
        return client, server

    def forward_between(self):
        """The server has closed, the client stays."""
        client, server = self.forward(OK.replace(
            b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'))
        server.close()
        read_head(client)
        read_exactly(client, 2)
        return client, None

    # WebSocket.

    def websocket(self, client=None, server=None, answer=ANSWER):
        if client is None:
            client, server = self.empty()
            client.sendall(REQUEST)
            read_head(server)
        server.sendall(answer)
        if answer is ANSWER:
            read_head(client)
        return client, server

    def half_101(self):
        return self.websocket(answer=UPGRADED)

    def ws_idle(self):
        return self.websocket()

    def ws_forward(self):
        client, server = self.forward(
            head=REQUEST.partition(b'\r\n')[2].replace(
                b'Host: localhost\r\n', b'')[:-2])
        return self.websocket(client, server)

    def ws_reverse(self):
        client = self.ask(REQUEST, self.ports['reverse'])
        server = self.case.reverse_accept()
        read_head(server)
        return self.websocket(client, server)

    def ws_in_client_frame(self):
        client, server = self.websocket()
        client.sendall(frame(2, b'x' * 100, mask=True)[:50])
        return client, server

    def ws_in_server_frame(self):
        client, server = self.websocket()
        server.sendall(frame(2, b'x' * 100)[:50])
        return client, server

    def ws_in_fragments(self):
        client, server = self.websocket()
        client.sendall(frame(1, b'x', fin=False, mask=True))
        server.sendall(frame(1, b'x', fin=False))
        return client, server

    def ws_closed_by_client(self):
        client, server = self.websocket()
        client.sendall(frame(8, b'\x03\xe8', mask=True))
        return client, server

    def ws_closed(self):
        client, server = self.ws_closed_by_client()
        server.sendall(frame(8, b'\x03\xe8'))
        return client, server

    def ws_full(self):
        client, server = self.websocket()
        server.sendall(frame(2, b'x' * 99999999)[:10])
        fill(server, self.proxy)
        return client, server


STAGES = [name for name, value in vars(Stage).items()
          if not name.startswith('_') and name not in (
              'accept', 'ask', 'request', 'http', 'forward',
              'websocket')]
LATE = STAGES[STAGES.index('refused') + 1:]


def fin(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def close(sock):
    """With unread bytes this is a RST."""
    sock.close()


# Who leaves how, in this order.
WAYS = {
    'stay': [],
    'client_fin': [(0, fin)],
    'client_close': [(0, close)],
    'client_rst': [(0, reset)],
    'server_fin': [(1, fin)],
    'server_close': [(1, close)],
    'server_rst': [(1, reset)],
    'client_fin_server_fin': [(0, fin), (1, fin)],
    'server_fin_client_fin': [(1, fin), (0, fin)],
    'client_fin_server_rst': [(0, fin), (1, reset)],
    'server_fin_client_rst': [(1, fin), (0, reset)],
    'both_close': [(0, close), (1, close)],
    'both_rst': [(0, reset), (1, reset)],
}


@contextlib.contextmanager
def deaf():
    """A port whose full queue answers no SYN."""
    with socket.socket() as s, contextlib.ExitStack() as stack:
        s.bind(('127.0.0.1', 0))
        s.listen(0)
        port = s.getsockname()[1]
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(('127.0.0.1', port))
        yield port


# What `end` may say, where both sides are of equal rights; first of a tunnel
# in which nothing waits.
IDLE, HALF = 'idle_timeout', 'half_closed_timeout'
FINS, RESETS = {'client_fin', 'server_fin'}, {'client_reset', 'server_reset'}
ENDS = {
    'stay': {IDLE},
    'client_fin': {HALF},
    'client_close': {HALF, 'client_reset'},
    'client_rst': {'client_reset'},
    'server_fin': {HALF},
    'server_close': {HALF, 'server_reset'},
    'server_rst': {'server_reset'},
    'client_fin_server_fin': FINS,
    'server_fin_client_fin': FINS,
    'client_fin_server_rst': {'server_reset'},
    'server_fin_client_rst': {'client_reset'},
    'both_close': FINS | RESETS,
    'both_rst': RESETS,
}
# What is more where a protocol has a say: an exchange that cannot go on ends.
# And where a FIN waits behind bytes that nobody reads.
MORE = {
    'http': {'stay': {'protocol_error', 'detect_timeout', 'timeout'},
             'client_fin': {'client_fin'}, 'client_close': {'client_fin'},
             'server_fin': {'server_fin'}, 'server_close': {'server_fin'},
             'client_fin_server_rst': {'client_fin'},
             'server_fin_client_rst': {'server_fin'}},
    'full': {way: {IDLE, HALF} for way in WAYS
             if 'fin' in way or 'close' in way},
}
MORE['full']['server_fin_client_rst'] = {'server_fin'}
MORE['full']['client_fin_server_rst'] = {'client_fin'}


BETWEEN = ['forward_next_connecting', 'forward_next_half_head',
           'forward_between']


def allowed(stage, way):
    out = set(ENDS[way])
    if stage.startswith(('http', 'forward', 'half_101', 'detecting')):
        out |= MORE['http'].get(way, set())
    if 'full' in stage:
        out |= MORE['full'].get(way, set())
    # Between two requests a server's reset is the way to another one.
    if stage.startswith('forward') and way.endswith('_rst'):
        out |= {'server_fin'}
    return out


def last_words(sock):
    """What somebody who only stayed finds in the end: (bytes, how)."""
    data = bytearray()
    sock.setblocking(False)
    try:
        while True:
            more = sock.recv(1 << 20)
            if not more:
                return bytes(data), 'fin'
            data += more
    except ConnectionResetError:
        return bytes(data), 'rst'
    except BlockingIOError:
        return bytes(data), 'nothing'


class Base(Case):
    def reverse_accept(self):
        sock, _ = self.reversed.accept()
        sock.settimeout(DEADLINE)
        self.addCleanup(sock.close)
        return sock

    def open(self, plugins=('http', 'websocket', 'raw'), patient=False,
             **options):
        """patient: nothing ends of itself."""
        timeouts, http, self.soon = TIMEOUTS, HTTP, SOON
        if patient:
            self.soon = DEADLINE
            timeouts = re.sub(r'\b\d+s', '1h', TIMEOUTS)
            http = dict.fromkeys(HTTP, '1h')
        self.dns = Dns({'silent': lambda q: None})
        self.addCleanup(self.dns.close)
        self.reversed = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.reversed.settimeout(DEADLINE)
        self.addCleanup(self.reversed.close)
        self.balanced = free_port()
        config = CONFIG.replace(
            '{listen}', '{listen}\n  - address: 127.0.0.1:%d\n'
            '    proxy_protocol: required' % self.balanced)
        proxy = self.proxy(
            plugins, config=config, extra=timeouts % self.dns.port,
            reverse='127.0.0.1:%d' % self.reversed.getsockname()[1],
            http=http, **options)
        wait_until(lambda: listens(self.balanced), 'the balanced listener')
        self.ports = {'balanced': self.balanced,
                      'reverse': proxy.reverse_port}
        return proxy

    def set_up(self, proxy, stages, ways):
        """Bring them there and let them leave, before a deadline passes."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.ports['deaf'] = stack.enter_context(deaf())
        stage = Stage(self, proxy, self.ports)
        self.clients, self.tries = {}, 0
        return {(name, way): self.bring(stage, name, way)
                for name in stages for way in ways}

    def bring(self, stage, name, way):
        """Once more where the machine was so slow that a deadline may have
        passed meanwhile; what comes of the first one is then not looked
        at.  None where that does not help."""
        for _ in range(5):
            begun = time.monotonic()
            stage.address = f'127.1.{self.tries >> 8}.{self.tries & 255}'
            self.tries += 1
            self.clients[stage.address] = name, way
            pair = ()
            try:
                pair = getattr(stage, name)()
                for who, leave in WAYS[way]:
                    if pair[who] is not None:
                        leave(pair[who])
            except (OSError, EOFError):
                if time.monotonic() - begun < self.soon:
                    raise
            if time.monotonic() - begun < self.soon:
                return pair
            del self.clients[stage.address]
            for sock in pair:
                if sock is not None:
                    sock.close()
        return None

    def run_all(self, proxy, stages, ways=WAYS):
        """(sockets, {(stage, way): the lines of its tunnels})"""
        base = proxy.descriptors()
        rows = self.set_up(proxy, stages, ways)
        pairs = {row: pair for row, pair in rows.items() if pair is not None}
        if 2 * len(pairs) < len(rows):
            self.skipTest('too slow a machine')
        own = {proxy.port, proxy.reverse_port, self.balanced}

        def left():
            return [x for x in sockets(proxy.process.pid, own)
                    if x[2] != 'LISTEN']
        try:
            wait_until(lambda: not left(), 'sockets to go')
        except AssertionError:
            self.fail(f'these are still there: {left()}')
        # The name server's socket, and pipes that are kept.
        wait_until(lambda: proxy.descriptors() <= base + 1 + 2 * PIPES,
                   'descriptors to go')
        return pairs, self.sort_out(proxy.stop())

    def sort_out(self, lines):
        found, tunnels = collections.defaultdict(list), {}
        for line in lines:
            address = line.get('client', {}).get('addr')
            if address in self.clients:
                tunnels[line.get('tunnel')] = self.clients[address]
            if line.get('tunnel') in tunnels:
                found[tunnels[line['tunnel']]].append(line)
        return found


def close_of(lines):
    return [(x['end'], x['closed_by']) for x in lines
            if x['event'] == 'tunnel.close']


def failure_of(lines):
    return [(x['reason'], x.get('status')) for x in lines
            if x['event'] == 'tunnel.failed']


def closed_by(end):
    who = end.partition('_')
    return who[0] if who[2] in ('fin', 'reset') else 'proxy'


# Before there is a tunnel: what is told of who is too slow, with the status;
# then the `end`, where there was a tunnel.open.
SLOW = {
    'silent': ('head_timeout', 408, None),
    'half_head': ('head_timeout', 408, None),
    'half_head_behind_proxy_header': ('head_timeout', 408, None),
    'no_proxy_header': ('bad_proxy_header', None, None),
    'half_proxy_header': ('bad_proxy_header', None, None),
    'half_proxy_header_v2': ('bad_proxy_header', None, None),
    'resolving': ('dns_timeout', 504, 'dns_failed'),
    'resolving_with_early_bytes': ('dns_timeout', 504, 'dns_failed'),
    'connecting': ('connect_timeout', 504, 'connect_timeout'),
    'connecting_forward': ('connect_timeout', 504, 'connect_timeout'),
}
ALONE = ['stay', 'client_fin', 'client_close', 'client_rst']


class Early(Base):
    """Before there is a tunnel."""

    def test_matrix(self):
        proxy = self.open()
        pairs, found = self.run_all(proxy, [*SLOW, 'refused'], ALONE)
        for (stage, way), (client, _) in pairs.items():
            with self.subTest(stage=stage, way=way):
                lines = found[stage, way]
                if stage == 'refused':
                    self.assertEqual(close_of(lines), [('refused', 'proxy')])
                    continue
                reason, status, end = SLOW[stage]
                if end is None:
                    self.greeted(way, lines, reason, status)
                else:
                    self.asked(way, lines, reason, status, end)
                if way == 'stay' or (way == 'client_fin' and end):
                    self.answered(client, status)

    def greeted(self, way, lines, reason, status):
        """It is not known where to."""
        self.assertEqual(close_of(lines), [])
        self.assertEqual(failure_of(lines), [
            (reason, status) if way == 'stay' else
            ('client_reset' if way == 'client_rst' else 'client_fin', None)])

    def asked(self, way, lines, reason, status, end):
        """Its server is looked for, also for who has sent a FIN."""
        gone = way == 'client_rst'
        self.assertEqual(close_of(lines), [
            ('client_reset', 'client') if gone else (end, 'proxy')])
        self.assertEqual(failure_of(lines),
                         [] if gone else [(reason, status)])

    def answered(self, client, status):
        data, how = last_words(client)
        self.assertEqual(how, 'fin')
        if status is None:
            self.assertEqual(data, b'')
        else:
            self.assertIn(b' %d ' % status, data[:20])

    def test_hooks(self):
        """While a hook thinks about it."""
        for event in ('tunnel.open', 'tunnel.dial'):
            proxy = self.open(
                (('waiter', BUILD / 'tests/inspectors/wait.so'), 'http',
                 'websocket', 'raw'), waiter={'event': event, 'delay': '1h'})
            pairs, found = self.run_all(
                proxy, ['connecting'], ALONE)
            for (_, way), (client, _) in pairs.items():
                with self.subTest(event=event, way=way):
                    self.assertEqual(
                        close_of(found['connecting', way]),
                        [('client_reset', 'client') if way == 'client_rst'
                         else ('refused', 'proxy')])
                    if way == 'stay':
                        self.assertIn(b' 403 ', last_words(client)[0][:20])


class Established(Base):
    def test_matrix(self):
        proxy = self.open()
        pairs, found = self.run_all(proxy, LATE)
        for (stage, way), pair in pairs.items():
            with self.subTest(stage=stage, way=way):
                ends = close_of(found[stage, way])
                self.assertEqual([x for x in ends if closed_by(x[0]) != x[1]],
                                 [])
                if stage in BETWEEN:
                    self.between(stage, way, [x[0] for x in ends])
                    continue
                self.assertEqual(len(ends), 1)
                self.assertIn(ends[0][0], allowed(stage, way))
                self.seen(stage, way, *pair)

    def between(self, stage, way, ends):
        """The first tunnel is over, the client's connection is not."""
        self.assertIn(len(ends), (1, 2))
        if stage == 'forward_next_connecting':
            self.assertEqual(ends, ['next_target', 'client_reset' if way in (
                'client_rst', 'both_rst', 'server_fin_client_rst')
                else 'connect_timeout'])

    def seen(self, stage, way, client, server):
        """A reset is a reset for the other one, too; and so is the end of
        who did not take all."""
        if way == 'client_rst' and 'forward' not in stage:
            self.assertEqual(last_words(server)[1], 'rst')
        if way == 'server_rst' and 'forward' not in stage:
            self.assertEqual(last_words(client)[1], 'rst')
        if way == 'client_fin' and stage in ('raw', 'raw_reverse', 'ws_idle'):
            self.assertEqual(last_words(server), (b'', 'fin'))
        if way == 'server_fin' and stage in ('raw', 'raw_reverse', 'ws_idle'):
            self.assertEqual(last_words(client)[1], 'fin')
        if way == 'stay' and 'full_to_client' in stage:
            self.assertEqual(last_words(client)[1], 'rst')
        if way == 'stay' and 'full_to_server' in stage:
            self.assertEqual(last_words(server)[1], 'rst')

    def test_drain(self):
        """SIGTERM in all of these states at once."""
        proxy = self.open(patient=True)
        self.set_up(proxy, STAGES, ['stay'])
        found = self.sort_out(proxy.stop())
        for stage in LATE:
            with self.subTest(stage=stage):
                ends = ['shutdown', 'drain', 'next_target']
                if stage in BETWEEN:    # the first server has closed
                    ends.append('server_fin')
                if stage == 'ws_closed':    # waits for FINs for 10 s
                    ends.append('idle_timeout')
                self.assertIn(close_of(found[stage, 'stay'])[-1][0], ends)

    def test_reset_of_a_fast_stream(self):
        """Where bytes are moved inside the kernel a reset is one, and no
        end."""
        def handler(sock):
            sock.recv(1)
            for _ in range(64):
                sock.sendall(b'x' * (1 << 18))
            reset(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        for _ in range(10):
            client = self.connect(proxy, server.port)
            client.sendall(b'\0')
            with self.assertRaises(ConnectionResetError):
                while client.recv(1 << 20):
                    pass
            client.close()
        ends = {x['end'] for x in proxy.wait_line('tunnel.close', 10)}
        self.assertEqual(ends, {'server_reset'})

    def test_last_bytes_that_nobody_reads(self):
        """Responses of all sizes around what the kernel takes in, of clients
        that do not read: what the log says of the end is what they find."""
        def handler(sock):
            total = int(read_head(sock).split()[1][1:])
            sock.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n'
                         b'Content-Length: %d\r\n\r\n' % total)
            # In pieces too small to be moved inside the kernel.
            for at in range(0, total, piece):
                sock.sendall(b'x' * min(piece, total - at))
            with contextlib.suppress(ConnectionResetError):
                sock.recv(1)
        server = self.serve(handler)
        proxy = self.proxy(extra='timeouts: {idle: 2s, farewell: 300ms}')
        piece, socks = 65536, {}
        for n, total in enumerate(range(2 << 20, 6 << 20, piece)):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.settimeout(DEADLINE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.bind((f'127.2.0.{n + 1}', 0))
            sock.connect(('127.0.0.1', proxy.port))
            sock.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n'
                         % server.port)
            read_head(sock)
            sock.sendall(b'GET /%d HTTP/1.1\r\nHost: a\r\n'
                         b'Connection: close\r\n\r\n' % total)
            socks[f'127.2.0.{n + 1}'] = sock, total
        proxy.wait_line('tunnel.close', len(socks))
        lines = proxy.stop()
        clients = {x['tunnel']: x['client']['addr'] for x in lines
                   if x['event'] == 'tunnel.open'}
        ends = {clients[x['tunnel']]: x['end'] for x in lines
                if x['event'] == 'tunnel.close'}
        for address, (sock, total) in socks.items():
            with self.subTest(total=total, end=ends[address]):
                body, how = self.read(sock)
                if ends[address] in FINS:
                    self.assertEqual((body, how), (total, 'fin'))
                else:
                    # The rest may have fitted in at the last moment.
                    self.assertEqual(ends[address], IDLE)
                    self.assertEqual(how, 'fin' if body == total else 'rst')

    def read(self, sock):
        data = bytearray()
        try:
            while more := sock.recv(1 << 20):
                data += more
            how = 'fin'
        except ConnectionResetError:
            how = 'rst'
        return len(data.partition(b'\r\n\r\n')[2]), how
