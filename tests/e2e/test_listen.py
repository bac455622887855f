# SPDX-License-Identifier: MIT
"""Who comes in and how: UNIX sockets, lists of clients, PROXY headers."""

import hashlib
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import textwrap
import unittest

from harness import (CONFIG, Case, DEADLINE, PROGRAM, echo, free_port, listens,
                     read_all, read_exactly, read_head, reset, wait_until)

HAPROXY = shutil.which('haproxy', path=os.environ.get('PATH', '')
                       + ':/usr/sbin')
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
V1 = b'PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n'
V2 = SIGNATURE + bytes.fromhex('2111000ccb0071097f000001126701bb')


def connect_head(port):
    return f'CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()


class Listen(Case):
    """Proxies with one listener more, in front of the usual one."""

    def more(self, *rows, **kw):
        listen = '  - ' + '\n    '.join(rows)
        return self.proxy(config=CONFIG.replace(
            '{listen}', listen + '\n{listen}'), **kw)

    def folder(self):
        folder = tempfile.mkdtemp(prefix='frl-e2e-')
        self.addCleanup(shutil.rmtree, folder)
        return pathlib.Path(folder)

    def dial_path(self, path):
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.settimeout(DEADLINE)
        sock.connect(str(path))
        return sock

    def run_once(self, config, *args):
        """A proxy that is expected not to start: (code, what it said)."""
        path = self.folder() / 'c.yaml'
        path.write_text(textwrap.dedent(config))
        result = subprocess.run([PROGRAM, *args, '-c', path], timeout=60,
                                capture_output=True, text=True, check=False)
        return result.returncode, result.stderr


class Unix(Listen):
    def test_connect(self):
        server = self.serve(echo)
        path = self.folder() / 'proxy.sock'
        proxy = self.more(f'address: unix:{path}')
        self.assertEqual(stat.S_IMODE(path.lstat().st_mode), 0o600)
        sock = self.dial_path(path)
        sock.sendall(connect_head(server.port) + b'\x01early')
        self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
        self.assertEqual(read_exactly(sock, 6), b'\x01early')
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(sock), b'')
        sock.close()
        last = self.wait_close(proxy)
        self.assertEqual(last['end'], 'client_fin')
        opened = proxy.lines('tunnel.open')[0]
        self.assertEqual(opened['listener'], f'unix:{path}')
        self.assertEqual(opened['client'], {'addr': 'unix'})
        proxy.stop()
        self.assertFalse(path.exists())

    def test_bulk(self):
        """What moves inside the kernel arrives whole, both ways."""
        server = self.serve(echo)
        path = self.folder() / 'proxy.sock'
        proxy = self.more(f'address: unix:{path}')
        data = os.urandom(1 << 20) * 24
        result = subprocess.run(
            ['socat', '-t', '30', '-', f'UNIX-CONNECT:{path}'],
            input=connect_head(server.port) + b'\x01' + data,
            capture_output=True, timeout=120, check=True)
        head, _, body = result.stdout.partition(b'\r\n\r\n')
        self.assertRegex(head, b'^HTTP/1.1 200 ')
        self.assertEqual(hashlib.sha256(body[1:]).digest(),
                         hashlib.sha256(data).digest())
        self.assertEqual(self.wait_close(proxy)['s2c_bytes'], len(data) + 1)

    def test_reverse(self):
        def handler(sock):
            read_head(sock)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
                         b'Connection: close\r\n\r\nok')
        server = self.serve(handler)
        path = self.folder() / 'proxy.sock'
        proxy = self.more(f'address: unix:{path}', 'permissions: "0660"',
                          'mode: reverse',
                          f'server: 127.0.0.1:{server.port}')
        self.assertEqual(stat.S_IMODE(path.lstat().st_mode), 0o660)
        out = subprocess.run(
            ['curl', '-sS', '--unix-socket', path, 'http://here/x'],
            capture_output=True, timeout=60, check=True).stdout
        self.assertEqual(out, b'ok')
        line = proxy.wait_line('http.request')[0]
        self.assertEqual(line['http']['target'], '/x')

    def test_head_errors_are_answered(self):
        path = self.folder() / 'proxy.sock'
        self.more(f'address: unix:{path}')
        sock = self.dial_path(path)
        sock.sendall(b'CONNECT 10.1.2.3:80 HTTP/1.1\r\nHost: x\r\n\r\n')
        self.assertRegex(read_all(sock), b'^HTTP/1.1 403 ')

    def test_text(self):
        server = self.serve(echo)
        folder = self.folder()
        path = folder / 'proxy.sock'
        log = folder / 'log'
        proxy = self.proxy(config=CONFIG.replace(
            '{listen}', f'  - address: unix:{path}\n{{listen}}').replace(
                'format: json', 'format: text').replace('{log}', str(log)))
        sock = self.dial_path(path)
        sock.sendall(connect_head(server.port))
        read_head(sock)
        sock.close()
        proxy.stop()
        self.assertIn(f' open   unix -> 127.0.0.1:{server.port} (connect)\n',
                      log.read_text())

    def test_dead_socket_is_replaced(self):
        path = self.folder() / 'proxy.sock'
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        proxy = self.more(f'address: unix:{path}')
        sock = self.dial_path(path)
        sock.sendall(b'nothing\r\n\r\n')
        self.assertRegex(read_all(sock), b'^HTTP/1.1 400 ')
        sock.close()
        # Killed, it leaves its socket; the next one replaces that.
        proxy.process.kill()
        proxy.process.wait()
        proxy.stopped = []
        self.assertTrue(path.exists())
        self.more(f'address: unix:{path}')
        self.dial_path(path)

    def cannot_listen(self, path):
        return self.run_once(f'''\
            version: 1
            listen: [{{address: "unix:{path}"}}]
            plugins: [{{name: http}}, {{name: raw}}]
            upgrade: {{"*": raw}}
            ''', 'run')

    def test_what_is_in_the_way_stays(self):
        path = self.folder() / 'proxy.sock'
        proxy = self.more(f'address: unix:{path}')
        code, said = self.cannot_listen(path)
        self.assertEqual(code, 69, said)
        self.assertIn(f'listen on unix:{path}: somebody listens there '
                      'already', said)
        self.dial_path(path)
        proxy.stop()
        path.write_text('a letter')
        code, said = self.cannot_listen(path)
        self.assertEqual(code, 69, said)
        self.assertIn('it was left alone', said)
        self.assertEqual(path.read_text(), 'a letter')
        code, said = self.cannot_listen(path.parent / 'none' / 'sock')
        self.assertEqual(code, 69, said)
        self.assertIn('its folder: No such file', said)

    def test_only_its_own_is_removed(self):
        path = self.folder() / 'proxy.sock'
        first = self.more(f'address: unix:{path}')
        path.unlink()
        second = self.more(f'address: unix:{path}')
        first.stop()
        self.dial_path(path).close()
        second.stop()
        self.assertFalse(path.exists())

    def test_the_next_may_start_while_one_drains(self):
        server = self.serve(echo)
        path = self.folder() / 'proxy.sock'
        first = self.more(f'address: unix:{path}',
                          extra='timeouts:\n  farewell: 60s')
        sock = self.dial_path(path)
        sock.sendall(connect_head(server.port) + b'\x01')
        read_head(sock)
        self.assertEqual(read_exactly(sock, 1), b'\x01')
        first.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not path.exists(), 'the socket to be removed')
        second = self.more(f'address: unix:{path}')
        self.dial_path(path).close()
        sock.close()
        first.stop()
        self.assertTrue(path.exists())
        second.stop()


class Clients(Listen):
    def test_403(self):
        port = free_port()
        proxy = self.more(f'address: 127.0.0.1:{port}',
                          'clients: [10.0.0.0/8, "::1", 127.0.0.2]')
        sock = self.dial(port)
        # Much of it is unread when the answer is given.
        sock.sendall(connect_head(9) + b'x' * 100000)
        answer = read_all(sock)
        self.assertRegex(answer, b'^HTTP/1.1 403 ')
        self.assertIn(b'error=http_request_denied', answer)
        why = f'127.0.0.1 is not among the `clients` of the listener ' \
              f'127.0.0.1:{port}'
        self.assertIn(why.encode(), answer)
        sock.close()
        # One that says nothing is told the same.
        sock = self.dial(port)
        self.assertRegex(read_all(sock), b'^HTTP/1.1 403 ')
        sock.close()
        lines = [x for x in proxy.stop() if 'tunnel' in x]
        self.assertEqual([x['event'] for x in lines],
                         ['tunnel.refused'] * 2)
        for line in lines:
            self.assertEqual((line['reason'], line['status']), (why, 403))
            self.assertEqual(line['listener'], f'127.0.0.1:{port}')
            self.assertEqual(line['client']['addr'], '127.0.0.1')
            self.assertGreater(line['client']['port'], 0)

    def test_listed(self):
        server = self.serve(echo)
        port = free_port()
        proxy = self.more(f'address: 127.0.0.1:{port}',
                          'clients: [10.0.0.0/8, 127.0.0.2/31]')
        sock = socket.create_connection(('127.0.0.1', port), DEADLINE,
                                        ('127.0.0.3', 0))
        sock.sendall(connect_head(server.port))
        self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
        sock.close()
        self.assertEqual(proxy.wait_line('tunnel.open')[0]['client']['addr'],
                         '127.0.0.3')

    def test_reverse(self):
        server = self.serve(lambda sock: self.fail('it was dialled'))
        port = free_port()
        proxy = self.more(f'address: 127.0.0.1:{port}', 'mode: reverse',
                          f'server: 127.0.0.1:{server.port}',
                          'clients: [10.0.0.0/8]')
        sock = self.dial(port)
        self.assertEqual(read_all(sock), b'')
        lines = [x for x in proxy.stop() if 'tunnel' in x]
        self.assertEqual([x['event'] for x in lines],
                         ['tunnel.refused'])
        self.assertNotIn('status', lines[0])

    def test_no_open_proxy_by_mistake(self):
        for address in ('0.0.0.0:0', '[::]:0'):
            config = f'''\
                version: 1
                listen:
                  - address: "{address}"
                plugins: [{{name: http}}, {{name: raw}}]
                upgrade: {{"*": raw}}
                '''
            for command in ('run', 'check'):
                code, said = self.run_once(config, command)
                self.assertEqual(code, 78, said)
                self.assertIn(f'c.yaml:3:14: other hosts can reach {address}',
                              said)
                self.assertIn('clients: [', said)


class ProxyHeader(Listen):
    def required(self, *rows, **kw):
        self.in_port = free_port()
        return self.more(f'address: 127.0.0.1:{self.in_port}',
                         'proxy_protocol: required', *rows, **kw)

    def reverse(self, server, **kw):
        return self.required('mode: reverse',
                             f'server: 127.0.0.1:{server.port}', **kw)

    def came(self, proxy, addr, port=None, count=1):
        """So many tunnels of this client were opened."""
        def clients():
            found = [x['client'] for x in proxy.lines('tunnel.open')]
            return [x for x in found if x['addr'] == addr
                    and port in (None, x['port'])]
        wait_until(lambda: len(clients()) == count,
                   f'{count} tunnels of {addr}:{port}')

    def test_connect(self):
        server = self.serve(echo)
        for header in (V1, V2, V2[:14] + b'\x00\x0f' + V2[16:] + b'\x04\0\0'):
            with self.subTest(header=header):
                proxy = self.required()
                sock = self.dial(self.in_port)
                sock.sendall(header + connect_head(server.port) + b'\x01hi')
                self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
                self.assertEqual(read_exactly(sock, 3), b'\x01hi')
                sock.close()
                self.came(proxy, '203.0.113.9', 4711)

    def test_byte_by_byte(self):
        server = self.serve(echo)
        proxy = self.required()
        for count, header in enumerate((V1, V2), 1):
            sock = self.dial(self.in_port)
            for byte in header + connect_head(server.port) + b'\x01':
                sock.sendall(bytes([byte]))
            self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
            self.assertEqual(read_exactly(sock, 1), b'\x01')
            sock.close()
            self.came(proxy, '203.0.113.9', 4711, count)

    def test_reverse(self):
        server = self.serve(echo)
        proxy = self.reverse(server)
        for count, header in enumerate((V1, V2), 1):
            sock = self.dial(self.in_port)
            sock.sendall(header + b'\x01hello')
            self.assertEqual(read_exactly(sock, 6), b'\x01hello')
            sock.close()
            self.came(proxy, '203.0.113.9', 4711, count)

    def test_reverse_server_first(self):
        """Nothing but the header is waited for."""
        server = self.serve(lambda sock: sock.sendall(b'220 hi\r\n'))
        self.reverse(server)
        sock = self.dial(self.in_port)
        sock.sendall(V1)
        self.assertEqual(read_exactly(sock, 8), b'220 hi\r\n')

    def test_nobody_in_particular(self):
        """LOCAL, UNKNOWN, UNIX: whoever has connected is the client."""
        server = self.serve(echo)
        proxy = self.reverse(server)
        for header in (b'PROXY UNKNOWN\r\n',
                       SIGNATURE + b'\x20\x00\x00\x00',
                       SIGNATURE + b'\x21\x00\x00\x00',
                       SIGNATURE + b'\x21\x31\x00\xd8' + b'x' * 216):
            with self.subTest(header=header):
                sock = self.dial(self.in_port)
                sock.sendall(header + b'\x01hello')
                self.assertEqual(read_exactly(sock, 6), b'\x01hello')
                port = sock.getsockname()[1]
                sock.close()
                self.came(proxy, '127.0.0.1', port)

    def test_none_came(self):
        server = self.serve(lambda sock: self.fail('it was dialled'))
        for make in (self.required, lambda: self.reverse(server)):
            proxy = make()
            for first in (connect_head(80), b'\x16\x03\x01\x02\x00',
                          V1.replace(b'TCP4', b'TCP9'),
                          SIGNATURE + b'\x31\x11\x00\x0c' + V2[16:],
                          b'PROXY ' + b'x' * 200):
                with self.subTest(first=first):
                    sock = self.dial(self.in_port)
                    sock.sendall(first)
                    self.assertEqual(self.rest(sock), b'')
            # Cut short.
            for first in (b'', V1[:20], V2[:-1]):
                sock = self.dial(self.in_port)
                sock.sendall(first)
                sock.shutdown(socket.SHUT_WR)
                self.assertEqual(self.rest(sock), b'')
            proxy.wait_line('tunnel.failed', 8)
            lines = [x for x in proxy.stop() if 'tunnel' in x]
            self.assertEqual({x['event'] for x in lines}, {'tunnel.failed'})
            self.assertEqual([x['reason'] for x in lines],
                             ['bad_proxy_header'] * 5 + ['client_fin'] * 3)
            for line in lines:
                self.assertNotIn('status', line)
                self.assertIn('PROXY', line['detail'])

    def rest(self, sock):
        try:
            return read_all(sock)
        except ConnectionResetError:
            return b''
        finally:
            sock.close()

    def test_too_slow(self):
        proxy = self.required(extra='timeouts:\n  head: 2s')
        sock = self.dial(self.in_port)
        sock.sendall(V1[:9])
        self.assertEqual(self.rest(sock), b'')
        line = proxy.wait_line('tunnel.failed')[0]
        self.assertEqual(line['reason'], 'bad_proxy_header')
        self.assertIn('slow', line['detail'])
        # The header is the head's beginning, not a time of its own.
        sock = self.dial(self.in_port)
        sock.sendall(V1 + b'CONNECT ')
        self.assertRegex(read_all(sock), b'^HTTP/1.1 408 ')
        sock.close()
        line = proxy.wait_line('tunnel.failed', 2)[1]
        self.assertEqual(line['client']['addr'], '203.0.113.9')

    def test_not_believed_unasked(self):
        """A listener that requires none takes it for a bad head."""
        proxy = self.proxy()
        status, _, _ = self.ask(proxy, V1 + connect_head(80))
        self.assertEqual(status, 400)

    def test_only_clients_are_believed(self):
        """It is the socket's peer that must be among the clients."""
        server = self.serve(echo)
        proxy = self.required('clients: [127.0.0.1]')
        sock = self.dial(self.in_port)
        sock.sendall(V1 + connect_head(server.port))
        self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
        sock.close()
        proxy.wait_line('tunnel.close')
        proxy = self.required('clients: [203.0.113.0/24]')
        sock = self.dial(self.in_port)
        sock.sendall(V1 + connect_head(server.port))
        self.assertRegex(read_all(sock), b'^HTTP/1.1 403 ')
        sock.close()
        line = proxy.wait_line('tunnel.refused')[0]
        self.assertIn('127.0.0.1 is not among', line['reason'])

    def test_reset_before_the_header(self):
        proxy = self.required()
        sock = self.dial(self.in_port)
        sock.sendall(V1[:9])
        reset(sock)
        line = proxy.wait_line('tunnel.failed')[0]
        self.assertEqual(line['reason'], 'client_reset')

    def test_over_a_unix_socket(self):
        server = self.serve(echo)
        path = self.folder() / 'proxy.sock'
        proxy = self.more(f'address: unix:{path}',
                          'proxy_protocol: required')
        sock = self.dial_path(path)
        sock.sendall(V2 + connect_head(server.port))
        self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
        self.came(proxy, '203.0.113.9', 4711)
        sock.close()

    def test_drain(self):
        proxy = self.required()
        sock = self.dial(self.in_port)
        sock.sendall(V1[:9])
        other = self.dial(proxy.port)     # accepted later than the first
        other.sendall(b'x\r\n\r\n')
        read_all(other)
        other.close()
        proxy.process.send_signal(signal.SIGTERM)
        self.rest(sock)
        lines = proxy.stop()
        self.assertIn('shutdown', [x.get('reason') for x in lines])

    def test_curl(self):
        def handler(sock):
            read_head(sock)
            sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'
                         b'Connection: close\r\n\r\nok')
        server = self.serve(handler)
        proxy = self.reverse(server)
        out = subprocess.run(
            ['curl', '-sS', '--haproxy-protocol', '--noproxy', '*',
             f'http://127.0.0.1:{self.in_port}/x'],
            capture_output=True, timeout=60, check=True).stdout
        self.assertEqual(out, b'ok')
        self.came(proxy, '127.0.0.1')
        self.assertEqual(proxy.wait_line('http.request')[0]['http']['target'],
                         '/x')

    @unittest.skipUnless(HAPROXY, 'haproxy is not installed')
    def test_haproxy(self):
        server = self.serve(echo)
        proxy = self.required('clients: [127.0.0.1]')
        for send in ('send-proxy', 'send-proxy-v2',
                     'send-proxy-v2 proxy-v2-options unique-id,crc32c'):
            with self.subTest(send=send):
                front = self.haproxy(send)
                sock = socket.create_connection(
                    ('127.0.0.1', front), DEADLINE, ('127.0.0.7', 0))
                sock.sendall(connect_head(server.port) + b'\x01hi')
                self.assertRegex(read_head(sock), b'^HTTP/1.1 200 ')
                self.assertEqual(read_exactly(sock, 3), b'\x01hi')
                port = sock.getsockname()[1]
                sock.close()
                self.came(proxy, '127.0.0.7', port)

    def haproxy(self, send):
        """The port of an haproxy in front of in_port."""
        port = free_port()
        config = self.folder() / 'haproxy.cfg'
        config.write_text(textwrap.dedent(f'''\
            defaults
                mode tcp
                timeout connect {DEADLINE}s
                timeout client {DEADLINE}s
                timeout server {DEADLINE}s
            listen front
                bind 127.0.0.1:{port}
                unique-id-format %pid
                server fairlead 127.0.0.1:{self.in_port} {send}
            '''))
        process = subprocess.Popen([HAPROXY, '-db', '-q', '-f', config])

        def stop():
            process.terminate()
            process.wait(DEADLINE)
        self.addCleanup(stop)
        wait_until(lambda: listens(port), 'haproxy to listen')
        return port
