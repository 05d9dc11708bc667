# SPDX-License-Identifier: MIT
"""A second process that cleans up after us, however we end, and ends what hangs.

Run as a program it reads one JSON object a line from its standard input, a pipe that only the
process which started it holds:

    {"daemon": PID, "mount": PATH}   started; a process with its mountpoint
    {"gone": PID}                    that one was waited for
    {"tree": PATH}                   temporary folder
    {"deadline": SECONDS}            kill all daemons when it has passed; 0 takes it back
    {"done": true}                   everything was cleaned up: leave

End of file before "done" means that we were killed: daemons get SIGTERM, then SIGKILL; mounts are
detached; temporary folders removed. The deadline lives here because a page fault in a mapped file
that hangs holds Python's interpreter lock: no thread of ours could run then.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness.paths import detach, mounts_below  # noqa: E402

GRACE = 5.0  # seconds a daemon gets to unmount by itself


class Janitor:
    """The side that tells. One per process is enough: janitor()."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, os.path.abspath(__file__)],
                                         stdin=subprocess.PIPE, start_new_session=True)

    def tell(self, **message):
        """Send one message. A janitor that is gone must not break a test run."""
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            print("harness: the janitor is gone", file=sys.stderr)

    def done(self):
        """All is clean: it leaves."""
        self.tell(done=True)
        self._process.stdin.close()
        self._process.wait()


_JANITOR = None


def janitor():
    """The janitor of this process, started when it is first needed."""
    global _JANITOR
    if _JANITOR is None:
        _JANITOR = Janitor()
    return _JANITOR


def dismiss():
    """Let the janitor of this process go, if there is one."""
    global _JANITOR
    if _JANITOR is not None:
        _JANITOR.done()
        _JANITOR = None


# -- the other side ---------------------------------------------------------------------


class _Charge:
    """What has been reported and not yet taken back."""

    def __init__(self):
        self.daemons = {}  # pid -> (pidfd, mountpoint)
        self.trees = []
        self.deadline = None

    def take(self, message):
        """Apply one message; False ends the work."""
        if "daemon" in message:
            try:
                self.daemons[message["daemon"]] = (os.pidfd_open(message["daemon"]), message["mount"])
            except ProcessLookupError:
                pass
        elif "gone" in message:
            pidfd, _ = self.daemons.pop(message["gone"], (None, None))
            if pidfd is not None:
                os.close(pidfd)
        elif "tree" in message:
            self.trees.append(message["tree"])
        elif "deadline" in message:
            seconds = message["deadline"]
            self.deadline = time.monotonic() + seconds if seconds else None
        return "done" not in message

    def signal_all(self, number):
        """Send a signal to every daemon that still runs; a pidfd never hits a stranger."""
        for pidfd, _ in self.daemons.values():
            try:
                signal.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                pass

    def overdue(self):
        """The deadline has passed: say where each thread stands, then kill."""
        for pid in self.daemons:
            print("janitor: deadline passed, killing daemon %d: %s" % (pid, _where(pid)), file=sys.stderr)
        self.signal_all(signal.SIGKILL)
        self.deadline = None

    def clean(self):
        """The process that started us is gone: end what it left."""
        self.signal_all(signal.SIGTERM)
        end = time.monotonic() + GRACE
        for pidfd, _ in self.daemons.values():
            select.select([pidfd], [], [], max(0.0, end - time.monotonic()))
        self.signal_all(signal.SIGKILL)
        for _, mount in self.daemons.values():
            detach(mount)
        for tree in self.trees:
            if not mounts_below(tree):
                shutil.rmtree(tree, ignore_errors=True)


def _where(pid):
    places = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            base = "/proc/%d/task/%s/" % (pid, task)
            with open(base + "comm", encoding="ascii", errors="replace") as comm:
                with open(base + "wchan", encoding="ascii", errors="replace") as wchan:
                    places.append(comm.read().strip() + " in " + wchan.read().strip())
    except OSError:
        places.append("?")
    return ", ".join(places)


def main():
    """Read messages until "done", end of file, or the deadline."""
    charge, pending = _Charge(), b""
    while True:
        wait = None if charge.deadline is None else max(0.0, charge.deadline - time.monotonic())
        if not select.select([0], [], [], wait)[0]:
            charge.overdue()
            continue
        data = os.read(0, 65536)
        if not data:
            charge.clean()
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            if not charge.take(json.loads(line)):
                return


if __name__ == "__main__":
    main()
