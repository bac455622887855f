# SPDX-License-Identifier: MIT
"""One scenario, one fault after the other, in a process that goes on."""

import collections
import time

from target import (ALL, HARMLESS, NTH, Cut, Failure, Folder, Target,
                    backtrace, check_log)


class Report:
    """What came of a scenario."""

    def __init__(self, name):
        self.name = name
        self.points = self.injected = self.cut = self.starts = 0
        self.problems = []
        self.calls = collections.Counter()

    def line(self):
        return (f'{self.name:14} {self.points:6} points '
                f'{self.injected:6} faults {self.cut:6} felt '
                f'{self.starts:3} starts {len(self.problems):3} problems')


class Sweep:
    def __init__(self, scenario, name, skip=(), only=(), verbose=False,
                 cold=False):
        self.scenario = scenario
        self.report = Report(name)
        self.skip, self.only = skip, only
        self.verbose = verbose
        self.cold = cold        # a new process for each fault
        self.target = None

    def start(self):
        self.folder = Folder(self.scenario.build,
                             **self.scenario.configure())
        self.control = self.folder.control
        self.target = Target(self.folder, self.scenario.echo.port,
                             self.scenario.out(self.folder))
        self.report.starts += 1
        if self.only:
            self.folder.control.skip(self.only, but=True)
        else:
            self.folder.control.skip(self.skip)
        self.since = []         # faults since it was started
        # What is made once for all is not to be counted.
        for _ in range(0 if self.cold else 2):
            self.scenario.run(self.target)
            self.target.settle()
        self.target.well()

    def stop(self):
        target, self.target = self.target, None
        try:
            said = target.stop()
            if self.scenario.format == 'json':
                check_log(self.folder.log)
            self.scenario.check()
        except Failure as e:
            self.problem(f'at the end, after {len(self.since)} faults '
                         f'({self.since[:1]}..{self.since[-1:]})', e)
        finally:
            target.remove()
            self.folder.remove()

    def problem(self, where, e):
        self.report.problems.append(f'{self.report.name}: {where}: {e}')
        if self.verbose:
            print(self.report.problems[-1], flush=True)

    def round(self, mode, n, span=1, leaks=False):
        """One fault.  False: there was none."""
        if self.target is None:
            self.start()
        target, control = self.target, self.folder.control
        began, cpu = time.monotonic(), target.cpu()
        control.arm(mode, n, span)
        felt = None
        try:
            try:
                self.scenario.run(target)
            except Cut as e:
                felt = e
            target.settle()
            control.disarm()
            if control.injected == 0:
                if self.cold:
                    self.stop()
                if felt is not None:
                    raise Failure(f'without any fault: {felt}')
                return False
            self.report.calls.update([control.what.split()[0]])
            self.judge(felt, began, cpu)
            if leaks:
                target.check_leaks()
        except (Failure, AssertionError, OSError, EOFError) as e:
            control.disarm()
            try:
                target.alive()
            except Failure as dead:
                e = dead
            self.problem(f'n={n} {control.what}', f'{e}\n  the call:\n'
                         + backtrace(control.trace))
            target.remove()
            self.folder.remove()
            self.target = None
        self.report.injected += 1
        if self.cold and self.target is not None:
            self.stop()
        return True

    def judge(self, felt, began, cpu):
        target, what = self.target, self.folder.control.what
        self.since.append(what)
        target.alive()
        took = time.monotonic() - began
        used = target.cpu() - cpu
        # Who spins does so for a deadline, and those are seconds.
        if took > 3 and used > took / 2:
            raise Failure(f'{used} s of CPU in {took} s')
        if felt is not None:
            self.report.cut += 1
            if self.scenario.quiet and what.split()[1] in HARMLESS and \
                    self.folder.control.injected == 1:
                raise Failure(f'felt by the client: {felt}')
        target.well()
        if what.startswith('write'):
            target.recover()
        self.scenario.check()

    def count(self, mode):
        self.round(mode, ALL)
        return self.control.points

    def sweep(self, budget, mode=NTH, span=1):
        """All faults, or `budget` of them, evenly."""
        total = self.count(mode)
        self.report.points += total
        if self.cold or self.scenario.slow:
            budget //= 2
        step = max(1, total // budget) if budget else 1
        # Some more than were counted: no two rounds are alike.
        n = 1 + (step - 1) // 2
        while n <= total + 20:
            more = self.round(mode, n, span)
            if not more and n > total:
                break
            if len(self.report.problems) >= 60:
                break
            n += step

    def close(self):
        if self.target is not None:
            self.stop()
