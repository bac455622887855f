# SPDX-License-Identifier: MIT
"""Peers that vanish without a word: their host is gone, no FIN, no RST.

The proxy runs in a network namespace of its own; the peer in another one,
behind a veth.  To vanish, the peer loses its way back: nothing of it arrives
any more, not even an acknowledgement.  Where namespaces are not permitted,
this is skipped.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import unittest

from harness import CONFIG, DEADLINE, Case, free_port

OURS, THEIRS = '10.213.7.1', '10.213.7.2'
INSIDE = 'FRL_NETNS'

# The peer: a client or a server, that floods, is flooded or does nothing.
# It says `ready` and is then killed with its namespace.
PEER = """\
import socket, sys
role, floods, address, port, request = sys.argv[1:]
if role == 'client':
    s = socket.create_connection((address, int(port)))
    s.sendall(request.encode().decode('unicode_escape').encode())
    head = b''
    while not head.endswith(b'\\r\\n\\r\\n'):
        head += s.recv(1) or sys.exit('no tunnel')
    s.sendall(b'\\0')
else:
    l = socket.create_server((address, int(port)))
    print('ready', flush=True)
    s, _ = l.accept()
s.settimeout(1)
try:
    while floods == 'True':
        s.sendall(b'x' * 65536)
except TimeoutError:
    pass
print('ready', flush=True)
sys.stdin.read()
"""


def permitted():
    tools = all(shutil.which(x) for x in ('unshare', 'nsenter', 'ip'))
    return tools and subprocess.run(
        ['unshare', '-n', 'ip', 'link', 'add', 'name', 'one', 'type',
         'veth'],
        capture_output=True).returncode == 0


class Vanished(unittest.TestCase):
    def test_in_namespaces(self):
        if not permitted():
            self.skipTest('no network namespaces here')
        run = subprocess.run(
            ['unshare', '-n', sys.executable,
             pathlib.Path(__file__).with_name('run.py'),
             '--build', os.environ['FRL_BUILD'], '-k', 'test_vanished.Inside'],
            capture_output=True, text=True, timeout=10 * DEADLINE,
            env={**os.environ, INSIDE: '1'})
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


class Inside(Case):
    """What Vanished runs."""

    def setUp(self):
        self.space = subprocess.Popen(
            ['unshare', '-n', 'sh', '-c', 'echo; exec sleep infinity'],
            stdout=subprocess.PIPE)
        self.addCleanup(self.space.wait)
        self.addCleanup(self.space.kill)
        self.addCleanup(self.space.stdout.close)
        self.space.stdout.readline()
        self.ip('link set lo up')
        self.ip('link add ours type veth peer name theirs netns '
                f'{self.space.pid}')
        self.addCleanup(self.ip, 'link del ours')
        self.ip(f'addr add {OURS}/24 dev ours')
        self.ip('link set ours up')
        self.their_ip(f'addr add {THEIRS}/24 dev theirs')
        self.their_ip('link set theirs up')

    def ip(self, words):
        subprocess.run(['ip', *words.split()], check=True)

    def there(self):
        return ['nsenter', f'--net=/proc/{self.space.pid}/ns/net']

    def their_ip(self, words):
        subprocess.run([*self.there(), 'ip', *words.split()], check=True)

    def vanish(self):
        self.their_ip(f'route add blackhole {OURS}/32')
        self.their_ip('addr del ' + THEIRS + '/24 dev theirs')

    def peer(self, *args):
        peer = subprocess.Popen(
            [*self.there(), sys.executable, '-c', PEER,
             *(str(a) for a in args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(peer.wait)
        self.addCleanup(peer.kill)
        self.addCleanup(peer.stdin.close)
        self.addCleanup(peer.stdout.close)
        return peer

    def open(self):
        port = free_port()
        config = CONFIG.replace(
            '{listen}', f'{{listen}}\n  - address: {OURS}:{port}\n'
            f'    clients: [{THEIRS}/32]')
        proxy = self.proxy(
            config=config.replace('"::1"', f'"::1", {OURS}/32, {THEIRS}/32'),
            extra='timeouts: {keepalive: 1s, unacknowledged: 2s}')
        return proxy, port

    def gone(self, proxy, end):
        self.assertEqual(proxy.lines('tunnel.close'), [])
        self.vanish()
        begun = time.monotonic()
        self.assertEqual(self.wait_close(proxy)['end'], end)
        return time.monotonic() - begun

    def client(self, handler, floods):
        server = self.serve(handler)
        proxy, port = self.open()
        name = f'127.0.0.1:{server.port}'
        peer = self.peer('client', floods, OURS, port,
                         f'CONNECT {name} HTTP/1.1\\r\\nHost: {name}'
                         '\\r\\n\\r\\n')
        peer.stdout.readline()
        return proxy

    def test_idle_client(self):
        def handler(sock):
            try:
                sock.recv(1)
                sock.recv(1)
            except ConnectionResetError:
                pass
        self.gone(self.client(handler, False), 'client_reset')

    def test_client_that_is_not_read(self):
        """It sends more than the server takes; nothing is sent to it."""
        def handler(sock):
            wait.recv(1)
        wait, done = socket.socketpair()
        proxy = self.client(handler, True)
        try:
            self.gone(proxy, 'client_reset')
        finally:
            done.close()

    def test_client_that_is_sent_to(self):
        def handler(sock):
            try:
                while True:
                    sock.sendall(b'x' * 65536)
            except OSError:
                pass
        self.gone(self.client(handler, False), 'client_reset')

    def server(self, floods):
        peer = self.peer('server', floods, THEIRS, 4000, '')
        peer.stdout.readline()
        proxy, _ = self.open()
        sock = self.connect(proxy, 4000, THEIRS)
        sock.sendall(b'\0')
        peer.stdout.readline()
        return proxy, sock

    def test_idle_server(self):
        proxy, _ = self.server(False)
        self.gone(proxy, 'server_reset')

    def test_server_that_is_not_read(self):
        """It sends more than the client takes."""
        proxy, _ = self.server(True)
        self.gone(proxy, 'server_reset')


if INSIDE in os.environ:
    del Vanished
else:
    del Inside
