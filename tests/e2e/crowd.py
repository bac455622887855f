#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Clients and servers in processes of their own, so that thousands of them fit
beside the proxy: each process has as many descriptors.

A child is told what to do by lines on its standard input and answers with one
line of JSON each; see Crowd, Rush and Echo, which start them.
"""

import asyncio
import json
import pathlib
import subprocess
import sys
import time

import wsframes

WORD = b'\0ahoy %06d\n'


async def orders():
    """Lines of stdin."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.split()


def answer(**what):
    print(json.dumps(what), flush=True)


def connect_request(port):
    name = f'127.0.0.1:{port}'
    return f'CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n'.encode()


def take_frames(decoder, data):
    decoder.feed(data)
    found = list(zip(decoder.frames, decoder.payloads))
    decoder.frames.clear()
    decoder.payloads.clear()
    return found


# ----------------------------------------------------------------------
# Servers

class EchoProtocol(asyncio.Protocol):
    """Echoes; what begins like an upgrade gets its 101, and then frames are
    echoed, unmasked."""

    def connection_made(self, transport):
        self.transport = transport
        self.decoder = None
        self.first = True

    def data_received(self, data):
        if self.first and data.startswith(b'GET '):
            self.decoder = wsframes.Decoder()
            self.transport.write(wsframes.ANSWER)
            _, _, data = data.partition(b'\r\n\r\n')
        self.first = False
        if self.decoder is None:
            self.transport.write(data)
            return
        for frame, payload in take_frames(self.decoder, data):
            self.transport.write(wsframes.frame(frame['opcode'], payload))


async def serve():
    server = await asyncio.get_running_loop().create_server(
        EchoProtocol, '127.0.0.1', 0, backlog=4096)
    answer(port=server.sockets[0].getsockname()[1])
    async for _ in orders():
        pass


# ----------------------------------------------------------------------
# Clients

class Tunnel(asyncio.Protocol):
    """One that stays."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.word = WORD % number
        self.heard = bytearray()
        self.ready = asyncio.get_running_loop().create_future()
        self.echoed = None
        self.lost = None
        self.decoder = None
        self.greeting = 1

    def connection_made(self, transport):
        self.transport = transport
        transport.write(connect_request(self.crowd.server))

    def data_received(self, data):
        if not self.greeting and self.decoder is not None:
            self.frames(data)
            data = b''
        self.heard += data
        while self.greeting and b'\r\n\r\n' in self.heard:
            head, _, self.heard = self.heard.partition(b'\r\n\r\n')
            self.head(head)
        if self.echoed is not None and bytes(self.heard) == self.word:
            self.heard.clear()
            self.echoed.set_result(True)
            self.echoed = None

    def frames(self, data):
        for frame, payload in take_frames(self.decoder, data):
            if frame['opcode'] == 2:    # others are of a blast
                self.heard += payload
            elif frame['opcode'] == 8:
                code = int.from_bytes(payload[:2], 'big')
                self.lost = f'close {code}'
                self.transport.write(wsframes.frame(8, payload[:2],
                                                    mask=True))

    def head(self, head):
        status = head.split()[1]
        if status == b'200' and self.crowd.websocket:
            self.greeting = 2
            self.transport.write(wsframes.REQUEST)
            return
        self.greeting = 0
        if status == b'101':
            self.decoder = wsframes.Decoder()
        if status not in (b'200', b'101'):
            self.lost = head.decode('latin-1')
        if not self.ready.done():
            self.ready.set_result(True)

    def connection_lost(self, error):
        self.lost = self.lost or str(error or 'closed')
        if self.decoder is not None and self.decoder.buffer:
            self.lost += ' inside a frame'
        for future in (self.ready, self.echoed):
            if future is not None and not future.done():
                future.set_result(False)

    def speak(self):
        self.echoed = asyncio.get_running_loop().create_future()
        if self.lost is not None:
            self.echoed.set_result(False)
            return self.echoed
        future = self.echoed
        self.transport.write(
            wsframes.frame(2, self.word, mask=True)
            if self.decoder is not None else self.word)
        return future


class Tunnels:
    def __init__(self, proxy, server, websocket):
        self.proxy, self.server = proxy, server
        self.websocket = websocket
        self.list = []
        self.room = asyncio.Semaphore(64)

    async def one(self):
        async with self.room:
            tunnel = Tunnel(self, len(self.list))
            self.list.append(tunnel)
            loop = asyncio.get_running_loop()
            try:
                await loop.create_connection(lambda: tunnel, '127.0.0.1',
                                             self.proxy)
            except OSError as e:
                tunnel.lost = str(e)
                return
            await tunnel.ready

    def report(self):
        lost = [t.lost for t in self.list if t.lost is not None]
        answer(open=len(self.list) - len(lost), lost=len(lost),
               why=sorted(set(lost))[:5])

    async def obey(self, order, count=0):
        if order == b'open':
            await asyncio.gather(*(self.one() for _ in range(int(count))))
        elif order == b'blast':     # so many frames, before the next word
            data = wsframes.frame(1, b'x' * 8, mask=True) * int(count)
            for tunnel in self.list:
                if tunnel.lost is None:
                    tunnel.transport.write(data)
        elif order == b'silent':    # connected, and that is all
            loop = asyncio.get_running_loop()
            for _ in range(int(count)):
                await loop.create_connection(asyncio.Protocol, '127.0.0.1',
                                             self.proxy)
        elif order == b'speak':
            await asyncio.gather(*(t.speak() for t in self.list
                                   if t.lost is None))
        elif order == b'ports':
            answer(ports=[t.transport.get_extra_info('sockname')[1]
                          for t in self.list if t.lost is None])
            return
        elif order == b'close':
            for tunnel in self.list:
                if tunnel.lost is None:
                    tunnel.transport.close()
            self.list = []
        self.report()


async def crowd(proxy, server, websocket):
    tunnels = Tunnels(proxy, server, websocket)
    async for order in orders():
        await tunnels.obey(*order)


class Rusher:
    """New tunnels all the time: each says a word, hears it, and goes."""

    def __init__(self, proxy, server):
        self.proxy, self.server = proxy, server
        self.fine = self.refused = self.broken = self.busy = 0
        self.why = set()
        self.slowest = 0
        self.room = asyncio.Semaphore(500)

    async def talk(self, reader, writer):
        writer.write(connect_request(self.server))
        head = await reader.readuntil(b'\r\n\r\n')
        if b' 503 ' in head[:16]:
            self.busy += 1
            return
        if b' 200 ' not in head[:16]:
            raise OSError(head.decode('latin-1'))
        writer.write(WORD % 0)
        await reader.readexactly(len(WORD % 0))
        self.fine += 1

    async def one(self):
        begin = time.monotonic()
        writer = None
        try:
            reader, writer = await asyncio.open_connection('127.0.0.1',
                                                           self.proxy)
            await self.talk(reader, writer)
        except ConnectionRefusedError:
            self.refused += 1
        except (OSError, EOFError) as e:
            self.broken += 1
            self.why.add(repr(e)[:300])
        finally:
            if writer is not None:
                writer.close()
            self.room.release()
        self.slowest = max(self.slowest, time.monotonic() - begin)

    async def run(self, rate):
        begin, sent, tasks = time.monotonic(), 0, set()
        while True:
            due = int((time.monotonic() - begin) * rate)
            while sent < due:
                await self.room.acquire()
                task = asyncio.create_task(self.one())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            self.tasks = tasks
            await asyncio.sleep(0.005)

    async def finish(self, running):
        running.cancel()
        await asyncio.gather(*self.tasks)
        answer(fine=self.fine, refused=self.refused, broken=self.broken,
               busy=self.busy, slowest=round(self.slowest, 3),
               why=sorted(self.why)[:5])


async def rush(proxy, server, rate):
    rusher = Rusher(proxy, server)
    running = asyncio.create_task(rusher.run(rate))
    async for _ in orders():
        await rusher.finish(running)
        return


# ----------------------------------------------------------------------
# For tests

class Child:
    """A process of this file; ask() sends an order and reads the answer."""

    def __init__(self, test, *args):
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__), *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.end)

    def end(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def tell(self, order):
        self.process.stdin.write(order + '\n')
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError('a crowd process has died')
        return json.loads(line)

    def ask(self, order):
        self.tell(order)
        return self.hear()


class Echo(Child):
    def __init__(self, test):
        super().__init__(test, 'serve')
        self.port = self.hear()['port']


class Crowd(Child):
    """open N, speak, close, look: answers with open, lost, why; ports."""

    def __init__(self, test, proxy, server, websocket=False):
        super().__init__(test, 'crowd', proxy, server, int(websocket))


class Rush(Child):
    """stop: answers with fine, refused, broken, busy, slowest, why."""

    def __init__(self, test, proxy, server, rate):
        super().__init__(test, 'rush', proxy, server, rate)

    def stop(self):
        return self.ask('stop')


def main():
    work, args = sys.argv[1], [int(a) for a in sys.argv[2:]]
    works = {'serve': serve, 'crowd': crowd, 'rush': rush}
    asyncio.run(works[work](*args))


if __name__ == '__main__':
    main()
