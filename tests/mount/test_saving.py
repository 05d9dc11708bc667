# SPDX-License-Identifier: MIT
"""What is written is lost by nobody: writers that are killed, calls that are refused, and what others do to the
file in Drive meanwhile. Good revisions are replaced by whole saves only."""
import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from harness.google import md5
from harness.paths import wait_until

MOUNTS = 2
OPTIONS = ["poll=1,deadline=8,upload_deadline=8"]
UNFINISHED = True  # tests leave held bytes behind on purpose
UPLOAD = "^/upload/"


def head(google, place, name):
    """md5 of what Drive has under that name; None: no such file."""
    file = google.by_name(place.id).get(name)
    return file and file["md5Checksum"]


def held(mount, path):
    """Why bytes of that path are held."""
    return [one["why"] for one in mount.status()["held"] if one.get("path", "").endswith(path)]


def killed_writer(path, script):
    """Run Python with `path` in argv until it has written "ready"; then kill it."""
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.wait()
    process.stdout.close()


HALF = ("import os,sys,time\nf=open(sys.argv[1],'wb',buffering=0)\nf.write(b'half')\n"
        "print('ready',flush=True)\ntime.sleep(100)")


def test_a_folder_that_vanished_while_writing(place, google, mount):
    """Its folder goes to the trash in Drive meanwhile: close() says so, and the bytes are held under that path."""
    (place.path / "d").mkdir()
    file = open(place.path / "d" / "vanished", "wb")
    file.write(b"x" * 1000)
    google.update(google.by_name(place.id)["d"]["id"], trashed=True)
    with pytest.raises(OSError) as caught:
        file.close()
    assert caught.value.errno == errno.ENOENT
    wait_until(lambda: held(mount, "d/vanished") == ["its folder was removed in Drive"], "the bytes are held")


def test_the_file_goes_to_the_trash_while_it_is_saved(place, google):
    """Trashed elsewhere, not unlinked here: the bytes become a new file of that name."""
    (place.path / "f").write_bytes(b"old")
    old = google.by_name(place.id)["f"]["id"]
    with open(place.path / "f", "wb") as file:
        file.write(b"new bytes")
        file.flush()
        google.update(old, trashed=True)
    new = google.by_name(place.id)["f"]
    assert new["id"] != old and new["md5Checksum"] == md5(b"new bytes")
    assert (place.path / "f").read_bytes() == b"new bytes"


def test_a_log_is_appended_to_while_others_look(place, google):
    """O_APPEND and fsync while others stat it: no moment shows an old size."""
    path, stop = place.path / "log", threading.Event()
    path.write_bytes(b"")

    def look():
        while not stop.is_set():
            os.stat(path)

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for one in watchers:
        one.start()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    lines = [b"record %03d\n" % i for i in range(60)]
    for line in lines:
        os.write(fd, line)
        os.fsync(fd)
    os.close(fd)
    stop.set()
    for one in watchers:
        one.join()
    assert head(google, place, "log") == md5(b"".join(lines))


def test_after_a_killed_writer_the_next_save_succeeds(place, google, mount):
    """What it left is held; neither an idle descriptor nor the dead one's late RELEASE harms the next save."""
    path = place.path / "f"
    path.write_bytes(b"good")
    idle = os.open(path, os.O_RDWR)
    killed_writer(path, HALF)
    assert head(google, place, "f") == md5(b"good")
    for data in (b"one", b"two", b"three"):
        path.write_bytes(data)
        assert head(google, place, "f") == md5(data)
    os.close(idle)
    assert head(google, place, "f") == md5(b"three")
    assert mount.status()["pending"] == []


def test_a_new_file_whose_writer_was_killed_can_be_saved(place, google):
    """The name of a file that never was in Drive: whole saves right after a kill are there, and seen."""
    for i in range(20):
        path = place.path / ("n%d" % i)
        killed_writer(path, HALF)
        path.write_bytes(b"whole %d" % i)
        assert head(google, place, path.name) == md5(b"whole %d" % i)
        assert path.read_bytes() == b"whole %d" % i
    assert sorted(os.listdir(place.path)) == sorted("n%d" % i for i in range(20))


def test_a_refused_call_harms_nothing(place, google):
    """ftruncate beyond Drive's limit changes nothing: what is written then is saved, and saved by others."""
    path = place.path / "f"
    with open(path, "wb") as file:
        with pytest.raises(OSError) as caught:
            os.ftruncate(file.fileno(), 1 << 50)
        assert caught.value.errno == errno.EFBIG
        file.write(b"whole")
    assert head(google, place, "f") == md5(b"whole")
    idle = os.open(path, os.O_RDWR)
    with pytest.raises(OSError):
        os.pwrite(idle, b"x", 1 << 50)
    for data in (b"a", b"b"):
        path.write_bytes(data)
        assert head(google, place, "f") == md5(data)
    os.close(idle)
    assert head(google, place, "f") == md5(b"b")


def test_a_waiting_save_is_not_replaced_by_a_half(place, google, drive):
    """A save fails, the next one's writer is killed half-way, Drive recovers: the first one's bytes arrive."""
    path = place.path / "f"
    path.write_bytes(b"good")
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    with pytest.raises(OSError):
        path.write_bytes(b"waits for room")
    killed_writer(path, HALF)
    assert head(google, place, "f") == md5(b"good")
    drive.clear_faults()
    wait_until(lambda: head(google, place, "f") == md5(b"waits for room"), "the waiting save is in Drive")


def test_a_retry_does_not_undo_a_later_save_elsewhere(place, google, drive, mount):
    """While a failed save waits, somebody else saves: theirs stays, ours is held with the reason."""
    path = place.path / "f"
    path.write_bytes(b"good")
    file = google.by_name(place.id)["f"]["id"]
    drive.fault(path=UPLOAD, method="PATCH", action="status", status=403, reason="storageQuotaExceeded", count=0)
    with pytest.raises(OSError):
        path.write_bytes(b"older")
    drive.clear_faults()
    google.replace(file, b"later, by somebody else")
    wait_until(lambda: held(mount, place.name + "/f"), "it is tried again, and held")
    assert held(mount, place.name + "/f") == ["it was changed in Drive since the save failed"]
    assert head(google, place, "f") == md5(b"later, by somebody else")


def test_a_write_beside_an_upload_does_not_wait(place, google, drive, mount):
    """What another descriptor writes while a close() uploads goes into the next save. (Beside an fsync() it is
    the kernel that lets a write wait: it holds the inode's lock for FSYNC.)"""
    drive.profile({"up": 1})  # MB/s
    data = os.urandom(3_000_000)
    first, second = (os.open(place.path / "f", os.O_WRONLY | os.O_CREAT, 0o644) for _ in range(2))
    os.write(first, data)
    done = []
    thread = threading.Thread(target=lambda: (os.close(first), done.append(True)))
    thread.start()
    wait_until(lambda: any(one["sending"] and one["path"].startswith(place.name) for one in mount.status()["pending"]),
               "the upload runs")
    os.pwrite(second, b"beside", len(data))
    written_beside = not done
    drive.profile("none")
    thread.join()
    assert written_beside, "the write waited for the upload"
    os.close(second)
    assert head(google, place, "f") == md5(data + b"beside")


def test_handled_signals_do_not_end_a_save(place, google, drive):
    """SIGALRM every 20 ms, with a handler: open, write, close, mkdir, rename, unlink go on as if nothing was."""
    drive.profile({"latency_ms": 60})
    script = """
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
os.chdir(sys.argv[1])
for i in range(5):
    fd = os.open("f%d" % i, os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x" * 1000)
    os.close(fd)
    os.mkdir("d%d" % i)
    os.rename("f%d" % i, "d%d/g" % i)
os.unlink("d0/g")
signal.setitimer(signal.ITIMER_REAL, 0)  # at its end Python gives the signal back to its default, which kills
"""
    try:
        subprocess.run([sys.executable, "-c", script, str(place.path)], check=True, timeout=120)
    finally:
        drive.profile("none")
    assert sorted(google.by_name(place.id)) == ["d%d" % i for i in range(5)]


def test_python_s_interrupt_ends_a_close(place, drive):
    """^C in close() while Drive stalls: Python gets KeyboardInterrupt soon, and the bytes are kept."""
    drive.fault(path=UPLOAD, action="stall", count=0)
    script = "import sys\nf=open(sys.argv[1],'wb')\nf.write(b'x'*10)\nprint('ready',flush=True)\nf.close()"
    process = subprocess.Popen([sys.executable, "-c", script, str(place.path / "f")], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    wait_until(lambda: [r for r in drive.log() if r["path"].startswith("/upload/")] or process.poll() is not None,
               "the upload has begun")
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    process.wait(30)
    drive.clear_faults()
    assert time.monotonic() - begin < 8 and process.returncode != 0  # the deadline would have been 8 s
    process.stdout.close()
    process.stderr.close()
