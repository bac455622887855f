# SPDX-License-Identifier: MIT
"""The proxies under test: how each is configured, started and stopped.

Every measurement gets a fresh process: where its memory happens to lie moves
a figure by some percent, and a median should see many such places.
"""

import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = 30
NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so'

FAIRLEAD = """\
version: 1
workers: 1
listen:
  - address: 127.0.0.1:{http}
plugins:
  - name: http
  - name: websocket
  - name: raw
destinations:
  allow: [127.0.0.0/8]
limits:
  tunnels: 0                    # all of them come from one client here
  tunnels_per_client: 0
log:
  - file: "{folder}/log"
    format: json
    events: ["tunnel.*", "http.*", "ws.*"]
"""

NGINX = """\
{user}worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log error;
worker_rlimit_nofile {files};
load_module {module};
events {{
	worker_connections 16384;
}}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	map $http_upgrade $connection_upgrade {{
		default upgrade;
		"" "";
	}}
	upstream origin {{
		server 127.0.0.1:{origin};
		keepalive 64;
		keepalive_requests 1000000000;
	}}
	server {{
		listen 127.0.0.1:{http} backlog=4096;
		location / {{
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
			proxy_read_timeout 1h;
			proxy_send_timeout 1h;
		}}
	}}
}}
stream {{
	server {{
		listen 127.0.0.1:{stream} backlog=4096;
		proxy_pass 127.0.0.1:{origin};
		proxy_timeout 1h;
	}}
}}
"""

HAPROXY = """\
global
	nbthread 1
	maxconn 8000
defaults
	timeout connect 10s
	timeout client 1h
	timeout server 1h
	timeout tunnel 1h
	backlog 4096
frontend http
	mode http
	bind 127.0.0.1:{http}
	default_backend http
backend http
	mode http
	server origin 127.0.0.1:{origin}
frontend stream
	mode tcp
	bind 127.0.0.1:{stream}
	default_backend stream
backend stream
	mode tcp
	server origin 127.0.0.1:{origin}
"""


class Failed(Exception):
    """A measurement that gave no figure, and why."""


def free_ports(n):
    """n ports that are free now.  The kernel hands out others meanwhile only
    to those who ask for any, and nobody does before these are taken."""
    sockets = []
    for _ in range(n):
        s = socket.socket()
        s.bind(('127.0.0.1', 0))
        sockets.append(s)
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def tree(pid):
    """A process and all its descendants."""
    pids = [pid]
    for p in pids:
        for task in pathlib.Path(f'/proc/{p}/task').iterdir():
            pids += map(int, (task / 'children').read_text().split())
    return pids


def scratch():
    """A folder in memory, if there is one: a disk would be measured too."""
    shm = '/dev/shm'
    return tempfile.mkdtemp(prefix='fairlead-bench-',
                            dir=shm if os.access(shm, os.W_OK) else None)


def settle(core):
    """What a child does before it becomes a program: keep to one core and,
    where that is allowed, go before everything else on it.  Where sessions
    share the time (sched(7), autogroup), it is the session that must."""
    os.setsid()
    os.sched_setaffinity(0, {core})
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -19)
        pathlib.Path('/proc/self/autogroup').write_text('-19')
    except OSError:
        pass


class Proxy:
    """One of them, running on one core.  `http` and `stream` are its ports,
    `origin` is where it leads to."""

    def __init__(self, core):
        self.core = core
        self.folder = scratch()
        self.http, self.stream, self.origin = free_ports(3)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def write(self, template, **more):
        path = pathlib.Path(self.folder, 'conf')
        path.write_text(template.format(
            folder=self.folder, http=self.http, stream=self.stream,
            origin=self.origin, **more))
        return str(path)

    def start(self):
        with open(f'{self.folder}/output', 'wb') as output:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd=self.folder,
                preexec_fn=lambda: settle(self.core))
        end = time.monotonic() + DEADLINE
        while not self.answers():
            if self.process.poll() is not None:
                raise Failed(f'{self.name} does not start: {self.output()}')
            if time.monotonic() > end:
                raise Failed(f'{self.name} does not answer on its port')
            time.sleep(0.02)
        # What belongs to the start is over before anything is measured.
        time.sleep(0.1)

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', self.http)) == 0

    def output(self):
        text = pathlib.Path(self.folder, 'output').read_text(errors='replace')
        return text.strip()[-2000:] or 'it says nothing'

    def pids(self):
        return tree(self.process.pid)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def count_lines(self, wanted):
        """How many log lines there are of each event; None: it has no log."""
        return None


class Fairlead(Proxy):
    connect = True
    how = ['--foreground-worker']

    def __init__(self, core, build, name):
        super().__init__(core)
        self.build = pathlib.Path(build).resolve()
        self.name = name

    def command(self):
        return [str(self.build / 'fairlead'), 'run', *self.how, '-c',
                self.write(FAIRLEAD)]

    def count_lines(self, wanted):
        # Stopped: every line is written then.
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(DEADLINE) != 0:
            raise Failed(f'{self.name} ended badly: {self.output()}')
        counts = dict.fromkeys(wanted, 0)
        with open(f'{self.folder}/log', 'rb') as log:
            for chunk in iter(lambda: log.readlines(1 << 24), []):
                text = b''.join(chunk)
                for event in counts:
                    counts[event] += text.count(
                        f'"event":"{event}"'.encode())
        return counts


class Supervised(Fairlead):
    """As people run it: a supervisor, a logger, a keeper, one worker; all of
    them count, and all are on the one core."""
    how = []

    def start(self):
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.setblocking(False)
        self.notified.bind(f'{self.folder}/notify')
        os.environ['NOTIFY_SOCKET'] = f'{self.folder}/notify'
        try:
            super().start()
        finally:
            del os.environ['NOTIFY_SOCKET']
            self.notified.close()

    def answers(self):
        """Its ports answer before it has a worker; it says when it has."""
        try:
            return b'READY=1' in self.notified.recv(4096)
        except BlockingIOError:
            return False


class Nginx(Proxy):
    name = 'nginx'
    connect = False

    def command(self):
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return ['nginx', '-p', self.folder, '-e', f'{self.folder}/error.log',
                '-c', self.write(
                    NGINX, files=files,
                    user='user root;\n' if os.geteuid() == 0 else '',
                    module=NGINX_STREAM)]


class Haproxy(Proxy):
    name = 'haproxy'
    connect = False

    def command(self):
        return ['haproxy', '-db', '-f', self.write(HAPROXY)]


def version(command):
    """What a program says of itself, in short; None if it is missing."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True,
                          check=False)
    found = re.search(r'\d+\.\d+[\w.+-]*', done.stdout + done.stderr)
    return found.group() if found else 'of unknown version'
