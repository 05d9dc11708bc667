# SPDX-License-Identifier: MIT
"""Fixtures: one local Drive and its mounts per module, a folder of its own per test.

A module sets, where the defaults do not fit:
    MOUNTS = 2               how many mounts (default 1)
    OPTIONS = ["poll=1"]     -o options of each (default: poll=1)
    UNFINISHED = True        its tests leave bytes behind that are not in Drive
"""
import os
import pathlib
import re
import sys

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from harness.janitor import dismiss, janitor  # noqa: E402
from harness.paths import is_mounted  # noqa: E402
from harness.rig import Rig  # noqa: E402

DEADLINE = 150.0  # seconds a test may hang before its daemons are killed


@pytest.fixture(scope="module")
def rig(request):
    """The module's local Drive and mounts. A mount that ends badly is an error of the module."""
    janitor().tell(deadline=DEADLINE)
    module = request.module
    started = Rig(getattr(module, "MOUNTS", 1), getattr(module, "OPTIONS", ["poll=1"])).start()
    failed_before = request.session.testsfailed
    yield started
    janitor().tell(deadline=DEADLINE)
    if request.session.testsfailed > failed_before:
        for mount in started.mounts:
            print("log of mount %d, its end:\n%s" % (mount.number, mount.log_text()[-4000:]), file=sys.stderr)
    found = started.stop()
    if getattr(module, "UNFINISHED", False):
        found = [text for text in found if "is not in Drive" not in text]
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def drive(rig):
    """The module's LocalDrive."""
    return rig.drive


@pytest.fixture(scope="module")
def google(rig):
    """Google's own client on that Drive, as yet another account."""
    from harness.google import Google  # pylint: disable=import-outside-toplevel
    return Google.of(rig.drive)


@pytest.fixture
def mount(rig):
    """The first mount."""
    return rig.mounts[0]


class Place:
    """A test's own folder: its path in each mount, and its id in Drive."""

    def __init__(self, rig, name):
        self.name, self.paths = name, [pathlib.Path(mount.path, name) for mount in rig.mounts]
        self.path = self.paths[0]
        self.path.mkdir()
        self.id = os.getxattr(self.path, "user.drive.id").decode()


@pytest.fixture
def place(request, rig):
    """A fresh folder on the mount, named after the test."""
    return Place(rig, re.sub(r"[^A-Za-z0-9_.-]+", "-", request.node.name)[:80])


@pytest.fixture
def here(place):
    """Its path on the first mount."""
    return place.path


@pytest.fixture(autouse=True)
def watch(request):
    """Nothing hangs for ever, faults end with their test, and a daemon that died is this test's fault."""
    janitor().tell(deadline=DEADLINE)
    yield
    if "rig" not in request.fixturenames:
        return
    rig = request.getfixturevalue("rig")
    rig.drive.clear_faults()
    dead = [mount for mount in rig.mounts if not mount.was_unmounted()
            and not (mount.alive() and is_mounted(mount.path))]
    texts = [mount.log_text()[-3000:] for mount in dead]
    for mount in dead:
        mount.remount()
    assert not dead, "a daemon was gone after this test:\n" + "\n".join(texts)


def pytest_sessionfinish():
    """All rigs are stopped: the janitor may go."""
    dismiss()
