# SPDX-License-Identifier: MIT
"""Half a body whose end only the end of the connection tells: a client that
saw a FIN would take it for the whole."""

import signal
import threading

from harness import (Case, listens, read_all, read_exactly, read_head, reset,
                     wait_until)

HEAD = b'HTTP/1.1 200 OK\r\n%b\r\n'
CHUNKED = HEAD % b'Transfer-Encoding: chunked\r\n'
ENDLESS = HEAD % b''
PATIENCE = ('timeouts:\n  farewell: 500ms\n  lifetime: {}\n')


class HalfBodies(Case):
    def begin(self, proxy, half, how, version='1.0'):
        """A client that has read what came of half an answer; how(socket)
        then happens to the server's connection."""
        self.go = threading.Event()

        def handler(sock):
            read_head(sock)
            sock.sendall(half)
            self.go.wait(60)
            how(sock)
        server = self.serve(handler)
        client = self.dial(proxy.port)
        client.sendall(f'GET http://127.0.0.1:{server.port}/ HTTP/{version}'
                       '\r\nHost: x\r\n\r\n'.encode())
        read_head(client)
        self.assertIn(b'hello', read_exactly(client, 5 if version == '1.0'
                                             or half.endswith(b'\nhello')
                                             else 10))
        return client

    def is_reset(self, client):
        with self.assertRaises(ConnectionResetError):
            read_all(client)
        client.close()

    def test_chunks_taken_off(self):
        """A client of HTTP/1.0 got no chunks."""
        proxy = self.proxy()
        for how in (lambda sock: None, reset,
                    lambda sock: sock.sendall(b'no chunk\r\n')):
            client = self.begin(proxy, CHUNKED + b'5\r\nhello\r\n', how)
            self.go.set()
            self.is_reset(client)
        ends = [x['end'] for x in proxy.wait_line('tunnel.close', 3)]
        self.assertEqual(ends, ['server_fin', 'server_reset',
                                'protocol_error'])

    def test_chunks(self):
        """Whoever reads chunks sees that the last one is missing."""
        proxy = self.proxy()
        client = self.begin(proxy, CHUNKED + b'5\r\nhello\r\n',
                            lambda sock: None, '1.1')
        self.go.set()
        self.assertEqual(read_all(client), b'')

    def test_lifetime(self):
        proxy = self.proxy(extra=PATIENCE.format('4s'))
        client = self.begin(proxy, ENDLESS + b'hello', lambda sock: None)
        self.is_reset(client)
        self.go.set()

    def test_drain(self):
        """It may go on for as long as last words may take."""
        proxy = self.proxy(extra=PATIENCE.format('1h'))
        client = self.begin(proxy, ENDLESS + b'hello', lambda sock: None)
        proxy.process.send_signal(signal.SIGTERM)
        self.is_reset(client)
        self.go.set()

    def test_second_signal(self):
        proxy = self.proxy(extra=PATIENCE.format('1h').replace('500ms', '1h'))
        client = self.begin(proxy, ENDLESS + b'hello', lambda sock: None)
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(proxy.port), 'the drain')
        proxy.process.send_signal(signal.SIGTERM)
        self.is_reset(client)
        self.go.set()

    def test_drain_ends_well(self):
        proxy = self.proxy(extra='timeouts:\n  farewell: 60s')
        client = self.begin(proxy, ENDLESS + b'hello',
                            lambda sock: sock.sendall(b' world'))
        proxy.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(proxy.port), 'the drain')
        self.go.set()
        self.assertEqual(read_all(client), b' world')
        client.close()
