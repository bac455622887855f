# SPDX-License-Identifier: MIT
"""cases -- the files in cases/, read.  README.md tells their format.

It knows no proxy and no socket: a case's bytes are made from the few things
that a run knows, its server's address and the like.
"""

import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parent / 'cases'
KEY = 'dGhlIHNhbXBsZSBub25jZQ=='            # of RFC 6455, 1.3
ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
KEYS = {'from', 'config', 'send', 'want', 'enforce', 'ways', 'ask', 'answer',
        'note', 'stall', 'early', 'fin', 'each', 'handshake', 'table',
        'elsewhere'}
PLACES = {'client', 'request', 'response', 'client-frames', 'server-frames',
          'config', 'plugin', 'log'}
LETTERS = {'r': b'\r', 'n': b'\n', 't': b'\t', '0': b'\0', 's': b' ',
           '\\': b'\\'}
REPEAT = re.compile(r'\\\)\*(\d+)')


class Stanza:
    """What some cases have in common."""

    def __init__(self, place, row, slug):
        self.place, self.row, self.slug = place, int(row), slug
        self.keys = {}
        self.cases = []

    def get(self, key, default=None):
        return self.keys.get(key, default)


class Case:
    def __init__(self, stanza, slug, value, want):
        self.stanza, self.slug, self.value = stanza, slug, value
        self.want = want
        self.row = stanza.row
        self.name = f'{stanza.row}/{stanza.slug}/{slug}'

    def text(self, key, default=''):
        """The template of that key, with this case's value in it."""
        # A function: the value is no pattern, and has backslashes.
        return self.stanza.get(key, default).replace('\\*', self.value)

    def wanted(self, enforce=False):
        if enforce:
            return self.text('enforce')
        return (self.want if self.want is not None
                else self.stanza.get('want', '')).replace('\\*', self.value)


def unescape(text, values):
    """The bytes that an escaped text stands for.  values: what \\S, \\P, ...
    are."""
    out = bytearray()
    groups = []             # where a \\( began
    at = 0
    while at < len(text):
        c = text[at]
        if c != '\\':
            out += c.encode('utf-8')
            at += 1
            continue
        letter = text[at + 1]
        at += 2
        if letter in LETTERS:
            out += LETTERS[letter]
        elif letter == 'x':
            out.append(int(text[at:at + 2], 16))
            at += 2
        elif letter == '(':
            groups.append(len(out))
        elif letter == ')':
            found = REPEAT.match(text, at - 2)
            start = groups.pop()
            out[start:] = out[start:] * int(found.group(1))
            at = found.end()
        else:
            out += values[letter]
    return bytes(out)


def read_case(stanza, line):
    slug, _, value = line[2:].partition(':')
    value, arrow, want = value.strip(' ').partition(' => ')
    # An empty value leaves the arrow at the front.
    if value.startswith('=> '):
        value, arrow, want = '', '=>', value[3:]
    stanza.cases.append(Case(stanza, slug.strip(), value.strip(' '),
                             want.strip() if arrow else None))


def read_file(path):
    stanzas = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f'{path.name}:{number}'
        if not line.strip() or line.startswith('#'):
            continue
        word = line.strip(' ')
        if line.startswith('row '):
            stanzas.append(Stanza(place, *line.split()[1:3]))
        elif word.startswith('- '):
            read_case(stanzas[-1], word)
        else:
            key, colon, value = word.partition(':')
            if not colon or key not in KEYS:
                raise SystemExit(f'{place}: unknown key {key!r}')
            stanzas[-1].keys[key] = value.strip(' ')
    for stanza in stanzas:
        if stanza.get('elsewhere'):
            for other in stanza.get('elsewhere').split():
                if not (FOLDER.parents[2] / other).exists():
                    raise SystemExit(f'{stanza.place}: no {other}')
            continue
        if stanza.get('from') not in PLACES or not stanza.cases:
            raise SystemExit(f'{stanza.place}: no cases, or no `from`')
    return stanzas


def read_all(pattern=None):
    """Every stanza; with a pattern only the cases whose name it fits."""
    stanzas = []
    for path in sorted(FOLDER.glob('*.txt')):
        for stanza in read_file(path):
            if pattern and not stanza.get('elsewhere'):
                stanza.cases = [c for c in stanza.cases
                                if re.search(pattern, c.name)]
            stanzas.append(stanza)
    names = [c.name for s in stanzas for c in s.cases]
    if len(names) != len(set(names)):
        twice = {n for n in names if names.count(n) > 1}
        raise SystemExit(f'two cases of one name: {sorted(twice)}')
    return stanzas
