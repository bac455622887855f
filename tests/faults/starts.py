# SPDX-License-Identifier: MIT
"""Faults at the start and at the end: a process for each.

It starts and does its work, or it says why not and leaves with a code of
its own; nothing else.
"""

import re
import signal
import subprocess
import time

import harness
import peers
from peers import Client, Server
from target import (CONFIG, HARMLESS, NTH, OFF, PATIENCE, Cut, Failure, Folder,
                    backtrace, complaint)

# 0, runtime, bind, configuration.
CODES = (0, 1, 69, 78)


class Start:
    """`run`, a tunnel, SIGTERM."""
    plugins = ('http', 'websocket', 'raw')
    command = ('run', '--foreground-worker', '-c')
    codes = CODES
    listen = None

    def __init__(self, build):
        self.build = build
        self.echo = Server(peers.echo)

    def folder(self):
        return Folder(self.build, plugins=self.plugins,
                      listen=self.listen)

    def arguments(self, folder):
        return (*self.command, folder.config)

    def work(self, folder, process):
        """While it runs.  When it returns, the process should end."""
        want = folder.config.read_text().count('- address:')
        err = folder.path / 'stderr'
        end = time.monotonic() + PATIENCE
        # What it says may be what fails.
        while err.read_text().count('listening on') < want and not (
                time.monotonic() > end - PATIENCE + 0.5 and
                harness.listens(folder.port)):
            if process.poll() is not None:
                return
            if time.monotonic() > end:
                raise Failure('it neither starts nor ends')
            time.sleep(0.001)
        try:
            self.use(folder)
        except Cut:
            pass
        finally:
            process.send_signal(signal.SIGTERM)
        self.after()

    def after(self):
        pass

    def use(self, folder):
        try:
            sock = harness.socket.create_connection(
                ('127.0.0.1', folder.port), PATIENCE)
        except OSError as e:
            raise Cut(str(e)) from None
        with Client(sock) as c:
            c.connect('127.0.0.1', self.echo.port)
            c.send(b'\x01hello')
            c.expect(b'\x01hello')

    def arm(self, folder, mode, n, span):
        folder.control.arm(mode, n, span)

    def once(self, folder, mode, n, span):
        """The exit code."""
        control = folder.control
        self.arm(folder, mode, n, span)
        with open(folder.path / 'stderr', 'wb') as err:
            process = folder.start(*self.arguments(folder), stderr=err,
                                   stdout=subprocess.DEVNULL)
        try:
            self.work(folder, process)
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure('it does not end') from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            control.put('<I', 0, OFF)
        said = (folder.path / 'stderr').read_text(errors='replace')
        if complaint(said):
            raise Failure(f'it said:\n{said[-6000:]}')
        # Told to end before it could be told that signals are not heard.
        if code == -signal.SIGTERM and control.what.startswith('signalfd'):
            return 1
        if code not in self.codes:
            raise Failure(f'exit code {code}:\n{said[-3000:]}')
        if code not in (0, 7) and not re.search(r'error: .{5}', said) \
                and not control.what.startswith('write'):
            raise Failure(f'exit code {code} without a reason:\n{said}')
        if '(null)' in said:
            raise Failure(f'it said:\n{said}')
        return code


class Check(Start):
    """`check`."""
    command = ('check', '-c')

    def work(self, folder, process):
        pass


class StartUnix(Start):
    """`run` with a UNIX socket and a reverse listener."""

    def folder(self):
        port = harness.free_port()
        return Folder(self.build, plugins=('raw',), listen=lambda folder: (
            f'  - address: unix:{folder.path}/sock\n'
            f'  - address: 127.0.0.1:{port}\n    mode: reverse\n'
            '    server: "localhost:1"\n'))


class StartBad(Start):
    """A plugin that cannot be loaded."""

    def folder(self):
        path = self.build / 'tests/bad/failing_load.so'
        return Folder(self.build, plugins=('raw', ('bad', path)))


class Exec(Start):
    """`exec`: a command with a proxy of its own."""
    script = ('import os, socket, sys\n'
              'h, _, p = os.environ["http_proxy"][7:].rstrip("/")'
              '.rpartition(":")\n'
              'sys.excepthook = lambda *_: os._exit(7)\n'
              's = socket.create_connection((h, int(p)), 10)\n'
              's.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\\r\\nHost: x'
              '\\r\\n\\r\\n" % int(sys.argv[1]))\n'
              's.recv(100)\n'
              'sys.exit(7)\n')
    # What cannot be run is 126, and whatever is wrong before it 64.
    codes = CODES + (64, 126, 7)

    def arguments(self, folder):
        (folder.path / 'script.py').write_text(self.script)
        return ('exec', '-c', folder.config, '--', '/usr/bin/python3',
                folder.path / 'script.py', str(self.echo.port))

    def work(self, folder, process):
        pass


class Drain(Start):
    """From SIGTERM on, with a tunnel that is open."""

    def folder(self):
        return Folder(self.build, plugins=self.plugins, config=CONFIG
                      .replace('farewell: 1s', 'farewell: 20ms'))

    def arm(self, folder, mode, n, span):
        self.later = (mode, n, span)
        folder.control.arm(OFF)

    def use(self, folder):
        sock = harness.socket.create_connection(
            ('127.0.0.1', folder.port), PATIENCE)
        self.client = Client(sock)
        self.client.connect('127.0.0.1', self.echo.port)
        self.client.send(b'\x01hello')
        self.client.expect(b'\x01hello')
        folder.control.arm(*self.later)

    def after(self):
        """It answers an end, after whatever was said before."""
        try:
            self.client.end()
        except Cut:
            pass
        self.client.sock.close()

    def once(self, folder, mode, n, span):
        try:
            return super().once(folder, mode, n, span)
        finally:
            self.client.sock.close()


STARTS = {'start': Start, 'check': Check, 'start-unix': StartUnix,
          'start-bad': StartBad, 'exec': Exec, 'drain': Drain}


class StartSweep:
    def __init__(self, start, name, report, skip=(), only=(),
                 verbose=False):
        self.start, self.name, self.report = start, name, report
        self.skip, self.only, self.verbose = skip, only, verbose

    def round(self, mode, n, span=1, leaks=False):
        folder = self.start.folder()
        self.control = control = folder.control
        # The shim has not said yet which calls there are.
        if self.skip or self.only:
            self.start.once(folder, NTH, 1 << 62, 1)
            if self.only:
                control.skip(self.only, but=True)
            else:
                control.skip(self.skip)
        try:
            code = self.start.once(folder, mode, n, span)
            self.report.starts += 1
            if control.injected == 0:
                self.healthy = code
                return False
            what = control.what.split()
            self.report.calls.update(what[:1])
            if code != self.healthy:
                self.report.cut += 1
                if what[1] in HARMLESS and mode == NTH and \
                        what[0] != 'fork':
                    raise Failure(f'exit code {code}: ' + (
                        folder.path / 'stderr').read_text())
        except (Failure, AssertionError, OSError, EOFError) as e:
            self.report.problems.append(
                f'{self.name}: n={n} {control.what}: {e}\n  the call:\n'
                + backtrace(control.trace))
            if self.verbose:
                print(self.report.problems[-1], flush=True)
        finally:
            folder.remove()
        self.report.injected += 1
        return True

    def sweep(self, budget, mode=NTH, span=1):
        self.round(mode, 1 << 62)
        total = self.control.points
        self.report.points += total
        budget //= 3            # they take long
        step = max(1, total // budget) if budget else 1
        for n in range(1 + (step - 1) // 2, total + 1, step):
            self.round(mode, n, span)
            if len(self.report.problems) >= 60:
                break

    def close(self):
        pass
