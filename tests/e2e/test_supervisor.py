# SPDX-License-Identifier: MIT
"""A supervisor and its workers: reload, crash, drain."""

import collections
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import harness
from harness import echo, read_all, read_exactly, wait_until
from sampler import sleeps


def parents():
    """pid -> parent of all processes."""
    found = {}
    for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if fields[0] != 'Z':
            found[int(path.parent.name)] = int(fields[1])
    return found


def sockets_of(pid):
    found = set()
    for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        try:
            name = os.readlink(fd)
        except OSError:
            continue
        if name.startswith('socket:'):
            found.add(name)
    return found


def listening():
    """The inodes of listening TCP sockets."""
    rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
    return {f'socket:[{r.split()[9]}]' for r in rows if r.split()[3] == '0A'}


def kill_gone(pid):
    """If it is still there, against all that is expected."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Supervised(harness.Case):
    def proxy(self, workers=2, drain='1ms', more='', **kw):
        extra = f'workers: {workers}\n' + more
        if 'timeouts:' not in more:
            extra += f'timeouts:\n  drain: {drain}\n'
        return super().proxy(extra=extra, supervised=True, **kw)

    def children(self, proxy):
        return [p for p, parent in parents().items()
                if parent == proxy.process.pid]

    def workers(self, proxy):
        """Children that accept: the keeper has no listening socket."""
        ours = listening()
        found = []
        for pid in self.children(proxy):
            try:
                if sockets_of(pid) & ours:
                    found.append(pid)
            except PermissionError:     # they are not dumpable
                self.skipTest('needs root, to look into workers')
            except OSError:
                pass
        return sorted(found)

    def wait_workers(self, proxy, count, but=()):
        def there():
            found = [p for p in self.workers(proxy) if p not in but]
            return found if len(found) == count else None
        return wait_until(there, f'{count} workers\n{proxy.stderr()}')

    def say(self, tunnel, text=b'\0ahoy'):
        tunnel.sendall(text)
        self.assertEqual(read_exactly(tunnel, len(text)), text)

    def reload(self, proxy, generation):
        old = set(self.workers(proxy))
        proxy.process.send_signal(signal.SIGHUP)
        wait_until(lambda: f'generation {generation} serves'
                   in proxy.stderr(), f'generation {generation}')
        if 'lets nobody in' not in proxy.stderr():  # this machine stood still
            self.assertFalse(old & set(self.workers(proxy)))
        wait_until(lambda: not old & set(self.workers(proxy)),
                   'the old ones to leave the doors')

    def rewrite(self, proxy, *pairs):
        text = proxy.config.read_text()
        for old, new in pairs:
            self.assertIn(old, text)
            text = text.replace(old, new)
        proxy.config.write_text(text)

    def worker_of(self, port):
        """Who has the proxy's end of the connection from this port?"""
        rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
        return {f'socket:[{r.split()[9]}]' for r in rows
                if r.split()[2].endswith(f':{port:04X}')}

    def drained(self, proxy, tunnel):
        """Stop it; the worker with that tunnel and the logger are left."""
        proxy.process.send_signal(signal.SIGTERM)
        left = wait_until(lambda: (lambda c: c if len(c) == 2 else None)(
            self.children(proxy)), 'a worker and the logger')
        ours = self.worker_of(tunnel.getsockname()[1])
        return sorted(left, key=lambda pid: not sockets_of(pid) & ours)

    def end_unheard(self, proxy, tunnel):
        """Close the last one; the logger finds all lines at once."""
        last, logger = self.drained(proxy, tunnel)
        self.say(tunnel)
        os.kill(logger, signal.SIGSTOP)
        tunnel.close()
        wait_until(lambda: not os.path.exists(f'/proc/{last}'),
                   'the last worker to leave')
        os.kill(logger, signal.SIGCONT)
        # Another signal would cut it.
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        return proxy.stop()


class Workers(Supervised):
    def test_spread_is_even(self):
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy()
        tunnels = [self.connect(proxy, server.port) for _ in range(400)]
        served = collections.Counter()
        rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
        by_port = {r.split()[2][-4:]: f'socket:[{r.split()[9]}]'
                   for r in rows if r.split()[1].endswith(
                       f':{proxy.port:04X}')}
        owns = {pid: sockets_of(pid) for pid in self.workers(proxy)}
        for tunnel in tunnels:
            inode = by_port[f'{tunnel.getsockname()[1]:04X}']
            served[[p for p in owns if inode in owns[p]][0]] += 1
        for tunnel in tunnels:
            tunnel.close()
        self.assertEqual(len(served), 2)
        few, many = sorted(served.values())
        # Five standard deviations of a fair coin.
        self.assertLess(many - few, 100, served)

    def test_killed_worker_is_replaced(self):
        server = self.serve(echo)
        proxy = self.proxy()
        pids = self.wait_workers(proxy, 2)
        tunnels = [self.connect(proxy, server.port) for _ in range(20)]
        inodes = {t: self.worker_of(t.getsockname()[1]) for t in tunnels}
        lost = [t for t in tunnels if inodes[t] & sockets_of(pids[0])]
        kept = [t for t in tunnels if t not in lost]
        self.assertTrue(lost and kept)
        os.kill(pids[0], signal.SIGKILL)
        for tunnel in lost:
            try:
                self.assertEqual(tunnel.recv(1), b'')
            except ConnectionResetError:
                pass
        for tunnel in kept:
            self.say(tunnel)
        self.wait_workers(proxy, 2, but=pids[:1])
        for _ in range(20):
            self.say(self.connect(proxy, server.port))
        self.assertIn(f'worker {pids[0]} ended: killed by signal 9',
                      proxy.stderr())
        proxy.process.send_signal(signal.SIGINT)
        proxy.process.wait()
        # What the killed one had not written is lost, and only that.
        proxy.stopped = []

    def test_nobody_is_refused_while_workers_die(self):
        server = self.serve(echo, backlog=1024)
        proxy = self.proxy()
        problems = []
        over = threading.Event()

        def clients():
            while not over.is_set():
                try:
                    with socket.create_connection(
                            ('127.0.0.1', proxy.port)) as sock:
                        sock.settimeout(harness.DEADLINE)
                except OSError as e:
                    problems.append(e)
        threads = [threading.Thread(target=clients) for _ in range(2)]
        for thread in threads:
            thread.start()
        gone = []
        for _ in range(6):
            pids = self.wait_workers(proxy, 2, but=gone)
            os.kill(pids[0], signal.SIGKILL)
            gone.append(pids[0])
        self.wait_workers(proxy, 2, but=gone)
        over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(
            [e for e in problems if isinstance(e, ConnectionRefusedError)],
            [])
        self.say(self.connect(proxy, server.port))
        proxy.process.send_signal(signal.SIGINT)
        proxy.process.wait()
        proxy.stopped = []

    def test_workers_drain_when_the_supervisor_dies(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        pids = self.wait_workers(proxy, 2)
        tunnels = [self.connect(proxy, server.port) for _ in range(8)]
        proxy.process.kill()
        proxy.process.wait()
        wait_until(lambda: not harness.listens(proxy.port),
                   'the port to be closed')
        for tunnel in tunnels:
            self.say(tunnel)
            tunnel.close()
        wait_until(lambda: not set(pids) & set(parents()),
                   'the workers to leave')
        proxy.stopped = proxy.lines()
        harness.check_lines(proxy.stopped)

    def test_second_instance(self):
        proxy = self.proxy()
        result = subprocess.run(
            [harness.PROGRAM, 'run', '-c', proxy.config],
            capture_output=True, text=True, timeout=harness.DEADLINE)
        self.assertEqual(result.returncode, 69, result.stderr)
        self.assertIn(f'127.0.0.1:{proxy.port}', result.stderr)


class Reload(Supervised):
    def test_tunnels_go_on(self):
        server = self.serve(echo)
        proxy = self.proxy()
        first = self.wait_workers(proxy, 2)
        old = [self.connect(proxy, server.port) for _ in range(10)]
        for generation in (2, 3, 4):
            self.reload(proxy, generation)
            old.append(self.connect(proxy, server.port))
        for tunnel in old:
            self.say(tunnel)
        now = self.wait_workers(proxy, 2)
        self.assertFalse(set(first) & set(now))
        for tunnel in old:
            tunnel.close()
        # Two workers, a keeper and the logger are left.
        wait_until(lambda: len(self.children(proxy)) == 4,
                   'old generations to leave')

    def test_new_tunnels_go_by_the_new_one(self):
        server = self.serve(echo)
        proxy = self.proxy()
        self.rewrite(proxy, ('allow: [127.0.0.0/8, "::1"]',
                             'allow: ["::1"]'))
        self.reload(proxy, 2)
        def refused():
            sock = self.dial(proxy.port)
            sock.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n'
                         % server.port)
            return b' 403 ' in harness.read_head(sock)
        for _ in range(20):
            self.assertTrue(refused())

    def test_old_worker_that_does_not_answer(self):
        """It is waited for, but not long; who is killed has left."""
        for sig, waits in ((signal.SIGSTOP, True), (signal.SIGKILL, False)):
            with self.subTest(signal=sig):
                proxy = self.proxy()
                old = self.wait_workers(proxy, 2)
                # So that the other one is still there when it is asked.
                os.kill(old[0], signal.SIGSTOP)
                proxy.process.send_signal(signal.SIGHUP)
                proxy.wait_line('proxy.worker', 4, state='serves')
                began = time.monotonic()
                if sig == signal.SIGKILL:
                    os.kill(old[0], sig)
                wait_until(lambda: 'generation 2 serves' in proxy.stderr(),
                           'a new generation')
                self.assertEqual('lets nobody in' in proxy.stderr(), waits)
                if waits:
                    # Lines are in the log a little later than they happen.
                    self.assertGreater(time.monotonic() - began, 2)
                    os.kill(old[0], signal.SIGCONT)
                wait_until(lambda: old[0] not in self.children(proxy),
                           'it to leave')

    def test_reload_behind_a_reload(self):
        """Asked for while old workers are still at their doors."""
        proxy = self.proxy()
        old = self.wait_workers(proxy, 2)
        os.kill(old[0], signal.SIGSTOP)
        proxy.process.send_signal(signal.SIGHUP)
        proxy.wait_line('proxy.worker', 4, state='serves')
        proxy.process.send_signal(signal.SIGHUP)
        os.kill(old[0], signal.SIGCONT)
        wait_until(lambda: 'generation 3 serves' in proxy.stderr(),
                   'the second one')
        self.wait_workers(proxy, 2, but=old)

    def test_stopped_in_a_handover(self):
        proxy = self.proxy()
        old = self.wait_workers(proxy, 2)
        os.kill(old[0], signal.SIGSTOP)
        proxy.process.send_signal(signal.SIGHUP)
        proxy.wait_line('proxy.worker', 4, state='serves')
        proxy.process.send_signal(signal.SIGTERM)
        proxy.wait_line('proxy.worker', 2, state='ended')
        os.kill(old[0], signal.SIGCONT)
        proxy.stop()
        self.assertNotIn('generation 2 serves', proxy.stderr())

    def test_bad_one_is_not_taken_over(self):
        server = self.serve(echo)
        proxy = self.proxy()
        pids = self.wait_workers(proxy, 2)
        good = proxy.config.read_text()
        for what, bad, said in (
                ('syntax', 'listen: [', 'fairlead.yaml:'),
                ('key', good + 'colour: blue\n', 'colour'),
                ('plugin', good.replace('name: raw', 'name: rawer'),
                 'rawer')):
            with self.subTest(what=what):
                proxy.config.write_text(bad)
                before = proxy.stderr().count('was not taken over')
                proxy.process.send_signal(signal.SIGHUP)
                wait_until(lambda: proxy.stderr().count(
                    'was not taken over') > before, 'a refusal')
                self.assertIn(said, proxy.stderr())
        self.assertEqual(self.wait_workers(proxy, 2), pids)
        self.say(self.connect(proxy, server.port))
        proxy.config.write_text(good)
        self.reload(proxy, 5)

    def test_address_in_use(self):
        proxy = self.proxy()
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            self.rewrite(proxy, ('plugins:\n',
                                 f'  - address: 127.0.0.1:{port}\n'
                                 'plugins:\n'))
            proxy.process.send_signal(signal.SIGHUP)
            wait_until(lambda: 'was not taken over' in proxy.stderr(),
                       'a refusal')
        self.assertIn(f'127.0.0.1:{port}', proxy.stderr())

    def test_listener_comes_and_goes(self):
        server = self.serve(echo)
        proxy = self.proxy()
        port = harness.free_port()
        self.rewrite(proxy, ('plugins:\n', f'  - address: 127.0.0.1:{port}\n'
                             'plugins:\n'))
        self.reload(proxy, 2)
        name = f'127.0.0.1:{server.port}'.encode()
        sock = self.dial(port)
        sock.sendall(b'CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n'
                     % (name, name))
        self.assertIn(b' 200 ', harness.read_head(sock))
        self.say(sock)
        self.rewrite(proxy, (f'  - address: 127.0.0.1:{port}\n', ''))
        self.reload(proxy, 3)
        wait_until(lambda: not harness.listens(port), 'the port to close')
        self.say(sock)

    def test_number_of_workers_changes(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        for generation, workers in ((2, 3), (3, 1), (4, 2)):
            self.rewrite(proxy, (
                next(line for line in proxy.config.read_text().splitlines()
                     if line.startswith('workers:')),
                f'workers: {workers}'))
            self.reload(proxy, generation)
            for _ in range(12):
                self.say(self.connect(proxy, server.port))

    def test_many_at_once_are_few(self):
        proxy = self.proxy()
        for _ in range(20):
            proxy.process.send_signal(signal.SIGHUP)
        self.wait_workers(proxy, 2)
        wait_until(lambda: len(self.children(proxy)) == 4 and
                   'generation 2 serves' in proxy.stderr(), 'peace')
        self.assertLess(proxy.stderr().count(' serves;'), 20)

    def test_oldest_generation_is_drained(self):
        server = self.serve(echo)
        proxy = self.proxy(more='limits:\n  generations: 2\n')
        first = self.connect(proxy, server.port)
        self.reload(proxy, 2)
        second = self.connect(proxy, server.port)
        self.say(first)
        self.reload(proxy, 3)
        self.assertEqual(read_all(first), b'')
        self.say(second)


class Stop(Supervised):
    def test_tunnels_may_end(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        tunnel = self.connect(proxy, server.port)
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not harness.listens(proxy.port), 'no listener')
        self.say(tunnel)
        tunnel.close()
        # Another signal would cut it.
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        lines = proxy.stop()
        self.assertEqual([line['end'] for line in lines
                          if line['event'] == 'tunnel.close'],
                         ['client_fin'])

    def test_time_is_up(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='10ms')
        tunnel = self.connect(proxy, server.port)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(read_all(tunnel), b'')
        lines = proxy.stop()
        self.assertEqual([line['end'] for line in lines
                          if line['event'] == 'tunnel.close'], ['shutdown'])

    def test_second_signal(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        tunnel = self.connect(proxy, server.port)
        for _ in range(2):
            proxy.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not harness.listens(proxy.port),
                       'no listener')
        self.assertEqual(read_all(tunnel), b'')
        proxy.stop()

    def test_the_last_line(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        self.wait_workers(proxy, 2)
        lines = self.end_unheard(proxy, self.connect(proxy, server.port))
        self.assertEqual([line['event'] for line in lines].index(
            'proxy.stop'), len(lines) - 1)

    def test_old_generation_is_the_last_to_end(self):
        """All ends are told, and the proxy's own is behind them."""
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        pids = self.wait_workers(proxy, 2)
        tunnel = self.connect(proxy, server.port)
        self.reload(proxy, 2)
        pids += self.wait_workers(proxy, 2)
        lines = self.end_unheard(proxy, tunnel)
        ended = [line['pid'] for line in lines
                 if line['event'] == 'proxy.worker'
                 and line['state'] == 'ended']
        self.assertEqual(sorted(ended), sorted(pids))
        self.assertEqual([line['event'] for line in lines].index(
            'proxy.stop'), len(lines) - 1)

    def test_logger_dies_while_an_old_generation_ends(self):
        """Nobody of the current one is left, but its logs are needed."""
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        tunnel = self.connect(proxy, server.port)
        self.reload(proxy, 2)
        last, logger = self.drained(proxy, tunnel)
        os.kill(logger, signal.SIGKILL)
        wait_until(lambda: len(self.children(proxy)) == 2 and
                   logger not in self.children(proxy), 'another logger')
        tunnel.close()
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        lines = proxy.stop()
        self.assertEqual(lines[-1]['event'], 'proxy.stop')
        self.assertEqual(lines[-2]['pid'], last)
        self.assertNotIn('no log for a worker', proxy.stderr())

    def test_interrupt_is_quick(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        tunnel = self.connect(proxy, server.port)
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(read_all(tunnel), b'')
        proxy.stop()

    def test_stopped_processes(self):
        """Worker, keeper, logger, admin: none of them leaves."""
        server = self.serve(echo)
        proxy = self.proxy(more='limits: {tunnels: 100}\n')
        self.wait_workers(proxy, 2)
        self.say(self.connect(proxy, server.port))
        for pid in self.children(proxy):
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(kill_gone, pid)

        def ended():
            proxy.process.send_signal(signal.SIGINT)
            return proxy.process.poll() is not None
        wait_until(ended, 'the supervisor to end')
        self.assertEqual(proxy.process.wait(), 1)       # lines are lost
        self.assertEqual(self.children(proxy), [])
        proxy.stopped = []


class Logs(Supervised):
    def logger(self, proxy):
        """The child that has the log open."""
        log = str(proxy.log)
        for pid in self.children(proxy):
            try:
                for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
                    if os.readlink(fd) == log:
                        return pid
            except OSError:         # it has just ended, or closed that
                pass
        raise AssertionError(f'nobody has {log} open')

    def test_killed_worker_takes_no_line_with_it(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        pid = self.wait_workers(proxy, 1)[0]
        tunnels = [self.connect(proxy, server.port) for _ in range(50)]
        # Within the 100 ms that lines are gathered for, mostly.
        os.kill(pid, signal.SIGKILL)
        for tunnel in tunnels:
            tunnel.close()
        wait_until(lambda: len(proxy.lines('tunnel.connect')) >= 50,
                   'all lines of the dead')
        # The log tells whose tunnels they were: 1-* has .....01-........
        end = proxy.wait_line('proxy.worker', state='ended')[0]
        self.assertEqual((end['pid'], end['tunnels']), (pid, '1-*'))
        self.assertEqual({line['tunnel'][6:9] for line in
                          proxy.lines('tunnel.connect')}, {'01-'})
        self.wait_workers(proxy, 1, but=[pid])
        proxy.process.send_signal(signal.SIGINT)
        proxy.process.wait()
        text = proxy.log.read_bytes()
        self.assertTrue(text.endswith(b'\n'))
        self.assertEqual(len(proxy.lines('tunnel.connect')), 50)
        proxy.stopped = []

    def test_killed_logger_is_replaced(self):
        server = self.serve(echo)
        proxy = self.proxy()
        tunnels = [self.connect(proxy, server.port) for _ in range(20)]
        for _ in range(3):
            # One that writes may tear a line, or write some twice.
            proxy.wait_line('tunnel.connect', len(tunnels))
            wait_until(lambda: sleeps(self.logger(proxy)), 'it to rest')
            logger = self.logger(proxy)
            os.kill(logger, signal.SIGKILL)
            for tunnel in tunnels:
                self.say(tunnel)
            tunnels.append(self.connect(proxy, server.port))
            wait_until(lambda: logger not in self.children(proxy),
                       'its end')
            wait_until(lambda: self.has_logger(proxy, logger), 'a logger')
        for tunnel in tunnels:
            tunnel.close()
        self.assertEqual(len([line for line in proxy.stop()
                              if line['event'] == 'tunnel.close']), 23)

    def has_logger(self, proxy, but):
        try:
            return self.logger(proxy) != but
        except (AssertionError, OSError):
            return False

    def test_rotation(self):
        server = self.serve(echo)
        proxy = self.proxy()
        first = self.connect(proxy, server.port)
        proxy.wait_line('tunnel.connect')
        old = proxy.log.with_suffix('.old')
        proxy.log.rename(old)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_until(proxy.log.exists, 'a new file')
        first.close()
        proxy.wait_line('tunnel.close')
        self.assertIn(b'tunnel.open', old.read_bytes())
        self.assertNotIn(b'tunnel.open', proxy.log.read_bytes())
        proxy.process.send_signal(signal.SIGTERM)
        proxy.process.wait()
        proxy.stopped = []

    def test_full_disk_stops_no_tunnel(self):
        server = self.serve(echo)
        proxy = self.proxy()
        proxy.process.send_signal(signal.SIGTERM)
        proxy.process.wait()
        proxy.stopped = []
        full = proxy.log.with_suffix('.full')
        full.symlink_to('/dev/full')
        other = self.proxy(config=harness.CONFIG.replace(
            '"{log}"', f'"{full}"'))
        tunnels = [self.connect(other, server.port) for _ in range(20)]
        for tunnel in tunnels:
            self.say(tunnel)
        wait_until(lambda: 'No space left' in other.stderr(), 'a word')
        fresh = proxy.log.with_suffix('.fresh')
        full.unlink()
        full.symlink_to(fresh)
        wait_until(lambda: self.reopened(other, fresh), 'the lines')
        for tunnel in tunnels:
            tunnel.close()
        other.process.send_signal(signal.SIGTERM)
        self.assertEqual(other.process.wait(), 0, other.stderr())
        self.assertEqual(fresh.read_bytes().count(b'"tunnel.close"'), 20)
        other.stopped = []

    def reopened(self, proxy, path):
        proxy.process.send_signal(signal.SIGUSR1)
        return path.exists() and \
            path.read_bytes().count(b'"tunnel.connect"') == 20

    def test_cannot_be_opened(self):
        proxy = self.proxy()
        pids = self.wait_workers(proxy, 2)
        self.rewrite(proxy, (str(proxy.log), '/nowhere/log.json'))
        proxy.process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'was not taken over' in proxy.stderr(),
                   'a refusal')
        self.assertIn('/nowhere/log.json', proxy.stderr())
        self.assertEqual(self.wait_workers(proxy, 2), pids)


class Manager(Supervised):
    """What systemd does and hears, without systemd."""

    def start(self, shell, env=None, given=None):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='frl-e2e-'))
        self.addCleanup(shutil.rmtree, folder)
        port = harness.free_port()
        config = folder / 'c.yaml'
        config.write_text(harness.CONFIG.format(
            listen=f'  - address: 127.0.0.1:{port}',
            plugins=harness.plugin_text(('http', 'websocket', 'raw'), {}),
            log=folder / 'log.json', extra='workers: 2'))
        err = open(folder / 'stderr', 'w+b')
        self.addCleanup(err.close)
        process = subprocess.Popen(
            ['sh', '-c', shell.format(
                program=harness.PROGRAM, config=config)],
            env={**os.environ, **(env or {})}, stderr=err,
            stdin=subprocess.DEVNULL, pass_fds=[] if given is None else [3],
            preexec_fn=None if given is None else
            lambda: os.dup2(given, 3))
        self.addCleanup(process.kill)
        return process, port, config

    def test_it_is_told(self):
        path = tempfile.mktemp(prefix='frl-notify-')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            self.addCleanup(os.unlink, path)
            manager.settimeout(harness.DEADLINE)
            process, port, _ = self.start(
                'exec {program} run -c {config}',
                {'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '200000'})
            heard = []

            def hear(word):
                while True:
                    heard.append(manager.recv(4096).decode())
                    if word in heard[-1].splitlines():
                        return heard[-1]
            self.assertIn('2 workers', hear('READY=1'))
            self.assertTrue(harness.listens(port))
            hear('WATCHDOG=1')
            hear('WATCHDOG=1')
            process.send_signal(signal.SIGHUP)
            self.assertIn('MONOTONIC_USEC=', hear('RELOADING=1'))
            self.assertIn('generation 2', hear('READY=1'))
            process.send_signal(signal.SIGTERM)
            hear('STOPPING=1')
            self.assertEqual(process.wait(harness.DEADLINE), 0)

    def test_socket_activation(self):
        server = self.serve(echo)
        with socket.create_server(('127.0.0.1', 0), backlog=64) as given:
            port = given.getsockname()[1]
            # A client that came before there was a proxy.
            early = socket.create_connection(('127.0.0.1', port),
                                             harness.DEADLINE)
            self.addCleanup(early.close)
            process, own, config = self.start(
                'LISTEN_PID=$$ LISTEN_FDS=1 exec {program} run -c {config}',
                given=given.fileno())
            # Another address than the configuration's: not for us.
            wait_until(lambda: harness.listens(own) or process.poll(),
                       'its own listener')
            self.assertIsNone(process.poll())
            text = config.read_text()
            config.write_text(text.replace(f':{own}', f':{port}'))
            process.send_signal(signal.SIGHUP)
            name = f'127.0.0.1:{server.port}'.encode()
            early.sendall(b'CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n'
                          % (name, name))
            self.assertIn(b' 200 ', harness.read_head(early))
            self.say(early)
            wait_until(lambda: not harness.listens(own), 'the old to go')
        early.close()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(harness.DEADLINE), 0)
