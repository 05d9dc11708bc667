# SPDX-License-Identifier: MIT
"""A mount as a user starts it: the daemon goes into the background by itself."""
import fcntl
import os
import signal
import subprocess
import time

from harness.janitor import janitor
from harness.mount import daemon_env
from harness.paths import detach, is_mounted


def processes_with(argument):
    """Pids of processes that have this (unique) argument on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if os.fsencode(argument) in words and int(pid) != os.getpid():
            found.append(int(pid))
    return found


class Background:
    """with Background(command, mountpoint) as run: run.done is the finished CompletedProcess."""

    def __init__(self, command, path, timeout=90, **environment):
        self.command, self.path, self.timeout = [str(word) for word in command], str(path), timeout
        self.environment, self.pid, self.done = environment, None, None

    def __enter__(self):
        self.done = subprocess.run(self.command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                                   timeout=self.timeout, env={**daemon_env(), **self.environment})
        left = processes_with(self.path)
        self.pid = left[0] if left else None
        if self.pid:
            janitor().tell(daemon=self.pid, mount=self.path)
        return self

    def mounted(self):
        """Is it in the mount table?"""
        return is_mounted(self.path)

    def wait_end(self, deadline=30):
        """Wait until the daemon is gone; returns whether it is."""
        end = time.monotonic() + deadline
        while processes_with(self.path):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def kill(self, cache):
        """kill -9, and wait until nothing of it is left: its hold on the cache folder goes last."""
        os.kill(self.pid, signal.SIGKILL)
        end = time.monotonic() + 30
        with open(os.path.join(str(cache), "lock"), "rb") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    assert time.monotonic() < end, "the daemon does not die"
                    time.sleep(0.02)

    def unmount(self):
        """As a user would."""
        subprocess.run(["fusermount3", "-u", "--", self.path], check=True, timeout=60)
        assert self.wait_end(), "the daemon still runs after the unmount"

    def __exit__(self, *_):
        if self.mounted():
            detach(self.path)
        if not self.wait_end(10):
            for pid in processes_with(self.path):
                os.kill(pid, signal.SIGKILL)
        if self.pid:
            janitor().tell(gone=self.pid)
