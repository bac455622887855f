# SPDX-License-Identifier: MIT
"""What must not be in a log is not in it, wherever a client put it."""

from harness import Case, read_all, read_head
from wsframes import ANSWER, REQUEST, frame


class Privacy(Case):
    SECRET = b'sk-5ecre7'

    def test_no_secret_in_any_line(self):
        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER.replace(
                b'\r\n\r\n', b'\r\nSec-WebSocket-Protocol: realtime\r\n'
                b'Set-Cookie: id=' + self.SECRET + b'\r\n\r\n'))
            read_all(sock)
        server = self.serve(handler)
        proxy = self.proxy(websocket={'control_rate': 0})
        sock = self.connect(proxy, server.port)
        first, rest = REQUEST.split(b'\r\n', 1)
        target = b'/chat?key=' + self.SECRET + b'&' + self.SECRET
        sock.sendall(
            b'GET ' + target + b' HTTP/1.1\r\n'
            b'Authorization: Bearer ' + self.SECRET + b'\r\n'
            b'Cookie: a=' + self.SECRET + b'\r\n'
            b'Sec-WebSocket-Protocol: realtime, '
            b'openai-insecure-api-key.' + self.SECRET + b'\r\n' + rest)
        read_head(sock)
        for opcode in (1, 9):
            sock.sendall(frame(opcode, self.SECRET, mask=True))
        sock.close()
        self.wait_close(proxy)
        proxy.stop()
        text = proxy.log.read_bytes()
        self.assertNotIn(self.SECRET, text)
        self.assertNotIn(self.SECRET.decode(), proxy.stderr())
        offered = proxy.lines('ws.handshake')[0]['ws']
        self.assertEqual(offered['subprotocols_offered'],
                         'realtime, openai-insecure-api-key***')
        self.assertEqual(offered['subprotocol'], 'realtime')
        request = proxy.lines('http.request')[0]['http']
        self.assertEqual(request['target'], '/chat?key=&***')
