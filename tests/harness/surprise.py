# SPDX-License-Identifier: MIT
"""For tests of how a mount survives Drive's surprises: switches that end with their test.

A module imports the fixture: from harness.surprise import calm, ...
"""
import concurrent.futures
import os
import pathlib

import pytest

from emulator.odd import bytes_of
from harness.paths import wait_until

MIB = 1 << 20


@pytest.fixture(autouse=True)
def calm(rig):
    """Drive behaves before each test, and again after it."""
    defaults = getattr(rig, "default_switches", None)
    if defaults is None:
        defaults = rig.default_switches = rig.drive.switches()
    yield
    rig.drive.clear_faults()
    rig.drive.switches(**defaults)
    rig.drive.profile("none")


class Stock:
    """Files that were in Drive before the mount looked: take() gives one nobody has read yet."""

    SIZE = 3 * MIB + 5

    def __init__(self, rig, count=40):
        self.folder = rig.drive.new_folder("stock", rig.drive.folder)
        self.files = rig.drive.fill(self.folder, count, name="f%d", size=self.SIZE)
        self.path = pathlib.Path(rig.mounts[0].path, "stock")
        wait_until(self.path.exists, "the stock on the mount")

    def take(self):
        """(path, bytes, id) of one."""
        file = self.files.pop()
        return self.path / file["name"], bytes_of(file["name"], self.SIZE), file["id"]


@pytest.fixture(scope="module")
def stock(rig):
    """The module's stock."""
    return Stock(rig)


def foreign(place, google, *contents):
    """Files that another program puts into the test's folder, f0, f1, ...: their paths on the
    mount, which has not a byte of them yet, once it has seen them all."""
    paths = [place.path / ("f%d" % number) for number in range(len(contents))]
    for path, data in zip(paths, contents):
        google.create(place.id, path.name, data)
    wait_until(lambda: all(path.exists() for path in paths), "new files on the mount")
    return paths


def at_once(calls):
    """Run all calls at the same time; their results in order, exceptions raised."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def errno_of(call, *arguments):
    """The errno of an OSError that call(*arguments) must raise."""
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return caught.value.errno


def entries(path):
    """What a folder holds, sorted; an error counts as `not yet`."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return None
