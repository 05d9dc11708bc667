# SPDX-License-Identifier: MIT
"""Who dies in the middle of a save never replaces a good revision; what was saved survives."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from harness.google import md5
from harness.paths import wait_until

UNFINISHED = True  # that is what these tests make
MIB = 1 << 20

# Opens its argument for writing, writes half of something, and is killed.
WRITER = """
import os, signal, sys
file = open(sys.argv[1], sys.argv[2])
file.write(b"half of a model" * 100000)
file.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
# Does the same and waits, so that somebody else can be killed.
SLOW_WRITER = """
import sys
file = open(sys.argv[1], "wb")
file.write(b"half of a model" * 100000)
file.flush()
print("written", flush=True)
sys.stdin.read()
file.close()
"""


def test_a_killed_writer_does_not_replace(place, google, mount):
    good = os.urandom(2 * MIB)
    (place.path / "m.model").write_bytes(good)
    before = google.by_name(place.id)["m.model"]
    known = len(mount.status()["held"])
    done = subprocess.run([sys.executable, "-c", WRITER, place.path / "m.model", "wb"], check=False)
    assert done.returncode == -signal.SIGKILL
    # The kernel closes for the dead; the daemon decides then.
    wait_until(lambda: len(mount.status()["held"]) > known, "the half save is held")
    after = google.by_name(place.id)["m.model"]
    assert after["headRevisionId"] == before["headRevisionId"] and google.download(after["id"]) == good
    assert (place.path / "m.model").read_bytes() == good, "here too, the good revision is shown"
    (place.path / "m.model").write_bytes(b"and the next save works")
    assert google.download(after["id"]) == b"and the next save works"


def test_a_killed_writer_does_not_append(place, google, mount):
    (place.path / "log").write_bytes(b"line\n")
    known = len(mount.status()["held"])
    subprocess.run([sys.executable, "-c", WRITER, place.path / "log", "ab"], check=False)
    wait_until(lambda: len(mount.status()["held"]) > known, "the half line is held")
    assert google.download(google.by_name(place.id)["log"]["id"]) == b"line\n"


def test_killed_daemon_and_remount(place, google, mount):
    """kill -9 of the daemon with nothing under way: all is there again, from the same cache."""
    data = os.urandom(MIB)
    (place.path / "f").write_bytes(data)
    old = mount.pid
    mount.kill()
    assert mount.remount() != old
    assert (place.path / "f").read_bytes() == data
    (place.path / "g").write_bytes(b"and it writes")
    assert google.by_name(place.id)["g"]["md5Checksum"] == md5(b"and it writes")


def test_killed_daemon_in_the_middle_of_a_save(place, google, mount):
    """The writer gets an error, Drive keeps the good revision, and the half save is not lost."""
    (place.path / "m.model").write_bytes(b"good")
    known = len(mount.status()["held"])
    with subprocess.Popen([sys.executable, "-c", SLOW_WRITER, place.path / "m.model"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        assert writer.stdout.readline() == "written\n"
        mount.kill()
        writer.stdin.close()
        assert writer.wait(30) != 0, "close() of a dead mount must not succeed"
    mount.remount()
    assert google.download(google.by_name(place.id)["m.model"]["id"]) == b"good"
    assert (place.path / "m.model").read_bytes() == b"good"
    held = mount.status()["held"]
    assert len(held) == known + 1 and "m.model" in str(held)


def test_unmounted_with_bytes_that_drive_refuses(place, google, drive, mount):
    """close() failed, and nobody saved again: after the next mount the bytes are still to be had."""
    (place.path / "f").write_bytes(b"good")
    drive.fault(path="^/upload/", action="status", status=403, reason="storageQuotaExceeded", count=0)
    data = os.urandom(300_000)
    fd = os.open(place.path / "f", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, data)
    with pytest.raises(OSError):
        os.close(fd)
    begin = mount.log_size()
    mount.unmount()
    assert place.name + "/f" in mount.log_text(begin), "the log says what was left behind"
    drive.clear_faults()
    mount.remount()
    found = [one for one in mount.status()["held"] if place.name in str(one)]
    assert len(found) == 1 and found[0]["bytes"] == len(data), found
    drafts = os.path.join(mount.cache, "draft")
    assert data in [pathlib.Path(drafts, name).read_bytes() for name in os.listdir(drafts)]
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"good"


def test_local_drive_restarts_under_the_mount(place, google, rig):
    """Drive's front end crashes: what follows is retried, nothing is lost."""
    (place.path / "f").write_bytes(b"before")
    rig.restart_drive()
    assert (place.path / "f").read_bytes() == b"before"
    (place.path / "f").write_bytes(b"after")
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"after"


def test_a_reader_that_is_killed_harms_nothing(place):
    (place.path / "f").write_bytes(os.urandom(8 * MIB))
    script = "import os, sys; f = open(sys.argv[1], 'rb'); f.read(100); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", script, place.path / "f"], check=False)
    assert len((place.path / "f").read_bytes()) == 8 * MIB
