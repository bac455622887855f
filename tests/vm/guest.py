#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What tests/vm/run runs inside: fairlead.service under a real systemd.

Each step goes on from where the last one left the service.  The last line says
`== all is well`, or which steps failed.
"""

import asyncio
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import threading
import time
import traceback

import talk

HERE = pathlib.Path(__file__).resolve().parent
LOG = pathlib.Path('/var/log/fairlead/events.json')
CONFIG = pathlib.Path('/etc/fairlead/fairlead.yaml')
PLUGINS = next(pathlib.Path('/mnt/test/tree/usr/lib').glob(
    '**/fairlead/plugins'))
PLUGINS = pathlib.Path('/') / PLUGINS.relative_to('/mnt/test/tree')
SECONDS = 300       # only to end what hangs


def sh(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f'{command}: {done.stdout}{done.stderr}')
    return done.stdout.strip()


def ctl(*command, **kw):
    return sh('systemctl', *command, **kw)


def show(name):
    return ctl('show', '-P', name, 'fairlead')


def state():
    return f'{show("ActiveState")} {show("SubState")}'


def wait(condition, what):
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain for {what}; {state()}')
        time.sleep(0.1)
    return value


def status(pid):
    """/proc/PID/status."""
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return {k: v.strip() for k, _, v in
            (line.partition(':') for line in text.splitlines())}


def main_pid():
    return int(show('MainPID'))


def workers():
    """Those that serve, as the log has them."""
    alive = {}
    for line in talk.events('proxy.worker'):
        if line['state'] == 'serves':
            alive[int(line['pid'])] = int(line['generation'])
        else:
            alive.pop(int(line['pid']), None)
    return [p for p, g in alive.items() if g == max(alive.values())
            and pathlib.Path(f'/proc/{p}').exists()]


def configure():
    text = pathlib.Path('/usr/share/doc/fairlead/service.yaml').read_text()
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(text + 'workers: 2\ndestinations:\n'
                      '  allow: [127.0.0.0/8]\nsecurity:\n'
                      '  seccomp: required\n  landlock: required\n')


def begin_starved(how):
    """A start takes what it takes; then a fifth of a processor is left."""
    ctl('set-property', '--runtime', 'fairlead', 'CPUQuota=')
    chain(how)
    ctl('restart', 'fairlead')
    ctl('set-property', '--runtime', 'fairlead', 'CPUQuota=20%')
    LOG.write_text('')


# ----------------------------------------------------------------------

def install():
    """The tree, the user, the configuration, as the README says."""
    shutil.copytree(HERE / 'tree', '/', dirs_exist_ok=True)
    sh('systemd-sysusers')
    configure()
    shutil.copy('/usr/share/doc/fairlead/fairlead.logrotate',
                '/etc/logrotate.d/fairlead')
    ctl('daemon-reload')
    said = sh('systemd-analyze', 'verify', 'fairlead.service')
    assert 'fairlead' not in said, said


def start():
    ctl('start', 'fairlead')
    assert state() == 'active running', state()
    assert show('Type') == 'notify'
    assert show('StatusText') == 'generation 1, 2 workers', show('StatusText')
    user = pwd.getpwnam('fairlead')
    for pid in [main_pid()] + wait(workers, 'workers'):
        its = status(pid)
        assert its['Uid'].split() == [str(user.pw_uid)] * 4, its['Uid']
        assert its['CapEff'] == its['CapBnd'] == '0' * 16, its
    print(sh('systemctl', 'status', '--no-pager', 'fairlead'))


def guards():
    """`required`, so that it would not have started; and as seen here."""
    filters = int(status(main_pid())['Seccomp_filters'])
    for pid in workers():
        its = status(pid)
        assert (its['Seccomp'], its['NoNewPrivs']) == ('2', '1'), its
        assert int(its['Seccomp_filters']) == filters + 1, its
    assert not talk.events('proxy.unguarded')
    said = sh('journalctl', '-k', '--grep', 'type=1326', check=False)
    assert 'fairlead' not in said, said


def traffic():
    for more in ([], ['-p']):
        body = sh('curl', '-sSf', *more, '-x', 'http://127.0.0.1:3128',
                  f'http://127.0.0.1:{talk.WEB}/etc/hostname')
        assert body == pathlib.Path('/etc/hostname').read_text().strip()
    asyncio.run(talk.websocket(3))
    wait(lambda: len(talk.events('ws.frame', dir='c2s')) == 4, 'its frames')
    assert LOG.owner() == 'fairlead' and LOG.stat().st_mode & 0o777 == 0o640


def admin():
    """By root, at the default place."""
    out = sh('fairlead', 'status')
    assert 'serving' in out and str(main_pid()) in out, out
    assert 'fairlead' in sh('fairlead', 'metrics')
    with talk.connect(talk.ECHO):
        assert '127.0.0.1' in sh('fairlead', 'tunnels')


def reload():
    kept = talk.connect(talk.WEB)
    old = set(workers())
    ctl('reload', 'fairlead')
    wait(lambda: show('StatusText') == 'generation 2, 2 workers', 'the reload')
    assert state() == 'active running' and show('NRestarts') == '0'
    wait(lambda: len(workers()) == 2 and not old & set(workers()), 'workers')
    kept.sendall(b'GET / HTTP/1.0\r\n\r\n')
    assert kept.recv(4096).startswith(b'HTTP/1.')
    kept.close()
    assert talk.get() == 200


def bad_reload():
    good = CONFIG.read_text()
    CONFIG.write_text(good + 'nonsense: 1\n')
    ctl('reload', 'fairlead')
    wait(lambda: talk.events('proxy.reload', result='failed'), 'the failure')
    wait(lambda: show('StatusText') == 'generation 2, 2 workers', 'READY=1')
    CONFIG.write_text(good)
    assert state() == 'active running' and talk.get() == 200


def replaced_plugin():
    """What runs keeps its code; the next generation has the new."""
    path = PLUGINS / 'raw.so'
    with talk.connect(talk.ECHO) as kept:
        shutil.copy(path, f'{path}.new')
        os.rename(f'{path}.new', path)
        path.write_bytes(path.read_bytes())
        ctl('reload', 'fairlead')
        wait(lambda: show('StatusText').startswith('generation 4'), 'reload')
        kept.sendall(b'x')
    assert talk.get() == 200


def killed_worker():
    victim, other = wait(lambda: len(workers()) == 2 and workers(), 'two')
    pid = main_pid()
    os.kill(victim, signal.SIGKILL)
    wait(lambda: len(workers()) == 2 and victim not in workers(), 'another')
    assert other in workers()
    assert main_pid() == pid and state() == 'active running'
    assert show('NRestarts') == '0'
    assert talk.get() == 200


def rotation():
    before = len(talk.events())
    sh('logrotate', '-f', '/etc/logrotate.d/fairlead')
    wait(LOG.exists, 'a new log')
    assert talk.get() == 200
    wait(lambda: talk.events('tunnel.close'), 'lines in it')
    old = talk.events(path=f'{LOG}.1')
    assert len(old) >= before, (len(old), before)
    assert LOG.owner() == 'fairlead'


def watchdog():
    """A supervisor that stands still is replaced, and all its processes."""
    pid, old = main_pid(), sh('systemctl', 'show', '-P', 'ControlGroup',
                              'fairlead')
    before = set(cgroup(old))
    os.kill(pid, signal.SIGSTOP)
    wait(lambda: show('NRestarts') == '1' and state() == 'active running',
         'systemd to start another')
    assert main_pid() != pid and not before & set(cgroup(old))
    assert show('Result') == 'success'
    assert talk.get() == 200
    said = sh('journalctl', '-u', 'fairlead', '--no-pager')
    assert 'Watchdog timeout' in said, said


def cgroup(name):
    return pathlib.Path(f'/sys/fs/cgroup{name}/cgroup.procs'
                        ).read_text().split()


def drain():
    """An open tunnel has its time; a new client is refused."""
    tunnel = talk.connect(talk.WEB)
    threading.Timer(5, lambda: (tunnel.sendall(
        b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))).start()
    began = time.monotonic()
    stop = subprocess.Popen(['systemctl', 'stop', 'fairlead'])
    wait(lambda: state() == 'deactivating stop-sigterm', 'the drain')
    assert show('StatusText') == 'draining'
    try:
        talk.connect(talk.WEB)
        raise AssertionError('it lets clients in')
    except ConnectionRefusedError:
        pass
    got = b''
    while some := tunnel.recv(65536):
        got += some
    assert got.startswith(b'HTTP/1.1 200'), got[:100]
    tunnel.close()
    assert stop.wait(SECONDS) == 0
    took = time.monotonic() - began
    assert state() == 'inactive dead' and show('Result') == 'success'
    assert 4 < took < 60, took
    assert talk.events()[-1]['event'] == 'proxy.stop'


def drain_in_vain():
    """A tunnel that stays is cut before systemd has to."""
    ctl('start', 'fairlead')
    tunnel = talk.connect(talk.ECHO)
    began = time.monotonic()
    ctl('stop', 'fairlead')
    took = time.monotonic() - began
    assert 29 < took < 59, took
    assert show('Result') == 'success' and show('ExecMainStatus') == '0'
    assert tunnel.recv(1) == b''
    assert talk.events('tunnel.close')[-1]['end'] == 'shutdown'


def activation():
    """systemd owns the socket: clients wait while the proxy is restarted."""
    pathlib.Path('/etc/systemd/system/fairlead.socket').write_text(
        '[Socket]\nListenStream=127.0.0.1:3128\nBacklog=512\n')
    ctl('daemon-reload')
    ctl('start', 'fairlead.socket')
    assert state() == 'inactive dead'
    assert talk.get() == 200            # it is started for that
    assert state() == 'active running'
    stop = threading.Thread(target=ctl, args=('restart', 'fairlead'))
    stop.start()
    while stop.is_alive():
        assert talk.get() == 200
    stop.join()
    ctl('stop', 'fairlead.socket', 'fairlead')
    os.unlink('/etc/systemd/system/fairlead.socket')
    ctl('daemon-reload')


def bad_configuration():
    """Said in the journal, and not tried again and again."""
    CONFIG.write_text('version: 1\nlisten: 3128\n')
    ctl('start', 'fairlead', check=False)
    wait(lambda: state() == 'failed failed', 'it to give up')
    assert show('ExecMainStatus') == '78', show('ExecMainStatus')
    assert show('NRestarts') == '0', show('NRestarts')
    assert f'{CONFIG}:2:' in sh('journalctl', '-u', 'fairlead', '-n', '30')
    ctl('reset-failed', 'fairlead')
    configure()


def chain(how):
    """`fault` first: it passes all until a client says the word."""
    configure()
    shutil.copy(HERE / 'fault.so', PLUGINS / 'fault.so')
    CONFIG.write_text(CONFIG.read_text().replace(
        'plugins:\n', 'plugins:\n  - name: fault\n    options: '
        f'{{how: {how}, where: data}}\n'))


def throttled():
    path = f'/sys/fs/cgroup{show("ControlGroup")}/cpu.stat'
    text = pathlib.Path(path).read_text().split()
    return dict(zip(text[::2], map(int, text[1::2])))


def false_alarms():
    """CPUQuota=20%, and more to do than that: nobody is blamed."""
    minutes = float((HERE / 'minutes').read_text())
    begin_starved('loop')
    began, end = throttled(), time.monotonic() + minutes * 60
    counts, problems = {'http': 0, 'websocket': 0}, []

    def client(kind, one):
        while time.monotonic() < end:
            try:
                one()
                counts[kind] += 1
            except Exception as e:
                problems.append(f'{kind}: {e!r}')

    threads = [threading.Thread(target=client, args=args) for args in
               2 * [('http', talk.get)] + 4 * [
                   ('websocket', lambda: asyncio.run(
                       talk.websocket(100, 1000)))]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = throttled()
    print(f'{minutes} minutes: {counts["http"]} requests, '
          f'{counts["websocket"]} WebSockets of 100 messages; periods '
          f'{now["nr_periods"] - began["nr_periods"]}, throttled '
          f'{now["nr_throttled"] - began["nr_throttled"]}, for '
          f'{(now["throttled_usec"] - began["throttled_usec"]) // 10**6} s; '
          f'ran {(now["usage_usec"] - began["usage_usec"]) // 10**6} s')
    assert not problems, problems[:5]
    assert now['nr_throttled'] > began['nr_throttled']
    bad = [e for e in talk.events() if e['event'] in (
        'plugin.slow', 'plugin.error', 'plugin.quarantined', 'proxy.worker')]
    assert not bad, bad[:5]
    assert show('NRestarts') == '0'


def true_alarm(how, field):
    """The same quota: what does hang is found."""
    begin_starved(how)
    sock = talk.connect(talk.ECHO)
    began = time.monotonic()
    sock.sendall(b'\0boom')
    wait(lambda: talk.events('plugin.slow', plugin='fault'), 'plugin.slow')
    wait(lambda: talk.events('plugin.error', plugin='fault'), 'plugin.error')
    slow = talk.events('plugin.slow')[0]
    print(f'{how}: slow after {slow["cpu_ms"]} ms of work and '
          f'{slow["asleep_ms"]} ms of sleep, blamed after '
          f'{time.monotonic() - began:.1f} s')
    assert slow[field] >= 100, slow
    wait(lambda: talk.events('proxy.worker', state='serves'), 'another worker')
    assert talk.get() == 200
    sock.close()


def loop_is_found():
    true_alarm('loop', 'cpu_ms')


def deadlock_is_found():
    true_alarm('deadlock', 'asleep_ms')


def journal():
    ctl('stop', 'fairlead')
    print(sh('journalctl', '-u', 'fairlead', '--no-pager', '-o', 'cat'))


STEPS = [install, start, guards, traffic, admin, reload, bad_reload,
         replaced_plugin, killed_worker, rotation, watchdog, drain,
         drain_in_vain, activation, bad_configuration, loop_is_found,
         deadlock_is_found, false_alarms, journal]


def main():
    failed = []
    os.chdir('/')
    talk.serve()
    wanted = (HERE / 'steps').read_text().split()
    for step in STEPS:
        if wanted and step.__name__ not in wanted:
            continue
        print(f'== {step.__name__}', flush=True)
        try:
            step()
        except Exception:
            traceback.print_exc()
            print(sh('journalctl', '--no-pager', '-n', '15', '-o',
                     'short-monotonic'), flush=True)
            failed.append(step.__name__)
            if step in (install, start):
                break
    print('== failed: ' + ' '.join(failed) if failed else '== all is well',
          flush=True)


main()
