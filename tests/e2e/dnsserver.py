# SPDX-License-Identifier: MIT
"""A name server for tests, over UDP and TCP, that does what it is told.

A Dns is given zones: a function (Question) -> what to send back, by the
name's first label.  Packets are built by hand, so that they can be wrong.
"""

import collections
import random
import socket
import struct
import threading

A, CNAME, AAAA, OPT = 1, 5, 28, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)

# A packet that goes after so long (UDP).
Late = collections.namedtuple('Late', 'seconds packet')

# raw: the query; number: how often this was asked before, by name and type.
Question = collections.namedtuple('Question', 'raw name type tcp number end')


def labels(name):
    """A name as it goes over the wire; its labels may be any bytes."""
    parts = name.encode() if isinstance(name, str) else name
    return b''.join(bytes([len(p)]) + p
                    for p in parts.split(b'.') if p) + b'\0'


def record(owner, kind, data, ttl=60):
    return owner + struct.pack('>HHIH', kind, 1, ttl, len(data)) + data


def a(address, owner=b'\xc0\x0c', ttl=60):
    return record(owner, A, socket.inet_aton(address), ttl)


def aaaa(address, owner=b'\xc0\x0c', ttl=60):
    return record(owner, AAAA, socket.inet_pton(socket.AF_INET6, address),
                  ttl)


def cname(target, owner=b'\xc0\x0c', ttl=60):
    return record(owner, CNAME, labels(target), ttl)


def reply(q, *records, rcode=NOERROR, truncated=False, id=None,
          question=None, count=None, extra=b''):
    """An answer to q.  More bytes than TCP can carry are the caller's."""
    ident = q.raw[:2] if id is None else id
    asked = q.raw[12:q.end] if question is None else question
    flags = 0x8180 | rcode | (0x200 if truncated else 0)
    return (ident + struct.pack('>HHHHH', flags, 1, len(records)
                                if count is None else count, 0, 0)
            + asked + b''.join(records) + extra)


def parse(raw, tcp, asked):
    at, parts = 12, []
    while raw[at]:
        parts.append(raw[at + 1:at + 1 + raw[at]])
        at += 1 + raw[at]
    kind = struct.unpack('>H', raw[at + 1:at + 3])[0]
    name = b'.'.join(parts).decode('latin-1').lower()
    asked[name, kind] += 1
    return Question(raw, name, kind, tcp, asked[name, kind] - 1, at + 5)


def addresses(*texts, ttl=60):
    """A zone with these, of both families."""
    def zone(q):
        return reply(q, *(
            aaaa(t, ttl=ttl) if ':' in t else a(t, ttl=ttl) for t in texts
            if (q.type == AAAA) == (':' in t)))
    return zone


class Dns:
    """zones: first label -> function of a Question.  It gives a packet, a
    list of packets, or None for silence; over TCP also b'close'.  Unknown
    names do not exist."""

    def __init__(self, zones, tcp=True):
        self.zones = zones
        self.asked = collections.Counter()
        self.udp = self.tcp = None
        self.conns = []
        for _ in range(50):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.udp.bind(('127.0.0.1', 0))
            self.port = self.udp.getsockname()[1]
            try:
                if tcp:
                    self.tcp = socket.create_server(
                        ('127.0.0.1', self.port), backlog=256)
                break
            except OSError:
                self.udp.close()
        self.stopping = False
        self.threads = [threading.Thread(target=self.datagrams, daemon=True)]
        if tcp:
            self.threads.append(
                threading.Thread(target=self.accept, daemon=True))
        for thread in self.threads:
            thread.start()

    def answers(self, raw, tcp):
        q = parse(raw, tcp, self.asked)
        zone = self.zones.get(q.name.partition('.')[0])
        if zone is None:
            return [reply(q, rcode=NXDOMAIN)]
        out = zone(q)
        if out is None:
            return []
        return [out] if isinstance(out, (bytes, Late)) else out

    def datagrams(self):
        while True:
            raw, peer = self.udp.recvfrom(4096)
            if self.stopping:
                return
            for packet in self.answers(raw, False):
                if isinstance(packet, Late):
                    timer = threading.Timer(packet.seconds, self.udp.sendto,
                                            (packet.packet, peer))
                    self.threads.append(timer)
                    timer.start()
                else:
                    self.udp.sendto(packet, peer)

    def accept(self):
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            self.conns.append(sock)
            threading.Thread(target=self.stream, args=(sock,),
                             daemon=True).start()

    def stream(self, sock):
        """Closed with the server: a zone may want to stay silent."""
        data = b''
        try:
            while True:
                while len(data) >= 2 and len(data) >= 2 + (
                        n := struct.unpack('>H', data[:2])[0]):
                    raw, data = data[2:2 + n], data[2 + n:]
                    for packet in self.answers(raw, True):
                        if packet == b'close':
                            sock.close()
                            return
                        sock.sendall(struct.pack('>H', len(packet)) + packet
                                     if len(packet) < 65536 else packet)
                more = sock.recv(4096)
                if not more:
                    return
                data += more
        except OSError:
            pass

    def close(self):
        self.stopping = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b'', ('127.0.0.1', self.port))
        if self.tcp is not None:
            self.tcp.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            if isinstance(thread, threading.Timer):
                thread.cancel()
            thread.join(60)
        self.udp.close()
        if self.tcp is not None:
            self.tcp.close()
        for sock in self.conns:
            sock.close()


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)
