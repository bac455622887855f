# SPDX-License-Identifier: MIT
"""Enforce mode and limits: what leaves on both sides, byte for byte, when a
frame is wrong or too much."""

import socket
import threading

import test_websockets
from harness import Case, read_all, read_exactly, read_head
from wsframes import ANSWER, REQUEST, Decoder, frame

GOOD = frame(1, b'good')
ENFORCE = {'mode': 'enforce', 'control_rate': 0}


def close_of(data, masked):
    """The code and the reason of one close frame and nothing else."""
    decoder = Decoder().feed(data)
    found, = decoder.frames
    assert not decoder.buffer, decoder.buffer
    assert found['opcode'] == 8 and found['masked'] == masked, found
    payload, = decoder.payloads
    return int.from_bytes(payload[:2], 'big'), payload[2:].decode()


class Enforce(Case):
    def exchange(self, proxy, c2s=b'', s2c=b'', answer=ANSWER):
        """What left on each side, to its end, behind the heads."""
        got = {}

        def handler(sock):
            read_head(sock)
            sock.sendall(answer)
            sock.sendall(s2c)
            got['c2s'] = read_all(sock)
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        self.assertEqual(read_head(sock), answer)
        sock.sendall(c2s)
        got['s2c'] = read_all(sock)
        sock.close()
        server.close()
        self.assertEqual(server.problems, [])
        return got

    def check(self, proxy, code, word, c2s=b'', s2c=b'', good=0):
        """One side sends what may not pass; `good` bytes of it may."""
        with self.subTest(word=word, c2s=bool(c2s)):
            before = len(proxy.lines('tunnel.close'))
            got = self.exchange(proxy, c2s, s2c)
            last = proxy.wait_line('tunnel.close', count=before + 1)[before]
            lines = proxy.lines(tunnel=last['tunnel'])
            wrong, other = ('c2s', 's2c') if c2s else ('s2c', 'c2s')
            self.assertEqual(got[wrong][:good], (c2s or s2c)[:good])
            for way, data in ((wrong, got[wrong][good:]),
                              (other, got[other])):
                said, reason = close_of(data, way == 'c2s')
                self.assertEqual(said, code)
                self.assertIn(word, reason)
            close, = [x for x in lines if x['event'] == 'ws.close']
            self.assertEqual(close['ws']['code'], code)
            self.assertEqual(close['ws']['initiator'], 'proxy')
            refused, = [x for x in lines if x['event'] == 'tunnel.refused']
            self.assertEqual(refused['reason'], reason)
            self.assertEqual(last['end'], 'limit' if code in (1008, 1009)
                             else 'protocol_error')
            # Only what passed is counted.
            sent = Decoder().feed((c2s or s2c)[:good]).frames
            self.assertEqual(last['ws'][wrong]['payload_bytes'],
                             sum(f['payload_bytes'] for f in sent))
            return [x for x in lines if x['event'] == 'ws.error']

    def both_ways(self, proxy, code, word, make, good=0):
        """make(mask): frames that are wrong behind `good` whole ones."""
        for mask in (True, False):
            first = frame(2, b'first', mask=mask)
            wrong = make(mask)
            n = len(first) + sum(len(f) for f in wrong[:good])
            data = first + b''.join(wrong)
            side = {'c2s': data} if mask else {'s2c': data}
            errors = self.check(proxy, code, word, good=n, **side)
            if code in (1002, 1007):
                error, = errors
                self.assertEqual(error['ws']['kind'], word)
                self.assertEqual(error['ws']['action'], 'close')
                self.assertEqual(error['ws']['code'], code)

    def test_frames(self):
        proxy = self.proxy(websocket=ENFORCE)

        def cases():
            yield 'rsv_bits', lambda m: [frame(1, b'x', rsv=4, mask=m)]
            yield 'reserved_opcode', lambda m: [frame(3, b'x', mask=m)]
            yield 'control_fragmented', lambda m: [
                frame(9, b'x', fin=False, mask=m)]
            yield 'control_too_long', lambda m: [frame(9, b'x' * 126,
                                                       mask=m)]
            yield 'unexpected_continuation', lambda m: [
                frame(0, b'x', mask=m)]
            yield 'bad_close_length', lambda m: [frame(8, b'\3', mask=m)]
            yield 'bad_close_code', lambda m: [frame(8, b'\3\xed', mask=m)]
            yield 'bad_length', lambda m: [
                b'\x82' + (b'\xff' if m else b'\x7f') + b'\xff' * 12]
        for kind, make in cases():
            self.both_ways(proxy, 1002, kind, make)
        self.both_ways(proxy, 1002, 'interleaved_data', lambda m: [
            frame(1, b'x', fin=False, mask=m), frame(1, mask=m)], good=1)
        self.both_ways(proxy, 1007, 'bad_utf8', lambda m: [
            frame(8, b'\3\xe8\xff', mask=m)])
        self.check(proxy, 1002, 'unmasked_client', c2s=frame(1, b'x'))
        self.check(proxy, 1002, 'masked_server', s2c=frame(1, b'x', mask=True))

    def test_text(self):
        proxy = self.proxy(websocket=ENFORCE)
        # Found inside the second fragment, which goes to its end.
        self.both_ways(proxy, 1007, 'bad_utf8', lambda m: [
            frame(1, b'caf\xc3', fin=False, mask=m),
            frame(0, b'\xa9 \xff au lait', fin=False, mask=m),
            frame(0, b'never', mask=m)], good=2)

    def test_limits(self):
        def limit(code, name, value, make, good):
            self.both_ways(self.proxy(websocket={name: value}), code, name,
                           make, good)
        limit(1009, 'max_frame', '100B', lambda m: [
            frame(2, b'x' * 101, mask=m)], 0)
        limit(1009, 'max_message', '100B', lambda m: [
            frame(2, b'x' * 60, fin=False, mask=m),
            frame(0, b'x' * 41, mask=m)], 1)
        limit(1009, 'max_fragments', 3, lambda m: [
            frame(2, fin=False, mask=m), frame(0, fin=False, mask=m),
            frame(0, fin=False, mask=m), frame(0, fin=False, mask=m)], 3)
        limit(1008, 'max_byte_rate', '1000B', lambda m: [
            frame(2, b'x' * 2000, mask=m)], 1)

    def test_rates(self):
        # More than a busy machine can take a second for.
        for name in ('max_frame_rate', 'max_message_rate'):
            with self.subTest(name=name):
                proxy = self.proxy(websocket={name: 100, 'log': 'summary'})
                got = self.exchange(proxy, s2c=GOOD * 20000)
                n = len(got['s2c']) // len(GOOD) * len(GOOD)
                while got['s2c'][:n] != (GOOD * 20000)[:n]:
                    n -= len(GOOD)
                code, reason = close_of(got['s2c'][n:], False)
                self.assertEqual(code, 1008)
                self.assertIn(f'{name}, 100', reason)
                self.assertEqual(close_of(got['c2s'], True), (code, reason))

    def test_fragment_flood(self):
        flood = frame(1, fin=False) + frame(0, fin=False) * 5000
        proxy = self.proxy(websocket={'mode': 'enforce', 'log': 'summary'})
        got = self.exchange(proxy, s2c=flood)
        self.assertEqual(got['s2c'][:4096 * 2], flood[:4096 * 2])
        code, reason = close_of(got['s2c'][4096 * 2:], False)
        self.assertEqual(code, 1009)
        self.assertIn('max_fragments, 4096', reason)

    def test_behind_a_close(self):
        proxy = self.proxy(websocket=ENFORCE)
        got = {}
        answered = threading.Event()

        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER + frame(8, b'\3\xe8bye'))
            for _ in range(1000):
                sock.sendall(frame(1, b'more'))
            got['c2s'] = read_exactly(sock, 8)
            answered.set()
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        # It came, whatever follows it; and we may answer.
        self.assertEqual(read_exactly(sock, 7), frame(8, b'\3\xe8bye'))
        reply = frame(8, b'\3\xe8', mask=True)
        sock.sendall(reply)
        self.assertTrue(answered.wait(60))
        self.assertEqual(read_all(sock), b'')
        sock.close()
        server.close()
        self.assertEqual(got['c2s'], reply)
        self.wait_close(proxy)
        lines = proxy.stop()
        close, = [x for x in lines if x['event'] == 'ws.close']
        self.assertTrue(close['ws']['clean'])
        error, = [x for x in lines if x['event'] == 'ws.error']
        self.assertEqual(error['ws']['kind'], 'frame_after_close')
        self.assertEqual(error['ws']['action'], 'drop')

    def test_frame_without_end_is_cut_off(self):
        """A violation inside a frame of 2^62 bytes: no close of ours is put
        into it, and nobody waits for its end."""
        proxy = self.proxy(websocket=ENFORCE,
                           extra='timeouts:\n  farewell: 300ms\n')
        head = b'\x81\x7f' + (1 << 62).to_bytes(8, 'big') + b'\xff'
        got = {}

        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER + head)
            got['c2s'] = read_all(sock)
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        data = b''
        try:
            while more := sock.recv(4096):
                data += more
        except ConnectionResetError:
            pass
        self.assertEqual(data, head)
        sock.close()
        server.close()
        self.assertEqual(close_of(got['c2s'], True)[0], 1007)
        self.assertEqual(self.wait_close(proxy)['end'], 'protocol_error')

    def test_good_conversation_is_untouched(self):
        """Nothing of all this shows while everything is right."""
        proxy = self.proxy(websocket={
            'mode': 'enforce', 'inflate': 'true', 'max_frame': '1MiB',
            'max_message': '2MiB', 'max_byte_rate': '1GiB',
            'max_frame_rate': 1000000, 'max_message_rate': 1000000})
        sizes = (0, 1, 125, 126, 65535, 65536, 300000)
        text = 'grüße, 世界 😀 '.encode()
        out = {}
        for mask in (True, False):
            out[mask] = b''.join(
                frame(1, text * (n // len(text)), mask=mask)
                + frame(2, b'\xff' * n, fin=False, mask=mask)
                + frame(9, b'ping', mask=mask) + frame(0, b'', mask=mask)
                for n in sizes)
        got = {}

        def handler(sock):
            read_head(sock)
            sock.sendall(ANSWER)
            writer = threading.Thread(target=sock.sendall,
                                      args=(out[False],))
            writer.start()
            got['c2s'] = read_exactly(sock, len(out[True]))
            writer.join()
            got['rest'] = read_all(sock)
        server = self.serve(handler)
        sock = self.connect(proxy, server.port)
        sock.sendall(REQUEST)
        read_head(sock)
        writer = threading.Thread(target=sock.sendall, args=(out[True],))
        writer.start()
        self.assertEqual(read_exactly(sock, len(out[False])), out[False])
        writer.join()
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(sock), b'')
        sock.close()
        server.close()
        self.assertEqual(got, {'c2s': out[True], 'rest': b''})
        self.wait_close(proxy)
        self.assertNotIn('ws.error', [x['event'] for x in proxy.stop()])


class WebsocketsEnforced(test_websockets.Websockets):
    """A library that does everything right notices nothing."""

    def proxy(self, *args, websocket=None, **kw):
        return super().proxy(*args, websocket={
            **(websocket or {}), 'mode': 'enforce', 'inflate': 'true'}, **kw)
