# SPDX-License-Identifier: MIT
"""What the processes of a supervised proxy may do, and what not.

Most of it takes root: it becomes somebody else first.
"""

import contextlib
import ctypes
import errno
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import echo, wait_until
from test_supervisor import Supervised, parents

NOBODY = pwd.getpwnam('nobody')
INTRUDER = ('intruder', harness.BUILD / 'tests/inspectors/intruder.so')
needs_root = unittest.skipUnless(os.geteuid() == 0, 'needs root')

# CAP_DAC_OVERRIDE, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE
SUPERVISOR = sum(1 << n for n in (1, 5, 6, 7, 8, 10))


def status_of(pid):
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return {k: v.split() for k, v in (
        line.split(':', 1) for line in text.splitlines())}


def landlock_abi():
    """Asked as the program does: 444 is landlock_create_ruleset."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(
        444, None, ctypes.c_size_t(0), 1))


class Guarded(Supervised):
    def setUp(self):
        # The log's folder is the user's: it rotates there.
        self.logs = pathlib.Path(tempfile.mkdtemp(prefix='frl-guard-'))
        self.addCleanup(shutil.rmtree, self.logs, ignore_errors=True)
        if os.geteuid() == 0:
            os.chown(self.logs, NOBODY.pw_uid, NOBODY.pw_gid)

    def guarded(self, security='', workers=1, plugins=(INTRUDER, 'raw'),
                **kw):
        config = harness.CONFIG.replace('{log}', f'{self.logs}/log.json')
        proxy = self.proxy(workers=workers, plugins=plugins, config=config,
                           more=f'security: {{{security}}}\n', **kw)
        proxy.log = self.logs / 'log.json'
        return proxy

    def tell(self, tunnel, text):
        """What the intruder was answered: 0 or an errno."""
        tunnel.sendall(f'{text}\n'.encode())
        line = b''
        while not line.endswith(b'\n'):
            more = tunnel.recv(64)
            if not more:
                raise EOFError(text)
            line += more
        return 0 if line == b'fine\n' else int(line)

    def refused(self, config, code=78):
        """Start it with that; what it says."""
        path = self.logs / 'bad.yaml'
        path.write_text(harness.CONFIG.format(
            listen=f'  - address: 127.0.0.1:{harness.free_port()}',
            plugins='  - name: raw', log=self.logs / 'log.json',
            extra=config))
        path.chmod(0o644)
        got = subprocess.run([harness.PROGRAM, 'run', '-c', path],
                             capture_output=True, text=True,
                             timeout=harness.DEADLINE)
        self.assertEqual(got.returncode, code, got.stderr)
        return got.stderr


class Privileges(Guarded):
    def check_dropped(self, pid, uid, gid):
        status = status_of(pid)
        what = f'{pid} {status["Name"]} {status}'
        self.assertEqual(status['Uid'], [str(uid)] * 4, what)
        self.assertEqual(status['Gid'], [str(gid)] * 4, what)
        self.assertEqual(status['Groups'], [], what)
        for kind in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            self.assertEqual(int(status[kind][0], 16), 0, f'{kind} {what}')
        self.assertEqual(status['NoNewPrivs'], ['1'], what)
        # Not dumpable: /proc/PID belongs to root.
        self.assertEqual(os.stat(f'/proc/{pid}/environ').st_uid, 0, what)

    @needs_root
    def test_all_processes(self):
        # Groups of who starts it are not the user's.
        self.addCleanup(os.setgroups, os.getgroups())
        os.setgroups([0, 4, 4242])
        proxy = self.guarded('user: nobody', workers=2)
        workers = self.wait_workers(proxy, 2)
        for pid in self.children(proxy):
            self.check_dropped(pid, NOBODY.pw_uid, NOBODY.pw_gid)
        self.assertEqual(len(self.children(proxy)), 4)
        for pid in workers:
            self.assertEqual(status_of(pid)['Seccomp'], ['2'])
        own = status_of(proxy.process.pid)
        self.assertEqual(own['Uid'], ['0'] * 4)
        self.assertEqual(own['NoNewPrivs'], ['1'])
        for kind in ('CapPrm', 'CapEff', 'CapBnd'):
            self.assertEqual(int(own[kind][0], 16) & ~SUPERVISOR, 0, kind)
        self.assertNotIn('runs as root', proxy.stderr())

    @needs_root
    def test_group(self):
        os.chmod(self.logs, 0o777)
        proxy = self.guarded('user: "65533", group: "12345"')
        for pid in self.wait_workers(proxy, 1):
            self.check_dropped(pid, 65533, 12345)

    @needs_root
    def test_still_a_proxy(self):
        """Tunnels, rotation, a replaced worker, reload to a low port, a
        configuration that only root may read."""
        server = self.serve(echo)
        proxy = self.guarded('user: nobody', plugins=('http', 'raw'))
        proxy.config.chmod(0o600)
        self.say(self.connect(proxy, server.port, host='localhost'))
        proxy.wait_line('tunnel.connect')
        proxy.log.rename(proxy.log.with_suffix('.old'))
        proxy.process.send_signal(signal.SIGUSR1)
        wait_until(proxy.log.exists, 'a new file')
        self.assertEqual(proxy.log.stat().st_uid, NOBODY.pw_uid)
        pid = self.wait_workers(proxy, 1)[0]
        os.kill(pid, signal.SIGKILL)
        self.wait_workers(proxy, 1, but=[pid])
        port = next(p for p in range(900, 1023) if not harness.listens(p))
        self.rewrite(proxy, ('plugins:\n', f'  - address: 127.0.0.1:{port}\n'
                             'plugins:\n'))
        self.reload(proxy, 2)
        wait_until(lambda: harness.listens(port), 'the low port')
        self.say(self.connect(proxy, server.port))
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.stopped = []      # a worker was killed

    @needs_root
    def test_root_is_warned(self):
        proxy = self.guarded()
        self.assertIn('security: {user: fairlead}', proxy.stderr())
        for pid in self.wait_workers(proxy, 1):
            status = status_of(pid)
            for kind in ('CapPrm', 'CapEff', 'CapBnd'):
                self.assertEqual(int(status[kind][0], 16), 0, kind)

    @needs_root
    def test_user_does_not_change_by_reload(self):
        proxy = self.guarded('user: nobody')
        self.rewrite(proxy, ('user: nobody', 'user: daemon'))
        proxy.process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'was not taken over' in proxy.stderr(),
                   'a refusal')
        self.assertIn('restart to become daemon', proxy.stderr())

    @needs_root
    def test_log_of_somebody_else(self):
        os.chown(self.logs, 0, 0)
        os.chmod(self.logs, 0o755)
        said = self.refused('security: {user: nobody}')
        self.assertIn(f'{self.logs}/log.json: Permission denied', said)
        self.assertIn('security.user', said)

    @needs_root
    def test_one_process(self):
        server = self.serve(echo)
        config = harness.CONFIG.replace('{log}', f'{self.logs}/log.json')
        proxy = harness.Case.proxy(
            self, plugins=('raw',), config=config,
            extra='security: {user: nobody}')
        proxy.log = self.logs / 'log.json'
        self.say(self.connect(proxy, server.port))
        self.check_dropped(proxy.process.pid, NOBODY.pw_uid, NOBODY.pw_gid)

    @needs_root
    def test_started_as_the_user(self):
        """Nothing to become; nothing more is asked for."""
        path = self.logs / 'own.yaml'
        port = harness.free_port()
        path.write_text(harness.CONFIG.format(
            listen=f'  - address: 127.0.0.1:{port}',
            plugins='  - name: raw', log=self.logs / 'log.json',
            extra='workers: 1\nsecurity: {user: nobody}'))
        path.chmod(0o644)
        for uid, said in ((NOBODY.pw_uid, None),
                          (12345, 'only root can become somebody else')):
            os.chown(self.logs, uid, NOBODY.pw_gid)
            process = subprocess.Popen(
                [harness.PROGRAM, 'run', '-c', path], user=uid,
                group=NOBODY.pw_gid, extra_groups=[],
                stderr=subprocess.PIPE, text=True)
            with process:
                if said is None:
                    wait_until(lambda: harness.listens(port), 'it')
                    process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=harness.DEADLINE)
            self.assertEqual(process.returncode, 0 if said is None else 78,
                             err)
            self.assertIn(said or '', err)


class Intruder(Guarded):
    def test_what_workers_may_not(self):
        server = self.serve(echo)
        proxy = self.guarded('user: nobody' if os.geteuid() == 0 else '')
        tunnel = self.connect(proxy, server.port)
        victim = subprocess.Popen(['sleep', '1000'])
        self.addCleanup(victim.wait)
        self.addCleanup(victim.kill)
        readable = self.logs / 'readable'
        readable.write_text('not for you')
        readable.chmod(0o644)
        os.chmod(self.logs, 0o777)
        for attempt, errors in (
                ('open /etc/hosts', [0]),
                ('open /etc/shadow', [errno.EACCES]),
                ('open /etc/passwd', [errno.EACCES]),
                (f'open {readable}', [errno.EACCES]),
                (f'make {self.logs}/made', [errno.EACCES]),
                ('make /tmp/made', [errno.EACCES]),
                ('open /proc/1/environ', [errno.EACCES]),
                (f'kill {victim.pid}', [errno.EPERM]),
                (f'kill {proxy.process.pid}', [errno.EPERM]),
                ('listen', [errno.EPERM]),
                ('code', [errno.EPERM]),
                (f'socket {socket.AF_INET}', [0]),
                (f'socket {socket.AF_PACKET}', [errno.EPERM]),
                (f'socket {socket.AF_NETLINK}', [errno.EPERM])):
            with self.subTest(attempt=attempt):
                if landlock_abi() < 1 and ('open' in attempt or
                                           'make' in attempt):
                    self.skipTest('no Landlock')
                self.assertIn(self.tell(tunnel, attempt), errors)
        self.assertFalse((self.logs / 'made').exists())

    def test_abstract_sockets(self):
        if landlock_abi() < 6:
            self.skipTest('no Landlock that knows them')
        server = self.serve(echo)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(f'\0frl-guard-{os.getpid()}')
            door.listen()
            attempt = f'abstract frl-guard-{os.getpid()}'
            for security, error in (('', errno.EPERM), ('landlock: off', 0)):
                proxy = self.guarded(security)
                tunnel = self.connect(proxy, server.port)
                self.assertEqual(self.tell(tunnel, attempt), error)
                tunnel.close()
                proxy.stop()

    def test_pretender(self):
        """One that says it is another process, and talks without an end, is
        itself who is killed for that."""
        other = subprocess.Popen(['sleep', '1000'])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        proxy = self.guarded()
        worker, = self.wait_workers(proxy, 1)
        def patient(sock):
            with contextlib.suppress(ConnectionError):
                echo(sock)

        tunnel = self.connect(proxy, self.serve(patient).port)
        tunnel.sendall(f'pretend {other.pid}\n'.encode())
        wait_until(lambda: 'plugin intruder failed' in proxy.stderr(),
                   'the end of it')
        self.wait_workers(proxy, 1, but=(worker,))
        self.assertIsNone(other.poll())
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.stopped = []

    def test_scribbler(self):
        """Whatever it writes where others look, no other process dies."""
        def patient(sock):
            with contextlib.suppress(ConnectionError):
                echo(sock)

        server = self.serve(patient)
        for seed in range(int(os.environ.get('FRL_SCRIBBLES', 2))):
            with self.subTest(seed=seed):
                self.scribble(server, seed, self.logs / f'{seed}.sock')

    def scribble(self, server, seed, admin):
        proxy = self.proxy(
            workers=2, plugins=(INTRUDER, 'raw'),
            more=f'security: {{landlock: off}}\nlimits: {{tunnels: 50}}\n'
                 f'admin: {{socket: {admin}}}\n')
        self.wait_workers(proxy, 2)
        tunnel = self.connect(proxy, server.port)
        tunnel.sendall(f'scribble {seed}\n'.encode())

        def ended():
            for word in ('status', 'metrics', 'tunnels', 'stats'):
                subprocess.run([harness.PROGRAM, word, '--socket', admin],
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               timeout=harness.DEADLINE)
            self.assertIsNone(proxy.process.poll(), proxy.stderr())
            return ' ended: ' in proxy.stderr()
        wait_until(ended, 'the end of it')
        for word in ('logger died', 'admin process died', 'keeper of'):
            self.assertNotIn(word, proxy.stderr())
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.stopped = []

    def test_what_kills(self):
        server = self.serve(echo)
        proxy = self.guarded()
        for attempt in ('exec /bin/true', 'root'):
            with self.subTest(attempt=attempt):
                pid = self.wait_workers(proxy, 1)[0]
                tunnel = self.connect(proxy, server.port)
                with self.assertRaises((EOFError, ConnectionResetError)):
                    self.tell(tunnel, attempt)
                line = proxy.wait_line('proxy.worker', pid=pid,
                                       state='ended')[0]
                self.assertIn('Bad system call', line['reason'])
                self.assertIn('security.system_calls', line['reason'])
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.stopped = []

    def test_switched_off(self):
        """The same attempts are possible: the tests above can fail."""
        server = self.serve(echo)
        proxy = self.guarded('seccomp: off, landlock: off')
        tunnel = self.connect(proxy, server.port)
        for attempt in ('open /etc/passwd', f'make {self.logs}/made',
                        'listen', 'code', f'socket {socket.AF_NETLINK}',
                        'fork'):
            with self.subTest(attempt=attempt):
                if attempt.startswith('make') and os.geteuid() == 0:
                    os.chown(self.logs, 0, 0)
                # Netlink has no streams.
                want = errno.ESOCKTNOSUPPORT if 'socket' in attempt else 0
                self.assertEqual(self.tell(tunnel, attempt), want)

    def test_more_for_plugins(self):
        server = self.serve(echo)
        readable = self.logs / 'readable'
        readable.write_text('for you')
        proxy = self.guarded(
            f'system_calls: [bind, listen, mmap], read: ["{self.logs}"]')
        if os.geteuid() == 0:   # without the rights to override
            os.chown(self.logs, 0, 0)
        tunnel = self.connect(proxy, server.port)
        for attempt, error in ((f'open {readable}', 0), ('listen', 0),
                               ('code', 0),
                               ('open /etc/passwd', errno.EACCES),
                               (f'make {self.logs}/made', errno.EACCES)):
            with self.subTest(attempt=attempt):
                self.assertEqual(self.tell(tunnel, attempt), error)


class Kernels(Guarded):
    """Those that lack something: strace says so in their place."""

    FAULTS = {
        'landlock': 'landlock_create_ruleset:error=ENOSYS',
        'seccomp': 'seccomp:error=EINVAL',
    }

    def setUp(self):
        super().setUp()
        if shutil.which('strace') is None:
            self.skipTest('no strace')

    @needs_root
    def test_under_a_manager(self):
        """systemd forbids the calls that would change nothing."""
        path = self.logs / 'c.yaml'
        port = harness.free_port()
        path.write_text(harness.CONFIG.format(
            listen=f'  - address: 127.0.0.1:{port}',
            plugins='  - name: raw', log=self.logs / 'log.json',
            extra='workers: 1\nsecurity: {user: nobody}'))
        path.chmod(0o644)
        calls = 'capset,setgroups,setresuid,setresgid'
        with subprocess.Popen(
                ['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                 f'inject={calls}:error=EPERM', '-e', f'trace={calls}',
                 harness.PROGRAM, 'run', '-c', path],
                stderr=subprocess.PIPE, text=True, user=NOBODY.pw_uid,
                group=NOBODY.pw_gid, extra_groups=[], env={
                    **os.environ,
                    'ASAN_OPTIONS': 'detect_leaks=0'}) as process:
            wait_until(lambda: harness.listens(port) or
                       process.poll() is not None, 'it')
            if process.poll() is None:
                os.kill(self.program_of(process), signal.SIGINT)
            _, err = process.communicate(timeout=harness.DEADLINE)
        self.assertEqual(process.returncode, 0, err)

    def start(self, guard, wish):
        path = self.logs / 'c.yaml'
        port = harness.free_port()
        path.write_text(harness.CONFIG.format(
            listen=f'  - address: 127.0.0.1:{port}',
            plugins='  - name: raw', log=self.logs / 'log.json',
            extra=f'workers: 1\nsecurity: {{{guard}: {wish}}}'))
        # LeakSanitizer does not work under a tracer.
        return port, subprocess.Popen(
            ['strace', '-f', '-qq', '-o', '/dev/null', '-e',
             f'inject={self.FAULTS[guard]}', '-e', 'trace='
             + self.FAULTS[guard].split(':')[0], harness.PROGRAM, 'run',
             '-c', path], stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})

    def test_required(self):
        for guard in self.FAULTS:
            with self.subTest(guard=guard):
                _, process = self.start(guard, 'required')
                with process:
                    _, err = process.communicate(timeout=harness.DEADLINE)
                self.assertEqual(process.returncode, 78, err)
                self.assertIn(f'security.{guard} is required', err)

    def test_wished_for(self):
        for guard in self.FAULTS:
            with self.subTest(guard=guard):
                port, process = self.start(guard, 'on')
                with process:
                    wait_until(lambda: harness.listens(port), 'it')
                    log = self.logs / 'log.json'
                    # It listens before the log is there.
                    wait_until(lambda: log.exists() and '"proxy.unguarded"'
                               in log.read_text(), 'the event')
                    os.kill(self.program_of(process), signal.SIGINT)
                    _, err = process.communicate(timeout=harness.DEADLINE)
                self.assertIn(f'workers run without {guard}', err)
                log.unlink()

    def program_of(self, strace):
        return next(p for p, parent in parents().items()
                    if parent == strace.pid)


class Configuration(Guarded):
    def test_mistakes(self):
        for text, said in (
                ('user: nosuchuser', "no user 'nosuchuser'"),
                ('group: nogroup', 'set `user`, too'),
                ('user: nobody, group: nosuchgroup',
                 "no group 'nosuchgroup'"),
                ('seccomp: maybe', 'seccomp'),
                ('system_calls: [opne]', "'opne' is no system call"),
                ('read: [etc]', "'etc' is no absolute path"),
                ('read: ["/nowhere"]', '/nowhere: No such file')):
            with self.subTest(text=text):
                self.assertIn(said, self.refused(f'security: {{{text}}}'))
