# SPDX-License-Identifier: MIT
"""A fairlead whose calls can be made to fail, and what must hold for it.

Control is the memory that it shares with the shim (control.h).  Target is
the running process; after each fault settle() waits until all its tunnels
are gone, and well() shows that it serves others as before.
"""

import json
import mmap
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'e2e'))

import harness                                          # noqa: E402

PATIENCE = 60           # s: what takes longer hangs
CALLS_MAX, TRACE = 80, 6144
OFF, NTH, RANDOM, BURST = range(4)
ALL = 1 << 62

# Nobody may notice these.
HARMLESS = ('EINTR', 'EAGAIN', 'SHORT')


class Failure(Exception):
    """What must never happen."""


class Cut(Exception):
    """A tunnel ended early, or never came to be: the price of a fault."""


class Control:
    def __init__(self, path):
        path.write_bytes(bytes(1 << 14))
        self.path = path
        with open(path, 'r+b') as f:
            self.m = mmap.mmap(f.fileno(), 0)

    def get(self, form, at):
        return struct.unpack_from(form, self.m, at)[0]

    def put(self, form, at, value):
        struct.pack_into(form, self.m, at, value)

    def arm(self, mode, n=ALL, span=1, rate=0, seed=0):
        self.put('<I', 0, OFF)
        self.put('<I', 4, rate)
        struct.pack_into('<QQQ', self.m, 8, n, span, seed)
        struct.pack_into('<QQQ', self.m, 120, 0, 0, 0)
        self.m[152 + 24 * CALLS_MAX:152 + 24 * CALLS_MAX + 64] = bytes(64)
        self.put('<I', 0, mode)

    def disarm(self):
        self.put('<I', 0, OFF)

    points = property(lambda self: self.get('<Q', 120))
    injected = property(lambda self: self.get('<Q', 128))

    def names(self):
        n = self.get('<I', 148)
        return [self.text(152 + 16 * i, 16) for i in range(n)]

    def skip(self, names, but=False):
        for i, name in enumerate(self.names()):
            self.m[40 + i] = (name in names) != but

    def failed(self):
        at = 152 + 16 * CALLS_MAX
        return {name: self.get('<Q', at + 8 * i)
                for i, name in enumerate(self.names())}

    def text(self, at, size):
        return bytes(self.m[at:at + size]).split(b'\0')[0].decode()

    @property
    def what(self):
        return self.text(152 + 24 * CALLS_MAX, 64)

    @property
    def trace(self):
        return self.text(152 + 24 * CALLS_MAX + 64, TRACE)

    def leaks(self):
        """Ask for leaks at the next wait."""
        self.put('<I', 144, 0)
        self.put('<I', 40 - 8, 1)

    leaked = property(lambda self: self.get('<I', 144))


def backtrace(trace):
    """Lines of the shim's trace with functions and places."""
    out = []
    for line in trace.splitlines():
        path, _, offset = line.rpartition('+')
        if 'shim.so' in path or 'libasan' in path:
            continue
        if not path.startswith('/') or not os.path.exists(path):
            out.append(f'    {line}')
            continue
        said = subprocess.run(
            ['addr2line', '-Cfpise', path, offset], capture_output=True,
            text=True).stdout.strip() or line
        if said.startswith('??'):
            said = line
        out.append('    ' + said.replace('\n', '\n    '))
    return '\n'.join(out)


def sanitizers(program):
    said = subprocess.run(['ldd', program], capture_output=True,
                          text=True).stdout
    return [l.split()[2] for l in said.splitlines() if 'libasan' in l]


def environment(build, control, more=None):
    """What the program runs under."""
    env = {k: v for k, v in os.environ.items()
           if not k.lower().endswith('_proxy')
           and not k.startswith('FAIRLEAD_')}
    env['LD_PRELOAD'] = ' '.join(
        [str(build / 'tests/faults/shim.so')]
        + sanitizers(build / 'fairlead'))
    env['FRL_FAULTS'] = str(control.path)
    env['ASAN_OPTIONS'] = ('verify_asan_link_order=0:detect_leaks=1:'
                           'exitcode=99:allocator_may_return_null=1')
    env['UBSAN_OPTIONS'] = 'print_stacktrace=1:halt_on_error=1'
    env.update(more or {})
    return env


def complaint(text):
    """What a sanitizer or libev said; or None."""
    for word in ('Sanitizer', 'runtime error', '(libev)', 'Assertion'):
        if word in text:
            return text
    return None


CONFIG = """\
version: 1
listen:
{listen}
plugins:
{plugins}
destinations:
  allow: [127.0.0.0/8, "::1"]
timeouts: {{resolve: 4s, connect: 8s, farewell: 1s, wait: 4s, head: 8s,
           detect: 8s, unacknowledged: 0, keepalive: 0}}
log:
  - file: "{log}"
    format: {format}
    events: ["*"]
"""


class Folder:
    """A configuration and a control memory, and ports that are free."""

    def __init__(self, build, plugins=('http', 'websocket', 'raw'),
                 options=None, listen=None, format='json', config=CONFIG,
                 env=None, log=None):
        self.build = build
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='frl-fault-'))
        self.control = Control(self.path / 'control')
        self.log = self.path / 'log'
        self.port = harness.free_port()
        self.config = self.path / 'fairlead.yaml'
        more = listen(self) if listen else ''
        self.config.write_text(config.format(
            listen=f'  - address: 127.0.0.1:{self.port}\n{more}',
            plugins=harness.plugin_text(plugins, options or {}),
            log=log or self.log, format=format))
        self.env = environment(build, self.control, env)

    def start(self, *args, **kw):
        return subprocess.Popen(
            [self.build / 'fairlead', *args], env=self.env,
            stdin=subprocess.DEVNULL, **kw)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Target:
    def __init__(self, folder, echo_port, out=None):
        self.folder = folder
        self.control = folder.control
        self.echo_port = echo_port
        self.control.disarm()
        self.err_path = folder.path / 'stderr'
        self.err = open(self.err_path, 'w+b')
        self.out = (open(folder.path / 'stdout', 'w+b') if out is None
                    else open(out, 'wb'))
        self.process = folder.start('run', '--foreground-worker', '-c', folder.config,
                                    stdout=self.out, stderr=self.err)
        self.pid = self.process.pid
        harness.wait_until(self.ready, 'fairlead to listen')
        self.bystander = self.tunnel()
        self.rest = self.sockets()

    def ready(self):
        if self.process.poll() is not None:
            raise Failure(f'no start: {self.stderr()}')
        return self.stderr().count('listening on') >= \
            self.folder.config.read_text().count('- address:')

    def stderr(self):
        return self.err_path.read_text(errors='replace')

    def dial(self, port=None):
        sock = socket.create_connection(
            ('127.0.0.1', port or self.folder.port), PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def tunnel(self):
        sock = self.dial()
        name = f'127.0.0.1:{self.echo_port}'
        sock.sendall(f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                     .encode())
        head = harness.read_head(sock)
        if not head.startswith(b'HTTP/1.1 200 '):
            raise Failure(f'a new tunnel is answered {head!r}')
        self.ping(sock, b'\x01first')
        return sock

    def ping(self, sock, text):
        sock.sendall(text)
        got = harness.read_exactly(sock, len(text))
        if got != text:
            raise Failure(f'{text} became {got}')

    def sockets(self):
        """How many, with pipes that no tunnel holds not counted."""
        n = 0
        folder = f'/proc/{self.pid}/fd'
        try:
            for name in os.listdir(folder):
                try:
                    n += os.readlink(f'{folder}/{name}')[:5] != 'pipe:'
                except OSError:
                    pass
        except OSError:
            self.alive()
        return n

    def cpu(self):
        with open(f'/proc/{self.pid}/stat') as f:
            fields = f.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def alive(self):
        # What it is about to say is said when it has ended.
        if complaint(self.stderr()):
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass
            raise Failure(f'it said:\n{self.stderr()[-6000:]}')
        code = self.process.poll()
        if code is not None:
            raise Failure(f'it died ({code}):\n{self.stderr()[-6000:]}')

    def settle(self):
        """Wait until the tunnels of this round are gone."""
        end = time.monotonic() + PATIENCE
        pause = 0.0005
        while self.sockets() > self.rest:
            if time.monotonic() > end:
                self.alive()
                raise Failure(
                    f'{self.sockets()} descriptors instead of {self.rest}: '
                    + ', '.join(os.readlink(f'/proc/{self.pid}/fd/{n}')
                                for n in os.listdir(
                                    f'/proc/{self.pid}/fd')))
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def well(self):
        """Others are served as before."""
        try:
            self.ping(self.bystander, b'still there')
            self.tunnel().close()
        except (OSError, EOFError) as e:
            self.gone(f'a tunnel beside it: {type(e).__name__} {e}')

    def recover(self):
        """A log that could not be written to is tried again."""
        def same():
            said = self.stderr()
            return said.count('cannot write events to') == \
                said.count('events are written to')
        try:
            harness.wait_until(same, 'the log to be written', PATIENCE)
        except AssertionError as e:
            raise Failure(str(e)) from None

    def gone(self, why):
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            pass
        self.alive()
        raise Failure(why)

    def check_leaks(self):
        self.control.leaks()
        self.ping(self.bystander, b'wake up')
        end = time.monotonic() + PATIENCE
        while self.control.leaked == 0:
            self.alive()
            if time.monotonic() > end:
                raise Failure('no answer about leaks')
            time.sleep(0.001)
        if self.control.leaked == 2:
            time.sleep(0.05)
            raise Failure(f'leaks:\n{self.stderr()[-6000:]}')

    def stop(self):
        """An end in good order."""
        self.bystander.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure('it does not end') from None
        said = self.stderr()
        if complaint(said):
            raise Failure(f'it said:\n{said[-6000:]}')
        if code != 0:
            raise Failure(f'exit code {code}:\n{said[-6000:]}')
        return said

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def remove(self):
        self.kill()
        self.bystander.close()
        self.err.close()
        self.out.close()


def check_log(path):
    """Each tunnel.open has its tunnel.close, unless lines were lost that
    were said to be lost."""
    tunnels, missing, dropped = {}, 0, 0
    for raw in path.read_bytes().splitlines():
        line = json.loads(raw.decode())
        if line['event'] == 'log.dropped':
            dropped += line['count']
        if 'tunnel' in line:
            tunnels.setdefault(line['tunnel'], []).append(line)
    for name, lines in tunnels.items():
        events = [line['event'] for line in lines]
        if events.count('tunnel.open') > 1 or \
                events.count('tunnel.close') > 1:
            raise Failure(f'{name}: {events}')
        if events.count('tunnel.open') != events.count('tunnel.close'):
            missing += 1
            last = name, events
    if missing > dropped:
        raise Failure(f'{missing} lines missing, {dropped} said to be: '
                      f'{last}')
