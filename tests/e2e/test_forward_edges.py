# SPDX-License-Identifier: MIT
"""Absolute-form requests where servers, clients and moments are unkind."""

import pathlib
import signal
import socket
import threading
import time

from harness import (Case, DEADLINE, read_all, read_exactly, read_head, reset,
                     wait_until)
from test_forward import answer, inspector, read_answer, read_request

# Each flow sleeps before it goes on.
SLOW = (inspector('pedantic'), 'http', 'raw')


def get(port, path='/', more='', method='GET', body=b''):
    if body:
        more += f'Content-Length: {len(body)}\r\n'
    return (f'{method} http://127.0.0.1:{port}{path} HTTP/1.1\r\n'
            f'Host: x\r\n{more}\r\n').encode() + body


STEP = 16384


def largest(works):
    """The largest size for which this is true, to one step: (what it gave,
    that size)."""
    low, high, best = 0, 1024, None
    while high - low > 1:
        middle = (low + high) // 2
        got = works(middle * STEP)
        if got:
            low, best = middle, got
        else:
            high = middle
    return best, low * STEP


def chunks(size):
    """A chunked body."""
    return b'%x\r\n%b\r\n0\r\n\r\n' % (size, b'z' * size)


class Edges(Case):
    def echo(self, name):
        def handler(sock):
            while True:
                head, _ = read_request(sock)
                if not head:
                    return
                sock.sendall(answer(name + b' ' + head.split(b' ')[1]))
        return self.serve(handler)

    def narrow(self, port):
        """A client that takes little at a time."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(60)
        sock.connect(('127.0.0.1', port))
        self.addCleanup(sock.close)
        return sock

    def test_small_connect(self):
        """A method in small letters is no CONNECT, for nobody."""
        server = self.serve(read_all)
        proxy = self.proxy()
        for method in ('connect', 'Connect'):
            status, _, _ = self.ask(proxy, get(server.port, method=method))
            self.assertEqual(status, 501)
        proxy.wait_line('tunnel.close', 2)
        self.assertEqual(len(proxy.lines('tunnel.open')), 2)

    def test_server_leaves_first(self):
        """The first request has no other server to go to."""
        server = self.serve(lambda sock: None)
        proxy = self.proxy(SLOW, pedantic={'slow': 'true'})
        status, _, _ = self.ask(proxy, get(server.port))
        self.assertEqual(status, 502)
        proxy.wait_line('tunnel.close')
        self.assertEqual(len(proxy.lines('tunnel.open')), 1)

    def test_server_speaks_first(self):
        def handler(sock):
            sock.sendall(b'220 mail.example ready\r\n')
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(SLOW, pedantic={'slow': 'true'})
        status, _, _ = self.ask(proxy, get(server.port))
        self.assertEqual(status, 502)
        proxy.wait_line('tunnel.close')
        self.assertEqual(len(proxy.lines('tunnel.open')), 1)

    def closing(self, size):
        """A server that says that it closes."""
        def handler(sock):
            read_request(sock)
            try:
                sock.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n'
                             b'Transfer-Encoding: chunked\r\n\r\n' +
                             chunks(size))
            except ConnectionError:
                pass            # a client of unread() that was reset
        return self.serve(handler)

    def unread(self, proxy):
        """The client of a tunnel that has gone on, with as much as there can
        be that it has not read; some of it is in the proxy.  And the size."""
        def goes_on(size):
            before = len(proxy.lines('tunnel.close'))
            client = self.narrow(proxy.port)
            client.sendall(get(self.closing(size).port))
            proxy.wait_line('http.response', before + 1)
            try:
                wait_until(lambda: len(proxy.lines('tunnel.close')) > before,
                           'the end', 0.5)
            except AssertionError:
                reset(client)
                proxy.wait_line('tunnel.close', before + 1)
                return None
            return client
        return largest(goes_on)

    def test_fin_before_all_is_read(self):
        """A client that wants no more is sent what it asked for."""
        proxy = self.proxy(extra='timeouts:\n  farewell: 1s')
        client, size = self.unread(proxy)
        client.shutdown(socket.SHUT_WR)
        time.sleep(1.5)
        read_head(client)
        self.assertEqual(len(read_all(client)), len(chunks(size)))

    def test_upload_is_sent_before_next(self):
        """What was let go leaves, though its server answers first."""
        b = self.echo(b'b')
        proxy = self.proxy()

        def upload(size):
            """Does the client reach b while the server reads nothing?"""
            go, left = threading.Event(), []

            def handler(sock):
                read_head(sock)
                sock.sendall(answer(b'early'))
                go.wait(60)
                left.append(len(chunks(size)) - len(read_all(sock)))
            text = get(self.serve(handler).port, method='POST',
                       more='Transfer-Encoding: chunked\r\n')
            client = self.dial(proxy.port)
            sender = threading.Thread(target=client.sendall, args=(
                text + chunks(size) + get(b.port),))
            sender.start()
            self.assertEqual(read_answer(client)[1], b'early')
            client.settimeout(0.5)
            try:
                done = bool(client.recv(1, socket.MSG_PEEK))
            except TimeoutError:
                done = False
            client.settimeout(DEADLINE)
            go.set()
            self.assertEqual(read_answer(client)[1], b'b /')
            sender.join()
            wait_until(lambda: left, 'the upload')
            self.assertEqual(left, [0])
            return done
        largest(upload)

    def test_reset_between(self):
        """A server that resets an idle connection is done with; its client
        is not."""
        def handler(sock):
            if read_request(sock)[0]:
                sock.sendall(answer(b'one'))
                reset(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        client = self.dial(proxy.port)
        for n in range(3):
            client.sendall(get(server.port))
            self.assertEqual(read_answer(client)[1], b'one')
            proxy.wait_line('tunnel.close', n + 1)

    def test_reset_instead_of_an_answer(self):
        def handler(sock):
            read_request(sock)
            reset(sock)
        proxy = self.proxy()
        status, _, _ = self.ask(proxy, get(self.serve(handler).port))
        self.assertEqual(status, 502)
        self.assertEqual(self.wait_close(proxy)['end'], 'server_reset')

    def test_malformed_answer(self):
        def handler(sock):
            read_request(sock)
            sock.sendall(b'SSH-2.0-x\r\n')
            read_all(sock)
        proxy = self.proxy()
        status, _, body = self.ask(proxy, get(self.serve(handler).port))
        self.assertEqual(status, 502)
        text = "the server's response head is malformed: no HTTP version"
        self.assertEqual(body.decode(), f'fairlead: {text}\n')
        self.assertEqual(proxy.wait_line('tunnel.refused')[0]['reason'], text)

    def test_reset_in_a_body(self):
        """Nobody may take a piece of it for all of it."""
        def handler(sock):
            read_request(sock)
            sock.sendall(b'HTTP/1.1 200 OK\r\n\r\na piece')
            go.wait(DEADLINE)
            reset(sock)
        go = threading.Event()
        for plugins in (('http', 'raw'), SLOW):
            go.clear()
            proxy = self.proxy(plugins)
            client = self.dial(proxy.port)
            client.sendall(get(self.serve(handler).port))
            read_head(client)
            read_exactly(client, 7)
            go.set()
            with self.assertRaises(ConnectionResetError):
                client.recv(1)

    def test_closed_without_answer(self):
        """A server that closes as the next request comes: the client may
        repeat it, as it would without a proxy."""
        def handler(sock):
            read_request(sock)
            sock.sendall(answer(b'one'))
            read_request(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(get(server.port))
        self.assertEqual(read_answer(client)[1], b'one')
        client.sendall(get(server.port))
        self.assertEqual(read_all(client), b'')

    def test_drain_between(self):
        """SIGTERM as a client leaves one server: it reaches no other."""
        go, asked, said = (threading.Event() for _ in range(3))

        def handler(sock):
            read_request(sock)
            asked.set()
            go.wait(60)
            sock.sendall(answer(b'one'))
            said.set()
        a, b = self.serve(handler), self.echo(b'b')
        proxy = self.proxy(extra='timeouts:\n  farewell: 60s')
        client = self.dial(proxy.port)
        client.sendall(get(a.port) + get(b.port))
        asked.wait(60)
        # It finds the signal and the answer in one turn of its loop.
        proxy.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.is_stopped(proxy), 'SIGSTOP')
        proxy.process.send_signal(signal.SIGTERM)
        go.set()
        said.wait(60)
        proxy.process.send_signal(signal.SIGCONT)
        self.assertEqual(read_answer(client)[1], b'one')
        self.assertIn(b' 503 ', read_all(client))
        client.close()
        proxy.stop()

    def is_stopped(self, proxy):
        stat = pathlib.Path(f'/proc/{proxy.process.pid}/stat').read_text()
        return stat.rpartition(')')[2].split()[0] == 'T'
