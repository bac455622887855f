# SPDX-License-Identifier: MIT
"""Reloads, crashes and kills under load.

Short here; FRL_LONG=1 does it in full.  Nothing is compared with the clock
but what a test says it measures, and that only in full.
"""

import datetime
import os
import pathlib
import random
import resource
import signal
import statistics
import time

import harness
from crowd import Crowd, Echo, Rush
from harness import wait_until
from sampler import cpu_ms
from test_supervisor import Supervised, parents, sockets_of

LONG = os.environ.get('FRL_LONG', '') != ''

# For the proxy's own figures, which the README of a run may quote.
FIGURES = os.environ.get('FRL_FIGURES')


def figure(text):
    if FIGURES:
        with open(FIGURES, 'a') as f:
            f.write(text + '\n')


class Scale(Supervised):
    def crowd(self, proxy, server, count, websocket=False):
        crowd = Crowd(self, proxy.port, server.port, websocket)
        self.whole(crowd.ask(f'open {count}'), count)
        return crowd

    def whole(self, answer, count):
        self.assertEqual((answer['open'], answer['lost']), (count, 0),
                         answer)

    def all_well(self, answer):
        """Of a rush."""
        self.assertEqual((answer['refused'], answer['broken'],
                          answer['busy']), (0, 0, 0), answer)
        self.assertGreater(answer['fine'], 0)

    def end(self, proxy):
        """After a kill not every tunnel has its last line."""
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0,
                         proxy.stderr())
        self.assertNotIn('Sanitizer', proxy.stderr())
        proxy.stopped = []

    def set_workers(self, proxy, count):
        self.rewrite(proxy, (
            next(line for line in proxy.config.read_text().splitlines()
                 if line.startswith('workers:')), f'workers: {count}'))

    def settled(self, proxy, workers=2):
        """Only one generation is left: its workers, a keeper, the logger."""
        wait_until(lambda: len(self.children(proxy)) == workers + 2,
                   'old generations to leave')


class Reload(Scale):
    def test_nobody_notices(self):
        """Old tunnels live, new ones are served, through many reloads."""
        tunnels, times, rate = (1000, 100, 500) if LONG else (60, 3, 50)
        proxy = self.proxy(more='limits:\n  generations: 64\n')
        server = Echo(self)
        raw = self.crowd(proxy, server, tunnels)
        websockets = self.crowd(proxy, server, tunnels, True)
        rush = Rush(self, proxy.port, server.port, rate)
        begin = time.monotonic()
        for i in range(times):
            self.reload(proxy, i + 2)
            time.sleep(max(0, begin + (i + 1) * 0.6 - time.monotonic()))
        took = time.monotonic() - begin
        found = rush.stop()
        self.all_well(found)
        self.whole(raw.ask('speak'), tunnels)
        self.whole(websockets.ask('speak'), tunnels)
        figure(f'reload: {times} in {took:.1f} s, {2 * tunnels} tunnels '
               f'before, {found}')
        raw.ask('close')
        websockets.ask('close')
        self.settled(proxy)

    def test_number_of_workers(self):
        """Whoever waits in a queue is served, whatever becomes of it."""
        proxy = self.proxy(workers=2)
        server = Echo(self)
        rush = Rush(self, proxy.port, server.port, 200 if LONG else 50)
        for i, count in enumerate((4, 1, 3, 2) * (5 if LONG else 1)):
            self.set_workers(proxy, count)
            self.reload(proxy, i + 2)
        self.all_well(rush.stop())
        self.settled(proxy)

    def test_oldest_is_drained(self):
        """WebSockets hear 1012, between two frames."""
        proxy = self.proxy(more='limits:\n  generations: 2\n')
        server = Echo(self)
        oldest = self.crowd(proxy, server, 20, True)
        self.reload(proxy, 2)
        second = self.crowd(proxy, server, 20, True)
        self.reload(proxy, 3)
        wait_until(lambda: oldest.ask('look')['lost'] == 20, 'the closes')
        self.assertEqual(oldest.ask('look')['why'], ['close 1012'])
        self.whole(second.ask('speak'), 20)

    def test_closes_at_the_end(self):
        proxy = self.proxy(drain='1ms')
        server = Echo(self)
        crowd = self.crowd(proxy, server, 20, True)
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: crowd.ask('look')['lost'] == 20, 'the closes')
        self.assertEqual(crowd.ask('look')['why'], ['close 1001'])

    def test_plugin_files(self):
        """Replaced: new tunnels have the new code.  Overwritten: nobody is
        harmed."""
        proxy = self.proxy()
        server = Echo(self)
        good = (harness.BUILD / 'plugins' / 'raw.so').read_bytes()
        other = good.replace(b'\x000.1.0\0', b'\x009.8.7\0')
        self.assertNotEqual(good, other)
        path = proxy.folder / 'raw.so'
        path.write_bytes(good)
        path.chmod(0o755)
        self.rewrite(proxy, ('  - name: raw\n',
                             f'  - name: raw\n    path: {path}\n'),
                     ('"tunnel.*"', '"proxy.*", "tunnel.*"'))
        self.reload(proxy, 2)
        old = self.crowd(proxy, server, 20)
        path.write_bytes(b'\0' * len(good))
        self.whole(old.ask('speak'), 20)
        pid = self.workers(proxy)[0]
        os.kill(pid, signal.SIGKILL)    # its heir has that code, too
        self.wait_workers(proxy, 2, but=[pid])
        more = self.crowd(proxy, server, 20)
        before = proxy.stderr().count('was not taken over')
        proxy.process.send_signal(signal.SIGHUP)
        wait_until(lambda: proxy.stderr().count('was not taken over')
                   > before, 'a refusal')
        path.with_suffix('.new').write_bytes(other)
        path.with_suffix('.new').chmod(0o755)
        path.with_suffix('.new').rename(path)
        self.reload(proxy, 4)
        line = proxy.wait_line('proxy.reload', result='serves',
                               generation=4)[0]
        self.assertIn('raw 9.8.7', line['plugins'])
        self.whole(more.ask('speak'), 20)
        self.whole(self.crowd(proxy, server, 20).ask('speak'), 20)
        self.end(proxy)


class Crash(Scale):
    def ports_of(self, pid):
        """Remote ports of the connections a process has accepted."""
        own = sockets_of(pid)
        rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
        return {int(r.split()[2][-4:], 16) for r in rows
                if f'socket:[{r.split()[9]}]' in own}

    def test_workers(self):
        """Each takes its own tunnels with it, and is replaced."""
        times, rate = (100, 300) if LONG else (2, 30)
        proxy = self.proxy()
        self.rewrite(proxy, ('"tunnel.*"', '"proxy.*", "tunnel.*"'))
        self.reload(proxy, 2)
        self.settled(proxy)
        server = Echo(self)
        crowd = self.crowd(proxy, server, 100)
        rush = Rush(self, proxy.port, server.port, rate)
        gone = []
        for i in range(times):
            begin = time.monotonic()
            pids = self.wait_workers(proxy, 2, but=gone)
            gone.append(pids[0])    # the older one
            ports = set(crowd.ask('ports')['ports'])
            theirs = ports & self.ports_of(gone[-1])
            os.kill(gone[-1], signal.SIGKILL)
            self.wait_workers(proxy, 2, but=gone)
            wait_until(lambda: crowd.ask('look')['open']
                       == len(ports - theirs), 'the loss')
            self.assertEqual(set(crowd.ask('ports')['ports']),
                             ports - theirs)
            crowd.ask(f'open {len(theirs)}')
            time.sleep(max(0, begin + 0.6 - time.monotonic()))
        alive = crowd.ask('look')['open']
        self.assertEqual(crowd.ask('speak')['open'], alive)
        found = rush.stop()
        self.assertEqual((found['refused'], found['busy']), (0, 0), found)
        proxy.wait_line('proxy.worker', 2 + 2 * times)
        self.replaced(proxy, times, found)
        self.end(proxy)

    def replaced(self, proxy, times, found):
        ended, took = [], []
        for line in proxy.lines('proxy.worker'):
            at = datetime.datetime.fromisoformat(line['ts'])
            why = line.get('reason', '')
            if line['state'] == 'ended' and 'signal 9' in why:
                ended.append(at)
            elif line['state'] == 'serves' and ended:
                took.append((at - ended.pop(0)).total_seconds())
        self.assertEqual(len(took), times)
        median = statistics.median(took)
        figure(f'crash: {times} workers, replaced after {median * 1e3:.1f} '
               f'ms (median), {max(took) * 1e3:.1f} ms at most; {found}')
        if LONG:
            self.assertLess(median, 0.1)

    def test_supervisor(self):
        """Workers accept nobody any more and leave, and so does the logger,
        when all is written."""
        proxy = self.proxy(drain='1h')
        server = Echo(self)
        crowd = self.crowd(proxy, server, 50)
        rest = self.children(proxy)
        proxy.process.kill()
        proxy.process.wait()
        wait_until(lambda: not harness.listens(proxy.port), 'no listener')
        self.whole(crowd.ask('speak'), 50)
        crowd.ask('close')
        wait_until(lambda: not set(rest) & set(parents()), 'all to leave')
        lines = proxy.lines()
        harness.check_lines(lines)
        self.assertEqual(sum(line['event'] == 'tunnel.close'
                             for line in lines), 50)
        proxy.stopped = lines

    def keeper(self, proxy):
        """The youngest child that neither listens nor has the log."""
        workers = self.workers(proxy)
        log = str(proxy.log)
        found = []
        for pid in self.children(proxy):
            try:
                files = {os.readlink(f) for f in
                         pathlib.Path(f'/proc/{pid}/fd').iterdir()}
            except OSError:
                continue
            if pid not in workers and log not in files:
                found.append(pid)
        return max(found, default=None)

    def test_keeper(self):
        """Without one, a worker that dies brings a reload about."""
        proxy = self.proxy()
        server = Echo(self)
        crowd = self.crowd(proxy, server, 20)
        os.kill(self.keeper(proxy), signal.SIGKILL)
        wait_until(lambda: 'the keeper of generation 1 has died'
                   in proxy.stderr(), 'a word')
        self.whole(crowd.ask('speak'), 20)
        pids = self.wait_workers(proxy, 2)
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: 'generation 2 serves' in proxy.stderr(),
                   'a reload')
        crowd.ask('close')
        self.all_well_again(proxy, server)

    def all_well_again(self, proxy, server):
        proxy.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.keeper(proxy) is not None and
                   self.is_quiet(proxy), 'a generation')
        crowd = self.crowd(proxy, server, 40)
        self.whole(crowd.ask('speak'), 40)
        crowd.ask('close')
        self.settled(proxy)
        self.end(proxy)

    def is_quiet(self, proxy):
        said = proxy.stderr()
        return said.count('reloading ') <= \
            said.count(' serves; ') + said.count('was not taken over')

    def kill_during_reloads(self, find):
        """Some moment of a reload after the other."""
        proxy = self.proxy()
        server = Echo(self)
        crowd = self.crowd(proxy, server, 20)
        rush = Rush(self, proxy.port, server.port, 100 if LONG else 20)
        times = 100 if LONG else 4
        dice = random.Random(4)
        for i in range(times):
            proxy.process.send_signal(signal.SIGHUP)
            time.sleep(dice.random() * (0.1 if LONG else 0.4))
            try:
                os.kill(find(proxy) or 0x7fffffff, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: self.is_quiet(proxy), 'peace\n')
        self.all_well(rush.stop())
        self.whole(crowd.ask('speak'), 20)
        crowd.ask('close')
        self.all_well_again(proxy, server)

    def test_keeper_during_reloads(self):
        self.kill_during_reloads(self.keeper)

    def logger(self, proxy):
        log = str(proxy.log)
        for pid in self.children(proxy):
            try:
                if log in {os.readlink(f) for f in
                           pathlib.Path(f'/proc/{pid}/fd').iterdir()}:
                    return pid
            except OSError:
                pass
        return None

    def test_logger_during_reloads(self):
        self.kill_during_reloads(self.logger)

    def test_start_is_interrupted(self):
        """SIGTERM at any moment of a start ends it, and leaves nobody."""
        dice = random.Random(7)
        for i in range(60 if LONG else 4):
            proxy = harness.Proxy(('http', 'websocket', 'raw'), {},
                                  'workers: 2', None, None, {}, True)
            self.addCleanup(proxy.remove)
            time.sleep(dice.random() * (0.1 if LONG else 0.5))
            mine = self.children(proxy)
            proxy.process.send_signal(signal.SIGTERM)
            code = proxy.process.wait(harness.DEADLINE)
            # Before it listens for signals it dies of them.
            self.assertIn(code, (0, -signal.SIGTERM), proxy.stderr())
            self.assertNotIn('Sanitizer', proxy.stderr())
            if code == 0:
                wait_until(lambda: not set(mine) & set(parents()),
                           'all to leave')
            self.assertFalse(harness.listens(proxy.port))


class Descriptors(Scale):
    LIMIT = 256

    def test_too_few(self):
        """Clients wait in the queue; who is served goes on."""
        crowd_size, seconds = (2000, 60) if LONG else (600, 3)
        proxy = self.proxy(more='limits:\n  tunnels: 1000\n')
        server = Echo(self)
        resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE,
                         (self.LIMIT, self.LIMIT))
        self.reload(proxy, 2)
        self.settled(proxy)
        old = self.crowd(proxy, server, 40)
        pids = self.workers(proxy)
        greedy = Crowd(self, proxy.port, server.port)
        greedy.ask(f'silent {crowd_size}')
        wait_until(lambda: 'trying again' in proxy.stderr(), 'a word')
        begin = time.monotonic()
        said = proxy.stderr().count('\n')
        used = sum(cpu_ms(p) for p in pids)
        for _ in range(3):
            self.whole(old.ask('speak'), 40)
            time.sleep(seconds / 3)
        used = sum(cpu_ms(p) for p in pids) - used
        said = proxy.stderr().count('\n') - said
        took = time.monotonic() - begin
        figure(f'descriptors: {used / took / 10:.2f}% of a core, {said} '
               f'lines in {took:.0f} s')
        self.assertLess(used / took, 100)
        self.assertLessEqual(said, 2 * took)
        greedy.end()
        begin = time.monotonic()
        one = self.crowd(proxy, server, 1)
        late = time.monotonic() - begin
        figure(f'descriptors: a new client served after {late:.3f} s')
        if LONG:
            self.assertLess(late, 1.5)
        self.whole(one.ask('speak'), 1)
        self.whole(old.ask('speak'), 40)
        old.ask('close')
        one.ask('close')
        proxy.wait_line('tunnel.close', 41)
