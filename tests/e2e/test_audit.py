# SPDX-License-Identifier: MIT
"""`audit: required`: while a log cannot be written, nobody new is let in, the
others live on, and every line is there in the end.

Nothing is compared with the clock: clients come until one is turned away, and
again until one is let in.
"""

import fcntl
import os
import pathlib
import resource
import signal
import socket

import harness
from crowd import Crowd, Echo
from harness import echo, read_exactly, wait_until
from test_admin import TOKEN, Asked, check_metrics
from test_scale_load import Pipe

REFUSAL = ('fairlead: new tunnels cannot be logged: the audit log cannot be '
           'written; ')


def audited(path='{log}'):
    return harness.CONFIG.replace('"{log}"', f'"{path}"').replace(
        '    events:', '    audit: required\n    events:')


class Both:
    """What holds for one process and for many."""

    def try_connect(self, proxy, server, sock=None):
        """(status, what follows, socket)"""
        sock = sock or self.dial(proxy.port)
        name = f'127.0.0.1:{server.port}'
        sock.sendall(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                     .encode())
        head = harness.read_head(sock)
        status = int(head.split()[1])
        if status == 200:
            return status, b'', sock
        self.assertIn(b'\r\nRetry-After: 1\r\n', head)
        body = harness.read_all(sock)
        sock.close()
        return status, body, None

    def until(self, proxy, server, wanted):
        """Clients come until one is answered so; their tunnels stay."""
        self.refused = getattr(self, 'refused', 0)
        tunnels = []

        def answered():
            status, body, sock = self.try_connect(proxy, server)
            self.assertIn(status, (200, 503))
            if status == 503:
                self.refused += 1
                self.assertTrue(body.decode().startswith(REFUSAL), body)
                self.assertNotIn(str(proxy.folder), body.decode())
            else:
                tunnels.append(sock)
            return status == wanted
        wait_until(answered, f'a {wanted}\n{proxy.stderr()}')
        return tunnels

    def say(self, tunnel, text=b'\0ahoy'):
        tunnel.sendall(text)
        self.assertEqual(read_exactly(tunnel, len(text)), text)

    def writer(self, proxy):
        """Who has the log open?"""
        for pid in self.processes(proxy):
            for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
                try:
                    if os.readlink(fd) == str(proxy.log):
                        return pid
                except OSError:
                    pass
        return None

    def fill(self, proxy):
        """No byte more goes into the log's file: a disk that is full, but
        write(2) calls it EFBIG."""
        pid = wait_until(lambda: self.writer(proxy), 'a writer')
        size = max(proxy.log.stat().st_size + 100, 1000)
        resource.prlimit(pid, resource.RLIMIT_FSIZE,
                         (size, resource.RLIM_INFINITY))
        return lambda: resource.prlimit(
            pid, resource.RLIMIT_FSIZE,
            (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def refuses_reverse(self, proxy):
        with self.dial(proxy.reverse_port) as sock:
            try:
                sock.sendall(b'\0hello')
                got = sock.recv(100)
            except ConnectionError:
                got = b''
            self.assertEqual(got, b'')

    def finish(self, proxy, tunnels):
        """The log's lines; the proxy itself says how many were turned away.
        stop() sees whether one is missing."""
        for tunnel in tunnels:
            self.say(tunnel)
            tunnel.close()
        # Each worker says what it knows of.
        wait_until(lambda: sum(
            line['refused'] for line in proxy.lines('log.mended')) ==
            self.refused, f'{self.refused} to be told of\n{proxy.tail()}')
        mended = proxy.lines('log.mended')
        broken = proxy.wait_line('log.broken')
        for line in broken + mended:
            self.assertEqual(line['log'], str(proxy.log))
        # Who says the one has said the other.
        self.assertLessEqual({line['pid'] for line in mended},
                             {line['pid'] for line in broken})
        lines = proxy.stop()
        self.assertEqual(
            len([line for line in lines if line['event'] == 'tunnel.open']),
            len(tunnels))
        # There is no line for each.
        self.assertNotIn('tunnel.refused', {line['event'] for line in lines})
        self.assertNotIn('lost', proxy.stderr())
        return broken

    def test_full_disk(self):
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy(config=audited(),
                           reverse=f'127.0.0.1:{server.port}')
        tunnels = [self.connect(proxy, server.port) for _ in range(5)]
        before = self.dial(proxy.port)
        empty = self.fill(proxy)
        tunnels += self.until(proxy, server, 503)
        for tunnel in tunnels:
            self.say(tunnel)
        # Who had come before and asks only now is new as well.
        self.assertEqual(self.try_connect(proxy, server, before)[0], 503)
        self.refuses_reverse(proxy)
        self.refused += 2
        self.look_broken('File too large')
        self.assertIn(f'cannot write events to {proxy.log}: File too large',
                      proxy.stderr())
        empty()
        tunnels += self.until(proxy, server, 200)
        self.look_fine()
        broken = self.finish(proxy, tunnels)
        self.assertEqual({line['reason'] for line in broken},
                         {'File too large'})

    def test_kept_connection(self):
        """A further request of a tunnel is not a new one; one for another
        server is."""
        here = self.serve(answer_all)
        other = self.serve(answer_all)
        proxy = self.proxy(config=audited())
        sock = self.dial(proxy.port)
        self.get(sock, here, 200)
        empty = self.fill(proxy)
        self.refused = 0
        tunnels = self.until(proxy, here, 503)
        self.get(sock, here, 200)
        self.get(sock, here, 200)
        body = self.get(sock, other, 503)
        self.assertTrue(body.decode().startswith(REFUSAL), body)
        self.assertEqual(sock.recv(1), b'')
        empty()
        for tunnel in tunnels:
            tunnel.close()
        proxy.wait_line('http.request', 3)
        proxy.wait_line('log.mended')

    def get(self, sock, server, status):
        name = f'127.0.0.1:{server.port}'
        sock.sendall(f'GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n\r\n'
                     .encode())
        head = harness.read_head(sock)
        self.assertEqual(int(head.split()[1]), status, head)
        for line in head.decode().lower().split('\r\n'):
            if line.startswith('content-length:'):
                return read_exactly(sock, int(line.split(':')[1]))
        raise AssertionError(head)

    def unread_pipe(self):
        pipe = Pipe(self)
        fcntl.fcntl(pipe.fd, fcntl.F_SETPIPE_SZ, 4096)
        return pipe

    def end(self, proxy):
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0,
                         proxy.stderr())
        self.assertNotIn('Sanitizer', proxy.stderr())
        proxy.stopped = []

    def test_pipe_that_nobody_reads(self):
        server = self.serve(echo, backlog=1024)
        pipe = self.unread_pipe()
        proxy = self.proxy(config=audited(pipe.path))
        tunnels = [self.connect(proxy, server.port) for _ in range(5)]
        pipe.reading.clear()
        tunnels += self.until(proxy, server, 503)
        for tunnel in tunnels:
            self.say(tunnel)
        self.look_broken('nobody takes its lines')
        pipe.reading.set()
        tunnels += self.until(proxy, server, 200)
        for tunnel in tunnels:
            self.say(tunnel)
            tunnel.close()
        wait_until(lambda: pipe.data.count(b'"tunnel.close"') ==
                   len(tunnels), 'the last lines')
        self.end(proxy)
        pipe.stop()
        lines = pipe.lines()
        harness.check_lines(lines)
        self.assertEqual(len([line for line in lines if
                              line['event'] == 'tunnel.open']), len(tunnels))
        self.assertEqual(sum(line['refused'] for line in lines if
                             line['event'] == 'log.mended'), self.refused)

    def test_full_ring(self):
        """Who asks while all is stalled is told no, not left waiting."""
        pipe = self.unread_pipe()
        proxy = self.proxy(config=audited(pipe.path), head='1h')
        server = Echo(self)
        crowd = self.websockets(proxy, server)
        pipe.reading.clear()
        answers = []
        crowd.ask('blast 500')          # more than two rings
        for _ in range(8):
            answers.append(self.dial(proxy.port))
            answers[-1].sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\n'
                                b'Host: a\r\n\r\n' % server.port)
        for sock in answers:
            self.assertIn(harness.read_head(sock).split()[1],
                          (b'200', b'503'))
        self.until(proxy, server, 503)
        pipe.reading.set()
        self.until(proxy, server, 200)
        self.assertEqual(crowd.ask('speak')['lost'], 0)
        crowd.ask('close')
        self.end(proxy)
        pipe.stop()
        self.assertNotIn('log.dropped', {line['event'] for line
                                         in pipe.lines()})

    def websockets(self, proxy, server):
        crowd = Crowd(self, proxy.port, server.port, True)
        self.assertEqual(crowd.ask('open 20')['open'], 20)
        return crowd

    def test_rotation_that_fails(self):
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy(config=audited())
        tunnels = [self.connect(proxy, server.port)]
        old = proxy.log.with_suffix('.old')
        proxy.log.rename(old)
        proxy.log.mkdir()
        proxy.process.send_signal(signal.SIGUSR1)
        tunnels += self.until(proxy, server, 503)
        self.look_broken('Is a directory')
        self.say(tunnels[0])
        self.assertIn('Is a directory; the old file stays in use',
                      proxy.stderr())
        proxy.log.rmdir()
        tunnels += self.until(proxy, server, 200)
        self.look_fine()
        for tunnel in tunnels:
            tunnel.close()
        wait_until(lambda: (old.read_bytes() + proxy.log.read_bytes()).count(
            b'"tunnel.close"') == len(tunnels), 'the ends')
        self.whole(proxy, old)

    def whole(self, proxy, old):
        """Both files together are."""
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.log.write_bytes(old.read_bytes() + proxy.log.read_bytes())
        proxy.stop()

    def test_removed_file(self):
        """It is there again with the next line."""
        server = self.serve(echo)
        proxy = self.proxy(config=audited())
        with self.connect(proxy, server.port) as tunnel:
            proxy.wait_line('tunnel.connect')
            kept = proxy.folder / 'kept'
            kept.hardlink_to(proxy.log)
            text = proxy.log.read_bytes()
            proxy.log.unlink()
            kept.unlink()
            self.say(tunnel)
        wait_until(proxy.log.exists, 'a new file')
        proxy.wait_line('tunnel.close')
        proxy.log.write_bytes(text + proxy.log.read_bytes())
        proxy.stop()

    def test_full_from_the_start(self):
        server = self.serve(echo)
        full = pathlib.Path(self.folder()) / 'log'
        full.symlink_to('/dev/full')
        proxy = self.proxy(config=audited(full))
        self.until(proxy, server, 503)
        self.look_broken('No space left on device')
        full.unlink()
        proxy.process.send_signal(signal.SIGUSR1)
        tunnels = self.until(proxy, server, 200)
        for tunnel in tunnels:
            tunnel.close()
        wait_until(lambda: full.read_bytes().count(b'"tunnel.close"') ==
                   len(tunnels), 'the ends')
        self.end(proxy)

    def test_another_log_matters_not(self):
        server = self.serve(echo)
        proxy = self.proxy(config=audited().replace(
            '{extra}', '  - {{file: /dev/full, format: text}}\n{extra}'))
        with self.connect(proxy, server.port) as tunnel:
            self.say(tunnel)
        wait_until(lambda: 'cannot write events to /dev/full' in
                   proxy.stderr(), 'a word')
        with self.connect(proxy, server.port) as tunnel:
            self.say(tunnel)
        self.look_fine()
        proxy.wait_line('tunnel.close', 2)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 1)
        proxy.stopped = []


def answer_all(sock):
    """A server that answers every request alike."""
    data = b''
    while True:
        while b'\r\n\r\n' not in data:
            more = sock.recv(1 << 16)
            if not more:
                return
            data += more
        if data.startswith(b'GET '):
            data = data[data.index(b'\r\n\r\n') + 4:]
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
        else:
            sock.sendall(data)
            data = b''


class Alone(Both, harness.Case):
    def proxy(self, head='10s', **kw):
        return super().proxy(
            extra=f'timeouts:\n  drain: 1ms\n  head: {head}\n', **kw)

    def folder(self):
        return Asked.folder(self)

    def processes(self, proxy):
        return [proxy.process.pid]

    def look_broken(self, why):
        pass

    def look_fine(self):
        pass


class Supervised(Both, Asked):
    def proxy(self, head='10s', **kw):
        return super().proxy(http=True, drain=f'1ms\n  head: {head}', **kw)

    def processes(self, proxy):
        return self.children(proxy)

    def http_get(self, path):
        request = (f'GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: '
                   f'Bearer {TOKEN}\r\n\r\n').encode()
        with socket.create_connection(('127.0.0.1', self.http),
                                      harness.DEADLINE) as sock:
            sock.sendall(request)
            head, _, body = harness.read_all(sock).partition(b'\r\n\r\n')
        return int(head.split()[1]), body.decode()

    def look_broken(self, why):
        why = f'the audit log cannot be written: {why}'
        wait_until(lambda: self.http_get('/readyz') == (
            503, f'not ready\naudit: {why}\n'), 'not to be ready')
        lines = self.lines('status')
        self.assertFalse(lines[0]['ready'])
        self.assertEqual(lines[1], {'item': 'unready', 'reason': 'audit',
                                    'why': why})
        self.assertEqual(self.gauge(), {1})

    def look_fine(self):
        wait_until(lambda: self.http_get('/readyz') == (200, 'ready\n'),
                   'it to be ready')

    def gauge(self):
        found = check_metrics(self.http_get('/metrics')[1])
        self.assertEqual(found['fairlead_ready'], {'': 0})
        return set(found['fairlead_log_broken'].values())

    def test_stopped_logger(self):
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy(config=audited())
        tunnels = [self.connect(proxy, server.port) for _ in range(5)]
        logger = wait_until(lambda: self.writer(proxy), 'a logger')
        os.kill(logger, signal.SIGSTOP)
        self.addCleanup(lambda: proxy.process.poll() is None and
                        os.kill(logger, signal.SIGCONT))
        tunnels += self.until(proxy, server, 503)
        for tunnel in tunnels:
            self.say(tunnel)
        self.look_broken('nobody takes its lines')
        os.kill(logger, signal.SIGCONT)
        tunnels += self.until(proxy, server, 200)
        self.look_fine()
        self.finish(proxy, tunnels)

    def test_logger_that_finds_no_file(self):
        """Another logger takes over, and waits for what it can open."""
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy(config=audited())
        tunnels = [self.connect(proxy, server.port)]
        proxy.wait_line('tunnel.connect')
        logger = self.writer(proxy)
        old = proxy.log.with_suffix('.old')
        proxy.log.rename(old)
        proxy.log.mkdir()
        os.kill(logger, signal.SIGKILL)
        tunnels += self.until(proxy, server, 503)
        self.look_broken('Is a directory')
        for tunnel in tunnels:
            self.say(tunnel)
        proxy.log.rmdir()
        tunnels += self.until(proxy, server, 200)
        self.look_fine()
        for tunnel in tunnels:
            tunnel.close()
        wait_until(lambda: (old.read_bytes() + proxy.log.read_bytes()).count(
            b'"tunnel.close"') == len(tunnels), 'the ends')
        self.whole(proxy, old)

    def test_counted(self):
        """Nothing is dropped, and all that was produced is written."""
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy(config=audited())
        empty = self.fill(proxy)
        tunnels = self.until(proxy, server, 503)
        empty()
        tunnels += self.until(proxy, server, 200)
        for tunnel in tunnels:
            tunnel.close()
        proxy.wait_line('tunnel.close', len(tunnels))
        wait_until(lambda: self.counts('written') == self.counts('produced'),
                   'equal counts')
        self.assertEqual(self.counts('dropped'), 0)
        self.assertGreaterEqual(
            check_metrics(self.http_get('/metrics')[1])[
                'fairlead_tunnels_ended_total']['{end="unlogged"}'], 1)

    def counts(self, state):
        found = check_metrics(self.http_get('/metrics')[1])
        return found['fairlead_log_lines_total'][f'{{state="{state}"}}']
