# SPDX-License-Identifier: MIT
"""judge -- is what happened what a case wants?

The words of `want` are one table.  Each is a function that looks at a
finished run and at the log's lines about it; a second table says which of
them can be seen while the run goes on, so that a run knows when to leave.
"""

import re

import cases

FIRST = re.compile(rb'HTTP/1\.[01] (\d\d\d)')


def answers(data):
    """The final answers that a client got, as a client reads them: (status,
    whole), and what was left."""
    out = []
    while True:
        head, end, rest = data.partition(b'\r\n\r\n')
        found = FIRST.match(head)
        if not found or not end:
            return out, data
        status = int(found.group(1))
        if 100 <= status < 200 and status != 101:
            data = rest
            continue
        length = re.search(rb'(?im)^content-length: *(\d+)\r?$', head)
        n = int(length.group(1)) if length else 0
        if status in (204, 304):
            n = 0
        elif re.search(rb'(?im)^transfer-encoding: *chunked', head):
            found = re.search(rb'(^|\r\n)0\r\n(\r\n)', rest)
            n = found.end() if found else len(rest) + 1
        if len(rest) < n:
            return out, data
        out.append((status, head))
        data = rest[n:]


def first(run):
    return answers(run.got())[0][:1]


def split(want):
    """Commas part the words; a comma within one is written \\x2c, but JSON
    and heads may have theirs."""
    return [w.strip() for w in re.split(r', (?=[a-z0-9]|$)', want)
            if w.strip()]


def close_codes(data, masked):
    """Where the last frame is a close: its code.  What stands before it is
    whatever was forwarded, so it is looked for from the end."""
    skip = 6 if masked else 2
    for at in range(max(0, len(data) - skip - 125), len(data) - skip - 1):
        flags = 128 if masked else 0
        if data[at] == 0x88 and data[at + 1] == \
                flags | len(data) - at - skip:
            key = data[at + 2:at + 6] if masked else b'\0\0'
            return ((data[at + skip] ^ key[0]) << 8
                    | (data[at + skip + 1] ^ key[1]))
    return None


# -- words -----------------------------------------------------------
# Each returns None, or what is wrong.

def w_status(run, log, arg):
    got = first(run)
    want = [int(x) for x in arg.split('|')]
    if not got:
        return f'no answer, wanted {arg}'
    if got[0][0] not in want:
        return f'answered {got[0][0]}, wanted {arg}'
    return None


def w_close(run, log, arg):
    if not run.closed:
        return 'the proxy did not close'
    return None


def w_silent(run, log, arg):
    if run.case.stanza.get('from') == 'client' and run.servers:
        return 'the server was connected to'
    if run.arrived():
        return f'the server got {run.arrived()[:200]!r}'
    return None


def w_once(run, log, arg):
    n = len(answers(run.got())[0])
    return None if n == 1 else f'{n} answers'


def w_open(run, log, arg):
    if len(run.servers) != 1:
        return 'the server was not connected to'
    return None


def w_behind(run, log, arg):
    """All that followed the CONNECT's head arrived, and nothing else."""
    behind = run.sent.partition(b'\r\n\r\n')[2]
    if run.arrived() != behind:
        return (f'{len(run.arrived())} bytes arrived, '
                f'{len(behind)} were behind the head')
    return None


def w_left(run, log, arg):
    """The server's connection is closed, whatever becomes of the client's."""
    left = run.left if run.over else all(s.eof for s in run.servers)
    if not left:
        return 'the server was not left'
    return None


def w_untouched(run, log, arg):
    from_server = run.case.stanza.get('from') in ('server-frames', 'response')
    got = run.got() if from_server else run.arrived()
    if got != run.sent:
        return f'{got[:120]!r} arrived, {run.sent[:120]!r} was sent'
    return None


def w_code(run, log, arg):
    codes = [close_codes(run.got(), False), close_codes(run.arrived(), True)]
    if codes != [int(arg), int(arg)]:
        return f'close codes {codes}, wanted {arg} on both sides'
    return None


def w_end(run, log, arg):
    ends = [x.get('reason') for x in log if x['event'] == 'tunnel.failed']
    ends += [x['kind'] for x in log if x['event'] == 'tunnel.refused']
    ends += [x.get('end') for x in log if x['event'] == 'tunnel.close']
    if not set(ends) & set(arg.split('|')):
        return f'ends {ends}, wanted {arg}'
    return None


HEADS = ('bad_head', 'bad_target', 'head_too_large', 'not_implemented')


def w_kind(run, log, arg):
    kinds = [x[x['event'].partition('.')[0]].get('kind') for x in log
             if x['event'] in ('http.error', 'ws.error')]
    # By absolute-form the first head is the proxy's own to judge.
    if run.way == 'forward' and any(
            x['event'] == 'tunnel.failed' and x['reason'] in HEADS
            for x in log):
        return None
    if not set(kinds) & set(arg.split('|')):
        return f'kinds {kinds}, wanted {arg}'
    return None


def w_uninspected(run, log, arg):
    if not any(x['event'] == 'tunnel.uninspected' for x in log):
        return 'no tunnel.uninspected'
    return None


WORDS = {'close': w_close, 'silent': w_silent, 'once': w_once,
         'open': w_open, 'behind': w_behind, 'untouched': w_untouched,
         'code': w_code, 'left': w_left, 'end': w_end, 'kind': w_kind,
         'uninspected': w_uninspected}
# Cut in the middle, a case has to end, and no more; but what may not arrive
# may not arrive in part either.
CUT = {'silent', '-'}
# What only the log can say, and what holds until a run is left.
LATE = {'end', 'kind', 'uninspected', 'silent', 'once', 'close', '-'}


def holds(run, log, where, sign, text):
    data = {'server': run.arrived, 'client': run.got,
            'log': lambda: '\n'.join(x['raw'] for x in log).encode()
            }[where]()
    there = cases.unescape(text, run.values) in data
    if there != (sign == '+'):
        return (f'{where} {"lacks" if sign == "+" else "has"} {text!r}: '
                f'{data[:300]!r}')
    return None


def check(run, log, word):
    found = re.match(r'(server|client|log)([+-])', word)
    if found:
        return holds(run, log, found.group(1), found.group(2),
                     word[found.end():])
    if word[0].isdigit():
        return w_status(run, log, word)
    name, _, arg = word.partition('=')
    if '|' in word and name not in ('end', 'kind'):
        # One of several will do.
        wrong = [check(run, log, w) for w in word.split('|')]
        return None if None in wrong else ' and '.join(wrong)
    return WORDS[name](run, log, arg)


def name_of(word):
    if word[0].isdigit():
        return 'status'
    if re.match(r'(server|client|log)-', word):
        return '-'
    if word.startswith('log+'):
        return 'end'
    return re.split(r'[=|+]', word)[0]


def ready(words):
    """done() for Run.go: all that can be seen by now has come.  Who wants
    the proxy to close waits for that alone."""
    names = {name_of(w) for w in words}
    seen = [w for w in words if name_of(w) not in LATE]

    def done(run):
        if run.cut:
            return not run.client.outbox
        if run.client.outbox or any(s.outbox for s in run.servers):
            return False
        if 'close' in names:
            return False
        return all(check(run, [], w) is None for w in seen)
    return done


def always(run, log):
    """What holds for every run, whatever it is about."""
    out = []
    if run.hung:
        out.append(f'hangs: waited in vain for {run.hung}')
    opened = sum(x['event'] == 'tunnel.open' for x in log)
    closed = sum(x['event'] == 'tunnel.close' for x in log)
    failed = sum(x['event'] == 'tunnel.failed' for x in log)
    if opened != closed or opened + failed == 0:
        out.append(f'{opened} tunnel.open, {closed} tunnel.close, '
                   f'{failed} tunnel.failed')
    got = first(run)
    if got and got[0][0] >= 400 and b'\nProxy-Status: fairlead' in got[0][1]:
        if b'\nConnection: close' not in got[0][1]:
            out.append('a refusal without Connection: close')
        told = [x for x in log if x['event'] in (
            'tunnel.failed', 'tunnel.refused', 'http.error', 'ws.error')]
        if not told and not any(x.get('end') not in
                                ('client_fin', 'server_fin') for x in log
                                if x['event'] == 'tunnel.close'):
            out.append('no event tells of the refusal')
    if run.mode == 'behind' and b'/behind' in run.arrived():
        out.append('the request behind the refused one was carried out')
    return out


def judge(run, log, words):
    """Everything that is wrong."""
    out = always(run, log)
    for word in words:
        # Too little to tell a protocol by is given to `undetected`.
        if run.cut and (run.way == 'detect' or name_of(word) not in CUT):
            continue
        if run.mode == 'behind' and name_of(word) == 'behind':
            continue
        wrong = check(run, log, word)
        if wrong:
            out.append(wrong)
    return out
