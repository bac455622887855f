#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run the end-to-end tests, class by class in some processes.

    run.py --build build/check [--counts FILE] [-j N] [-k PATTERN]... [-v]

--counts gets one line: passed, failed, skipped.  -v tells each class's time.
"""

import argparse
import concurrent.futures
import io
import multiprocessing
import os
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent

# What takes long is begun early, so that nobody waits for it at the end.
LONG = ('test_hostile', 'test_closing', 'test_limits', 'test_http11',
        'test_dns', 'test_greedy', 'test_supervisor', 'test_origin')


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build/check')
    parser.add_argument('--counts')
    parser.add_argument('-j', type=int, default=2)
    parser.add_argument('-k', action='append', default=[])
    parser.add_argument('-v', action='store_true')
    return parser.parse_args()


def loader(patterns):
    found = unittest.TestLoader()
    if patterns:
        found.testNamePatterns = [f'*{k}*' for k in patterns]
    return found


def classes(suite):
    """Every class with tests in it, once, by its name."""
    found = {}
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            found.update(classes(item))
        elif type(item).__module__ != 'unittest.loader':
            found[f'{type(item).__module__}.{type(item).__qualname__}'] = True
    return found


def rank(name):
    module = name.partition('.')[0]
    return LONG.index(module) if module in LONG else len(LONG)


def run(job):
    """One class: (name, seconds, passed, failed, skipped, text)."""
    name, patterns = job
    begin = time.monotonic()
    text = io.StringIO()
    suite = loader(patterns).loadTestsFromName(name)
    result = unittest.TextTestRunner(stream=text).run(suite)

    # A test with failing subtests is one failed test.
    def ids(pairs):
        return {getattr(t, 'test_case', t).id() for t, _ in pairs}
    failed = len(ids(result.failures + result.errors))
    skipped = len(ids(result.skipped))
    if result.testsRun == 0:
        failed = max(failed, 1)
    return (name, time.monotonic() - begin,
            max(0, result.testsRun - failed - skipped), failed, skipped,
            text.getvalue())


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
    load = loader(args.k)
    jobs = [(name, args.k) for name in sorted(
        classes(load.discover(str(HERE), pattern='test_*.py')), key=rank)]
    counts = [0, 0, 0]
    for error in load.errors:
        print(error)
        counts[1] += 1
    with concurrent.futures.ProcessPoolExecutor(
            args.j, multiprocessing.get_context('fork')) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run, job) for job in jobs]):
            name, seconds, *more, text = done.result()
            counts = [a + b for a, b in zip(counts, more)]
            if args.v or more[1]:
                print(f'{seconds:6.1f} s  {name}: {more[0]} passed, '
                      f'{more[1]} failed, {more[2]} skipped', flush=True)
            if more[1]:
                print(text, flush=True)
    print('{} passed, {} failed, {} skipped'.format(*counts))
    if args.counts:
        pathlib.Path(args.counts).write_text('{} {} {}\n'.format(*counts))
    return 0 if jobs and counts[1] == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
