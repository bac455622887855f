# SPDX-License-Identifier: MIT
"""What compressed messages inflate to, as Debian's python3-websockets
compresses them; and what a bomb costs."""

import asyncio
import os
import random
import zlib

import websockets
from websockets.extensions import permessage_deflate

from harness import Case, read_all, read_exactly, read_head
from wsframes import ANSWER, REQUEST, Decoder, frame

INFLATE = {'inflate': 'true', 'control_rate': 0}
DEFLATE = ANSWER[:-2] + b'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n'
OFFER = (REQUEST[:-2]
         + b'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n')


async def echo(ws, path=None):
    async for message in ws:
        await ws.send(message)


def messages(seed):
    """Some that look like each other, some that look like nothing."""
    rng = random.Random(seed)
    words = [rng.randbytes(20).hex() for _ in range(5)]
    for _ in range(8):
        kind = rng.randrange(4)
        if kind == 0:
            yield rng.randbytes(rng.randrange(3000))
        elif kind == 1:
            yield ' '.join(rng.choices(words, k=rng.randrange(2000)))
        elif kind == 2:
            yield ['fragments ', words[0] * rng.randrange(500), ' ünd ',
                   '']
        else:
            yield ''


def size_of(message):
    if isinstance(message, list):
        message = ''.join(message)
    return len(message.encode() if isinstance(message, str) else message)


class Inflate(Case):
    def converse(self, proxy, seed, client_bits, server_bits, client_keeps,
                 server_keeps):
        """The sizes that were sent, and echoed."""
        sizes = []
        offers = permessage_deflate.ClientPerMessageDeflateFactory(
            client_max_window_bits=True)
        agrees = permessage_deflate.ServerPerMessageDeflateFactory(
            server_no_context_takeover=not server_keeps,
            client_no_context_takeover=not client_keeps,
            server_max_window_bits=server_bits,
            client_max_window_bits=client_bits)

        async def talk():
            async with websockets.serve(
                    echo, '127.0.0.1', 0, compression=None,
                    extensions=[agrees], ping_interval=None,
                    close_timeout=60) as server:
                port = server.sockets[0].getsockname()[1]
                sock = self.connect(proxy, port)
                async with websockets.connect(
                        f'ws://127.0.0.1:{port}/', sock=sock,
                        compression=None, extensions=[offers],
                        ping_interval=None, close_timeout=60) as ws:
                    for message in messages(seed):
                        await ws.send(message)
                        await ws.recv()
                        sizes.append(size_of(message))
        asyncio.run(talk())
        return sizes

    def test_every_window(self):
        proxy = self.proxy(websocket=INFLATE)
        wanted, seed = [], 0
        long = os.environ.get('FRL_LONG')
        for client_bits in range(9, 16):
            # Each direction has a window of its own.
            for server_bits in range(9, 16) if long else (24 - client_bits,):
                for keeps in range(4):
                    wanted.append((seed, client_bits, server_bits, keeps,
                                   self.converse(
                                       proxy, seed, client_bits,
                                       server_bits, keeps & 1 > 0,
                                       keeps & 2 > 0)))
                    seed += 1
        proxy.wait_line('tunnel.close', count=seed)
        lines = proxy.stop()
        self.assertNotIn('ws.error', [x['event'] for x in lines])
        tunnels = list(dict.fromkeys(
            x['tunnel'] for x in lines if x['event'] == 'ws.handshake'))
        for tunnel, (_, client_bits, server_bits, keeps, sizes) in zip(
                tunnels, wanted):
            its = [x for x in lines if x.get('tunnel') == tunnel]
            shake, = [x['ws'] for x in its if x['event'] == 'ws.handshake']
            self.assertEqual(
                (shake['client_window_bits'], shake['server_window_bits'],
                 shake['client_context_takeover'],
                 shake['server_context_takeover']),
                (client_bits, server_bits, keeps & 1 > 0, keeps & 2 > 0))
            for way in ('c2s', 's2c'):
                self.assertEqual(
                    [x['ws']['inflated_bytes'] for x in its
                     if x['event'] == 'ws.message' and x['dir'] == way],
                    sizes)
                self.assertEqual(its[-1]['ws'][way]['inflated_bytes'],
                                 sum(sizes))

    def send_bomb(self, proxy, payload):
        """To the client; what came to both sides, to the end."""
        got = {}

        def handler(sock):
            read_head(sock)
            sock.sendall(DEFLATE + frame(2, payload, rsv=4))
            got['c2s'] = sock.recv(4096)
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(OFFER)
        read_head(sock)
        sent = frame(2, payload, rsv=4)
        self.assertEqual(read_exactly(sock, len(sent)), sent)
        return server, sock, got

    def bomb(self, mib):
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        one = z.compress(bytes(1 << 20)) + z.flush(zlib.Z_FULL_FLUSH)
        return (one * mib)[:-4]

    def test_bombs(self):
        for mib in (10, 100, 1024):
            with self.subTest(mib=mib):
                proxy = self.proxy(websocket={**INFLATE, 'mode': 'enforce'})
                self.converse(proxy, 0, 15, 15, True, True)
                before = proxy.memory()
                server, sock, got = self.send_bomb(proxy, self.bomb(mib))
                rest = read_all(sock)
                self.assertLess(proxy.memory() - before, 4096)
                sock.close()
                server.close()
                for data in (rest, got['c2s']):
                    payload, = Decoder().feed(data).payloads
                    self.assertEqual(payload[:2], b'\3\xf1')
                    self.assertIn(b'inflate_limit', payload)
                proxy.stop()

    def test_bomb_that_is_only_watched(self):
        proxy = self.proxy(websocket=INFLATE)
        server, sock, got = self.send_bomb(proxy, self.bomb(100))
        bye = frame(8, b'\3\xe8', mask=True)
        sock.sendall(bye)
        self.assertEqual(read_all(sock), b'')
        sock.close()
        server.close()
        self.assertEqual(got['c2s'], bye)
        self.wait_close(proxy)
        error, = [x for x in proxy.stop() if x['event'] == 'ws.error']
        self.assertEqual(error['ws']['kind'], 'inflate_limit')
        self.assertEqual(error['ws']['action'], 'forward')

    def test_max_message_is_of_what_is_inflated(self):
        proxy = self.proxy(websocket={**INFLATE, 'max_message': '100KiB'})
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        small = z.compress(bytes(200 << 10)) + z.flush(zlib.Z_SYNC_FLUSH)
        server, sock, got = self.send_bomb(proxy, small[:-4])
        payload, = Decoder().feed(read_all(sock)).payloads
        self.assertEqual(payload[:2], b'\3\xf1')
        self.assertIn(b'max_message, 102400', payload)
        sock.close()
        server.close()
        self.assertEqual(
            Decoder().feed(got['c2s']).payloads, [payload])
