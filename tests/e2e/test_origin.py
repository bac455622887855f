# SPDX-License-Identifier: MIT
"""Servers and clients that others wrote: what nginx answers, and what curl
and Python's http.client make of it, is the same with and without a proxy."""

import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import Case, DEADLINE, free_port, listens, read_all, wait_until

NGINX = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
CONFIG = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log emerg;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	types {{ text/plain txt; }}
	server {{
		listen 127.0.0.1:{port};
		root {folder}/root;
		location /gone {{ return 410; }}
		location /none {{ return 204; }}
		location /small {{ client_max_body_size 10; return 200 "x"; }}
		location /echo {{
			gzip on;
			gzip_min_length 1;
			gzip_http_version 1.0;
			proxy_pass http://127.0.0.1:{port}/big.txt;
		}}
	}}
}}
"""
BIG = bytes(range(32, 127)) * 20000


@unittest.skipUnless(NGINX, 'no nginx here')
class Origin(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='frl-nginx-')
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        root.chmod(0o755)
        (root / 'root').mkdir()
        (root / 'root/a.txt').write_bytes(b'0123456789')
        (root / 'root/big.txt').write_bytes(BIG)
        self.origin = free_port()
        config = root / 'nginx.conf'
        config.write_text(CONFIG.format(folder=root, port=self.origin))
        process = subprocess.Popen(
            [NGINX, '-p', root, '-e', root / 'error.log', '-c', config],
            stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_until(lambda: listens(self.origin), 'nginx')
        self.run_proxy()

    def run_proxy(self):
        self.px = self.proxy(reverse=f'127.0.0.1:{self.origin}')

    def way(self, mode):
        """A connection to nginx."""
        if mode == 'connect':
            return self.connect(self.px, self.origin)
        return self.dial({'direct': self.origin, 'forward': self.px.port,
                          'reverse': self.px.reverse_port}[mode])

    def said(self, mode, request):
        """All that comes back, without what the time of day changes."""
        sock = self.way(mode)
        sock.sendall(request)
        got = read_all(sock)
        sock.close()
        return re.sub(rb'\r\nDate: [^\r]*', b'', got)

    def conversations(self):
        h = b' HTTP/1.1\r\nHost: a\r\n'
        close = b'Connection: close\r\n\r\n'
        end = b'GET /a.txt' + h + close
        yield 'kept alive', b'GET /a.txt' + h + b'\r\n' + end
        yield 'hundred', (b'GET /a.txt' + h + b'\r\n') * 99 + end
        yield 'head', b'HEAD /big.txt' + h + b'\r\n' + end
        yield 'statuses', b''.join(
            m + b' ' + p + h + b'\r\n' for m, p in (
                (b'GET', b'/none'), (b'GET', b'/gone'), (b'GET', b'/404'),
                (b'DELETE', b'/a.txt'), (b'OPTIONS', b'/a.txt'))) + end
        yield 'not modified', (
            b'GET /a.txt' + h +
            b'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n') + end
        yield 'ranges', (
            b'GET /a.txt' + h + b'Range: bytes=2-5\r\n\r\n' +
            b'GET /a.txt' + h + b'Range: bytes=20-\r\n\r\n') + end
        yield 'large', b'GET /big.txt' + h + b'\r\n' + end
        yield 'chunked', (
            b'GET /echo' + h + b'Accept-Encoding: gzip\r\n\r\n') + end
        yield 'chunked request', (
            b'PUT /gone' + h + b'Transfer-Encoding: chunked\r\n\r\n'
            b'3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n') + end
        yield 'expect', (
            b'PUT /gone' + h + b'Expect: 100-continue\r\n'
            b'Content-Length: 3\r\n\r\nabc') + end
        yield 'too large', (
            b'PUT /small' + h + b'Content-Length: 30\r\n' + close +
            b'x' * 30)
        yield 'old', b'GET /a.txt HTTP/1.0\r\n\r\n'
        yield 'old, kept alive', (
            b'GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n') + end
        yield 'old, chunked', b'GET /echo HTTP/1.0\r\n\r\n'
        yield 'options', b'OPTIONS *' + h + b'\r\n' + end
        yield 'empty line', (
            b'PUT /gone' + h + b'Content-Length: 3\r\n\r\nabc\r\n') + end

    def test_same_bytes(self):
        for name, request in self.conversations():
            want = self.said('direct', request)
            self.assertTrue(want.startswith(b'HTTP/1.1 '))
            for mode in ('connect', 'reverse'):
                with self.subTest(name, mode=mode):
                    self.assertEqual(self.said(mode, request), want)

    def curl(self, *args):
        out = subprocess.run(
            ['curl', '-sS', '--max-time', str(DEADLINE), *args],
            capture_output=True, check=True)
        return out.stdout

    def test_curl(self):
        url = f'http://127.0.0.1:{self.origin}'
        proxy = ['-x', f'http://127.0.0.1:{self.px.port}']
        big = pathlib.Path(self.px.folder) / 'upload'
        big.write_bytes(BIG * 2)
        code = ['-o', '/dev/null', '-w', '%{http_code} ']
        for args in (
                [f'{url}/a.txt', f'{url}/big.txt', f'{url}/none'],
                ['-r', '3-6', f'{url}/a.txt'],
                ['--compressed', f'{url}/echo'],
                ['-0', f'{url}/echo'],
                ['-H', 'Connection: close', f'{url}/big.txt'],
                [*code, '-z', '2100-01-01', f'{url}/a.txt'],
                [*code, '-T', str(big), f'{url}/small'],
                [*code, '-T', str(big), '-H', 'Expect:', f'{url}/small'],
                [*code, '-T', str(big), '-H', 'Transfer-Encoding: chunked',
                 f'{url}/small'],
                [*code, '-I', f'{url}/big.txt']):
            want = self.curl(*args)
            for more in ([], ['-p']):
                with self.subTest(args=args, tunnel=more):
                    self.assertEqual(self.curl(*proxy, *more, *args), want)

    def test_http_client(self):
        """One connection: a pool of one, as most libraries have it."""
        def talk(conn, base):
            got = []
            for method, path, body, fields in (
                    ('GET', '/a.txt', None, {}),
                    ('HEAD', '/big.txt', None, {}),
                    ('GET', '/big.txt', None, {}),
                    ('PUT', '/gone', iter([b'a', b'bc']),
                     {'Transfer-Encoding': 'chunked'}),
                    ('GET', '/none', None, {}),
                    ('GET', '/echo', None, {}),
                    ('POST', '/a.txt', b'x' * 100000, {}),
                    ('GET', '/a.txt', None, {})):
                conn.request(method, base + path, body, fields,
                             encode_chunked=body is not None and
                             not isinstance(body, bytes))
                answer = conn.getresponse()
                got.append((answer.status, answer.read()))
            conn.close()
            return got
        url = f'http://127.0.0.1:{self.origin}'
        want = talk(http.client.HTTPConnection(
            '127.0.0.1', self.origin, timeout=DEADLINE), '')
        self.assertEqual(want[2][1], BIG)
        forward = http.client.HTTPConnection('127.0.0.1', self.px.port,
                                             timeout=DEADLINE)
        self.assertEqual(talk(forward, url), want)
        tunnel = http.client.HTTPConnection('127.0.0.1', self.px.port,
                                            timeout=DEADLINE)
        tunnel.set_tunnel('127.0.0.1', self.origin)
        self.assertEqual(talk(tunnel, ''), want)

    def test_a_client_that_has_finished(self):
        request = b'GET /big.txt HTTP/1.1\r\nHost: a\r\n\r\n'
        for mode in ('direct', 'connect', 'reverse'):
            with self.subTest(mode=mode):
                sock = self.way(mode)
                sock.sendall(request)
                sock.shutdown(socket.SHUT_WR)
                self.assertTrue(read_all(sock).endswith(BIG))
