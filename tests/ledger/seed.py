# SPDX-License-Identifier: MIT
"""One seed: writers on two mounts, Google's client, weather and kills; then calm, and the judge."""
import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness.mount import describe
from harness.paths import HarnessError, is_mounted, sanitized, wait_until
from harness.rig import Rig
from ledger import book
from ledger.content import flipped, parse
from ledger.actor import Actor
from ledger.judge import File, Revision, judge
from ledger.weather import Weather
from ledger.writer import ACTS, WATCHING

OPTIONS = ["poll=1,deadline=2,upload_deadline=3,wait_scale=10,quota_units_per_minute=0"]
WRITER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "writer.py")
WRITERS = 8
SECONDS = 6.0       # how long the writers act; a sanitizer build twice as long
PATIENCE = 9.0      # how long one act may go on beyond that: the deadlines above, and a busy machine
CALM = 6.0          # how long pending bytes and other hosts' news may take when Drive is well again
SWITCHES = {"revisions_keep": 100000}


class Trial:
    """One run. After run(): found, a list of (kind, text); met, what the weather was."""

    def __init__(self, seed, without=(), keep=None):
        self.seed, self.random, self.keep = seed, random.Random("kills %s" % seed), keep
        self.slow = 4 if sanitized() else 1
        self.acts = [act for act in ACTS if act not in without]
        self.without = set(without)
        self.found, self.met, self.promises = [], [], 0
        self.local = os.path.join(keep, "books") if keep else tempfile.mkdtemp(prefix="ledger-")
        os.makedirs(self.local, exist_ok=True)
        self.locks = [threading.Lock(), threading.Lock()]  # a mount is killed, or mended, by one of us
        self.fair = threading.Event()  # no more weather

    def run(self):
        """All of it. Raises HarnessError where the test itself could not be carried out."""
        self.rig = Rig(2, OPTIONS, state=self.keep)
        for number in (1, 2):
            self._grow(number)
        self.rig.start()
        try:
            self.rig.drive.switches(**SWITCHES)
            self.folder = self.rig.drive.new_folder("work", self.rig.drive.folder)
            for mount in self.rig.mounts:
                wait_until(lambda at=mount: os.path.isdir(self._root(at)), "the folder on the mount")
            self._act()
            self._calm()
            self._compare()
            kept = self._end()
            self._judge(kept)
        finally:
            self.found += [("daemon", text) for text in self._stop()]
        return self

    def _root(self, mount):
        """Where writers work: a folder of the mount, so that nothing goes to the local disk while none is there."""
        return os.path.join(mount.path, "work")

    def _stop(self):
        texts = self.rig.stop()
        if not self.keep:
            shutil.rmtree(self.local)
        # Bytes whose close() failed may well be left: they were not acknowledged.
        return [text for text in texts if "is not in Drive" not in text]

    # -- the busy part -------------------------------------------------------------------

    def _act(self):
        until = time.time() + SECONDS * (2 if self.slow > 1 else 1)
        google = Actor(self.rig.drive, self.folder, self.seed, os.path.join(self.local, "google.book"))
        weather = Weather(self.rig.drive, self.seed)
        plans = [("w%d" % n, 1 + n % 2, self.acts) for n in range(WRITERS)]
        plans += [("r%d" % mount, mount, WATCHING) for mount in (1, 2)]
        writers = {who: self._writer(who, mount, acts, until) for who, mount, acts in plans}
        killer = threading.Thread(target=self._kill_now_and_then, args=(until,), daemon=True)
        threads = {"google": google, "weather": weather, "kill": killer}
        for name in threads.keys() - self.without:
            threads[name].start()
        time.sleep(max(0.0, until - time.time()))
        weather.stop()
        self.fair.set()
        google.stop()
        if killer.is_alive():
            killer.join()
        self.met = weather.seen
        self._reap(writers, until + PATIENCE * self.slow)

    def _writer(self, who, mount, acts, until):
        plan = {"root": self._root(self.rig.mounts[mount - 1]), "books": self.local, "local": self.local, "who": who,
                "mount": mount, "seed": self.seed, "until": until, "acts": list(acts)}
        with open(os.path.join(self.local, who + ".err"), "wb") as errors:
            return mount, subprocess.Popen([sys.executable, WRITER, json.dumps(plan)], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=errors, cwd="/")

    def _reap(self, writers, end):
        """Wait for all; one that hangs is freed by killing the daemon it waits for."""
        for who, (number, process) in writers.items():
            try:
                process.wait(max(0.1, end - time.time()))
            except subprocess.TimeoutExpired:
                self.found.append(("hung", "%s did not return from its last act: %s" % (who, self._last(who))))
                process.kill()
                self._kill(number)
                process.wait(30)
                continue
            if process.returncode != 0:
                with open(os.path.join(self.local, who + ".err"), encoding="utf-8", errors="replace") as text:
                    raise HarnessError("%s ended with %d: %s" % (who, process.returncode, text.read()[-2000:]))

    def _last(self, who):
        acts = [act for act in book.read(self.local) if act["who"] == who and "t1" not in act]
        return json.dumps(acts)

    # -- kills ---------------------------------------------------------------------------

    def _kill_now_and_then(self, until):
        for _ in range(self.random.choice((0, 1, 1, 2, 3))):
            time.sleep(self.random.uniform(0.3, SECONDS / 2))
            if time.time() > until - 0.5:
                return
            self._kill(self.random.choice((1, 2)), self.random.uniform(0, 0.3))

    def _grow(self, number):
        path = os.path.join(self.local, "generation%d" % number)
        value = 0
        with contextlib.suppress(FileNotFoundError):
            with open(path, encoding="ascii") as file:
                value = int(file.read()) + 1
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(value))
        os.replace(path + ".new", path)

    def _kill(self, number, pause=0.0):
        """kill -9 of a daemon, and the same mount again. One that cannot die (a thread of it waits in
        the kernel for itself) is a finding, and is freed by the kernel's abort."""
        mount = self.rig.mounts[number - 1]
        with self.locks[number - 1]:
            self._grow(number)
            mount.process.send_signal(signal.SIGKILL)
            try:
                mount.process.wait(5 * self.slow)
            except subprocess.TimeoutExpired:
                self.found.append(("hung", "mount %d: the daemon, killed, does not die" % number))
                abort(mount.path)
                mount.process.wait(20)
            mount._reaped()  # pylint: disable=protected-access
            time.sleep(pause)
            self._mount_again(mount)

    def _mount_again(self, mount):
        """In bad weather it may take more than one try to begin."""
        while True:
            try:
                mount.remount()
                return
            except HarnessError:
                if self.fair.is_set():
                    raise
                mount.ended.pop()
                time.sleep(0.1)

    # -- calm ----------------------------------------------------------------------------

    def _calm(self):
        """Until nothing is pending, or for a while: what waits longer is listed with its reason."""
        for mount in self.rig.mounts:
            if not (mount.alive() and is_mounted(mount.path)):
                if mount.process is not None:
                    mount.kill()
                self.found.append(("daemon", "mount %d was gone: %s" % (mount.number, describe(mount.ended[-1]))))
                mount.remount()
        end = time.time() + CALM * self.slow
        while time.time() < end and any(mount.status()["pending"] for mount in self.rig.mounts):
            time.sleep(0.1)

    def _compare(self):
        """Each mount shows what Drive has: the same files, with the same bytes."""
        end = time.time() + CALM * self.slow
        for mount in self.rig.mounts:
            while differs := self._difference(mount):
                if time.time() > end:
                    self.found.append(("view", "mount %d: %s" % (mount.number, differs)))
                    break
                time.sleep(0.1)

    def _difference(self, mount):
        status = mount.status()
        busy, root = {os.path.basename(one["path"]) for one in status["pending"]}, self._root(mount)
        drive = {file["id"]: file for file in self.rig.drive.history()
                 if self.folder in file["parents"] and not file["trashed"]}
        shown = {}
        for name in os.listdir(root):
            if name in busy:
                continue
            try:
                shown[os.getxattr(os.path.join(root, name), "user.drive.id").decode()] = name
            except OSError as error:
                return "%s: listed, and %s" % (name, errno.errorcode.get(error.errno))
        waiting = {file["id"] for file in drive.values() if file["name"] in {name.split("~")[0] for name in busy}}
        for one in sorted(set(drive) - set(shown) - waiting):
            return "%s (%s) is in Drive and is not shown" % (drive[one]["name"], one)
        for one in sorted(set(shown) - set(drive)):
            return "%s (%s) is shown and is not in Drive" % (shown[one], one)
        return next(filter(None, (self._bytes(mount, shown[one], drive[one]) for one in sorted(set(drive) & set(shown) - waiting))), None)

    def _bytes(self, mount, name, file):
        if not file["revisions"]:
            return None
        try:
            with open(os.path.join(self._root(mount), name), "rb") as opened:
                data = opened.read()
        except OSError as error:
            return "%s cannot be read: %s" % (name, error.strerror)
        if data != self.rig.drive.content(file["id"]):
            return "%s shows %s, Drive has %s" % (name, parse(data)[0][-3:], parse(self.rig.drive.content(file["id"]))[0][-3:])
        return None

    # -- the end -------------------------------------------------------------------------

    def _end(self):
        """Unmount; the tags of what is listed as not in Drive, which must be in the cache folder."""
        listed = [one for mount in self.rig.mounts for what in ("pending", "held") for one in mount.status()[what]]
        for one in listed:
            if not one.get("error", one.get("draft")):
                self.found.append(("listed", "listed without a reason: %s" % json.dumps(one)))
        kept = set()
        for mount in self.rig.mounts:
            try:
                mount.unmount()
            except (HarnessError, subprocess.TimeoutExpired) as error:
                self.found.append(("daemon", "mount %d: %s" % (mount.number, error)))
            folder = os.path.join(mount.cache, "draft")
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                with open(os.path.join(folder, name), "rb") as file:
                    kept.update(parse(file.read())[0])
        return kept

    def _judge(self, kept):
        acts = book.read(self.local)
        files = files_of(self.rig.drive)
        self.promises = sum(1 for act in acts if act.get("end") == 0 and act["op"] not in ("spoilt", "turn"))
        self.found += judge(acts, files, kept)


def files_of(drive):
    """What Drive has, for the judge."""
    known, found = {}, []
    above = {file["id"]: file["parents"] for file in drive.history()}
    history = drive.history()
    when = {file["id"]: file["trashed_ms"] for file in history if file["explicit"]}
    for file in history:
        if file["folder"]:
            continue
        revisions = []
        for one in file["revisions"]:
            if one["md5"] not in known:
                data = drive.content(file["id"], one["id"])
                tags, taken = parse(data)
                known[one["md5"]] = (tags, taken == len(data), (not tags and flipped(data)) or "")
            tags, whole, damaged = known[one["md5"]]
            revisions.append(Revision(one["ms"] / 1000, tags, whole and one["size"] > 0, one["size"], damaged))
        folders, pending = [], list(file["parents"])
        while pending:
            folders.append(pending.pop())
            pending += above.get(folders[-1], [])
        moments = [when[one] for one in [file["id"], *folders] if one in when]
        found.append(File(file["id"], file["name"], file["trashed"], min(moments, default=0) / 1000, revisions,
                          tuple(folders), file["explicit"]))
    return found


def abort(path):
    """Let the kernel give up a mount whose daemon cannot be ended otherwise. Needs root."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        numbers = [line.split(" ")[2].split(":")[1] for line in table if line.split(" ")[4] == path]
    control = tempfile.mkdtemp(prefix="fusectl-")
    try:
        subprocess.run(["mount", "-t", "fusectl", "none", control], check=False, capture_output=True)
        for number in numbers:
            with contextlib.suppress(OSError):
                with open(os.path.join(control, number, "abort"), "w", encoding="ascii") as file:
                    file.write("1")
    finally:
        subprocess.run(["umount", control], check=False, capture_output=True)
        os.rmdir(control)
