#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run the end-to-end tests in one process.

    run.py --build build/check [--counts FILE] [-k PATTERN]... [-v]

--counts gets one line: passed, failed, skipped.
"""

import argparse
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/check')
    parser.add_argument('--counts')
    parser.add_argument('-k', action='append', default=[])
    parser.add_argument('-v', action='store_true')
    return parser.parse_args()


def main():
    args = arguments()
    if args.counts:
        pathlib.Path(args.counts).unlink(missing_ok=True)
    os.environ['FRL_BUILD'] = str(pathlib.Path(args.build).resolve())
    for name in list(os.environ):
        if name.lower().endswith('_proxy') or name.startswith('FAIRLEAD_'):
            del os.environ[name]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    if args.k:
        loader.testNamePatterns = [f'*{k}*' for k in args.k]
    suite = loader.discover(str(HERE), pattern='test_*.py')
    result = unittest.TextTestRunner(
        stream=sys.stdout, verbosity=2 if args.v else 1).run(suite)
    # A test with failing subtests is one failed test.
    def name(case):
        return getattr(case, 'test_case', case).id()
    failed = len({name(t) for t, _ in result.failures + result.errors})
    skipped = len({name(t) for t, _ in result.skipped})
    passed = max(0, result.testsRun - failed - skipped)
    if loader.errors or result.testsRun == 0:
        failed = max(failed, 1)
    if args.counts:
        pathlib.Path(args.counts).write_text(
            f'{passed} {failed} {skipped}\n')
    return 0 if failed == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
