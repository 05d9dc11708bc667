# SPDX-License-Identifier: MIT
"""Our mount on google-drive-mock: a Drive server that none of us wrote.

Small text files only, since that is what it can hold: it takes bytes for UTF-8 (and for JSON where
they are JSON), has no resumable uploads, no ranges, no revisions, and trashes no subtree. Its one
missing method that we cannot do without is files.generateIds: mock_server.mjs adds it.
"""
import errno
import http.client
import json
import os
import pathlib
import subprocess
import types
import urllib.parse

import pytest

from harness.mount import Mount, escape
from harness.paths import HarnessError, wait_until
from installed import JUDGES, package, program

FOLDER = "application/vnd.google-apps.folder"
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mock_server.mjs")


class Mock:
    """The server, and a client of it that is not ours."""

    def __init__(self):
        package("google-drive-mock")
        self.process = subprocess.Popen([program("node"), SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, "JUDGES": JUDGES, "NODE_ENV": "test"})  # quiet
        self.port = int(self.process.stdout.readline())
        self.url = "http://127.0.0.1:%d" % self.port

    def ask(self, method, path, body=None, **params):
        """One request; returns the answer's bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        query = "?" + urllib.parse.urlencode(params) if params else ""
        headers = {"Authorization": "Bearer valid-token"}
        data = None
        if body is not None:
            text = isinstance(body, str)
            data = (body if text else json.dumps(body)).encode()
            headers["Content-Type"] = "text/plain" if text else "application/json"
        connection.request(method, path + query, data, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status < 300, (answer.status, content)
        return content

    def create(self, name, parent, text=None, mime=None):
        """A new file or folder; returns its id."""
        body = {"name": name, "parents": [parent] if parent else [], "mimeType": mime or "text/plain"}
        made = json.loads(self.ask("POST", "/drive/v3/files", body))["id"]
        if text is not None:
            self.replace(made, text)
        return made

    def replace(self, file_id, text):
        """New bytes."""
        self.ask("PATCH", "/upload/drive/v3/files/" + file_id, text, uploadType="media")

    def update(self, file_id, body=None, **params):
        """New metadata."""
        self.ask("PATCH", "/drive/v3/files/" + file_id, body or {}, **params)

    def get(self, file_id):
        """The metadata."""
        return json.loads(self.ask("GET", "/drive/v3/files/" + file_id))

    def content(self, file_id):
        """The bytes."""
        return self.ask("GET", "/drive/v3/files/" + file_id, alt="media")

    def children(self, folder):
        """What is in a folder: {name: file}."""
        answer = self.ask("GET", "/drive/v3/files", q="'%s' in parents and trashed = false" % folder)
        return {file["name"]: file for file in json.loads(answer)["files"]}

    def stop(self):
        """It ends with its standard input."""
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class MockMount(Mount):
    """A mount that has a fixed token instead of a key, and no TLS."""

    token = "valid-token"

    def command(self, foreground=True):
        [*words, options, folder, path] = super().command(foreground)
        for name, value in (("key_file", self.key), ("ca_file", self.drive.ca)):
            options = options.replace("%s=%s" % (name, escape(value)), "")
        options = ",".join(filter(None, options.split(","))) + ",token_command=" + escape("echo " + self.token)
        return [*words, options, folder, path]


@pytest.fixture(scope="module")
def mock():
    """One server for the module."""
    server = Mock()
    yield server
    server.stop()


def mount_on(mock, base, number, folder, **more):
    """A mount of a folder of the mock, not started."""
    drive = types.SimpleNamespace(url=mock.url, ca="none", folder=folder)
    return MockMount(str(base), number, drive, "none", options=["poll=1"], **more)


@pytest.fixture(scope="module")
def mounted(mock, tmp_path_factory):
    """One mount of a fresh folder."""
    mount = mount_on(mock, tmp_path_factory.mktemp("mock"), 1, mock.create("top", None, mime=FOLDER))
    mount.start()
    yield mount
    found = mount.complaints() + mount.close() + mount.suspicious()
    assert not found, "\n".join([*found, mount.log_text()[-3000:]])


@pytest.fixture
def top(mock, mounted, request):
    """A fresh folder in it: its path and id."""
    name = request.node.name
    path = pathlib.Path(mounted.path, name)
    path.mkdir()
    return types.SimpleNamespace(path=path, id=mock.children(mounted.folder)[name]["id"])


def names(path):
    """A listing, sorted."""
    return sorted(entry.name for entry in path.iterdir())


def test_create(mock, top):
    """Files of several sizes: the mock has them, with our bytes."""
    texts = {"empty": "", "one": "x", "text.txt": "some text\nof two lines\n", "big": "a b " * 20000,
             "\u00e4 \U0001f600": "sm\u00f6rg\u00e5s"}
    for name, text in texts.items():
        (top.path / name).write_text(text, encoding="utf-8")
    assert names(top.path) == sorted(texts)
    found = mock.children(top.id)
    assert set(found) == set(texts)
    for name, text in texts.items():
        assert mock.content(found[name]["id"]).decode() == text == (top.path / name).read_text(encoding="utf-8")
        assert os.getxattr(top.path / name, "user.drive.id").decode() == found[name]["id"]


def test_list(mock, top, tmp_path):
    """What others made is there, with sizes and bytes, for a mount that has nothing in its cache."""
    sub = mock.create("sub", top.id, mime=FOLDER)
    for number in range(40):
        mock.create("file %d" % number, sub, "text %d" % number)
    other = mount_on(mock, tmp_path, 2, top.id)
    other.start()
    try:
        path = pathlib.Path(other.path, "sub")
        assert len(names(path)) == 40
        assert (path / "file 7").stat().st_size == 6
        assert all((path / ("file %d" % number)).read_text() == "text %d" % number for number in range(40))
        with open(path / "file 12", "rb") as file:
            assert os.pread(file.fileno(), 3, 4) == b" 12"
    finally:
        found = other.complaints() + other.close()
    assert not found


def test_write_again(mock, top):
    """New bytes for the same file: the id stays, in Drive and in the mount."""
    path = top.path / "a"
    path.write_text("first")
    made = mock.children(top.id)["a"]["id"]
    path.write_text("second text")
    with open(path, "a", encoding="utf-8") as file:
        file.write(", and more")
    assert path.read_text() == "second text, and more"
    assert mock.children(top.id)["a"]["id"] == made and mock.content(made) == b"second text, and more"


def test_rename_and_move(mock, top):
    """A file and a folder: they keep their ids and their bytes."""
    (top.path / "a").write_text("text")
    (top.path / "one").mkdir()
    (top.path / "two").mkdir()
    ids = {name: file["id"] for name, file in mock.children(top.id).items()}
    (top.path / "a").rename(top.path / "b")
    assert mock.get(ids["a"])["name"] == "b"
    (top.path / "b").rename(top.path / "one" / "c")
    moved = mock.get(ids["a"])
    assert moved["name"] == "c" and moved["parents"] == [ids["one"]]
    (top.path / "one").rename(top.path / "two" / "one")
    assert mock.get(ids["one"])["parents"] == [ids["two"]]
    assert (top.path / "two" / "one" / "c").read_text() == "text"
    assert names(top.path) == ["two"]


def test_rename_over(mock, top):
    """As editors save: nobody sees a moment without the file, and one file is left."""
    (top.path / "a").write_text("old text")
    (top.path / "a.new").write_text("new text")
    (top.path / "a.new").rename(top.path / "a")
    assert names(top.path) == ["a"] and (top.path / "a").read_text() == "new text"
    found = mock.children(top.id)
    assert list(found) == ["a"] and mock.content(found["a"]["id"]) == b"new text"


def test_trash(mock, top):
    """Removed files and folders lie in Drive's trash."""
    (top.path / "a").write_text("text")
    (top.path / "d").mkdir()
    ids = [file["id"] for file in mock.children(top.id).values()]
    (top.path / "a").unlink()
    (top.path / "d").rmdir()
    assert names(top.path) == [] and mock.children(top.id) == {}
    assert [mock.get(one)["trashed"] for one in ids] == [True, True]


def test_changes(mock, top):
    """What others do is seen: made, written, renamed, moved, trashed."""
    assert names(top.path) == []
    made = mock.create("new", top.id, "text")
    wait_until(lambda: names(top.path) == ["new"], "a new file")
    assert (top.path / "new").read_text() == "text"
    mock.replace(made, "another text")
    wait_until(lambda: (top.path / "new").read_text() == "another text", "new bytes")
    mock.update(made, {"name": "renamed"})
    wait_until(lambda: names(top.path) == ["renamed"], "a new name")
    sub = mock.create("sub", top.id, mime=FOLDER)
    mock.update(made, addParents=sub, removeParents=top.id)
    wait_until(lambda: names(top.path) == ["sub"], "a move")
    assert (top.path / "sub" / "renamed").read_text() == "another text"
    mock.update(sub, {"trashed": True})
    wait_until(lambda: names(top.path) == [], "a folder in the trash")


def test_too_large(mock, tmp_path):
    """The mock refuses more than 100 kB with 413: close() says so, and Drive has no half of it."""
    folder = mock.create("top", None, mime=FOLDER)
    mount = mount_on(mock, tmp_path, 1, folder)
    mount.start()
    try:
        descriptor = os.open(os.path.join(mount.path, "large"), os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, b"x" * 200000)
        with pytest.raises(OSError) as error:
            os.close(descriptor)
        assert error.value.errno == errno.EFBIG
        assert mock.children(folder) == {}
    finally:
        found = mount.complaints() + mount.close()
    # The mount still has what could not be saved, and says so.
    assert found and all("is not in Drive" in text for text in found)


def test_wrong_token(mock, tmp_path):
    """The mock's 401 has none of Google's words: the daemon says what is wrong, and does not start."""
    mount = mount_on(mock, tmp_path, 1, mock.create("top", None, mime=FOLDER))
    mount.token = "another"
    with pytest.raises(HarnessError, match="401"):
        mount.start()
