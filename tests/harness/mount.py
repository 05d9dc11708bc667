# SPDX-License-Identifier: MIT
"""One mount of drivefs-models: start, wait until it answers, ask, unmount, mount again.

The daemon runs with -f as a child of this process, so that its pid, its exit status and what it
writes (log lines, sanitizer reports) are known for certain. It has a session of its own: a ^C in
the terminal is for the command under test, not for it.
"""
import json
import os
import re
import select
import shlex
import signal
import subprocess
import time

from harness.janitor import janitor
from harness.paths import HarnessError, binary, detach, is_mounted

START_DEADLINE = 60.0  # seconds; sanitizer builds on a loaded machine are slow
STOP_DEADLINE = 60.0
# A daemon that does not even answer `status` for this long is hung: it is killed, not waited for.
PATIENCE = float(os.environ.get("DFM_PATIENCE") or 30)

# A log line that no test may leave behind, whatever it tests.
SUSPICIOUS = re.compile(
    r"Sanitizer|runtime error:|lock order|deadlock|Assertion|assertion failed|stack smashing|\*\*\* |"
    r"double free|corrupted|Segmentation fault|fuse: bad|unknown error", re.IGNORECASE)
_SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
               "UBSAN_OPTIONS": "print_stacktrace=1",
               "TSAN_OPTIONS": "exitcode=99:second_deadlock_stack=1"}


def escape(value):
    """A value for -o: libfuse splits at commas and takes a backslash as escape."""
    return str(value).replace("\\", "\\\\").replace(",", "\\,")


def daemon_env():
    """Our environment, with strict sanitizers and no proxy between us and the loopback."""
    env = {**_SANITIZERS, **os.environ}
    env.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    env["NO_PROXY"] = env["no_proxy"] = "localhost,127.0.0.1"
    return env


class Mount:
    """A mount of `folder` at `path`, as `number` of a rig. Cache and log lie beside it."""

    def __init__(self, base, number, drive, key, folder=None, options=()):
        suffix = "" if number == 1 else str(number)
        self.number, self.drive, self.key = number, drive, key
        self.folder, self.options = folder or drive.folder, tuple(options)
        self.path = os.path.join(base, "mnt" + suffix)
        self.cache = os.path.join(base, "cache" + suffix)
        self.log = os.path.join(base, "log" + suffix)
        self.process, self.hung = None, False
        self.ended = []  # exit statuses of earlier daemons, and of this one once it was waited for

    # -- start ---------------------------------------------------------------------------

    def command(self, foreground=True):
        """The daemon's command line."""
        pairs = {"cache_dir": self.cache, "key_file": self.key, "api_root": self.drive.url,
                 "ca_file": self.drive.ca}
        options = ["%s=%s" % (name, escape(value)) for name, value in pairs.items() if value]
        if not foreground:
            options.append("log_file=" + escape(self.log))
        return [binary(), *(["-f"] if foreground else []), "-o", ",".join([*options, *self.options]),
                self.folder, self.path]

    def start(self):
        """Mount, and return once the mount answers. Raises HarnessError with the daemon's words."""
        os.makedirs(self.path, exist_ok=True)
        os.makedirs(self.cache, mode=0o700, exist_ok=True)
        with open(self.log, "ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True, env=daemon_env())
        janitor().tell(daemon=self.process.pid, mount=self.path)
        try:
            self._await_mount()
        except HarnessError as error:
            self.close()
            raise HarnessError("%s\n%s" % (error, self.log_text(begin)[-3000:].strip())) from None
        return self

    def _await_mount(self):
        """Sleep on the mount table, which announces its changes, and on the daemon's end."""
        end = time.monotonic() + START_DEADLINE
        pidfd = os.pidfd_open(self.process.pid)
        table = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        try:
            waiting = select.poll()
            waiting.register(table, select.POLLPRI | select.POLLERR)
            waiting.register(pidfd, select.POLLIN)
            while not is_mounted(self.path):
                if self.process.poll() is not None:
                    self._reaped()
                    raise HarnessError("the daemon ended with status %d before it had mounted" % self.ended[-1])
                if time.monotonic() > end:
                    raise HarnessError("no mount after %g s" % START_DEADLINE)
                waiting.poll(1000 * max(0.0, end - time.monotonic()))
        finally:
            os.close(table)
            os.close(pidfd)
        self._first_answer()

    def _first_answer(self):
        """A mount that is in the table may still refuse to answer: ask for its root."""
        try:
            subprocess.run(["stat", "-c", "%i", "--", self.path], check=True, timeout=START_DEADLINE,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            raise HarnessError("the mount does not answer") from None
        except subprocess.CalledProcessError as error:
            raise HarnessError(error.stderr.decode(errors="replace").strip()) from None

    @property
    def pid(self):
        """The daemon's process id."""
        return self.process.pid

    def alive(self):
        """Does the daemon run?"""
        return self.process is not None and self.process.poll() is None

    def was_unmounted(self):
        """Did it end as asked for by unmount()?"""
        return self.process is None and self.ended[-1:] == [0]

    # -- ask -----------------------------------------------------------------------------

    def cli(self, *arguments, check=True, timeout=60):
        """Run `drivefs-models ARGUMENTS`; returns the CompletedProcess with text output."""
        return subprocess.run([binary(), *arguments], capture_output=True, text=True, check=check,
                              timeout=timeout, env=daemon_env())

    def status(self, timeout=60):
        """What `drivefs-models status --json` says."""
        try:
            return json.loads(self.cli("status", "--json", self.path, timeout=timeout).stdout)
        except subprocess.CalledProcessError as error:
            raise HarnessError("status of %s failed: %s" % (self.path, error.stderr.strip())) from None

    def log_text(self, begin=0):
        """The daemon's log from byte `begin` on."""
        with open(self.log, "rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def log_size(self):
        """Where the log ends now, for log_text()."""
        return os.path.getsize(self.log)

    def memory(self):
        """Bytes the daemon holds itself: RssAnon + RssShmem (mapped cache pages are the kernel's)."""
        total = 0
        with open("/proc/%d/status" % self.pid, encoding="ascii") as lines:
            for line in lines:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += 1024 * int(line.split()[1])
        return total

    # -- end -----------------------------------------------------------------------------

    def _reaped(self):
        self.ended.append(self.process.wait())
        janitor().tell(gone=self.process.pid)
        self.process = None

    def kill(self, number=signal.SIGKILL):
        """End the daemon by a signal and wait for it. The dead mount stays until remount()."""
        self.process.send_signal(number)
        self._reaped()

    def unmount(self):
        """Unmount as a user would, and wait for the daemon. Raises HarnessError where that failed."""
        if self.process is None:
            raise HarnessError("%s is not mounted" % self.path)
        if is_mounted(self.path):
            done = subprocess.run(["fusermount3", "-u", "--", self.path], capture_output=True, text=True,
                                  check=False, timeout=STOP_DEADLINE)
            if done.returncode != 0:
                raise HarnessError("unmount failed: %s%s" % (done.stderr.strip(), self._users()))
        try:
            self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            raise HarnessError("the daemon still runs %g s after the unmount" % STOP_DEADLINE) from None
        self._reaped()
        if self.ended[-1] != 0:
            raise HarnessError("the daemon ended: %s: %s"
                               % (describe(self.ended[-1]), self.log_text()[-2000:].strip()))

    def _users(self):
        """Who keeps the mount busy."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                links = [os.readlink("/proc/%s/cwd" % pid)]
                links += [os.readlink("/proc/%s/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%s/fd" % pid)]
            except OSError:
                continue
            if any(link == self.path or link.startswith(self.path + "/") for link in links):
                found.append(pid)
        return "; in use by process " + ", ".join(found) if found else ""

    def remount(self):
        """Mount the same again: after kill(), unmount(), or a crash. Returns the new pid."""
        if self.process is not None:
            if self.alive() and is_mounted(self.path):
                raise HarnessError("%s is still mounted" % self.path)
            try:
                self.process.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                raise HarnessError("the old daemon %d does not end" % self.pid) from None
            self._reaped()
        detach(self.path)
        self.start()
        return self.pid

    def complaints(self):
        """Whatever is wrong with a mount that is about to be closed. Never raises."""
        found = []
        if not self.alive():
            if self.process is not None:
                self._reaped()
            if self.ended and self.ended[-1] != 0:
                found.append("the daemon was gone: %s" % describe(self.ended[-1]))
        else:
            found += self._unfinished()
        crashes = [status for status in self.ended[:-1] if status not in (0, -signal.SIGKILL, -signal.SIGTERM)]
        found += ["an earlier daemon ended badly: %s" % describe(status) for status in crashes]
        return ["mount %d: %s" % (self.number, text) for text in found]

    def _unfinished(self):
        try:
            status = self.status(PATIENCE)
        except subprocess.TimeoutExpired:
            self.hung = True
            return ["the daemon hangs: no status within %g s" % PATIENCE]
        except (HarnessError, OSError, ValueError) as error:
            return ["no status: %s" % error]
        return ["%s is not in Drive: %s" % (what, json.dumps(status.get(what)))
                for what in ("pending", "held") if status.get(what)]

    def left_behind(self):
        """Drafts in the cache folder of a mount that has ended: bytes that never got into Drive."""
        folder = os.path.join(self.cache, "draft")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return ["mount %d: what %s holds is not in Drive" % (self.number, os.path.join(folder, name))
                for name in names]

    def suspicious(self):
        """Log lines that no test may leave behind."""
        if not os.path.exists(self.log):
            return []
        lines = [line for line in self.log_text().splitlines() if SUSPICIOUS.search(line)]
        return ["mount %d: suspicious log line: %s" % (self.number, line) for line in lines[:5]]

    def close(self):
        """End it, whatever it takes. Returns complaints; never raises, leaves no mount behind."""
        found = []
        if self.process is not None and not self.hung:
            try:
                self.unmount()
            except (HarnessError, OSError, subprocess.TimeoutExpired) as error:
                found.append("mount %d: %s" % (self.number, error))
        if self.process is not None:
            detach(self.path)
            self.kill()
        detach(self.path)
        return found

    def shell(self):
        """The daemon's command line for a shell, for messages."""
        return shlex.join(self.command())


def describe(status):
    """What a return code of subprocess means."""
    if status >= 0:
        return "exit status %d" % status
    try:
        return "killed by %s" % signal.Signals(-status).name
    except ValueError:
        return "killed by signal %d" % -status
