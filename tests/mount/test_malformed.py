# SPDX-License-Identifier: MIT
"""A Drive that answers nonsense: an errno, one line in the log, and the mount goes on.

Every call against every kind of nonsense is tests/unit/test_drive_malformed.c; here is what of it a
user sees."""
import errno
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.mount import Mount
from harness.paths import sanitized, wait_until

ROOT, SECRET = "1Root", "ya29.secret-of-the-test"
FOLDER = "application/vnd.google-apps.folder"
GOOD = {"kind": "drive#fileList", "files": [{"id": "1File", "name": "f", "mimeType": "a/b", "size": "3", "parents": [ROOT],
                                             "headRevisionId": "R1", "md5Checksum": "900150983cd24fb0d6963f7d28e17f72"}]}
NONSENSE = {
    "truncated": b'{"kind": "drive#fileList", "files": [{"id": "1Fi', "empty": b"", "html": b"<html>Sign in</html>",
    "types": b'{"kind": 7, "files": {"id": []}, "nextPageToken": 5}', "missing": b"{}", "null": b"null",
    "zeros": b"\0" * 1000, "brackets": b"[" * 200_000, "incomplete": b'{"files": [], "incompleteSearch": true}',
    "circle": b'{"files": [], "nextPageToken": "again"}',
}


class Liar(ThreadingHTTPServer):
    """As much of Drive as a mount needs to start; `lie` is the body of every other answer."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url, self.ca = "http://127.0.0.1:%d" % self.server_port, os.devnull
        self.folder, self.lie, self.headers = ROOT, None, {}
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        """Its end."""
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet."""

    def answer(self, body, **headers):
        """200 and these bytes."""
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def do_POST(self):  # pylint: disable=invalid-name
        """A token."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.dumps({"access_token": SECRET, "expires_in": 3599, "token_type": "Bearer"}).encode())

    def do_GET(self):  # pylint: disable=invalid-name
        """The folder and the change feed are honest, so that the mount starts."""
        if self.path.startswith("/drive/v3/files/" + ROOT):
            self.answer(json.dumps({"id": ROOT, "name": "liar", "mimeType": FOLDER, "driveId": "0D"}).encode())
        elif self.path.startswith("/drive/v3/changes/startPageToken"):
            self.answer(b'{"startPageToken": "1"}')
        elif self.path.startswith("/drive/v3/changes"):
            self.answer(b'{"changes": [], "newStartPageToken": "1"}')
        elif "alt=media" in self.path:
            self.answer(*self.server.media)
        elif self.server.lie is None:
            self.answer(json.dumps(GOOD).encode())
        else:
            self.answer(self.server.lie, **self.server.more)


@pytest.fixture(scope="module")
def liar():
    """The module's liar."""
    server = Liar()
    yield server
    server.stop()


@pytest.fixture
def lied(liar, rig, tmp_path):
    """A mount of it, with nothing in its cache."""
    with open(rig.drive.key, encoding="utf-8") as file:
        key = {**json.load(file), "token_uri": liar.url + "/token"}
    path = tmp_path / "key.json"
    path.touch(0o600)
    path.write_text(json.dumps(key))
    liar.ca, liar.lie, liar.more = rig.drive.ca, None, {}
    mount = Mount(str(tmp_path), 1, liar, str(path), options=["poll=86400,deadline=2,wait_scale=1"]).start()
    yield mount
    assert mount.alive(), mount.log_text()
    assert SECRET not in mount.log_text()
    complaints = mount.close() + mount.suspicious()
    assert not complaints, complaints


def errors(mount, begin):
    """The error lines since then; the kernel may ask twice for a page that failed."""
    return {line.split(" ", 1)[1] for line in mount.log_text(begin).splitlines() if " error " in line}


def refused(mount, call, *wanted):
    """call() fails with one of these errnos, and the log has one line for it."""
    begin = mount.log_size()
    with pytest.raises(OSError) as caught:
        call()
    assert caught.value.errno in wanted, caught.value
    wait_until(lambda: errors(mount, begin), "a line in the log")
    assert len(errors(mount, begin)) == 1, errors(mount, begin)
    return errors(mount, begin).pop()


def test_listings(liar, lied):
    for name, liar.lie in NONSENSE.items():
        line = refused(lied, lambda: os.listdir(lied.path), errno.EBADMSG, errno.EIO)
        assert "list" in line and len(line) < 700, (name, line)
    liar.lie = None
    assert "f" in os.listdir(lied.path), "and then all is well"


def test_a_hundred_megabytes_and_hostile_headers(liar, lied):
    liar.lie = b'{"kind": "' + b"x" * (100 << 20) + b'"}'
    before = lied.memory()
    refused(lied, lambda: os.listdir(lied.path), errno.EBADMSG, errno.EIO)
    assert sanitized() or lied.memory() < before + (80 << 20), "kept only as long as it was looked at"
    liar.lie = b"{}"
    for more in ({"X-Long": "y" * 60_000}, {"X-%d" % n: "z" * 1000 for n in range(90)}, {"Content-Encoding": "gzip"},
                 {"Content-Length": -5}, {"Retry-After": "\x01\x7f", "Date": "never"}):
        liar.more = more
        refused(lied, lambda: os.listdir(lied.path), errno.EBADMSG, errno.EIO, errno.ETIMEDOUT)
    liar.lie, liar.more = None, {}
    assert "f" in os.listdir(lied.path)


def test_downloads(liar, lied):
    os.listdir(lied.path)
    path = os.path.join(lied.path, "f")

    def read():
        with open(path, "rb") as file:
            file.read()

    for liar.media in ((b"<html>", ), (b"", ), (b"xyzzy" * 1000, )):
        refused(lied, read, errno.EBADMSG, errno.ESTALE, errno.EIO)
    liar.media = (b"abc", )
    with open(path, "rb") as file:
        assert file.read() == b"abc"
