# SPDX-License-Identifier: MIT
"""Is what a fault breaks found?  A program that does not stand one leaks or
writes beyond its memory, under the same shim and the same sanitizers."""

import pathlib
import subprocess
import tempfile

from target import NTH, OFF, Control, environment, sanitizers


class Proof:
    def __init__(self, build, report):
        self.build, self.report = build, report

    def said(self, how, n):
        with tempfile.TemporaryDirectory() as folder:
            control = Control(pathlib.Path(folder) / 'control')
            control.arm(NTH, n)
            done = subprocess.run(
                [self.build / 'tests/faults/proof/fairlead', how],
                env=environment(self.build, control), capture_output=True,
                text=True)
            control.put('<I', 0, OFF)
            self.report.injected += control.injected
            return done.returncode, done.stderr

    def expect(self, how, n, code, word):
        got, said = self.said(how, n)
        if got != code or word not in said:
            self.report.problems.append(
                f'proof {how} n={n}: exit code {got}, {word!r} not said:\n'
                f'{said}')

    def sweep(self, budget, mode=None, span=1):
        if self.report.points or not sanitizers(self.build / 'fairlead'):
            return
        self.report.points = 2
        self.expect('leak', 1, 2, '')
        self.expect('leak', 2, 99, 'LeakSanitizer')
        self.expect('overflow', 2, 99, 'heap-buffer-overflow')
        self.expect('leak', 3, 0, '')

    def close(self):
        pass
