# SPDX-License-Identifier: MIT
"""fairlead exec: a command behind a proxy of its own."""

import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from harness import (DEADLINE, PROGRAM, Case, check_lines, read_all,
                     read_head, wait_until)

BAD_USAGE, BAD_CONFIG, NOT_EXECUTABLE, NOT_FOUND = 64, 78, 126, 127

CONFIG = """\
version: 1
listen:
  - address: 127.0.0.1:{port}
  - address: 127.0.0.1:{port}1
    mode: reverse
    server: 127.0.0.1:9
plugins:
  - name: http
  - name: websocket
  - name: raw
log:
  - file: "{log}"
timeouts:
  farewell: {farewell}
"""

# What the clients of these tests begin with: tunnel(PORT) as the variables
# say.
TUNNEL = r"""
import os, socket, sys, time
def tunnel(port):
    host, at = os.environ['http_proxy'][len('http://'):].split(':')
    s = socket.create_connection((host, int(at)))
    s.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n' % port)
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += s.recv(1)
    assert head.startswith(b'HTTP/1.1 200'), head
    return s
"""

UPGRADE = (b'GET /echo HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\n'
           b'Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n'
           b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n'
           ).decode()

SWITCH = (b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
          b'Connection: Upgrade\r\n'
          b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')


def answer(sock):
    """An HTTP server."""
    read_head(sock)
    sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n'
                 b'Connection: close\r\n\r\nyes')


def swallow(sock):
    """A WebSocket server that only listens."""
    read_head(sock)
    sock.sendall(SWITCH)
    read_all(sock)


class Exec(Case):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='frl-e2e-'))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, *args, env=None, stdin=subprocess.DEVNULL, **kw):
        """It writes into files: what it leaves behind may hold them."""
        kw.setdefault('stderr', open(self.folder / 'err', 'wb'))
        with open(self.folder / 'out', 'wb') as out, kw['stderr']:
            process = subprocess.Popen(
                [PROGRAM, 'exec', *map(str, args)], stdin=stdin, stdout=out,
                # nohup(1) hands on that it is ignored, and sh traps no
                # signal that it was begun with ignored.
                preexec_fn=lambda: signal.signal(signal.SIGHUP,
                                                 signal.SIG_DFL),
                env={**os.environ, **(env or {})}, **kw)
        self.addCleanup(self.reap, process)
        return process

    def reap(self, process):
        if process.poll() is None:
            process.kill()
            process.wait()

    def end(self, process, code=0):
        """(stdout, stderr), when it has ended as it should."""
        process.wait(DEADLINE)
        out = (self.folder / 'out').read_bytes()
        err = (self.folder / 'err').read_text(errors='replace')
        self.assertNotIn('Sanitizer', err)
        self.assertNotIn('runtime error', err)
        self.assertEqual(process.returncode, code, err)
        return out, err

    def run_it(self, *args, code=0, env=None, **kw):
        return self.end(self.start(*args, env=env, **kw), code)

    def python(self, text, *args):
        return (sys.executable, '-c', TUNNEL + text, *args)

    def config(self, farewell='5s'):
        with socket.create_server(('127.0.0.1', 0)) as s:
            port = s.getsockname()[1]
        path = self.folder / 'fairlead.yaml'
        path.write_text(CONFIG.format(
            port=port, log=self.folder / 'log', farewell=farewell)
            .replace(f'{port}1', '1'))      # a port that nobody may have
        return path

    def lines(self, name='log'):
        text = (self.folder / name).read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        check_lines(lines)
        return lines

    def wait_text(self, name, text):
        path = self.folder / name
        wait_until(lambda: path.exists() and text in path.read_text(),
                   f'{text!r} in {name}')


class Command(Exec):
    def test_environment(self):
        out, _ = self.run_it(
            sys.executable, '-c',
            'import json, os; print(json.dumps(dict(os.environ)))',
            env={'no_proxy': '*', 'NO_PROXY': 'localhost', 'A': 'b=c',
                 'Socks_Proxy': 'socks5://h', 'Http_Proxy': 'http://other',
                 'https_proxy': 'http://other', 'my_no_proxy': 'stays'})
        env = json.loads(out)
        url = env['http_proxy']
        self.assertRegex(url, r'^http://127\.0\.0\.1:[1-9][0-9]*$')
        want = {}
        for name in ('http', 'https', 'all', 'ws', 'wss'):
            want[f'{name}_proxy'] = url
            want[f'{name}_proxy'.upper()] = url
        # Not empty: some clients then except localhost.
        want['no_proxy'] = want['NO_PROXY'] = 'none.invalid'
        want['my_no_proxy'] = 'stays'
        self.assertEqual({k: v for k, v in env.items()
                          if k.lower().endswith('proxy')}, want)
        self.assertEqual(env['A'], 'b=c')
        self.assertEqual(env['PATH'], os.environ['PATH'])

    def test_stdin_and_stdout_are_its_own(self):
        data = bytes(range(256)) * 1000
        path = self.folder / 'in'
        path.write_bytes(data)
        with open(path, 'rb') as stdin:
            out, _ = self.run_it('cat', stdin=stdin)
        self.assertEqual(out, data)

    def test_arguments_are_its_own(self):
        words = ['-c', 'no such file', '--', '--help', '', '-o']
        for dashes in ((), ('--',)):
            with self.subTest(dashes=dashes):
                out, _ = self.run_it(*dashes, 'printf', r'<%s>\n', *words)
                self.assertEqual(out.decode(), ''.join(
                    f'<{w}>\n' for w in words))

    def test_exit_status(self):
        for code in (0, 1, 3, 127, 255):
            with self.subTest(code=code):
                self.run_it('sh', '-c', f'exit {code}', code=code)
        for signo in (9, 15, 6):
            with self.subTest(signo=signo):
                self.run_it('sh', '-c', f'ulimit -c 0; kill -{signo} $$',
                            code=128 + signo)

    def test_one_that_comes_not(self):
        said = "notice: nothing came to the proxy: 'sh' either"
        _, err = self.run_it('sh', '-c', 'exit 3', code=3)
        self.assertIn(said, err)
        self.assertEqual(self.run_it('-q', 'true')[1], '')
        server = self.serve(read_all)
        _, err = self.run_it(*self.python(f'tunnel({server.port})'))
        self.assertNotIn('nothing came', err)
        # What was refused came, too.
        _, err = self.run_it(*self.python(
            'socket.create_connection(("127.0.0.1", int('
            'os.environ["http_proxy"].rsplit(":")[-1]))).sendall(b"x")'))
        self.assertNotIn('nothing came', err)

    def test_log_that_cannot_be_written(self):
        _, err = self.run_it('-q', '-o', '/dev/full', 'true')
        self.assertIn('the last 2 lines of the log /dev/full are lost: '
                      'No space left on device', err)
        self.assertNotIn('nobody', err)

    def test_what_cannot_be_run(self):
        text = self.folder / 'text'
        text.write_text('echo hello\n')
        _, err = self.run_it(text, code=NOT_EXECUTABLE)
        self.assertIn(f"cannot run '{text}': it may not be executed", err)
        text.chmod(0o755)
        _, err = self.run_it(text, code=NOT_EXECUTABLE)
        self.assertIn('#! line', err)
        self.run_it(self.folder, code=NOT_EXECUTABLE)
        _, err = self.run_it(self.folder / 'none', code=NOT_FOUND)
        self.assertIn('no such file', err)
        _, err = self.run_it('frl-none', '-x', code=NOT_FOUND)
        self.assertIn("cannot run 'frl-none': no folder of PATH has it", err)

    def test_descriptors_and_signals_are_as_before(self):
        for ignored in (False, True):
            def before(ignored=ignored):
                signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignored
                              else signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2})

            def ask(*words):
                return subprocess.run(
                    words, preexec_fn=before, capture_output=True,
                    check=True, restore_signals=False,
                    stdin=subprocess.DEVNULL).stdout.decode()
            program = (PROGRAM, 'exec', '--')
            look = ('grep', '-e', 'SigBlk', '-e', 'SigIgn',
                    '/proc/self/status')
            with self.subTest(ignored=ignored):
                self.assertEqual(ask(*program, 'ls', '/proc/self/fd'),
                                 ask('ls', '/proc/self/fd'))
                # Those above 31 are the C library's own.
                bits = [[int(line.split()[1], 16) & 0x7fffffff
                         for line in ask(*words, *look).splitlines()]
                        for words in ((), program)]
                self.assertEqual(*bits)
                self.assertEqual(bits[1][0], 1 << signal.SIGUSR2 - 1)
                self.assertEqual(bits[1][1] >> signal.SIGPIPE - 1 & 1,
                                 ignored)

    def test_usage(self):
        for args, word in (((), 'COMMAND is missing'),
                           (('-c',), 'needs a value'),
                           (('--loud', 'true'), "'--loud'"),
                           (('--allow', '10.0.0.1/8', 'true'),
                            "'10.0.0.1/8' is no range"),
                           (('-o', '/dev/stderr', 'true'),
                            'two logs into one file')):
            with self.subTest(args=args):
                out, err = self.run_it(*args, code=BAD_USAGE)
                self.assertIn(word, err)
                self.assertEqual(out, b'')
        _, err = self.run_it('-c', self.folder / 'none', 'true',
                             code=BAD_CONFIG)
        self.assertIn('none', err)

    def test_the_environment_names_no_configuration(self):
        self.run_it('true', env={'FAIRLEAD_CONFIG': '/nowhere'})


class Watching(Exec):
    def curl(self, server, *more):
        return ('curl', '--silent', '--show-error', '--proxytunnel', *more,
                f'http://localhost:{server.port}/path?name=secret')

    def test_curl(self):
        server = self.serve(answer)
        out, err = self.run_it('-o', self.folder / 'log', '--',
                               *self.curl(server))
        self.assertEqual(out, b'yes')
        for word in (' open ', '-> GET ', '<- 200 ', ' closed '):
            self.assertIn(word, err)
        self.assertNotIn('secret', err)
        events = [line['event'] for line in self.lines()]
        self.assertEqual(events[0], 'proxy.start')
        self.assertIn('http.request', events)
        self.assertEqual(events[-2:], ['tunnel.close', 'proxy.stop'])
        self.assertEqual(self.lines()[-1]['reason'], 'command ended')

    def test_last_frames_of_one_that_just_leaves(self):
        server = self.serve(swallow)
        client = self.python(f"""
s = tunnel({server.port})
s.sendall(b'{UPGRADE}')
while not s.recv(4096).endswith(b'\\r\\n\\r\\n'):
    pass
for i in range(1000):
    s.sendall(b'\\x81\\x82\\0\\0\\0\\0hi')
os._exit(5)
""")
        for _ in range(5):
            _, err = self.run_it('-o', self.folder / 'log', *client, code=5)
            self.assertEqual(err.count('-> text '), 1000)
            self.assertIn(' closed ', err)
            self.assertNotIn('cutting', err)
            frames = [line for line in self.lines()
                      if line['event'] == 'ws.frame']
            self.assertEqual(len(frames), 1000)
            (self.folder / 'log').unlink()

    def test_every_ping_is_shown(self):
        server = self.serve(swallow)
        _, err = self.run_it(*self.python(f"""
s = tunnel({server.port})
s.sendall(b'{UPGRADE}')
while not s.recv(4096).endswith(b'\\r\\n\\r\\n'):
    pass
s.sendall(b'\\x89\\x80\\0\\0\\0\\0' * 100)
"""))
        self.assertEqual(err.count('-> ping '), 100)

    def test_lines_come_while_it_runs(self):
        server = self.serve(answer)
        process = self.start(
            'sh', '-c', f'{" ".join(self.curl(server))}; read line',
            stdin=subprocess.PIPE)
        self.wait_text('err', ' closed ')
        self.assertIsNone(process.poll())
        process.stdin.close()
        self.end(process, 1)

    def test_private_addresses(self):
        said = ('-o/dev/null', '--write-out', '%{http_connect}',
                '--proxytunnel', '--silent')
        server = self.serve(answer)
        to = f'http://127.0.0.1:{server.port}/'
        for args, url, want in (
                ((), 'http://10.255.255.1/', b'403'),
                ((), to, b'200'),
                (('-c', self.config()), to, b'403'),
                (('-c', self.config(), '--allow', '10.0.0.0/8', '--allow',
                  '127.0.0.1'), to, b'200')):
            with self.subTest(args=args, url=url):
                process = self.start(*args, 'curl', *said, url)
                process.wait(DEADLINE)
                out = (self.folder / 'out').read_bytes()
                self.assertEqual(out, want,
                                 (self.folder / 'err').read_text())

    def test_a_configuration(self):
        server = self.serve(answer)
        path = self.config()
        taken = int(path.read_text().split('127.0.0.1:')[1].split()[0])
        with socket.create_server(('127.0.0.1', taken)):
            for quiet in ((), ('-q',)):
                with self.subTest(quiet=quiet):
                    out, err = self.run_it(
                        '-c', path, '--allow', '127.0.0.0/8', *quiet, '--',
                        *self.curl(server))
                    self.assertEqual(out, b'yes')
                    self.assertIn('http.request', [
                        line['event'] for line in self.lines()])
                    if quiet:
                        self.assertEqual(err, '')
                    else:
                        self.assertIn(' -> GET ', err)
                    (self.folder / 'log').unlink()

    def test_quiet(self):
        server = self.serve(answer)
        out, err = self.run_it('--quiet', *self.curl(server))
        self.assertEqual((out, err), (b'yes', ''))

    def test_stderr_that_is_a_file_is_shared(self):
        """Without O_APPEND the offset is all that keeps lines apart."""
        server = self.serve(answer)
        _, err = self.run_it(
            'sh', '-c', f'echo first >&2; {" ".join(self.curl(server))}; '
            'until grep -q " closed " "$0"; do sleep 0.05; done; '
            'echo last >&2', self.folder / 'err')
        for word in ('first\n', 'last\n', 'started', '-> GET', 'stopped'):
            self.assertIn(word, err)
        for line in err.splitlines():
            self.assertRegex(line, r'^(first|last|fairlead: .*|'
                             r'[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} .*)$')

    def test_stderr_that_is_a_pipe_or_socket(self):
        server = self.serve(answer)
        ours, theirs = socket.socketpair()
        with ours:
            process = self.start(*self.curl(server),
                                 stderr=theirs.makefile('wb', buffering=0))
            theirs.close()
            said = read_all(ours)
            process.wait(DEADLINE)
        self.assertIn(b'-> GET', said)
        result = subprocess.run([PROGRAM, 'exec', *self.curl(server)],
                                capture_output=True, check=True)
        self.assertIn(b'-> GET', result.stderr)
        self.assertEqual(result.stdout, b'yes')

    def test_closed_descriptors_are_no_trouble(self):
        for closed in ('<&-', '>&-', '2>&-', '<&- >&- 2>&-'):
            with self.subTest(closed=closed):
                result = subprocess.run(
                    ['sh', '-c', f'"{PROGRAM}" exec sh -c "exit 4" {closed}'],
                    capture_output=True, check=False)
                self.assertEqual(result.returncode, 4, result.stderr)


class Signals(Exec):
    def test_passed_on(self):
        for signo, name in ((signal.SIGTERM, 'TERM'), (signal.SIGHUP, 'HUP')):
            with self.subTest(name=name):
                process = self.start(
                    'sh', '-c', f'trap "exit 7" {name}; echo ready; '
                    'while :; do sleep 0.05; done')
                self.wait_text('out', 'ready')
                process.send_signal(signo)
                self.end(process, 7)
        process = self.start('sh', '-c', 'echo ready; exec sleep 600')
        self.wait_text('out', 'ready')
        process.send_signal(signal.SIGTERM)
        self.end(process, 128 + signal.SIGTERM)

    def in_terminal(self, *command):
        """(pid, descriptor) of exec in a terminal of its own."""
        try:
            pid, fd = pty.fork()
        except OSError as e:
            self.skipTest(f'no terminal: {e}')
        if pid == 0:
            try:
                # Who is started in the background ignores them, and hands
                # that on.
                for signo in (signal.SIGINT, signal.SIGQUIT):
                    signal.signal(signo, signal.SIG_DFL)
                os.execv(PROGRAM, [str(PROGRAM), 'exec', *command])
            finally:
                os._exit(99)
        self.addCleanup(os.close, fd)
        return pid, fd

    def read_terminal(self, fd, until):
        said = b''
        while until is None or until not in said:
            try:
                more = os.read(fd, 4096)
            except OSError:     # EIO: all have left the terminal
                break
            if not more:
                break
            said += more
        return said

    def test_interrupt_key(self):
        """The command dies of it; we live to tell."""
        for key, signo in ((b'\x03', signal.SIGINT),
                           (b'\x1c', signal.SIGQUIT)):
            with self.subTest(signo=signo):
                pid, fd = self.in_terminal(
                    'sh', '-c', 'ulimit -c 0; echo ready; exec sleep 600')
                self.read_terminal(fd, b'ready')
                os.write(fd, key)
                said = self.read_terminal(fd, None)
                _, status = os.waitpid(pid, 0)
                self.assertTrue(os.WIFEXITED(status), status)
                self.assertEqual(os.WEXITSTATUS(status), 128 + signo)
                self.assertIn(b'stopped: command ended', said)
                self.assertNotIn(b'Sanitizer', said)

    def test_interrupt_key_when_the_command_has_more_to_do(self):
        server = self.serve(answer)
        done = (f'curl --silent --proxytunnel http://127.0.0.1:{server.port}'
                '/after; exit 9')
        pid, fd = self.in_terminal(
            'sh', '-c', f'trap "{done}" INT; echo ready; '
            'while :; do sleep 0.05; done')
        self.read_terminal(fd, b'ready')
        os.write(fd, b'\x03')
        said = self.read_terminal(fd, None)
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 9)
        self.assertIn(b'/after', said)


class LastWords(Exec):
    """The command has ended, and its server is not done yet."""

    def test_are_waited_for(self):
        def late(sock):
            read_all(sock)
            time.sleep(0.3)
        server = self.serve(late)
        _, err = self.run_it(
            '-c', self.config('60s'), '--allow', '127.0.0.1',
            *self.python(f"""
s = tunnel({server.port})
s.sendall(b'SSH-2.0-x\\r\\n')
"""))
        self.assertIn(' closed ', err)
        self.assertNotIn('cutting', err)
        self.assertEqual(self.lines()[-2]['end'], 'client_fin')


class LeftBehind(Exec):
    """A child of the command that goes on using the proxy."""
    greeted = False

    def leave(self, server, *options):
        """The command ends when its child has a tunnel."""
        return self.start(*options, *self.python(f"""
r, w = os.pipe()
if os.fork() == 0:
    s = tunnel({server.port})
    s.sendall(b'SSH-2.0-x\\r\\n')
    assert s.recv(100) == b'hello'
    os.write(w, b'x')
    while s.recv(4096):
        pass
    open(sys.argv[1], 'w').write('cut')
    os._exit(0)
os.read(r, 1)
""", str(self.folder / 'left')))

    def greet(self, sock):
        sock.recv(100)
        sock.sendall(b'hello')
        self.greeted = True
        while sock.recv(4096):
            pass

    def test_is_cut(self):
        process = self.leave(self.serve(self.greet))
        _, err = self.end(process)
        self.assertIn('cutting 1 tunnel still open', err)
        self.assertIn(' closed ', err)
        self.wait_text('left', 'cut')

    def test_is_cut_at_once_by_a_signal(self):
        process = self.leave(self.serve(self.greet), '-c',
                             self.config('1h'), '--allow', '127.0.0.1')
        wait_until(lambda: self.greeted, 'the tunnel')
        # Its status was fetched: from here on signals are for us.
        wait_until(lambda: not pathlib.Path(
            f'/proc/{process.pid}/task/{process.pid}/children')
            .read_text(), 'the command to be gone')
        end = time.monotonic() + DEADLINE
        while process.poll() is None and time.monotonic() < end:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        self.end(process)
        self.wait_text('left', 'cut')


if __name__ == '__main__':
    unittest.main()
