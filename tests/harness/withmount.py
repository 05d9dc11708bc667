# SPDX-License-Identifier: MIT
"""The program behind tests/with-mount."""
import argparse
import ctypes
import http.server
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time

from emulator.launch import LocalDriveError
from harness.janitor import dismiss
from harness.mount import daemon_env
from harness.paths import HarnessError
from harness.rig import Rig

UNCLEAN = 90  # exit status when CMD was content and the mounts were not
FAILED = 125  # the mounts could not be started
GRACE = 10.0  # seconds CMD gets to end after a signal

HELP = """\
Run CMD beside N mounts of one fresh folder in a fresh local Drive, each mount with a cache and a
service account of its own. Nothing is left behind at the end: no process, mount or folder.

CMD finds in its environment:
  DRIVE_URL       https://localhost:PORT, where the local Drive listens
  DRIVE_CA        the CA certificate to trust for that
  DRIVE_FOLDER    id of the fresh folder, on a shared drive
  DRIVE_KEY       key file of one more service account, for CMD itself
  DRIVE_CONTROL   http://127.0.0.1:PORT: request log, faults, state (tests/emulator/README.md)
  DRIVE_RESTART   shell command: kill the local Drive, start it again with the same state and ports
  MNT MNT2 ...    the mounts
  CACHE CACHE2 ...  their cache folders
  LOG LOG2 ...    what their daemons log
  MOUNT_PID MOUNT_PID2 ...  their daemons
  REMOUNT REMOUNT2 ...  shell command: mount the same again, after a crash or an unmount; prints
                  the new pid. Use: pid=$(eval "$REMOUNT")
"""
EPILOG = """\
Exit status: CMD's (128 + N when signal N ended it); 90 when CMD's was 0 but an unmount failed, a
daemon crashed, `status` showed bytes that are not in Drive, or a log held a suspicious line (it
says which); 125 when the mounts could not be started.

Environment: MODE=release|debug|asan|tsan chooses build/MODE/drivefs-models, DFM_BINARY any other;
DFM_PATIENCE: seconds after which a daemon without an answer is taken for hung and killed (30).

  tests/with-mount -- sh -c 'echo hello >"$MNT/a" && cat "$MNT/a"'
  tests/with-mount --mounts 2 -o poll=1 -- bash        # to try things out; `exit` cleans up
"""


def parse(argv):
    """The command line."""
    parser = argparse.ArgumentParser(prog="with-mount", description=HELP, epilog=EPILOG,
                                     usage="with-mount [options] -- CMD [ARGUMENT...]",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mounts", type=int, default=1, metavar="N", help="how many mounts (default 1)")
    parser.add_argument("-o", action="append", default=[], dest="options", metavar="OPTIONS",
                        help="mount options for all of them, as in -o poll=1,ro")
    parser.add_argument("--latency", metavar="PROFILE", choices=["none", "real"],
                        help="real: answer as slowly as Google Drive does")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder and say where it is")
    parser.add_argument("--state", metavar="DIR",
                        help="keep everything in DIR, and go on from what an earlier run left there")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command:
        parser.error("no CMD: with-mount -- CMD [ARGUMENT...]")
    if args.mounts < 1:
        parser.error("--mounts needs a number from 1 on")
    return args


def say(text):
    """One line for the user."""
    print("with-mount: " + text, file=sys.stderr, flush=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    """What DRIVE_RESTART and REMOUNT ask for: POST /restart, POST /remount/N."""

    def do_POST(self):  # noqa: N802, pylint: disable=invalid-name
        """Carry it out in this process, so that what it starts is our child."""
        rig = self.server.rig
        try:
            if self.path == "/restart":
                rig.restart_drive()
                status, text = 200, str(rig.drive.pid)
            else:
                number = int(re.fullmatch(r"/remount/(\d+)", self.path).group(1))
                status, text = 200, str(rig.mounts[number - 1].remount())
        except (HarnessError, LocalDriveError, OSError, AttributeError, IndexError) as error:
            status, text = 500, "%s" % error
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode() + b"\n")

    def log_message(self, *_):
        """Quiet."""


class _Server(http.server.HTTPServer):
    timeout = 5

    def __init__(self, rig):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rig = rig


class _Signals:
    """SIGINT, SIGTERM and SIGHUP to us are passed on to CMD; a pipe wakes up the waiting loop."""

    def __init__(self):
        self.first, self.command, self.since = None, None, None
        self.read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._arrived)

    def _arrived(self, number, _):
        again, self.first = self.first is not None, self.first or number
        self.since = self.since or time.monotonic()
        if self.command is not None:
            self.command.send_signal(number)
        elif again:  # while starting, the first one waits until all that runs is known
            raise KeyboardInterrupt

    def overdue(self):
        """CMD was told to end and did not."""
        return self.since is not None and time.monotonic() - self.since > GRACE


def _child_setup():
    """In CMD before exec: end with with-mount, whatever ends it."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _adopt_orphans():
    """What CMD leaves running becomes our child, so that the end can find it."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)


def run(command, env, server, signals):
    """Run CMD, serving REMOUNT and DRIVE_RESTART meanwhile; returns a shell's view of its status."""
    try:
        process = signals.command = subprocess.Popen(command, env=env, preexec_fn=_child_setup)
    except OSError as error:
        say("cannot run %s: %s" % (command[0], error.strerror))
        return 126 if isinstance(error, PermissionError) else 127
    if signals.first is not None:  # it came before there was anybody to pass it on to
        process.send_signal(signals.first)
    pidfd = os.pidfd_open(process.pid)
    while process.poll() is None:
        ready, _, _ = select.select([pidfd, server, signals.read_end], [], [], 1 if signals.since else None)
        if server in ready:
            server.handle_request()
        if signals.read_end in ready:
            os.read(signals.read_end, 512)
        if signals.overdue():
            process.kill()
    os.close(pidfd)
    signals.command = None
    return 128 - process.returncode if process.returncode < 0 else process.returncode


def _children():
    with open("/proc/self/task/%d/children" % os.getpid(), encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def sweep(before):
    """End the processes that CMD left behind: they would keep mounts busy. `before`: our own."""
    left = [pid for pid in _children() if pid not in before]
    running = [pid for pid in left if not _reap(pid)]
    if running:
        say("ending what CMD left running: process %s" % ", ".join(map(str, running)))
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        end = time.monotonic() + patience
        while left and time.monotonic() < end:
            for pid in left:
                _signal_and_reap(pid, number)
            left = [pid for pid in _children() if pid not in before]
            if left:
                select.select([], [], [], 0.02)


def _reap(pid):
    """Has that child ended?"""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _signal_and_reap(pid, number):
    try:
        os.kill(pid, number)
        _reap(pid)
    except ProcessLookupError:
        pass


def _own(rig):
    """Pids of our own children: the daemons, the local Drive, the janitor."""
    own = {mount.pid for mount in rig.mounts if mount.process is not None}
    if rig.drive is not None and rig.drive.process is not None:
        own.add(rig.drive.pid)
    return own


def _deafen():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def session(args, signals, rig):
    """Start all and run CMD; returns CMD's status."""
    rig.start()
    if signals.first is not None:
        return 128 + signals.first
    helpers = set(_children()) - _own(rig)
    server = _Server(rig)
    port = server.server_address[1]
    env = {**daemon_env(), **rig.env()}
    again = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask.py"), str(port)]
    env["DRIVE_RESTART"] = shlex.join([*again, "/restart"])
    for mount in rig.mounts:
        suffix = "" if mount.number == 1 else str(mount.number)
        env["REMOUNT" + suffix] = shlex.join([*again, "/remount/%d" % mount.number])
    status = run(args.command, env, server, signals)
    server.server_close()
    _deafen()  # cleaning up takes a moment and must not be cut short
    sweep(helpers | _own(rig))
    return status


def main(argv):
    """The whole program; returns the exit status."""
    args = parse(argv)
    signals = _Signals()
    _adopt_orphans()
    rig = Rig(args.mounts, args.options, args.latency, args.state, args.keep)
    status, complaints = FAILED, []
    try:
        status = session(args, signals, rig)
    except (HarnessError, LocalDriveError) as error:
        say(str(error))
    except KeyboardInterrupt:
        pass
    finally:
        _deafen()
        complaints = rig.stop()
        dismiss()
    for text in complaints:
        say(text)
    if args.keep and not args.state:
        say("kept: " + str(rig.base))
    if signals.first is not None:
        return 128 + signals.first
    return UNCLEAN if complaints and status == 0 else status

