# SPDX-License-Identifier: MIT
"""Eight clients at a time, and each call fails with a chance of 1 %."""

import os
import random
import threading
import time

import peers
import scenarios
from target import RANDOM, Cut, Failure, Folder, Target, check_log

CLIENTS = 8
RATE = 655              # of 65536
MIX = (scenarios.Raw, scenarios.Early, scenarios.Web, scenarios.Chunked,
       scenarios.WebSocket, scenarios.Forward, scenarios.Refused,
       scenarios.Bad, scenarios.Localhost, scenarios.Slow, scenarios.Bulk,
       scenarios.Reset)


class Chance:
    def __init__(self, build, report, skip=(), only=(), verbose=False,
                 seed=None):
        self.build, self.report = build, report
        self.seed = seed or int.from_bytes(os.urandom(4), 'big')
        self.mix = [cls(build) for cls in MIX]
        self.echo = peers.Server(peers.echo)
        self.problems = []
        self.done = self.cut = 0
        self.ran = False

    def client(self, target, number):
        dice = random.Random(self.seed + number)
        while time.monotonic() < self.end and not self.problems:
            try:
                dice.choice(self.mix).go(target)
                self.done += 1
            except Cut:
                self.cut += 1
            except (Failure, OSError, EOFError, AssertionError) as e:
                self.problems.append(f'{type(e).__name__}: {e}')

    def sweep(self, budget, mode=None, span=1):
        if self.ran:            # whatever the mode, it is the same
            return
        self.ran = True
        self.report.name = f'chance {self.seed}'
        self.end = time.monotonic() + (60 if budget == 0 else 5)
        self.folder = folder = Folder(self.build)
        target = Target(folder, self.echo.port)
        self.report.starts = 1
        folder.control.arm(RANDOM, rate=RATE, seed=self.seed)
        threads = [threading.Thread(target=self.client, args=(target, i))
                   for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        try:
            target.settle()
            folder.control.disarm()
            target.alive()
            target.well()
            target.check_leaks()
            target.stop()
            check_log(folder.log)
        except (Failure, OSError, EOFError, AssertionError) as e:
            self.problems.append(f'{e}')
        self.report.points = folder.control.points
        self.report.injected = folder.control.injected
        self.report.cut = self.cut
        self.report.calls.update(
            {k: v for k, v in folder.control.failed().items() if v})
        self.report.problems += [f'{self.report.name}: {p}'
                                 for p in self.problems]
        target.remove()

    def close(self):
        self.folder.remove()
