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
