# SPDX-License-Identifier: MIT
"""A log made by clients and servers that choose every byte they may: each
line is one JSON object, and nothing in it moves a terminal."""

import json
import random

from harness import Case, read_head
from wsframes import ANSWER, REQUEST, frame

PIECES = [b'\x1b[2J', b'\x1b]0;x\x07', b'"', b'\\', b'\\u0000', b'"}\\n{"v":1',
          b'\xc2\x9b31m', b'\xe2\x80\xa8', b'\xed\xa0\x80', b'\xff\xfe',
          b'\xf0\x9f\x92\xa9', b'\xc3', b'%s%n', b'\t', b'\x80', b'{}',
          b'plain', b'</script>', b'\xe2\x80\xae']


class Log(Case):
    def words(self, limit=400, also=b''):
        """Bytes that may be somewhere in HTTP."""
        out = b''.join(self.random.choice(PIECES) if self.random.random() < .6
                       else self.random.randbytes(3)
                       for _ in range(self.random.randrange(60)))[:limit]
        return bytes(c for c in out if c not in b'\0\r\n' + also)

    def test_log(self):
        self.random = random.Random(7)

        def handler(sock):
            try:
                head = read_head(sock)
            except (EOFError, ConnectionResetError):
                return              # refused before it came here
            if b'Upgrade' in head:
                sock.sendall(ANSWER + frame(8, b'\x03\xe8' + self.reason))
            else:
                sock.sendall(b'HTTP/1.1 200 ' + self.words(100) + b'\r\n'
                             b'Content-Length: 0\r\nServer: ' + self.words()
                             + b'\r\n\r\n')
            sock.settimeout(60)
            try:
                while sock.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        server = self.serve(handler)
        proxy = self.proxy()
        port = server.port
        for n in range(60):
            self.reason = self.words(123)
            for data in (
                    b'CONNECT ' + self.words(300) + b':80 HTTP/1.1\r\n\r\n',
                    b'GET http://127.0.0.1:%d/%b HTTP/1.1\r\nHost: a\r\n\r\n'
                    % (port, self.words(also=b' ')),
                    self.words() + b'\r\n\r\n'):
                self.say(self.dial(proxy.port), data)
            for data in (
                    b'GET /' + self.words(also=b' ') + b' HTTP/1.1\r\n'
                    b'Host: ' + self.words(60) + b'\r\n\r\n',
                    b'GET /?' + self.words(also=b' ') + b' HTTP/1.1\r\n'
                    b'Host: a\r\nUser-Agent: ' + self.words() + b'\r\n\r\n',
                    REQUEST.replace(b'\r\n\r\n', b'\r\nSec-WebSocket-Protocol:'
                                    b' ' + self.words() + b'\r\n\r\n'),
                    REQUEST + frame(8, b'\x03\xe8' + self.reason,
                                    mask=True)):
                self.say(self.connect(proxy, port), data)
        proxy.stop()
        self.check(proxy.log.read_bytes())

    def say(self, sock, data):
        try:
            sock.sendall(data)
            sock.recv(4096)
        except ConnectionResetError:
            pass
        sock.close()

    def check(self, log):
        lines = log.split(b'\n')
        self.assertEqual(lines.pop(), b'')
        self.assertGreater(len(lines), 1000)
        kinds = set()
        for line in lines:
            text = line.decode('utf-8')         # strict
            kinds.add(json.loads(text)['event'])
            for c in text:
                self.assertGreaterEqual(c, ' ', line)
                self.assertFalse('\x7f' <= c <= '\x9f', line)
                self.assertNotIn(c, '\u2028\u2029', line)
        for kind in ('tunnel.failed', 'http.request', 'http.error',
                     'ws.frame', 'ws.close'):
            self.assertIn(kind, kinds)
