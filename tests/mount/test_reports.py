# SPDX-License-Identifier: MIT
"""What people reported of other mounts and failed here too, once."""
import contextlib
import errno
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest

from harness import models
from harness.counting import counted
from harness.google import SHARED
from harness.paths import wait_until
from harness.surprise import calm  # noqa: F401  pylint: disable=unused-import

MOUNTS = 2
UNFINISHED = True  # a refused save is kept, and the test looks for it


def sh(script, cwd, **more):
    """A shell script; the CompletedProcess."""
    return subprocess.run(["sh", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=90, check=False, **more)


def shown(mount, place, *more):
    """A path in saved_model/, of the test's folder."""
    return pathlib.Path(mount.path, "saved_model", place.name, *more)


def served(mount, place, name):
    """Both shards of a model."""
    return b"".join((shown(mount, place, name, "variables", "variables.data-%05d-of-00002" % n)).read_bytes() for n in (0, 1))


def rows(values, words):
    """A word2vec .bin file."""
    return b"%d %d\n" % (len(words), values.shape[1]) + b"".join(
        word.encode() + b" " + row.astype("<f4").tobytes() for word, row in zip(words, values))


# -- somebody removes, moves or trashes what is saved ----------------------------------------


@contextlib.contextmanager
def being_saved(path, data):
    """A file half written; the rest is written, and it is closed, at the end of the block."""
    file = open(path, "wb", buffering=0)  # pylint: disable=consider-using-with
    file.write(data[:len(data) // 2])
    try:
        yield file
    finally:
        file.close()


def finish(file, data, sync=False):
    """Write the rest, fsync if asked, close; the errno of the first that fails, or 0."""
    try:
        file.write(data[len(data) // 2:])
        if sync:
            os.fsync(file.fileno())
        file.close()
    except OSError as error:
        return error.errno
    return 0


def kept(mount, place):
    """What status lists of the test's folder."""
    status = mount.status()
    return [one for one in status["pending"] + status["held"] if place.name in str(one)]


@pytest.mark.parametrize("sync", [False, True], ids=["close", "fsync"])
@pytest.mark.parametrize("who", ["web"])
def test_removed_elsewhere_while_it_is_saved(place, google, sync, who):
    """A clean-up job removes the old model; the new one, being saved, is in Drive under its name all the same."""
    one, two = place.paths
    data = b"new model " * 40_000
    (one / "m").write_bytes(b"old")
    wait_until((two / "m").exists, "the file on the other host")
    old = google.by_name(place.id)["m"]["id"]
    with being_saved(one / "m", data) as file:
        if who == "host":
            os.unlink(two / "m")
        else:
            google.update(old, trashed=True)
        wait_until(lambda: "m" not in os.listdir(two), "the news there")
        wait_until(lambda: not (one / "m").exists() or google.get(old)["trashed"], "the news here")
        assert finish(file, data, sync) == 0
    assert google.download(google.by_name(place.id)["m"]["id"]) == data
    assert google.download(old) == b"old", "what is in the trash stays what it was"


def test_moved_elsewhere_while_it_is_saved(place, google, rig, mount):
    """close() returned 0: Drive has the bytes, wherever. Another answer: they are kept."""
    path, data = place.path / "m", b"new model " * 40_000
    path.write_bytes(b"old")
    file_id = google.by_name(place.id)["m"]["id"]
    with being_saved(path, data) as file:
        google.service.files().update(fileId=file_id, addParents=rig.drive.folder, removeParents=place.id, **SHARED).execute()
        wait_until(lambda: os.path.exists(os.path.join(mount.path, "m")), "the news")
        said = finish(file, data)
    there = [google.download(file_id)] + [google.download(f["id"]) for f in google.children(place.id)]
    assert data in there if said == 0 else kept(mount, place)
    os.unlink(os.path.join(mount.path, "m"))


def test_trashed_in_the_browser_then_saved_again(place, google):
    """Before the change feed has told: the new save must not go into the trash."""
    path = place.path / "m"
    path.write_bytes(b"first")
    old = google.by_name(place.id)["m"]["id"]
    google.update(old, trashed=True)
    path.write_bytes(b"second")
    assert google.download(google.by_name(place.id)["m"]["id"]) == b"second"


# -- a writer that dies in a container -------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="makes mount namespaces")
def test_a_writer_killed_in_a_container(place, google, mount, tmp_path):
    """The job of a container, which sees the mount as another one, is killed in the middle of `{ a; b; } >model`."""
    (place.path / "m").write_bytes(b"good")
    job = "exec >m; head -c 300000 /dev/zero; kill -9 $$"
    script = "mount --bind . %s; cd %s; sh -c '%s'" % (tmp_path, tmp_path, job)
    subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], cwd=place.path, check=False,
                   timeout=60, stderr=subprocess.DEVNULL)
    wait_until(lambda: kept(mount, place), "the half is kept")
    assert google.download(google.by_name(place.id)["m"]["id"]) == b"good"


# -- tools that copy attributes and owners ---------------------------------------------------


def test_mknod_of_a_regular_file(place, google):
    os.mknod(place.path / "f", stat.S_IFREG | 0o644)
    (place.path / "f").write_text("x")
    assert google.by_name(place.id)["f"]["size"] == "1"
    for kind in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR):
        with pytest.raises(OSError) as caught:
            os.mknod(place.path / "g", kind | 0o644)
        assert caught.value.errno in (errno.EPERM, errno.EOPNOTSUPP)


# -- saved_model/ ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["nan", "huge", "tiny", "first-nan"])
def test_odd_numbers_in_a_bin(place, mount, what):
    """A training that diverged, and numbers whose bytes look like text."""
    values = {"nan": np.full((8, 5), np.nan), "huge": np.full((8, 5), 3e8), "tiny": np.full((8, 5), 1e-13),
              "letters": np.frombuffer(b"abcdABCD1234zyxwQWER" * 8, "<f4").reshape(8, 5),
              "first-nan": np.where(np.arange(8)[:, None] == 0, np.nan, np.ones((8, 5)))}[what].astype("<f4")
    (place.path / "m.bin").write_bytes(rows(values, ["w%d" % n for n in range(8)]))
    assert "m.bin" in os.listdir(shown(mount, place))
    assert values.tobytes() in served(mount, place, "m.bin")


def test_a_side_car_is_replaced(place, mount):
    """The wrong side-car lay there, and is replaced by the right one; the main file stays as it was."""
    model = models.word2vec(size=20, epochs=1)
    right = model.wv.vectors.copy()
    model.wv.vectors[:] = 7
    model.save(str(place.path / "m.model"), sep_limit=0)
    assert model.wv.vectors.tobytes() in served(mount, place, "m.model")
    np.save(place.path / "m.model.wv.vectors.npy", right)
    assert right.tobytes() in served(mount, place, "m.model")


def test_one_file_that_drive_refuses_hides_nothing(place, rig, drive, mount):
    values = np.arange(12, dtype="<f4").reshape(3, 4)
    for name in ("good.bin", "bad.bin"):
        (place.path / name).write_bytes(rows(values, ["a", "b", "c"]))
    (place.path / "notes.txt").write_bytes(b"not a model at all, just text\n" * 10)
    other = rig.mounts[1]  # which has not read a byte of them
    wait_until((place.paths[1] / "notes.txt").exists, "the files there")
    drive.switches(abusive="bad*")
    with pytest.raises(OSError):
        (place.paths[1] / "bad.bin").read_bytes()
    assert "good.bin" in os.listdir(shown(other, place))
    assert values.tobytes() in served(other, place, "good.bin")


NAMES = ["m[1].bin", "m*.bin", "m?.bin", "a\\b.bin", "sp ace.bin", "{x}.bin", "dollar$.bin", "hash#.bin", "per%20cent.bin",
         "ünïcode.bin", "quote'.bin", "comma,.bin", "gs:.bin", "new\nline.bin", "(1).bin"]
LOAD = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
bad = []
for name in sorted(os.listdir(sys.argv[1])):
    try:
        model = tf.saved_model.load(os.path.join(sys.argv[1], name))
        row = model.lookup(tf.constant(["b"])).numpy().tolist()
        assert row == [[1.0, 2.0, 3.0, 4.0]], row
    except Exception as error:
        bad.append((name, str(error)[:200]))
print(len(os.listdir(sys.argv[1])), bad)
"""


def test_tensorflow_loads_every_name(place, mount):
    """What TensorFlow takes for a pattern in a path is none."""
    values = np.stack([np.arange(n, n + 4) for n in range(3)])
    for name in NAMES:
        (place.path / name).write_bytes(rows(values, ["a", "b", "c"]))
    done = subprocess.run([sys.executable, "-c", LOAD, shown(mount, place)], capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.stdout.strip() == "%d []" % len(NAMES), done.stdout + done.stderr[-500:]
