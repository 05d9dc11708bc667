# SPDX-License-Identifier: MIT
"""Every fifth request fails, and nobody notices: at the end Drive holds exactly the expected tree, for
not many more requests. STORM_FILES=1000 runs it with as many files, STORM_SEED=N another storm."""
import concurrent.futures
import hashlib
import os

from harness.counting import counted
from harness.surprise import calm  # noqa: F401  pylint: disable=unused-import

OPTIONS = ["poll=1,wait_scale=1,deadline=60"]
FILES = int(os.environ.get("STORM_FILES") or 200)
SEED = int(os.environ.get("STORM_SEED") or 1)


def content(number):
    """The bytes of a file: all differ."""
    return b"file %d\n" % number * (1 + number % 50)


def life(root, number):
    """A file is created, renamed, moved, and every third is trashed."""
    made, renamed, moved = root / "a" / ("new %d" % number), root / "a" / ("f%d" % number), root / "b" / ("f%d" % number)
    made.write_bytes(content(number))
    os.rename(made, renamed)
    os.rename(renamed, moved)
    if number % 3 == 0:
        os.unlink(moved)


def run(root):
    """All of it, eight at a time."""
    for name in ("a", "b"):
        (root / name).mkdir()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: life(root, number), range(FILES)))


def tree(drive, folder):
    """What Drive holds below a folder: (path, md5 or None, trashed) of everything, sorted."""
    files = {file["id"]: file for file in drive.state(folder)}
    found = []
    for file in files.values():
        above = files.get(file["parents"][0])
        path = (above["name"] + "/" if above else "") + file["name"]
        found.append((path, file.get("md5Checksum"), file["trashed"]))
    return sorted(found, key=str)


def expected():
    """What it should hold."""
    found = [("a", None, False), ("b", None, False)]
    found += [("b/f%d" % n, hashlib.md5(content(n)).hexdigest(), n % 3 == 0) for n in range(FILES)]
    return sorted(found, key=str)


def test_a_storm_of_20_percent(place, drive, mount):
    calm_root, storm_root = place.path / "calm", place.path / "storm"
    for root in (calm_root, storm_root):
        root.mkdir()
    with counted(drive) as quiet:
        run(calm_root)
    assert tree(drive, os.getxattr(calm_root, "user.drive.id").decode()) == expected()
    drive.switches(storm_percent=20, storm_seed=SEED, storm_kinds="503,403,reset,lose")
    with counted(drive) as rough:
        run(storm_root)
    drive.switches(storm_percent=0)
    assert tree(drive, os.getxattr(storm_root, "user.drive.id").decode()) == expected()
    failed = [r for r in rough.requests if r["status"] in (0, 403, 503)]
    print("%d files: %d requests when calm, %d in the storm (x %.2f), of which %d met a fault" % (
        FILES, len(quiet), len(rough), len(rough) / len(quiet), len(failed)))
    assert len(failed) > len(quiet) / 8, "the storm took place"
    assert len(rough) <= 2.5 * len(quiet)
    assert not mount.status()["pending"] and not mount.status()["held"]
    assert sorted(os.listdir(storm_root / "b")) == sorted("f%d" % n for n in range(FILES) if n % 3)
