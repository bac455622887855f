# SPDX-License-Identifier: MIT
"""What a running fairlead is asked to do while its calls fail.

A Scenario starts its servers once and names the configuration; its go() is
one round.  It returns when all came to pass, raises Cut where the proxy gave
up, and Failure for what a proxy must never do.
"""

import os
import re
import signal
import socket
import threading
import time

import harness
import peers
import wsframes
from peers import BODY, BULK, CHUNKED, Client, Server
from target import CONFIG, Cut, Failure


class Scenario:
    plugins = ('http', 'websocket', 'raw')
    options = {}
    format = 'json'
    listen = None
    env = None
    slow = False        # some faults cost a deadline
    handler = staticmethod(peers.echo)
    host = '127.0.0.1'
    quiet = True        # a fault that is HARMLESS must not be noticed

    def __init__(self, build):
        self.build = build
        self.server = Server(self.handler, self.host)
        self.echo = Server(peers.echo)
        self.round = 0

    def configure(self):
        """Arguments for a Folder."""
        return dict(plugins=self.plugins, options=self.options,
                    format=self.format, listen=self.listen, env=self.env)

    def out(self, folder):
        """Where standard output goes; None: to a file."""
        return None

    def client(self, target, port=None):
        try:
            return Client(target.dial(port))
        except socket.timeout:
            raise Failure('hangs: nobody accepts') from None
        except OSError as e:
            raise Cut(f'dial: {e}') from None

    def tunnel(self, target):
        client = self.client(target)
        client.connect('127.0.0.1', self.server.port)
        return client

    def run(self, target):
        self.round += 1
        self.go(target)

    def check(self):
        self.server.check()
        self.echo.check()


class Raw(Scenario):
    """CONNECT, bytes both ways, an end."""

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            for text in (b'\x01hello', b'\x02' * 5000):
                c.send(text)
                c.expect(text)
            c.fin()
            c.end()


class Early(Scenario):
    """The first bytes come with the CONNECT."""

    def go(self, target):
        with self.client(target) as c:
            name = f'127.0.0.1:{self.server.port}'.encode()
            c.send(b'CONNECT ' + name + b' HTTP/1.1\r\nHost: ' + name
                   + b'\r\n\r\n\x01early')
            c.answer(200)
            c.expect(b'\x01early')


class Web(Scenario):
    """Two exchanges in a tunnel."""
    handler = staticmethod(peers.web)
    get = b'GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\n\r\n'

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            for _ in range(2):
                c.send(self.get)
                c.answer(200)
                c.expect(BODY)


class Chunked(Scenario):
    """A chunked body each way, the request in two pieces."""
    handler = staticmethod(peers.web)

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'POST /chunked HTTP/1.1\r\nHost: h\r\n'
                   b'Transfer-Encoding: chunked\r\n\r\n' + CHUNKED[:1000])
            c.send(CHUNKED[1000:])
            c.answer(200)
            c.expect(CHUNKED)


class WebSocket(Scenario):
    """Frames and a close."""
    handler = staticmethod(peers.websocket)

    def expect(self, c, frame):
        """A frame; or a close that tells of trouble, which is a cut."""
        first = c.recv(4)
        if not first:
            raise Cut('no frame')
        while len(first) < 4 and not frame.startswith(first):
            first += c.recv(4 - len(first)) or b'    '
        if first[0] == 0x88 and first != frame[:4] and first[2:] in (
                b'\x03\xf0', b'\x03\xf3', b'\x03\xf5'):
            raise Cut('1008, 1011 or 1013')
        if not frame.startswith(first):
            raise Failure(f'{first!r} instead of {frame[:8]!r}')
        c.expect(frame[len(first):])

    def upgrade(self, c):
        c.send(wsframes.REQUEST)
        c.answer(101)

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            self.upgrade(c)
            for opcode, payload in ((1, b'text'), (2, BODY[:300]),
                                    (9, b'ping')):
                c.send(wsframes.frame(opcode, payload, mask=True))
                self.expect(c, wsframes.frame(opcode, payload))
            c.send(wsframes.frame(8, b'\x03\xe8bye', mask=True))
            self.expect(c, wsframes.frame(8, b'\x03\xe8bye'))


class Forward(Scenario):
    """Absolute-form: two requests to one server, a third to another."""
    handler = staticmethod(peers.web)

    def __init__(self, build):
        super().__init__(build)
        self.other = Server(peers.web)

    def go(self, target):
        with self.client(target) as c:
            for server in (self.server, self.server, self.other):
                name = f'127.0.0.1:{server.port}'
                c.send(f'GET http://{name}/x HTTP/1.1\r\nHost: {name}'
                       '\r\n\r\n'.encode())
                c.answer(200)
                c.expect(BODY)


class Parent(Scenario):
    """By a parent proxy, which says an interim answer first."""
    handler = staticmethod(peers.parent)
    resolve = 'here'

    def configure(self):
        text = (f'parents:\n  - via: http://u:p@127.0.0.1:{self.server.port}'
                f'\n    for: ["127.9.9.9", "*.example"]\n'
                f'    resolve: {self.resolve}\n')
        return {**super().configure(), 'config': CONFIG + text}

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.9.9.9', 9)
            c.expect(b'220 hello\r\n')
            for text in (b'\x01hello', b'\x02' * 5000):
                c.send(text)
                c.expect(text)
            c.fin()
            c.end()


class ParentForward(Parent):
    """In absolute-form: two requests on one connection, a third on
    another."""
    handler = staticmethod(peers.parent_web)
    resolve = 'parent'

    def go(self, target):
        with self.client(target) as c:
            for name in ('a.example', 'a.example', 'b.example'):
                c.send(f'GET http://{name}/x HTTP/1.1\r\nHost: {name}'
                       '\r\n\r\n'.encode())
                c.answer(200)
                c.expect(BODY)


class Reverse(Scenario):
    """A listener with a server of its own, which speaks first."""
    handler = staticmethod(peers.banner)

    def configure(self):
        self.port = harness.free_port()
        return {**super().configure(), 'listen': lambda folder: (
            f'  - address: 127.0.0.1:{self.port}\n    mode: reverse\n'
            f'    server: 127.0.0.1:{self.server.port}\n')}

    def go(self, target):
        with self.client(target, self.port) as c:
            c.expect(b'220 hello\r\n')
            c.send(b'QUIT\r\n')
            c.expect(b'QUIT\r\n')


class Refused(Scenario):
    """A port where nobody listens, and a network that is not allowed."""

    def go(self, target):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
            for name, status in ((f'127.0.0.1:{port}', 502),
                                 ('10.0.0.1:80', 403)):
                with self.client(target) as c:
                    c.send(f'CONNECT {name} HTTP/1.1\r\nHost: {name}'
                           '\r\n\r\n'.encode())
                    c.answer(status)


class Bad(Scenario):
    """Heads that are none."""

    def go(self, target):
        for head, status in ((b'CONNECT x HTTP/1.1\r\n\r\n', 400),
                             (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 421)):
            with self.client(target) as c:
                c.send(head)
                got = c.head()
                if not re.match(rb'HTTP/1\.1 [45]\d\d ', got):
                    raise Failure(f'answered {got!r}')


class Names(Scenario):
    """A name with two addresses, the first of which refuses."""
    slow = True

    def __init__(self, build):
        super().__init__(build)
        self.names = peers.Names()

    def configure(self):
        resolv = self.build / f'tests/faults/resolv.{os.getpid()}'
        resolv.write_text('nameserver 127.0.0.1\n')
        return {**super().configure(), 'env': {
            'FRL_FAULTS_DNS': str(self.names.port),
            'FRL_FAULTS_RESOLV': str(resolv)}}

    def go(self, target):
        with self.client(target) as c:
            c.connect(f'n{self.round}.example', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')


class Localhost(Scenario):
    """A name that needs no name server."""

    def go(self, target):
        with self.client(target) as c:
            c.connect('localhost', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')


class ProxyHeader(Scenario):
    """A load balancer says who the client is."""

    def configure(self):
        self.port = harness.free_port()
        return {**super().configure(), 'listen': lambda folder: (
            f'  - address: 127.0.0.1:{self.port}\n'
            '    proxy_protocol: required\n    clients: [127.0.0.1]\n')}

    def go(self, target):
        with self.client(target, self.port) as c:
            c.send(b'PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n')
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')


class Unix(Scenario):
    """A client on a UNIX socket."""

    def configure(self):
        return {**super().configure(), 'listen': lambda folder: (
            f'  - address: unix:{folder.path}/sock\n')}

    def go(self, target):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(target.folder.path / 'sock'))
        with Client(sock) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')


class Slow(Scenario):
    """2 MiB for a client that does not read for a while."""
    handler = staticmethod(peers.bulk)

    def go(self, target):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(('127.0.0.1', target.folder.port))
        with Client(sock) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01')
            c.expect(BULK[:100])
            time.sleep(0.005)       # so that it gets stuck; no expectation
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            c.expect(BULK[100:])
            c.expect(BULK)


class Bulk(Scenario):
    """2 MiB at full speed, spliced."""
    handler = staticmethod(peers.bulk)

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01')
            c.expect(BULK)
            c.expect(BULK)


class Text(Scenario):
    """The log is written, and opened anew, within the round."""
    format = 'text'

    def go(self, target):
        log = target.folder.log
        before = log.stat().st_size if log.exists() else 0
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')
        target.settle()
        target.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 0.05       # long enough for most
        while log.stat().st_size == before and time.monotonic() < end:
            time.sleep(0.001)


def waiting(scenario):
    path = scenario.build / 'tests/inspectors/wait.so'
    return {'plugins': (('waiter', path),) + scenario.plugins,
            'options': {'waiter': {'event': scenario.event,
                                   'delay': '1ms'}}}


class Pipe(Scenario):
    """The log goes to standard output, a pipe."""
    format = 'text'

    def configure(self):
        return {**super().configure(), 'log': '-'}

    def out(self, folder):
        path = folder.path / 'pipe'
        os.mkfifo(path)
        self.lines = 0
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(path, os.O_WRONLY)
        os.set_blocking(reader, True)   # without a writer it would end
        threading.Thread(target=self.read, args=(reader,),
                         daemon=True).start()
        return writer

    def read(self, reader):
        with open(reader, 'rb') as f:
            for line in f:
                if not line.endswith(b'\n'):
                    self.server.failures.append(f'torn: {line!r}')
                self.lines += 1

    def go(self, target):
        before = self.lines
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')
        target.settle()
        end = time.monotonic() + 0.05       # long enough for most
        while self.lines < before + 5 and time.monotonic() < end:
            time.sleep(0.001)


class Hooks(Scenario):
    """Every question is answered later."""
    handler = staticmethod(peers.web)
    event = 'tunnel.open'

    def configure(self):
        return {**super().configure(), **waiting(self)}

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(Web.get)
            c.answer(200)
            c.expect(BODY)


class HooksDial(Hooks):
    """An address is thought about."""
    event = 'tunnel.dial'


class HooksRequest(Hooks):
    """A request is thought about."""
    event = 'http.request'


class HooksFrame(WebSocket):
    """Frames are thought about."""
    event = 'ws.frame'

    def configure(self):
        return {**super().configure(), **waiting(self)}


class FailOpen(WebSocket):
    """Inspectors that fail are left out, and no byte with them."""
    options = {name: {'on_error': 'fail_open'}
               for name in ('http', 'websocket')}


class FailOpenWeb(Forward):
    """The same where requests are forwarded."""
    options = FailOpen.options


class Front(WebSocket):
    """An inspector in front that passes one byte at a time."""

    def configure(self):
        path = self.build / 'tests/inspectors/fragment.so'
        return {**super().configure(),
                'plugins': (('fragment', path),) + self.plugins}


class Reset(Scenario):
    """A client that goes away in the middle."""

    def go(self, target):
        with self.client(target) as c:
            c.connect('127.0.0.1', self.server.port)
            c.send(b'\x01hello')
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b'\1\0\0\0\0\0\0\0')


class Many(Scenario):
    """Twenty clients at once."""

    def go(self, target):
        clients, cut = [], None
        try:
            for _ in range(20):
                clients.append(self.client(target))
            name = f'127.0.0.1:{self.server.port}'
            for c in clients:
                c.send(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                       .encode())
            for c in clients:
                try:
                    c.answer(200)
                    c.send(b'\x01hello')
                    c.expect(b'\x01hello')
                except Cut as e:
                    if cut is not None and target.control.injected < 2:
                        raise Failure(f'two tunnels: {cut}; {e}') from None
                    cut = e
        finally:
            for c in clients:
                c.sock.close()
        if cut is not None:
            raise cut


def name_of(cls):
    return re.sub('(?<!^)([A-Z])', r'-\1', cls.__name__).lower()


RUNNING = {name_of(cls): cls for cls in (
    Raw, Early, Web, Chunked, WebSocket, Forward, Parent, ParentForward,
    Reverse, Refused, Bad, Names, Localhost, ProxyHeader, Unix, Slow, Bulk,
    Text, Pipe, Hooks, HooksDial, HooksRequest, HooksFrame, FailOpen,
    FailOpenWeb, Front, Reset, Many)}
