# SPDX-License-Identifier: MIT
"""The program itself: commands, exit codes, configuration, plugins."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

from harness import BUILD, PROGRAM, Case, free_port, read_all

ROOT = pathlib.Path(__file__).resolve().parents[2]
OK, FAILED, USAGE, NO_BIND, BAD_CONFIG = 0, 1, 64, 69, 78


class Program(Case):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='frl-e2e-'))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_it(self, *args, code=OK, env=None):
        result = subprocess.run(
            [PROGRAM, *args], capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, **(env or {})})
        said = result.stdout + result.stderr
        self.assertNotIn('Sanitizer', said)
        self.assertNotIn('runtime error', said)
        self.assertEqual(result.returncode, code, said)
        return result

    def config(self, text):
        path = self.folder / 'fairlead.yaml'
        path.write_text(text)
        return path

    def bad(self, text, *words):
        result = self.run_it('check', '-c', self.config(text),
                             code=BAD_CONFIG)
        self.assertEqual(result.stdout, '')
        for word in words:
            self.assertIn(word, result.stderr)
        return result.stderr


GOOD = """\
version: 1
listen:
  - address: 127.0.0.1:3128
plugins:
  - name: http
  - name: websocket
  - name: raw
"""

ISSUE = """\
version: 1
listen:
  - address: 127.0.0.1:3128            # CONNECT
  - address: 127.0.0.1:3129
    mode: reverse                      # for clients that ignore proxies
    server: 127.0.0.1:9000
plugins:
  - name: http
  - name: websocket
    options:
      log: frame                       # frame | message | summary
  - name: raw
upgrade:                               # which inspector takes over
  websocket: websocket
  "*": raw                             # or refuse
undetected: raw                        # or refuse
destinations:
  allow: [127.0.0.0/8, "::1"]
log:
  - file: "-"                          # or a path
    format: json                       # or text
    events: ["tunnel.*", "http.*", "ws.*"]
"""


class Commands(Program):
    def test_version(self):
        self.assertRegex(self.run_it('version').stdout,
                         r'^fairlead 0\.1\.0\b')

    def test_help(self):
        for command in ('run', 'exec', 'check', 'plugins', 'events',
                        'version'):
            with self.subTest(command=command):
                result = self.run_it(command, '--help')
                self.assertIn('fairlead', result.stdout)
                self.assertEqual(result.stderr, '')
        self.assertIn('run', self.run_it('--help').stdout)

    def test_usage(self):
        for args in ((), ('sail',), ('run', '--sideways'), ('run', 'x', 'y'),
                     ('plugins', 'sink')):
            with self.subTest(args=args):
                result = self.run_it(*args, code=USAGE)
                self.assertEqual(result.stdout, '')
                self.assertTrue(result.stderr)

    def test_events(self):
        out = self.run_it('events').stdout
        for event in ('tunnel.open', 'tunnel.close', 'http.request',
                      'ws.frame', 'ws.close'):
            self.assertIn(event, out)

    def test_plugins(self):
        out = self.run_it('plugins', 'list').stdout
        for name in ('http', 'websocket', 'raw'):
            self.assertRegex(out, rf'(?m)^\W*{name}\b')
        out = self.run_it('plugins', 'info', 'websocket').stdout
        self.assertIn('control_rate', out)
        self.assertIn('ws.frame', out)

    def test_check(self):
        path = self.config(ISSUE)
        self.run_it('check', '-c', path)
        self.run_it('run', '-t', '-c', path)

    def test_shipped_configurations(self):
        for path in sorted((ROOT / 'conf').glob('*.yaml')):
            with self.subTest(path=path.name):
                self.run_it('check', '-c', path)

    def test_environment_names_the_configuration(self):
        self.run_it('check',
                    env={'FAIRLEAD_CONFIG': str(self.config(GOOD))})

    def test_cannot_bind(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            result = self.run_it(
                'run', '-c', self.config(GOOD.replace('3128', str(port))),
                code=NO_BIND)
            self.assertIn(str(port), result.stderr)


class Configuration(Program):
    def test_all_errors_at_once_with_place(self):
        said = self.bad("""\
version: 1
listen:
  - adress: 127.0.0.1:3128
plugins:
  - name: raw
timeouts:
  head: fast
limits:
  head: 16 KiB
undetected: raw
colour: blue
""", 'fairlead.yaml:3:5', 'fairlead.yaml:7:9', 'fairlead.yaml:9:9',
                        'fairlead.yaml:11:1', 'address', '^')
        self.assertGreaterEqual(said.count('fairlead.yaml:'), 4)

    def test_pattern_of_no_event(self):
        text = GOOD + 'log:\n  - file: x.log\n    events: [{}]\n'
        self.bad(text.format('tunnel.open, ws.frmae'),
                 'fairlead.yaml: log x.log: no event is called ws.frmae')
        # Their plugins are just not loaded.
        text = text.replace('  - name: http\n  - name: websocket\n', '')
        self.run_it('check', '-c', self.config(
            text.format('http.*, ws.*, "*"')))

    def test_duplicate_key(self):
        self.bad(GOOD + 'version: 1\n', ':8:1')

    def test_no_file(self):
        result = self.run_it('check', '-c', self.folder / 'none.yaml',
                             code=BAD_CONFIG)
        self.assertIn('none.yaml', result.stderr)

    def test_inspector_that_is_not_listed(self):
        self.bad(GOOD.replace('  - name: raw\n', ''), 'raw')
        self.bad(GOOD + 'undetected: magic\n', 'magic')
        self.bad(GOOD + 'upgrade:\n  "*": magic\n', 'magic')
        # A named token whose inspector is not listed goes by "*".
        self.run_it('check', '-c', self.config(
            GOOD.replace('  - name: websocket\n', '')))

    def test_unknown_plugin(self):
        self.bad(GOOD + '  - name: jib\n', 'jib')

    def test_plugin_options(self):
        said = self.bad(GOOD.replace(
            '  - name: websocket\n', '  - name: websocket\n'
            '    options:\n      logg: frame\n'), 'logg', ':8:7')
        self.assertIn('log', said)

    def test_refuse_undetected(self):
        server = self.serve(lambda sock: sock.recv(1))
        proxy = self.proxy(extra='undetected: refuse')
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x00not known')
        try:
            self.assertEqual(read_all(sock), b'')
        except ConnectionResetError:
            pass
        sock.close()
        self.assertEqual(self.wait_close(proxy)['end'], 'refused')


class Plugins(Program):
    def with_plugin(self, name, path):
        return GOOD + f'  - name: {name}\n    path: {path}\n'

    def test_by_path(self):
        # A copy, in a folder of its own.
        path = self.folder / 'mine.so'
        shutil.copy(BUILD / 'plugins' / 'raw.so', path)
        path.chmod(0o644)
        text = GOOD.replace('  - name: raw\n',
                            f'  - name: raw\n    path: {path}\n')
        self.run_it('check', '-c', self.config(text))

    def test_writable_by_others(self):
        path = self.folder / 'raw.so'
        shutil.copy(BUILD / 'plugins' / 'raw.so', path)
        path.chmod(0o666)
        text = GOOD.replace('  - name: raw\n',
                            f'  - name: raw\n    path: {path}\n')
        self.bad(text, str(path), 'writ')
        path.chmod(0o644)
        self.folder.chmod(0o777)
        self.bad(text, 'writ')
        self.folder.chmod(0o700)

    def test_duplicate_name(self):
        self.bad(GOOD + '  - name: raw\n', 'raw', ':8:')

    def test_bad_plugins_are_refused(self):
        # Two are fine, and `unresolved` is only bad after a change.
        found = [p for p in sorted((BUILD / 'tests' / 'bad').glob('*.so'))
                 if p.stem not in ('good', 'watcher', 'unresolved')]
        if not found:
            self.skipTest('tests/bad is not built')
        for path in found:
            with self.subTest(plugin=path.name):
                text = GOOD.replace('3128', str(free_port())) + \
                    f'  - name: {path.stem}\n    path: {path}\n'
                result = self.run_it('run', '-c', self.config(text),
                                     code=BAD_CONFIG)
                self.assertIn(path.name, result.stderr)

    def test_no_plugin(self):
        path = self.folder / 'text.so'
        path.write_text('this is no shared object\n')
        self.bad(self.with_plugin('text', path), 'text.so')
        self.bad(self.with_plugin('gone', self.folder / 'gone.so'),
                 'gone.so')

    def test_info_by_name_of_examples(self):
        found = sorted((BUILD / 'examples').glob('*.so'))
        if not found:
            self.skipTest('examples are not built')
        env = {'FAIRLEAD_PLUGIN_PATH': str(BUILD / 'examples')}
        for path in found:
            with self.subTest(plugin=path.name):
                out = self.run_it('plugins', 'info', path.stem,
                                  env=env).stdout
                self.assertIn(path.stem, out)


class Installed(Program):
    def test_install(self):
        """DESTDIR and --prefix are honoured."""
        dest = self.folder / 'dest'
        subprocess.run(
            ['cmake', '--install', BUILD, '--prefix', '/opt/fairlead'],
            env={**os.environ, 'DESTDIR': str(dest)}, check=True,
            capture_output=True, umask=0o077)
        top = dest / 'opt' / 'fairlead'
        self.assertTrue((top / 'bin' / 'fairlead').exists())
        for name in ('http', 'websocket', 'raw'):
            found = list(top.glob(f'lib/**/fairlead/plugins/{name}.so'))
            self.assertEqual(len(found), 1, name)
        for name in ('inspector', 'http', 'websocket', 'tunnel'):
            self.assertTrue(
                (top / 'include' / 'fairlead' / f'{name}.h').exists())
        # The service is another user than who installs, whatever his umask.
        for path in (*top.glob('lib/**/fairlead'), top / 'share/doc/fairlead'):
            for each in (path, *path.rglob('*')):
                self.assertEqual(each.stat().st_mode & 0o444, 0o444, each)
                if each.is_dir():
                    self.assertEqual(each.stat().st_mode & 0o111, 0o111, each)
        unit = (top / 'lib/systemd/system/fairlead.service').read_text()
        self.assertIn('\nExecStart=/opt/fairlead/bin/fairlead run', unit)
        self.assertNotIn('/usr/local', unit)
        self.assertTrue((top / 'lib/sysusers.d/fairlead.conf').exists())
        # It finds its plugins wherever it was put.
        out = subprocess.run([top / 'bin' / 'fairlead', 'plugins', 'list'],
                             capture_output=True, text=True, check=True)
        self.assertIn('websocket', out.stdout, out.stderr)
