# SPDX-License-Identifier: MIT
"""Hooks that refuse, and hooks that answer later, at each event that asks."""

import harness
import wsframes
from harness import BUILD, Case, read_all, read_exactly, read_head
from wsframes import ANSWER, REQUEST, frame

REFUSE = ('refuser', BUILD / 'tests/inspectors/refuse.so')
FAIL = ('fail', BUILD / 'tests/inspectors/fail.so')
WAIT = ('waiter', BUILD / 'tests/inspectors/wait.so')
BOTH = ('http', 'websocket', 'raw')
EVENTS = ('tunnel.open', 'tunnel.dial', 'http.request', 'ws.frame')


class Hooks(Case):
    def echo(self, sock):
        """Answers a plain request; upgrades another, answers one frame."""
        try:
            head = read_head(sock)
            if b'Upgrade' not in head:
                sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
                             b'Connection: close\r\n\r\nok')
                return
            sock.sendall(ANSWER)
            read_exactly(sock, 8)
            sock.sendall(frame(1, b'hi'))
            read_all(sock)
        except (EOFError, OSError):
            return              # a refused tunnel ends early

    def with_hook(self, hook, **options):
        server = self.serve(self.echo)
        proxy = self.proxy((hook,) + BOTH, **{hook[0]: options})
        return proxy, server

    def talk(self, proxy, server):
        """A whole WebSocket conversation; what the client got of it."""
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        head = read_head(sock)
        if b' 101 ' not in head.split(b'\r\n')[0]:
            got = head + read_all(sock)
            sock.close()
            return got
        sock.sendall(frame(1, b'hi', mask=True))
        got = read_exactly(sock, 4)
        sock.close()
        return got

    def refused(self, proxy, close, plugin):
        line = proxy.wait_line('tunnel.refused')[0]
        self.assertEqual(line['plugin'], plugin)
        self.assertEqual(self.wait_close(proxy)['end'], close)
        return line

    def test_refuse_at_open_and_dial(self):
        for event in ('tunnel.open', 'tunnel.dial'):
            with self.subTest(event):
                proxy, server = self.with_hook(REFUSE, event=event)
                name = f'127.0.0.1:{server.port}'
                status, fields, body = self.ask(proxy, (
                    f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                ).encode())
                self.assertEqual(status, 403)
                self.assertIn(b'refused by test', body)
                self.assertIn('error=http_request_denied',
                              fields['proxy-status'])
                line = self.refused(proxy, 'refused', 'refuser')
                self.assertEqual(line['reason'], 'refused by test')
                asked = proxy.lines(event)[0]
                self.assertEqual(asked['verdict'], 'refuse')
                self.assertEqual(proxy.lines('tunnel.connect'), [])

    def test_refuse_a_request(self):
        proxy, server = self.with_hook(REFUSE, event='http.request')
        answer = self.talk(proxy, server)
        self.assertIn(b' 403 ', answer.split(b'\r\n')[0])
        self.assertIn(b'Proxy-Status: fairlead', answer)
        self.refused(proxy, 'refused', 'refuser')
        self.assertEqual(proxy.lines('http.request')[0]['verdict'], 'refuse')
        self.assertEqual(self.wait_close(proxy)['c2s_bytes'], 0)

    def test_refuse_a_frame(self):
        proxy, server = self.with_hook(REFUSE, event='ws.frame')
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        sock.sendall(frame(1, b'hi', mask=True))
        last = read_all(sock)
        sock.close()
        # The last words: a close frame, 1008 (policy violation).
        self.assertEqual(last[0], 0x88)
        self.assertEqual(last[2:4], b'\x03\xf0')
        self.refused(proxy, 'refused', 'refuser')
        self.assertEqual(len(proxy.lines('ws.frame', verdict='refuse')), 1)

    def test_frames_without_a_line_are_asked_about(self):
        """What is logged is one thing, what is allowed another."""
        server = self.serve(self.echo)
        proxy = self.proxy((REFUSE,) + BOTH, refuser={'event': 'ws.frame'},
                           websocket={'log': 'summary'})
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        sock.sendall(frame(1, b'hi', mask=True))
        self.assertEqual(read_all(sock)[2:4], b'\x03\xf0')
        sock.close()
        self.refused(proxy, 'refused', 'refuser')

    def test_wait_then_allow(self):
        for event in EVENTS:
            with self.subTest(event):
                proxy, server = self.with_hook(WAIT, event=event,
                                               delay='10ms')
                self.assertEqual(self.talk(proxy, server),
                                 frame(1, b'hi'))
                self.wait_close(proxy)
                for line in proxy.lines(event):
                    self.assertEqual(line['verdict'], 'allow')

    def test_wait_then_refuse(self):
        for event in ('tunnel.open', 'tunnel.dial'):
            with self.subTest(event):
                proxy, server = self.with_hook(WAIT, event=event,
                                               verdict='refuse')
                name = f'127.0.0.1:{server.port}'
                status, _, _ = self.ask(proxy, (
                    f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'
                ).encode())
                self.assertEqual(status, 403)
                self.refused(proxy, 'refused', 'waiter')
        with self.subTest('http.request'):
            proxy, server = self.with_hook(WAIT, event='http.request',
                                           verdict='refuse')
            answer = self.talk(proxy, server)
            self.assertIn(b' 403 ', answer.split(b'\r\n')[0])
            self.refused(proxy, 'refused', 'waiter')

    def test_nobody_answers(self):
        """After timeouts.wait the answer is no."""
        server = self.serve(self.echo)
        proxy = self.proxy((WAIT,) + BOTH, extra='timeouts:\n  wait: 50ms',
                           waiter={'event': 'tunnel.open', 'delay': '1h'})
        name = f'127.0.0.1:{server.port}'
        status, _, _ = self.ask(proxy, (
            f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n').encode())
        self.assertEqual(status, 403)
        self.assertEqual(self.wait_close(proxy)['end'], 'refused')

    def test_client_leaves_while_waiting(self):
        server = self.serve(self.echo)
        proxy = self.proxy((WAIT,) + BOTH, waiter={'event': 'http.request',
                                                 'delay': '300ms'})
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        harness.reset(sock)
        self.wait_close(proxy)

    def broken(self, on_error):
        """A plain request past an inspector that breaks half-way."""
        server = self.serve(self.echo)
        proxy = self.proxy((FAIL,) + BOTH,
                           fail={'after': '10B', 'on_error': on_error})
        sock = self.connect(proxy, server.port)
        sock.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        got = read_all(sock)
        sock.close()
        close = self.wait_close(proxy)
        line = proxy.lines('plugin.error')[0]
        self.assertEqual(line['plugin'], 'fail')
        return proxy, got, close

    def test_inspector_fails_open(self):
        proxy, got, close = self.broken('fail_open')
        self.assertTrue(got.endswith(b'\r\n\r\nok'), got)
        self.assertNotEqual(close['end'], 'plugin_error')
        line = proxy.lines('tunnel.uninspected')[0]
        self.assertEqual((line['reason'], line['plugin']),
                         ('plugin', 'fail'))

    def test_inspector_fails_closed(self):
        proxy, got, close = self.broken('fail_closed')
        self.assertNotIn(b'ok', got)
        self.assertEqual(close['end'], 'plugin_error')
        self.assertEqual(close['c2s_bytes'], 0)
        self.assertEqual(proxy.lines('tunnel.uninspected'), [])

    def test_examples(self):
        """The two examples do what they say."""
        budget = ('budget', BUILD / 'examples/budget.so')
        block = ('blocklist', BUILD / 'examples/blocklist.so')
        server = self.serve(self.echo)
        proxy = self.proxy((budget, block) + BOTH,
                           budget={'max_bytes': '64B'},
                           blocklist={'hosts': '[example.com]'})
        status, _, _ = self.ask(
            proxy, b'CONNECT www.example.com:80 HTTP/1.1\r\n'
                   b'Host: www.example.com:80\r\n\r\n')
        self.assertEqual(status, 403)
        sock = self.connect(proxy, server.port)
        sock.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nX: ' + b'y' * 100
                     + b'\r\n\r\n')
        read_all(sock)
        sock.close()
        lines = proxy.wait_line('tunnel.refused', 2)
        self.assertEqual({l['plugin'] for l in lines},
                         {'budget', 'blocklist'})
