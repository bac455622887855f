# SPDX-License-Identifier: MIT
"""Name servers that fail, lie, are silent, and say too much.

Whatever they do, the client is told in time, one line says so, what they said
is not in it, other tunnels do not notice, and nobody is connected to who was
not checked."""

import collections
import json
import os
import socket
import struct

from dnsserver import (A, AAAA, Dns, Late, a, aaaa, addresses, cname, labels,
                       noise, record, reply)
from harness import Case, echo, read_exactly, read_head, wait_until
from sampler import Sampler, cpu_ms

FAILED, TIMEOUT, FORBIDDEN = ('dns_failed', 502), ('dns_failed', 504), (
    'refused', 403)


def wrong_id(q):
    return [reply(q, a('127.0.0.1'), id=bytes([q.raw[0] ^ 0x55, q.raw[1]]))]


def wrong_question(q):
    return reply(q, a('127.0.0.1'),
                 question=labels('other.test') + q.raw[q.end - 4:q.end])


def wrong_type(q):
    return reply(q, a('127.0.0.1'), question=q.raw[12:q.end - 4]
                 + struct.pack('>HH', 16, 1))


def own(q):
    """The address only for the right question."""
    return a('127.0.0.1') if q.type == A else aaaa('::1')


def loop(q):
    other = 'loop.b.test' if q.name == 'loop.test' else 'loop.test'
    return reply(q, cname(other), cname(q.name, labels(other)))


def long_chain(q):
    """Forty aliases, then an address."""
    names = [q.name] + [f'c{i}.test' for i in range(40)]
    steps = [cname(y, labels(x)) for x, y in zip(names, names[1:])]
    last = labels(names[-1])
    return reply(q, *steps, a('127.0.0.1', last) if q.type == A else
                 aaaa('::1', last)) if q.tcp else reply(q, truncated=True)


def self_pointer(q):
    """A name that is a pointer to itself."""
    here = struct.pack('>H', 0xc000 | q.end)
    return reply(q, record(here, q.type, b'\x7f\0\0\1'))


def pointer_chain(q):
    """Pointers to pointers to pointers."""
    if not q.tcp:
        return reply(q, truncated=True)
    hops = b''.join(struct.pack('>H', 0xc000 | (q.end + 2 * i + 2))
                    for i in range(6000)) + b'\1x\0'
    return reply(q, record(struct.pack('>H', 0xc000 | q.end), 5, hops),
                 *[a('127.0.0.1', struct.pack('>H', 0xc000 | q.end + 12))] * 9)


def nasty_name(q):
    """NUL, a dot, an escape and a quote inside of labels."""
    name = b'\x0aev\0il\x1b[2J"\x05a.b\\c\x04test\0'
    return reply(q, record(b'\xc0\x0c', 5, name),
                 a('127.0.0.1', name) if q.type == A else
                 aaaa('::1', name))


def huge(q):
    """As many addresses as TCP carries."""
    if not q.tcp:
        return reply(q, truncated=True)
    one = a('127.0.0.1') if q.type == A else aaaa('::1')
    return reply(q, *[one] * ((65000 - q.end) // len(one)))


def huge_names(q):
    """As many and as long names as TCP carries."""
    if not q.tcp:
        return reply(q, truncated=True)
    name = (b'\x3f' + b'x' * 63) * 3 + b'\x3c' + b'y' * 60 + b'\0'
    here = struct.pack('>H', 0xc000 | (q.end + 12))
    step = record(here, 5, here)
    first = record(b'\xc0\x0c', 5, name)
    return reply(q, first, *[step] * ((65000 - q.end - len(first))
                                      // len(step)))


def largest(kind):
    """The costliest that is still read."""
    def zone(q):
        if not q.tcp:
            return reply(q, truncated=True)
        one = a('127.0.0.1') if q.type == A else aaaa('::1')
        if kind == 'names':
            name = (b'\x3f' + b'x' * 63) * 3 + b'\x3c' + b'y' * 60 + b'\0'
            here = struct.pack('>H', 0xc000 | (q.end + 12))
            first = record(b'\xc0\x0c', 5, name)
            step = record(here, 5, here)
            return reply(q, first, *[step] * ((16000 - q.end - len(first))
                                              // len(step)),
                         here + one[2:])
        return reply(q, *[one] * ((16000 - q.end) // len(one)))
    return zone


def lengths_lie(q):
    return reply(q, record(b'\xc0\x0c', q.type, b'\x7f\0\0\1')[:-4] + b'\x7f')


def many_promised(q):
    return reply(q, own(q), count=60000)


def v4_only(zone):
    """IPv6 is silent: that alone must not be waited for long."""
    return lambda q: None if q.type == AAAA else zone(q)


def late(seconds, zone):
    return lambda q: Late(seconds, zone(q))


def tcp_only(zone, tcp):
    return lambda q: tcp(q) if q.tcp else reply(q, truncated=True)


def rcode(n):
    return lambda q: reply(q, rcode=n)


GOOD = addresses('127.0.0.1')

# What is known of servers of which none gave an answer.
NOBODY = b'the name servers failed, refused or were not there'

# label: (zone, what comes of it: 200, or a reason with its status, and words
# that the client is told)
ROWS = {
    'good': (GOOD, 200, b''),
    'servfail': (rcode(2), FAILED, NOBODY),
    'refused': (rcode(5), FAILED, NOBODY),
    'formerr': (rcode(1), FAILED, b'did not understand the question'),
    'notimp': (rcode(4), FAILED, NOBODY),
    'nxdomain': (rcode(3), FAILED, b'there is no such name'),
    'rcode15': (rcode(15), FAILED, b''),
    'silent': (lambda q: None, TIMEOUT, b'did not answer in time'),
    'nodata': (lambda q: reply(q), FAILED, b'the name has no address'),
    'empty': (lambda q: b'', TIMEOUT, b'did not answer in time'),
    'onebyte': (lambda q: b'\0', TIMEOUT, b'did not answer in time'),
    'headonly': (lambda q: q.raw[:2] + b'\x81\x80' + b'\0' * 8, TIMEOUT, b''),
    'cut': (lambda q: reply(q, own(q))[:-3], FAILED, b'malformed'),
    'garbage': (lambda q: q.raw[:2] + noise(400), TIMEOUT, b''),
    'garbled': (lambda q: reply(q, extra=noise(300), count=9), FAILED, b''),
    'wrongid': (wrong_id, TIMEOUT, b''),
    'wrongquestion': (wrong_question, TIMEOUT, b''),
    'wrongtype': (wrong_type, TIMEOUT, b''),
    'forgedfirst': (lambda q: wrong_id(q) + [wrong_question(q),
                                             reply(q, own(q))], 200, b''),
    'twice': (lambda q: [reply(q, own(q))] * 5, 200, b''),
    'contradicts': (lambda q: [reply(q, own(q)), reply(q, rcode=2)], 200,
                    b''),
    'loop': (loop, FAILED, b''),
    'selfalias': (lambda q: reply(q, cname(q.name)), FAILED, b''),
    'longchain': (long_chain, 200, b''),
    'selfpointer': (self_pointer, FAILED, b'malformed'),
    'pointerchain': (pointer_chain, FAILED, b''),
    'nastyname': (nasty_name, FAILED, b''),
    'huge': (huge, FAILED, b'too long'),
    'hugenames': (huge_names, FAILED, b'too long'),
    'largest': (largest('addresses'), 200, b''),
    'largestnames': (largest('names'), 200, b''),
    'lengthslie': (lengths_lie, FAILED, b'malformed'),
    'manypromised': (many_promised, FAILED, b'malformed'),
    'ttlzero': (addresses('127.0.0.1', ttl=0), 200, b''),
    'ttlhuge': (addresses('127.0.0.1', ttl=0x7fffffff), 200, b''),
    'ttlnegative': (addresses('127.0.0.1', ttl=0xffffffff), 200, b''),
    'v4only': (v4_only(GOOD), 200, b''),
    'v4onlyfails': (v4_only(rcode(2)), FAILED, NOBODY),
    'late': (late(12, GOOD), TIMEOUT, b''),
    'tcp': (tcp_only(GOOD, GOOD), 200, b''),
    'tcpsilent': (tcp_only(GOOD, lambda q: None), TIMEOUT, b''),
    'tcpcloses': (tcp_only(GOOD, lambda q: b'close'), FAILED, b''),
    'tcptruncated': (lambda q: reply(q, truncated=True), FAILED, b''),
    'tcpgarbage': (tcp_only(GOOD, lambda q: q.raw[:2] + noise(4000)),
                   TIMEOUT, b''),
    'private': (addresses('10.1.2.3'), FORBIDDEN, b'10.1.2.3'),
    'metadata': (addresses('169.254.169.254'), FORBIDDEN, b''),
    'metadata6': (addresses('fd00:ec2::254'), FORBIDDEN, b''),
    'mapped': (addresses('::ffff:10.0.0.1'), FORBIDDEN, b''),
    'nat64': (addresses('64:ff9b::a00:1'), FORBIDDEN, b''),
    'unspecified': (addresses('0.0.0.0', '::'), FORBIDDEN, b''),
    'multicast': (addresses('224.0.0.1', '255.255.255.255'), FORBIDDEN, b''),
    'mixed': (addresses('10.0.0.1', '192.168.0.1', '127.0.0.1',
                        '169.254.169.254', 'fd00::1'), 200, b''),
    'alias': (lambda q: reply(q, cname('in.alias.test'), a(
        '10.9.8.7', labels('in.alias.test'))) if q.type == A else reply(q),
        FORBIDDEN, b'10.9.8.7'),
}


ALONE = ['tcpsilent', 'tcpcloses', 'tcptruncated', 'tcpgarbage']


class Base(Case):
    def name_server(self, zones, tcp=True):
        dns = Dns(zones, tcp)
        self.addCleanup(dns.close)
        return dns

    def proxy_for(self, *dns, extra='timeouts: {resolve: 4s}'):
        servers = ', '.join(f'"127.0.0.1:{d.port}"' for d in dns)
        return self.proxy(extra=f'resolver: {{servers: [{servers}]}}\n'
                          + extra)

    def begin(self, proxy, name, port):
        sock = self.dial(proxy.port)
        sock.sendall(f'CONNECT {name}:{port} HTTP/1.1\r\n'
                     f'Host: {name}:{port}\r\n\r\n'.encode())
        return sock

    def end(self, sock):
        """The status, and all that came."""
        data = b''
        while True:
            more = sock.recv(65536)
            data += more
            if not more or b' 200 ' in data[:20]:
                break
        sock.close()
        return int(data.split()[1]), data


class Trouble(Base):
    def test_rows(self):
        """All of them at once, beside a tunnel that goes on."""
        self.rows({k: v for k, v in ROWS.items() if k not in ALONE})

    def test_rows_of_tcp(self):
        """All names share one connection: each by itself."""
        for name in ALONE:
            self.rows({name: ROWS[name]})

    def rows(self, rows):
        dns = self.name_server({k: v[0] for k, v in rows.items()})
        server = self.serve(echo)
        proxy = self.proxy_for(dns)
        quiet = self.connect(proxy, server.port)
        pid = proxy.process.pid
        sampler = Sampler(pid)
        before = cpu_ms(pid)
        socks = {k: self.begin(proxy, f'{k}.test', server.port)
                 for k in rows}
        for _ in range(20):
            quiet.sendall(b'\0ping')
            self.assertEqual(read_exactly(quiet, 5), b'\0ping')
        for name, sock in socks.items():
            with self.subTest(name=name):
                status, data = self.end(sock)
                wanted, words = rows[name][1:]
                self.assertEqual(status, wanted if wanted == 200 else
                                 wanted[1], data)
                self.assertIn(words, data)
        quiet.close()
        self.assertEqual(sampler.stop(), [])
        self.assertLess(cpu_ms(pid) - before, 1500)
        self.told(proxy, rows)

    def told(self, proxy, rows):
        """One line of each that failed; nothing of what servers said."""
        proxy.wait_line('tunnel.close', len(rows) + 1)
        lines = proxy.stop()
        by_tunnel = collections.defaultdict(list)
        for line in lines:
            by_tunnel[line.get('tunnel')].append(line)
        seen = {}
        for its in by_tunnel.values():
            name = its[0].get('server', {}).get('name', '')
            seen[name.partition('.')[0]] = its
        for name, (_, wanted, _) in rows.items():
            with self.subTest(name=name):
                fails = [x for x in seen[name] if x['event'] in (
                    'tunnel.failed', 'tunnel.refused')]
                if wanted == 200:
                    self.assertEqual(fails, [])
                    continue
                self.assertEqual([x['status'] for x in fails], [wanted[1]])
                self.assertEqual(seen[name][-1]['end'], wanted[0])
                self.assertEqual(seen[name][-1]['closed_by'], 'proxy')
                self.assertFalse([x for x in seen[name] if x['event'] in
                                  ('tunnel.dial', 'tunnel.connect')])
        if 'mixed' not in rows:
            return
        mixed = [x['server']['addr'] for x in seen['mixed']
                 if x['event'] == 'tunnel.dial']
        self.assertEqual(mixed, ['127.0.0.1'])
        text = json.dumps(lines)
        for word in ('il\\u001b', 'a.b', 'in.alias'):
            self.assertNotIn(word, text)

    def test_rebinding(self):
        """A name is asked for once per tunnel, and what was checked is what
        is dialled: answers that change do not matter."""
        def rebinds(q):
            if q.type == AAAA:
                return reply(q)
            return reply(q, a('127.0.0.1' if q.number == 0 else
                              '169.254.169.254', ttl=0))
        dns = self.name_server({'rebinds': rebinds})
        server = self.serve(echo)
        proxy = self.proxy_for(dns)
        status, _ = self.end(self.begin(proxy, 'rebinds.test', server.port))
        self.assertEqual(status, 200)
        self.assertEqual(dns.asked['rebinds.test', A], 1)
        self.assertEqual(dns.asked['rebinds.test', AAAA], 1)

        def again():
            status, data = self.end(
                self.begin(proxy, 'rebinds.test', server.port))
            self.assertIn(status, (200, 403), data)
            return status == 403
        wait_until(again, 'the answer to be too old')
        dialled = [x['server']['addr'] for x in proxy.stop()
                   if x['event'] == 'tunnel.dial']
        self.assertEqual(set(dialled), {'127.0.0.1'})

    def test_no_tcp(self):
        """What does not fit, and nobody listens for the rest."""
        dns = self.name_server(
            {'big': lambda q: reply(q, truncated=True)}, tcp=False)
        proxy = self.proxy_for(dns)
        status, data = self.end(self.begin(proxy, 'big.test', 1))
        self.assertEqual(status, 502, data)
        self.assertIn(NOBODY, data)

    def test_one_of_two_servers(self):
        """The second one is asked when the first fails or is silent."""
        silent = self.name_server({'a': lambda q: None, 'b': rcode(2)})
        good = self.name_server({'a': GOOD, 'b': GOOD})
        server = self.serve(echo)
        proxy = self.proxy_for(silent, good, extra='')
        for name in ('a.test', 'b.test'):
            status, data = self.end(self.begin(proxy, name, server.port))
            self.assertEqual(status, 200, data)

    def test_name_servers_come_back(self):
        """Nobody is there; later somebody is."""
        dns = self.name_server({'a': GOOD})
        server = self.serve(echo)
        proxy = self.proxy_for(dns)
        dns.zones = {'b': rcode(2), 'a': GOOD}
        self.assertEqual(self.end(self.begin(proxy, 'b.test', 1))[0], 502)
        dns.zones = {'b': GOOD}
        self.assertEqual(self.end(self.begin(proxy, 'b.test',
                                             server.port))[0], 200)


class Many(Base):
    def test_ten_thousand_names(self):
        """Of a silent server: bounded, the rest told so at once, nobody
        else notices."""
        dns = self.name_server({'n': lambda q: None, 'good': GOOD})
        server = self.serve(echo)
        proxy = self.proxy_for(
            dns, extra='timeouts: {resolve: 60s}\n'
            'limits: {resolves: 100, tunnels: 600}')
        quiet = self.connect(proxy, server.port)
        count = self.count()
        pid = proxy.process.pid
        full = 0
        before = cpu_ms(pid)
        waiting = [self.begin(proxy, f'n.{i}.test', 1) for i in range(50)]
        wait_until(lambda: len(dns.asked) == 100, '100 questions')
        for i in range(50, count):
            status, data = self.end(self.begin(proxy, f'n.{i}.test', 1))
            self.assertEqual(status, 503)
            self.assertIn(b'too many name lookups', data)
            full += 1
            if i % 100 == 0:
                quiet.sendall(b'\0ping')
                self.assertEqual(read_exactly(quiet, 5), b'\0ping')
        each = (cpu_ms(pid) - before) / count
        self.assertEqual(full, count - 50)
        self.assertLess(proxy.descriptors(), 400)
        # A 503 costs about what a tunnel does.
        self.assertLess(each, 20)
        for sock in waiting:
            sock.close()

    def count(self):
        return 10000 if os.environ.get('FRL_LONG') else 1000

    def test_blackhole(self):
        """CONNECTs to an address that never answers: bounded, and each ends
        at its deadline."""
        with socket.socket() as deaf:
            deaf.bind(('127.0.0.1', 0))
            deaf.listen(0)
            port = deaf.getsockname()[1]
            fill = []
            for _ in range(8):
                s = socket.socket()
                self.addCleanup(s.close)
                s.setblocking(False)
                s.connect_ex(('127.0.0.1', port))
                fill.append(s)
            proxy = self.proxy(extra='limits: {connects: 50}\n'
                               'timeouts: {connect: 4s}')
            count = 5000 if self.count() == 10000 else 300
            counts = collections.Counter()
            base = proxy.descriptors()
            most = 0
            for at in range(0, count, 100):
                socks = [self.begin(proxy, '127.0.0.1', port)
                         for _ in range(100)]
                most = max(most, proxy.descriptors())
                for sock in socks:
                    counts[self.end(sock)[0]] += 1
            self.assertEqual(set(counts), {503, 504}, counts)
            self.assertEqual(sum(counts.values()), count)
            self.assertLessEqual(counts[504], 50 * count // 100)
            self.assertLess(most, base + 160)
            wait_until(lambda: proxy.descriptors() <= base, 'them to go')
            lines = proxy.stop()
        ends = collections.Counter(x['end'] for x in lines
                                   if x['event'] == 'tunnel.close')
        self.assertEqual(ends, {'connect_timeout': counts[504],
                                'limit': counts[503]})


class Cost(Base):
    def test_of_the_largest_answers(self):
        """What one answer may cost the loop.  20 ms where nothing but the
        program runs; a sanitizer takes several times as long."""
        zones = {k: ROWS[k][0] for k in ROWS}
        dns = self.name_server(zones)
        server = self.serve(echo)
        proxy = self.proxy_for(dns)
        pid = proxy.process.pid
        most = {}
        for name in ('huge', 'hugenames', 'largest', 'largestnames',
                     'longchain', 'pointerchain', 'nastyname', 'garbled'):
            costs = []
            for i in range(5):
                before = cpu_ms(pid)
                self.end(self.begin(proxy, f'{name}.{i}.test', server.port))
                costs.append(cpu_ms(pid) - before)
            most[name] = min(costs)
        self.costs = most
        self.assertLess(max(most.values()), 20, most)
