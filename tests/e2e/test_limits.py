# SPDX-License-Identifier: MIT
"""Too many of everything: who is told "no", who goes on, and what it costs."""

import os
import pathlib
import resource
import selectors
import socket
import subprocess
import threading
import time

from harness import (CONFIG, Case, DEADLINE, echo, free_port, listens,
                     read_exactly, read_head, wait_until)
from sampler import pss

MIB = 1 << 20

# How many clients that do not read; FRL_SLOW_READERS=500 for the real thing.
SLOW = int(os.environ.get('FRL_SLOW_READERS', '100'))


def request(port):
    name = f'127.0.0.1:{port}'
    return f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'.encode()


def cpu_seconds(proxy):
    fields = pathlib.Path(
        f'/proc/{proxy.process.pid}/stat').read_text().rsplit(')', 1)[1]
    ticks = sum(int(n) for n in fields.split()[11:13])
    return ticks / os.sysconf('SC_CLK_TCK')


class Turned(Case):
    """503 with the reason, and lines that sum up."""

    def refused(self, proxy, port, reason):
        status, fields, body = self.ask(proxy, request(port))
        self.assertEqual(status, 503)
        self.assertIn(reason, body)
        self.assertIn('error=connection_limit_reached',
                      fields['proxy-status'])
        self.assertEqual(fields['retry-after'], '1')

    def both(self, limits, reason, name, value, **more):
        """One tunnel is fine, a second one is turned away, again and again;
        when the first has gone another one is fine."""
        server = self.serve(echo)
        begun = time.monotonic()
        proxy = self.proxy(extra=f'limits: {limits}',
                           reverse=f'127.0.0.1:{server.port}')
        sock = self.connect(proxy, server.port)
        for _ in range(30):
            self.refused(proxy, server.port, reason)
        # Of a reverse listener: closed.
        with self.dial(proxy.reverse_port) as other:
            try:
                self.assertEqual(other.recv(1), b'')
            except ConnectionResetError:
                pass
        sock.sendall(b'\0till here')
        self.assertEqual(read_exactly(sock, 10), b'\0till here')
        sock.close()
        proxy.wait_line('tunnel.close')
        wait_until(lambda: self.free(proxy, server.port), 'a free place')
        lines = proxy.stop()
        limit = [x for x in lines if x['event'] == 'proxy.limit']
        self.assertEqual({(x['limit'], x['value']) for x in limit},
                         {(name, value)})
        for key, wanted in more.items():
            self.assertTrue(all(x[key] == wanted for x in limit), limit)
        turned = sum(x['refused'] for x in limit)
        self.assertGreaterEqual(turned, 31)
        # Of each second one line, and none for each who was turned away.
        self.assertLess(len(limit), 3 + time.monotonic() - begun, limit)
        self.assertEqual([x for x in lines if x['event'] in
                          ('tunnel.refused', 'tunnel.failed')], [])

    def free(self, proxy, port):
        with self.dial(proxy.port) as sock:
            sock.sendall(request(port))
            return b' 200 ' in read_head(sock).split(b'\r\n')[0]

    def test_tunnels(self):
        self.both('{tunnels: 1}', b'too many tunnels', 'tunnels', 1)

    def test_tunnels_per_client(self):
        self.both('{tunnels_per_client: 1}',
                  b'too many tunnels from this client',
                  'tunnels_per_client', 1, client={'addr': '127.0.0.1'})

    def test_another_client(self):
        """One client's limit is not another one's."""
        server = self.serve(echo)
        proxy = self.proxy(extra='limits: {tunnels_per_client: 1}')
        self.connect(proxy, server.port)
        sock = socket.create_connection(
            ('127.0.0.1', proxy.port), DEADLINE, ('127.0.0.2', 0))
        with sock:
            sock.sendall(request(server.port))
            self.assertIn(b' 200 ', read_head(sock))

    def test_client_behind_a_balancer(self):
        """It is who the PROXY header names."""
        server = self.serve(echo)
        port = free_port()
        config = CONFIG.replace(
            '{listen}', '{listen}\n  - address: 127.0.0.1:%d\n'
            '    proxy_protocol: required' % port)
        proxy = self.proxy(config=config,
                           extra='limits: {tunnels_per_client: 1}')
        wait_until(lambda: listens(port), 'the other listener')
        statuses = []
        for client in ('192.0.2.1', '192.0.2.2', '192.0.2.1'):
            sock = self.dial(port)
            sock.sendall(f'PROXY TCP4 {client} 192.0.2.9 1 2\r\n'.encode()
                         + request(server.port))
            statuses.append(read_head(sock).split()[1])
        self.assertEqual(statuses, [b'200', b'200', b'503'])
        limit = proxy.wait_line('proxy.limit')[0]
        self.assertEqual(limit['client'], {'addr': '192.0.2.1'})

    def test_many_at_once(self):
        """Those who stay for their "no" are bounded, too."""
        server = self.serve(echo)
        proxy = self.proxy(extra='limits: {tunnels: 1}')
        self.connect(proxy, server.port)
        socks = [self.dial(proxy.port) for _ in range(600)]
        answered = 0
        for sock in socks:
            try:
                answered += b' 503 ' in sock.recv(100)
            except ConnectionResetError:
                pass
        self.assertGreaterEqual(answered, 256)
        self.assertLess(proxy.descriptors(), 350)
        for sock in socks:
            sock.close()
        wait_until(lambda: proxy.descriptors() < 50, 'them to be gone')
        limit = [x['refused'] for x in proxy.stop()
                 if x['event'] == 'proxy.limit']
        self.assertEqual(sum(limit), 600)

    def test_connects(self):
        """A server whose queue is full keeps a client waiting."""
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            port = full.getsockname()[1]
            fill = []
            for _ in range(4):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(('127.0.0.1', port))
                fill.append(s)
            proxy = self.proxy(extra='limits: {connects: 1}')
            first = self.dial(proxy.port)
            first.sendall(request(port))
            proxy.wait_line('tunnel.dial')
            self.refused(proxy, port, b'too many pending connects')
            first.close()
            for s in fill:
                s.close()
        closed = [x['end'] for x in proxy.stop()
                  if x['event'] == 'tunnel.close']
        self.assertIn('limit', closed)


class Memory(Case):
    def test_holder_fails(self):
        """Who wants to hold more than there is gets an answer, and the
        others do not notice."""
        server = self.serve(echo)
        proxy = self.proxy(extra='limits: {memory: 64KiB}')
        quiet = self.connect(proxy, server.port)
        quiet.sendall(b'\0')
        self.assertEqual(read_exactly(quiet, 1), b'\0')
        holders = []
        for _ in range(10):
            # A head that never ends is held.
            status = self.hold(proxy, server.port)
            holders.append(status)
        limit = proxy.wait_line('proxy.limit')[0]
        self.assertEqual((limit['limit'], limit['value']),
                         ('memory', 65536))
        quiet.sendall(b'\0till here')
        self.assertEqual(read_exactly(quiet, 10), b'\0till here')
        quiet.close()
        for sock in holders:
            sock.close()
        wait_until(lambda: proxy.descriptors() < 30, 'them to be gone')
        # All of it was given back.
        with self.connect(proxy, server.port) as again:
            again.sendall(b'\0')
            self.assertEqual(read_exactly(again, 1), b'\0')

    def hold(self, proxy, port):
        sock = self.dial(proxy.port)
        sock.sendall(request(port))
        if b' 200 ' in read_head(sock).split(b'\r\n')[0]:
            try:
                sock.sendall(b'GET / HTTP/1.1\r\nHost: a\r\nx: '
                             + b'x' * 12000)
            except OSError:
                pass
        return sock

    def flood(self, count, extra):
        """Clients that read nothing from a server that sends all it can,
        until self.full."""
        stop, self.full = threading.Event(), threading.Event()
        piece = b'x' * (256 * 1024)

        def push():
            """All connections in one thread."""
            select = selectors.DefaultSelector()
            select.register(listener, selectors.EVENT_READ)
            while not stop.is_set():
                ready = select.select(1)
                if not ready and len(select.get_map()) > count:
                    self.full.set()
                for key, _ in ready:
                    if key.fileobj is listener:
                        sock, _ = listener.accept()
                        sock.setblocking(False)
                        select.register(sock, selectors.EVENT_WRITE)
                        continue
                    try:
                        key.fileobj.send(piece)
                    except BlockingIOError:
                        pass
                    except OSError:
                        select.unregister(key.fileobj)
                        key.fileobj.close()
            for key in list(select.get_map().values()):
                key.fileobj.close()
            select.close()
        listener = socket.create_server(('127.0.0.1', 0), backlog=1000)
        self.addCleanup(listener.close)
        thread = threading.Thread(target=push, daemon=True)
        thread.start()

        def end():
            stop.set()
            thread.join(DEADLINE)
        self.addCleanup(end)
        proxy = self.proxy(extra=extra)
        port = listener.getsockname()[1]
        for _ in range(count):
            sock = self.dial(proxy.port)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            sock.sendall(request(port))
            read_head(sock)
            sock.sendall(b'\0')
        return proxy

    def test_slow_readers(self):
        """Memory is flat when all that can be filled is full."""
        proxy = self.flood(SLOW, 'limits: {memory: 32MiB}')

        wait_until(self.full.is_set, 'all that can be filled to be full')

        def flat():
            before = pss(proxy.process.pid)
            time.sleep(4)
            return pss(proxy.process.pid) - before < 1024
        wait_until(flat, 'memory to stop growing')
        cpu = cpu_seconds(proxy)
        time.sleep(2)
        self.assertLess(cpu_seconds(proxy) - cpu, 1)
        self.assertEqual(proxy.lines('proxy.limit'), [])
        self.assertEqual(proxy.lines('tunnel.close'), [])


class Descriptors(Case):
    def few(self, proxy, n):
        """From now on the proxy may have n descriptors."""
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (n, n))

    def test_no_descriptors(self):
        server = self.serve(echo)
        proxy = self.proxy()
        old = [self.connect(proxy, server.port) for _ in range(5)]
        for sock in old:
            sock.sendall(b'\0')
            read_exactly(sock, 1)
        used = proxy.descriptors()
        begun = time.monotonic()
        # Clients that say nothing take the last ones.
        self.few(proxy, used + 11)
        more = [self.dial(proxy.port) for _ in range(30)]
        wait_until(lambda: 'Too many open files' in proxy.stderr(),
                   'a word about it')
        cpu, since = cpu_seconds(proxy), time.monotonic()
        for _ in range(20):
            time.sleep(0.1)
            for sock in old:
                sock.sendall(b'\0till here')
                self.assertEqual(read_exactly(sock, 10), b'\0till here')
        share = (cpu_seconds(proxy) - cpu) / (time.monotonic() - since)
        self.assertLess(share, 0.3)
        self.assertLess(proxy.stderr().count('Too many open files'),
                        3 + time.monotonic() - begun)
        # One of them asks: there is nothing to connect with.
        more[0].sendall(request(server.port))
        self.assertIn(b' 503 ', read_head(more[0]).split(b'\r\n')[0])
        for sock in more:
            sock.close()
        wait_until(lambda: proxy.descriptors() <= used, 'room')
        with self.connect(proxy, server.port) as sock:
            sock.sendall(b'\0')
            self.assertEqual(read_exactly(sock, 1), b'\0')
        for sock in old:
            sock.close()

    def test_no_descriptor_for_the_resolver(self):
        """503 and not 502: it is not the name's fault."""
        proxy = self.proxy()
        had = proxy.descriptors()
        sock = self.dial(proxy.port)
        sock.sendall(b'C')
        wait_until(lambda: proxy.descriptors() > had, 'it to be accepted')
        self.few(proxy, proxy.descriptors())
        sock.sendall(request(80).replace(b'127.0.0.1',
                                         b'nowhere.invalid')[1:])
        head = read_head(sock)
        if b' 504 ' in head or b' 502 ' in head:
            # Is there a name server at all?  An address in /etc/hosts or a
            # socket that was open already make this moot.
            self.assertNotIn(b'were not there', head)
        else:
            self.assertIn(b' 503 ', head)

    def test_said_at_the_start(self):
        """The soft limit is raised to the hard one; too low a one is told
        of, with what to do."""
        run = subprocess.run(
            ['prlimit', '--nofile=100:2000', '/usr/bin/python3',
             __file__.replace('test_limits.py', 'run.py'),
             '--build', os.environ['FRL_BUILD'], '-k', 'Inside.test_few'],
            capture_output=True, text=True, timeout=DEADLINE,
            env={**os.environ, 'FRL_INSIDE': '1'})
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


class Inside(Case):
    """Run by test_said_at_the_start."""

    def test_few(self):
        proxy = self.proxy()
        limit = resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE)
        self.assertEqual(limit, (2000, 2000))
        self.assertIn('limits.tunnels: 8192 need 16896 open files, but only '
                      '2000 are allowed', proxy.stderr())
        self.assertIn('set limits.tunnels to 744', proxy.stderr())


if 'FRL_INSIDE' not in os.environ:
    del Inside
