# SPDX-License-Identifier: MIT
"""Tunnels that lead to their server by a parent proxy: by another Fairlead,
and by parents that answer badly, slowly or not at all."""

import base64
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

import harness
import wsframes
from harness import (BUILD, PROGRAM, Case, echo, free_port, read_all,
                     read_exactly, read_head, wait_until)

OK = b'HTTP/1.1 200 fine\r\n\r\n'
HTTP_ANSWER = (b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
               b'Connection: close\r\n\r\nok')
NOTHING_ALLOWED = harness.CONFIG.replace(
    'allow: [127.0.0.0/8, "::1"]', 'allow: []')
REFUSE = ('refuser', BUILD / 'tests/inspectors/refuse.so')
WAIT = ('waiter', BUILD / 'tests/inspectors/wait.so')


def parents(*entries):
    """The section, of maps."""
    out = ['parents:']
    for entry in entries:
        keys = [f'{k}: {v}' for k, v in entry.items()]
        out.append('  - ' + '\n    '.join(keys))
    return '\n'.join(out)


def by(port, who='', **more):
    return {'via': f'http://{who}127.0.0.1:{port}', **more}


class Parent(Case):
    def raw(self, *pieces, then=None):
        """A parent that reads a CONNECT and says these pieces; what it was
        asked is in .heads."""
        heads = []

        def handler(sock):
            heads.append(read_head(sock).decode())
            try:
                for piece in pieces:
                    sock.sendall(piece)
                if then:
                    then(sock)
            except OSError:
                pass                    # it was not believed
        server = self.serve(handler)
        server.heads = heads
        return server

    def web(self):
        """A parent that answers requests as long as they come."""
        heads = []

        def handler(sock):
            try:
                while True:
                    heads.append(read_head(sock).decode())
                    sock.sendall(b'HTTP/1.1 200 OK\r\nVia: 1.1 p\r\n'
                                 b'Content-Length: 2\r\n\r\nok')
            except EOFError:
                pass
        server = self.serve(handler)
        server.heads = heads
        return server

    def by(self, port, *more, extra='', plugins=('http', 'websocket', 'raw'),
           options={}, **kw):
        return self.proxy(plugins, parents(by(port, **kw), *more) + extra,
                          **options)

    def denied(self, proxy, target, status):
        got, fields, body = self.ask(proxy, (
            f'CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n').encode())
        self.assertEqual(got, status, body)
        return fields, body.decode()


class Ways(Parent):
    def test_connect(self):
        server = self.serve(echo)
        outer = self.proxy()
        proxy = self.by(outer.port)
        sock = self.connect(proxy, server.port, early=b'\x01early')
        self.assertEqual(read_exactly(sock, 6), b'\x01early')
        data = bytes(range(256)) * 4000
        threading.Thread(target=sock.sendall, args=(data,)).start()
        self.assertEqual(read_exactly(sock, len(data)), data)
        sock.close()
        last = self.wait_close(proxy)
        self.assertEqual(last['c2s_bytes'], len(data) + 6)
        connect = proxy.lines('tunnel.connect')[0]
        dial = proxy.lines('tunnel.dial')[0]
        self.assertEqual(connect['via'], f'127.0.0.1:{outer.port}')
        self.assertEqual(connect['via_addr'], '127.0.0.1')
        self.assertEqual(connect['server']['addr'], '127.0.0.1')
        self.assertEqual(connect['server']['port'], server.port)
        self.assertEqual(dial['via'], f'127.0.0.1:{outer.port}')
        self.assertEqual(dial['server']['port'], server.port)
        self.assertEqual(outer.wait_line('tunnel.open')[0]['server']['port'],
                         server.port)
        self.assertNotIn('via', outer.lines('tunnel.connect')[0])

    def test_forward(self):
        """http://host/path, two servers on one connection."""
        def answers(sock):
            try:
                while True:
                    read_head(sock)
                    sock.sendall(b'HTTP/1.1 200 OK\r\n'
                                 b'Content-Length: 2\r\n\r\nok')
            except EOFError:
                pass
        servers = [self.serve(answers), self.serve(answers)]
        outer = self.proxy()
        proxy = self.by(outer.port)
        sock = self.dial(proxy.port)
        for i in (0, 0, 1):
            name = f'127.0.0.1:{servers[i].port}'
            sock.sendall(f'GET http://{name}/{i} HTTP/1.1\r\n'
                         f'Host: {name}\r\n\r\n'.encode())
            self.assertIn(b' 200 ', read_head(sock))
            self.assertEqual(read_exactly(sock, 2), b'ok')
        sock.close()
        proxy.wait_line('tunnel.close', 2)
        outer.wait_line('tunnel.close', 2)
        self.assertEqual([x['via'] for x in proxy.lines('tunnel.connect')],
                         [f'127.0.0.1:{outer.port}'] * 2)
        self.assertEqual(len(outer.lines('http.request')), 3)

    def test_absolute_form(self):
        """Where names are the parent's, it is asked as we were."""
        server = self.web()
        heads = server.heads
        proxy = self.by(server.port, who='ich:geheim@', resolve='parent')
        sock = self.dial(proxy.port)
        for line in ('GET http://A.example:81/x?y=1 HTTP/1.1',
                     'GET http://a.example:81?q HTTP/1.1',
                     'OPTIONS http://b.example HTTP/1.1',
                     'GET http://b.example HTTP/1.1'):
            sock.sendall(f'{line}\r\nHost: z\r\nVia: 1.1 before\r\n'
                         'Proxy-Authorization: Basic bWVpbnM=\r\n'
                         'Connection: x\r\nX: y\r\nY: z\r\n\r\n'.encode())
            self.assertIn(b' 200 ', read_head(sock))
            self.assertEqual(read_exactly(sock, 2), b'ok')
        sock.close()
        proxy.wait_line('tunnel.close', 2)
        token = heads[0].split('Via: 1.1 ')[-1].rstrip()
        self.assertRegex(token, r'^fairlead-[0-9a-f]{16}$')
        secret = base64.b64encode(b'ich:geheim').decode()
        for head, line, host in zip(heads, (
                'GET http://a.example:81/x?y=1', 'GET http://a.example:81/?q',
                'OPTIONS http://b.example', 'GET http://b.example/'),
                ['a.example:81'] * 2 + ['b.example'] * 2):
            self.assertEqual(head.split('\r\n')[:-2], [
                f'{line} HTTP/1.1', f'Host: {host}', 'Via: 1.1 before',
                'Y: z', 'Via: 1.1 fairlead',
                f'Proxy-Authorization: Basic {secret}', f'Via: 1.1 {token}'])
        self.assertEqual([x['via'] for x in proxy.lines('tunnel.connect')],
                         [f'127.0.0.1:{server.port}'] * 2)
        self.assertNotIn(secret, proxy.log.read_text())
        self.assertNotIn('http://', proxy.log.read_text())

    def test_upgrade(self):
        """An upgrade goes by CONNECT."""
        parent = self.raw(OK, then=lambda s: (
            read_head(s), s.sendall(wsframes.ANSWER), echo(s)))
        proxy = self.by(parent.port, resolve='parent')
        sock = self.dial(proxy.port)
        sock.sendall(wsframes.REQUEST.replace(
            b'GET /', b'GET http://a.example/'))
        self.assertIn(b' 101 ', read_head(sock))
        self.assertTrue(parent.heads[0].startswith('CONNECT a.example:80 '))
        sock.close()
        self.wait_close(proxy)

    def test_407(self):
        server = self.raw(b'HTTP/1.1 407 no\r\nProxy-Authenticate: Basic '
                          b'realm="x"\r\nContent-Length: 0\r\n\r\n',
                          then=read_all)
        proxy = self.by(server.port, resolve='parent')
        status, fields, body = self.ask(
            proxy, b'GET http://a.example/ HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertEqual(status, 502)
        self.assertIn(b'the parent proxy does not take', body)
        self.assertNotIn('proxy-authenticate', fields)

    def test_reverse(self):
        server = self.serve(echo)
        outer = self.proxy()
        proxy = self.proxy(extra=parents(by(outer.port)),
                           reverse=f'127.0.0.1:{server.port}')
        sock = self.dial(proxy.reverse_port)
        sock.sendall(b'\x01hello')
        self.assertEqual(read_exactly(sock, 6), b'\x01hello')
        sock.close()
        outer.wait_line('tunnel.close')
        self.assertEqual(
            outer.lines('tunnel.open')[0]['server']['port'], server.port)

    def test_curl(self):
        def answers(sock):
            read_head(sock)
            sock.sendall(HTTP_ANSWER)
        server = self.serve(answers)
        outer = self.proxy()
        proxy = self.by(outer.port, who='u:p@')
        for how in ([], ['-p']):
            result = subprocess.run(
                ['curl', '-sS', '-m', '60', '-x',
                 f'http://127.0.0.1:{proxy.port}', *how,
                 f'http://127.0.0.1:{server.port}/'],
                capture_output=True, timeout=90)
            self.assertEqual(result.stdout, b'ok', result.stderr)

    def test_supervised(self):
        server = self.serve(echo)
        outer = self.proxy()
        proxy = self.proxy(extra=parents(by(outer.port)), supervised=True)
        sock = self.connect(proxy, server.port)
        sock.sendall(b'\x01x')
        self.assertEqual(read_exactly(sock, 2), b'\x01x')
        sock.close()
        outer.wait_line('tunnel.close')

    def test_exec(self):
        server = self.serve(lambda s: (read_head(s), s.sendall(HTTP_ANSWER)))
        outer = self.proxy(config=harness.CONFIG)
        # Loopback is never reached by the parent: what another program on
        # this machine means by it is this machine.
        for via, env in ((f'http://127.0.0.1:{outer.port}', {}),
                         ('env', {'http_proxy':
                                  f'http://u:geheim@127.0.0.1:{outer.port}',
                                  'PATH': '/usr/bin:/bin'})):
            result = subprocess.run(
                [PROGRAM, 'exec', '--via', via, '--', 'curl', '-sS',
                 '-m', '60', f'http://127.0.0.1:{server.port}/', '-o',
                 '/dev/null', '--next', '-sS', '-m', '60',
                 'http://nowhere.invalid/'],
                capture_output=True, timeout=90, env=env or None)
            # In the parent's own words.
            self.assertIn(b'fairlead: the host name did not resolve',
                          result.stdout, result.stderr)
            self.assertIn(b', via 127.0.0.1', result.stderr)
            self.assertNotIn(b'geheim', result.stderr)
        self.assertEqual([x['server']['name']
                          for x in outer.wait_line('tunnel.open', 2)],
                         ['nowhere.invalid'] * 2)
        result = subprocess.run(
            [PROGRAM, 'exec', '--via', 'https://u:geheim@h:1', 'true'],
            capture_output=True, timeout=90)
        self.assertEqual(result.returncode, 64)
        self.assertIn(b'TLS to a parent', result.stderr)
        self.assertNotIn(b'geheim', result.stderr)


class Said(Parent):
    """What a parent is asked, and by which rule."""

    def test_head(self):
        parent = self.raw(OK, then=echo)
        proxy = self.by(parent.port, who='me:p%40ss@', resolve='parent')
        sock = self.dial(proxy.port)
        sock.sendall(b'CONNECT Example.COM.:443 HTTP/1.0\r\n'
                     b'Via: 1.1 a, 1.0 b\r\nX: y\r\nvia: 1.1 c\r\n'
                     b'Proxy-Authorization: Basic dXM6cHc=\r\n\r\n')
        self.assertIn(b' 200 ', read_head(sock))
        sock.close()
        self.wait_close(proxy)
        line, *fields = parent.heads[0].split('\r\n')[:-2]
        self.assertEqual(line, 'CONNECT example.com:443 HTTP/1.1')
        self.assertEqual(fields[:2], [
            'Host: example.com:443', 'Proxy-Authorization: Basic '
            + base64.b64encode(b'me:p@ss').decode()])
        self.assertRegex(fields[2], r'^Via: 1\.1 a, 1\.0 b, 1\.1 c, '
                         r'1\.0 fairlead-[0-9a-f]{16}$')
        self.assertEqual(len(fields), 3)
        self.assertNotIn('addr', proxy.lines('tunnel.connect')[0]['server'])

    def test_who_resolves(self):
        """`here`: what was judged is what is asked for."""
        parent = self.raw(OK)
        for resolve, asked in (('here', r'(127\.0\.0\.1|\[::1\]):9'),
                               ('parent', 'localhost:9')):
            proxy = self.by(parent.port, resolve=resolve)
            self.connect(proxy, 9, 'localhost').close()
            self.wait_close(proxy)
            self.assertRegex(parent.heads[-1], f'^CONNECT {asked} ')
            self.assertEqual(proxy.lines('tunnel.connect')[0]['server']
                             ['name'], 'localhost')

    def test_rules(self):
        first, second = self.raw(OK), self.raw(OK)
        server = self.serve(lambda s: None)
        here = f'127.0.0.1:{server.port}'
        proxy = self.proxy(extra=parents(
            {'via': 'direct', 'for': f'["{here}"]'},
            by(first.port, **{'for': '["*.a.example", "b.example:81", '
                              '127.5.0.0/16, "[fd00::/8]:82"]',
                              'except': '[no.a.example]',
                              'resolve': 'parent'}),
            by(second.port, **{'for': '["*:80"]', 'resolve': 'parent'})),
            config=harness.CONFIG.replace('"::1"]', '"::1", "fd00::/8"]'))
        for target, by_first in (
                ('x.a.example:80', True), ('x.y.A.example.:90', True),
                ('no.a.example:80', False), ('a.example:80', False),
                ('xa.example:80', False), ('b.example:81', True),
                ('b.example:80', False), ('127.5.6.7:1', True),
                ('127.6.6.7:80', False), ('[fd00::1]:82', True),
                ('[fd00::1]:80', False)):
            with self.subTest(target):
                host, port = target.rsplit(':', 1)
                self.connect(proxy, int(port), host).close()
                asked = first if by_first else second
                wait_until(lambda: asked.heads, 'the CONNECT')
                self.assertIn(f' {target.lower().replace(".:", ":")} ',
                              asked.heads.pop())
                self.assertEqual(first.heads + second.heads, [])
        self.connect(proxy, server.port).close()        # direct
        self.assertEqual(first.heads + second.heads, [])

    def test_policy_holds(self):
        """What is refused without a parent is refused with one."""
        parent = self.raw(OK)
        for resolve, kinds in (
                ('here', ('10.1.2.3:80', '127.0.0.1:80', 'localhost:80',
                          '169.254.169.254:80', '[::ffff:10.0.0.1]:80',
                          '8.8.8.8:22')),
                ('parent', ('10.1.2.3:80', 'localhost:80', 'x.localhost:80',
                            'example.com:22', '169.254.169.254:80'))):
            proxy = self.proxy(extra=parents(by(
                parent.port, resolve=resolve)), config=NOTHING_ALLOWED)
            for target in kinds:
                with self.subTest(target, resolve=resolve):
                    self.denied(proxy, target, 403)
        self.assertEqual(parent.heads, [])

    def test_hooks(self):
        parent = self.raw(OK)
        for target in ('127.0.0.1:9', 'nowhere.invalid:9'):
            proxy = self.by(parent.port, resolve='parent', plugins=(
                REFUSE, 'http', 'websocket', 'raw'),
                options={'refuser': {'event': 'tunnel.dial'}})
            _, body = self.denied(proxy, target, 403)
            self.assertIn('refused by test', body)
            self.assertEqual(parent.heads, [])
            proxy = self.by(parent.port, resolve='parent', plugins=(
                WAIT, 'http', 'websocket', 'raw'),
                options={'waiter': {'event': 'tunnel.dial',
                                    'delay': '50ms'}})
            host, port = target.split(':')
            self.connect(proxy, int(port), host).close()
            self.wait_close(proxy)
            self.assertEqual(len(parent.heads), 1)
            parent.heads.clear()


class Answers(Parent):
    def test_first_bytes(self):
        """Behind the answer, with it, byte by byte, after 1xx."""
        early = b'\x02the server speaks first'
        interim = b'HTTP/1.1 103 wait\r\nX: y\r\n\r\n'
        for pieces in ([OK + early], [OK, early],
                       [bytes([b]) for b in OK + early],
                       [interim * 3 + OK + early],
                       [b'HTTP/1.0 299\r\nContent-Length: 5\r\n\r\n'
                        + early]):
            with self.subTest(pieces[:3]):
                parent = self.raw(*pieces, then=echo)
                proxy = self.by(parent.port)
                sock = self.connect(proxy, 9)
                self.assertEqual(read_exactly(sock, len(early)), early)
                sock.sendall(b'\x01back')
                self.assertEqual(read_exactly(sock, 5), b'\x01back')
                sock.close()
                last = self.wait_close(proxy)
                self.assertEqual(last['s2c_bytes'], len(early) + 5)

    def test_noes(self):
        big = b'HTTP/1.1 200 OK\r\nX: ' + b'x' * 20000 + b'\r\n\r\n'
        many = b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 101 + b'\r\n'
        for answer, status, kind, said, word in (
                (b'HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm="x"'
                 b'\r\nContent-Length: 3\r\n\r\nno!', 502, 'parent_refused',
                 407, 'answered 407 Who?: it wants a user'),
                (b'HTTP/1.1 403 No\r\n\r\n', 502, 'parent_refused', 403,
                 'answered 403 No'),
                (b'HTTP/1.1 504\r\n\r\n', 504, 'parent_timeout', 504,
                 'answered 504'),
                (b'HTTP/1.1 302 There\r\nLocation: /\r\n\r\n', 502,
                 'parent_refused', 302, '302'),
                (b'HTTP/1.1 101 Switch\r\n\r\n', 502, 'parent_refused', 101,
                 '101'),
                (big, 502, 'parent_error', None, 'too large'),
                (many, 502, 'parent_error', None, 'too many fields'),
                (b'HTTP/1.1 103 a\r\n\r\n' * 2000, 502, 'parent_error', 103,
                 'too'),
                (b'SSH-2.0-x\r\n', 502, 'parent_error', None, ''),
                (b'\x16\x03\x01\x00', 502, 'parent_error', None, ''),
                (b'HTTP/1.1 200 OK\n\n', 502, 'parent_error', None, ''),
                (b'HTTP/1.1 20', 502, 'parent_refused', None,
                 'closed the connection'),
                (b'', 502, 'parent_refused', None, 'closed the connection')):
            with self.subTest(answer[:40]):
                parent = self.raw(answer)
                proxy = self.by(parent.port)
                fields, body = self.denied(proxy, '127.0.0.1:9', status)
                self.assertIn(f'127.0.0.1:{parent.port}', body)
                self.assertIn(word, body)
                self.assertIn('error=', fields['proxy-status'])
                line = proxy.wait_line('tunnel.failed')[0]
                self.assertEqual(line['reason'], kind)
                self.assertEqual(line.get('via_status'), said)
                self.assertEqual(line['via'], f'127.0.0.1:{parent.port}')
                self.assertEqual(self.wait_close(proxy)['end'], kind)

    def test_reset(self):
        parent = self.raw(then=harness.reset)
        proxy = self.by(parent.port)
        _, body = self.denied(proxy, '127.0.0.1:9', 502)
        self.assertIn('reset the connection', body)

    def test_silence(self):
        parent = self.raw(then=read_all)
        proxy = self.by(parent.port, extra='\ntimeouts:\n  connect: 300ms')
        _, body = self.denied(proxy, '127.0.0.1:9', 504)
        self.assertIn('did not answer', body)
        self.assertEqual(self.wait_close(proxy)['end'], 'parent_timeout')

    def test_dribble(self):
        """A byte now and then does not move the deadline."""
        done = threading.Event()

        def dribble(sock):
            while not done.wait(0.05):
                sock.sendall(b'x')
        parent = self.raw(b'HTTP/1.1 200 OK\r\nX: ', then=dribble)
        proxy = self.by(parent.port, extra='\ntimeouts:\n  connect: 500ms')
        self.denied(proxy, '127.0.0.1:9', 504)
        done.set()

    def test_nobody_there(self):
        port = free_port()
        proxy = self.by(port)
        _, body = self.denied(proxy, '127.0.0.1:9', 502)
        self.assertIn(f'the parent 127.0.0.1:{port} is out of reach', body)
        self.assertEqual(self.wait_close(proxy)['end'], 'connect_failed')

    def test_client_leaves(self):
        """Its parent's connection goes with it."""
        gone = threading.Event()
        parent = self.raw(then=lambda s: (read_all(s), gone.set()))
        proxy = self.by(parent.port, extra='\ntimeouts:\n  connect: 60s')
        sock = self.dial(proxy.port)
        sock.sendall(b'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n\r\n')
        wait_until(lambda: parent.heads, 'the CONNECT')
        harness.reset(sock)
        self.assertEqual(self.wait_close(proxy)['end'], 'client_reset')
        self.assertTrue(gone.wait(harness.DEADLINE))

    def test_stop_meanwhile(self):
        parent = self.raw(then=read_all)
        proxy = self.by(parent.port)
        sock = self.dial(proxy.port)
        sock.sendall(b'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n\r\n')
        wait_until(lambda: parent.heads, 'the CONNECT')
        proxy.stop()
        self.assertIn(b' 503 ', read_all(sock))


def length_of(head):
    return int(head.lower().split(b'content-length: ')[1].split()[0])


class Loops(Parent):
    def chain(self, *more, supervised=False):
        """Two that are each other's parent."""
        ports = free_port(), free_port()
        config = harness.CONFIG
        proxies = [self.proxy(supervised=supervised, extra=parents(
                                  by(ports[1 - i], **dict(more))),
                              config=config.replace(
                                  '{listen}', '{listen}\n'
                                  f'  - address: 127.0.0.1:{ports[i]}'))
                   for i in (0, 1)]
        return proxies

    def test_own_listener(self):
        for supervised in (False, True):
            port = free_port()
            proxy = self.proxy(
                extra=parents(by(port)), supervised=supervised,
                config=harness.CONFIG.replace(
                    '{listen}', f'{{listen}}\n  - address: 127.0.0.1:{port}'))
            fields, body = self.denied(proxy, '127.0.0.1:9', 508)
            self.assertIn('its own parent', body)
            self.assertIn('error=proxy_loop_detected',
                          fields['proxy-status'])

    def test_two(self):
        """Also where another worker sees it again."""
        for resolve, supervised in (('here', False), ('parent', False),
                                    ('here', True)):
            first, second = self.chain(('resolve', resolve),
                                       supervised=supervised)
            for _ in (1, 2):
                _, body = self.denied(first, '127.0.0.1:9', 508)
                self.assertIn('answered 508', body)
            for proxy in (first, second):
                proxy.wait_line('tunnel.close', 2)
                proxy.stop()
                self.assertEqual(len(proxy.lines('tunnel.open')), 2)
            loops = [x for x in first.lines('tunnel.failed')
                     if x['reason'] == 'loop']
            self.assertEqual([x['status'] for x in loops], [508] * 4)
            self.assertEqual([x['via_status'] for x in second.lines(
                'tunnel.failed')], [508, 508])

    def test_two_forward(self):
        for resolve, name in (('here', '127.0.0.1:9'),
                              ('parent', 'a.example')):
            first, second = self.chain(('resolve', resolve))
            status, _, body = self.ask(first, (
                f'GET http://{name}/ HTTP/1.1\r\nHost: a\r\n'
                'Connection: close\r\n\r\n').encode())
            self.assertEqual(status, 508, body)
            self.assertIn(b'would go round and round', body)
            first.wait_line('tunnel.close')
            second.wait_line('tunnel.close')
            for proxy in (first, second):
                proxy.stop()
                self.assertEqual(len(proxy.lines('tunnel.open')), 1)

    def test_later_request(self):
        """A parent that keeps a connection sends back what it got from us
        behind a request that was none of ours."""
        parent = self.web()
        proxy = self.by(parent.port, resolve='parent')
        sock = self.dial(proxy.port)
        self.assertIn(b' 200 ', self.get(sock, 'Via: 1.1 pool'))
        token = parent.heads[0].split('Via: 1.1 ')[-1].rstrip()
        for via in (f'1.1 {token}0, 1.1 pool', f'1.1 x{token}',
                    f'1.1 {token[:-1]} (a, b)'):
            self.assertIn(b' 200 ', self.get(sock, f'Via: {via}'))
        asked = len(parent.heads)
        for via in (f'1.1 {token}', f'1.1 a (b, c), 1.0 {token} (d), 1.1 e',
                    f'1.1 a (b, 1.1 {token}'):
            with self.subTest(via):
                sock = self.dial(proxy.port)
                self.assertIn(b' 200 ', self.get(sock))
                head = self.get(sock, 'X: y\r\nVia: 1.1 a\r\n'
                                f'VIA: {via}')
                self.assertIn(b' 508 ', head)
                self.assertIn(b'error=proxy_loop_detected', head)
                self.assertIn(b'would go round and round', read_all(sock))
                sock.close()
                asked += 1
        self.assertEqual(len(parent.heads), asked)
        proxy.wait_line('tunnel.failed', 3)
        self.assertEqual([x['reason'] for x in proxy.lines('tunnel.failed')],
                         ['loop'] * 3)

    def test_two_later(self):
        """Two that are each other's parent: what the second answers for
        itself comes back, what it sends on goes round."""
        first, second = self.chain(('resolve', 'parent'))
        sock = self.dial(first.port)
        sock.sendall(b'TRACE http://a.example/ HTTP/1.1\r\nHost: a\r\n'
                     b'Max-Forwards: 1\r\n\r\n')
        head = read_head(sock)
        self.assertIn(b' 200 ', head)
        read_exactly(sock, length_of(head))
        head = self.get(sock)
        self.assertIn(b' 508 ', head)
        self.assertIn(b'would go round and round',
                      read_exactly(sock, length_of(head)))
        sock.close()
        first.wait_line('tunnel.close', 2)
        second.wait_line('tunnel.close', 2)
        self.assertEqual(len(second.lines('tunnel.open')), 2)

    def get(self, sock, fields='X: y'):
        """One request on a connection that is kept, and its answer's head."""
        sock.sendall(f'GET http://a.example/ HTTP/1.1\r\nHost: a\r\n'
                     f'{fields}\r\n\r\n'.encode())
        head = read_head(sock)
        if b' 200 ' in head:
            self.assertEqual(read_exactly(sock, 2), b'ok')
        return head

    def test_via_that_came_back(self):
        parent = self.raw(OK)
        proxy = self.by(parent.port)
        self.connect(proxy, 9).close()
        self.wait_close(proxy)
        token = parent.heads[0].split('Via: 1.1 ')[1].split('\r\n')[0]
        for request in (f'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n'
                        f'Via: 1.1 x\r\nVIA: 1.0 y,1.1 {token} (z)\r\n\r\n',
                        f'GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: a\r\n'
                        f'Via: 1.1 {token}\r\n\r\n'):
            status, _, body = self.ask(proxy, request.encode())
            self.assertEqual(status, 508, body)
        self.assertEqual(len(parent.heads), 1)


class Secrets(Parent):
    def test_nowhere(self):
        """Not in a log, not on stderr, not in an answer."""
        seen = []
        for answer in (OK, b'HTTP/1.1 407 no\r\n\r\n'):
            parent = self.raw(answer)
            proxy = self.proxy(
                extra=parents(by(parent.port, user='ich',
                                 password='${GEHEIM}')),
                env={'GEHEIM': 'geheim', 'FAIRLEAD_LOG_LEVEL': 'debug'})
            sock = self.dial(proxy.port)
            sock.sendall(b'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: a\r\n'
                         b'Connection: close\r\n\r\n')
            seen.append(read_head(sock).decode())
            sock.close()
            self.wait_close(proxy)
            self.assertIn(base64.b64encode(b'ich:geheim').decode(),
                          parent.heads[0])
            proxy.stop()
            seen += [proxy.log.read_text(), proxy.stderr()]
        for text in seen:
            self.assertNotIn('geheim', text)
            self.assertNotIn('aWNoO', text)

    def test_errors(self):
        """`check` says what is wrong, and shows no password."""
        for entry, word in (
                ('via: https://me:geheim@h:1', 'TLS to a parent'),
                ('via: socks5://me:geheim@h:1', 'SOCKS'),
                ('via: http://me:geheim@h', 'port is missing'),
                ('via: http://me:geheim@h:1/x', 'port is not a number'),
                ('via: http://me:geheim%@h:1', '%25'),
                ('via: http://:geheim@h:1', 'user is empty'),
                ('via: ftp://x:geheim@y', 'http://host:port'),
                ('via: http://h:1\n    password: geheim', 'whose?'),
                ('via: direct\n    user: a\n    password: geheim',
                 'nobody to tell'),
                ('via: http://h:1\n    user: u\n    password:\n'
                 '      - geheim', 'one value'),
                ('via: http://h:1\n    user: u\n    password: |\n'
                 '      geheim\n      \x7f', 'control'),
                ('via: http://me:geheim@h:1\n    user: a', 'names one'),
                ('via: http://h:1\n    user: "a:b"\n    password: geheim',
                 "':'"),
                ('via: http://me:geheim@h:1\n    for: ["a b"]',
                 "'a b' is no destination"),
                ('via: http://me:geheim@h:1\n    for: ["*.*", "10.0.0.1/8"]',
                 'no destination'),
                ('{via: "http://h:1", password: geheim, usr: x}',
                 'did you mean "user"'),
                ('via: http://me:geheim@h:1\n    resolve: there',
                 'resolve')):
            with self.subTest(entry):
                text = harness.CONFIG.format(
                    listen='  - address: 127.0.0.1:0', plugins='  - name: raw',
                    log='-', extra=f'parents:\n  - {entry}\n')
                file = self.folder() / 'c.yaml'
                file.write_text(text)
                result = subprocess.run([PROGRAM, 'check', '-c', file],
                                        capture_output=True, timeout=60)
                said = (result.stdout + result.stderr).decode()
                self.assertEqual(result.returncode, 78, said)
                self.assertIn(word, said)
                self.assertNotIn('geheim', said)

    def folder(self):
        folder = tempfile.mkdtemp(prefix='frl-e2e-')
        self.addCleanup(shutil.rmtree, folder, True)
        return pathlib.Path(folder)


if __name__ == '__main__':
    unittest.main()
