# SPDX-License-Identifier: MIT
"""wire -- one case, once: the client, the servers and the bytes between.

It does not know what is right.  Both peers are as simple as can be: the
client sends bytes, the server answers the first head it sees and records the
rest, so what a proxy lets through is what they say it is.  Nothing is waited
for by time: a run ends when every connection has ended, and hangs otherwise.
"""

import errno
import select
import socket
import struct
import time

import cases

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
HIDDEN = (b'GET http://%(server)s/behind HTTP/1.1\r\nHost: %(server)s\r\n'
          b'\r\n')
HOST = '127.0.0.1'  # where the server is
ALONE = 3000        # so many bytes are sent one by one, at most


def pieces(data, mode):
    """data in the pieces that are given to send(2)."""
    if mode == 'bytes':
        head = [data[i:i + 1] for i in range(min(len(data), ALONE))]
        rest = data[ALONE:]
        return head + [rest[i:i + 4099] for i in range(0, len(rest), 4099)]
    if mode == 'halves':
        middle = len(data) // 2
        return [data[:middle], data[middle:]]
    if mode.startswith('cut'):      # cutN: after N sixteenths
        return [data[:len(data) * int(mode[3:] or 8) // 16]]
    return [data]


class Hang(Exception):
    pass


class Side:
    """One end of a connection."""

    def __init__(self, sock):
        self.sock = sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inbox = bytearray()
        self.outbox = []
        self.finish = False         # shut down when the outbox is empty
        self.shut = False
        self.eof = self.reset = False
        self.served = False         # the server's one answer was given
        self.heads = 0              # heads that it answered

    def send(self, data, mode='whole'):
        self.outbox += [p for p in pieces(data, mode) if p]

    def write(self):
        while self.outbox:
            try:
                n = self.sock.send(self.outbox[0])
            except BlockingIOError:
                return
            except OSError:
                self.outbox.clear()     # who reads no more is no fault
                return
            if n == len(self.outbox[0]):
                self.outbox.pop(0)
                return                  # let the other side see it
            self.outbox[0] = self.outbox[0][n:]

    def read(self):
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as e:
            self.reset = e.errno == errno.ECONNRESET
            data = b''
        if data:
            self.inbox += data
        else:
            self.eof = True

    def shutdown(self):
        self.shut = True
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Run:
    """What happened is in the attributes when go() has returned."""

    def __init__(self, case, mode, way, values, options):
        self.case, self.mode, self.way = case, mode, way
        self.cut = mode.startswith('cut')
        self.options = options
        self.deadline = time.monotonic() + options.seconds
        self.listener = options.listener or socket.create_server(
            (HOST, 0), backlog=64)
        self.listener.setblocking(False)
        port = self.listener.getsockname()[1]
        server = f'{HOST}:{port}'.encode()
        self.values = {
            **values, 'S': server, 'P': str(port).encode(),
            'K': cases.KEY.encode(), 'A': cases.ACCEPT.encode(),
            'T': b'http://' + server if way == 'forward' else b''}
        self.client = None
        self.servers = []
        self.answer = self.bytes('answer') or OK
        self.scripted = True        # does the server answer by itself?
        self.hung = None
        self.closed = False         # the proxy closed, before we did
        self.left = False           # the server's connection, likewise
        self.over = False           # the rest is leaving
        self.sent = b''

    def bytes(self, key, default=''):
        return cases.unescape(self.case.text(key, default), self.values)

    # -- the loop ----------------------------------------------------

    def sides(self):
        return [s for s in [self.client] + self.servers if s]

    def accept(self):
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        self.servers.append(Side(sock))
        if self.case.stanza.get('early'):
            self.serve(self.servers[-1])

    def serve(self, side):
        side.served = True
        mode = self.mode if self.answers() else 'whole'
        side.send(self.answer, mode)
        if self.answers() and (self.cut or self.case.stanza.get('fin')):
            side.finish = True

    def answers(self):
        """Is it the server's bytes that this case is about?"""
        return self.case.stanza.get('from') == 'response'

    def heard(self, side):
        if side is self.client or not self.scripted:
            return
        if not side.served and b'\r\n\r\n' in side.inbox:
            self.serve(side)
            side.heads = 1
        if self.case.stanza.get('each'):
            heads = side.inbox.count(b'\r\n\r\n') - side.heads
            side.send(self.answer * heads)
            side.heads += heads

    def turn(self, poll, known):
        """One look at every socket."""
        wanted = {self.listener.fileno(): select.POLLIN}
        by_fd = {}
        for side in self.sides():
            if side.finish and not side.outbox and not side.shut:
                side.shutdown()
            bits = (0 if side.eof else select.POLLIN) | (
                select.POLLOUT if side.outbox else 0)
            if bits:
                wanted[side.sock.fileno()] = bits
                by_fd[side.sock.fileno()] = side
        for fd in [fd for fd in known if fd not in wanted]:
            poll.unregister(fd)
            del known[fd]
        for fd, bits in wanted.items():
            if known.get(fd) != bits:
                poll.register(fd, bits)
                known[fd] = bits
        ready = poll.poll(200)
        if ready:               # who moves does not hang
            self.deadline = time.monotonic() + self.options.seconds
        for fd, bits in ready:
            side = by_fd.get(fd)
            if side is None:
                self.accept()
                continue
            if bits & select.POLLOUT:
                side.write()
            if bits & ~select.POLLOUT and not side.eof:
                side.read()
                self.heard(side)
                # What ended is closed: the proxy must not wait for us.
                if side.eof and side is not self.client:
                    side.finish = True

    def pump(self, until, what):
        poll, known = select.poll(), {}
        while not until():
            if time.monotonic() > self.deadline:
                raise Hang(what)
            self.turn(poll, known)

    # -- the acts ----------------------------------------------------

    def open(self):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.options.address:
            sock.bind((self.options.address, 0))
        sock.settimeout(self.options.seconds)
        sock.connect(self.options.proxy[self.way])
        self.client = Side(sock)

    def tunnel(self):
        server = self.values['S']
        self.client.send(b'CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n'
                         % (server, server))
        self.pump(lambda: b'\r\n\r\n' in self.client.inbox
                  or self.client.eof, 'the tunnel')
        if b' 200' not in self.client.inbox[:13]:
            raise Hang(f'no tunnel: {bytes(self.client.inbox)!r}')
        self.client.inbox.clear()

    def handshake(self):
        extension = (b'Sec-WebSocket-Extensions: permessage-deflate\r\n'
                     if self.case.stanza.get('handshake') else b'')
        self.client.send(cases.unescape(
            'GET \\T/ HTTP/1.1\\r\\nHost: \\S\\r\\nConnection: Upgrade\\r\\n'
            'Upgrade: websocket\\r\\nSec-WebSocket-Key: \\K\\r\\n'
            'Sec-WebSocket-Version: 13\\r\\n', self.values)
            + extension + b'\r\n')
        self.answer = (
            b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n'
            b'Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n%s\r\n'
            % (self.values['A'], extension))
        self.pump(lambda: b'\r\n\r\n' in self.client.inbox
                  or self.client.eof, 'the 101')
        if b' 101' not in self.client.inbox[:13]:
            raise Hang(f'no 101: {bytes(self.client.inbox)!r}')
        self.scripted = False
        self.client.inbox.clear()
        self.servers[0].inbox.clear()

    def send_all(self):
        """Who speaks, says it."""
        place = self.case.stanza.get('from')
        if place == 'response':
            self.answer = self.bytes('send')
            self.sent = self.answer
            self.client.send(self.bytes(
                'ask', 'GET \\T/ HTTP/1.1\\r\\nHost: \\S\\r\\n\\r\\n')
                if not self.case.stanza.get('early') else b'')
            return
        self.sent = self.bytes('send')
        if self.mode == 'behind':
            self.sent += HIDDEN % {b'server': self.values['S']}
        side = self.client
        if place == 'server-frames':
            side = self.servers[0]
        mode = 'cut' if self.case.stanza.get('stall') else self.mode
        side.send(self.sent, mode)
        side.finish = self.cut

    def go(self, done):
        """done(run): has all come that was hoped for?"""
        try:
            self.open()
            place = self.case.stanza.get('from')
            if place != 'client' and self.way in ('tunnel', 'detect'):
                self.tunnel()
            if place.endswith('-frames'):
                self.handshake()
            self.send_all()
            self.pump(lambda: self.client.eof or done(self), 'an answer')
            self.closed = self.client.eof and not self.client.shut
            self.left = all(s.eof for s in self.servers)
            self.over = True
            self.leave()
        except Hang as e:
            self.hung = str(e)
        except OSError as e:
            self.hung = f'{type(e).__name__}: {e}'
        finally:
            self.close()
        return self

    def leave(self):
        """Finish, and see everything end."""
        client = self.client
        client.finish = True
        self.pump(lambda: client.eof, 'the end')
        client.sock.close()
        client.outbox.clear()
        client.shut = True
        self.pump(lambda: all(s.eof for s in self.servers),
                  "the end of the server's connection")

    def close(self):
        for side in self.sides():
            try:
                if self.hung:       # not to leave anybody waiting
                    side.sock.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack('ii', 1, 0))
            except OSError:
                pass
            side.sock.close()
        if self.listener is not self.options.listener:
            self.listener.close()

    # -- what was seen -----------------------------------------------

    def got(self):
        return bytes(self.client.inbox) if self.client else b''

    def arrived(self):
        return b''.join(bytes(s.inbox) for s in self.servers)
