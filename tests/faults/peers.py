# SPDX-License-Identifier: MIT
"""Clients and servers of the scenarios.

What they get is compared with what they should get, byte by byte: it may
end early (Cut), it may never differ (Failure).
"""

import os
import re
import socket
import struct
import threading

import wsframes
from target import PATIENCE, Cut, Failure

BODY = os.urandom(3000)
BULK = os.urandom(1 << 20)


class Client:
    """A client's connection."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except socket.timeout:
            raise Failure('hangs: nobody reads') from None
        except OSError as e:
            raise Cut(f'send: {e}') from None

    def recv(self, n):
        try:
            data = self.sock.recv(n)
        except socket.timeout:
            raise Failure('hangs: nothing comes') from None
        except OSError as e:
            raise Cut(f'recv: {e}') from None
        return data

    def head(self):
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            more = self.recv(1)
            if not more:
                raise Cut(f'the head ends in {head[-60:]!r}')
            head += more
            if len(head) > 8192:
                raise Failure('an endless head')
        return head

    def answer(self, status):
        """A head with this status; one that tells of a failure is a cut."""
        head = self.head()
        match = re.fullmatch(rb'HTTP/1\.1 (\d\d\d) [^\r\n]*\r\n'
                             rb'([^\r\n:]+:[^\r\n]*\r\n)*\r\n', head)
        if match is None:
            raise Failure(f'no head: {head!r}')
        got = int(match.group(1))
        if got == status:
            return head
        if got in (500, 502, 503, 504, 403, 408):
            raise Cut(f'status {got}')
        raise Failure(f'status {got} instead of {status}: {head!r}')

    def expect(self, want):
        at = 0
        while at < len(want):
            more = self.recv(min(len(want) - at, 1 << 18))
            if not more:
                raise Cut(f'{at} of {len(want)} bytes')
            if more != want[at:at + len(more)]:
                raise Failure(f'other bytes from {at}: {more[:80]!r}')
            at += len(more)

    def end(self):
        more = self.recv(1)
        if more:
            raise Failure(f'more than there should be: {more!r}')

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as e:
            raise Cut(f'shutdown: {e}') from None

    def connect(self, host, port):
        self.send(f'CONNECT {host}:{port} HTTP/1.1\r\n'
                  f'Host: {host}:{port}\r\n\r\n'.encode())
        self.answer(200)


class Server:
    """handler(client) in a thread for each connection.  A Cut of it is its
    affair, a Failure is the test's."""

    def __init__(self, handler, host='127.0.0.1'):
        self.handler = handler
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family,
                                             backlog=512)
        self.port = self.listener.getsockname()[1]
        self.failures = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.one, args=(sock,),
                             daemon=True).start()

    def one(self, sock):
        with Client(sock) as peer:
            sock.settimeout(None)       # the bystander's is quiet for long
            try:
                self.handler(peer)
            except Cut:
                pass
            except Exception as e:
                self.failures.append(f'server: {type(e).__name__}: {e}')

    def check(self):
        if self.failures:
            raise Failure(self.failures.pop())


def echo(peer):
    while True:
        data = peer.recv(1 << 16)
        if not data:
            return
        peer.send(data)


def banner(peer):
    """Speaks first."""
    peer.send(b'220 hello\r\n')
    echo(peer)


def bulk(peer):
    """Sends much after one byte."""
    if peer.recv(1):
        peer.send(BULK)
        peer.send(BULK)


CHUNKED = b'%x\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY)


def web(peer, begin=b'/'):
    """Answers requests as long as they come."""
    while True:
        head = peer.head()
        method, path = head.split(b' ', 2)[:2]
        if method == b'POST':
            peer.expect(CHUNKED)
        elif method != b'GET' or not path.startswith(begin):
            raise Failure(f'request {head!r}')
        if path.endswith(b'/chunked'):
            peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
                      b'\r\n' + CHUNKED)
        else:
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n'
                      % len(BODY) + BODY)


def parent(peer):
    """A proxy that leads to a server that speaks first."""
    head = peer.head()
    if not re.fullmatch(rb'CONNECT (\S+) HTTP/1\.1\r\nHost: \1\r\n'
                        rb'Proxy-Authorization: Basic dTpw\r\n'
                        rb'Via: 1\.1 fairlead-[0-9a-f]{16}\r\n\r\n', head):
        raise Failure(f'asked {head!r}')
    peer.send(b'HTTP/1.1 103 Wait\r\n\r\n')
    peer.send(b'HTTP/1.1 200 OK\r\n\r\n220 hello\r\n')
    echo(peer)


def parent_web(peer):
    """A proxy that is asked for http://host/path."""
    web(peer, b'http://')


def websocket(peer):
    """Echoes frames until a close."""
    head = peer.head()
    key = re.search(rb'Sec-WebSocket-Key: (\S+)', head).group(1).decode()
    peer.send(('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
               'Connection: Upgrade\r\nSec-WebSocket-Accept: '
               f'{wsframes.accept_of(key)}\r\n\r\n').encode())
    while True:
        first = peer.recv(1)
        if not first:
            return
        opcode = first[0] & 15
        size = exactly(peer, 1)[0] & 127
        if size == 126:
            size = struct.unpack('>H', exactly(peer, 2))[0]
        key = exactly(peer, 4)
        payload = wsframes.xor(exactly(peer, size), key) if size else b''
        peer.send(wsframes.frame(opcode, payload))
        if opcode == 8:
            return


def exactly(peer, n):
    data = b''
    while len(data) < n:
        more = peer.recv(n - len(data))
        if not more:
            raise Cut('eof')
        data += more
    return data


class Names:
    """A name server: every name has 127.0.0.1, and ::1."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            at = 12
            while query[at]:
                at += query[at] + 1
            kind = struct.unpack_from('>H', query, at + 1)[0]
            data = {1: socket.inet_aton('127.0.0.1'),
                    28: socket.inet_pton(socket.AF_INET6, '::1')}.get(kind)
            answer = query[:2] + struct.pack(
                '>HHHHH', 0x8180, 1, data is not None, 0, 0)
            answer += query[12:at + 5]
            if data is not None:
                answer += struct.pack('>HHHIH', 0xc00c, kind, 1, 0,
                                      len(data)) + data
            self.sock.sendto(answer, peer)
