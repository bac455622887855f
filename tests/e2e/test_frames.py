# SPDX-License-Identifier: MIT
"""Raw frames: the log equals what an independent decoder says; what breaks
the rules is forwarded as it is and recorded."""

import random
import threading

import wsframes
from harness import Case, read_all, read_exactly, read_head
from wsframes import ANSWER, REQUEST, frame

TUNNELS = 100
SEQUENCES = 100         # in each direction of each tunnel: 20,000 in all


def sequence(rng, mask):
    """A few messages, whole or in fragments, with control frames between."""
    out = []

    def control():
        while rng.random() < 0.2:
            out.append(frame(rng.choice((9, 10)),
                             rng.randbytes(rng.randrange(126)), mask=mask))
    for _ in range(rng.randrange(1, 4)):
        opcode = rng.choice((1, 2))
        count = rng.choice((1, 1, 1, 2, 3))
        for i in range(count):
            size = rng.choice((0, 1, 5, 125, 126, 127, 200, 1000,
                               rng.randrange(3000)))
            if rng.random() < 0.002:
                size = 65536 + rng.randrange(3)
            out.append(frame(opcode if i == 0 else 0, b'a' * size,
                             fin=i == count - 1, mask=mask))
            control()
    return b''.join(out)


def send_cut(sock, data, rng):
    """In pieces of random sizes, some of them single bytes."""
    at = 0
    while at < len(data):
        n = rng.choice((1, 2, 3, rng.randrange(1, 300), 5000, 50000))
        sock.sendall(data[at:at + n])
        at += n


class Frames(Case):
    def exchange(self, proxy, c2s, s2c, seed=0):
        """Both streams through one tunnel, then it closes."""
        got = {}

        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER)
            writer = threading.Thread(
                target=send_cut, args=(sock, s2c, random.Random(seed)))
            writer.start()
            got['c2s'] = read_exactly(sock, len(c2s))
            writer.join()
            got['rest'] = read_all(sock)
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        self.assertEqual(read_head(sock), ANSWER)
        writer = threading.Thread(
            target=send_cut, args=(sock, c2s, random.Random(seed + 1)))
        writer.start()
        self.assertEqual(read_exactly(sock, len(s2c)), s2c)
        writer.join()
        sock.close()
        server.close()
        self.assertEqual(server.problems, [])
        self.assertEqual(got, {'c2s': c2s, 'rest': b''})

    def test_random_sequences(self):
        proxy = self.proxy(websocket={'control_rate': 0})
        sent = []
        for i in range(TUNNELS):
            rng = random.Random(i)
            c2s = b''.join(sequence(rng, True) for _ in range(SEQUENCES))
            s2c = b''.join(sequence(rng, False) for _ in range(SEQUENCES))
            self.exchange(proxy, c2s, s2c, i)
            sent.append((wsframes.decode(c2s), wsframes.decode(s2c)))
        proxy.wait_line('tunnel.close', count=TUNNELS)
        by_tunnel = {}
        for line in proxy.stop():
            if 'tunnel' in line:
                by_tunnel.setdefault(line['tunnel'], []).append(line)
        # Tunnels came one after the other.
        self.assertEqual(len(by_tunnel), TUNNELS)
        for lines, both in zip(by_tunnel.values(), sent):
            for direction, wanted in zip(('c2s', 's2c'), both):
                self.assertIsNone(wsframes.same(
                    wsframes.logged(lines, direction), wanted))
                counted = lines[-1]['ws'][direction]
                for key, value in wsframes.counters(wanted).items():
                    self.assertEqual(counted.get(key, 0), value, key)

    def error_case(self, kind, c2s=b'', s2c=b''):
        with self.subTest(kind=kind):
            proxy = self.proxy(websocket={'control_rate': 0})
            self.exchange(proxy, c2s, s2c)
            self.wait_close(proxy)
            kinds = [x['ws']['kind'] for x in proxy.stop()
                     if x['event'] == 'ws.error']
            self.assertIn(kind, kinds)

    def test_violations_are_forwarded_and_recorded(self):
        m = {'mask': True}
        self.error_case('reserved_opcode', frame(3, b'x', **m))
        self.error_case('rsv_bits', frame(1, b'x', rsv=2, **m))
        self.error_case('unmasked_client', frame(1, b'x'))
        self.error_case('masked_server', s2c=frame(1, b'x', mask=True))
        self.error_case('control_fragmented',
                        frame(9, b'x', fin=False, **m))
        self.error_case('control_too_long', frame(9, b'x' * 126, **m))
        self.error_case('unexpected_continuation', frame(0, b'x', **m))
        self.error_case('interleaved_data',
                        frame(1, b'x', fin=False, **m) + frame(1, **m))
        self.error_case('bad_length', b'\x82\xfe\0\x01abcdx')
        self.error_case('bad_close_length', frame(8, b'\x03', **m))
        self.error_case('bad_close_code', frame(8, b'\x03\xed', **m))
        self.error_case('frame_after_close',
                        s2c=frame(8, b'\x03\xe8') + frame(1, b'x'))

    def test_truncated(self):
        proxy = self.proxy()
        whole = frame(1, b'x' * 100, mask=True)
        self.exchange(proxy, whole + whole[:50], b'')
        last = self.wait_close(proxy)
        lines = proxy.stop()
        error, = [x for x in lines if x['event'] == 'ws.error']
        self.assertEqual(error['ws']['kind'], 'truncated')
        self.assertEqual(error['ws']['missing_bytes'], len(whole) - 50)
        self.assertEqual(last['ws']['c2s']['payload_bytes'], 100 + 50 - 6)
        close, = [x for x in lines if x['event'] == 'ws.close']
        self.assertEqual(close['ws']['code'], 1006)
        self.assertFalse(close['ws']['clean'])

    def test_giant_announcement_allocates_nothing(self):
        proxy = self.proxy()
        announced = 1 << 62
        self.exchange(
            proxy, b'\x82\xff' + announced.to_bytes(8, 'big') + b'abcdx',
            b'')
        self.wait_close(proxy)
        first, = wsframes.logged(proxy.stop(), 'c2s')
        self.assertEqual(first['payload_bytes'], announced)
