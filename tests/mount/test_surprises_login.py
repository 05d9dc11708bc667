# SPDX-License-Identifier: MIT
"""`auth login` with a user who agrees, refuses, unticks, or walks away; then a mount as this user."""
import http.client
import os
import pty
import re
import ssl
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness.mount import Mount, daemon_env
from harness.paths import binary
from harness.surprise import calm  # noqa: F401  # pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=4,wait_scale=10"]


class Login:
    """One run of `auth login`, and the browser that it waits for."""

    def __init__(self, drive, tmp_path, stdin=subprocess.PIPE):
        self.drive, self.config = drive, tmp_path / "config"
        secret = drive.client_file(str(tmp_path / "client.json"))
        self.env = {**daemon_env(), "XDG_CONFIG_HOME": str(self.config)}
        self.process = subprocess.Popen(
            [binary(), "auth", "login", "--no-browser", "--client-secret", secret, "--api-root", drive.url,
             "--ca-file", drive.ca], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=self.env)
        self.text = ""
        while not re.search("(?m)^https://", self.text):
            line = self.process.stdout.readline()
            assert line, "it ended: " + self.text
            self.text += line
        self.url = re.search("(?m)^https://.*$", self.text).group()

    def visit(self):
        """What the consent page answers: (status, where it sends the browser)."""
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10,
                                                 context=ssl.create_default_context(cafile=self.drive.ca))
        connection.request("GET", parts.path + "?" + parts.query)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.getheader("Location")

    def come_back(self, address):
        """The browser follows the redirect, to the program that waits on loopback."""
        try:
            with urllib.request.urlopen(address, timeout=10) as page:
                return page.read()
        except urllib.error.HTTPError as error:
            return error.read()

    def end(self, typed=None):
        """Wait for its end: (exit status, all it said)."""
        out, _ = self.process.communicate(typed, timeout=30)
        self.text += out
        for secret in ("ya29.", "1//", "local-secret", "4/0"):
            assert secret not in self.text
        return self.process.returncode, self.text

    @property
    def file(self):
        """Where the login is kept."""
        return self.config / "drivefs-models" / "credentials.json"


@pytest.fixture
def login(drive, tmp_path):
    """One `auth login`, ended with its test."""
    one = Login(drive, tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def mounted_as_user(rig, tmp_path, monkeypatch, login):
    """A mount without key_file: it finds the login. Reads and writes through it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(login.config))
    mount = Mount(str(tmp_path), 1, rig.drive, None, None, OPTIONS)
    mount.start()
    try:
        with open(os.path.join(mount.path, "by login"), "wb") as file:
            file.write(b"x")
        os.unlink(os.path.join(mount.path, "by login"))
    finally:
        found = mount.close()
    assert not found, found


def test_the_user_agrees(rig, login, tmp_path, monkeypatch):
    status, address = login.visit()
    assert status == 302 and address.startswith("http://127.0.0.1:")
    login.come_back(address)
    status, text = login.end()
    assert status == 0 and "owner@example.com" in text, text
    assert os.stat(login.file).st_mode & 0o777 == 0o600
    mounted_as_user(rig, tmp_path, monkeypatch, login)


def test_another_user_and_pasting(drive, login):
    """On a server without a browser: the address at which it ended is pasted."""
    drive.ask("POST", "/account", {"kind": "user", "email": "second@example.com"})
    drive.switches(consent_user="second@example.com")
    _, address = login.visit()
    status, text = login.end(address + "\n")
    assert status == 0 and "second@example.com" in text, text


@pytest.mark.parametrize("answer, status", [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)], ids=["no", "enter", "yes"])
def test_whose_login_it_is_is_asked_on_a_terminal(drive, tmp_path, answer, status):
    """Another program of this machine may have sent the redirect, with a consent of its own account."""
    drive.ask("POST", "/account", {"kind": "user", "email": "stranger@example.com"})
    drive.switches(consent_user="stranger@example.com")
    ours, theirs = pty.openpty()
    one = Login(drive, tmp_path, theirs)
    os.close(theirs)
    try:
        one.come_back(one.visit()[1])
        while "[y/n]" not in one.text:
            letter = one.process.stdout.read(1)
            assert letter, one.text
            one.text += letter
        assert "Log in as stranger@example.com?" in one.text and not one.file.exists()
        os.write(ours, answer)
        assert one.end() == (status, one.text) and one.file.exists() == (status == 0)
    finally:
        os.close(ours)
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_the_user_refuses(drive, login):
    drive.switches(consent="denied")
    _, address = login.visit()
    login.come_back(address)
    status, text = login.end()
    assert status == 1 and not login.file.exists()
    assert "access_denied" in text or "refused" in text or "not agreed" in text, text


def test_the_user_unticks_the_scope(drive, login):
    drive.switches(consent="unticked")
    _, address = login.visit()
    login.come_back(address)
    status, text = login.end()
    assert status == 1 and not login.file.exists()
    assert "scope" in text or "tick" in text or "auth/drive" in text, text


def test_the_user_walks_away(drive, login):
    """Nobody comes back: ^C ends it, and nothing is kept."""
    drive.switches(consent="closed")
    assert login.visit() == (200, None)
    login.process.send_signal(2)
    status, _ = login.end()
    assert status != 0 and not login.file.exists()


def test_a_code_that_was_forged(login):
    """Somebody else on this machine sends a code with a wrong state: not taken, and the wait goes on."""
    _, address = login.visit()
    parts = urllib.parse.urlsplit(address)
    forged = "%s://%s%s?%s" % (parts.scheme, parts.netloc, parts.path,
                               urllib.parse.urlencode({"state": "wrong", "code": "4/0forged"}))
    login.come_back(forged)
    assert login.process.poll() is None and not login.file.exists()
    login.come_back(address)
    assert login.end()[0] == 0


def test_the_token_endpoint_is_down_for_a_moment(drive, login):
    _, address = login.visit()
    drive.fault(path="^/token", status=503)
    login.come_back(address)
    status, text = login.end()
    assert status == 0, text
