# SPDX-License-Identifier: MIT
"""Limits are of all workers together, and whoever asks hears of it."""

import os
import resource
import signal
import socket

import harness
from harness import echo, read_head, wait_until
from test_admin import Asked


class Totals(Asked):
    def limited(self, limits, **kw):
        self.server = self.serve(echo, backlog=256)
        self.limits = limits
        return self.proxy(http=True, more=f'limits: {limits}\n', **kw)

    def workers(self, proxy):
        """Without the process that has the door for HTTP."""
        return [p for p in super().workers(proxy) if p != self.admin(proxy)]

    def begin(self, proxy, client='127.0.0.1'):
        """A client asks for a tunnel."""
        sock = socket.create_connection(
            ('127.0.0.1', proxy.port), harness.DEADLINE, (client, 0))
        self.addCleanup(sock.close)
        name = f'127.0.0.1:{self.server.port}'
        sock.sendall(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                     .encode())
        return sock

    def status_of(self, sock):
        return int(read_head(sock).split()[1])

    def fill(self, proxy, most=100, client='127.0.0.1'):
        """Tunnels one after the other until one is refused."""
        tunnels = []
        while len(tunnels) < most:
            sock = self.begin(proxy, client)
            status = self.status_of(sock)
            if status == 503:
                sock.close()
                return tunnels
            self.assertEqual(status, 200)
            tunnels.append(sock)
        self.fail(f'{most} were let in')

    def counts(self):
        """How many tunnels each worker has."""
        return {row['pid']: row['tunnels'] for row in self.lines('status')
                if row['item'] == 'worker'}

    def settle(self, count):
        """So many are there, also of those who were told no."""
        wait_until(lambda: sum(self.counts().values()) == count,
                   f'{count} tunnels')

    def end(self, tunnels, left):
        for tunnel in tunnels:
            tunnel.close()
        self.settle(left)

    def assert_unready(self, *lines):
        wait_until(lambda: self.get(b'/readyz') == (
            503, '\n'.join(('not ready', *lines, ''))),
            f'{lines} and not {self.get(b"/readyz")}')

    def test_tunnels(self):
        proxy = self.limited('{tunnels: 40}')
        self.assertEqual(self.get(b'/readyz'), (200, 'ready\n'))
        tunnels = self.fill(proxy)
        self.assertEqual(len(tunnels), 40)
        self.settle(40)
        self.assertGreater(min(self.counts().values()), 0)
        self.assert_unready('limits: tunnels: 40 of 40')
        self.assertFalse(self.status()['ready'])
        self.assertRegex(self.command('status'),
                         r'(?m)^limits +tunnels: 40 of 40$')
        # Not before there is room for some.
        self.end(tunnels[:2], 38)
        self.assert_unready('limits: tunnels: 38 of 40')
        self.end(tunnels[2:3], 37)
        self.assertEqual(self.get(b'/readyz'), (200, 'ready\n'))
        self.assertTrue(self.status()['ready'])
        self.assertEqual(len(self.fill(proxy)), 3)

    def test_at_once(self):
        """Who looks at the same moment may be one too many, for each other
        worker."""
        proxy = self.limited('{tunnels: 20}')
        for _ in range(5):
            socks = [self.begin(proxy) for _ in range(100)]
            served = [s for s in socks if self.status_of(s) == 200]
            self.assertIn(len(served), (20, 21))
            self.end(socks, 0)

    def test_tunnels_of_a_client(self):
        proxy = self.limited('{tunnels_per_client: 12}')
        tunnels = {c: self.fill(proxy, client=c)
                   for c in ('127.0.0.1', '127.0.0.2')}
        self.assertEqual([len(t) for t in tunnels.values()], [12, 12])
        self.settle(24)
        self.assertGreater(min(self.counts().values()), 0)
        # That is nobody else's business.
        self.assertEqual(self.get(b'/readyz'), (200, 'ready\n'))
        self.end(tunnels['127.0.0.1'][:5], 19)
        self.assertEqual(len(self.fill(proxy, client='127.0.0.1')), 5)
        self.assertEqual(self.fill(proxy, client='127.0.0.2'), [])

    def killed(self, limits):
        """What a killed worker had is free again, and no more."""
        proxy = self.limited(limits)
        for _ in range(2):
            tunnels = self.fill(proxy)
            self.assertEqual(len(tunnels), 16)
            self.settle(16)
            counts = self.counts()
            pid = max(counts, key=counts.get)
            others = sum(counts.values()) - counts[pid]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: len(self.counts()) == 2 and
                       pid not in self.counts(), 'another worker')
            self.settle(others)
            again = self.fill(proxy)
            self.assertEqual(len(again), 16 - others)
            self.end(tunnels + again, 0)
        # What was killed said no last word.
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(), 0)
        proxy.stopped = []

    def test_killed_worker(self):
        self.killed('{tunnels: 16}')

    def test_killed_worker_of_a_client(self):
        self.killed('{tunnels_per_client: 16}')

    def reloaded(self, key):
        """Old generations count; each has its own bound."""
        proxy = self.limited('{%s: 10}' % key, drain='1h')
        old = self.fill(proxy)
        self.assertEqual(len(old), 10)
        self.reload(proxy, 2)
        self.assertEqual(self.fill(proxy), [])
        self.rewrite(proxy, (f'{key}: 10', f'{key}: 15'))
        self.reload(proxy, 3)
        new = self.fill(proxy)
        self.assertEqual(len(new), 5)
        # The first generation leaves, and its rows are given away.
        self.end(old, 5)
        wait_until(lambda: len(self.counts()) == 2, 'the old ones to leave')
        more = self.fill(proxy)
        self.assertEqual(len(more), 10)
        self.rewrite(proxy, (f'{key}: 15', f'{key}: 4'))
        self.reload(proxy, 4)
        self.end(new + more[:7], 3)
        self.assertEqual(len(self.fill(proxy)), 1)
        self.end(more, 1)
        proxy.stop(signal.SIGINT)

    def test_reload(self):
        self.reloaded('tunnels')

    def test_reload_of_a_client(self):
        self.reloaded('tunnels_per_client')

    def test_connects(self):
        """A server whose queue is full keeps clients waiting."""
        proxy = self.limited('{connects: 6}')
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            self.server.port, port = full.getsockname()[1], self.server.port
            fill = [socket.socket() for _ in range(4)]
            for sock in fill:
                sock.setblocking(False)
                sock.connect_ex(full.getsockname())
            waiting = []
            for i in range(6):
                waiting.append(self.begin(proxy))
                proxy.wait_line('tunnel.dial', i + 1)
            self.assertEqual(self.status_of(self.begin(proxy)), 503)
            self.assert_unready('limits: connects: 6 of 6')
            for sock in waiting + fill:
                sock.close()
            self.server.port = port
        wait_until(lambda: self.get(b'/readyz')[0] == 200, 'no connects')

    def holders(self, workers):
        """How many can hold 12,000 bytes?"""
        proxy = self.limited('{memory: 256KiB}', workers=workers)
        socks = []

        def all_hold():
            tunnels = self.tunnels()
            return [len(tunnels)] if all(t['waiting_bytes'] >= 12000
                                         for t in tunnels) else None
        for _ in range(30):
            socks.append(self.begin(proxy))
            if self.status_of(socks[-1]) == 200:
                # A head that never ends is held; or there is no room.
                socks[-1].sendall(b'GET / HTTP/1.1\r\nHost: a\r\nx: '
                                  + b'x' * 12000)
            held, = wait_until(all_hold, 'all to hold or to be gone')
        proxy.wait_line('proxy.limit')
        self.end(socks, 0)
        proxy.stop()
        return held

    def test_memory(self):
        """Bytes that one worker holds are missing in the other."""
        alone = self.holders(1)
        self.assertIn(self.holders(2), (alone - 1, alone))

    def test_descriptors(self):
        """Whoever cannot accept is not ready."""
        proxy = self.limited('{tunnels: 1000}')
        pids = self.wait_workers(proxy, 2)
        for pid in pids:
            n = len(os.listdir(f'/proc/{pid}/fd')) + 8
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (n, n))
        silent = [self.dial(proxy.port) for _ in range(60)]
        self.assert_unready('descriptors: 2 of 2 workers can accept nobody: '
                            'too many open files, or no memory')
        self.assertEqual(self.metrics()['fairlead_ready'][''], 0)
        for sock in silent:
            sock.close()
        wait_until(lambda: self.get(b'/readyz')[0] == 200, 'room')
        self.assertEqual(self.status_of(self.begin(proxy)), 200)
