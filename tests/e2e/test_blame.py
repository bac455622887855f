# SPDX-License-Identifier: MIT
"""Plugins that end or stop their worker: who is blamed, who is quarantined."""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import echo, read_all, read_exactly, wait_until
from test_supervisor import parents

LONG = bool(os.environ.get('FRL_LONG'))
FAULT = ('fault', str(harness.BUILD / 'tests/inspectors/fault.so'))
TOUCHY = ('touchy', str(harness.BUILD / 'tests/inspectors/touchy.so'))
KINDS = ('null', 'overflow', 'double_free', 'divide', 'abort', 'exit',
         'illegal', 'heap')
# What makes `fault` do it; no inspector takes it for text.
WORD = b'\0boom'
# Where no sanitizer interferes.
SIGNALS = {'null': 'SIGSEGV', 'overflow': 'SIGSEGV', 'divide': 'SIGFPE',
           'abort': 'SIGABRT', 'illegal': 'SIGILL'}
# A report that is being written looks like a plugin that sleeps.
QUIET = {'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')
         + ':symbolize=0:detect_leaks=0'}


class Blamed(harness.Case):
    def proxy(self, how, where='data', on_error='fail_closed',
              plugins=(FAULT, 'http', 'websocket', 'raw'), more='', **options):
        proxy = super().proxy(
            plugins=plugins, supervised=True, env=QUIET,
            fault=dict(how=how, where=where, on_error=on_error, **options),
            extra='workers: 1\ntimeouts:\n  drain: 1ms\n' + more)
        # A worker that died wrote no last line of its tunnels.
        proxy.verify = lambda: None
        return proxy

    def folder(self):
        return pathlib.Path(self.enterContext(
            tempfile.TemporaryDirectory(prefix='frl-blame-')))

    def boom(self, proxy, port, close=False):
        """A tunnel whose client says the word."""
        tunnel = self.connect(proxy, port)
        tunnel.sendall(WORD)
        if close:
            self.assertEqual(read_exactly(tunnel, len(WORD)), WORD)
            tunnel.close()
        return tunnel

    def talk(self, proxy, port, text=b'\0ahoy'):
        tunnel = self.connect(proxy, port)
        tunnel.sendall(text)
        self.assertEqual(read_exactly(tunnel, len(text)), text)
        return tunnel

    def request(self, proxy, port):
        return self.ask(proxy, b'CONNECT 127.0.0.1:%d HTTP/1.1\r\n'
                               b'Host: a\r\n\r\n' % port)

    def error(self, proxy, count=1):
        return proxy.wait_line('plugin.error', count)[-1]


class Faults(Blamed):
    def check(self, how, where):
        server = self.serve(echo_quietly)
        flag = self.folder() / 'flag'
        proxy = self.proxy(how, where, flag=flag)
        if where in ('open', 'hook'):
            sock = self.dial(proxy.port)
            sock.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n'
                         % server.port)
        else:
            self.talk(proxy, server.port).close()
            self.boom(proxy, server.port, where == 'close')
        line = self.error(proxy)
        self.assertEqual((line['plugin'], line['callback']),
                         ('fault', where), line)
        if where != 'hook':        # tunnel.open is written when all agree
            last = proxy.wait_line('tunnel.open', 1 if where == 'open'
                                   else 2)[-1]
            self.assertEqual(line['in_tunnel'], last['tunnel'])
        if how in SIGNALS:
            self.assertEqual(line['signal'], SIGNALS[how], line)
        if how == 'exit':
            self.assertIn('exit status 0', line['detail'])
        self.assertNotIn('suspects', line)
        self.assertIn(f'plugin fault failed in {where}', proxy.stderr())

    def test_each_kind_in_data(self):
        for how in KINDS:
            with self.subTest(how=how):
                self.check(how, 'data')

    def test_callbacks(self):
        for where in ('open', 'close', 'hook'):
            for how in KINDS if LONG else ('null', 'exit', 'abort'):
                with self.subTest(how=how, where=where):
                    self.check(how, where)

    def test_load(self):
        """Only what is started anew loads; after three times without it."""
        server = self.serve(echo_quietly)
        flag = self.folder() / 'flag'
        proxy = self.proxy('null', 'load', flag=flag, on_error='fail_open')
        self.talk(proxy, server.port).close()
        flag.touch()
        pid = int(proxy.wait_line('proxy.worker')[0]['pid'])
        os.kill(pid, signal.SIGKILL)
        line = self.error(proxy, 3)
        self.assertEqual((line['plugin'], line['callback']),
                         ('fault', 'load'))
        proxy.wait_line('plugin.quarantined', plugin='fault')
        self.talk(proxy, server.port)

    def test_damage_that_shows_later(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('stray')
        self.boom(proxy, server.port)
        line = self.error(proxy)    # when the server's answer came
        self.assertNotIn('plugin', line)
        self.assertEqual(line['signal'], 'SIGSEGV')
        name = proxy.wait_line('tunnel.open')[-1]['tunnel']
        self.assertIn(f'fault data {name}', line['suspects'])

    def test_thread(self):
        """No callback runs: the place in the program tells."""
        server = self.serve(echo_quietly)
        # A thread takes a system call that workers do not make.
        proxy = self.proxy('thread', more='security:\n'
                           '  system_calls: [clone3, clone, rseq]\n')
        self.boom(proxy, server.port)
        line = self.error(proxy)
        self.assertEqual((line.get('plugin'), line['signal']),
                         ('fault', 'SIGSEGV'), line)
        self.assertNotIn('callback', line)

    def test_written_beyond_its_state(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('beyond')
        self.boom(proxy, server.port, close=True)
        line = self.error(proxy)
        self.assertEqual((line['plugin'], line['callback']),
                         ('fault', 'close'))
        self.assertIn('plugin fault wrote beyond its state', proxy.stderr())

    def test_fork(self):
        """A child that comes back from the callback serves nobody."""
        server = self.serve(echo_quietly)
        proxy = self.proxy('fork')
        worker = int(proxy.wait_line('proxy.worker')[0]['pid'])
        tunnel = self.talk(proxy, server.port, WORD)
        wait_until(lambda: worker not in parents().values(),
                   'the child to end')
        self.assertIn(worker, parents())
        tunnel.sendall(b'more')
        self.assertEqual(read_exactly(tunnel, 4), b'more')
        self.assertEqual(proxy.lines('plugin.error'), [])

    def test_verdict_that_is_none(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('verdict')
        self.boom(proxy, server.port)
        line = proxy.wait_line('tunnel.close')[0]
        self.assertEqual(line['end'], 'plugin_error')

    def test_killed_from_outside(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('null')
        self.talk(proxy, server.port)
        for sig in (signal.SIGSEGV, signal.SIGKILL):
            workers = proxy.wait_line('proxy.worker', state='serves')
            os.kill(int(workers[-1]['pid']), sig)
            proxy.wait_line('proxy.worker', len(workers) + 1,
                            state='serves')
        self.assertEqual(proxy.lines('plugin.error'), [])


class Quarantine(Blamed):
    def fail_three_times(self, proxy):
        for n in range(3):
            self.boom(proxy, self.serve(drain_quietly).port)
            self.error(proxy, n + 1)
        line = proxy.wait_line('plugin.quarantined')[0]
        self.assertEqual(line['plugin'], 'fault')
        self.assertNotIn('target', line)

    def test_fail_closed(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('null')
        self.fail_three_times(proxy)
        status, _, body = self.request(proxy, server.port)
        self.assertEqual(status, 503)
        self.assertIn(b'quarantined', body)
        line = proxy.wait_line('tunnel.refused')[0]
        self.assertEqual((line['kind'], line['plugin']),
                         ('quarantined', 'fault'))
        proxy.process.send_signal(signal.SIGHUP)
        # The old one goes by what it knew.
        proxy.wait_line('proxy.worker', 4, state='ended')
        self.talk(proxy, server.port)

    def test_fail_open(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('null', on_error='fail_open')
        self.fail_three_times(proxy)
        self.talk(proxy, server.port, WORD)
        line = proxy.wait_line('tunnel.uninspected', plugin='fault')[0]
        self.assertEqual(line['reason'], 'quarantined')

    def test_one_target(self):
        bad, good = self.serve(drain_quietly), self.serve(echo_quietly)
        proxy = self.proxy('null')
        for n in range(2):
            self.boom(proxy, bad.port)
            self.error(proxy, n + 1)
        line = proxy.wait_line('plugin.quarantined')[0]
        self.assertEqual((line['target'], line['seconds']),
                         (f'127.0.0.1:{bad.port}', 600))
        self.assertEqual(self.request(proxy, bad.port)[0], 503)
        self.talk(proxy, good.port)


class Dial(Blamed):
    def test_name_that_a_parent_resolves(self):
        """A hook that is quarantined for it denies as at any other place."""
        parent = harness.free_port()
        proxy = harness.Case.proxy(
            self, plugins=(TOUCHY, 'raw'), supervised=True, env=QUIET,
            extra='workers: 1\nparents:\n'
            f'  - via: http://127.0.0.1:{parent}\n    resolve: parent\n')
        proxy.verify = lambda: None
        for n in range(2):
            with self.dial(proxy.port) as sock:
                sock.sendall(b'CONNECT touchy.invalid:9 HTTP/1.1\r\n'
                             b'Host: a\r\n\r\n')
                self.assertEqual(read_all(sock), b'')
            proxy.wait_line('plugin.error', n + 1)
        proxy.wait_line('plugin.quarantined')
        with self.dial(proxy.port) as sock:
            sock.sendall(b'CONNECT touchy.invalid:9 HTTP/1.1\r\n'
                         b'Host: a\r\n\r\n')
            answer = read_all(sock)
        self.assertIn(b' 503 ', answer)
        self.assertIn(b'quarantined', answer)


class Upgrade(Blamed):
    """The inspector that an upgrade leads to is quarantined."""
    REQUEST = (b'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n'
               b'Upgrade: brittle\r\n\r\n')

    def server(self):
        self.asked = []

        def switch(sock):
            try:
                self.asked.append(harness.read_head(sock))
                sock.sendall(b'HTTP/1.1 101 Switching Protocols\r\n'
                             b'Connection: Upgrade\r\n'
                             b'Upgrade: brittle\r\n\r\n')
                echo(sock)
            except (OSError, EOFError, AssertionError):
                pass
        return self.serve(switch)

    def upgrade(self, proxy, port):
        tunnel = self.connect(proxy, port)
        tunnel.sendall(self.REQUEST)
        return tunnel, harness.read_head(tunnel)

    def quarantine(self, on_error):
        path = str(harness.BUILD / 'tests/inspectors/brittle.so')
        proxy = harness.Case.proxy(
            self, plugins=('http', 'websocket', ('brittle', path), 'raw'),
            supervised=True, env=QUIET, brittle=dict(on_error=on_error),
            extra='workers: 1\nupgrade:\n  brittle: brittle\n'
            'timeouts:\n  drain: 1ms\n')
        proxy.verify = lambda: None
        for n in range(3):
            tunnel, head = self.upgrade(proxy, self.server().port)
            self.assertIn(b' 101 ', head)
            tunnel.sendall(b'boom')
            line = self.error(proxy, n + 1)
            self.assertEqual(line['plugin'], 'brittle')
        proxy.wait_line('plugin.quarantined', plugin='brittle')
        return proxy

    def test_fail_closed(self):
        proxy = self.quarantine('fail_closed')
        server = self.server()
        tunnel, head = self.upgrade(proxy, server.port)
        self.assertIn(b'HTTP/1.1 503 ', head)
        self.assertIn(b'plugin brittle, ', harness.read_all(tunnel))
        line = proxy.wait_line('tunnel.refused')[0]
        self.assertEqual((line['kind'], line['plugin']),
                         ('quarantined', 'brittle'))
        self.assertIn('plugin brittle, ', line['reason'])
        self.assertEqual(self.asked, [])
        # Whoever asks for nothing of it is served.
        self.talk(proxy, self.serve(echo_quietly).port)

    def test_fail_open(self):
        proxy = self.quarantine('fail_open')
        tunnel, head = self.upgrade(proxy, self.server().port)
        self.assertIn(b' 101 ', head)
        tunnel.sendall(b'boom')
        self.assertEqual(read_exactly(tunnel, 4), b'boom')
        line = proxy.wait_line('tunnel.uninspected', plugin='brittle')[0]
        self.assertEqual(line['reason'], 'quarantined')


class Hangs(Blamed):
    def check_replaced(self, how, slow):
        server = self.serve(echo_quietly)
        proxy = self.proxy(how)
        tunnel = self.boom(proxy, server.port)
        line = proxy.wait_line('plugin.slow')[0]
        self.assertEqual((line['plugin'], line['callback']),
                         ('fault', 'data'))
        self.assertGreaterEqual(line[slow], 100)
        line = self.error(proxy)
        self.assertEqual((line['plugin'], line['callback']),
                         ('fault', 'data'))
        self.assertIn('did not return', line['detail'])
        self.assertEqual(line['in_tunnel'],
                         proxy.wait_line('tunnel.open')[-1]['tunnel'])
        tunnel.close()
        self.talk(proxy, server.port)

    def test_loop(self):
        self.check_replaced('loop', 'cpu_ms')

    def test_deadlock(self):
        self.check_replaced('deadlock', 'asleep_ms')

    def test_sleep(self):
        server = self.serve(echo_quietly)
        proxy = self.proxy('sleep', ms='500ms')
        self.talk(proxy, server.port, WORD)
        line = proxy.wait_line('plugin.slow')[0]
        self.assertGreaterEqual(line['asleep_ms'], 100)
        self.assertEqual(proxy.lines('plugin.error'), [])

    def test_hidden_processes(self):
        """A supervisor that may not see its workers says so."""
        hide = 'mount -t proc -o hidepid=2 proc /proc'    # not from root
        if subprocess.run(['unshare', '-m', 'sh', '-c', hide],
                          capture_output=True).returncode != 0:
            self.skipTest('/proc cannot be mounted here')
        proxy = self.proxy('sleep')
        self.assertNotIn('/proc hides', proxy.stderr())
        proxy.stop(signal.SIGINT)
        for path in [proxy.folder, *proxy.folder.iterdir()]:
            os.chown(path, 65534, 65534)
        err = self.enterContext(tempfile.TemporaryFile('w+'))
        hidden = subprocess.Popen(
            ['unshare', '-m', 'sh', '-c', f'{hide} && exec "$@"', '-',
             'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups',
             harness.PROGRAM, 'run', '-c', proxy.config], stderr=err)
        self.addCleanup(hidden.wait)
        self.addCleanup(hidden.send_signal, signal.SIGINT)

        def said():
            err.seek(0)
            return '/proc hides worker' in err.read()
        wait_until(said, 'the warning')

    def test_starved_is_not_slow(self):
        """30 ms of work that take seconds, for want of a processor."""
        server = self.serve(echo_quietly)
        proxy = self.proxy('burn', ms='30ms')
        tunnel = self.talk(proxy, server.port)
        worker = int(proxy.wait_line('proxy.worker')[0]['pid'])
        cpu = min(os.sched_getaffinity(0))
        hogs = [subprocess.Popen([sys.executable, '-c', 'while True: pass'])
                for _ in range(2)]
        try:
            for pid in [worker] + [hog.pid for hog in hogs]:
                os.sched_setaffinity(pid, {cpu})
            os.setpriority(os.PRIO_PROCESS, worker, 19)
            began = time.monotonic()
            tunnel.sendall(WORD)
            select.select([tunnel], [], [], 5)
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
            # A busy machine would starve it for minutes.
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, worker, 0)
        tunnel.settimeout(5 * harness.DEADLINE)
        self.assertEqual(read_exactly(tunnel, len(WORD)), WORD)
        took = time.monotonic() - began
        if took < 2.5:
            self.skipTest(f'it was not starved: {took:.1f} s')
        self.assertEqual(proxy.lines('plugin.slow'), [])
        self.assertEqual(proxy.lines('plugin.error'), [])


def drain_quietly(sock):
    """A server of a tunnel that may be reset."""
    try:
        while sock.recv(4096):
            pass
    except OSError:
        pass


def echo_quietly(sock):
    """echo(), likewise."""
    try:
        echo(sock)
    except OSError:
        pass
