# SPDX-License-Identifier: MIT
"""Fixtures of the judges: a local Drive that the client under test takes for Google's."""
import json
import os

import pytest

from emulator.launch import LocalDrive
from harness.janitor import dismiss
from installed import as_google

GOOGLES_TOKENS = "https://oauth2.googleapis.com/token"


@pytest.fixture(scope="module")
def drive():
    """One local Drive per module."""
    with LocalDrive() as started:
        yield started


@pytest.fixture(scope="module")
def environment(drive):
    """The environment of a client that is sent through the proxy, and asks for Google's names only."""
    yield as_google(drive)
    hosts = {entry["path"] for entry in drive.log() if entry["method"] == "CONNECT"}
    assert hosts >= {"www.googleapis.com:443", "oauth2.googleapis.com:443"}
    # Newer clients ask there for the regions of a service account, and do without an answer.
    assert hosts <= {"www.googleapis.com:443", "oauth2.googleapis.com:443", "iamcredentials.googleapis.com:443"}


@pytest.fixture(scope="module")
def key(drive, tmp_path_factory):
    """The service account's key file as Google would have made it: with Google's own address."""
    with open(drive.key, encoding="utf-8") as file:
        content = json.load(file)
    content["token_uri"] = GOOGLES_TOKENS
    path = tmp_path_factory.mktemp("key") / "key.json"
    path.write_text(json.dumps(content))
    os.chmod(path, 0o600)
    return str(path)


@pytest.fixture(scope="module")
def person(drive):
    """A user with storage of his own: `credential` is what an authorized_user file holds."""
    return json.loads(drive.ask("POST", "/account", {"kind": "user", "email": "reader@example.com",
                                                     "role": "organizer"}))


@pytest.fixture
def folder(drive):
    """A fresh folder on the shared drive."""
    return drive.new_folder()


@pytest.fixture(autouse=True)
def quiet(request):
    """Faults end with their test."""
    yield
    if "drive" in request.fixturenames:
        request.getfixturevalue("drive").clear_faults()


def pytest_sessionfinish():
    """No daemon is left: the janitor may go."""
    dismiss()
