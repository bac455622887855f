# SPDX-License-Identifier: MIT
"""A web server, a WebSocket server, and clients that come by the proxy."""

import asyncio
import http.server
import itertools
import json
import socket
import threading

import websockets

WEB, ECHO, PROXY = 8000, 8001, 3128
SECONDS = 120


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass


def serve():
    """Both servers, in threads of their own."""
    web = http.server.ThreadingHTTPServer(('127.0.0.1', WEB), Quiet)
    threading.Thread(target=web.serve_forever, daemon=True).start()

    async def echo():
        async def one(ws):
            async for message in ws:
                await ws.send(message)
        await websockets.serve(one, '127.0.0.1', ECHO)
        await asyncio.get_running_loop().create_future()
    threading.Thread(target=asyncio.run, args=(echo(),), daemon=True).start()


def connect(port):
    """A tunnel."""
    sock = socket.create_connection(('127.0.0.1', PROXY), SECONDS)
    sock.sendall(b'CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: a\r\n\r\n' % port)
    answer = b''
    while not answer.endswith(b'\r\n\r\n'):
        some = sock.recv(4096)
        assert some, 'the proxy closed'
        answer += some
    assert b' 200 ' in answer.splitlines()[0], answer
    return sock


def get(path='/etc/hostname'):
    """One request by absolute-form; its status."""
    with socket.create_connection(('127.0.0.1', PROXY), SECONDS) as sock:
        sock.sendall(b'GET http://127.0.0.1:%d%s HTTP/1.1\r\n'
                     b'Host: 127.0.0.1:%d\r\nConnection: close\r\n\r\n'
                     % (WEB, path.encode(), WEB))
        answer = b''
        while some := sock.recv(65536):
            answer += some
        return int(answer.split()[1])


async def websocket(count, size=64):
    """Echo `count` messages of a WebSocket; None: for ever."""
    sock = await asyncio.to_thread(connect, ECHO)
    sock.setblocking(False)
    async with websockets.connect(
            f'ws://127.0.0.1:{ECHO}/', sock=sock, open_timeout=SECONDS,
            ping_timeout=None, close_timeout=SECONDS) as ws:
        for n in itertools.count():
            if n == count:
                break
            await ws.send('x' * size)
            assert len(await ws.recv()) == size


def events(name=None, path='/var/log/fairlead/events.json', **fields):
    with open(path, encoding='utf-8') as log:
        # The last line may be on its way.
        lines = [json.loads(line) for line in log if line.endswith('\n')]
    return [line for line in lines if name in (None, line['event'])
            and all(line.get(k) == v for k, v in fields.items())]
