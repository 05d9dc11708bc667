# SPDX-License-Identifier: MIT
"""Credentials, tokens and rights that are not what one hopes: it works all the same, or says what to do."""
import json
import os
import urllib.parse

import pytest

from emulator.errors import TOKEN_ERRORS
from emulator.resource import resource_key
from harness.background import Background
from harness.mount import Mount
from harness.paths import binary, wait_until
from harness.surprise import calm, errno_of, stock  # noqa: F401  # pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=4,upload_deadline=6,wait_scale=10"]
DRIVE = "https://www.googleapis.com/auth/drive"
BRIEF = {"server", "busy", "rate"}          # what passes, and is worth another try


def refused(rig, tmp_path, *words, folder=None, key=None, **environment):
    """Mounting fails in good time, with these words and no secrets. Returns the text."""
    (tmp_path / "point").mkdir(exist_ok=True)
    options = "cache_dir=%s,api_root=%s,ca_file=%s,deadline=2,wait_scale=10" % (
        tmp_path / "cache", rig.drive.url, rig.drive.ca)
    if key is not False:
        options += ",key_file=%s" % (key or rig.drive.key)
    command = [binary(), "-o", options, folder or rig.drive.folder, tmp_path / "point"]
    with Background(command, tmp_path / "point", timeout=30, **environment) as daemon:
        text = daemon.done.stderr
        assert 0 < daemon.done.returncode < 126 and not daemon.mounted(), text
    for word in words:
        assert word in text, "%r is not in: %s" % (word, text)
    for secret in ("PRIVATE KEY", "ya29.", "1//", "eyJ", "local-secret"):
        assert secret not in text
    return text


@pytest.fixture
def another(rig, tmp_path, monkeypatch):
    """another(key, folder, options, NAME=value...): one more mount, unmounted after the test."""
    made = []

    def mount(key, folder=None, options="", **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        base = tmp_path / str(len(made))
        base.mkdir()
        made.append(Mount(str(base), 1, rig.drive, key, folder, [*OPTIONS, *([options] if options else [])]))
        return made[-1].start()
    yield mount
    found = [text for one in made for text in one.complaints() + one.close() + one.suspicious()]
    assert not found, found


# -- tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TOKEN_ERRORS))
def test_every_error_of_the_token_endpoint(rig, drive, tmp_path, name):
    drive.switches(token_error=name)
    drive.reset_log()
    refused(rig, tmp_path, TOKEN_ERRORS[name][0])
    asked = [request for request in drive.log() if request["path"] == "/token"]
    assert len(asked) > 1 if name in BRIEF else len(asked) <= 2, "tried %d times" % len(asked)


def test_a_token_endpoint_that_comes_back(stock, drive):
    path, data, _ = stock.take()
    drive.ask("POST", "/tokens/revoke", {})
    drive.fault(path="^/token", status=503, count=2)
    assert path.read_bytes() == data


def test_a_key_that_is_refused_for_a_while(stock, drive):
    """EACCES, which is believed for seconds, and all is well again without a remount."""
    path, data, _ = stock.take()
    drive.ask("POST", "/tokens/revoke", {})
    drive.switches(token_error="deleted")
    assert errno_of(path.read_bytes) in (13, 1)
    drive.switches(token_error="")

    def readable():
        try:
            return path.read_bytes() == data
        except PermissionError:
            return False
    wait_until(readable, "the key is good again")


@pytest.mark.parametrize("skew", [7200, -7200])
def test_a_clock_that_is_two_hours_off(another, drive, skew):
    """The token endpoint refuses our times; its own Date tells the right ones."""
    drive.switches(clock_skew_s=skew)
    mount = another(drive.new_key())
    with open(os.path.join(mount.path, "f%d" % skew), "wb") as file:
        file.write(b"x")
    os.unlink(os.path.join(mount.path, "f%d" % skew))


def user(drive, tmp_path, email):
    """A person who may write here: the credential file of a login."""
    made = json.loads(drive.ask("POST", "/account", {"kind": "user", "email": email, "role": "fileOrganizer"}))
    path = tmp_path / "user.json"
    path.write_text(json.dumps(made["credential"]))
    path.chmod(0o600)
    return str(path)


def test_refresh_tokens_that_rotate(another, drive, tmp_path):
    """Each refresh gives a new refresh token and kills the old one: the mount goes on for ever."""
    drive.switches(rotate_refresh=True, token_uses=4)
    mount = another(user(drive, tmp_path, "rotating@example.com"))
    for number in range(6):
        name = os.path.join(mount.path, "r%d" % number)
        with open(name, "wb") as file:
            file.write(b"x")
        os.unlink(name)


def test_a_refresh_token_that_is_too_old(rig, drive, tmp_path):
    key = user(drive, tmp_path, "testing@example.com")
    drive.switches(refresh_lifetime_s=-1)
    refused(rig, tmp_path, "invalid_grant", key=key)


def test_the_scopes_of_a_machine(rig, another, drive, tmp_path):
    """A virtual machine has no right to Drive unless somebody gave it: the message names the scope."""
    host = {"GCE_METADATA_HOST": drive.metadata_host, "HOME": str(tmp_path)}
    drive.switches(metadata_scopes="https://www.googleapis.com/auth/cloud-platform")
    refused(rig, tmp_path, DRIVE, key=False, **host)


def test_a_command_that_prints_tokens(another, drive):
    """Tokens that are always good, and one that is not: the command is asked again."""
    drive.switches(static_tokens={"a-static-token": "owner@example.com"})
    mount = another(None, None, "token_command=echo a-static-token")
    assert os.path.isdir(mount.path) and isinstance(os.listdir(mount.path), list)


# -- what may be seen ---------------------------------------------------------------------


def linked(drive, role="reader"):
    """A folder of the owner's My Drive that has one file and is shared by link: id, its key."""
    made = json.loads(drive.ask("POST", "/account", {"kind": "user", "email": "owner@example.com"}))
    folder = drive.new_folder(parent=made["root"])
    drive.fill(folder, 1, name="f%d", size=100)
    drive.ask("POST", "/share", {"id": folder, "email": "anyone", "role": role})
    return folder


def test_a_link_without_its_key(rig, drive, tmp_path):
    folder = linked(drive)
    drive.switches(resource_keys=True)
    refused(rig, tmp_path, folder, folder=folder)


def test_a_link_with_its_key(another, drive):
    folder = linked(drive)
    drive.switches(resource_keys=True)
    url = "https://drive.google.com/drive/folders/%s?%s" % (
        folder, urllib.parse.urlencode({"resourcekey": resource_key(folder)}))
    mount = another(drive.new_key(), url, "ro")
    with open(os.path.join(mount.path, "f0"), "rb") as file:
        assert len(file.read()) == 100


def test_what_is_shared_with_me(another, drive):
    """A service account in somebody's My Drive: it can change what is there."""
    folder = linked(drive, "writer")
    mount = another(drive.new_key(), folder, "ro")
    with open(os.path.join(mount.path, "f0"), "rb") as file:
        assert len(file.read()) == 100


# -- the way there ------------------------------------------------------------------------


def behind(rig, tmp_path):
    """As in a company: Google's own host names, through a proxy. The command line and the environment."""
    with open(rig.drive.new_key(), encoding="utf-8") as file:
        key = json.load(file)
    key["token_uri"] = "https://oauth2.googleapis.com/token"
    (tmp_path / "key.json").write_text(json.dumps(key))
    (tmp_path / "key.json").chmod(0o600)
    (tmp_path / "point").mkdir()
    options = "cache_dir=%s,ca_file=%s,key_file=%s,deadline=4,wait_scale=10" % (
        tmp_path / "cache", rig.drive.ca, tmp_path / "key.json")
    proxy = "http://127.0.0.1:%d" % rig.drive.port
    return ([binary(), "-o", options, rig.drive.folder, tmp_path / "point"],
            {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "", "no_proxy": ""})


def test_through_a_proxy_to_googles_own_names(rig, drive, tmp_path):
    command, environment = behind(rig, tmp_path)
    drive.reset_log()
    with Background(command, tmp_path / "point", **environment) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        (tmp_path / "point" / "through").write_bytes(b"x" * (2 << 20))
        assert (tmp_path / "point" / "through").read_bytes() == b"x" * (2 << 20)
    asked = {request["path"] for request in drive.log() if request["method"] == "CONNECT"}
    assert asked == {"www.googleapis.com:443", "oauth2.googleapis.com:443"}


def test_a_proxy_that_refuses(rig, drive, tmp_path):
    drive.switches(connect_refuse=True)
    command, environment = behind(rig, tmp_path)
    with Background(command, tmp_path / "point", **environment) as daemon:
        assert 0 < daemon.done.returncode < 126 and not daemon.mounted()
        assert "proxy" in daemon.done.stderr.lower(), daemon.done.stderr
