# SPDX-License-Identifier: MIT
"""An encoder and a decoder of RFC 6455 frames, written for the tests alone:
what the log says is compared with what this says."""

import base64
import hashlib
import os
import struct

KEY = 'RylUQAh3p5cysfOlexgubw=='
TYPES = {0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping',
         10: 'pong'}


def accept_of(key):
    text = key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def frame(opcode, payload=b'', fin=True, rsv=0, mask=False):
    out = bytearray([fin << 7 | rsv << 4 | opcode])
    flag = 0x80 if mask else 0
    n = len(payload)
    if n < 126:
        out.append(flag | n)
    elif n < 65536:
        out.append(flag | 126)
        out += struct.pack('>H', n)
    else:
        out.append(flag | 127)
        out += struct.pack('>Q', n)
    if mask:
        key = os.urandom(4)
        out += key
        payload = xor(payload, key)
    return bytes(out) + payload


def xor(payload, key):
    n = len(payload)
    whole = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(payload, 'big')
            ^ int.from_bytes(whole, 'big')).to_bytes(n, 'big')


class Decoder:
    """feed() bytes; frames is what they were, payloads their unmasked
    payloads."""

    def __init__(self):
        self.buffer = bytearray()
        self.frames = []
        self.payloads = []
        self.message = 0        # the last one that began
        self.open = False

    def feed(self, data):
        self.buffer += data
        while self.one():
            pass
        return self

    def one(self):
        b = self.buffer
        if len(b) < 2:
            return False
        short = b[1] & 0x7f
        size = 2 + {126: 2, 127: 8}.get(short, 0)
        masked = bool(b[1] & 0x80)
        if len(b) < size + 4 * masked:
            return False
        n = int.from_bytes(b[2:size], 'big') if short > 125 else short
        key = bytes(b[size:size + 4]) if masked else b'\0\0\0\0'
        size += 4 * masked
        if len(b) < size + n:
            return False
        self.add(b[0], masked, size, n)
        self.payloads.append(xor(bytes(b[size:size + n]), key))
        del b[:size + n]
        return True

    def add(self, first, masked, size, n):
        opcode, fin = first & 15, bool(first & 0x80)
        found = {'frame': len(self.frames) + 1, 'opcode': opcode,
                 'type': TYPES.get(opcode, 'reserved'), 'fin': fin,
                 'rsv': first >> 4 & 7, 'masked': masked,
                 'header_bytes': size, 'payload_bytes': n}
        if opcode < 8:
            if opcode != 0:
                self.message += 1
            found['msg'] = self.message
            self.open = not fin
        self.frames.append(found)


def decode(data):
    return Decoder().feed(data).frames


def counters(frames):
    """What tunnel.close should count for these frames."""
    names = ('text', 'binary', 'continuation', 'ping', 'pong', 'close')
    out = {name: 0 for name in names}
    for f in frames:
        if f['type'] in out:
            out[f['type']] += 1
    out['messages'] = sum(f['opcode'] < 8 and f['fin'] for f in frames)
    out['payload_bytes'] = sum(f['payload_bytes'] for f in frames)
    out['max_payload_bytes'] = max(
        [f['payload_bytes'] for f in frames], default=0)
    return out


def logged(lines, direction, tunnel=None):
    """The frames that a log has for one direction."""
    return [line['ws'] for line in lines
            if line['event'] == 'ws.frame' and line['dir'] == direction
            and (tunnel is None or line['tunnel'] == tunnel)]


def same(found, wanted):
    """Do logged frames equal decoded ones?  Absent means zero or false."""
    if len(found) != len(wanted):
        return f'{len(found)} frames in the log, not {len(wanted)}'
    for f, w in zip(found, wanted):
        for key, value in w.items():
            if f.get(key, 0) != value:
                return f'{key}: the log says {f}, the wire {w}'
    return None


REQUEST = (f'GET /chat HTTP/1.1\r\nHost: localhost\r\n'
           f'Upgrade: websocket\r\nConnection: Upgrade\r\n'
           f'Sec-WebSocket-Key: {KEY}\r\n'
           f'Sec-WebSocket-Version: 13\r\n\r\n').encode()
ANSWER = (f'HTTP/1.1 101 Switching Protocols\r\n'
          f'Upgrade: websocket\r\nConnection: Upgrade\r\n'
          f'Sec-WebSocket-Accept: {accept_of(KEY)}\r\n\r\n').encode()
