# SPDX-License-Identifier: MIT
"""Waiting ends: by ^C at once, by the deadline at last; and names never wait for bytes, nor quota."""
import errno
import os
import signal
import subprocess

import pytest

from harness.google import FOLDER
from harness.paths import wait_until
from harness.surprise import calm, errno_of  # noqa: F401  pylint: disable=unused-import

# Nothing in here may end because of a deadline, unless a test asks for one.
OPTIONS = ["poll=1,deadline=3600,upload_deadline=3600"]
MIB = 1 << 20
MEDIA, LIST, UPLOAD = "alt=media", "/drive/v3/files\\?q=", "^/upload/"
HANG = 40  # seconds after which a process counts as one that never ends


def stranger(place, google, name, data):
    """A file that another program puts into the test's folder; not a byte of it is in a cache."""
    google.create(place.id, name, data)
    wait_until((place.path / name).exists, name + " on the mount")
    return place.path / name


def asked(drive, path, method="GET"):
    """The requests to that path so far, those without an answer too."""
    return [r for r in drive.log() if r["method"] == method and path in r["path"] + "?" + r["query"]]


class Blocked:
    """A process that hangs in a request to Drive; interrupt() is the ^C."""

    def __init__(self, drive, command, path, method="GET", count=1):
        drive.reset_log()
        self.process = subprocess.Popen(["sh", "-c", 'exec "$@"', "sh", *map(str, command)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        wait_until(lambda: len(asked(drive, path, method)) >= count or self.process.poll() is not None,
                   "a request that hangs")
        assert self.process.poll() is None, self.process.communicate()

    def interrupt(self):
        """It must end by this signal."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=HANG)
        finally:
            self.process.kill()
            self.process.wait()
        assert self.process.returncode == -signal.SIGINT, self.process.returncode


# -- ^C -----------------------------------------------------------------------------------


def test_ctrl_c_in_a_stalled_read(place, google, drive):
    path = stranger(place, google, "f", b"x" * MIB)
    drive.fault(path=MEDIA, action="stall", count=0)
    Blocked(drive, ["cat", path], MEDIA).interrupt()
    drive.clear_faults()
    assert path.read_bytes() == b"x" * MIB


def test_ctrl_c_in_a_stalled_listing(place, google, drive):
    google.create_empty(place.id, "unknown", FOLDER)
    wait_until((place.path / "unknown").exists, "the folder on the mount")
    drive.fault(path=LIST, action="stall", count=0)
    Blocked(drive, ["ls", place.path / "unknown"], "/drive/v3/files?q=").interrupt()
    drive.clear_faults()
    assert os.listdir(place.path / "unknown") == []


def test_ctrl_c_in_the_wait_before_a_retry(place, google, drive):
    google.create_empty(place.id, "unknown", FOLDER)
    wait_until((place.path / "unknown").exists, "the folder on the mount")
    drive.switches(retry_after=600)
    drive.fault(path=LIST, status=503, count=0)
    blocked = Blocked(drive, ["ls", place.path / "unknown"], "/drive/v3/files?q=")
    blocked.interrupt()
    assert len(asked(drive, "/drive/v3/files?q=")) == 1, "it waited as long as Drive asked it to"


def test_ctrl_c_in_a_stalled_upload(place, google, drive, mount, tmp_path):
    data = os.urandom(3 * MIB)
    (tmp_path / "f").write_bytes(data)
    drive.fault(path="upload_id=", action="stall", count=0)
    Blocked(drive, ["cp", tmp_path / "f", place.path / "f"], "upload_id=", "PUT").interrupt()
    drive.clear_faults()
    wait_until(lambda: not mount.status()["pending"] and not mount.status()["held"] or
               mount.status()["held"], "the bytes are sent, or kept aside")
    wait_until(lambda: "f" in google.by_name(place.id), "the file in Drive", deadline=60)
    assert google.download(google.by_name(place.id)["f"]["id"]) == data


# -- names before bytes -------------------------------------------------------------------


def test_names_never_wait_for_bytes(place, google, drive):
    """Eight downloads at a byte a second take all connections for contents: names are served as ever."""
    names = ["f%d" % i for i in range(8)]
    for name in names:
        stranger(place, google, name, os.urandom(MIB))
    google.create(google.create_empty(place.id, "other", FOLDER)["id"], "g", b"g")
    wait_until((place.path / "other").exists, "the folder on the mount")
    drive.fault(path=MEDIA, action="crawl", rate=1, count=0)
    readers = [Blocked(drive, ["cat", place.path / name], MEDIA) for name in names]
    drive.reset_log()
    assert os.listdir(place.path / "other") == ["g"]
    assert os.stat(place.path / "other" / "g").st_size == 1
    (place.path / "made").mkdir()
    os.rename(place.path / "made", place.path / "renamed")
    assert "renamed" in google.by_name(place.id)
    assert all(reader.process.poll() is None for reader in readers), "no download has ended"
    for reader in readers:
        reader.interrupt()


# -- deadlines ----------------------------------------------------------------------------


def test_a_black_hole_ends_with_etimedout(place, google, drive, rig):
    path = stranger(place, google, "f", b"x" * MIB)
    google.create_empty(place.id, "unknown", FOLDER)
    hasty = rig.add_mount(options=["poll=1,deadline=2,upload_deadline=2"])
    there = os.path.join(hasty.path, place.name)
    wait_until(lambda: os.path.exists(os.path.join(there, "unknown")), "the folder on the other mount")
    begin = hasty.log_size()
    drive.fault(path="/drive/v3", action="stall", count=0)
    try:
        assert errno_of(os.listdir, os.path.join(there, "unknown")) == errno.ETIMEDOUT
        assert errno_of(_read, os.path.join(there, "f")) == errno.ETIMEDOUT
        assert errno_of(os.mkdir, os.path.join(there, "d")) == errno.ETIMEDOUT
        assert errno_of(os.unlink, os.path.join(there, "f")) == errno.ETIMEDOUT
    finally:
        drive.clear_faults()
    assert os.path.getsize(path) == MIB
    errors = [line for line in hasty.log_text(begin).splitlines() if " error " in line]
    for op, what in (("opendir", "unknown"), ("read", "f"), ("mkdir", "d"), ("unlink", "f")):
        assert [line for line in errors if "%s: %s/%s:" % (op, place.name, what) in line], (op, errors)


def _read(path):
    with open(path, "rb") as file:
        return file.read(1)


# -- quota units --------------------------------------------------------------------------


def test_units_are_counted_as_drive_counts_them(place, google, drive, rig):
    """Every kind of request, and the sums agree."""
    path = stranger(place, google, "read", os.urandom(2 * MIB))
    lone = rig.add_mount(options=["poll=86400"])
    before = lone.status()["drive"]["units"]
    drive.reset_log()
    there = os.path.join(lone.path, place.name)
    with open(os.path.join(there, path.name), "rb") as file:
        assert len(file.read()) == 2 * MIB
    for size in (0, 5, 2 * MIB):
        with open(os.path.join(there, "w%d" % size), "wb") as file:
            file.write(bytes(size))
    os.mkdir(os.path.join(there, "d"))
    os.rename(os.path.join(there, "w5"), os.path.join(there, "d", "w"))
    os.unlink(os.path.join(there, "d", "w"))
    os.statvfs(there)
    counted = lone.status()["drive"]["units"] - before
    log = [r for r in drive.log() if not r["path"].startswith("/drive/v3/changes")]
    others = [r for r in drive.log() if r not in log]  # the module's first mount polls, too
    assert counted == sum(r["units"] for r in log) > 700, (counted, log, others)


def test_a_mount_stays_below_its_units(place, google, drive, rig):
    """Drive would refuse what goes over them: nothing is refused, it only takes longer."""
    for i in range(9):
        google.create_empty(place.id, "d%d" % i, FOLDER)
    modest = rig.add_mount(options=["poll=86400,quota_units_per_minute=3000"])
    there = os.path.join(modest.path, place.name)
    drive.switches(rate_limit_units=3000)
    drive.reset_log()
    for i in range(9):
        assert os.listdir(os.path.join(there, "d%d" % i)) == []
    log = [r for r in drive.log() if r["path"] == "/drive/v3/files"]
    assert len(log) >= 9 and {r["status"] for r in log} == {200}, log


@pytest.mark.parametrize("options", ["quota_units_per_minute=1999", "quota_units_per_minute=-1", "wait_scale=101"])
def test_options_that_make_no_sense(rig, options, tmp_path):
    from harness.background import Background  # pylint: disable=import-outside-toplevel
    from harness.paths import binary  # pylint: disable=import-outside-toplevel
    base = "cache_dir=%s,key_file=%s,api_root=%s,ca_file=%s," % (tmp_path / "c", rig.drive.key, rig.drive.url, rig.drive.ca)
    (tmp_path / "p").mkdir()
    with Background([binary(), "-o", base + options, rig.drive.folder, tmp_path / "p"], tmp_path / "p") as daemon:
        assert daemon.done.returncode in (1, 2) and not daemon.mounted()
        assert options.split("=")[1] in daemon.done.stderr
