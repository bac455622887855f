# SPDX-License-Identifier: MIT
"""Requests in absolute-form: one client connection, many servers."""

import random
import socket
import subprocess
import threading
import urllib.request

from harness import (BUILD, Case, DEADLINE, free_port, read_all,
                     read_exactly, read_head, reset)
from wsframes import accept_of, decode, frame


def read_request(sock):
    """(head, body) of one request; (b'', b'') at the end."""
    if not sock.recv(1, socket.MSG_PEEK):
        return b'', b''
    head = read_head(sock)
    length = 0
    for line in head.split(b'\r\n'):
        name, _, value = line.partition(b':')
        if name.lower() == b'content-length':
            length = int(value)
    return head, read_exactly(sock, length)


def answer(body, more=b''):
    return (b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s'
            % (len(body), more, body))


def inspector(name):
    return name, BUILD / 'tests/inspectors' / f'{name}.so'


def read_answer(sock):
    """(head, body) of one response with a Content-Length."""
    return read_request(sock)


class Forward(Case):
    def echo(self, name):
        """A server that answers with its name, the path and the body."""
        def handler(sock):
            while True:
                head, body = read_request(sock)
                if not head:
                    return
                path = head.split(b' ')[1]
                sock.sendall(answer(b' '.join([name, path, body])))
        return self.serve(handler)

    def get(self, port, path='/', more='', body=b''):
        text = f'GET http://127.0.0.1:{port}{path} HTTP/1.1\r\nHost: x\r\n'
        if body:
            text += f'Content-Length: {len(body)}\r\n'
        return (text + more + '\r\n').encode() + body

    def test_hundred_over_five(self):
        self.hundred()

    def test_hundred_in_pieces(self):
        self.hundred(plugins=(inspector('fragment'),
                              inspector('pedantic'), 'http', 'raw'))

    def test_hundred_late_verdicts(self):
        self.hundred(plugins=(inspector('wait'), 'http', 'websocket', 'raw'),
                     wait={'event': 'http.request', 'delay': '1ms'})

    def hundred(self, plugins=('http', 'websocket', 'raw'), **options):
        """Pipelined: every answer right and in order."""
        servers = [self.echo(b'%d' % i) for i in range(5)]
        proxy = self.proxy(plugins, **options)
        rng = random.Random(7)
        order = [rng.randrange(5) for _ in range(100)]
        client = self.dial(proxy.port)
        bodies = [rng.randbytes(rng.choice((0, 1, 900)))
                  for _ in range(100)]
        text = b''.join(
            self.get(servers[s].port, f'/{n}', body=bodies[n])
            for n, s in enumerate(order))

        # In its own thread: nobody reads as fast as this is written.
        sender = threading.Thread(target=client.sendall, args=(text,))
        sender.start()
        for n, s in enumerate(order):
            head, body = read_answer(client)
            self.assertIn(b' 200 ', head)
            self.assertIn(b'\r\nVia: 1.1 fairlead\r\n', head)
            self.assertEqual(body, b'%d /%d %s' % (s, n, bodies[n]))
        sender.join()
        client.close()
        runs = 1 + sum(a != b for a, b in zip(order, order[1:]))
        proxy.wait_line('tunnel.close', runs)
        lines = proxy.stop()
        closes = [x for x in lines if x['event'] == 'tunnel.close']
        opens = [x for x in lines if x['event'] == 'tunnel.open']
        self.assertEqual(len(opens), runs)
        self.assertEqual({x['mode'] for x in opens}, {'forward'})
        self.assertEqual([x['end'] for x in closes],
                         ['next_target'] * (runs - 1) + ['client_fin'])
        self.assertEqual(sum(x['http_txns'] for x in closes), 100)
        self.assertEqual(len({x['tunnel'] for x in opens}), runs)
        # One after the other, never two at once.
        ids = [x['tunnel'] for x in lines
               if x['event'] in ('tunnel.open', 'tunnel.close')]
        self.assertEqual(ids[::2], ids[1::2])

    def test_curl(self):
        a, b = self.echo(b'a'), self.echo(b'b')
        proxy = self.proxy()
        urls = [f'http://127.0.0.1:{s.port}/{n}'
                for n, s in enumerate((a, a, b, a))]
        out = subprocess.run(
            ['curl', '-sS', '-x', f'http://127.0.0.1:{proxy.port}', '-d',
             'body', '-v', *urls], capture_output=True, timeout=DEADLINE,
            check=True)
        self.assertEqual(out.stdout,
                         b'a /0 bodya /1 bodyb /2 bodya /3 body')
        self.assertEqual(out.stderr.count(b'Re-using existing conn'), 3)
        proxy.wait_line('tunnel.close', 3)

    def closing(self):
        """A server of HTTP/1.0: one answer, then the end."""
        def handler(sock):
            if read_request(sock)[0]:
                sock.sendall(b'HTTP/1.0 200 OK\r\n\r\nbody')
        return self.serve(handler)

    def ends(self, proxy, count):
        proxy.wait_line('tunnel.close', count)
        lines = proxy.stop()
        self.assertEqual(
            [x['tunnel'].rpartition('-')[2] for x in lines
             if x['event'] == 'tunnel.open'],
            [f'{n:08x}' for n in range(count)])
        return [(x['end'], x['closed_by']) for x in lines
                if x['event'] == 'tunnel.close']

    def test_server_that_closes(self):
        """The client named no other server; and who never asked for
        anything has no number."""
        a, proxy = self.closing(), self.proxy()
        for _ in range(3):
            out = subprocess.run(
                ['curl', '-sS', '-x', f'http://127.0.0.1:{proxy.port}',
                 f'http://127.0.0.1:{a.port}/'], capture_output=True,
                timeout=DEADLINE, check=True)
            self.assertEqual(out.stdout, b'body')
        self.assertEqual(self.ends(proxy, 3), [('server_fin', 'server')] * 3)

    def test_server_that_closes_with_more_to_come(self):
        """Pipelined: the same server again, then another one.  This one says
        that it closes, and does not."""
        def handler(sock):
            while read_request(sock)[0]:
                sock.sendall(answer(b'a', b'Connection: close\r\n'))
        a, b, proxy = self.serve(handler), self.echo(b'b'), self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(a.port) + self.get(a.port) +
                       self.get(b.port))
        self.assertEqual([read_answer(client)[1] for _ in range(3)],
                         [b'a', b'a', b'b / '])
        client.close()
        self.assertEqual(self.ends(proxy, 3),
                         [('server_fin', 'server'), ('next_target', 'proxy'),
                          ('client_fin', 'client')])

    def test_urllib(self):
        a = self.echo(b'a')
        proxy = self.proxy()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler(
            {'http': f'http://127.0.0.1:{proxy.port}'}))
        with opener.open(f'http://127.0.0.1:{a.port}/x',
                         timeout=DEADLINE) as got:
            self.assertEqual(got.read(), b'a /x ')

    def test_server_closes_between(self):
        """The client's connection outlives that of the server."""
        def handler(sock):
            head, _ = read_request(sock)
            if head:
                sock.sendall(answer(b'one'))
        server = self.serve(handler)
        proxy = self.proxy()
        client = self.dial(proxy.port)
        for n in range(3):
            client.sendall(self.get(server.port))
            self.assertEqual(read_answer(client)[1], b'one')
            proxy.wait_line('tunnel.close', n + 1)
        client.close()
        # The wait for a further request is no tunnel, and has no line.
        lines = proxy.stop()
        self.assertEqual([x['end'] for x in lines
                          if x['event'] == 'tunnel.close'],
                         ['server_fin'] * 3)
        self.assertEqual([x for x in lines
                          if x['event'] == 'tunnel.failed'], [])

    def test_server_says_close(self):
        def handler(sock):
            while True:
                head, _ = read_request(sock)
                if not head:
                    return
                sock.sendall(answer(b'one', b'Connection: close\r\n'
                                    b'Keep-Alive: 1\r\n'))
        server = self.serve(handler)
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(server.port) * 3)
        for _ in range(3):
            head, body = read_answer(client)
            self.assertNotIn(b'onnection', head)
            self.assertNotIn(b'eep-', head)
            self.assertEqual(body, b'one')
        client.close()
        proxy.wait_line('tunnel.close', 3)

    def test_close_delimited(self):
        def handler(sock):
            read_request(sock)
            sock.sendall(b'HTTP/1.0 200 OK\r\n\r\n')
            sock.sendall(b'x' * 300000)
        server = self.serve(handler)
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(server.port))
        head, _, body = read_all(client).partition(b'\r\n\r\n')
        self.assertIn(b'\r\nConnection: close', head)
        self.assertEqual(len(body), 300000)

    def test_fin_behind_requests(self):
        """A client that has finished is still answered, by all."""
        a, b = self.echo(b'a'), self.echo(b'b')
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(a.port) + self.get(b.port) +
                       self.get(a.port, '/last'))
        client.shutdown(socket.SHUT_WR)
        got = read_all(client)
        self.assertEqual(got.count(b' 200 '), 3)
        self.assertTrue(got.endswith(b'a /last '), got)
        closes = proxy.wait_line('tunnel.close', 3)
        self.assertEqual(closes[-1]['end'], 'client_fin')

    def test_slow_reader_goes_on(self):
        """What waits for the client goes with it to the next tunnel."""
        big = b'z' * 3000000

        def handler(sock):
            while read_request(sock)[0]:
                sock.sendall(answer(big))
        a, b = self.serve(handler), self.echo(b'b')
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(a.port) + self.get(b.port, '/then'))
        proxy.wait_line('http.response')
        self.assertEqual(read_answer(client)[1], big)
        self.assertEqual(read_answer(client)[1], b'b /then ')

    def websocket(self, head, sock):
        key = next(x for x in head.split(b'\r\n')
                   if x.lower().startswith(b'sec-websocket-key'))
        sock.sendall(
            b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Accept: ' +
            accept_of(key.split(b': ')[1].decode()).encode() + b'\r\n\r\n' +
            frame(1, b'at once'))

    def test_websocket(self):
        """Frames behind the 101 are seen, as in any tunnel."""
        def handler(sock):
            head = read_head(sock)
            self.websocket(head, sock)
            self.assertIn(b'\r\nConnection: Upgrade\r\n', head)
            self.assertTrue(head.startswith(b'GET /chat?a=b HTTP/1.1\r\n'))
            sock.sendall(frame(2, read_exactly(sock, 6 + 3)))
            read_all(sock)
        server, other = self.serve(handler), self.echo(b'o')
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(
            self.get(other.port) +
            self.get(server.port, '/chat?a=b', 'Connection: Upgrade\r\n'
                     'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                     'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n') +
            frame(1, b'abc', mask=True))
        self.assertEqual(read_answer(client)[1], b'o / ')
        self.assertIn(b'101 Switching', read_head(client))
        want = frame(1, b'at once')
        self.assertEqual(read_exactly(client, len(want)), want)
        read_exactly(client, 2 + 9)
        client.close()
        close = proxy.wait_line('tunnel.close', 2)[-1]
        self.assertEqual(close['inspector'], 'websocket')
        self.assertEqual(close['ws']['c2s']['text'], 1)
        self.assertEqual(close['ws']['s2c']['text'], 1)
        self.assertEqual(close['ws']['s2c']['binary'], 1)
        handoff = proxy.lines('tunnel.handoff')[0]
        self.assertEqual(handoff['to'], 'websocket')

    def test_without_http(self):
        proxy = self.proxy(('raw',))
        status, fields, body = self.ask(proxy, self.get(free_port()))
        self.assertEqual(status, 501)
        self.assertIn(b'plugin http', body)

    def test_fixed_protocol(self):
        """A listener that is for something else is no way around it."""
        proxy = self.proxy(config=RAW_ONLY)
        status, fields, body = self.ask(proxy, self.get(free_port()))
        self.assertEqual(status, 501)

    def test_refusals(self):
        proxy = self.proxy()
        for uri, status in (('https://127.0.0.1/', 501),
                            ('ftp://127.0.0.1/', 501),
                            ('http://', 400), ('http://u@a/', 400),
                            ('http://10.0.0.1/', 403),
                            ('http://127.0.0.1:%d/' % free_port(), 502),
                            ('/', 501)):
            with self.subTest(uri=uri):
                got, fields, _ = self.ask(
                    proxy, f'GET {uri} HTTP/1.1\r\nHost: a\r\n\r\n'.encode())
                self.assertEqual(got, status)
                self.assertEqual(fields['connection'], 'close')

    def test_refused_second(self):
        """What a hook thinks of one server is not asked of another."""
        a = self.echo(b'a')
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(self.get(a.port) + b'GET http://10.9.8.7/ HTTP/1.1'
                       b'\r\nHost: a\r\n\r\n' + self.get(a.port))
        self.assertEqual(read_answer(client)[1], b'a / ')
        rest = read_all(client)
        self.assertTrue(rest.startswith(b'HTTP/1.1 403 '), rest)
        self.assertEqual(rest.count(b'HTTP/1.1'), 1)
        proxy.wait_line('tunnel.close', 2)
        self.assertEqual(len(proxy.lines('tunnel.refused')), 1)

    def test_connect_behind(self):
        """CONNECT may follow on the same connection."""
        a, b = self.echo(b'a'), self.echo(b'b')
        proxy = self.proxy()
        client = self.dial(proxy.port)
        client.sendall(
            self.get(a.port) +
            f'CONNECT 127.0.0.1:{b.port} HTTP/1.1\r\nHost: b\r\n\r\n'
            .encode() + b'GET /in HTTP/1.1\r\nHost: b\r\n\r\n')
        self.assertEqual(read_answer(client)[1], b'a / ')
        self.assertIn(b' 200 ', read_head(client))
        self.assertEqual(read_answer(client)[1], b'b /in ')

    def test_client_resets(self):
        """Between two tunnels, too."""
        def handler(sock):
            read_request(sock)
            sock.sendall(answer(b'x'))
        server = self.serve(handler)
        proxy = self.proxy()
        for _ in range(20):
            client = self.dial(proxy.port)
            client.sendall(self.get(server.port))
            read_answer(client)
            reset(client)
        proxy.wait_line('tunnel.close', 20)

    def test_idle_between(self):
        """Between two requests a client may be silent for so long."""
        def handler(sock):
            read_request(sock)
            sock.sendall(answer(b'x'))
        server = self.serve(handler)
        proxy = self.proxy(http={'idle': '200ms'})
        client = self.dial(proxy.port)
        client.sendall(self.get(server.port))
        read_answer(client)
        self.assertEqual(read_all(client), b'')
        self.assertEqual([x for x in proxy.stop()
                          if x['event'] == 'tunnel.failed'], [])


RAW_ONLY = """\
version: 1
listen:
{listen}
    protocol: raw
plugins:
{plugins}
destinations:
  allow: [127.0.0.0/8]
log:
  - file: "{log}"
{extra}
"""
