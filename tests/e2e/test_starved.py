# SPDX-License-Identifier: MIT
"""A proxy with a fifth of a processor: nobody is blamed for what is not his
fault, and who hangs is still found.

The share is a CPU quota of the kernel's (cgroup, version 1 or 2): 20 ms of
every 100 ms for all processes of the proxy together.  Where none can be had
the proxy runs beside four programs that are always busy, all on one processor.
That starves it, too, but its processes wait as runnable ones wait, while a
quota takes them off the processor: other code of the kernel counts it.
"""

import os
import pathlib
import subprocess
import sys
import threading
import time

from crowd import Crowd, Echo
from harness import read_all, read_head
from test_blame import WORD, Blamed, echo_quietly
from test_supervisor import parents

LONG = bool(os.environ.get('FRL_LONG'))
SECONDS = 600 if LONG else 4
# Further `timeouts`: this is not about those.
PATIENT = '  head: 60s\n  detect: 60s\n  connect: 60s\n'
PERIOD, SHARE = 100000, 20000       # microseconds


def limit_v1(folder):
    folder.mkdir()
    (folder / 'cpu.cfs_period_us').write_text(str(PERIOD))
    (folder / 'cpu.cfs_quota_us').write_text(str(SHARE))


def limit_v2(folder):
    folder.mkdir()
    (folder / 'cpu.max').write_text(f'{SHARE} {PERIOD}')


def make_group(pid):
    """A new group with a quota for that proxy; None: not to be had here."""
    name = f'fairlead-test-{pid}'
    for top, limit in (('/sys/fs/cgroup/cpu', limit_v1),
                       ('/sys/fs/cgroup', limit_v2)):
        folder = pathlib.Path(top) / name
        try:
            limit(folder)
            return folder
        except OSError:
            if folder.is_dir():
                folder.rmdir()
    return None


def answer_quietly(sock):
    """A server of one page."""
    try:
        read_head(sock)
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
        read_all(sock)
    except (OSError, EOFError):
        pass


class Starved(Blamed):
    def starve(self, proxy):
        """All that it has now, and what those will start."""
        group = make_group(proxy.process.pid)
        pids = [proxy.process.pid] + [p for p, parent in parents().items()
                                      if parent == proxy.process.pid]
        if group is None:
            self.starve_beside_others(pids)
            return None
        # Cleanups run backwards: the proxy is stopped behind this.
        self.addCleanup(self.release, group)
        for pid in pids:
            (group / 'cgroup.procs').write_text(str(pid))
        return group

    def release(self, group):
        for pid in (group / 'cgroup.procs').read_text().split():
            (group.parent / 'cgroup.procs').write_text(pid)
        group.rmdir()

    def starve_beside_others(self, pids):
        cpu = min(os.sched_getaffinity(0))
        hogs = [subprocess.Popen([sys.executable, '-c', 'while True: pass'])
                for _ in range(4)]
        for hog in hogs:
            self.addCleanup(hog.wait)
            self.addCleanup(hog.kill)
        for pid in pids + [hog.pid for hog in hogs]:
            os.sched_setaffinity(pid, {cpu})

    def ask_for(self, proxy, seconds):
        """Requests one after the other; how many were answered."""
        server = self.serve(answer_quietly)
        end, count = time.monotonic() + seconds, 0
        request = (b'GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: 127.0.0.1:%d'
                   b'\r\nConnection: close\r\n\r\n'
                   % (server.port, server.port))
        while time.monotonic() < end:
            status, _, body = self.ask(proxy, request)
            self.assertEqual((status, body), (200, b'hi'))
            count += 1
        return count

    def speak_for(self, crowd, seconds, counts):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            counts.append(crowd.ask('speak'))

    def burn_for(self, proxy, seconds, counts):
        """Tunnels that take 30 ms of work in a callback, for which the
        quota needs more than 100."""
        server = self.serve(echo_quietly)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.talk(proxy, server.port, WORD).close()
            counts.append(1)

    def test_no_false_alarm(self):
        """Ten minutes (FRL_LONG=1) of more work than it can do."""
        proxy = self.proxy('burn', ms='30ms', more=PATIENT)
        server = Echo(self)
        group = self.starve(proxy)
        crowd = Crowd(self, proxy.port, server.port, True)
        self.assertEqual(crowd.ask('open 20')['open'], 20)
        rounds, burns = [], []
        threads = [threading.Thread(target=self.speak_for,
                                    args=(crowd, SECONDS, rounds))]
        threads += [threading.Thread(target=self.burn_for,
                                     args=(proxy, SECONDS, burns))
                    for _ in range(2)]
        for thread in threads:
            thread.start()
        requests = self.ask_for(proxy, SECONDS)
        for thread in threads:
            thread.join()
        if group is not None:
            stat = (group / 'cpu.stat').read_text().split()
            stat = dict(zip(stat[::2], stat[1::2]))
            self.assertGreater(int(stat['nr_throttled']), 0)
            if LONG:
                print(f'{requests} requests, {len(rounds)} rounds of 20 '
                      f'WebSockets, {len(burns)} burns, {stat}', file=sys.stderr)
        for line in ('plugin.slow', 'plugin.error', 'plugin.quarantined'):
            self.assertEqual(proxy.lines(line), [])
        self.assertEqual(len(proxy.lines('proxy.worker')), 1)
        self.assertEqual(rounds[-1]['open'], 20)

    def test_hang_is_found(self):
        how = ('loop', 'cpu_ms'), ('deadlock', 'asleep_ms')
        for kind, field in how if LONG else how[1:]:
            with self.subTest(kind):
                self.find(kind, field)

    def find(self, kind, field):
        server = self.serve(echo_quietly)
        proxy = self.proxy(kind)
        self.starve(proxy)
        tunnel = self.talk(proxy, server.port)
        tunnel.sendall(WORD)
        slow = proxy.wait_line('plugin.slow')[0]
        self.assertEqual((slow['plugin'], slow['callback']),
                         ('fault', 'data'))
        self.assertGreaterEqual(slow[field], 100)
        self.assertEqual(self.error(proxy)['plugin'], 'fault')
        tunnel.close()
        self.talk(proxy, server.port)
