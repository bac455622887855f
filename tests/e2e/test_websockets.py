# SPDX-License-Identifier: MIT
"""Debian's python3-websockets, client and server, through CONNECT."""

import asyncio
import os

import websockets

import wsframes
from harness import Case


async def echo(ws, path=None):
    try:
        async for message in ws:
            await ws.send(message)
    except websockets.ConnectionClosed:
        pass    # any code but 1000 and 1001 ends the loop this way


class Websockets(Case):
    def converse(self, talk, compression=None, proxy=None, handler=None,
                 **connect):
        """Run talk(client) against an echo server; the log's lines."""
        proxy = proxy or self.proxy(websocket={'control_rate': 0})

        async def both():
            async with websockets.serve(
                    handler or echo, '127.0.0.1', 0, max_size=None,
                    compression=compression, ping_interval=None,
                    close_timeout=60) as server:
                port = server.sockets[0].getsockname()[1]
                sock = self.connect(proxy, port)
                async with websockets.connect(
                        f'ws://127.0.0.1:{port}/echo?token=secret',
                        sock=sock, max_size=None, compression=compression,
                        ping_interval=None, close_timeout=60,
                        **connect) as ws:
                    await asyncio.wait_for(talk(ws), 120)
        asyncio.run(both())
        self.last = self.wait_close(proxy)
        return proxy.stop()

    def types(self, lines, direction):
        return [f['type'] for f in wsframes.logged(lines, direction)]

    def test_text_and_binary(self):
        async def talk(ws):
            for message in ('hello', '', 'ünïcödé', b'\0\xff' * 5000, b''):
                await ws.send(message)
                self.assertEqual(await ws.recv(), message)
        lines = self.converse(talk)
        want = ['text'] * 3 + ['binary'] * 2 + ['close']
        self.assertEqual(self.types(lines, 'c2s'), want)
        self.assertEqual(self.types(lines, 's2c'), want)
        self.assertEqual(
            [f.get('payload_bytes', 0)
             for f in wsframes.logged(lines, 'c2s')],
            [5, 0, len('ünïcödé'.encode()), 10000, 0, 2])
        self.assertEqual(self.last['ws']['c2s']['messages'], 5)
        # Query values are not logged.
        self.assertNotIn('secret', str(lines))

    def test_fragments(self):
        async def talk(ws):
            await ws.send(['one ', 'message ', 'in ', 'four'])
            self.assertEqual(await ws.recv(), 'one message in four')
        lines = self.converse(talk)
        types = self.types(lines, 'c2s')
        self.assertEqual(types[0], 'text')
        self.assertEqual(set(types[1:-1]), {'continuation'})
        message, = [x for x in lines if x['event'] == 'ws.message'
                    and x['dir'] == 'c2s']
        self.assertEqual(message['ws']['payload_bytes'], 19)
        self.assertEqual(message['ws']['frames'], len(types) - 1)

    def test_ping(self):
        async def talk(ws):
            for _ in range(30):
                await (await ws.ping())
        lines = self.converse(talk)
        self.assertEqual(self.types(lines, 'c2s').count('ping'), 30)
        self.assertEqual(self.types(lines, 's2c').count('pong'), 30)
        self.assertEqual(self.last['ws']['c2s']['ping'], 30)

    def test_ping_lines_are_rated(self):
        async def talk(ws):
            for _ in range(200):
                await (await ws.ping())
        proxy = self.proxy(websocket={'control_rate': 10})
        lines = self.converse(talk, proxy=proxy)
        self.assertLess(self.types(lines, 'c2s').count('ping'), 200)
        # Counters are exact, whatever is written.
        self.assertEqual(self.last['ws']['c2s']['ping'], 200)
        self.assertEqual(self.last['ws']['s2c']['pong'], 200)

    def close_case(self, code, reason, by_client):
        async def closing(ws, path=None):
            await ws.close(code, reason)

        async def talk(ws):
            if by_client:
                await ws.close(code, reason)
            await ws.wait_closed()
            self.assertEqual((ws.close_code, ws.close_reason),
                             (code, reason))
        lines = self.converse(talk, handler=None if by_client else closing)
        close, = [x for x in lines if x['event'] == 'ws.close']
        self.assertEqual(close['ws']['code'], code)
        self.assertEqual(close['ws'].get('reason', ''), reason)
        self.assertEqual(close['ws']['initiator'],
                         'client' if by_client else 'server')
        self.assertTrue(close['ws']['clean'])

    def test_close_codes(self):
        for code in (1000, 1001, 1003, 1008, 1011, 3000, 4999):
            for by_client in (True, False):
                with self.subTest(code=code, by_client=by_client):
                    self.close_case(code, f'bye {code} "ü"', by_client)

    def test_compression(self):
        async def talk(ws):
            for _ in range(3):
                await ws.send('compress me ' * 1000)
                self.assertEqual(await ws.recv(), 'compress me ' * 1000)
        lines = self.converse(talk, compression='deflate')
        frames = wsframes.logged(lines, 'c2s')
        self.assertEqual(frames[0]['rsv'], 4)
        self.assertLess(frames[0]['payload_bytes'], 12000)
        shake, = [x for x in lines if x['event'] == 'ws.handshake']
        self.assertIn('permessage-deflate', shake['ws']['extensions'])
        self.assertNotIn('ws.error', [x['event'] for x in lines])

    def test_subprotocol(self):
        async def talk(ws):
            await ws.send('x')
            await ws.recv()
        lines = self.converse(talk, subprotocols=['realtime', 'other'])
        shake, = [x for x in lines if x['event'] == 'ws.handshake']
        self.assertIn('realtime', shake['ws']['subprotocols_offered'])

    def test_sixteen_mib(self):
        message = os.urandom(16 << 20)

        async def talk(ws):
            await ws.send(message)
            self.assertEqual(await ws.recv(), message)
        self.converse(talk)
        for direction in ('c2s', 's2c'):
            counted = self.last['ws'][direction]
            self.assertEqual(counted['max_payload_bytes'], 16 << 20)

    def test_many_tunnels(self):
        proxy = self.proxy()

        async def one(i, port):
            sock = await asyncio.to_thread(self.connect, proxy, port)
            async with websockets.connect(
                    f'ws://127.0.0.1:{port}/', sock=sock) as ws:
                for k in range(10):
                    await ws.send(f'{i} {k}')
                    self.assertEqual(await ws.recv(), f'{i} {k}')

        async def all_of_them():
            async with websockets.serve(echo, '127.0.0.1', 0) as server:
                port = server.sockets[0].getsockname()[1]
                await asyncio.gather(*(one(i, port) for i in range(50)))
        asyncio.run(all_of_them())
        proxy.wait_line('tunnel.close', count=50)
        closes = [x for x in proxy.stop() if x['event'] == 'tunnel.close']
        self.assertEqual([x['ws']['c2s']['text'] for x in closes],
                         [10] * 50)

    def test_summary_and_message_levels(self):
        async def talk(ws):
            await ws.send('single')
            await ws.recv()
            await ws.send(['two', 'frames'])
            await ws.recv()
        lines = self.converse(
            talk, proxy=self.proxy(websocket={'log': 'message'}))
        events = [x['event'] for x in lines]
        self.assertNotIn('ws.frame', events)
        self.assertGreaterEqual(events.count('ws.message'), 3)
        lines = self.converse(
            talk, proxy=self.proxy(websocket={'log': 'summary'}))
        events = [x['event'] for x in lines]
        self.assertNotIn('ws.frame', events)
        self.assertNotIn('ws.message', events)
        self.assertEqual(self.last['ws']['c2s']['messages'], 2)

    def test_without_websocket_it_is_raw(self):
        async def talk(ws):
            await ws.send('hello')
            self.assertEqual(await ws.recv(), 'hello')
        lines = self.converse(talk, proxy=self.proxy(('http', 'raw')))
        handoff, = [x for x in lines if x['event'] == 'tunnel.handoff']
        self.assertEqual(handoff['to'], 'raw')
        self.assertEqual(self.last['inspector'], 'raw')

    def test_without_http_all_is_raw(self):
        async def talk(ws):
            await ws.send('hello')
            self.assertEqual(await ws.recv(), 'hello')
        lines = self.converse(talk, proxy=self.proxy(('raw',)))
        self.assertEqual(self.last['inspector'], 'raw')
        self.assertFalse([x for x in lines
                          if x['event'].startswith('http.')])
