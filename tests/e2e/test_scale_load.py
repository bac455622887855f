# SPDX-License-Identifier: MIT
"""Logs under load and whatever befalls them, and very many tunnels.

Short here; FRL_LONG=1 does it in full.
"""

import collections
import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import time

import harness
from crowd import Echo, Rush
from harness import wait_until
from sampler import cpu_ms, pss
from test_scale import LONG, Scale, figure


class Pipe:
    """A log that is read, or not, until its writer is gone."""

    def __init__(self, test):
        self.path = pathlib.Path(test.folder()) / 'pipe'
        os.mkfifo(self.path)
        # Not blocking: the writer wants a reader to be there.
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        test.addCleanup(os.close, self.fd)
        self.data = bytearray()
        self.reading = threading.Event()
        self.reading.set()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        test.addCleanup(self.stop)

    def run(self):
        while True:
            if not self.reading.wait(0.02):
                if self.over.is_set():
                    return
                continue
            try:
                piece = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                piece = b''
            self.data += piece
            if not piece:
                if self.over.is_set():
                    return
                time.sleep(0.002)

    def stop(self):
        self.over.set()
        self.thread.join(harness.DEADLINE)

    def lines(self):
        """Whole ones; each is JSON, so none is torn or mixed."""
        data = bytes(self.data)
        return [json.loads(line) for line
                in data[:data.rfind(b'\n') + 1].splitlines()]


def accounts(lines):
    """(produced, written, dropped) of the tunnels that have a last line."""
    last = {line['tunnel']: line['seq'] for line in lines
            if line['event'] == 'tunnel.close'}
    written = [line for line in lines if line.get('tunnel') in last]
    dropped = sum(line['count'] for line in lines
                  if line['event'] == 'log.dropped')
    return sum(n + 1 for n in last.values()), len(written), dropped


class Logs(Scale):
    def folder(self):
        folder = tempfile.mkdtemp(prefix='frl-e2e-')
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def logging_proxy(self, pipe, on_full, **kw):
        text = harness.CONFIG.replace('"{log}"', f'"{pipe.path}"').replace(
            '    events:', f'    on_full: {on_full}\n    events:')
        return self.proxy(config=text, **kw)

    def crowds(self, proxy, server, count):
        return self.crowd(proxy, server, count, websocket=True)

    def logger(self, proxy, path):
        for pid in self.children(proxy):
            if str(path) in {os.readlink(f) for f in
                             pathlib.Path(f'/proc/{pid}/fd').iterdir()}:
                return pid
        raise AssertionError('no logger')

    def end(self, proxy, code=0):
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), code,
                         proxy.stderr())
        self.assertNotIn('Sanitizer', proxy.stderr())
        proxy.stopped = []

    def test_none_is_lost_at_the_end(self):
        """SIGTERM in the middle of tens of thousands of events."""
        proxy = self.proxy(drain='1ms')
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        begin = time.monotonic()
        for _ in range(40 if LONG else 1):
            crowd.ask('blast 1000')
            crowd.ask('speak')
        took = time.monotonic() - begin
        crowd.ask('blast 1000')
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        lines = proxy.stop()    # no seq is missing, each tunnel is closed
        self.assertEqual(len([line for line in lines
                              if line['event'] == 'tunnel.close']), 20)
        figure(f'logs: {len(lines)} lines, {len(lines) / took:.0f} a second,'
               ' SIGTERM among them, none lost')

    def blocked(self, on_full):
        pipe = Pipe(self)
        proxy = self.logging_proxy(pipe, on_full)
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        pipe.reading.clear()
        for _ in range(10 if LONG else 3):
            crowd.ask('blast 500')
            if on_full == 'drop':
                self.whole(crowd.ask('speak'), 20)
        pipe.reading.set()
        self.whole(crowd.ask('speak'), 20)
        wait_until(lambda: self.caught_up(pipe, crowd), 'the log to go on')
        crowd.ask('close')
        wait_until(lambda: pipe.data.count(b'"tunnel.close"') == 20,
                   'the last lines')
        self.end(proxy)
        pipe.stop()
        produced, written, dropped = accounts(pipe.lines())
        self.assertEqual(produced, written + dropped)
        figure(f'logs: blocked pipe, {on_full}: {produced} produced, '
               f'{written} written, {dropped} dropped')
        return dropped

    def caught_up(self, pipe, crowd):
        """New lines arrive, so there is room."""
        had = len(pipe.data)
        crowd.ask('speak')
        time.sleep(0.2)
        return len(pipe.data) - had < 65536

    def test_blocked_pipe_drops(self):
        self.assertGreater(self.blocked('drop'), 0)

    def test_blocked_pipe_blocks(self):
        self.assertEqual(self.blocked('block'), 0)

    def test_killed_worker_and_blocked_pipe(self):
        """Its lines wait, at no cost, until somebody reads."""
        pipe = Pipe(self)
        proxy = self.logging_proxy(pipe, 'block')
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        self.whole(crowd.ask('speak'), 20)
        pipe.reading.clear()
        crowd.ask('blast 60')         # all of one worker's fit into its spool
        self.whole(crowd.ask('speak'), 20)
        pids = self.workers(proxy)
        logger = self.logger(proxy, pipe.path)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.wait_workers(proxy, 2, but=pids)
        used = cpu_ms(logger)
        time.sleep(1)
        used = cpu_ms(logger) - used
        self.assertLess(used, 100)      # it does not spin
        pipe.reading.set()
        # 60 out, 60 back.
        wait_until(lambda: pipe.data.count(b'"ws.frame"') >= 20 * 120,
                   'the lines of the dead')
        self.end(proxy)
        pipe.lines()

    def test_nobody_reads_at_the_end(self):
        """It ends all the same, and says what is lost."""
        pipe = Pipe(self)
        proxy = self.logging_proxy(pipe, 'block', drain='1ms')
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        pipe.reading.clear()
        crowd.ask('blast 100')
        self.whole(crowd.ask('speak'), 20)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 1,
                         proxy.stderr())
        self.assertIn('lost: nobody reads it', proxy.stderr())
        proxy.stopped = []

    def test_file_is_removed_and_rotated(self):
        """Under load, again and again: nothing is missing in all of them."""
        proxy = self.proxy()
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        old = []
        for i in range(20 if LONG else 4):
            crowd.ask('blast 100')
            old.append(proxy.log.with_suffix(f'.{i}'))
            proxy.log.rename(old[-1])
            proxy.process.send_signal(signal.SIGUSR1)
            wait_until(proxy.log.exists, 'a new file')
        self.whole(crowd.ask('speak'), 20)
        crowd.ask('close')
        proxy.wait_line('tunnel.close', 20)
        proxy.process.send_signal(signal.SIGTERM)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        with open(proxy.log, 'rb') as last:
            text = b''.join(p.read_bytes() for p in old) + last.read()
        proxy.log.write_bytes(text)
        proxy.stop()

    def test_killed_loggers(self):
        """What the last one had taken and not written is the only thing that
        may come twice; nothing is missing."""
        proxy = self.proxy()
        server = Echo(self)
        crowd = self.crowds(proxy, server, 20)
        gone = None
        for _ in range(20 if LONG else 3):
            crowd.ask('blast 200')
            gone = wait_until(lambda: self.other_logger(proxy, gone),
                              'a logger')
            os.kill(gone, signal.SIGKILL)
            self.whole(crowd.ask('speak'), 20)
        crowd.ask('close')
        # A logger that is killed in its write tears a line.
        wait_until(lambda: proxy.log.read_bytes().count(b'"tunnel.close"')
                   >= 20, 'the ends')
        proxy.process.send_signal(signal.SIGINT)
        self.assertEqual(proxy.process.wait(harness.DEADLINE), 0)
        proxy.stopped = []
        seqs = collections.defaultdict(set)
        torn = 0
        for raw in proxy.log.read_bytes().splitlines():
            try:
                line = json.loads(raw)
            except ValueError:
                torn += 1
                continue
            if 'tunnel' in line:
                seqs[line['tunnel']].add(line['seq'])
        self.assertEqual(len(seqs), 20)
        for its in seqs.values():
            self.assertEqual(its, set(range(len(its))))
        self.assertLessEqual(torn, 20 if LONG else 3)

    def other_logger(self, proxy, but):
        try:
            pid = self.logger(proxy, proxy.log)
        except (AssertionError, OSError):
            return None
        return pid if pid != but else None


class Many(Scale):
    def memory(self, proxy):
        """KiB of all its processes, and descriptors of the workers."""
        return (sum(pss(p) for p in self.children(proxy)),
                sum(len(os.listdir(f'/proc/{p}/fd'))
                    for p in self.workers(proxy)))

    def many_proxy(self):
        return self.proxy(more='limits:\n  tunnels: 12000\n'
                          '  tunnels_per_client: 12000\n')

    def idle(self, websocket, bound):
        count = 10000 if LONG else 400
        proxy = self.many_proxy()
        server = Echo(self)
        self.crowd(proxy, server, 50, websocket).ask('close')
        before, _ = self.memory(proxy)
        crowds = [self.crowd(proxy, server, count // 2, websocket)
                  for _ in range(2)]
        self.spread(proxy, count)
        time.sleep(2 if LONG else 0)
        after, _ = self.memory(proxy)
        each = (after - before) / count
        seconds = 20 if LONG else 1
        used = sum(cpu_ms(p) for p in self.children(proxy))
        time.sleep(seconds)
        used = sum(cpu_ms(p) for p in self.children(proxy)) - used
        for crowd in crowds:
            self.whole(crowd.ask('speak'), count // 2)
        figure(f'idle: {count} tunnels, websocket {websocket}: '
               f'{each:.2f} KiB each, {used / seconds / 10:.2f}% of a core')
        if LONG:
            self.assertLess(each, bound)
            self.assertLess(used / seconds, 10)
        for crowd in crowds:
            crowd.ask('close')

    def spread(self, proxy, count):
        files = [len(os.listdir(f'/proc/{p}/fd'))
                 for p in self.workers(proxy)]
        self.assertEqual(len(files), 2)
        figure(f'spread: {count} tunnels, descriptors of workers {files}')
        # Of 400, 30% are six standard deviations of a fair coin.
        self.assertLess(max(files) - min(files), 0.3 * sum(files), files)

    def test_idle(self):
        self.idle(False, 2)

    def test_idle_websockets(self):
        self.idle(True, 3)

    def test_they_come_and_go(self):
        """Memory and descriptors are what they were."""
        proxy = self.many_proxy()
        server = Echo(self)
        # As many at a time as will ever be: that much is kept.
        self.come_and_go(proxy, server, 15 if LONG else 1)
        before = self.memory(proxy)
        found = self.come_and_go(proxy, server, 100 if LONG else 1)
        self.all_well(found)
        after = self.memory(proxy)
        figure(f'come and go: {found["fine"]} tunnels, {before} KiB and '
               f'descriptors before, {after} after')
        self.assertEqual(after[1], before[1])
        if LONG:        # a sanitizer keeps what was freed
            self.assertLess(after[0] - before[0], 2048)

    def come_and_go(self, proxy, server, seconds):
        found = {'fine': 0}
        while found['fine'] == 0:       # no second is enough for some
            rush = Rush(self, proxy.port, server.port,
                        1200 if LONG else 200)
            time.sleep(seconds)
            found = rush.stop()

        def all_closed():
            text = proxy.log.read_bytes()
            return text.count(b'"tunnel.open"') == \
                text.count(b'"tunnel.close"')
        wait_until(all_closed, 'the last close')
        return found
