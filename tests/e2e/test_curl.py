# SPDX-License-Identifier: MIT
"""curl --proxytunnel: HTTP inside CONNECT, and every exchange in the log."""

import hashlib
import http.server
import os
import subprocess
import threading

from harness import Case


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def body(self):
        if self.headers.get('Transfer-Encoding') == 'chunked':
            out = b''
            while True:
                n = int(self.rfile.readline().split(b';')[0], 16)
                out += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    return out
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do_GET(self):
        if self.path == '/chunked':
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            for i in range(100):
                self.wfile.write(b'%x\r\n%s\r\n' % (1000, b'c' * 1000))
            self.wfile.write(b'0\r\nX-Trailer: yes\r\n\r\n')
        elif self.path == '/until-close':
            self.send_response(200)
            self.send_header('Connection', 'close')
            self.end_headers()
            self.wfile.write(b'u' * 200000)
            self.close_connection = True
        elif self.path == '/nothing':
            self.send_response(204)
            self.end_headers()
        elif self.path == '/not-modified':
            self.send_response(304)
            self.send_header('Content-Length', '5000')
            self.end_headers()
        elif self.path == '/early':
            self.send_response_only(103)
            self.send_header('Link', '</x.css>; rel=preload')
            self.end_headers()
            self.answer(b'final')
        elif self.path == '/big':
            self.answer(b'b' * (8 << 20))
        else:
            self.answer(f'you asked for {self.path}'.encode())

    do_HEAD = do_GET

    def do_PUT(self):
        self.answer(hashlib.sha256(self.body()).hexdigest().encode())

    do_POST = do_PUT


class Http(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass    # a client that is gone; the test sees what it got


class Curl(Case):
    def setUp(self):
        self.http = Http(('127.0.0.1', 0), Handler)
        self.port = self.http.server_address[1]
        thread = threading.Thread(target=self.http.serve_forever,
                                  kwargs={'poll_interval': 0.05})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.http.server_close)
        self.addCleanup(self.http.shutdown)
        self.p = self.proxy()

    def curl(self, *args, paths=('/',), stdin=b''):
        urls = [f'http://127.0.0.1:{self.port}{path}' for path in paths]
        result = subprocess.run(
            ['curl', '-sS', '--http1.1', '--max-time', '60', '--noproxy',
             '', '--proxytunnel', '-x', f'http://127.0.0.1:{self.p.port}',
             *args, *urls], input=stdin, capture_output=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def finish(self, requests):
        last = self.wait_close(self.p)
        lines = self.p.stop()
        self.assertEqual(last.get('inspector'), 'http')
        for event in ('http.request', 'http.done'):
            self.assertEqual(
                sum(x['event'] == event for x in lines), requests, event)
        self.assertNotIn('http.error', [x['event'] for x in lines])
        done = [x['http'] for x in lines if x['event'] == 'http.done']
        for x in done:
            self.assertTrue(x['complete'], x)
        return lines, done

    def test_get(self):
        self.assertEqual(self.curl(paths=('/hello?a=b',)),
                         b'you asked for /hello?a=b')
        lines, done = self.finish(1)
        self.assertEqual(done[0]['response_body_bytes'],
                         len('you asked for /hello?a=b'))
        request, = [x for x in lines if x['event'] == 'http.request']
        self.assertEqual(request['http']['target'], '/hello?a=')
        self.assertEqual(request['http']['method'], 'GET')

    def test_upload_with_expect(self):
        body = os.urandom(3 << 20)
        got = self.curl('-H', 'Expect: 100-continue', '-T', '-', '-H',
                        f'Content-Length: {len(body)}', '-H',
                        'Transfer-Encoding:', stdin=body)
        self.assertEqual(got.decode(), hashlib.sha256(body).hexdigest())
        lines, done = self.finish(1)
        self.assertEqual(done[0]['request_body_bytes'], len(body))
        self.assertEqual([x['http']['status'] for x in lines
                          if x['event'] == 'http.response'], [100, 200])

    def test_chunked_upload(self):
        body = os.urandom(2 << 20)
        got = self.curl('-T', '-', '-H', 'Transfer-Encoding: chunked',
                        stdin=body)
        self.assertEqual(got.decode(), hashlib.sha256(body).hexdigest())
        _, done = self.finish(1)
        self.assertGreater(done[0]['request_body_bytes'], len(body))

    def test_chunked_answer(self):
        self.assertEqual(self.curl(paths=('/chunked',)), b'c' * 100000)
        _, done = self.finish(1)
        self.assertEqual(
            done[0]['response_body_bytes'],
            100 * (len(b'3e8\r\n\r\n') + 1000)
            + len(b'0\r\nX-Trailer: yes\r\n\r\n'))

    def test_head(self):
        out = self.curl('--head', paths=('/big', '/after'))
        self.assertIn(b'8388608', out)
        _, done = self.finish(2)
        self.assertEqual([x.get('response_body_bytes', 0) for x in done],
                         [0, 0])

    def test_keep_alive(self):
        paths = tuple(f'/{i}' for i in range(20))
        out = self.curl(paths=paths)
        self.assertEqual(out.count(b'you asked for'), 20)
        lines, done = self.finish(20)
        self.assertEqual([x['txn'] for x in done], list(range(1, 21)))
        self.assertEqual(
            sum(x['event'] == 'tunnel.open' for x in lines), 1)

    def test_without_bodies(self):
        out = self.curl(
            paths=('/nothing', '/not-modified', '/early', '/last'))
        self.assertEqual(out, b'finalyou asked for /last')
        self.finish(4)

    def test_until_close(self):
        self.assertEqual(self.curl(paths=('/until-close',)), b'u' * 200000)
        _, done = self.finish(1)
        self.assertEqual(done[0]['response_body_bytes'], 200000)

    def test_big_answer(self):
        out = self.curl(paths=('/big', '/then'))
        self.assertEqual(out, b'b' * (8 << 20) + b'you asked for /then')
        self.finish(2)

    def test_refused_connect_is_shown(self):
        result = subprocess.run(
            ['curl', '-sS', '--max-time', '60', '--noproxy', '',
             '--proxytunnel', '-x', f'http://127.0.0.1:{self.p.port}', '-o',
             '/dev/null', '-w', '%{http_connect}', 'http://10.0.0.1/'],
            capture_output=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, b'403')
