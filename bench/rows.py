# SPDX-License-Identifier: MIT
"""What is measured: a row is a run of the load, and one or more figures that
are read from its result.

A figure's budget is a bound on its value or on its ratio to a peer's, of the
same round.
"""

import dataclasses
import typing


@dataclasses.dataclass
class Figure:
    what: str
    unit: str
    read: typing.Callable           # (result, direct's result) -> value
    times: dict = dataclasses.field(default_factory=dict)   # peer: bound
    most: typing.Optional[float] = None
    digits: int = 2


@dataclasses.dataclass
class Row:
    name: str
    work: str                       # of load
    port: str                       # of the peers: http or stream
    figures: list
    options: dict                   # of load
    logged: dict = dataclasses.field(default_factory=dict)
    rounds: typing.Optional[int] = None     # at most
    direct: bool = False            # without a proxy, too
    warm_tunnels: int = 0           # opened and closed before
    length: typing.Optional[str] = None     # the setting for its seconds


def us_per_unit(result, _):
    return result['cpu_ns'] / result['units'] / 1e3


def s_per_gb(result, _):
    return result['cpu_ns'] / result['units']       # ns a byte: s a GB


def kib_per_tunnel(result, _):
    return (result['after_kib'] - result['before_kib']) / result['tunnels']


def kib_at_most(result, _):
    return (result['max_kib'] - result['before_kib']) / result['tunnels']


def last_over_first(result, _):
    return result['last_kib'] / result['first_kib']


def rtt_added(result, direct):
    return result['p50_us'] - direct['p50_us']


def rtt_p99(result, _):
    return result['p99_us']


def slow(name, work, port, payload):
    return Row(name, work, port, [
        Figure('memory at most', 'KiB a tunnel', kib_at_most),
        # What trickles through in that time would be more, if it stayed.
        Figure('memory, last third over first', 'x', last_over_first,
               most=1.02, digits=3),
    ], {'tunnels': 500, 'payload': payload, 'trickle': 8192, 'buffer': 16384},
               rounds=1, warm_tunnels=16, length='long')


def table(idle):
    """All rows."""
    return [
        Row('ws-echo', 'ws-echo', 'http', [
            Figure('echo of 125 B', 'us an echo', us_per_unit,
                   {'nginx': 1.10}),
        ], {'tunnels': 16, 'payload': 125}, {'ws.frame': 2}),
        Row('ws-down', 'ws-down', 'http', [
            Figure('4 KiB frames from the server', 'us a frame', us_per_unit,
                   {'haproxy': 0.6}),
        ], {'tunnels': 4, 'payload': 4096}, {'ws.frame': 1}),
        Row('ws-up', 'ws-up', 'http', [
            Figure('4 KiB frames from the client', 'us a frame', us_per_unit,
                   {'haproxy': 0.6}),
        ], {'tunnels': 4, 'payload': 4096}, {'ws.frame': 1}),
        Row('raw-down', 'raw-down', 'stream', [
            Figure('bytes from the server', 's a GB', s_per_gb,
                   {'nginx': 0.45}),
        ], {'tunnels': 4}),
        Row('raw-up', 'raw-up', 'stream', [
            Figure('bytes from the client', 's a GB', s_per_gb,
                   {'nginx': 0.35}),
        ], {'tunnels': 4}),
        Row('http-keepalive', 'http', 'http', [
            Figure('requests, 512 B back', 'us a request', us_per_unit,
                   {'haproxy': 0.9}),
        ], {'tunnels': 16, 'payload': 512}, {'http.request': 1}),
        Row('connect', 'short', 'stream', [
            Figure('short tunnels', 'us a tunnel', us_per_unit,
                   {'nginx': 1.3}, digits=1),
        ], {'tunnels': 16, 'payload': 64},
            {'tunnel.open': 1, 'tunnel.close': 1}),
        Row('idle-raw', 'idle-raw', 'stream', [
            Figure('idle tunnels', 'KiB a tunnel', kib_per_tunnel, most=2.0),
        ], {'tunnels': idle, 'payload': 64}, rounds=3, warm_tunnels=16),
        Row('idle-ws', 'idle-ws', 'http', [
            Figure('idle WebSockets', 'KiB a tunnel', kib_per_tunnel,
                   most=3.0),
        ], {'tunnels': idle, 'payload': 64}, rounds=3, warm_tunnels=16),
        Row('latency', 'probe', 'http', [
            Figure('added to a round trip, median', 'us', rtt_added,
                   {'nginx': 1.0}, digits=1),
        ], {'tunnels': 1, 'payload': 64}, {'ws.frame': 2}, direct=True),
        Row('latency-busy', 'probe', 'http', [
            Figure('round trip among 1000 tunnels, p99', 'us', rtt_p99,
                   {'nginx': 1.5}, digits=1),
        ], {'tunnels': 1001, 'payload': 64, 'echo-ms': 50}, {'ws.frame': 2},
            length='probe'),
        slow('slow-raw', 'slow-raw', 'stream', 125),
        slow('slow-ws', 'slow-ws', 'http', 4096),
    ]
