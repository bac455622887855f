# SPDX-License-Identifier: MIT
"""What a client is answered that cannot have its tunnel."""

import socket

from harness import Case, free_port, read_all, read_exactly

HOST = b'\r\nHost: x\r\n\r\n'


class Greet(Case):
    def refused(self, proxy, request, status, error=None):
        got, fields, body = self.ask(proxy, request)
        self.assertEqual(got, status, body)
        self.assertEqual(fields.get('connection', '').lower(), 'close')
        # Nothing follows the body, whatever followed the request.
        self.assertEqual(int(fields['content-length']), len(body))
        self.assertGreater(len(body.split()), 2, 'no text for people')
        self.assertRegex(fields['proxy-status'], r'^fairlead; error=\w+')
        if error:
            self.assertIn(f'error={error}', fields['proxy-status'])

    def failed(self, proxy, reason=None):
        line = proxy.wait_line('tunnel.failed')[-1]
        if reason:
            self.assertEqual(line['reason'], reason)
        return line

    def test_400(self):
        proxy = self.proxy()
        for request in (
                b'CONNECT nowhere HTTP/1.1' + HOST,
                b'CONNECT 127.0.0.1:0 HTTP/1.1' + HOST,
                b'CONNECT 127.0.0.1:65536 HTTP/1.1' + HOST,
                b'CONNECT 127.0.0.1:+80 HTTP/1.1' + HOST,
                b'CONNECT user@127.0.0.1:80 HTTP/1.1' + HOST,
                b'CONNECT [::1:80 HTTP/1.1' + HOST,
                b'CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost : x\r\n\r\n',
                b'CONNECT 127.0.0.1:80 HTTP/1.1\nHost: x\n\n',
                b'CONNECT  127.0.0.1:80 HTTP/1.1' + HOST,
                b'what is this\r\n\r\n',
                b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'):
            with self.subTest(request=request):
                self.refused(proxy, request, 400, 'http_request_error')
        lines = proxy.stop()
        self.assertEqual(
            {x['event'] for x in lines if x.get('tunnel')},
            {'tunnel.failed'})

    def test_what_is_no_http(self):
        proxy = self.proxy()
        texts = []
        for request, text in (
                (b'\x16\x03\x01\x02\x00\x01\x00', 'this looks like TLS'),
                (b'\x05\x01\x00', 'this looks like SOCKS'),
                (b'\x04\x01\x00\x50\x7f\0\0\x01\0', 'looks like SOCKS'),
                (b'PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n',
                 'proxy_protocol: required'),
                (b'\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c' + b'x' * 12,
                 'proxy_protocol: required'),
                (b'\x15\x03', 'no method')):
            with self.subTest(request=request):
                status, _, body = self.ask(proxy, request)
                self.assertEqual(status, 400)
                self.assertIn(text, body.decode())
                texts.append(text)
        for text, line in zip(texts, proxy.stop()[1:]):
            self.assertIn(text, line['detail'])

    def test_403(self):
        proxy = self.proxy()
        for host in ('10.1.2.3:80', '192.168.0.1:80', '169.254.169.254:80',
                     '[fe80::1]:80', '[::ffff:10.0.0.1]:80'):
            with self.subTest(host=host):
                self.refused(
                    proxy, f'CONNECT {host} HTTP/1.1'.encode() + HOST, 403,
                    'destination_ip_prohibited')
        lines = proxy.stop()
        refused = [x for x in lines if x['event'] == 'tunnel.refused']
        self.assertEqual(len(refused), 5)
        self.assertEqual({x['status'] for x in refused}, {403})
        self.assertIn('169.254.169.254:80 is a metadata service',
                      refused[2]['reason'])
        # tunnel.open has told who it was.
        self.assertEqual({'client', 'listener'} & refused[0].keys(), set())

    def test_403_says_what_to_do(self):
        proxy = self.proxy()
        for host, text in (
                ('10.1.2.3:80',
                 'the destination address is not allowed here: 10.1.2.3:80 '
                 'is not among `destinations: allow` of the '
                 'configuration'),
                (f'127.0.0.1:{proxy.port}',
                 f'the destination is this proxy itself: 127.0.0.1:'
                 f'{proxy.port} leads to a listener of this proxy')):
            _, _, body = self.ask(
                proxy, f'CONNECT {host} HTTP/1.1'.encode() + HOST)
            self.assertEqual(body.decode(), f'fairlead: {text}\n')

    def test_nothing_behind_a_refused_connect_is_parsed(self):
        proxy = self.proxy()
        server = self.serve(lambda sock: self.fail('it was dialled'))
        self.refused(
            proxy, b'CONNECT 10.1.2.3:80 HTTP/1.1' + HOST
            + f'CONNECT 127.0.0.1:{server.port} HTTP/1.1'.encode() + HOST,
            403)

    def test_408(self):
        proxy = self.proxy(extra='timeouts:\n  head: 300ms')
        self.refused(proxy, b'CONNECT 127.0.0.1:80 HT', 408)
        self.failed(proxy, 'head_timeout')

    def test_408_however_steadily_it_drips(self):
        proxy = self.proxy(extra='timeouts:\n  head: 300ms')
        sock = self.dial(proxy.port)
        sock.settimeout(0.05)
        data = b''
        for byte in b'CONNECT 127.0.0.1:80 HTTP/1.1\r\n' + b'X: y\r\n' * 99:
            try:
                sock.sendall(bytes([byte]))
                more = sock.recv(4096)
                if not more:
                    break
                data += more
            except TimeoutError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                break
        self.assertTrue(data.startswith(b'HTTP/1.1 408 '), data)

    def test_431(self):
        proxy = self.proxy()
        self.refused(
            proxy, b'CONNECT 127.0.0.1:80 HTTP/1.1\r\nX: '
            + b'a' * 20000 + b'\r\n\r\n', 431)
        self.refused(
            proxy, b'CONNECT 127.0.0.1:80 HTTP/1.1\r\n'
            + b'X: y\r\n' * 101 + b'\r\n', 431)
        self.failed(proxy, 'head_too_large')

    def test_501(self):
        proxy = self.proxy()
        self.refused(proxy, b'GET / HTTP/1.1' + HOST, 501)
        self.failed(proxy, 'not_implemented')

    def test_502_nobody_listens(self):
        proxy = self.proxy()
        self.refused(
            proxy, f'CONNECT 127.0.0.1:{free_port()} HTTP/1.1'.encode()
            + HOST, 502, 'connection_refused')
        self.failed(proxy, 'connect_failed')

    def test_502_or_504_no_such_name(self):
        # Without a network the name servers do not answer at all.
        proxy = self.proxy(extra='timeouts:\n  resolve: 500ms')
        status, fields, _ = self.ask(
            proxy, b'CONNECT no-such-host.invalid:80 HTTP/1.1' + HOST)
        self.assertIn(status, (502, 504))
        self.assertRegex(fields['proxy-status'],
                         'error=dns_(error|timeout)')
        self.failed(proxy)

    def test_504(self):
        # A full queue answers no SYN: a server that is not there.
        with socket.socket() as deaf:
            deaf.bind(('127.0.0.1', 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            fillers = []
            for _ in range(8):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(('127.0.0.1', port))
                fillers.append(s)
            proxy = self.proxy(extra='timeouts:\n  connect: 500ms')
            self.refused(
                proxy, f'CONNECT 127.0.0.1:{port} HTTP/1.1'.encode() + HOST,
                504, 'connection_timeout')
            self.failed(proxy, 'connect_timeout')
            for s in fillers:
                s.close()

    def test_silent_client(self):
        """Nothing was named: one tunnel.failed at most, and no answer."""
        proxy = self.proxy()
        self.dial(proxy.port).close()
        self.failed(proxy)
        lines = [x for x in proxy.stop() if x.get('tunnel')]
        self.assertEqual([x['event'] for x in lines], ['tunnel.failed'])

    def test_ipv6(self):
        try:
            listener = socket.create_server(('::1', 0),
                                            family=socket.AF_INET6)
        except OSError:
            self.skipTest('no IPv6 here')
        with listener:
            port = listener.getsockname()[1]
            proxy = self.proxy()
            sock = self.connect(proxy, port, host='[::1]')
            peer, _ = listener.accept()
            peer.sendall(b'\0hello')
            self.assertEqual(read_exactly(sock, 6), b'\0hello')
            peer.close()
            self.assertEqual(read_all(sock), b'')

    def test_head_in_single_bytes(self):
        server = self.serve(lambda sock: sock.sendall(b'\0hi'))
        proxy = self.proxy()
        sock = self.dial(proxy.port)
        head = (f'CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n'
                'Host: x\r\n\r\n')
        for c in head:
            sock.sendall(c.encode())
        self.assertTrue(read_all(sock).endswith(b'\r\n\r\n\0hi'))


class Http(Case):
    """Messages inside the tunnel that break the rules."""

    def tunnel(self, request, answer, want):
        """The first line of what the client gets."""
        def handler(sock):
            data = sock.recv(65536)
            if data and answer:
                sock.sendall(answer)
                read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy()
        sock = self.connect(proxy, server.port)
        sock.sendall(request)
        got = read_all(sock)
        sock.close()
        self.assertRegex(got, want)
        self.wait_close(proxy)
        return proxy.stop()

    def errors(self, lines):
        return [x['http']['kind'] for x in lines
                if x['event'] == 'http.error']

    def test_bad_request(self):
        lines = self.tunnel(b'GET / HTTP/1.1\r\nHost : x\r\n\r\n', None,
                            rb'^HTTP/1.1 400 ')
        self.assertEqual(self.errors(lines), ['bad_field'])

    def test_smuggling(self):
        self.tunnel(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n'
                    b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', None,
                    rb'^HTTP/1.1 400 ')

    def test_101_nobody_asked_for(self):
        lines = self.tunnel(
            b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
            b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\n\r\n', rb'^HTTP/1.1 502 ')
        self.assertEqual(self.errors(lines), ['unasked_101'])

    def test_improper_upgrade(self):
        self.tunnel(
            b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n',
            None, rb'^HTTP/1.1 400 ')
        self.tunnel(
            b'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            b'Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n'
            b'Sec-WebSocket-Key: RylUQAh3p5cysfOlexgubw==\r\n\r\n',
            None, rb'^HTTP/1.1 426 ')
