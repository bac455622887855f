# SPDX-License-Identifier: MIT
"""Tunnels of any protocol: who speaks first, who finishes first, who is slow,
who is rude, and how it all ends."""

import hashlib
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import wsframes
from harness import (Case, echo, read_all, read_exactly, read_head, reset,
                     wait_until)
from wsframes import ANSWER, REQUEST, frame

MIB = 1 << 20


def websocket(sock):
    """Accept, greet, echo what comes as it is."""
    read_head(sock)
    sock.sendall(ANSWER + frame(1, b'welcome'))
    echo(sock)


def answers(sock):
    """An HTTP server that answers every request."""
    try:
        while True:
            read_head(sock)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    except EOFError:
        pass


class Raw(Case):
    def test_socat(self):
        server = self.serve(echo)
        proxy = self.proxy()
        data = b'hello, not HTTP\n' + os.urandom(100000)
        result = subprocess.run(
            ['socat', '-t', '30', '-',
             f'PROXY:127.0.0.1:127.0.0.1:{server.port},'
             f'proxyport={proxy.port}'],
            input=data, capture_output=True, timeout=60, check=True)
        self.assertEqual(result.stdout, data)
        last = self.wait_close(proxy)
        self.assertEqual(last['inspector'], 'raw')
        self.assertEqual(last['c2s_bytes'], len(data))
        self.assertEqual(last['s2c_bytes'], len(data))

    def test_server_first(self):
        def handler(sock):
            sock.sendall(b'220 mail ESMTP\r\n')
            self.assertEqual(read_exactly(sock, 6), b'QUIT\r\n')
            sock.sendall(b'221 bye\r\n')
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        self.assertEqual(read_exactly(sock, 16), b'220 mail ESMTP\r\n')
        sock.sendall(b'QUIT\r\n')
        self.assertEqual(read_all(sock), b'221 bye\r\n')
        sock.close()
        last = self.wait_close(proxy)
        self.assertEqual(last['inspector'], 'raw')

    def test_early_bytes_with_connect(self):
        server = self.serve(echo)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port, early=b'\x01early bytes')
        self.assertEqual(read_exactly(sock, 12), b'\x01early bytes')

    def test_half_close(self):
        """The client finishes; ten megabytes still come back."""
        body = os.urandom(10 * 1000 * 1000)

        def handler(sock):
            self.assertEqual(read_all(sock), b'\x00give me all')
            sock.sendall(body)
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x00give me all')
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(hashlib.sha256(read_all(sock)).digest(),
                         hashlib.sha256(body).digest())
        sock.close()
        last = self.wait_close(proxy)
        self.assertEqual(last['c2s_bytes'], 12)
        self.assertEqual(last['s2c_bytes'], len(body))

    def test_server_half_close(self):
        """The server finishes; what the client still sends arrives."""
        body = os.urandom(3 * MIB)
        got = []

        def handler(sock):
            sock.sendall(b'\x00done')
            sock.shutdown(socket.SHUT_WR)
            got.append(read_all(sock))
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        self.assertEqual(read_all(sock), b'\x00done')
        sock.sendall(body)
        sock.shutdown(socket.SHUT_WR)
        self.wait_close(proxy)
        server.close()
        self.assertEqual(got, [body])

    def test_slow_reader_bounded_memory(self):
        total = 128 * MIB
        piece = os.urandom(MIB)
        sent = [0]

        def handler(sock):
            sock.recv(1)
            for _ in range(total // MIB):
                sock.sendall(piece)
                sent[0] += MIB
        server = self.serve(handler)
        # The sanitizer keeps freed memory for a while: not for this test.
        asan = os.environ.get('ASAN_OPTIONS', '')
        proxy = self.proxy(env={
            'ASAN_OPTIONS': asan + ':quarantine_size_mb=1'})
        sock = self.connect(proxy, server.port)
        before = proxy.memory()
        sock.sendall(b'\x00')
        # Nobody reads: the server gets stuck when all buffers are full.
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1.5:
            if sent[0] != last:
                last, since = sent[0], time.monotonic()
            time.sleep(0.05)
        self.assertLess(last, total, 'back-pressure never came')
        self.assertLess(proxy.memory() - before, 12 * 1024)
        digest = hashlib.sha256()
        for _ in range(total // MIB):
            digest.update(read_exactly(sock, MIB))
        self.assertEqual(digest.digest(), hashlib.sha256(
            piece * (total // MIB)).digest())
        self.assertLess(proxy.memory() - before, 12 * 1024)
        sock.close()
        self.assertEqual(self.wait_close(proxy)['s2c_bytes'], total)

    def test_bulk_both_ways(self):
        data = os.urandom(MIB) * 64
        server = self.serve(echo)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)

        def send():
            sock.sendall(b'\x00' + data)
            sock.shutdown(socket.SHUT_WR)
        writer = threading.Thread(target=send)
        writer.start()
        self.assertEqual(hashlib.sha256(read_all(sock)).digest(),
                         hashlib.sha256(b'\x00' + data).digest())
        writer.join()
        sock.close()
        self.wait_close(proxy)

    def test_client_resets(self):
        seen = []

        def handler(sock):
            sock.sendall(read_exactly(sock, 5))
            try:
                seen.append(sock.recv(1))
            except ConnectionResetError:
                seen.append(b'')
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x00ping')
        read_exactly(sock, 5)
        reset(sock)
        last = self.wait_close(proxy)
        self.assertEqual(last['end'], 'client_reset')
        self.assertEqual(last['closed_by'], 'client')
        server.close()
        self.assertEqual(seen, [b''])

    def test_server_resets(self):
        def handler(sock):
            sock.sendall(read_exactly(sock, 5))
            read_exactly(sock, 1)
            reset(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x00ping')
        read_exactly(sock, 5)
        sock.sendall(b'x')
        try:
            self.assertEqual(sock.recv(1), b'')
        except ConnectionResetError:
            pass
        last = self.wait_close(proxy)
        self.assertEqual(last['end'], 'server_reset')
        self.assertEqual(last['closed_by'], 'server')

    def test_many_short_tunnels_leak_nothing(self):
        server = self.serve(echo)
        proxy = self.proxy()
        before = proxy.descriptors()
        for i in range(200):
            sock = self.connect(proxy, server.port)
            sock.sendall(b'\x00%03d' % i)
            read_exactly(sock, 4)
            sock.close()
        proxy.wait_line('tunnel.close', count=200)
        # Pipes of a pool may stay.
        wait_until(lambda: proxy.descriptors() <= before + 60,
                   'descriptors to go')

    def test_destination_refused_after_resolution(self):
        # 0.0.0.0 and the listener itself are no way in.
        proxy = self.proxy()
        for host in (f'127.0.0.1:{proxy.port}', f'0.0.0.0:{proxy.port}',
                     '169.254.1.1:80', f'localhost:{proxy.port}'):
            with self.subTest(host=host):
                status, fields, _ = self.ask(
                    proxy, f'CONNECT {host} HTTP/1.1\r\nHost: {host}'
                    '\r\n\r\n'.encode())
                # localhost is also ::1, where nobody listens.
                self.assertIn(
                    status, (403, 502) if host[0] == 'l' else (403,))
                self.assertIn('error=', fields['proxy-status'])
        self.assertFalse(proxy.lines('tunnel.connect'))


class Tls(Case):
    def certificate(self):
        folder = self.p.folder
        key, cert = folder / 'key.pem', folder / 'cert.pem'
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
             '-subj', '/CN=localhost', '-keyout', key, '-out', cert],
            check=True, capture_output=True)
        return cert, key

    def test_openssl_through_opaque_tunnel(self):
        self.p = self.proxy()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate())

        def handler(sock):
            with context.wrap_socket(sock, server_side=True) as tls:
                self.assertEqual(tls.recv(100), b'hello\n')
                tls.sendall(b'over TLS\n')
                tls.unwrap()
        server = self.serve(handler)
        client = subprocess.run(
            ['openssl', 's_client', '-quiet', '-proxy',
             f'127.0.0.1:{self.p.port}', '-connect',
             f'127.0.0.1:{server.port}'],
            input=b'hello\n', capture_output=True, timeout=60, check=False)
        self.assertIn(b'over TLS\n', client.stdout, client.stderr)
        last = self.wait_close(self.p)
        self.assertEqual(last['inspector'], 'raw')
        self.assertTrue(self.p.lines('tunnel.uninspected'))


class Idle(Case):
    def test_websocket_outlives_http_timers(self):
        server = self.serve(websocket)
        proxy = self.proxy(http={'idle': '1s'})
        sock = self.connect(proxy, server.port, early=REQUEST)
        read_head(sock)
        read_exactly(sock, 9)
        time.sleep(3)
        message = frame(1, b'still there?', mask=True)
        sock.sendall(message)
        self.assertEqual(read_exactly(sock, len(message)), message)
        sock.close()
        last = self.wait_close(proxy)
        self.assertNotEqual(last['end'], 'idle_timeout')

    def test_raw_outlives_http_timers(self):
        server = self.serve(echo)
        proxy = self.proxy(http={'idle': '1s'})
        sock = self.connect(proxy, server.port, early=b'\x00a')
        read_exactly(sock, 2)
        time.sleep(2.5)
        sock.sendall(b'b')
        self.assertEqual(read_exactly(sock, 1), b'b')

    def test_idle_http_ends(self):
        server = self.serve(answers)
        proxy = self.proxy(http={'idle': '1s'})
        sock = self.connect(proxy, server.port,
                            early=b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        read_head(sock)
        self.assertEqual(read_exactly(sock, 2), b'ok')
        self.assertEqual(read_all(sock), b'')
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'idle_timeout')

    def test_idle_raw_ends(self):
        server = self.serve(echo)
        proxy = self.proxy(extra='timeouts:\n  idle: 3s')
        sock = self.connect(proxy, server.port, early=b'\x00a')
        read_exactly(sock, 2)
        self.assertEqual(read_all(sock), b'')
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'idle_timeout')

    def test_prefix_that_never_decides(self):
        """`GET ` may become HTTP: held, then ended, never raw."""
        got = []
        server = self.serve(lambda sock: got.append(read_all(sock)))
        proxy = self.proxy(extra='timeouts:\n  detect: 500ms')
        sock = self.connect(proxy, server.port)
        sock.sendall(b'GET ')
        try:
            self.assertEqual(read_all(sock), b'')
        except ConnectionResetError:
            pass
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'detect_timeout')
        server.close()
        self.assertEqual(got, [b''])

    def test_half_closed_timeout(self):
        """One side finished and the other says nothing for ever."""
        over = threading.Event()

        def handler(sock):
            try:
                read_all(sock)
                over.wait(60)
            except ConnectionResetError:
                pass
        server = self.serve(handler)
        proxy = self.proxy(
            extra='timeouts:\n  half_closed: 500ms\n  farewell: 500ms')
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x00a')
        sock.shutdown(socket.SHUT_WR)
        last = self.wait_close(proxy)
        over.set()
        self.assertEqual(last['end'], 'half_closed_timeout')


class Signals(Case):
    def test_sigterm_drains(self):
        closes = []

        def handler(sock):
            if sock.recv(1, socket.MSG_PEEK) == b'\0':
                return echo(sock)
            read_head(sock)
            sock.sendall(ANSWER + frame(1, b'welcome'))
            closes.append(read_all(sock))
        server = self.serve(handler)
        # Nobody answers the close frames: the deadline ends it.
        proxy = self.proxy(extra='timeouts:\n  farewell: 1s')
        socks = []
        for _ in range(3):
            sock = self.connect(proxy, server.port)
            sock.sendall(REQUEST)
            read_head(sock)
            read_exactly(sock, 9)
            socks.append(sock)
        raw = self.connect(proxy, server.port)
        raw.sendall(b'\0x')
        read_exactly(raw, 2)
        raw.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(raw), b'')
        lines = proxy.stop(signal.SIGTERM)
        # Both sides of a WebSocket are told: 1001, going away.
        for sock in socks:
            close = read_all(sock)
            self.assertEqual(close[0], 0x88)
            self.assertEqual(close[2:4], b'\x03\xe9')
        server.close()
        for close in closes:
            decoder = wsframes.Decoder().feed(close)
            self.assertEqual(decoder.frames[0]['type'], 'close')
            self.assertTrue(decoder.frames[0]['masked'])
            self.assertEqual(decoder.payloads[0][:2], b'\x03\xe9')
        ends = [x['end'] for x in lines if x['event'] == 'tunnel.close']
        self.assertEqual(len(ends), 4)
        self.assertEqual(ends.count('shutdown') + ends.count('drain'), 3,
                         ends)

    def test_sigint_with_nothing_to_do(self):
        proxy = self.proxy()
        proxy.stop(signal.SIGINT)

    def test_second_signal_leaves_at_once(self):
        """A frame that was announced and never comes would hold a drain for
        its whole deadline."""
        def handler(sock):
            try:
                websocket(sock)
            except ConnectionResetError:
                pass
        server = self.serve(handler)
        proxy = self.proxy(extra='timeouts:\n  farewell: 1h')
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST + frame(2, b'x' * 1000, mask=True)[:500])
        read_head(sock)
        read_exactly(sock, 9 + 400)
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not self.accepts(proxy), 'the drain to begin')
        self.assertIsNone(proxy.process.poll())
        proxy.process.send_signal(signal.SIGTERM)
        proxy.process.wait(30)
        # Even then every line is there.
        self.assertEqual(len(proxy.lines('tunnel.close')), 1)

    def accepts(self, proxy):
        try:
            socket.create_connection(('127.0.0.1', proxy.port)).close()
        except OSError:         # refused, or reset in the queue
            return False
        time.sleep(0.05)
        return True

    def test_sigusr1_reopens(self):
        server = self.serve(echo)
        proxy = self.proxy()

        def one():
            sock = self.connect(proxy, server.port)
            sock.sendall(b'\0x')
            read_exactly(sock, 2)
            sock.close()
        one()
        proxy.wait_line('tunnel.close')
        old = proxy.log.with_suffix('.old')
        proxy.log.rename(old)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_until(proxy.log.exists, 'the new file')
        one()
        proxy.wait_line('tunnel.close')
        self.assertEqual(old.read_text().count('"tunnel.close"'), 1)


class Text(Case):
    def test_lines_for_people(self):
        server = self.serve(websocket)
        config = """\
version: 1
listen:
{listen}
plugins:
{plugins}
destinations:
  allow: [127.0.0.0/8]
log:
  - file: "-"
    format: text
  - file: "{log}"
{extra}
"""
        proxy = self.proxy(config=config)
        sock = self.connect(proxy, server.port)
        message = frame(2, b'\x1b[31m' * 7, mask=True)
        sock.sendall(REQUEST + message)
        read_head(sock)
        read_exactly(sock, 9 + len(message))
        sock.close()
        self.wait_close(proxy)
        proxy.stop()
        text = (proxy.folder / 'stdout').read_text()
        self.assertRegex(text, re.compile('<- +text', re.M))
        self.assertRegex(text, re.compile('-> +binary', re.M))
        self.assertNotIn('\x1b', text)
