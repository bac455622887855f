# SPDX-License-Identifier: MIT
"""What is going on: the admin socket, its commands, metrics, health."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading

import harness
from harness import echo, read_all, wait_until
from test_supervisor import Supervised

TOKEN = '0123456789abcdef-token'


def check_promtool(text):
    """Where ./check has unpacked it, or somebody installed it."""
    promtool = shutil.which('promtool')
    if promtool:
        said = subprocess.run([promtool, 'check', 'metrics'], text=True,
                              input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT,
                              timeout=harness.DEADLINE)
        assert (said.returncode, said.stdout) == (0, ''), said


def check_metrics(text):
    """Name -> {labels: value}.  The rules of the text format 0.0.4: HELP and
    TYPE once, before all samples of a name, which stand together."""
    check_promtool(text)
    found, types, now = {}, {}, None
    assert text.endswith('\n')
    for line in text[:-1].split('\n'):
        if line.startswith('# HELP '):
            now = line.split(' ')[2]
            assert now not in found, f'{now} comes twice'
            assert len(line.split(' ', 3)[3]) > 5, line
            found[now] = {}
            continue
        if line.startswith('# TYPE '):
            _, _, name, kind = line.split(' ')
            assert name == now and kind in ('counter', 'gauge'), line
            types[name] = kind
            continue
        m = re.fullmatch(r'([a-z_]+)((?:\{[a-z]+="[^"\\]*"\})?) ([0-9.]+)',
                         line)
        assert m and m[1] == now and now in types, line
        assert m[2] not in found[now], f'{line} comes twice'
        found[now][m[2]] = float(m[3])
    for name, kind in types.items():
        # What promtool's linter says.
        assert (kind == 'counter') == name.endswith('_total'), name
        assert found[name], f'{name} has no sample'
    return found


class Asked(Supervised):
    def proxy(self, http=False, drain='1ms', more='', **kw):
        self.socket = pathlib.Path(self.folder()) / 'admin.sock'
        extra = more + f'admin:\n  socket: {self.socket}\n'
        if http:
            self.http = harness.free_port()
            extra += f'  http: 127.0.0.1:{self.http}\n  token: {TOKEN}\n'
        return super().proxy(drain=drain,
                             more=extra + f'timeouts:\n  drain: {drain}\n',
                             **kw)

    def folder(self):
        folder = tempfile.mkdtemp(prefix='frl-adm-')
        self.addCleanup(shutil.rmtree, folder, True)
        return folder

    def command(self, *words, code=0):
        result = subprocess.run(
            [harness.PROGRAM, *words, '--socket', self.socket],
            capture_output=True, text=True, timeout=harness.DEADLINE)
        self.assertEqual(result.returncode, code, result)
        return result.stdout if code == 0 else result.stderr

    def lines(self, *words):
        lines = [json.loads(line) for line in
                 self.command(*words, '--json').splitlines()]
        self.assertEqual(lines[-1], {'item': 'end', 'ok': True})
        return lines[:-1]

    def status(self):
        return self.lines('status')[0]

    def tunnels(self):
        return self.lines('tunnels')

    def raw(self, request):
        """What the socket answers."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(harness.DEADLINE)
            sock.connect(str(self.socket))
            sock.sendall(request)
            return read_all(sock)

    def get(self, path, fields=b'', method=b'GET'):
        sock = self.dial(self.http)
        sock.sendall(method + b' ' + path + b' HTTP/1.1\r\nHost: a\r\n'
                     + fields + b'\r\n')
        head, _, body = read_all(sock).partition(b'\r\n\r\n')
        return int(head.split()[1]), body.decode()

    def metrics(self):
        return check_metrics(self.command('metrics'))

    def admin(self, proxy):
        """The process that listens on the socket, besides the supervisor."""
        rows = pathlib.Path('/proc/net/unix').read_text().splitlines()
        inode = {f'socket:[{r.split()[6]}]' for r in rows
                 if r.endswith(str(self.socket)) and r.split()[3] == '00010000'}
        for pid in self.children(proxy):
            try:
                for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
                    if os.readlink(fd) in inode:
                        return pid
            except OSError:
                pass
        return None


class Commands(Asked):
    def test_status(self):
        server = self.serve(echo)
        proxy = self.proxy()
        pids = self.wait_workers(proxy, 2)
        tunnels = [self.connect(proxy, server.port) for _ in range(5)]
        lines = self.lines('status')
        self.assertEqual(lines[0]['pid'], proxy.process.pid)
        self.assertEqual(lines[0]['state'], 'serving')
        self.assertTrue(lines[0]['ready'])
        self.assertEqual(lines[0]['tunnels'], 5)
        self.assertEqual(sorted(l['pid'] for l in lines[1:]), pids)
        self.assertEqual(sum(l['tunnels'] for l in lines[1:]), 5)
        self.assertIn('serving', self.command('status'))
        for tunnel in tunnels:
            tunnel.close()
        wait_until(lambda: self.status()['tunnels'] == 0, 'no tunnel')

    def test_only_for_us(self):
        self.proxy()
        mode = os.stat(self.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_another_user_asks(self):
        if os.geteuid() != 0:
            self.skipTest('takes root to become somebody else')
        self.proxy()
        os.chmod(self.socket.parent, 0o755)
        try:
            asked = subprocess.run(
                [harness.PROGRAM, 'status', '--socket', self.socket],
                user=65534, group=65534, extra_groups=[], text=True,
                capture_output=True, timeout=harness.DEADLINE)
        except PermissionError:
            self.skipTest('the program is where nobody else comes to')
        self.assertEqual(asked.returncode, 69, asked)
        self.assertIn('only root and the user', asked.stderr)

    def test_nobody_there(self):
        self.socket = '/nonexistent/admin.sock'
        said = self.command('status', code=69)
        self.assertIn('/nonexistent/admin.sock', said)
        self.assertIn('--socket', said)

    def test_socket_goes_with_the_proxy(self):
        proxy = self.proxy()
        proxy.stop()
        self.assertFalse(self.socket.exists())

    def test_reload(self):
        proxy = self.proxy()
        self.assertEqual(self.command('reload'), 'reloaded\n')
        self.assertEqual(self.status()['generation'], 2)
        good = proxy.config.read_text()
        proxy.config.write_text(good + 'colour: blue\n')
        said = self.command('reload', code=1)
        self.assertIn('was not taken over', said)
        self.assertIn('colour', proxy.stderr())
        status = self.status()
        self.assertEqual((status['reloads'], status['failed_reloads']),
                         (1, 1))
        proxy.config.write_text(good)
        self.command('reload')

    def fail_reload(self, proxy, text):
        """What the command, its JSON and the log say of it."""
        proxy.config.write_text(text)
        said = self.command('reload', code=1)
        self.assertIn('was not taken over', said)
        lines = [json.loads(line) for line in
                 self.raw(b'reload\n').splitlines()]
        self.assertFalse(lines[-1]['ok'])
        errors = '\n'.join(line['text'] for line in lines[:-1])
        self.assertEqual({line['item'] for line in lines[:-1]}, {'error'})
        self.assertIn(errors, said)
        self.assertIn(errors, proxy.stderr().replace('fairlead: error: ', ''))
        logged = proxy.wait_line('proxy.reload',
                                 2 * (1 + self.failures), result='failed')
        self.assertEqual(logged[-1]['errors'], errors + '\n')
        self.failures += 1
        return errors

    def test_reload_says_why_not(self):
        self.failures = 0
        proxy = self.proxy()
        good = proxy.config.read_text()
        bad = str(harness.BUILD / 'tests/bad')
        for text, *said in (
                ('listen: [', 'fairlead.yaml:2:1: '),
                # A terminal sees no escape; quotes and backslashes are
                # themselves.
                (good + '"colour\\e[31m\\"\\\\": blue\n', r'colour\x1b[31m'),
                (good.replace('- name: raw', '- name: rawer'), 'rawer'),
                (good.replace('- name: raw\n', '- name: failing_load\n'
                              f'    path: {bad}/failing_load.so\n'
                              '  - name: raw\n'), 'failing_load'),
                (good.replace('- name: raw\n', '- name: crashing_load\n'
                              f'    path: {bad}/crashing_load.so\n'
                              '  - name: raw\n'), 'crashing_load'),
                (good.replace(str(proxy.log), '/nowhere/log.json'),
                 '/nowhere/log.json')):
            with self.subTest(said=said):
                errors = self.fail_reload(proxy, text)
                for word in said:
                    self.assertIn(word, errors)
                self.assertNotIn('\x1b', errors)
        # As good as ever, and what was said is no more.
        proxy.config.write_text(good)
        self.assertEqual(self.command('reload'), 'reloaded\n')
        self.assertIn('of a worker that serves', self.worker_says(proxy))

    def worker_says(self, proxy):
        """Its stderr is the proxy's again."""
        pid = self.workers(proxy)[0]
        ours = os.readlink(f'/proc/{proxy.process.pid}/fd/2')
        return 'of a worker that serves' if os.readlink(
            f'/proc/{pid}/fd/2') == ours else 'another one'

    def test_reload_finds_an_address_taken(self):
        self.failures = 0
        proxy = self.proxy()
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            errors = self.fail_reload(proxy, proxy.config.read_text().replace(
                'plugins:\n', f'  - address: 127.0.0.1:{port}\nplugins:\n',
                1))
        self.assertIn(f'127.0.0.1:{port}: Address already in use; `ss',
                      errors)

    def test_reload_of_much_that_is_wrong(self):
        """More errors than a message holds."""
        proxy = self.proxy()
        proxy.config.write_text(proxy.config.read_text() + ''.join(
            f'colour{n}: blue\n' for n in range(500)))
        lines = [json.loads(line) for line in
                 self.raw(b'reload\n').splitlines()]
        self.assertIn('colour0', lines[0]['text'])
        self.assertIn('500 errors', lines[-2]['text'])
        self.assertGreater(sum(len(l['text']) for l in lines[:-1]), 2048)
        self.assertTrue(self.status()['ready'])

    def test_drain(self):
        server = self.serve(echo)
        proxy = self.proxy(drain='1h')
        tunnel = self.connect(proxy, server.port)
        self.command('drain')
        wait_until(lambda: not harness.listens(proxy.port), 'no listener')
        self.say(tunnel)
        status = self.status()
        self.assertEqual((status['state'], status['ready']),
                         ('draining', False))
        self.assertIn('draining', self.command('reload', code=1))
        tunnel.close()
        proxy.stop()

    def test_tunnels(self):
        server = self.serve(echo)
        proxy = self.proxy()
        first = self.connect(proxy, server.port)
        second = self.connect(proxy, server.port, 'localhost')
        self.say(first, b'\0' * 1000)
        by_port = {t['client']['port']: t for t in self.tunnels()}
        line = by_port[first.getsockname()[1]]
        self.assertEqual((line['c2s_bytes'], line['s2c_bytes']),
                         (1000, 1000))
        self.assertEqual(line['inspector'], 'raw')
        self.assertEqual(line['server']['port'], server.port)
        self.assertGreater(line['age_us'], 0)
        other = by_port[second.getsockname()[1]]
        self.assertEqual(other['server']['name'], 'localhost')
        self.assertEqual(len(by_port), 2)
        self.assertIn(f'localhost:{server.port}', self.command('tunnels'))
        # The line of the log and of the list are of one tunnel.
        proxy.wait_line('tunnel.connect', tunnel=line['tunnel'])

    def test_many_tunnels(self):
        """More than a turn lists, than a socket holds, than is buffered."""
        server = self.serve(echo, backlog=2048)
        proxy = self.proxy()
        self.need_files(3000)
        tunnels = [self.connect(proxy, server.port) for _ in range(900)]
        for _ in range(2):
            lines = self.tunnels()
            self.assertEqual(len({l['tunnel'] for l in lines}), 900)
            self.assertEqual(len(lines), 900)
        # While nobody reads the list, tunnels go on.
        with socket.socket(socket.AF_UNIX) as slow:
            slow.settimeout(harness.DEADLINE)
            slow.connect(str(self.socket))
            slow.sendall(b'tunnels\n')
            for tunnel in tunnels[::50]:
                self.say(tunnel)
            lines = read_all(slow).splitlines()
        self.assertEqual(len(lines), 901)
        for tunnel in tunnels:
            tunnel.close()

    def test_plugins_are_counted(self):
        server = self.serve(echo)
        proxy = self.proxy()
        tunnel = self.connect(proxy, server.port)
        # raw passes the rest, which is not shown to it any more.
        self.say(tunnel, b'\0' * 100)
        plugins = {l['name']: l for l in self.lines('stats')
                   if l['item'] == 'plugin'}
        self.assertEqual(sorted(plugins), ['http', 'raw', 'websocket'])
        self.assertGreater(plugins['raw']['calls'], 0)
        self.assertEqual(plugins['websocket']['calls'], 0)
        before = plugins['http']
        status, _, _ = self.ask(proxy, b'GET http://127.0.0.1:%d/ HTTP/1.1'
                                b'\r\nHost: 127.0.0.1:%d\r\n'
                                b'Connection: close\r\n\r\n'
                                % (self.page(), self.pages.port))
        self.assertEqual(status, 200)
        proxy.wait_line('tunnel.close')     # nothing is called after that
        after = next(l for l in self.lines('stats')
                     if l.get('name') == 'http')
        self.assertGreater(after['calls'], before['calls'])
        self.assertGreater(after['bytes'], before['bytes'])
        found = self.metrics()
        self.assertEqual(
            found['fairlead_plugin_calls_total']['{plugin="http"}'],
            after['calls'])
        tunnel.close()

    def page(self):
        def one(sock):
            harness.read_head(sock)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
                         b'Connection: close\r\n\r\nhi')
        self.pages = self.serve(one)
        return self.pages.port

    def test_websocket(self):
        """Frames and pings of a tunnel that is still there."""
        def ws(sock):
            harness.read_head(sock)
            sock.sendall(b'HTTP/1.1 101 Switching Protocols\r\n'
                         b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
                         b'Sec-WebSocket-Accept: '
                         b's3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
            read_all(sock)
        server = self.serve(ws)
        proxy = self.proxy()
        tunnel = self.connect(proxy, server.port)
        tunnel.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n'
                       b'Connection: Upgrade\r\nUpgrade: websocket\r\n'
                       b'Sec-WebSocket-Version: 13\r\n'
                       b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
                       b'\r\n')
        harness.read_head(tunnel)
        frame = b'\x81\x82\0\0\0\0hi'
        tunnel.sendall(3 * frame)
        wait_until(lambda: self.tunnels()[0]['ws']['c2s']['text'] == 3,
                   'three frames')
        line = self.tunnels()[0]
        self.assertEqual(line['inspector'], 'websocket')
        self.assertEqual(line['ws']['c2s']['payload_bytes'], 6)
        self.assertEqual((line['ws']['c2s']['frames'],
                          line['ws']['s2c']['frames']), (3, 0))
        self.assertNotIn('ping_age_us', line['ws']['c2s'])
        row = self.row()
        self.assertEqual((row['PROTOCOL'], row['-> FRAMES'],
                          row['<- FRAMES'], row['PING'], row['RTT US']),
                         ('websocket', '3', '0', '-', '-'))
        # A ping that is not answered yet has a time all the same.
        tunnel.sendall(b'\x89\x80\0\0\0\0')
        wait_until(lambda: self.tunnels()[0]['ws']['c2s']['ping'] == 1,
                   'a ping')
        self.assertIn('ping_age_us', self.tunnels()[0]['ws']['c2s'])
        row = self.row()
        self.assertRegex(row['PING'], '^[0-9]+s$')
        self.assertEqual((row['-> FRAMES'], row['RTT US']), ('4', '-'))
        # What was looked at does not stay in the last line.
        tunnel.sendall(frame)
        tunnel.close()
        last = proxy.wait_line('tunnel.close')[0]
        self.assertEqual(last['ws']['c2s']['text'], 4)

    def row(self):
        """Of the one tunnel, by its columns' heads."""
        heads, row = self.command('tunnels').splitlines()
        return dict(zip(re.findall(r'(?:->|<-|RTT) \S+|\S+', heads),
                        re.findall(r'[0-9.]+ [BKMG]\b|\S+', row)))

    def test_inspector_of_somebody_else(self):
        """Its counters have their columns, too."""
        server = self.serve(echo)
        proxy = self.proxy(plugins=(
            ('tally', str(harness.BUILD / 'tests/inspectors/tally.so')),
            'http', 'websocket', 'raw'))
        tunnel = self.connect(proxy, server.port)
        for text in (b'\0a\nb\n', b'c\n'):
            self.say(tunnel, text)
        counts = self.tunnels()[0]['tally']['c2s']
        self.assertEqual((counts['frames'], counts['messages']), (2, 3))
        row = self.row()
        self.assertEqual(
            (row['-> FRAMES'], row['-> MSGS'], row['PING'], row['RTT US']),
            ('2', '3', '7s', '4321'))
        tunnel.close()
        last = proxy.wait_line('tunnel.close')[0]
        self.assertEqual(last['tally']['c2s']['messages'], 3)

    def test_close(self):
        server = self.serve(echo)
        proxy = self.proxy()
        kept = self.connect(proxy, server.port)
        tunnel = self.connect(proxy, server.port)
        self.say(kept)
        self.say(tunnel)
        name = next(t['tunnel'] for t in self.tunnels() if
                    t['client']['port'] == tunnel.getsockname()[1])
        self.command('close', name)
        self.assertEqual(read_all(tunnel), b'')
        tunnel.close()
        line = proxy.wait_line('tunnel.close', tunnel=name)[0]
        self.assertEqual((line['end'], line['closed_by']),
                         ('operator', 'proxy'))
        self.say(kept)
        self.assertIn('no such tunnel',
                      self.command('close', name, code=1))

    def test_close_by_short_id(self):
        """Which tells the workers of all generations apart."""
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        old = self.connect(proxy, server.port)
        self.say(old)
        self.command('reload')
        new = self.connect(proxy, server.port)
        self.say(new)
        self.assertEqual(sorted(t['tunnel'][6:] for t in self.tunnels()),
                         ['01-00000000', '02-00000000'])
        for wrong in '0', '3-0', '1-00', '':
            self.command('close', wrong, code=1)
        self.command('close', '2-0')
        self.assertEqual(read_all(new), b'')
        self.say(old)
        self.command('close', '1-0')
        self.assertEqual(read_all(old), b'')

    def test_where_the_configuration_says(self):
        proxy = self.proxy()

        def ask(*words):
            return subprocess.run([harness.PROGRAM, *words],
                                  capture_output=True, text=True,
                                  timeout=harness.DEADLINE)
        asked = ask('status', '-c', proxy.config)
        self.assertEqual(asked.returncode, 0, asked)
        self.assertIn('serving', asked.stdout)
        none = pathlib.Path(self.folder()) / 'none.yaml'
        text = proxy.config.read_text()
        none.write_text(text[:text.index('admin:')])
        for path, why in (none, 'no `admin:'), ('/nonexistent', 'No such'):
            asked = ask('status', '-c', path)
            self.assertEqual(asked.returncode, 78, asked)
            self.assertIn(why, asked.stderr)
        asked = ask('events', '-c', proxy.config)
        self.assertEqual(asked.returncode, 64, asked)

    def test_configuration_is_broken_meanwhile(self):
        """Which is when somebody asks; and the proxy says why it goes on."""
        proxy = self.proxy()
        good = proxy.config.read_text()

        def ask(word):
            return subprocess.run(
                [harness.PROGRAM, word, '-c', proxy.config],
                capture_output=True, text=True, timeout=harness.DEADLINE)
        proxy.config.write_text(good.replace('name: raw', 'name: rawer')
                                + 'node: ${THAT_NOBODY_HAS}\n')
        asked = ask('status')
        self.assertEqual((asked.returncode, asked.stderr), (0, ''), asked)
        self.assertIn('serving', asked.stdout)
        asked = ask('reload')
        self.assertEqual(asked.returncode, 1, asked)
        self.assertIn('did you mean "raw"?', asked.stderr)
        self.assertIn('the one before it goes on', asked.stderr)
        self.assertEqual(self.status()['failed_reloads'], 1)
        for text, why in ((good + 'a: [', 'fairlead.yaml:'),
                          (good.replace(str(self.socket), 'a.sock'),
                           'an absolute path')):
            proxy.config.write_text(text)
            asked = ask('status')
            self.assertEqual(asked.returncode, 78, asked)
            self.assertIn(why, asked.stderr)
            self.assertIn('nobody was; --socket PATH', asked.stderr)

    def test_requests_that_make_no_sense(self):
        proxy = self.proxy()
        for request in (b'\n', b'staus\n', b'status now\n', b'close\n',
                        b'close a b\n', b'x' * 5000, b'\0\n', b'\xff\n'):
            with self.subTest(request=request[:20]):
                last = json.loads(self.raw(request).splitlines()[-1])
                self.assertFalse(last['ok'])
                self.assertTrue(last['error'])
        self.assertNotEqual(self.admin(proxy), None)

    def test_client_that_leaves(self):
        server = self.serve(echo)
        proxy = self.proxy()
        tunnels = [self.connect(proxy, server.port) for _ in range(200)]
        for request in (b'', b'stat', b'tunnels\n', b'reload\n'):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.socket))
                sock.sendall(request)
        self.assertEqual(len(self.tunnels()), 200)
        self.assertTrue(self.status()['ready'])
        for tunnel in tunnels:
            tunnel.close()


class Tail(Asked):
    def tail(self, *words):
        process = subprocess.Popen(
            [harness.PROGRAM, 'tail', '--socket', self.socket, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def begun(self, *words):
        """A tail that sees what happens from here on."""
        process = self.tail('--json', *words)
        self.assertEqual(json.loads(process.stdout.readline()),
                         {'item': 'tail'})
        return process

    def until(self, process, event):
        """Lines up to the first one of that event."""
        found = []
        while not found or found[-1].get('event') != event:
            line = process.stdout.readline()
            self.assertTrue(line, found)
            found.append(json.loads(line))
        return found

    def test_whole_tunnel(self):
        server = self.serve(echo)
        proxy = self.proxy()
        process = self.begun()
        tunnel = self.connect(proxy, server.port, 'localhost')
        self.say(tunnel)
        tunnel.close()
        lines = self.until(process, 'tunnel.close')
        self.assertEqual(lines[0]['event'], 'tunnel.open')
        self.assertEqual({l['to'] for l in lines}, {'localhost'})
        self.assertEqual([l['seq'] for l in lines], list(range(len(lines))))
        # The log is as it would be without.
        logged = proxy.wait_line('tunnel.close')[0]
        self.assertEqual(logged['tunnel'], lines[0]['tunnel'])
        self.assertNotIn('to', logged)

    def test_filters(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)   # lines of two mix
        by_event = self.begun('--event', 'tunnel.c*')
        by_host = self.begun('--host', 'LOCALHOST')
        first = self.connect(proxy, server.port)
        name = self.tunnels()[0]['tunnel']
        by_tunnel = self.begun('--tunnel', name)
        second = self.connect(proxy, server.port, 'localhost')
        second.close()
        first.close()
        self.assertEqual({l['to'] for l in
                          self.until(by_host, 'tunnel.close')},
                         {'localhost'})
        self.assertEqual([l['event'] for l in
                          self.until(by_event, 'tunnel.close')],
                         ['tunnel.connect', 'tunnel.connect',
                          'tunnel.close'])
        self.assertEqual({l['tunnel'] for l in
                          self.until(by_tunnel, 'tunnel.close')}, {name})

    def test_short_id(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        first = self.connect(proxy, server.port)
        second = self.connect(proxy, server.port)
        self.say(first)
        process = self.begun('--tunnel', '1-1')
        first.close()
        proxy.wait_line('tunnel.close')
        second.close()
        self.assertRegex(self.until(process, 'tunnel.close')[0]['tunnel'],
                         r'^[0-9a-f]{6}01-00000001$')

    def test_for_people(self):
        server = self.serve(echo)
        proxy = self.proxy()
        process = self.tail()
        # It says nothing before there is something to be seen.
        other = self.begun()
        found = []

        def read():
            for line in process.stdout:
                found.append(line)
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        # It may begin in the middle of a tunnel.
        while not any('127.0.0.1' in line for line in found):
            self.connect(proxy, server.port).close()
            self.until(other, 'tunnel.close')
        for line in found:
            self.assertRegex(line,
                             r'^[0-9:.]{12} [12]-[0-9a-f]+ +[a-z]+ ')

    def test_also_of_new_workers(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        process = self.begun('--event', 'tunnel.*')
        self.command('reload')
        wait_until(lambda: len(self.lines('status')) == 2,
                   'the old worker to leave')
        self.connect(proxy, server.port).close()
        self.until(process, 'tunnel.close')

    def test_nobody_looks_any_more(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        pid = self.wait_workers(proxy, 1)[0]

        def spools():
            maps = pathlib.Path(f'/proc/{pid}/maps').read_text()
            return maps.count('memfd:spool')
        before = spools()
        processes = [self.begun() for _ in range(2)]
        wait_until(lambda: spools() > before, 'a tap')
        for process in processes:
            process.kill()
        wait_until(lambda: spools() == before, 'no tap')
        self.connect(proxy, server.port).close()
        proxy.wait_line('tunnel.close')

    def test_slow_reader_misses_lines(self):
        """It holds up nobody and is told what it missed."""
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        with socket.socket(socket.AF_UNIX) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(harness.DEADLINE)
            slow.connect(str(self.socket))
            slow.sendall(b'tail\n')
            self.assertEqual(json.loads(slow.recv(1000)), {'item': 'tail'})
            for _ in range(500):
                self.connect(proxy, server.port).close()
            proxy.wait_line('tunnel.close', 500)
            text = b''
            while b'"skipped"' not in text:
                more = slow.recv(1 << 16)
                self.assertTrue(more, 'cut')
                text += more
                self.connect(proxy, server.port).close()
        self.assertTrue(self.status()['ready'])

    def test_filter_that_is_none(self):
        self.proxy()
        last = json.loads(self.raw(b'tail colour=blue\n').splitlines()[-1])
        self.assertFalse(last['ok'])


class Processes(Asked):
    def test_killed_admin_is_replaced(self):
        server = self.serve(echo)
        proxy = self.proxy()
        tunnel = self.connect(proxy, server.port)
        pid = wait_until(lambda: self.admin(proxy), 'the admin process')
        os.kill(pid, signal.SIGKILL)
        self.say(tunnel)
        self.assertEqual(self.status()['tunnels'], 1)
        self.assertNotEqual(self.admin(proxy), pid)
        self.assertEqual(len(self.tunnels()), 1)
        self.assertIn('the admin process died', proxy.stderr())

    def test_admin_that_missed_something(self):
        """Stopped for so long that not all it is told finds room, it would
        never know what goes on."""
        proxy = self.proxy(workers=1)
        self.wait_workers(proxy, 1)
        pid = self.admin(proxy)
        os.kill(pid, signal.SIGSTOP)
        good = proxy.config.read_text()
        proxy.config.write_text(good + ''.join(
            f'mistake{i}: {"x" * 70}\n' for i in range(300)))

        def died():
            proxy.process.send_signal(signal.SIGHUP)
            return 'the admin process died' in proxy.stderr()
        wait_until(died, 'the end of it')
        self.assertEqual(self.status()['workers'], 1)
        proxy.config.write_text(good)
        # The last of these signals may still be heeded.
        wait_until(lambda: self.status()['state'] == 'serving', 'rest')
        self.assertEqual(self.command('reload'), 'reloaded\n')

    def test_counters_outlive_a_worker(self):
        server = self.serve(echo)
        proxy = self.proxy(workers=1)
        pid = self.wait_workers(proxy, 1)[0]
        tunnel = self.connect(proxy, server.port)
        self.say(tunnel, b'\0' * 1000)
        os.kill(pid, signal.SIGKILL)
        self.wait_workers(proxy, 1, but=[pid])
        wait_until(lambda: self.status()['worker_deaths'] == 1, 'a death')
        found = self.metrics()
        self.assertEqual(found['fairlead_tunnels_total'][''], 1)
        self.assertEqual(found['fairlead_tunnels'][''], 0)
        self.assertEqual(found['fairlead_received_bytes_total'],
                         {'{from="client"}': 1000, '{from="server"}': 1000})
        proxy.process.send_signal(signal.SIGINT)
        proxy.process.wait()
        proxy.stopped = []

    def test_stopped_worker_is_named(self):
        proxy = self.proxy(workers=1)
        pid = self.wait_workers(proxy, 1)[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            lines = self.lines('tunnels')
            self.assertEqual([(l['item'], l['pid']) for l in lines],
                             [('silent', pid)])
            self.assertEqual(self.status()['state'], 'serving')
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.tunnels(), [])

    def test_old_generation(self):
        server = self.serve(echo)
        proxy = self.proxy()
        old = self.connect(proxy, server.port)
        self.command('reload')
        new = self.connect(proxy, server.port)
        self.assertEqual(len(self.tunnels()), 2)
        self.assertEqual({l['generation'] for l in self.lines('status')[1:]},
                         {1, 2})
        old.close()
        wait_until(lambda: len(self.tunnels()) == 1, 'one to go')
        new.close()

    def test_place_changes(self):
        proxy = self.proxy()
        first = self.socket
        second = first.with_name('other.sock')
        self.rewrite(proxy, (str(first), str(second)))
        self.reload(proxy, 2)
        self.socket = second
        self.assertEqual(self.status()['generation'], 2)
        self.assertFalse(first.exists())
        text = proxy.config.read_text()
        proxy.config.write_text(text.replace(
            f'admin:\n  socket: {second}\n', ''))
        self.reload(proxy, 3)
        self.assertFalse(second.exists())
        wait_until(lambda: len(self.children(proxy)) == 4,
                   'the admin process to leave')
        proxy.config.write_text(text)
        self.reload(proxy, 4)
        self.assertEqual(self.status()['generation'], 4)

    def test_place_is_taken(self):
        proxy = self.proxy()
        other = self.socket.with_name('taken.sock')
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(str(other))
            taken.listen()
            self.rewrite(proxy, (str(self.socket), str(other)))
            self.command('reload', code=1)
            self.assertIn(str(other), proxy.stderr())
        self.assertEqual(self.status()['generation'], 1)


class Http(Asked):
    ALLOWED = f'Authorization: Bearer {TOKEN}\r\n'.encode()

    def test_metrics(self):
        server = self.serve(echo)
        proxy = self.proxy(http=True)
        tunnel = self.connect(proxy, server.port)
        self.say(tunnel, b'\0' * 500)
        status, text = self.get(b'/metrics', self.ALLOWED)
        self.assertEqual(status, 200)
        found = check_metrics(text)
        self.assertEqual(found['fairlead_tunnels'][''], 1)
        self.assertEqual(found['fairlead_ready'][''], 1)
        self.assertEqual(
            found['fairlead_received_bytes_total']['{from="client"}'], 500)
        tunnel.close()
        wait_until(lambda: self.metrics()['fairlead_tunnels_ended_total'][
            '{end="client_fin"}'] == 1, 'its end')

    def test_token(self):
        self.proxy(http=True)
        wrong = TOKEN[:-1] + 'X'
        for fields in (
                b'', f'Authorization: Bearer {wrong}\r\n'.encode(),
                f'Authorization: Bearer {TOKEN}{TOKEN}\r\n'.encode(),
                f'Authorization: Bearer {TOKEN[:-1]}\r\n'.encode(),
                b'Authorization: Bearer \r\n', b'Authorization:\r\n',
                f'Authorization: Basic {TOKEN}\r\n'.encode(),
                self.ALLOWED + self.ALLOWED,
                f'X-Authorization: Bearer {TOKEN}\r\n'.encode()):
            with self.subTest(fields=fields):
                status, text = self.get(b'/metrics', fields)
                self.assertEqual(status, 401)
                self.assertNotIn('fairlead_', text)

    def test_health(self):
        proxy = self.proxy(http=True, drain='1h', workers=1)
        server = self.serve(echo)
        tunnel = self.connect(proxy, server.port)
        self.assertEqual(self.get(b'/healthz'), (200, 'alive\n'))
        self.assertEqual(self.get(b'/readyz'), (200, 'ready\n'))
        self.assertEqual(self.get(b'/readyz', method=b'HEAD'), (200, ''))
        self.assertEqual(self.get(b'/')[0], 404)
        self.assertEqual(self.get(b'/readyz', method=b'POST')[0], 405)
        self.command('drain')
        wait_until(lambda: self.get(b'/readyz')[0] == 503, 'not ready')
        self.assertEqual(self.get(b'/readyz')[1], 'not ready\n'
                         'draining: the proxy is draining\n')
        self.assertRegex(self.command('status'), r'(?m)^NOT READY +'
                         r'WHY\ndraining +the proxy is draining$')
        self.assertEqual(self.get(b'/healthz')[0], 200)
        tunnel.close()

    def test_over_the_socket(self):
        self.proxy()
        answer = self.raw(b'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
        head, _, body = answer.partition(b'\r\n\r\n')
        self.assertIn(b' 200 ', head)
        check_metrics(body.decode())

    def test_no_commands(self):
        """Whoever has only HTTP cannot end anything."""
        proxy = self.proxy(http=True)
        sock = self.dial(self.http)
        sock.sendall(b'drain\n\n')
        self.assertIn(b' 405 ', read_all(sock))
        self.assertEqual(self.status()['state'], 'serving')
        self.assertTrue(harness.listens(proxy.port))

    def test_no_tunnel_leads_there(self):
        proxy = self.proxy(http=True)
        status, _, _ = self.ask(
            proxy, b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n'
            % self.http)
        self.assertEqual(status, 403)
        wait_until(lambda: [l for l in proxy.lines('tunnel.refused') if
                            l['kind'] == 'self_connection'], 'a line')
