# SPDX-License-Identifier: MIT
"""observe -- the cases through any proxy, and a word for what it did.

No log is read and nothing is right or wrong here: only what the client got
and what arrived at the server is looked at.

	refused		an error from the proxy; nothing reached the server
	tried		200 or 502-504: it set out to connect there
	forwarded	the hostile bytes arrived as they were
	repaired	it was carried out, without them
	cut		the message had begun to go on, and was broken off
	executed	the request behind a refused one was carried out
	closed		the connection ended without an answer
	answered	with something else
	waits		neither an answer nor an end within some seconds
	down		afterwards the proxy serves nobody
"""

import collections
import concurrent.futures
import json
import socket

import cases
import judge
import wire

# A server elsewhere than at 127.0.0.1, so that loopback may be refused.
ADDRESS = '127.0.0.9'
Options = collections.namedtuple('Options', 'proxy address listener seconds')
FRAMES = ('client-frames', 'server-frames')


def hostile(run):
    """What should not arrive: the case's own bytes; where these are but a
    few, the body they are in; or all."""
    value = cases.unescape(run.case.value, run.values)
    if len(value) > 2:
        # "Content-Length: 5" is not in "Content-Length: 57".
        line = '\\*\\r\\n' in run.case.stanza.get('send')
        return value + (b'\r\n' if line else b'')
    return run.sent.partition(b'\r\n\r\n')[2] or run.sent


def there(run, value, data):
    """As often as it was sent: a head and a trailer may be the same."""
    return data.count(value) >= max(1, run.sent.count(value))


def done(run):
    if run.client.outbox or any(s.outbox for s in run.servers):
        return False
    place = run.case.stanza.get('from')
    if place == 'client-frames':
        return len(run.arrived()) >= len(run.sent)
    if place == 'server-frames':
        return len(run.got()) >= len(run.sent)
    answers = judge.answers(run.got())[0]
    if run.mode == 'behind' or run.case.row == 1:
        return len(answers) > 1
    return bool(answers)


def status_of(run):
    got = judge.answers(run.got())[0]
    return got[0][0] if got else 0


def word_connect(run):
    if run.servers:
        return 'executed' if status_of(run) >= 400 else 'forwarded'
    if status_of(run) in (200, 502, 503, 504):
        return 'tried'
    return None


def word_request(run):
    data = run.arrived()
    if there(run, hostile(run), data):
        return 'forwarded'
    if data:
        return 'repaired' if 200 <= status_of(run) < 300 and \
            not run.closed else 'cut'
    return None


def word_response(run):
    """Also of requests that are sent for their answer's sake."""
    status, data = status_of(run), run.got()
    value = hostile(run)
    if run.case.stanza.get('answer'):
        value = b'HTTP/1.1 101'
    if 500 <= status < 600:
        return 'refused' if b'hello' not in data else 'forwarded'
    if value in data and (value not in run.sent
                          or there(run, value, data)):
        return 'forwarded'
    if data:
        return 'cut' if run.closed else 'repaired'
    return None


def word_frames(run):
    here, there = run.arrived(), run.got()
    masked = True
    if run.case.stanza.get('from') == 'server-frames':
        here, there, masked = there, here, False
    if here == run.sent:
        return 'forwarded'
    if judge.close_codes(there, not masked):
        return 'refused'
    # What stood behind a close frame may be left out without a word.
    return 'cut' if run.closed or (here and run.sent.startswith(here)) \
        else None


def word(run):
    place = run.case.stanza.get('from')
    if b'/behind' in run.arrived() and status_of(run) >= 400:
        return 'executed'
    if place == 'client' and run.case.text('send').startswith('CONNECT'):
        what = word_connect(run)
    elif place in FRAMES:
        what = word_frames(run)
    elif status_of(run) >= 400 and not run.arrived():
        what = 'refused'
    elif place == 'response' or '101' in run.case.text('answer')[:13]:
        what = word_response(run)
    else:
        what = word_request(run)
    if what:
        return what
    if status_of(run) >= 400:
        return 'refused'
    if run.hung:
        return 'waits'
    return 'answered' if run.got() else 'closed'


class Observer:
    def __init__(self, args):
        host, _, port = args.proxy.rpartition(':')
        self.proxy = (host, int(port))
        self.ways = args.ways.split(',')
        self.listener = None
        if args.backend:
            self.listener = socket.create_server(
                (ADDRESS, args.backend), backlog=64)
        self.seconds = args.seconds

    def serves(self):
        try:
            socket.create_connection(self.proxy, self.seconds).close()
            return True
        except OSError:
            return False

    def way(self, stanza):
        place = stanza.get('from')
        if stanza.get('stall') or place in ('config', 'plugin', 'log'):
            return None
        if place == 'client':
            return 'client' if 'client' in self.ways else None
        if place in FRAMES and 'tunnel' in self.ways:
            return 'tunnel'
        if 'reverse' in self.ways:
            return 'reverse'
        if stanza.get('ways', 'forward').find('forward') < 0:
            return None
        return 'forward' if 'forward' in self.ways else None

    def once(self, case, mode, way):
        options = Options({way: self.proxy}, None, self.listener,
                          self.seconds)
        run = wire.Run(case, mode, way,
                       {'B': str(self.proxy[1]).encode()}, options)
        return run.go(done)

    def case(self, case):
        way = self.way(case.stanza)
        if way is None or case.stanza.get('table') == 'no' \
                or 'open' in case.wanted():
            return case, None
        run = self.once(case, 'whole', way)
        if not run.sent:        # no tunnel or no 101 to send it behind
            return case, 'refused'
        what = word(run)
        if what == 'refused' and way == 'client':
            behind = word(self.once(case, 'behind', way))
            what = behind if behind == 'executed' else what
        return case, what if self.serves() else 'down'


def main(args, stanzas):
    """The words by row, as JSON to standard output."""
    wire.HOST = ADDRESS
    observer = Observer(args)
    rows = collections.defaultdict(collections.Counter)
    threads = 1 if observer.listener else args.threads
    every = [c for s in stanzas for c in s.cases]
    with concurrent.futures.ThreadPoolExecutor(threads) as ex:
        for case, what in ex.map(observer.case, every):
            if what:
                rows[case.row][what] += 1
                if args.v:
                    print(case.name, what)
    text = json.dumps(rows)
    if args.json:
        with open(args.json, 'w') as file:
            file.write(text)
    else:
        print(text)
    return 0
