# SPDX-License-Identifier: MIT
"""close() is honest: 0 means that Drive has exactly these bytes, once; else it fails and says why."""
import errno
import os
import subprocess

import numpy as np
import pytest

from harness.counting import counted
from harness.google import md5
from harness.paths import wait_until

OPTIONS = ["poll=1,deadline=8,upload_deadline=8"]
MIB = 1 << 20
UPLOAD = "^/upload/"


def shell(here, script):
    """Run a shell script in that folder."""
    subprocess.run(["sh", "-ec", script], cwd=here, check=True, timeout=120)


def only(place, google, name, data):
    """Drive has one file of that name with this content, saved once: one revision."""
    file = google.by_name(place.id)[name]
    assert file["md5Checksum"] == md5(data) and file["size"] == str(len(data))
    assert len(google.revisions(file["id"])) == 1, "more than one revision for one save"
    return file


def failing_write(path, data):
    """Write and close; returns the errno of close()."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, data)
    with pytest.raises(OSError) as caught:
        os.close(fd)
    return caught.value.errno


# -- exactly once -------------------------------------------------------------------------


def test_when_close_returns_drive_has_it(place, google):
    data = os.urandom(5 * MIB + 1)
    (place.path / "f").write_bytes(data)
    only(place, google, "f", data)


def test_when_fsync_returns_drive_has_it(place, google):
    with open(place.path / "f", "wb") as file:
        file.write(b"synced")
        file.flush()
        os.fsync(file.fileno())
        assert google.download(google.by_name(place.id)["f"]["id"]) == b"synced"


def test_every_save_is_one_revision(place, google):
    for i in range(3):
        (place.path / "f").write_bytes(b"version %d" % i)
    assert len(google.revisions(google.by_name(place.id)["f"]["id"])) == 3


@pytest.mark.parametrize("script,content", [
    ("cat input > f", None),
    ("cp input f", None),
    ("dd if=input of=f bs=64k status=none", None),
    ("{ echo a; /bin/echo b; } > f", b"a\nb\n"),
    ("{ /bin/echo a; (echo b; /bin/echo c); cat input; } > f", b"a\nb\nc\n+"),
    ("exec > f; echo a; (echo b); /bin/echo c", b"a\nb\nc\n"),
    ("tee f < input > /dev/null", None),
    ("sh -c 'echo one; sleep 0.1; echo two' > f", b"one\ntwo\n"),
], ids=["cat", "cp", "dd", "group", "nested", "exec", "tee", "slow"])
def test_shells_and_tools_save_once(place, google, tmp_path, script, content):
    data = os.urandom(700_001)
    (tmp_path / "input").write_bytes(data)
    shell(place.path, script.replace("input", "'%s'" % (tmp_path / "input")))
    wanted = data if content is None else content.replace(b"+", data)
    # Where a child held the last descriptor, it is settled when the kernel releases the file.
    wait_until(lambda: "f" in google.by_name(place.id), "f in Drive")
    only(place, google, "f", wanted)


def test_a_duplicated_descriptor_saves_once(place, google):
    """As numpy does: two closes, of which only the last may publish."""
    fd = os.open(place.path / "f", os.O_WRONLY | os.O_CREAT)
    other = os.dup(fd)
    os.write(other, b"first ")
    os.close(other)
    os.write(fd, b"second")
    os.close(fd)
    only(place, google, "f", b"first second")


def test_numpy_save_saves_once(place, google):
    array = np.random.default_rng(1).random((300_000, 10), np.float32)  # over 10 MiB
    np.save(place.path / "a.npy", array)
    only(place, google, "a.npy", (place.path / "a.npy").read_bytes())
    assert np.array_equal(np.load(place.path / "a.npy"), array)


def test_like_rsync(place, google):
    """A temporary name, its time, then the rename over the old file."""
    (place.path / "f").write_bytes(b"old")
    data = os.urandom(MIB)
    (place.path / ".f.Xy12").write_bytes(data)
    os.utime(place.path / ".f.Xy12", ns=(10**18, 10**18))
    os.rename(place.path / ".f.Xy12", place.path / "f")
    assert (place.path / "f").read_bytes() == data and os.stat(place.path / "f").st_mtime_ns == 10**18
    files = google.by_name(place.id)
    assert list(files) == ["f"] and files["f"]["md5Checksum"] == md5(data)


def test_closing_what_was_only_read_sends_nothing(place, drive):
    (place.path / "f").write_bytes(b"x")
    with counted(drive) as count:
        assert (place.path / "f").read_bytes() == b"x"
        os.close(os.open(place.path / "f", os.O_RDWR))
    assert not count.uploads(), count.lines()


# -- faults that a user must not notice ---------------------------------------------------


@pytest.mark.parametrize("fault", [
    {"action": "status", "status": 503},
    {"action": "status", "status": 500, "count": 2},
    {"action": "status", "status": 403, "reason": "userRateLimitExceeded"},
    {"action": "status", "status": 401, "reason": "authError"},
    {"action": "drop"},
    {"action": "lose"},
    {"action": "lose", "nth": 2},
    {"action": "cut_request", "nth": 2},
    {"action": "corrupt_request", "nth": 2},
], ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_a_passing_fault(place, google, drive, fault):
    """Retried, resumed, and in Drive exactly once: a lost answer makes no second file or revision."""
    data = os.urandom(3 * MIB)
    drive.fault(path=UPLOAD, **fault)
    (place.path / "f").write_bytes(data)
    file = google.by_name(place.id)["f"]
    assert file["md5Checksum"] == md5(data)
    assert google.revisions(file["id"])[-1]["md5Checksum"] == md5(data)
    if fault["action"] != "corrupt_request":
        only(place, google, "f", data)


# -- faults that a user must see ----------------------------------------------------------


@pytest.mark.parametrize("fault,wanted", [
    ({"status": 403, "reason": "storageQuotaExceeded"}, {errno.EDQUOT, errno.ENOSPC}),
    ({"status": 403, "reason": "insufficientFilePermissions"}, {errno.EACCES, errno.EPERM}),
    ({"status": 500}, {errno.EIO, errno.ETIMEDOUT}),
], ids=["quota", "rights", "server"])
def test_a_lasting_fault_fails_close(place, google, drive, mount, fault, wanted):
    path = place.path / "f"
    path.write_bytes(b"old content")
    old = google.by_name(place.id)["f"]
    begin = mount.log_size()
    drive.fault(path=UPLOAD, action="status", count=0, **fault)
    assert failing_write(path, b"new content") in wanted
    assert google.download(old["id"]) == b"old content", "the old revision stays"
    assert len(mount.status()["pending"]) == 1
    assert place.name + "/f" in mount.log_text(begin), "the log names the file"
    assert path.read_bytes() == b"new content", "here, the new bytes are shown"
    drive.clear_faults()
    path.write_bytes(b"newer content")
    found = google.get(old["id"])
    assert found["md5Checksum"] == md5(b"newer content")
    assert not mount.status()["pending"]


def test_what_failed_is_tried_again(place, google, drive, mount):
    """Nothing is lost: once Drive accepts again, the bytes go there without anybody's doing."""
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    failing_write(place.path / "f", b"bytes to keep")
    assert "f" not in google.by_name(place.id)
    drive.clear_faults()
    wait_until(lambda: not mount.status()["pending"], "the retry", deadline=40)
    only(place, google, "f", b"bytes to keep")


def test_what_failed_and_was_removed_is_not_pending(place, google, drive, mount):
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    failing_write(place.path / "f", b"bytes that nobody wants any more")
    assert mount.status()["pending"]
    (place.path / "f").unlink()
    assert not mount.status()["pending"]
    drive.clear_faults()
    (place.path / "f").write_bytes(b"wanted")
    only(place, google, "f", b"wanted")


def test_fsync_fails_too(place, drive):
    with open(place.path / "f", "wb") as file:
        file.write(b"x")
        file.flush()
        drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
        with pytest.raises(OSError):
            os.fsync(file.fileno())
        drive.clear_faults()
        os.fsync(file.fileno())


def test_a_fault_with_one_file_leaves_others_alone(place, google, drive):
    """A stalled upload of one file does not hold up reading and writing of another."""
    (place.path / "other").write_bytes(b"here")
    drive.fault(path=UPLOAD, action="stall", nth=1, count=1)
    process = subprocess.Popen(["sh", "-c", "echo stalled > f"], cwd=place.path)
    assert (place.path / "other").read_bytes() == b"here"
    wait_until(lambda: [r for r in drive.log() if r["path"].startswith("/upload/")] or process.poll() is not None,
               "the upload has begun")
    (place.path / "another").write_bytes(b"done")
    assert google.by_name(place.id)["another"]["size"] == "4"
    drive.clear_faults()
    process.wait(60)
