# SPDX-License-Identifier: MIT
"""Peers that are slow on purpose, or want too much.

Each of them is cut at its deadline with the right answer and one line; what it
costs is bounded, in memory (Pss) and in the proxy's own CPU time; and whoever
behaves beside it is served as before.  Nothing is compared with the clock.
"""

import collections
import os
import socket
import threading

from harness import (Case, DEADLINE, echo, read_all, read_exactly, read_head,
                     reset, wait_until)
from sampler import cpu_ms, pss
from wsframes import ANSWER, REQUEST, frame

LONG = 'FRL_LONG' in os.environ and os.environ['FRL_LONG'] != ''

# What was freed is not kept back for long.
SMALL = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') +
         ':quarantine_size_mb=1:thread_local_quarantine_size_kb=16'}
# An allocator's way of growing; and a sanitizer's.
SLACK = 2048


def request(port):
    name = f'127.0.0.1:{port}'
    return f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'.encode()


def fields(n):
    return b''.join(b'x%d: y\r\n' % i for i in range(n))


class Dripper:
    """Sends its bytes one by one, round and round, to whoever listens."""

    def __init__(self, socks, data):
        self.socks, self.data = list(socks), data
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        at = 0
        while not self.stopping.wait(0.05):
            for sock in self.socks:
                try:
                    sock.send(self.data[at % len(self.data):][:1])
                except OSError:
                    pass
            at += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(DEADLINE)


class Base(Case):
    def visit(self, proxy, server, address='127.0.0.1'):
        """A tunnel of somebody who behaves."""
        sock = socket.create_connection(
            ('127.0.0.1', proxy.port), DEADLINE, (address, 0))
        with sock:
            sock.sendall(request(server.port))
            self.assertIn(b' 200 ', read_head(sock).split(b'\r\n')[0])
            sock.sendall(b'\0hi')
            self.assertEqual(read_exactly(sock, 3), b'\0hi')

    def cost(self, proxy, server, address='127.0.0.1', n=40):
        """Of such a visit: the proxy's milliseconds."""
        self.visit(proxy, server, address)
        before = cpu_ms(proxy.process.pid)
        for _ in range(n):
            self.visit(proxy, server, address)
        return (cpu_ms(proxy.process.pid) - before) / n

    def websocket(self, proxy, handler):
        def upgraded(sock):
            read_head(sock)
            sock.sendall(ANSWER)
            handler(sock)
        server = self.serve(upgraded)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        return sock


class Slow(Base):
    def test_heads(self):
        """A byte now and then does not put off the deadline."""
        server = self.serve(read_all)
        proxy = self.proxy(extra='timeouts: {head: 1500ms}',
                           http={'head_time': '1500ms'})
        outer = [self.dial(proxy.port) for _ in range(40)]
        for sock in outer:
            sock.sendall(b'CONNECT 127.0.0.1:1 HTTP/1.1\r\n')
        forward = [self.dial(proxy.port) for _ in range(5)]
        for sock in forward:
            sock.sendall(b'GET http://127.0.0.1:1/ HTTP/1.1\r\n')
        inner = [self.connect(proxy, server.port) for _ in range(40)]
        for sock in inner:
            sock.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n')
        socks = outer + forward + inner
        dripper = Dripper(socks, b'x')
        self.addCleanup(dripper.stop)
        for sock in socks:
            self.assertIn(b' 408 ', sock.recv(4096).split(b'\r\n')[0])
        dripper.stop()
        for sock in socks:
            sock.close()
        wait_until(lambda: proxy.descriptors() < 40, 'them to go')
        lines = proxy.stop()
        outer_lines = [x['reason'] for x in lines
                       if x['event'] == 'tunnel.failed']
        inner_lines = [x['http']['kind'] for x in lines
                       if x['event'] == 'http.error']
        self.assertEqual(outer_lines, ['head_timeout'] * 45)
        self.assertEqual(inner_lines, ['head_timeout'] * 40)

    def test_half_heads(self):
        """Thousands of them: bounded for one address, nothing to notice for
        another one, each told at the deadline."""
        count, most = (10000, 4096) if LONG else (1000, 600)
        server = self.serve(echo)
        proxy = self.proxy(
            extra='timeouts: {head: %s}\nlimits: {tunnels_per_client: %d}' % (
                '60s' if LONG else '20s', most), env=SMALL)
        pid = proxy.process.pid
        quiet = self.cost(proxy, server, '127.0.0.2')
        before = pss(pid)
        socks = []
        for at in range(count):
            sock = socket.create_connection(('127.0.0.1', proxy.port),
                                            DEADLINE)
            self.addCleanup(sock.close)
            sock.sendall(b'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0')
            if at < most:
                socks.append(sock)
                continue
            # Who is too much is answered, or closed when even those are too
            # many.
            try:
                self.assertIn(sock.recv(4096)[8:13], (b' 503 ', b''))
            except ConnectionResetError:
                pass
            sock.close()
        each = (pss(pid) - before) / most
        self.assertLess(each, 8)
        busy = self.cost(proxy, server, '127.0.0.2')
        self.assertLess(busy, 2 * quiet + 1)
        for sock in socks:
            self.assertIn(b' 408 ', sock.recv(4096).split(b'\r\n')[0])
            sock.close()
        wait_until(lambda: proxy.descriptors() < 40, 'them to go')
        lines = proxy.stop()
        late = [x for x in lines if x.get('reason') == 'head_timeout']
        self.assertEqual(len(late), most)
        self.assertEqual(sum(x['refused'] for x in lines
                             if x['event'] == 'proxy.limit'), count - most)

    def test_readers_of_single_bytes(self):
        """With the smallest of windows; all arrives, at no great cost."""
        size, count = 6000, 20
        body = os.urandom(size)

        def handler(sock):
            sock.recv(1)
            sock.sendall(body)
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        socks = []
        for _ in range(count):
            sock = socket.socket()
            self.addCleanup(sock.close)
            sock.settimeout(DEADLINE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sock.connect(('127.0.0.1', proxy.port))
            sock.sendall(request(server.port) + b'\0')
            read_head(sock)
            socks.append(sock)
        before = cpu_ms(proxy.process.pid)
        came = [bytearray() for _ in socks]
        for _ in range(size):
            for sock, data in zip(socks, came):
                data += sock.recv(1)
        self.assertTrue(all(data == body for data in came))
        self.assertLess(cpu_ms(proxy.process.pid) - before, 2000)
        for sock in socks:
            sock.close()

    def test_dripped_frames(self):
        """A control frame, a byte at a time: all go on as they come."""
        seen = []

        def handler(sock):
            seen.append(read_all(sock))
        proxy = self.proxy()
        sock = self.websocket(proxy, handler)
        data = frame(9, b'p' * 125, mask=True) + frame(10, b'', mask=True)
        for byte in data:
            sock.sendall(bytes([byte]))
        sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: seen, 'the server')
        self.assertEqual(seen[0], data)
        sock.close()


class Bombs(Base):
    def test_heads(self):
        """Too many fields, too long a line, too long a head, endless."""
        server = self.serve(read_all)
        proxy = self.proxy(env=SMALL)
        pid = proxy.process.pid
        bombs = {
            'fields': fields(101) + b'\r\n',
            'line': b'x: ' + b'y' * 65536,
            'head': fields(100) + b'z: ' + b'y' * (1 << 20),
            'name': b'n' * 70000 + b': y\r\n\r\n',
        }
        begins = {
            'connect': b'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n',
            'forward': b'GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: a\r\n'
                       % server.port,
            'target': b'CONNECT ' + b'a' * 70000 + b':1 HTTP/1.1\r\n',
            'tunnel': None,
        }
        before = pss(pid)
        for _ in range(20 if LONG else 3):
            for where, begin in begins.items():
                for what, bomb in bombs.items():
                    with self.subTest(where=where, what=what):
                        self.bomb(proxy, server, begin, bomb)
        self.assertLess(pss(pid) - before, 3 * SLACK)
        kinds = collections.Counter(
            x['http']['kind'] if 'http' in x else x['reason']
            for x in proxy.stop()
            if x['event'] in ('tunnel.failed', 'http.error'))
        self.assertEqual(sum(kinds.values()), (20 if LONG else 3) * 16, kinds)
        self.assertEqual(set(kinds), {'head_too_large', 'too_large'}, kinds)

    def bomb(self, proxy, server, begin, bomb):
        if begin is None:
            sock = self.connect(proxy, server.port)
            begin = b'GET / HTTP/1.1\r\nHost: a\r\n'
        else:
            sock = self.dial(proxy.port)
        sender = threading.Thread(target=self.send, args=(sock, begin + bomb),
                                  daemon=True)
        sender.start()
        self.assertIn(b' 431 ', sock.recv(4096).split(b'\r\n')[0])
        sock.close()
        sender.join(DEADLINE)

    def send(self, sock, data):
        try:
            sock.sendall(data)
        except OSError:
            pass


class Floods(Base):
    def flood(self, data, times, counts, **options):
        """Sent by a client of a WebSocket, and counted exactly; somebody else
        is served meanwhile; nothing is left of it."""
        quiet = self.serve(echo)
        proxy = self.proxy(env=SMALL, **options)
        pid = proxy.process.pid
        taken = [0]

        def handler(sock):
            while block := sock.recv(1 << 20):
                taken[0] += len(block)
        sock = self.websocket(proxy, handler)

        def send():
            for _ in range(times):
                sock.sendall(data)
        seen = []
        for at in range(3):
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            for _ in range(1000):
                self.visit(proxy, quiet)
                if not sender.is_alive():
                    break
            sender.join(DEADLINE)
            wait_until(lambda: taken[0] == len(data) * times * (at + 1),
                       'the server to have it all')
            seen.append(pss(pid))
        self.assertLess(seen[2] - seen[0], SLACK)
        sock.shutdown(socket.SHUT_WR)
        read_all(sock)
        sock.close()
        closed = wait_until(
            lambda: [x for x in proxy.lines('tunnel.close') if 'ws' in x],
            'its last line')[0]
        for name, each in counts.items():
            self.assertEqual(closed['ws']['c2s'][name], each * 3 * times)
        return proxy

    def test_pings(self):
        """Each is counted, few have a line."""
        n = 10000
        proxy = self.flood(frame(9, b'', mask=True) * n, 50 if LONG else 2,
                           {'ping': n})
        lines = [x for x in proxy.stop() if x['event'] == 'ws.frame']
        self.assertLess(len(lines), n)

    def test_empty_fragments(self):
        n = 10000
        self.flood(frame(1, b'', fin=False, mask=True)
                   + frame(0, b'', fin=False, mask=True) * (n - 2)
                   + frame(0, b'', mask=True),
                   50 if LONG else 1,
                   {'text': 1, 'continuation': n - 1, 'messages': 1},
                   websocket={'log': 'message'})

    def test_empty_messages(self):
        n = 10000
        self.flood(frame(2, b'', mask=True) * n, 50 if LONG else 1,
                   {'binary': n, 'messages': n}, websocket={'log': 'summary'})


class Churn(Base):
    def test_open_and_reset(self):
        """Again and again: nothing is left behind."""
        server = self.serve(read_all)
        server.handler = self.patient
        proxy = self.proxy(env=SMALL)
        pid = proxy.process.pid
        rounds, seen = (20000 if LONG else 1200), []
        before = proxy.descriptors()
        for at in range(rounds):
            sock = self.dial(proxy.port)
            if at % 3:
                sock.sendall(request(server.port) + b'\0x' * (at % 2))
            if at % 3 == 2:
                read_head(sock)
            reset(sock)
            if at in (rounds // 2, rounds - 1):
                seen.append(pss(pid))
        self._cleanups = [x for x in self._cleanups
                          if getattr(x[0], '__name__', '') != 'close']
        self.assertLess(seen[1] - seen[0], SLACK)
        wait_until(lambda: proxy.descriptors() <= before + 50, 'them to go')
        quiet = self.serve(echo)
        self.visit(proxy, quiet)

    def patient(self, sock):
        try:
            read_all(sock)
        except ConnectionResetError:
            pass
