# SPDX-License-Identifier: MIT
"""A rig: one local Drive and N mounts of one fresh folder in it, each with cache and key of its own.

    with Rig(mounts=2, options=["poll=1"]) as rig:
        rig.drive.url, rig.mounts[0].path, rig.env()

stop() returns what was wrong at the end (nothing, one hopes); leaving the `with` raises it.
"""
import contextlib
import json
import os
import shutil
import signal
import tempfile

from emulator.launch import LocalDrive
from harness.janitor import janitor
from harness.mount import Mount
from harness.paths import HarnessError, mounts_below


@contextlib.contextmanager
def _deaf_to_interrupts():
    """A ^C in the terminal is for the command under test: a program started in here ignores it."""
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


class Rig:
    """Use as a context manager, or start() and stop().

    mounts   how many
    options  for each of them, as after -o
    latency  the local Drive's profile: None, or "real"
    state    folder to keep everything in and to go on from; None: a temporary one
    keep     do not remove the temporary one
    """

    def __init__(self, mounts=1, options=(), latency=None, state=None, keep=False):
        self.count, self.options, self.latency = mounts, tuple(options), latency
        self.keep = keep or state is not None
        self.base = os.path.realpath(state) if state else None
        self.drive, self.mounts, self._memo = None, [], {}

    def start(self):
        """Start all of it; what was started is stopped again where a part fails."""
        if self.base is None:
            self.base = os.path.realpath(tempfile.mkdtemp(prefix="drivefs-models-"))
            if not self.keep:
                janitor().tell(tree=self.base)
        os.makedirs(self.base, exist_ok=True)
        try:
            self._start_drive()
            for _ in range(self.count):
                self.add_mount()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_drive(self):
        """The local Drive, going on from what an earlier run kept in `state`."""
        memo = os.path.join(self.base, "rig.json")
        if os.path.exists(memo):
            with open(memo, encoding="utf-8") as file:
                self._memo = json.load(file)
        # Keys name the token endpoint with its port: a kept Drive comes back on the same ports.
        port, control_port = self._memo.get("ports", (0, 0))
        self.drive = LocalDrive(state=os.path.join(self.base, "drive"), latency=self.latency,
                                port=port, control_port=control_port)
        self.drive.folder = self._memo.get("folder")
        with _deaf_to_interrupts():
            self.drive.start()
        self._memo.update(folder=self.drive.folder, ports=[self.drive.port, self.drive.control_port])
        self._remember()

    def restart_drive(self):
        """Kill the local Drive and start it again on the same ports and state."""
        with _deaf_to_interrupts():
            self.drive.restart()

    def _remember(self):
        with open(os.path.join(self.base, "rig.json"), "w", encoding="utf-8") as file:
            json.dump(self._memo, file)

    def _key(self, number):
        """The service account's key of mount `number`."""
        keys = self._memo.setdefault("keys", {})
        if str(number) not in keys:
            keys[str(number)] = self.drive.new_key()
            self._remember()
        return keys[str(number)]

    def add_mount(self, options=None, folder=None):
        """One more mount, with an empty cache and another key. Returns it, mounted."""
        number = len(self.mounts) + 1
        mount = Mount(self.base, number, self.drive, self._key(number), folder,
                      self.options if options is None else options)
        self.mounts.append(mount)
        return mount.start()

    def env(self, restart_port=None):
        """The variables that with-mount exports."""
        env = self.drive.env(restart_port)
        for mount in self.mounts:
            suffix = "" if mount.number == 1 else str(mount.number)
            env.update({"MNT" + suffix: mount.path, "CACHE" + suffix: mount.cache, "LOG" + suffix: mount.log,
                        "MOUNT_PID" + suffix: str(mount.pid)})
        return env

    def stop(self):
        """Unmount all and stop the local Drive. Returns complaints; never raises for a bad mount."""
        found = []
        for mount in self.mounts:
            found += mount.complaints()
        for mount in reversed(self.mounts):
            found += mount.close()
            found += mount.suspicious()
            if not any("is not in Drive" in text for text in found):  # where status could not be asked
                found += mount.left_behind()
        self.mounts = []
        if self.drive is not None:
            self.drive.stop()
        found += self._remove()
        return found

    def _remove(self):
        if self.keep or self.base is None:
            return []
        left = mounts_below(self.base)
        if left:  # removing the folder would remove the files of the mount
            return ["still mounted, so the folder stays: " + ", ".join(left)]
        shutil.rmtree(self.base, ignore_errors=True)
        return []

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        found = self.stop()
        if found and kind is None:
            raise HarnessError("\n".join(found))
