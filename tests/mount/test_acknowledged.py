# SPDX-License-Identifier: MIT
"""One small cause each of what the ledger test (tests/ledger) has found: acknowledged is in Drive."""
import contextlib
import errno
import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from harness.paths import wait_until
from harness.surprise import calm  # noqa: F401  pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=4,upload_deadline=4,wait_scale=10"]
UNFINISHED = True  # halves and refused saves are kept
UPLOADS = {"path": "^/upload/", "status": 403, "reason": "storageQuotaExceeded", "count": 0}
HALF = "import os, sys, signal; f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | %s); os.write(f, b'half'); os.kill(os.getpid(), 9)"
ROUNDS = 20


def killed(path, how="os.O_TRUNC"):
    """A process writes half of something, and is killed."""
    done = subprocess.run([sys.executable, "-c", HALF % how, path], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def save(path, data):
    """A whole save: 0, or the errno of the first call that fails."""
    try:
        path.write_bytes(data)
    except OSError as error:
        return error.errno
    return 0


@contextlib.contextmanager
def opened(path, flags):
    """A descriptor; its last close() may fail, which is not what is asked here."""
    descriptor = os.open(path, flags, 0o644)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def synced(path, data):
    """A whole save, promised by fsync()."""
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
        os.write(descriptor, data)
        os.fsync(descriptor)


def drive_has(place, google):
    """name -> bytes."""
    return {file["name"]: google.download(file["id"]) for file in google.children(place.id) if "md5Checksum" in file}


def listed(mount, place, *what):
    """What status lists of the test's folder, as pending or held."""
    status = mount.status()
    return [one for kind in what for one in status[kind] if place.name in str(one)]


# -- a name whose first writer was killed ---------------------------------------------------


def test_a_new_file_is_saved_again_after_its_first_writer_was_killed(place, google):
    wanted = {}
    for number in range(ROUNDS):
        path = place.path / ("n%d" % number)
        killed(path)
        assert save(path, b"whole") == 0
        wanted[path.name] = b"whole"
    assert drive_has(place, google) == wanted
    assert sorted(os.listdir(place.path)) == sorted(wanted)


# -- appending while others look ------------------------------------------------------------


def stare(path, ready, ended):
    """In another process: ask for the size all the time; it never goes back."""
    last = back = 0
    ready.set()
    while not ended.is_set():
        with contextlib.suppress(FileNotFoundError):
            size = os.stat(path).st_size
            back, last = back + (size < last), size
    os._exit(1 if back else 0)


def test_records_are_appended_while_others_stat(place, google):
    path, context = place.path / "log", multiprocessing.get_context("fork")
    ready, ended = context.Event(), context.Event()
    looking = context.Process(target=stare, args=(path, ready, ended))
    looking.start()
    ready.wait(30)
    wanted = b"".join(b"record %06d\n" % number for number in range(60))
    with open(path, "ab", buffering=0) as file:
        for at in range(0, len(wanted), 14):
            file.write(wanted[at:at + 14])
            os.fsync(file.fileno())
    ended.set()
    looking.join(30)
    assert path.read_bytes() == wanted and drive_has(place, google) == {"log": wanted}
    assert looking.exitcode == 0, "a size went back"


# -- renaming what is not in Drive ----------------------------------------------------------


def test_a_rename_publishes_first_or_fails(place, google, drive):
    """`cmd > f.tmp; mv f.tmp f` of a shell that does not look at close(), with a full quota."""
    good, new = place.path / "f", place.path / "f.tmp"
    good.write_bytes(b"good")
    target = google.by_name(place.id)["f"]
    drive.fault(**UPLOADS)
    assert save(new, b"new") in (errno.EDQUOT, errno.ENOSPC)
    with pytest.raises(OSError) as caught:
        os.rename(new, good)
    assert caught.value.errno in (errno.EDQUOT, errno.ENOSPC)
    assert not google.get(target["id"])["trashed"] and google.download(target["id"]) == b"good"
    drive.clear_faults()
    os.rename(new, good)
    assert drive_has(place, google) == {"f": b"new"}


def test_a_half_is_not_renamed_over_a_good_one(place, google, mount):
    """Renamed while it is open, and then its writer is killed."""
    (place.path / "f").write_bytes(b"good")
    script = ("import os, sys; f = os.open('t', os.O_WRONLY | os.O_CREAT); os.write(f, b'half')\n"
              "try: os.rename('t', 'f')\nexcept OSError: pass\nos.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", script], cwd=place.path, check=False, timeout=60)
    wait_until(lambda: listed(mount, place, "held") or drive_has(place, google).get("f") == b"half",
               "the half is kept, or was promised by rename()")
    assert b"good" in drive_has(place, google).values() or drive_has(place, google)["f"] == b"half"


# -- what waits to be sent again -------------------------------------------------------------


def test_a_retry_does_not_replace_what_came_later(place, google, drive, mount):
    """A save failed; somebody else saved; the failed one is kept and listed, and never put over it."""
    path = place.path / "f"
    path.write_bytes(b"first")
    file = google.by_name(place.id)["f"]["id"]
    drive.fault(**{**UPLOADS, "path": "uploadType=multipart"})  # as the mount sends it, and Google's client does not
    assert save(path, b"failed") != 0
    google.replace(file, b"later")
    drive.clear_faults()
    wait_until(lambda: not listed(mount, place, "pending"), "nothing waits any more", deadline=60)
    assert google.download(file) == b"later"
    assert listed(mount, place, "held"), "the failed one is kept"


def test_a_killed_writer_of_what_waits(place, google, drive, mount):
    """A draft waits for Drive; it is opened with O_TRUNC by somebody who is killed half-way; Drive is well again."""
    path = place.path / "f"
    path.write_bytes(b"GOOD")
    file = google.by_name(place.id)["f"]["id"]
    drive.fault(**UPLOADS)
    assert save(path, b"GOOD TOO") != 0
    killed(path)
    drive.clear_faults()
    wait_until(lambda: not listed(mount, place, "pending"), "nothing waits any more", deadline=60)
    assert google.download(file) in (b"GOOD", b"GOOD TOO")
    assert save(path, b"and the next") == 0 and google.download(file) == b"and the next"


# -- calls that are refused, descriptors that stay open ---------------------------------------


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("kind", ["refused", "killed"])
def test_whole_saves_beside_an_idle_descriptor(place, google, known, kind):
    """A notebook has the file open, a call of it was refused or another writer was killed: every later
    whole save is in Drive all the same, by fsync()."""
    path = place.path / "f"
    if known:
        path.write_bytes(b"first")
    with opened(path, os.O_RDWR | os.O_CREAT) as idle:
        if kind == "refused":
            with pytest.raises(OSError) as caught:
                os.ftruncate(idle, 1 << 62)
            assert caught.value.errno == errno.EFBIG
        else:
            killed(path)
        for number in range(3):
            synced(path, b"whole %d" % number)
            assert drive_has(place, google) == {"f": b"whole %d" % number}
    assert drive_has(place, google) == {"f": b"whole 2"}


def test_saves_right_after_an_idle_descriptor_was_closed(place, google):
    """Its release comes when the next save has begun: that one is not taken for it."""
    path = place.path / "f"
    for number in range(ROUNDS):
        with opened(path, os.O_RDWR | os.O_CREAT) as idle, contextlib.suppress(OSError):
            os.ftruncate(idle, 1 << 62)
        for turn in range(2):
            data = b"whole %d %d" % (number, turn)
            synced(path, data)
            assert drive_has(place, google) == {"f": data}
