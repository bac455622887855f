# SPDX-License-Identifier: MIT
"""Ends that meet other ends: verdicts that come too late, readers that are
too slow, logs that nobody reads, bytes that come too early."""

import contextlib
import os
import pathlib
import signal
import socket
import tempfile
import threading
import time

from harness import (BUILD, CONFIG, Case, free_port, read_all, read_exactly,
                     read_head, reset, wait_until)
from wsframes import ANSWER, REQUEST, frame

WAIT = ('waiter', BUILD / 'tests/inspectors/wait.so')
ALL = ('http', 'websocket', 'raw')
MIB = 1 << 20


@contextlib.contextmanager
def deaf(host, family):
    """A port whose full queue answers no SYN: a server that is not there."""
    with socket.socket(family) as s, contextlib.ExitStack() as stack:
        s.bind((host, 0))
        s.listen(0)
        port = s.getsockname()[1]
        for _ in range(8):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield port


def request(name):
    return f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'.encode()


def busy(proxy):
    """Seconds of CPU so far."""
    fields = pathlib.Path(f'/proc/{proxy.process.pid}/stat').read_text()
    fields = fields.rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def wait_rest(proxy, what):
    """Until it has nothing to do: who spins never has."""
    def rests():
        before = busy(proxy)
        time.sleep(1)
        return busy(proxy) - before < 0.5
    wait_until(rests, f'an end of being busy with {what}')


class Edges(Case):

    def test_verdict_after_the_dial_is_over(self):
        """The second address is asked about while the first one's time runs
        out; the answer finds no dial any more."""
        try:
            stack = contextlib.ExitStack()
            port = stack.enter_context(deaf('::1', socket.AF_INET6))
        except OSError:
            self.skipTest('no IPv6 here')
        with stack:
            proxy = self.proxy(
                (WAIT,) + ALL, extra='timeouts:\n  connect: 500ms',
                waiter={'event': 'tunnel.dial', 'delay': '400ms'})
            sock = self.dial(proxy.port)
            sock.sendall(request(f'localhost:{port}'))
            self.assertIn(b' 504 ', read_head(sock).split(b'\r\n')[0])
            time.sleep(0.6)
            sock.close()
            proxy.stop()

    def test_bytes_before_the_tunnel_stands(self):
        """What a client sends while its server is dialled waits in its
        socket, and nobody spins over it."""
        with deaf('127.0.0.1', socket.AF_INET) as port:
            proxy = self.proxy()
            sock = self.dial(proxy.port)
            sock.sendall(request(f'127.0.0.1:{port}'))
            proxy.wait_line('tunnel.open')
            sock.sendall(b'\0early')
            wait_rest(proxy, 'early bytes')
            sock.close()

    def test_client_is_gone_while_a_hook_thinks(self):
        proxy = self.proxy((WAIT,) + ALL,
                           waiter={'event': 'tunnel.dial', 'delay': '1h'},
                           extra='timeouts:\n  wait: 1h')
        sock = self.dial(proxy.port)
        sock.sendall(request('127.0.0.1:1'))
        proxy.wait_line('tunnel.open')      # the next one is asked about
        reset(sock)
        self.assertEqual(self.wait_close(proxy)['end'], 'client_reset')

    def test_slow_reader_of_a_finished_stream(self):
        """Both sides have finished, the client is slow: nothing is lost."""
        def handler(sock):
            total = int(read_head(sock).split()[1][1:])
            sock.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n'
                         b'Content-Length: %d\r\n\r\n' % total)
            # In pieces too small to be moved inside the kernel.
            for at in range(0, total, piece):
                sock.sendall(b'x' * min(piece, total - at))
                time.sleep(0.003)
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(extra='timeouts:\n  farewell: 200ms')
        # How much the kernel takes in is not ours to know: some of these
        # leave their last bytes with the proxy.
        piece = 96 * 1024
        socks = {}
        for total in range(2 * MIB, 5 * MIB, piece // 2):
            sock = self.connect(proxy, server.port)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.sendall(b'GET /%d HTTP/1.1\r\nHost: a\r\n'
                         b'Connection: close\r\n\r\n' % total)
            socks[total] = sock
        time.sleep(1.5)
        for total, sock in socks.items():
            body = read_all(sock).partition(b'\r\n\r\n')[2]
            self.assertEqual(len(body), total)
            sock.close()
        proxy.wait_line('tunnel.close', len(socks))

    def test_answer_of_a_server_that_reads_no_further(self):
        """Closing on unread bytes sends a RST right behind the answer."""
        def handler(sock):
            read_head(sock)
            sock.sendall(b'HTTP/1.1 413 Too Large\r\n'
                         b'Content-Length: 5\r\n\r\nlarge')
        server = self.serve(handler)
        proxy = self.proxy()
        for _ in range(100):
            sock = self.connect(proxy, server.port)
            try:
                sock.sendall(b'POST / HTTP/1.1\r\nHost: a\r\n'
                             b'Content-Length: 8000000\r\n\r\n'
                             + b'x' * 2000000)
            except OSError:
                pass
            self.assertIn(b' 413 ', sock.recv(1000))
            sock.close()

    def test_drain_does_not_wait_for_a_slow_reader(self):
        def handler(sock):
            read_all(sock)
            try:
                sock.sendall(b'x' * (32 * MIB))
            except OSError:
                pass
        server = self.serve(handler)
        proxy = self.proxy(extra='timeouts:\n  farewell: 200ms')
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\0')
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
        time.sleep(0.3)
        proxy.stop(signal.SIGTERM)

    def test_no_dial_goes_on_after_a_refusal(self):
        """SIGTERM while a hook thinks about the address: the client is told,
        and nobody is connected to."""
        came = threading.Event()

        def handler(sock):
            came.set()
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(
            (WAIT,) + ALL, extra='timeouts:\n  farewell: 60s',
            waiter={'event': 'tunnel.dial', 'delay': '3s'})
        sock = self.dial(proxy.port)
        begun = time.monotonic()
        sock.sendall(request(f'127.0.0.1:{server.port}'))
        proxy.wait_line('tunnel.open')
        proxy.process.send_signal(signal.SIGTERM)
        head = read_head(sock)
        if time.monotonic() - begun > 3:
            self.skipTest('too slow to be there while the hook thinks')
        self.assertIn(b' 503 ', head.split(b'\r\n')[0])
        time.sleep(3.2)             # by now the hook has answered
        sock.close()
        lines = proxy.stop()
        self.assertNotIn('tunnel.connect', [x['event'] for x in lines])
        self.assertFalse(came.is_set())


class Self(Case):
    def refused(self, proxy, name):
        status, _, _ = self.ask(proxy, request(name))
        self.assertEqual(status, 403, name)

    def test_under_a_mapped_address(self):
        proxy = self.proxy()
        self.refused(proxy, f'127.0.0.1:{proxy.port}')
        self.refused(proxy, f'[::ffff:127.0.0.1]:{proxy.port}')
        self.refused(proxy, f'[::ffff:7f00:1]:{proxy.port}')

    def test_wildcard_under_every_own_address(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.connect(('192.0.2.1', 9))
            except OSError:
                self.skipTest('no network here')
            own = s.getsockname()[0]
        port = free_port()
        # One listener more, on every address.
        config = CONFIG.replace(
            '{listen}', '{listen}\n  - address: 0.0.0.0:' + str(port)
            + '\n    clients: [127.0.0.0/8]')
        proxy = self.proxy(config=config.replace('[127.0.0.0/8, "::1"]',
                                                 '[0.0.0.0/0]'))
        for host in ('127.0.0.1', '127.0.0.9', own, f'[::ffff:{own}]'):
            self.refused(proxy, f'{host}:{port}')


class Stall(Case):
    """A log that nobody reads stops all tunnels; once read, all go on."""

    def websocket(self, sock):
        read_head(sock)
        sock.sendall(ANSWER)
        data = read_all(sock)
        self.taken.append(len(data))

    def test_stall(self):
        self.taken = []
        server = self.serve(self.websocket)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = os.path.join(folder.name, 'log')
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        proxy = self.proxy(config=CONFIG.replace('{log}', fifo))
        socks = []
        for _ in range(3):
            sock = self.connect(proxy, server.port)
            sock.sendall(REQUEST)
            read_head(sock)
            socks.append(sock)
        flood = frame(2, b'', mask=True) * 40000
        done = threading.Event()

        def send():
            socks[0].sendall(flood)
            done.set()
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        wait_rest(proxy, 'filling the log')
        for sock in socks[1:]:
            sock.sendall(frame(1, b'hi', mask=True) * 10)
        wait_rest(proxy, 'a stalled log')
        lines = bytearray()
        stop = threading.Event()

        def drain():
            while not stop.is_set():
                try:
                    more = os.read(reader, MIB)
                except BlockingIOError:
                    more = b''
                lines.extend(more)
                if not more:
                    time.sleep(0.01)
        thread = threading.Thread(target=drain, daemon=True)
        thread.start()
        wait_until(done.is_set, 'the flood to be taken')
        sender.join()
        for sock in socks:
            sock.shutdown(socket.SHUT_WR)
            read_all(sock)
        wait_until(lambda: lines.count(b'"tunnel.close"') == 3,
                   'three last lines')
        self.assertEqual(sorted(self.taken),
                         sorted([len(flood), 80, 80]))
        self.assertEqual(lines.count(b'"ws.frame"'), 40000 + 20)
        proxy.stop()
        stop.set()
        thread.join()
