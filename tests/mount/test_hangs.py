# SPDX-License-Identifier: MIT
"""Nothing waits behind what hangs: names, attributes, ^C, kill -9, df and status beside 64 stalled readers and as many
stalled closers; and a signal ends the mount at any moment of its life. Seconds are guards against what never ends.

HANGS_MOMENTS=500: so many moments for the signals (`make check-long`)."""
import itertools
import json
import os
import random
import signal
import subprocess
import threading

import pytest

from harness.janitor import janitor
from harness.mount import Mount, daemon_env
from harness.paths import detach, is_mounted, wait_until
from harness.rig import Rig

OPTIONS = ["poll=1,deadline=3600,upload_deadline=3600"]
UNFINISHED = True  # what is killed while it saves is held
MANY = 64
HANG = 30  # seconds; nothing in here waits for a timeout of ours
MIB = 1 << 20
MEMORY = 64 * MIB  # of the daemon's own
MOMENTS = int(os.environ.get("HANGS_MOMENTS") or 12)


def run(*command):
    """A command that must not hang; what it prints."""
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=HANG).stdout


def asked(drive, path):
    """Requests to that path so far, those without an answer too."""
    return sum(path in request["path"] + "?" + request["query"] for request in drive.log())


class Crowd:
    """Processes that hang in a system call on the mount."""

    def __init__(self):
        self.all = []

    def add(self, *command, **more):
        """One more."""
        self.all.append(subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, **more))

    def end(self, number=signal.SIGKILL):
        """Each must end by that signal, and soon."""
        for process in self.all:
            process.send_signal(number)
        for process in self.all:
            assert process.wait(HANG) == -number
        self.all = []


@pytest.fixture(name="crowd")
def new_crowd(drive):
    """Whoever is left of it is killed, and Drive answers again."""
    crowd = Crowd()
    yield crowd
    for process in crowd.all:
        process.kill()
    drive.clear_faults()
    for process in crowd.all:
        process.wait()


def test_64_readers_and_64_closers_hold_up_nothing(place, google, drive, mount, crowd):
    here = place.path
    for number in range(MANY):
        google.create(place.id, "r%d" % number, b"x" * MIB)
    (here / "d").mkdir()
    (here / "d" / "cached").write_bytes(b"y" * MIB)
    wait_until(lambda: len(os.listdir(here)) == MANY + 1, "the files on the mount")
    assert (here / "d" / "cached").read_bytes() == b"y" * MIB
    run("df", here)
    drive.reset_log()
    drive.fault(path="alt=media", action="stall", count=0)
    drive.fault(path="^/upload/", action="stall", count=0)
    for number in range(MANY):
        crowd.add("cat", here / ("r%d" % number))
    wait_until(lambda: asked(drive, "alt=media") >= 4, "readers that hang")
    for number in range(MANY):
        crowd.add("sh", "-c", 'exec 3>"$1"; printf hello >&3; exec 3>&-; exec sleep 1000', "sh", here / ("w%d" % number))
    wait_until(lambda: len(mount.status(HANG)["pending"]) == MANY, "closers that hang")
    print("own memory beside %d stalled requests: %.1f MiB" % (2 * MANY, mount.memory() / MIB))
    if "MODE" not in os.environ:
        assert mount.memory() < MEMORY
    assert "cached" in run("ls", "-l", here / "d")
    assert len(run("ls", here).split()) == 2 * MANY + 1
    run("stat", here / "r0")
    run("df", here)
    assert len(mount.status(HANG)["pending"]) == MANY
    assert (here / "d" / "cached").read_bytes() == b"y" * MIB
    crowd.end()
    (here / "after").mkdir()


def test_ctrl_c_ends_each_of_40_stalled_readers(place, google, drive, crowd):
    for number in range(40):
        google.create(place.id, "r%d" % number, b"x" * 100)
    wait_until(lambda: len(os.listdir(place.path)) == 40, "the files on the mount")
    drive.reset_log()
    drive.fault(path="alt=media", action="stall", count=0)
    for number in range(40):
        crowd.add("sh", "-c", 'exec cat "$1"', "sh", place.path / ("r%d" % number))
    wait_until(lambda: asked(drive, "alt=media") >= 8, "readers that hang")
    crowd.end(signal.SIGINT)


def test_more_readers_of_one_file_than_threads_can_hold_up(place, google, drive, crowd):
    google.create(place.id, "f", b"x" * 100)
    wait_until((place.path / "f").exists, "the file on the mount")
    drive.fault(path="alt=media", action="stall", count=0)
    code = ("import os, sys, threading\n"
            "def read(): os.pread(os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT), 4096, 0)\n"
            "for _ in range(300): threading.Thread(target=read).start()\n")
    for _ in range(4):
        crowd.add("python3", "-c", code, place.path / "f")
    run("stat", place.path / "f")
    run("ls", place.path)
    run("df", place.path)
    crowd.end()


def test_df_does_not_wait_for_drive(place, drive, mount):
    drive.fault(path="/drive/v3/about", action="stall", count=0)
    drive.fault(path="/drive/v3/files", action="stall", count=0)
    run("df", place.path)
    run("df", mount.path)
    drive.clear_faults()


# -- the end ------------------------------------------------------------------------------


class Life:
    """A daemon of its own, and its end."""

    numbers = itertools.count(2)

    def __init__(self, rig, more="", cache=None):
        self.mount = Mount(rig.base, next(self.numbers), rig.drive, rig.drive.new_key(), options=rig.options)
        self.mount.cache = cache or self.mount.cache
        self.more = more
        self.process = None

    def start(self):
        """Without waiting for the mount."""
        os.makedirs(self.mount.path, exist_ok=True)
        os.makedirs(self.mount.cache, mode=0o700, exist_ok=True)
        command = self.mount.command()
        command[command.index("-o") + 1] += self.more
        with open(self.mount.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=daemon_env())
        janitor().tell(daemon=self.process.pid, mount=self.mount.path)
        return self

    def mounted(self):
        """Wait until it answers."""
        wait_until(lambda: is_mounted(self.mount.path) or self.process.poll() is not None, "the mount")
        run("stat", self.mount.path)
        return self

    def signal(self, number):
        """To the daemon."""
        self.process.send_signal(number)
        return self

    def ends(self):
        """Its status. A daemon that stays fails the test, and goes."""
        try:
            return self.process.wait(HANG)
        finally:
            self.process.kill()
            self.process.wait()
            janitor().tell(gone=self.process.pid)
            detach(self.mount.path)


@pytest.fixture(name="lives")
def new_lives():
    """A local Drive for daemons that the test itself starts."""
    rig = Rig(0, ["poll=1,deadline=3600,upload_deadline=3600"]).start()
    yield rig
    rig.drive.clear_faults()
    rig.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_mount_that_has_not_answered_yet(lives, number):
    lives.drive.fault(path="/drive/v3/", action="stall", count=0)
    life = Life(lives).start()
    wait_until(lambda: asked(lives.drive, "/drive/v3/") > 0, "a request that hangs")
    assert life.signal(number).ends() == 1
    assert "Traceback" not in life.mount.log_text()


def test_a_signal_ends_a_mount_beside_stalled_reads(lives):
    life = Life(lives).start().mounted()
    for number in range(8):
        with open(os.path.join(life.mount.path, "r%d" % number), "wb") as file:
            file.write(b"x" * MIB)
    life.signal(signal.SIGTERM).ends()
    life = Life(lives).start().mounted()
    lives.drive.fault(path="alt=media", action="stall", count=0)
    readers = [subprocess.Popen(["cat", os.path.join(life.mount.path, "r%d" % number)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for number in range(8)]
    wait_until(lambda: asked(lives.drive, "alt=media") >= 4, "readers that hang")
    assert life.signal(signal.SIGTERM).ends() == 0
    assert all(reader.wait(HANG) == 1 for reader in readers)


def closer(path, result):
    """A thread that saves a file, and what came of it."""
    def save():
        try:
            with open(path, "wb") as file:
                file.write(b"z" * 1000)
            result.append(0)
        except OSError as error:
            result.append(error.errno)
    thread = threading.Thread(target=save)
    thread.start()
    return thread


def test_an_upload_may_end_within_the_drain(lives):
    life = Life(lives, ",drain=3600").start().mounted()
    fault = {"path": "^/upload/", "action": "stall", "count": 0}
    lives.drive.fault(**fault)
    result = []
    thread = closer(os.path.join(life.mount.path, "f"), result)
    wait_until(lambda: asked(lives.drive, "/upload/") > 0, "an upload that hangs")
    life.signal(signal.SIGTERM)
    wait_until(lambda: "asked to end" in life.mount.log_text(), "the daemon's word")
    assert not result and life.process.poll() is None
    run("stat", life.mount.path)
    lives.drive.clear_faults()
    assert life.ends() == 0
    thread.join(HANG)
    assert result == [0]


def test_a_second_signal_ends_the_drain_and_the_bytes_are_held(lives):
    life = Life(lives, ",drain=3600").start().mounted()
    lives.drive.fault(path="^/upload/", action="stall", count=0)
    result = []
    thread = closer(os.path.join(life.mount.path, "f"), result)
    wait_until(lambda: asked(lives.drive, "/upload/") > 0, "an upload that hangs")
    life.signal(signal.SIGTERM)
    wait_until(lambda: "asked to end" in life.mount.log_text(), "the daemon's word")
    assert life.signal(signal.SIGINT).ends() == 0
    thread.join(HANG)
    assert result and result[0] != 0
    lives.drive.clear_faults()
    again = Life(lives, cache=life.mount.cache).start().mounted()
    held = again.mount.status()["held"]
    assert again.signal(signal.SIGTERM).ends() == 0
    assert [one["bytes"] for one in held] == [1000], json.dumps(held)


def test_signals_at_any_moment(lives):
    """Each life: one signal at a moment that chance names, beside an upload that hangs or none."""
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print("SEED=%d" % seed)
    chance = random.Random(seed)
    for turn in range(MOMENTS):
        janitor().tell(deadline=150.0)
        upload, threads, result = chance.random() < 0.5, [], []
        life = Life(lives, ",drain=1").start()
        moment = chance.choice(["start", "start", "answer", "busy", "busy"])
        if moment == "start":
            threading.Event().wait(chance.random() * 0.3)
        else:
            life.mounted()
        if moment == "busy":
            if upload:
                lives.drive.reset_log()
                lives.drive.fault(path="^/upload/", action="stall", count=0)
            threads.append(closer(os.path.join(life.mount.path, "f%d" % turn), result))
            if upload:
                wait_until(lambda: asked(lives.drive, "/upload/") > 0, "an upload that hangs")
        status = life.signal(chance.choice([signal.SIGTERM, signal.SIGINT])).ends()
        assert status in (0, 1, -signal.SIGTERM, -signal.SIGINT), (turn, moment, upload, status)
        for thread in threads:
            thread.join(HANG)
            assert not thread.is_alive()
        lives.drive.clear_faults()
