# SPDX-License-Identifier: MIT
"""fairlead -- the proxies under test: one process for each configuration
that a case may name, and what their logs say of each run."""

import collections
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

CONFIG = """\
version: 1
listen:
  - address: 127.0.0.1:0
  - address: 127.0.0.1:0
    protocol: http
plugins:
  - name: http
    options: {{{http}}}
  - name: websocket
    options: {{{websocket}}}
  - name: raw
destinations:
  allow: [{allow}]
log:
  - file: "{log}"
    events: ["*"]
timeouts: {{{timeouts}}}
"""

# The names that a case's `config:` may have.  What is not said is not there.
CONFIGS = {
    'open': {'allow': '127.0.0.1'},
    'closed': {},
    'wide': {'allow': '0.0.0.0/0, "::/0"'},
    'hasty': {'allow': '127.0.0.1', 'timeouts': 'head: 2s',
              'http': 'head_time: 2s'},
    'enforce': {'allow': '127.0.0.1', 'http': 'mode: enforce',
                'websocket': 'mode: enforce'},
}


class Fairlead:
    def __init__(self, build, name):
        self.name = name
        self.folder = tempfile.TemporaryDirectory(prefix='frl-hostile-')
        folder = pathlib.Path(self.folder.name)
        self.log, self.err = folder / 'log', folder / 'stderr'
        words = {'allow': '', 'timeouts': '', 'http': '', 'websocket': ''}
        words.update(CONFIGS[name])
        config = folder / 'fairlead.yaml'
        config.write_text(CONFIG.format(log=self.log, **words))
        # A build that is given as a path: plugins stand beside the program.
        self.process = subprocess.Popen(
            [build / 'fairlead', 'run', '--foreground-worker', '-c',
             config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.err, 'wb'))
        self.ports = self.wait_ports(2)
        self.served = 0
        # What a good request leaves open is open before the baseline.
        self.descriptors = None

    def wait_ports(self, count):
        end = time.monotonic() + 60
        while True:
            said = self.err.read_text(errors='replace')
            ports = re.findall(r'listening on 127\.0\.0\.1:(\d+)', said)
            if len(ports) == count:
                return [int(p) for p in ports]
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f'fairlead ({self.name}) did not start:\n'
                                 + said)
            time.sleep(0.01)

    def where(self):
        """Which listener each way leads to."""
        main = ('127.0.0.1', self.ports[0])
        return {'client': main, 'forward': main, 'detect': main,
                'tunnel': ('127.0.0.1', self.ports[1])}

    def serves(self, good):
        """Does it serve a good request?  good: a server's port.  The answer
        of a server where that may be reached, a refusal elsewhere."""
        with socket.create_connection(('127.0.0.1', self.ports[0]),
                                      60) as sock:
            sock.sendall(b'GET http://127.0.0.1:%d/good HTTP/1.1\r\nHost: x'
                         b'\r\nConnection: close\r\n\r\n' % good)
            data = b''
            while True:
                more = sock.recv(65536)
                if not more:
                    break
                data += more
        want = 200 if CONFIGS[self.name].get('allow') else 403
        return data.startswith(b'HTTP/1.1 %d ' % want)

    def open_descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def settle(self):
        """Descriptors are back at what they were; None, or how many are
        not."""
        end = time.monotonic() + 60
        while self.open_descriptors() > self.descriptors:
            if time.monotonic() > end:
                return self.open_descriptors() - self.descriptors
            time.sleep(0.02)
        return None

    def stop(self):
        """What is wrong with the process as a whole."""
        wrong = []
        if self.process.poll() is None:
            more = self.settle()
            if more:
                wrong.append(f'{more} descriptors more than at first')
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
            wrong.append('it did not stop')
        said = self.err.read_text(errors='replace')
        if code != 0:
            wrong.append(f'exit status {code}')
        if 'Sanitizer' in said or 'runtime error' in said:
            wrong.append(f'a sanitizer spoke:\n{said[:4000]}')
        return [f'fairlead ({self.name}): {w}' for w in wrong]

    def lines(self):
        """The log's lines by the address of the client they are about, and
        what is wrong with the log."""
        by_client = collections.defaultdict(list)
        client_of, wrong = {}, []
        text = self.log.read_bytes()
        if text and not text.endswith(b'\n'):
            wrong.append('the last line of the log is torn')
        for raw in text.split(b'\n')[:-1]:
            try:
                line = json.loads(raw.decode('utf-8'))
            except ValueError as e:
                wrong.append(f'no JSON: {e}: {raw[:200]!r}')
                continue
            if any(c < 0x20 or c == 0x7f for c in raw):
                wrong.append(f'a control character: {raw[:200]!r}')
            line['raw'] = raw.decode('utf-8')
            tunnel = line.get('tunnel')
            if 'client' in line:
                client_of[tunnel] = line['client']['addr']
            if tunnel in client_of:
                by_client[client_of[tunnel]].append(line)
        return by_client, [f'fairlead ({self.name}): {w}' for w in wrong]
