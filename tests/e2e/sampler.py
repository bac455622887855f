# SPDX-License-Identifier: MIT
"""What a process does, measured so that a busy machine does not matter: its
own CPU time, the calls it waits in, its memory, its sockets."""

import os
import pathlib
import re
import threading
import time

# epoll_wait and epoll_pwait: where a loop may wait.
LOOP_CALLS = {'x86_64': {'232', '281'}, 'aarch64': {'22'}}

STATES = {'01': 'ESTABLISHED', '02': 'SYN_SENT', '03': 'SYN_RECV',
          '04': 'FIN_WAIT1', '05': 'FIN_WAIT2', '06': 'TIME_WAIT',
          '07': 'CLOSE', '08': 'CLOSE_WAIT', '09': 'LAST_ACK',
          '0A': 'LISTEN', '0B': 'CLOSING'}


def cpu_ms(pid):
    """Milliseconds of CPU, exact."""
    text = pathlib.Path(f'/proc/{pid}/schedstat').read_text()
    return int(text.split()[0]) / 1e6


def sleeps(pid):
    """Does it wait, rather than wait for a processor?"""
    text = pathlib.Path(f'/proc/{pid}/stat').read_text()
    return text.rpartition(') ')[2][0] == 'S'


def pss(pid):
    """KiB of its own memory; its share of the program's file is another one
    whenever another test begins or ends."""
    text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    return int(re.search(r'^Pss_Anon:\s+(\d+) kB', text, re.M).group(1))


def inodes(pid):
    """Of the process' sockets."""
    found = set()
    folder = f'/proc/{pid}/fd'
    for fd in os.listdir(folder):
        try:
            name = os.readlink(f'{folder}/{fd}')
        except FileNotFoundError:
            continue
        if name.startswith('socket:['):
            found.add(name[8:-1])
    return found


def sockets(pid, ports=()):
    """(local port, remote port, state) of its TCP sockets; and of those on
    one of the ports that it has closed and the kernel still has bytes of."""
    own, out = inodes(pid), []
    for table in ('tcp', 'tcp6'):
        try:
            text = pathlib.Path(f'/proc/{pid}/net/{table}').read_text()
        except FileNotFoundError:
            continue
        for line in text.splitlines()[1:]:
            fields = line.split()
            local, remote = (int(x.rpartition(':')[2], 16)
                             for x in fields[1:3])
            state = STATES.get(fields[3], fields[3])
            # Another one may just have been accepted.
            if fields[9] in own or (local in ports and (
                    fields[9] != '0' or state not in KERNELS)):
                out.append((local, remote, state))
    return out


# What a socket that nobody has may be in, for a minute and some bytes.
KERNELS = {'TIME_WAIT', 'SYN_RECV', 'FIN_WAIT2'}


class Sampler:
    """Notes the calls, other than the loop's own waiting, in which a process
    was found for longer than `ms`."""

    def __init__(self, pid, ms=20):
        self.path = f'/proc/{pid}/syscall'
        self.seconds = ms / 1000
        self.found = []
        self.samples = 0
        self.stopping = threading.Event()
        self.calls = LOOP_CALLS.get(os.uname().machine)
        self.able = self.calls is not None and self.read() is not None
        self.thread = threading.Thread(target=self.run, daemon=True)
        if self.able:
            self.thread.start()

    def read(self):
        try:
            with open(self.path) as f:
                return f.read()
        except OSError:
            return None

    def run(self):
        last, since = None, 0
        while not self.stopping.wait(0.004):
            now, text = time.monotonic(), self.read()
            if text is None:
                return
            self.samples += 1
            call = text.split()[0]
            waits = call != 'running' and call not in self.calls
            # The same call, with the same arguments and stack.
            if not waits or text != last:
                last, since = text if waits else None, now
            elif now - since > self.seconds:
                self.found.append(text.strip())

    def stop(self):
        self.stopping.set()
        if self.able:
            self.thread.join(60)
        return self.found
