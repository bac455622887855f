# SPDX-License-Identifier: MIT
"""The cases of tests/hostile: all of them in one run, a test for each row,
so that what fails has a name."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import BUILD

RUN = pathlib.Path(__file__).resolve().parent.parent / 'hostile' / 'run'


def rows():
    """The rows that have cases, without running any."""
    done = subprocess.run([RUN, '--rows'], stdout=subprocess.PIPE, check=True)
    return [int(row) for row in done.stdout.split()]


class Hostile(unittest.TestCase):
    found = None        # what the run said, once there was one

    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile(prefix='frl-hostile-') as file:
            done = subprocess.run(
                [RUN, '--build', BUILD, '--json', file.name],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
            cls.said = done.stdout.decode('utf-8', 'replace')
            text = pathlib.Path(file.name).read_text()
        cls.found = json.loads(text) if text else None

    def row(self, row):
        self.assertIsNotNone(self.found, self.said[-4000:])
        self.assertIn(row, self.found['rows'])
        self.assertEqual(self.found['failures'].get(str(row), []), [])

    def test_the_proxies_themselves(self):
        """Sanitizers, exit codes, descriptors, the logs as a whole."""
        self.assertIsNotNone(self.found, self.said[-4000:])
        self.assertEqual(self.found['general'], [])


for _row in rows():
    setattr(Hostile, f'test_row_{_row:02d}',
            lambda self, row=_row: self.row(row))
