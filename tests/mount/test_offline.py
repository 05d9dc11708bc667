# SPDX-License-Identifier: MIT
"""A mount starts without Drive when its cache knows the folder: read-only, said so, read-write by itself later.

The rows of the table in fs/connect.h.
"""
import errno
import json
import os
import subprocess

import pytest

from harness.background import Background
from harness.mount import daemon_env
from harness.paths import binary, wait_until

OPTIONS = ["poll=1,deadline=3,wait_scale=10"]


class Away:
    """One more mount of the module's folder, whose Drive can be taken away: only its processes are stopped."""

    def __init__(self, rig, base):
        self.rig, self.point, self.log = rig, base / "mnt", base / "log"
        self.point.mkdir()
        self.words = "poll=1,deadline=3,wait_scale=10,cache_dir=%s,key_file=%s,api_root=%s,ca_file=%s,log_file=%s" % (
            base / "cache", rig.drive.new_key(), rig.drive.url, rig.drive.ca, self.log)

    def mount(self, more="", folder=None):
        """As a user starts it."""
        return Background([binary(), "-o", self.words + more, folder or self.rig.drive.folder, self.point], self.point)

    def status(self):
        """What status says, as JSON."""
        done = subprocess.run([binary(), "status", "--json", self.point], capture_output=True, check=True, timeout=60,
                              env=daemon_env())
        return json.loads(done.stdout)

    def kept(self, count):
        """Wait until the cache holds so many bytes: a reader gets its own before they are all put away."""
        wait_until(lambda: self.status()["cache"]["bytes"] >= count, "the bytes in the cache")

    def online(self):
        """Wait until it is."""
        wait_until(lambda: self.status()["online"], "Drive is reached again", deadline=60)


@pytest.fixture
def away(rig, tmp_path):
    """Drive answers again afterwards."""
    yield Away(rig, tmp_path)
    rig.drive.clear_faults()


def take_away(drive):
    """Every request meets a Drive that is down."""
    drive.fault(path="^/", action="status", status=503, count=0)


def test_names_and_bytes_of_the_cache_without_drive(away, place, drive):
    (place.path / "d").mkdir()
    (place.path / "d" / "kept.model").write_bytes(b"kept" * 1000)
    (place.path / "d" / "never read").write_bytes(b"x" * 1000)
    os.setxattr(place.path / "d" / "kept.model", "user.drive.description", b"told")
    with away.mount() as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        mine = away.point / place.name / "d"
        assert (mine / "kept.model").read_bytes() == b"kept" * 1000
        before = {path.name: (path.stat().st_size, path.stat().st_mtime, path.stat().st_ino) for path in mine.iterdir()}
        assert away.status()["online"]
        away.kept(4000)
        daemon.unmount()
    take_away(drive)
    with away.mount() as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert "read-only" in daemon.done.stderr and "until Drive answers" in daemon.done.stderr
        assert not away.status()["online"]
        text = subprocess.run([binary(), "status", away.point], capture_output=True, text=True, check=True, timeout=60,
                              env=daemon_env()).stdout
        assert "offline" in text
        after = {path.name: (path.stat().st_size, path.stat().st_mtime, path.stat().st_ino) for path in mine.iterdir()}
        assert after == before
        assert (mine / "kept.model").read_bytes() == b"kept" * 1000
        assert os.getxattr(mine / "kept.model", "user.drive.description") == b"told"
        with pytest.raises(OSError):
            (mine / "never read").read_bytes()
        for change in (lambda: (mine / "new").write_bytes(b"x"), lambda: (mine / "kept.model").unlink(),
                       lambda: (mine / "kept.model").rename(mine / "other"), lambda: (mine / "e").mkdir(),
                       lambda: os.truncate(mine / "kept.model", 0), lambda: os.utime(mine / "kept.model", (1, 1)),
                       lambda: os.setxattr(mine / "kept.model", "user.drive.description", b"x")):
            with pytest.raises(OSError) as refused:
                change()
            assert refused.value.errno == errno.EROFS
        drive.clear_faults()
        away.online()
        assert (mine / "never read").read_bytes() == b"x" * 1000
        (mine / "new").write_bytes(b"from here on")
        assert "Drive answers: read-write from here on" in away.log.read_text()
        daemon.unmount()
    wait_until((place.path / "d" / "new").exists, "the new file on the other mount")
    assert (place.path / "d" / "new").read_bytes() == b"from here on"


def test_what_changed_meanwhile_is_seen_once_drive_answers(away, place, drive):
    for name in ("stays", "goes", "changes"):
        (place.path / name).write_bytes(b"old")
    with away.mount() as daemon:
        mine = away.point / place.name
        assert {path.name: path.read_bytes() for path in mine.iterdir()} == dict.fromkeys(("stays", "goes", "changes"), b"old")
        away.kept(9)
        daemon.unmount()
    (place.path / "goes").unlink()
    (place.path / "comes").write_bytes(b"new")
    (place.path / "changes").write_bytes(b"newer")
    take_away(drive)
    with away.mount() as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert {path.name: path.read_bytes() for path in mine.iterdir()} == dict.fromkeys(("stays", "goes", "changes"), b"old")
        drive.clear_faults()
        away.online()
        wanted = {"stays": b"old", "comes": b"new", "changes": b"newer"}
        wait_until(lambda: {path.name for path in mine.iterdir()} == set(wanted), "the names of now")
        assert {path.name: path.read_bytes() for path in mine.iterdir()} == wanted
        daemon.unmount()


def test_names_outlive_a_daemon_that_is_killed(away, place, drive):
    (place.path / "f").write_bytes(b"x")
    with away.mount() as daemon:
        mine = away.point / place.name
        assert (mine / "f").read_bytes() == b"x"
        away.kept(1)
        begin = away.status()["uptime_s"]
        wait_until(lambda: away.status()["uptime_s"] >= begin + 3, "looks at the changes, at each of which names are kept")
        daemon.kill(away.point.parent / "cache")
        daemon.path = "/nonexistent"
    take_away(drive)
    with away.mount() as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert (mine / "f").read_bytes() == b"x"
        daemon.unmount()


def test_no_mount_where_the_cache_does_not_know_the_folder(away, drive):
    take_away(drive)
    with away.mount() as daemon:
        assert daemon.done.returncode == 1 and not daemon.mounted()
        assert "503" in daemon.done.stderr, daemon.done.stderr


def test_no_mount_where_drive_refuses(away, drive, rig):
    """A refusal is an answer: what the cache holds is not shown to who may not see it any more."""
    with away.mount() as daemon:
        assert daemon.done.returncode == 0
        daemon.unmount()
    drive.fault(path="^/drive/v3/files", action="status", status=404, reason="notFound", count=0)
    with away.mount() as daemon:
        assert daemon.done.returncode == 1 and not daemon.mounted(), daemon.done.stderr
    drive.clear_faults()
    take_away(drive)
    other = rig.drive.new_key()
    away.words = ",".join("key_file=%s" % other if word.startswith("key_file=") else word for word in away.words.split(","))
    with away.mount() as daemon:
        assert daemon.done.returncode == 1 and not daemon.mounted(), "others' credentials"


def test_a_refusal_later_is_said_once_and_changes_nothing(away, place, drive):
    (place.path / "f").write_bytes(b"x")
    with away.mount() as daemon:
        mine = away.point / place.name
        assert (mine / "f").read_bytes() == b"x"
        away.kept(1)
        daemon.unmount()
    take_away(drive)
    with away.mount() as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        drive.clear_faults()
        drive.fault(path="^/drive/v3/files", action="status", status=404, reason="notFound", count=0)
        wait_until(lambda: "Drive answers and refuses" in away.log.read_text(), "the refusal")
        assert not away.status()["online"] and (mine / "f").read_bytes() == b"x"
        drive.clear_faults()
        away.online()
        assert away.log.read_text().count("Drive answers and refuses") == 1
        daemon.unmount()


def test_the_default_cache_is_found_without_drive(away, place, drive, tmp_path):
    """By the credentials and FOLDER as it was given, since Drive cannot be asked who we are."""
    (place.path / "f").write_bytes(b"x")
    away.words = ",".join(word for word in away.words.split(",") if not word.startswith("cache_dir="))
    homes = {"XDG_CACHE_HOME": str(tmp_path / "caches")}
    for offline in (False, True):
        if offline:
            take_away(drive)
        with Background([binary(), "-o", away.words, drive.folder, away.point], away.point, **homes) as daemon:
            assert daemon.done.returncode == 0, daemon.done.stderr
            assert away.status()["online"] != offline
            assert (away.point / place.name / "f").read_bytes() == b"x"
            away.kept(1)
            daemon.unmount()
