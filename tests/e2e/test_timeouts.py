# SPDX-License-Identifier: MIT
"""Deadlines: whose they are, what is said when one is over, and that whoever
is merely slow is left alone."""

import pathlib
import socket
import subprocess
import time

from harness import (CONFIG, Case, PROGRAM, echo, free_port, listens, read_all,
                     read_exactly, read_head, wait_until)

GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
DOCS = pathlib.Path(__file__).parents[2] / 'docs/TIMEOUTS.md'


class Docs(Case):
    def test_table(self):
        """The table of the documentation is what the program prints."""
        run = subprocess.run([PROGRAM, 'timeouts'], capture_output=True,
                             text=True, check=True)
        self.assertIn(run.stdout, DOCS.read_text())
        self.assertIn('timeouts.head', run.stdout)
        self.assertIn('http: first_byte', run.stdout)


class Lifetime(Case):
    def test_busy_tunnel(self):
        """It moves bytes all the time, and ends all the same."""
        server = self.serve(echo)
        proxy = self.proxy(extra='timeouts: {lifetime: 1500ms}')
        begun = time.monotonic()
        sock = self.connect(proxy, server.port)
        try:
            while True:
                sock.sendall(b'\0')
                if not sock.recv(1):
                    break
                time.sleep(0.05)
        except OSError:
            pass
        self.assertGreater(time.monotonic() - begun, 1)
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'lifetime')


class Listener(Case):
    def test_own_timeouts(self):
        """One listener's tunnels are idle for long, another one's not."""
        server = self.serve(echo)
        port = free_port()
        config = CONFIG.replace(
            '{listen}', '{listen}\n  - address: 127.0.0.1:%d\n'
            '    timeouts: {{idle: 3s, head: 2s}}' % port)
        proxy = self.proxy(config=config)
        wait_until(lambda: listens(port), 'the other listener')
        patient = self.connect(proxy, server.port)
        slow = self.dial(port)
        slow.sendall(b'CONN')
        self.assertIn(b' 408 ', read_head(slow))
        sock = self.dial(port)
        name = f'127.0.0.1:{server.port}'
        sock.sendall(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n\0'
                     .encode())
        read_head(sock)
        self.assertEqual(read_all(sock), b'\0')
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'idle_timeout')
        patient.sendall(b'\0')
        self.assertEqual(read_exactly(patient, 1), b'\0')


class Http(Case):
    def test_first_byte(self):
        """A server that never answers: 504, with the reason."""
        def handler(sock):
            read_head(sock)
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(http={'first_byte': '500ms'})
        sock = self.connect(proxy, server.port)
        sock.sendall(GET)
        answer = read_all(sock)
        sock.close()
        self.assertIn(b' 504 ', answer.split(b'\r\n')[0])
        self.assertIn(b'error=http_response_timeout', answer)
        self.assertIn(b'the server did not answer in time', answer)
        self.wait_close(proxy)
        lines = proxy.stop()
        kinds = [x['http']['kind'] for x in lines
                 if x['event'] == 'http.error']
        self.assertEqual(kinds, ['response_timeout'])

    def test_idle_after_nothing_was_due(self):
        """A tunnel's timer that had nothing to wait for is wound up again
        by a limit that comes later."""
        def handler(sock):
            read_head(sock)
            time.sleep(5.5)         # past the first look at a tunnel
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(
            extra='timeouts: {idle: 0, unacknowledged: 0, keepalive: 0}',
            http={'idle': '500ms'})
        client = self.connect(proxy, server.port, early=GET)
        self.assertIn(b' 200 ', read_head(client))
        self.assertEqual(read_all(client), b'')
        self.assertEqual(self.wait_close(proxy)['end'], 'idle_timeout')

    def test_thinking_server(self):
        """`idle` of http is not for exchanges: a server may think, and a
        stream be quiet, for longer."""
        def handler(sock):
            read_head(sock)
            time.sleep(1.2)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
            time.sleep(1.2)
            sock.sendall(b'k')
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(http={'idle': '500ms'})
        sock = self.connect(proxy, server.port, early=GET)
        self.assertTrue(read_head(sock).startswith(b'HTTP/1.1 200 '))
        self.assertEqual(read_exactly(sock, 2), b'ok')
        # And between two exchanges it is.
        self.assertEqual(read_all(sock), b'')
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'idle_timeout')

    def test_upload_that_takes_longer(self):
        """The server's time begins when it has the whole request."""
        def handler(sock):
            read_head(sock)
            read_exactly(sock, 4)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(http={'first_byte': '4s'})
        sock = self.connect(proxy, server.port)
        sock.sendall(b'PUT / HTTP/1.1\r\nHost: a\r\n'
                     b'Content-Length: 4\r\n\r\n')
        for _ in range(4):
            time.sleep(1.2)
            sock.sendall(b'x')
        self.assertTrue(read_head(sock).startswith(b'HTTP/1.1 200 '))
        read_exactly(sock, 2)       # or closing would be a reset
        sock.close()


class SlowReader(Case):
    def test_is_not_taken_for_gone(self):
        """A client that makes no room, but answers the kernel's probes, is
        waited for beyond timeouts.unacknowledged."""
        for total in (64 << 20, 600000):    # more, and less than fits
            with self.subTest(total=total):
                def handler(sock):
                    sock.recv(1)
                    sock.sendall(b'x' * total)
                    read_all(sock)
                server = self.serve(handler)
                proxy = self.proxy(extra='timeouts: {unacknowledged: 1s}')
                sock = socket.socket()
                self.addCleanup(sock.close)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                sock.connect(('127.0.0.1', proxy.port))
                name = f'127.0.0.1:{server.port}'
                sock.sendall(f'CONNECT {name} HTTP/1.1\r\n'
                             f'Host: {name}\r\n\r\n\0'.encode())
                read_head(sock)
                time.sleep(5)
                self.assertEqual(proxy.lines('tunnel.close'), [])
                self.assertEqual(len(read_exactly(sock, total)), total)
                sock.close()
                self.wait_close(proxy)
