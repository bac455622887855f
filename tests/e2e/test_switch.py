# SPDX-License-Identifier: MIT
"""The case this project began with: an inspected CONNECT tunnel, a valid
101, and every frame that follows arrives and is in the log."""

import threading
import time

import harness
import wsframes
from harness import BUILD, Case, read_exactly, read_head
from wsframes import ANSWER, REQUEST, frame

FIRST = frame(1, b'{"type":"session.created"}')
CLIENT = frame(1, b'{"type":"response.create"}', mask=True)


def many_frames(total):
    """At least so many bytes of frames of all sizes and kinds."""
    out, size, i = [], 0, 0
    sizes = (0, 1, 125, 126, 127, 4096, 65535, 65536, 20000)
    while size < total:
        if i % 10 == 9:
            f = frame(9, b'ping %d' % i, mask=True)
        else:
            f = frame(1 + i % 2, b'x' * sizes[i % 9], mask=True)
        out.append(f)
        size += len(f)
        i += 1
    return b''.join(out)


class Switch(Case):
    def run_case(self, late_first, client, early=False, late=0.0,
                 host='127.0.0.1', reverse=False):
        got = {}

        def handler(sock):
            got['head'] = read_head(sock)
            time.sleep(late)
            if late_first:
                sock.sendall(ANSWER)
                time.sleep(1)
                sock.sendall(FIRST)
            else:
                sock.sendall(ANSWER + FIRST)
            got['frames'] = read_exactly(sock, len(client))
            sock.sendall(frame(8, b'\x03\xe8'))
            got['close'] = read_exactly(sock, 8)
        server = self.serve(handler)
        # control_rate: 0 is no limit: every ping has its line.
        proxy = self.proxy(websocket={'control_rate': 0},
                           reverse=f'127.0.0.1:{server.port}')
        if reverse:
            sock = self.dial(proxy.reverse_port)
        else:
            sock = self.connect(proxy, server.port, host)
        closing = frame(8, b'\x03\xe8', mask=True)
        if early:
            # Large: it only drains when the 101 has come.
            writer = threading.Thread(
                target=sock.sendall, args=(REQUEST + client,))
            writer.start()
            self.addCleanup(writer.join)
        else:
            sock.sendall(REQUEST)
        self.assertEqual(read_head(sock), ANSWER)
        self.assertEqual(read_exactly(sock, len(FIRST)), FIRST)
        if not early:
            sock.sendall(client)
        self.assertEqual(read_exactly(sock, 4), frame(8, b'\x03\xe8'))
        sock.sendall(closing)
        self.assertEqual(sock.recv(1), b'')
        sock.close()
        self.assertEqual(got['head'], REQUEST)
        self.assertEqual(got['frames'], client)
        self.assertEqual(got['close'], closing)
        self.check_log(proxy, client + closing,
                       FIRST + frame(8, b'\x03\xe8'), early)

    def check_log(self, proxy, c2s, s2c, early):
        last = self.wait_close(proxy)
        lines = proxy.stop()
        for direction, data in (('c2s', c2s), ('s2c', s2c)):
            wanted = wsframes.decode(data)
            self.assertIsNone(wsframes.same(
                wsframes.logged(lines, direction), wanted))
            counted = last['ws'][direction]
            for key, value in wsframes.counters(wanted).items():
                self.assertEqual(counted.get(key, 0), value, key)
        self.assertEqual(last['inspector'], 'websocket')
        self.assertEqual(last['c2s_bytes'], len(REQUEST) + len(c2s))
        self.assertEqual(last['s2c_bytes'], len(ANSWER) + len(s2c))
        handoff, = [x for x in lines if x['event'] == 'tunnel.handoff']
        self.assertEqual((handoff['from'], handoff['to']),
                         ('http', 'websocket'))
        order = [x['event'] for x in lines if x.get('tunnel')]
        self.assertEqual(order.index('ws.handshake'),
                         order.index('tunnel.handoff') + 1)
        self.assertNotIn('http.done', order)
        self.assertNotIn('ws.error', order)
        close, = [x for x in lines if x['event'] == 'ws.close']
        self.assertEqual(close['ws']['code'], 1000)
        self.assertTrue(close['ws']['clean'])

    def test_first_with_101_client_after(self):
        self.run_case(False, CLIENT)

    def test_first_later_client_after(self):
        self.run_case(True, CLIENT)

    def test_first_with_101_client_early(self):
        self.run_case(False, CLIENT, early=True)

    def test_first_later_client_early(self):
        self.run_case(True, CLIENT, early=True)

    def test_client_early_late_101(self):
        self.run_case(False, CLIENT, early=True, late=0.5)

    def test_first_with_101_one_mib_before(self):
        self.run_case(False, many_frames(1 << 20), early=True, late=1)

    def test_first_later_one_mib_before(self):
        self.run_case(True, many_frames(1 << 20), early=True, late=1)

    def test_four_mib_before(self):
        self.run_case(False, many_frames(4 << 20), early=True, late=1)

    def test_by_name(self):
        self.run_case(False, CLIENT, host='localhost')

    def test_reverse_listener(self):
        self.run_case(False, CLIENT, reverse=True)


class Cut(Case):
    """The 101 and what follows, cut at every byte."""

    def test_every_byte(self):
        data = ANSWER + FIRST
        cuts = range(1, len(data))

        def handler(sock):
            # The path says where to cut.
            cut = int(read_head(sock).split()[1][1:])
            sock.sendall(data[:cut])
            time.sleep(0.002)
            sock.sendall(data[cut:])
            self.assertEqual(read_exactly(sock, len(CLIENT)), CLIENT)
            sock.recv(1)
        server = self.serve(handler)
        proxy = self.proxy()
        for cut in cuts:
            sock = self.connect(proxy, server.port)
            sock.sendall(REQUEST.replace(b'/chat', b'/%d' % cut) + CLIENT)
            self.assertEqual(read_exactly(sock, len(data)), data, cut)
            sock.close()
        proxy.wait_line('tunnel.close', count=len(cuts))
        lines = proxy.stop()
        for line in lines:
            if line['event'] == 'tunnel.close':
                self.assertEqual(line['ws']['s2c']['text'], 1, line)
                self.assertEqual(line['ws']['c2s']['text'], 1, line)


def inspector(name):
    return name, BUILD / 'tests' / 'inspectors' / f'{name}.so'


class SwitchInChain(Switch):
    """The same with two more inspectors in every tunnel: one passes one byte
    per call, one asserts that the core keeps its contract."""

    more_plugins = (inspector('fragment'), inspector('pedantic'))

    def setUp(self):
        for _, path in self.more_plugins:
            if not path.exists():
                self.skipTest(f'{path} is not built')

    # Byte by byte, megabytes take minutes under the sanitizers.
    test_four_mib_before = None
    test_first_later_one_mib_before = None
