# SPDX-License-Identifier: MIT
"""program -- the cases that are no traffic: configurations, plugin files and
logs that cannot be written.

A case of `from: config` is a file, those of `plugin` and `log` name a
function below that prepares what they are about.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

import cases

PLACES = ('config', 'plugin', 'log')
BASE = """\
version: 1
listen:
  - address: 127.0.0.1:0
plugins:
  - name: raw
  - name: http
%s
destinations:
  allow: [127.0.0.1]
"""


class Skip(Exception):
    pass


def wanted(case):
    want = dict(re.findall(r'(exit|place|says)=([^,]+)', case.wanted()))
    return ([int(x) for x in want.get('exit', '78').split('|')],
            want.get('place'), want.get('says'))


def judged(case, code, said):
    """What is wrong with an exit status and a standard error."""
    codes, place, says = wanted(case)
    wrong = []
    if code not in codes:
        wrong.append(f'exit {code}, wanted {codes}: {said[:400]}')
    if 'Sanitizer' in said or 'runtime error' in said:
        wrong.append(f'a sanitizer spoke: {said[:2000]}')
    if place and not re.search(rf'\.yaml:{place}:\d+: ', said):
        wrong.append(f'no complaint about line {place}: {said[:400]}')
    if says and says not in said:
        wrong.append(f'{says!r} is not said: {said[:400]}')
    if code and not said.strip():
        wrong.append('it says nothing')
    if any(ord(c) < 0x20 and c not in '\n\t' or ord(c) == 0x7f
           for c in said):
        wrong.append(f'a control character on the terminal: {said[:300]!r}')
    return wrong


def check(build, config, env=None, cwd=None):
    done = subprocess.run(
        [build / 'fairlead', 'check', '-c', config], timeout=120,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def run_config(case, build, folder):
    config = folder / 'a.yaml'
    config.write_bytes(cases.unescape(case.text('send'), {'*': b''}))
    return judged(case, *check(build, config))


# -- plugin files ----------------------------------------------------
# Each gets a copy of a good plugin in a folder of its own, and returns the
# path to write into the configuration.

def f_good(good, folder):
    return good


def f_relative(good, folder):
    return os.path.relpath(good)


def f_dotdot(good, folder):
    return f'../{good.parent.name}/{good.name}'


def f_symlink(good, folder):
    (folder / 'link.so').symlink_to(good)
    return folder / 'link.so'


def f_symlink_folder(good, folder):
    """The folder it really leads to is judged, so this is no danger."""
    (folder / 'away').symlink_to(good.parent)
    return folder / 'away' / good.name


def f_writable_file(good, folder):
    good.chmod(0o646)
    return good


def f_group_writable(good, folder):
    good.chmod(0o664)
    return good


def f_writable_folder(good, folder):
    good.parent.chmod(0o757)
    return good


def f_sticky_folder(good, folder):
    good.parent.chmod(0o1777)
    return good


def f_owner(good, folder):
    if os.geteuid() != 0:
        raise Skip
    os.chown(good, 12345, 12345)
    return good


def f_fifo(good, folder):
    good.unlink()
    os.mkfifo(good)
    return good


def f_folder(good, folder):
    good.unlink()
    good.mkdir()
    return good


def f_device(good, folder):
    return '/dev/zero'


def f_missing(good, folder):
    good.unlink()
    return good


def f_empty(good, folder):
    good.write_bytes(b'')
    return good


def f_text(good, folder):
    good.write_text('#!/bin/sh\n')
    return good


def f_truncated(good, folder):
    data = good.read_bytes()
    good.write_bytes(data[:len(data) // 2])
    return good


def by_name(name):
    """Not by a path, and so found nowhere but in the plugins' folders."""
    return lambda good, folder: ('name', name)


FILES = {name[2:]: value for name, value in globals().items()
         if name.startswith('f_')}
FILES.update(name_with_path=by_name('../good/raw'), library_path=by_name(
    'elsewhere'), working_directory=by_name('elsewhere'))


def run_plugin(case, build, folder):
    what = case.text('send')
    place = folder / 'good'
    place.mkdir(mode=0o755)
    good = place / 'raw.so'
    env, cwd = {}, None
    if what.startswith('bad:'):
        name = what[4:]
        good = place / f'{name}.so'
        source = build / 'tests' / 'bad' / good.name
        if not source.exists():
            raise Skip
        # The linker would not make one that needs what nobody has.
        good.write_bytes(source.read_bytes().replace(b'strfry\0',
                                                     b'nobody\0')
                         if name == 'unresolved' else source.read_bytes())
        path = good
    else:
        shutil.copy(build / 'plugins' / 'raw.so', good)
        good.chmod(0o644)
        name = 'raw'
        path = FILES[what](good, folder)
        if isinstance(path, tuple):
            # It is where a loader that looks around would find it.
            shutil.copy(good, place / 'elsewhere.so')
            env, cwd, name, path = ({'LD_LIBRARY_PATH': str(place)}, place,
                                    path[1], None)
    config = folder / 'a.yaml'
    config.write_text(
        'version: 1\nlisten: [{address: "127.0.0.1:1"}]\nplugins:\n'
        f'  - name: {name}\n' + (f'    path: {path}\n' if path else '')
        + ('' if name == 'raw' else '  - name: raw\n'))
    return judged(case, *check(build, config, env, cwd))


# -- logs ------------------------------------------------------------

class Program:
    """A fairlead whose log is in trouble."""

    def __init__(self, build, folder, log):
        config = folder / 'a.yaml'
        config.write_text(BASE % f'log:\n  - {log}')
        self.err = folder / 'stderr'
        self.process = subprocess.Popen(
            [build / 'fairlead', 'run', '--foreground-worker', '-c',
             config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.err, 'wb'))
        self.port = None
        self.wait(lambda: 'listening on 127.0.0.1:' in self.said())
        found = re.search(r'listening on 127\.0\.0\.1:(\d+)', self.said())
        self.port = int(found.group(1)) if found else None

    def said(self):
        return self.err.read_text(errors='replace')

    def wait(self, condition):
        end = time.monotonic() + 60
        while not condition() and self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f'in vain: {self.said()}')
            time.sleep(0.01)

    def ask(self):
        """Refused requests: each is a line or two."""
        with socket.create_connection(('127.0.0.1', self.port), 60) as sock:
            sock.sendall(b'CONNECT 10.1.2.3:80 HTTP/1.1\r\nHost: a\r\n\r\n')
            data = b''
            while True:
                more = sock.recv(65536)
                if not more:
                    return data.startswith(b'HTTP/1.1 403 ')
                data += more

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'it did not stop'


def served(program, times):
    return [] if all(program.ask() for _ in range(times)) else \
        ['a request was not answered']


def l_full_device(build, folder):
    program = Program(build, folder, 'file: /dev/full')
    return program, served(program, 20)


def l_blocked_pipe(build, folder):
    """Somebody holds the other end and never reads: with `drop` the proxy
    goes on, and says how much was lost once it can."""
    os.mkfifo(folder / 'pipe')
    end = os.open(folder / 'pipe', os.O_RDWR | os.O_NONBLOCK)
    program = Program(build, folder,
                      f'{{file: "{folder}/pipe", on_full: drop, '
                      'events: ["*"]}')
    wrong = served(program, 4000)
    text = b''

    def dropped():
        nonlocal text
        try:
            text += os.read(end, 1 << 20)
        except BlockingIOError:
            pass
        return b'"log.dropped"' in text
    program.wait(dropped)
    # Whatever it has left to say is read to the end.
    program.process.terminate()
    program.wait(lambda: dropped() and False)
    os.close(end)
    if b'"log.dropped"' not in text:
        wrong.append('no log.dropped')
    return program, wrong


def l_removed(build, folder):
    log = folder / 'log'
    program = Program(build, folder, f'file: "{log}"')
    wrong = served(program, 1)
    log.unlink()
    return program, wrong + served(program, 5)


def l_rotated(build, folder):
    log = folder / 'log'
    program = Program(build, folder, f'file: "{log}"')
    wrong = served(program, 5)
    log.rename(folder / 'old')
    program.process.send_signal(10)
    program.wait(log.exists)
    wrong += served(program, 5)

    def count():
        return sum((folder / f).read_bytes().count(b'"tunnel.close"')
                   for f in ('old', 'log'))
    program.wait(lambda: count() == 10)
    return program, wrong


def l_no_folder(build, folder):
    program = Program(build, folder, f'file: "{folder}/none/log"')
    return program, []


LOGS = {name[2:]: value for name, value in globals().items()
        if name.startswith('l_')}


def run_log(case, build, folder):
    program, wrong = LOGS[case.text('send')](build, folder)
    code = program.stop()
    return wrong + judged(case, code, program.said())


def run(case, build):
    """What is wrong, as a list."""
    how = {'config': run_config, 'plugin': run_plugin, 'log': run_log}
    with tempfile.TemporaryDirectory(prefix='frl-hostile-') as folder:
        os.chmod(folder, 0o755)
        try:
            return how[case.stanza.get('from')](case, build,
                                                pathlib.Path(folder))
        except Skip:
            return []
        except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
            return [f'{type(e).__name__}: {e}']
