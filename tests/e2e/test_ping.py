# SPDX-License-Identifier: MIT
"""Pings: how long the peers' take, and the proxy's own (keepalive), which
neither peer is to notice."""

import asyncio
import socket
import threading

import websockets

import wsframes
from harness import BUILD, Case, read_all, read_exactly, read_head
from wsframes import ANSWER, REQUEST, frame


class Wire:
    """A peer that reads frames and keeps what they were."""

    def __init__(self, sock):
        self.sock = sock
        self.decoder = wsframes.Decoder()

    def read(self):
        """The next frame: (opcode, payload)."""
        seen = len(self.decoder.frames)
        while len(self.decoder.frames) == seen:
            self.decoder.feed(read_exactly(self.sock, 1))
        return (self.decoder.frames[-1]['opcode'],
                self.decoder.payloads[-1])


class Ping(Case):
    def meet(self, proxy, of_client=b'', of_server=b''):
        """A WebSocket through the proxy: both ends, raw.  What the peers say
        at once comes before any ping of ours."""
        ready, ends = threading.Event(), []

        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER + of_server)
            ends.append(sock)
            ready.set()
            self.over.wait(60)
        self.over = threading.Event()
        server = self.serve(handler)
        self.addCleanup(self.over.set)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST + of_client)
        self.assertEqual(read_head(sock), ANSWER)
        self.assertTrue(ready.wait(60))
        return Wire(sock), Wire(ends[0])

    def finish(self, proxy, client, server):
        server.sock.sendall(frame(8, b'\x03\xe8'))
        self.assertEqual(client.read(), (8, b'\x03\xe8'))
        client.sock.sendall(frame(8, b'\x03\xe8', mask=True))
        self.assertEqual(server.read(), (8, b'\x03\xe8'))
        self.over.set()
        client.sock.close()
        self.last = self.wait_close(proxy)
        return proxy.stop()

    def test_round_trips(self):
        proxy = self.proxy()
        client, server = self.meet(proxy)
        server.sock.sendall(frame(9, b'abc'))
        self.assertEqual(client.read(), (9, b'abc'))
        client.sock.sendall(frame(10, b'other', mask=True) +
                            frame(10, b'abc', mask=True))
        self.assertEqual(server.read(), (10, b'other'))
        self.assertEqual(server.read(), (10, b'abc'))
        client.sock.sendall(frame(9, mask=True))
        self.assertEqual(server.read(), (9, b''))
        server.sock.sendall(frame(10))
        self.assertEqual(client.read(), (10, b''))
        lines = self.finish(proxy, client, server)
        rtts = [x for x in lines if x['event'] == 'ws.rtt']
        self.assertEqual([(x['dir'], x['ws']['by']) for x in rtts],
                         [('s2c', 'server'), ('c2s', 'client')])
        for x in rtts:
            for name in ('last', 'min', 'max'):
                self.assertEqual(
                    self.last['ws'][x['dir']][f'rtt_{name}_us'],
                    x['ws']['rtt_us'])
        self.assertNotIn('proxy_ping', self.last['ws']['c2s'])

    def answer_pings(self, wire, count, mask):
        """Our pings, answered one byte at a time; what they said."""
        seen = []
        while len(seen) < count:
            opcode, payload = wire.read()
            self.assertEqual((opcode, len(payload)), (9, 12))
            self.assertEqual(wire.decoder.frames[-1]['masked'], not mask)
            seen.append(payload)
            for byte in frame(10, payload, mask=mask):
                wire.sock.sendall(bytes([byte]))
        return seen

    def test_keepalive(self):
        proxy = self.proxy(websocket={'keepalive': '1s'})
        client, server = self.meet(proxy)
        to_client = self.answer_pings(client, 2, mask=True)
        to_server = self.answer_pings(server, 2, mask=False)
        self.assertEqual(len({p[:8] for p in to_client}), 1)
        self.assertNotEqual(to_client[0][:8], to_server[0][:8])
        # What answers none of ours is the peers' own affair.
        client.sock.sendall(frame(10, to_server[0], mask=True))
        while True:
            opcode, payload = server.read()
            if opcode == 10:
                break
        self.assertEqual(payload, to_server[0])
        lines = self.finish_around_pings(proxy, client, server)
        for direction in ('c2s', 's2c'):
            counted = self.last['ws'][direction]
            self.assertEqual(counted['ping'], 0)
            self.assertEqual(counted['pong'], int(direction == 'c2s'))
            self.assertGreaterEqual(counted['proxy_ping'], 2)
            self.assertGreaterEqual(counted['proxy_pong'], 2)
            self.assertEqual(
                [f['type'] for f in wsframes.logged(lines, direction)],
                ['pong', 'close'] if direction == 'c2s' else ['close'])
        rtts = {(x['dir'], x['ws']['by']) for x in lines
                if x['event'] == 'ws.rtt'}
        self.assertEqual(rtts, {('c2s', 'proxy'), ('s2c', 'proxy')})

    def finish_around_pings(self, proxy, client, server):
        """As finish(), where a ping of ours may come at any time."""
        server.sock.sendall(frame(8, b'\x03\xe8'))
        while client.read()[0] != 8:
            pass
        client.sock.sendall(frame(8, b'\x03\xe8', mask=True))
        while server.read()[0] != 8:
            pass
        self.over.set()
        client.sock.close()
        self.last = self.wait_close(proxy)
        return proxy.stop()

    def test_never_inside_a_frame(self):
        proxy = self.proxy(websocket={'keepalive': '1s'})
        whole = frame(2, b'x' * 1000)
        client, server = self.meet(proxy, of_server=whole[:500])
        self.assertEqual(read_exactly(client.sock, 500), whole[:500])
        # The server is pinged meanwhile, the client is not.
        self.assertEqual(server.read()[0], 9)
        server.sock.sendall(whole[500:])
        self.assertEqual(read_exactly(client.sock, len(whole) - 500),
                         whole[500:])
        self.answer_pings(client, 1, mask=True)
        self.finish_around_pings(proxy, client, server)

    def test_idle_is_of_the_peers(self):
        """Our pings keep nobody alive in the eyes of timeouts.idle; the
        peers' own frames do."""
        proxy = self.proxy(websocket={'keepalive': '1s'},
                           extra='timeouts: {idle: 5s}')
        client, server = self.meet(proxy)

        def answer(wire, mask):
            try:
                while True:
                    opcode, payload = wire.read()
                    if opcode == 8:
                        wire.sock.shutdown(socket.SHUT_WR)
                    wire.sock.sendall(frame(10, payload, mask=mask))
            except (EOFError, OSError):
                pass
        threads = [threading.Thread(target=answer, args=a)
                   for a in ((client, True), (server, False))]
        for thread in threads:
            thread.start()
        last = self.wait_close(proxy)
        self.over.set()
        for wire in (client, server):
            wire.sock.close()
        for thread in threads:
            thread.join()
        self.assertEqual(last['end'], 'idle_timeout')
        self.assertGreaterEqual(last['ws']['c2s']['proxy_pong'], 1)
        self.assertGreaterEqual(last['ws']['s2c']['proxy_pong'], 1)

    def test_no_pings_after_a_close(self):
        proxy = self.proxy(websocket={'keepalive': '1s'},
                           extra='timeouts: {idle: 2s}')
        client, server = self.meet(
            proxy, of_client=frame(8, b'\x03\xe8', mask=True))
        # The server does not answer; idle ends it, and no ping came.
        self.assertEqual(server.read(), (8, b'\x03\xe8'))
        self.assertEqual(read_all(server.sock), b'')
        self.assertEqual(client.read()[0], 8)
        self.over.set()
        client.sock.close()
        self.assertNotIn('proxy_ping', self.wait_close(proxy)['ws']['c2s'])


class Libraries(Case):
    """python3-websockets at both ends, with pings of its own or without."""

    def converse(self, proxy, until, **options):
        """Talk until until() is true of the log; the last message."""
        async def echo(ws, path=None):
            async for message in ws:
                await ws.send(message)

        async def both():
            async with websockets.serve(echo, '127.0.0.1', 0,
                                        **options) as server:
                port = server.sockets[0].getsockname()[1]
                sock = await asyncio.to_thread(self.connect, proxy, port)
                async with websockets.connect(
                        f'ws://127.0.0.1:{port}/', sock=sock,
                        **options) as ws:
                    await ws.send('before')
                    self.assertEqual(await ws.recv(), 'before')
                    while not until():
                        await asyncio.sleep(0.05)
                    await ws.send('x' * 100000)
                    self.assertEqual(len(await ws.recv()), 100000)
        asyncio.run(both())
        self.last = self.wait_close(proxy)
        return proxy.stop()

    def rtts(self, proxy, by):
        return {x['dir'] for x in proxy.lines('ws.rtt')
                if x['ws']['by'] == by}

    def test_ours(self):
        proxy = self.proxy(
            websocket={'keepalive': '1s'}, extra='  - file: "-"\n'
            '    format: text\n    events: ["ws.*"]')
        lines = self.converse(
            proxy, lambda: len(self.rtts(proxy, 'proxy')) == 2,
            ping_interval=None)
        close, = [x for x in lines if x['event'] == 'ws.close']
        self.assertEqual(close['ws']['code'], 1000)
        self.assertTrue(close['ws']['clean'])
        self.assertEqual(self.last['ws']['c2s']['text'], 2)
        self.assertEqual(self.last['ws']['c2s']['ping'], 0)
        self.assertEqual(self.last['ws']['s2c']['pong'], 0)
        text = (proxy.folder / 'stdout').read_text()
        self.assertRegex(text, r'<- rtt +\d+ us, ping of the proxy')

    def test_theirs(self):
        proxy = self.proxy()
        self.converse(proxy, lambda: self.rtts(proxy, 'client') and
                      self.rtts(proxy, 'server'), ping_interval=0.2)
        for direction in ('c2s', 's2c'):
            self.assertGreater(self.last['ws'][direction]['rtt_min_us'], 0)


class PingInChain(Case):
    """With an inspector that passes one byte per call, and one that asserts
    that the core keeps its contract, in the same tunnel."""

    more_plugins = tuple(
        (name, BUILD / 'tests' / 'inspectors' / f'{name}.so')
        for name in ('fragment', 'pedantic'))

    meet, answer_pings = Ping.meet, Ping.answer_pings
    finish_around_pings = Ping.finish_around_pings
    test_keepalive = Ping.test_keepalive

    def setUp(self):
        for _, path in self.more_plugins:
            if not path.exists():
                self.skipTest(f'{path} is not built')
