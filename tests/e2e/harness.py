# SPDX-License-Identifier: MIT
"""What the end-to-end tests share.

A Proxy is a running fairlead with a configuration of its own on free
loopback ports.  When it stops, what must always hold is checked: exit code,
no word from a sanitizer, every log line valid JSON, one tunnel.open and one
tunnel.close for each tunnel, no gap in seq.

Waiting is done for things, not for times: DEADLINE only ends a test that
would hang.
"""

import collections
import fcntl
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

BUILD = pathlib.Path(os.environ.get('FRL_BUILD', 'build/check')).resolve()
PROGRAM = BUILD / 'fairlead'
DEADLINE = 180

CONFIG = """\
version: 1
listen:
{listen}
plugins:
{plugins}
destinations:
  allow: [127.0.0.0/8, "::1"]
log:
  - file: "{log}"
    format: json
    events: ["tunnel.*", "http.*", "ws.*"]
{extra}
"""


# One byte per port: whoever holds its lock may listen there, until it ends.
PORTS = pathlib.Path(tempfile.gettempdir()) / f'frl-ports-{os.getuid()}'
ports = {}


def free_port():
    """Not one of those that the kernel gives to clients meanwhile, nor one
    that another test, of this process or of one beside it, is about to use."""
    mine = ports.setdefault(os.getpid(), [open(PORTS, 'ab'), set()])
    while True:
        port = random.randrange(10240, 32000)
        try:
            if port in mine[1]:
                continue
            fcntl.lockf(mine[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            mine[1].add(port)
            with socket.socket() as s:
                s.bind(('127.0.0.1', port))
        except OSError:
            continue
        return port


def wait_until(condition, what, seconds=DEADLINE):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain for {what}')
        time.sleep(0.01)


def listens(port):
    """Does anybody listen on this port?  Without connecting to it."""
    want = f':{port:04X}'
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == '0A' and fields[1].endswith(want):
                return True
    return False


def plugin_text(plugins, options):
    out = []
    for name in plugins:
        path = None
        if isinstance(name, tuple):
            name, path = name
        out.append(f'  - name: {name}')
        if path:
            out.append(f'    path: {path}')
        given = dict(options.get(name, {}))
        if 'on_error' in given:         # the core's, not the plugin's own
            out.append(f'    on_error: {given.pop("on_error")}')
        if given:
            out.append('    options:')
            out += [f'      {k}: {v}' for k, v in given.items()]
    return '\n'.join(out)


class Proxy:
    """A running fairlead.  Use Case.proxy() to get one."""

    def __init__(self, plugins, options, extra, reverse, config, env,
                 supervised):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='frl-e2e-'))
        self.log = self.folder / 'log.json'
        self.port = free_port()
        self.reverse_port = free_port() if reverse else None
        listen = f'  - address: 127.0.0.1:{self.port}'
        if reverse:
            listen += (f'\n  - address: 127.0.0.1:{self.reverse_port}\n'
                       f'    mode: reverse\n    server: {reverse}')
        text = (config or CONFIG).format(
            listen=listen, plugins=plugin_text(plugins, options),
            log=self.log, extra=extra)
        self.config = self.folder / 'fairlead.yaml'
        self.config.write_text(text)
        self.err = open(self.folder / 'stderr', 'w+b')
        self.out = open(self.folder / 'stdout', 'w+b')
        how = [] if supervised else ['--foreground-worker']
        self.process = subprocess.Popen(
            [PROGRAM, 'run', *how, '-c', self.config],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, env={**os.environ, **env})
        self.stopped = None

    def wait_ready(self):
        ports = [p for p in (self.port, self.reverse_port) if p]

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(
                    f'fairlead exited with {self.process.returncode}:\n'
                    f'{self.stderr()}\n{self.config.read_text()}')
            # Another program's listener on that port would not do.
            said = self.stderr()
            return all(f'listening on 127.0.0.1:{p}' in said and listens(p)
                       for p in ports)
        wait_until(ready, f'fairlead to listen on {ports}')

    def stderr(self):
        self.err.flush()
        return (self.folder / 'stderr').read_text(errors='replace')

    def memory(self):
        """Resident KiB."""
        status = pathlib.Path(
            f'/proc/{self.process.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0])

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def lines(self, event=None, tunnel=None, **fields):
        """Whole log lines so far, filtered."""
        if not self.log.exists():
            return []
        text = self.log.read_bytes()
        text = text[:text.rfind(b'\n') + 1]
        found = []
        for raw in text.splitlines():
            line = json.loads(raw.decode('utf-8'))
            if event and line['event'] != event:
                continue
            if tunnel and line.get('tunnel') != tunnel:
                continue
            if all(line.get(k) == v for k, v in fields.items()):
                found.append(line)
        return found

    def wait_line(self, event, count=1, **fields):
        return wait_until(
            lambda: (lambda l: l if len(l) >= count else None)(
                self.lines(event, **fields)),
            f'{count} {event} {fields or ""} in\n{self.tail()}')

    def tail(self):
        if not self.log.exists():
            return '(no log)'
        return self.log.read_text(errors='replace')[-6000:]

    def stop(self, sig=signal.SIGTERM):
        """Stop it; the log's lines.  Checks what must always hold."""
        if self.stopped is None:
            if self.process.poll() is None:
                self.process.send_signal(sig)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError('fairlead did not stop:\n'
                                     + self.stderr()) from None
            self.stopped = self.verify()
        return self.stopped

    def verify(self):
        code, err = self.process.returncode, self.stderr()
        if 'Sanitizer' in err or 'runtime error' in err:
            raise AssertionError(f'a sanitizer spoke:\n{err}')
        if code != 0:
            raise AssertionError(f'exit code {code}:\n{err}\n{self.tail()}')
        if not self.log.exists():
            return []
        text = self.log.read_bytes()
        if text and not text.endswith(b'\n'):
            raise AssertionError('the last line is torn')
        lines = self.lines()
        check_lines(lines)
        return lines

    def remove(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.err.close()
        self.out.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def check_lines(lines):
    tunnels = collections.defaultdict(list)
    for line in lines:
        for key in ('ts', 'event', 'node'):
            assert isinstance(line.get(key), str), line
        assert line.get('v') == 1, line
        if 'tunnel' in line:
            tunnels[line['tunnel']].append(line)
    for name, its in tunnels.items():
        events = [line['event'] for line in its]
        seqs = [line['seq'] for line in its]
        assert seqs == list(range(len(seqs))), f'{name}: seq {seqs}'
        opened = events.count('tunnel.open')
        assert opened <= 1, f'{name}: {events}'
        assert events.count('tunnel.close') == opened, f'{name}: {events}'
        if opened:
            assert events[0] == 'tunnel.open', f'{name}: {events}'
            assert events[-1] == 'tunnel.close', f'{name}: {events}'


class Server:
    """A TCP server on a free loopback port: handler(socket) in a thread for
    each connection.  What a handler raises fails the test."""

    def __init__(self, handler, backlog=64):
        self.handler = handler
        self.listener = socket.create_server(('127.0.0.1', 0),
                                             backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.problems = []
        self.threads = []
        self.sockets = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(DEADLINE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self.one, args=(sock,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def one(self, sock):
        try:
            with sock:
                self.handler(sock)
        except Exception as e:      # a thread: told to the test at close()
            self.problems.append(f'{type(e).__name__}: {e}')

    def close(self):
        # shutdown wakes accept(); close alone does not.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(DEADLINE)
        for thread in self.threads:
            thread.join(DEADLINE)
        if any(t.is_alive() for t in self.threads):
            self.problems.append('a server thread hangs')


class Case(unittest.TestCase):
    maxDiff = 2000
    # (name, path) of inspectors that every proxy of this case also gets.
    more_plugins = ()

    def proxy(self, plugins=('http', 'websocket', 'raw'), extra='',
              reverse=None, config=None, env=None, supervised=False,
              **options):
        """supervised: a supervisor with workers, else one process."""
        proxy = Proxy(tuple(self.more_plugins) + tuple(plugins), options,
                      extra, reverse, config, env or {}, supervised)
        self.addCleanup(proxy.remove)
        self.addCleanup(proxy.stop)
        proxy.wait_ready()
        return proxy

    def serve(self, handler, **kw):
        server = Server(handler, **kw)

        def check():
            server.close()
            self.assertEqual(server.problems, [])
        self.addCleanup(check)
        return server

    def need_files(self, count):
        """So many descriptors, for both ends of many tunnels."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count and hard != resource.RLIM_INFINITY:
            self.skipTest(f'only {hard} open files are allowed')
        if soft < count and soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                            (soft, hard))

    def dial(self, port):
        sock = socket.create_connection(('127.0.0.1', port), DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(sock.close)
        return sock

    def ask(self, proxy, request, close=False):
        """Send bytes; (status, fields, body), and what else came."""
        sock = self.dial(proxy.port)
        sock.sendall(request)
        data = read_all(sock)
        # The proxy lingers until the client has closed, too.
        sock.close()
        head, _, body = data.partition(b'\r\n\r\n')
        first, *rest = head.decode('latin-1').split('\r\n')
        fields = {}
        for line in rest:
            name, _, value = line.partition(':')
            fields[name.lower()] = value.strip()
        return int(first.split()[1]), fields, body

    def connect(self, proxy, port, host='127.0.0.1', early=b''):
        """A tunnel to host:port.  early goes in the CONNECT's segment."""
        sock = self.dial(proxy.port)
        name = f'{host}:{port}'
        sock.sendall(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                     .encode() + early)
        head = read_head(sock)
        self.assertRegex(head, rb'^HTTP/1\.1 200 [^\r]*\r\n')
        # RFC 9110, 9.3.6: neither may be in a 2xx to CONNECT.
        self.assertNotRegex(head.lower(),
                            rb'\n(content-length|transfer-encoding):')
        return sock

    def wait_close(self, proxy):
        """The only tunnel's last line."""
        return proxy.wait_line('tunnel.close')[0]


def echo(sock):
    """A handler for Case.serve."""
    while True:
        data = sock.recv(1 << 16)
        if not data:
            return
        sock.sendall(data)


def read_exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        more = sock.recv(min(n - len(data), 1 << 20))
        if not more:
            raise EOFError(f'{len(data)} of {n} bytes came')
        data += more
    return bytes(data)


def read_all(sock):
    data = bytearray()
    while True:
        more = sock.recv(1 << 20)
        if not more:
            return bytes(data)
        data += more


def read_head(sock):
    """A head and not a byte more."""
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        more = sock.recv(1)
        if not more:
            raise EOFError(f'the head ends in {head[-60:]!r}')
        head += more
    return head


def reset(sock):
    """Close with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack('ii', 1, 0))
    sock.close()
