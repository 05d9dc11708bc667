# SPDX-License-Identifier: MIT
"""Extended attributes: Drive's description to read and write, what identifies a file to read."""
import errno
import json
import os

import pytest

from harness.google import md5
from harness.paths import wait_until

NOTE = {"version": "2.1", "trained": "2026-01-31", "quality": 0.87, "who": "Žofie \u6797"}


def refused(call, *arguments):
    """The call fails; returns its errno."""
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return caught.value.errno


def test_description(place, google):
    file = place.path / "f"
    file.write_bytes(b"x")
    assert refused(os.getxattr, file, "user.drive.description") == errno.ENODATA
    text = json.dumps(NOTE, ensure_ascii=False).encode()
    os.setxattr(file, "user.drive.description", text)
    assert os.getxattr(file, "user.drive.description") == text
    found = google.by_name(place.id)["f"]
    assert json.loads(found["description"]) == NOTE
    google.update(found["id"], description="from outside")
    wait_until(lambda: os.getxattr(file, "user.drive.description") == b"from outside", "the new description")
    os.removexattr(file, "user.drive.description")
    assert refused(os.getxattr, file, "user.drive.description") == errno.ENODATA
    assert not google.get(found["id"]).get("description")
    assert refused(os.removexattr, file, "user.drive.description") == errno.ENODATA


def test_description_of_a_folder(place, google):
    os.setxattr(place.path, "user.drive.description", b"models of May")
    assert google.get(place.id)["description"] == "models of May"


def test_description_survives_a_save(place, google):
    (place.path / "f").write_bytes(b"one")
    os.setxattr(place.path / "f", "user.drive.description", b"kept")
    (place.path / "f").write_bytes(b"two")
    assert google.by_name(place.id)["f"]["description"] == "kept"
    assert os.getxattr(place.path / "f", "user.drive.description") == b"kept"


def test_setting_it_keeps_the_time(here):
    """Drive moves modifiedTime on some edits of metadata; a note about a model is not a new model."""
    (here / "f").write_bytes(b"x")
    os.utime(here / "f", ns=(10**18, 10**18))
    os.setxattr(here / "f", "user.drive.description", b"note")
    assert os.stat(here / "f").st_mtime_ns == 10**18


def test_create_and_replace_flags(here):
    (here / "f").write_bytes(b"x")
    name = "user.drive.description"
    assert refused(os.setxattr, here / "f", name, b"1", os.XATTR_REPLACE) == errno.ENODATA
    os.setxattr(here / "f", name, b"1", os.XATTR_CREATE)
    assert refused(os.setxattr, here / "f", name, b"2", os.XATTR_CREATE) == errno.EEXIST
    os.setxattr(here / "f", name, b"3", os.XATTR_REPLACE)
    assert os.getxattr(here / "f", name) == b"3"


def test_identity(place, google):
    (place.path / "f").write_bytes(b"some bytes")
    found = google.by_name(place.id)["f"]
    wanted = {"id": found["id"], "md5": md5(b"some bytes"), "revision": found["headRevisionId"]}
    for name, value in wanted.items():
        attribute = "user.drive." + name
        assert os.getxattr(place.path / "f", attribute).decode() == value
        assert refused(os.setxattr, place.path / "f", attribute, b"x") in (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP)
        assert os.getxattr(place.path / "f", attribute).decode() == value
    assert os.listxattr(place.path / "f") == []  # what cannot be set is not listed: programs that copy would try to


def test_a_small_buffer_and_unknown_names(here):
    (here / "f").write_bytes(b"x")
    os.setxattr(here / "f", "user.drive.description", b"y" * 1500)
    assert os.getxattr(here / "f", "user.drive.description") == b"y" * 1500
    assert refused(os.getxattr, here / "f", "user.nothing") in (errno.ENODATA, errno.EOPNOTSUPP)
    for name in ("security.capability", "trusted.x"):
        assert refused(os.getxattr, here / "f", name) == errno.EOPNOTSUPP
    for name in ("security.x", "trusted.x"):
        assert refused(os.setxattr, here / "f", name, b"1") == errno.EOPNOTSUPP
