# SPDX-License-Identifier: MIT
"""FOLDER may be anything that Drive calls a folder: of a shared drive, the drive itself, shared with us,
behind a link with a resource key, a user's own. Also Google Docs, and moves from one drive to another."""
import base64
import errno
import hashlib
import json
import os

import pytest

from harness.google import FOLDER, Google
from harness.mount import Mount
from harness.paths import HarnessError, wait_until

MOUNTS = 0
DOCUMENT = "application/vnd.google-apps.document"
SHORTCUT = "application/vnd.google-apps.shortcut"


class World:
    """One local Drive, its owner, and mounts of whatever as whomever."""

    def __init__(self, drive, base):
        self.drive, self.base, self.mounts = drive, base, []
        self.owner = self.account(kind="user", email="owner@example.com")

    def ask(self, path, **body):
        """What the control port answers."""
        return json.loads(self.drive.ask("POST", path, body))

    def account(self, **body):
        """An account, with `key`: the file of its credentials."""
        made = self.ask("/account", **body)
        if "credential" in made:
            path = self.base / ("login-%s.json" % made["email"])
            path.write_text(json.dumps(made["credential"]))
            path.chmod(0o600)
            made["key"] = str(path)
        return made

    def folder(self, parent=None):
        """A folder, in the owner's My Drive if nothing else is said."""
        return self.ask("/folder", parent=parent or self.owner["root"])["id"]

    def file(self, folder, text):
        """A file in it, by name "file 0"; its id."""
        made = self.ask("/fill", folder=folder, count=1, name="file %d")[-1]["id"]
        google = Google.of(self.drive)
        self.ask("/share", id=made, email="anyone", role="writer")
        google.replace(made, text)
        self.ask("/share", id=made, email="anyone", role=None)
        return made

    def mount(self, folder, key, *options):
        """Its path, once it is mounted."""
        at = self.base / ("at%d" % len(self.mounts))
        at.mkdir(exist_ok=True)
        one = Mount(str(at), 1, self.drive, key, folder, ["poll=1", *options])
        self.mounts.append(one)
        return at.__class__(one.start().path)

    def end(self):
        """All mounts end well."""
        self.drive.switches(resource_keys=None)
        found = [text for one in self.mounts for text in one.complaints() + one.close() + one.suspicious()]
        assert not found, found


@pytest.fixture
def world(drive, tmp_path):
    """A World whose mounts end with the test."""
    made = World(drive, tmp_path)
    yield made
    made.end()


def link(google, folder, name, target):
    """A shortcut; returns its id."""
    body = {"name": name, "parents": [folder], "mimeType": SHORTCUT, "shortcutDetails": {"targetId": target}}
    return google.service.files().create(body=body, fields="id", supportsAllDrives=True).execute()["id"]


def works(path, google, folder):
    """Save, list, rename, read, remove; a change from elsewhere arrives."""
    (path / "saved").write_bytes(b"saved here")
    assert google.by_name(folder)["saved"]["md5Checksum"] == hashlib.md5(b"saved here").hexdigest()
    os.rename(path / "saved", path / "renamed")
    google.update(google.by_name(folder)["renamed"]["id"], name="from elsewhere")
    wait_until(lambda: "from elsewhere" in os.listdir(path), "the change")
    assert (path / "from elsewhere").read_bytes() == b"saved here"
    os.unlink(path / "from elsewhere")
    assert "from elsewhere" not in google.by_name(folder)


def key_of(file_id):
    """The resource key that the local Drive gives an item that is shared by link."""
    digest = hashlib.sha256(b"resource key of " + file_id.encode()).digest()
    return "0-" + base64.urlsafe_b64encode(digest)[:22].decode()


def test_a_shared_drive_by_its_own_id(world, google):
    drive = world.ask("/drive", name="Another", members={})["id"]
    key = world.account(role="fileOrganizer", drive=drive)["key"]
    world.ask("/member", email=json.load(open(world.drive.key, encoding="utf-8"))["client_email"], drive=drive,
              role="fileOrganizer")
    works(world.mount(drive, key), google, drive)


def test_the_my_drive_of_a_user(world):
    path = world.mount("root", world.owner["key"])
    (path / "mine").write_bytes(b"bytes")
    assert (path / "mine").read_bytes() == b"bytes"
    names = {file["name"]: file for file in world.drive.state(world.owner["root"])}
    assert names["mine"]["md5Checksum"] == hashlib.md5(b"bytes").hexdigest()
    os.unlink(path / "mine")


def test_a_folder_that_was_shared_with_a_user(world):
    """No parent is to be seen; its changes come in the user's own feed."""
    folder = world.folder()
    file = world.file(folder, b"theirs")
    guest = world.account(kind="user", email="guest@example.com")
    world.ask("/share", id=folder, email="guest@example.com", role="writer")
    path = world.mount(folder, guest["key"])
    assert (path / "file 0").read_bytes() == b"theirs"
    (path / "file 0").write_bytes(b"changed")
    assert world.drive.content(file) == b"changed"
    (path / "sub").mkdir()
    (path / "sub" / "new").write_bytes(b"new")
    more = world.file(folder, b"more")
    wait_until(lambda: len(os.listdir(path)) == 4, "what the owner added")
    wait_until(lambda: b"more" in {(path / name).read_bytes() for name in os.listdir(path) if name.startswith("file")},
               "its bytes")
    assert more in {os.getxattr(path / name, "user.drive.id").decode() for name in os.listdir(path)
                    if name.startswith("file")}


def test_a_folder_of_a_shared_drive_whose_member_we_are_not(world, google):
    """The drive's own feed is refused: changes come in ours."""
    folder = world.drive.new_folder()
    file = google.create(folder, "m", b"one")["id"]
    guest = world.account(email=None)
    world.ask("/share", id=folder, email=guest["email"], role="writer")
    path = world.mount(folder, guest["key"])
    assert (path / "m").read_bytes() == b"one"
    google.replace(file, b"two two")
    wait_until(lambda: (path / "m").read_bytes() == b"two two", "the change")
    (path / "m").write_bytes(b"three")
    assert google.download(file) == b"three"


def test_a_link_with_a_resource_key(world):
    """The key goes with every request for the folder and what is in it; without it there is no such folder."""
    folder = world.folder()
    inner = world.folder(folder)
    world.file(inner, b"deep")
    world.ask("/share", id=folder, email="anyone", role="reader")
    world.drive.switches(resource_keys=True)
    guest = world.account(kind="user", email="stranger@example.com")
    with pytest.raises(HarnessError) as caught:
        world.mount(folder, guest["key"], "ro")
    assert folder in str(caught.value)
    world.mounts.pop()
    url = "https://drive.google.com/drive/folders/%s?resourcekey=%s&usp=sharing" % (folder, key_of(folder))
    path = world.mount(url, guest["key"], "ro")
    names = os.listdir(path)
    assert len(names) == 2
    inside = [name for name in names if name != "saved_model"][0]
    assert (path / inside / "file 0").read_bytes() == b"deep"
    assert key_of(folder) not in world.mounts[-1].log_text(), "a key is a secret"


def test_a_shortcut_to_what_needs_a_key(world, google):
    """The shortcut's own answer holds the key of its target."""
    folder, here = world.folder(), world.drive.new_folder()
    world.file(folder, b"keyed")
    world.ask("/share", id=folder, email="anyone", role="reader")
    link(google, here, "to it", folder)
    world.drive.switches(resource_keys=True)
    path = world.mount(here, world.drive.new_key(), "shortcuts=write")
    assert (path / "to it" / "file 0").read_bytes() == b"keyed"


def test_documents(world, google):
    """Hidden, or a small file with the way to them; never an empty one."""
    folder = world.drive.new_folder()
    ids = {name: google.create_empty(folder, name, DOCUMENT)["id"] for name in ("paper", "a/b", "twin", "twin.desktop")}
    link(google, folder, "short", ids["paper"])
    plain = google.create(folder, "paper.desktop", b"a file of that name")["id"]
    assert sorted(os.listdir(world.mount(folder, world.drive.new_key()))) == ["paper.desktop", "saved_model"]
    path = world.mount(folder, world.drive.new_key(), "google_docs=link")
    names = {os.getxattr(path / name, "user.drive.id").decode(): name for name in os.listdir(path) if name != "saved_model"}
    assert names[ids["paper"]] == "paper.desktop" and names[ids["a/b"]] == "a%2Fb.desktop"
    assert names[plain].startswith("paper.desktop~") and names[ids["twin.desktop"]] == "twin.desktop.desktop"
    for name in ("paper.desktop", "short.desktop"):
        text = (path / name).read_bytes()
        assert len(text) == os.stat(path / name).st_size and ("id=" + ids["paper"]).encode() in text
        assert text.startswith(b"[Desktop Entry]\nType=Link\n") and text.endswith(b"\n")
    with pytest.raises(OSError) as caught:
        (path / "paper.desktop").write_bytes(b"x")
    assert caught.value.errno == errno.EACCES
    (path / "new").write_bytes(b"new")
    with pytest.raises(OSError) as caught:
        os.rename(path / "new", path / "paper.desktop")
    assert caught.value.errno == errno.EACCES
    os.rename(path / "paper.desktop", path / "essay.desktop")
    assert google.get(ids["paper"])["name"] == "essay"
    with pytest.raises(OSError) as caught:
        os.rename(path / "essay.desktop", path / "essay")
    assert caught.value.errno == errno.EINVAL
    google.update(ids["paper"], name="article")
    wait_until((path / "article.desktop").exists, "the new title")
    assert ids["paper"].encode() in (path / "article.desktop").read_bytes()
    os.unlink(path / "article.desktop")
    assert google.get(ids["paper"])["trashed"]
    listed = os.listdir(path / "saved_model")
    assert listed == [], listed


def test_a_move_between_drives_that_drive_refuses(world, google):
    """EXDEV, after which mv(1) copies; nothing is lost on the way."""
    here, away = world.drive.new_folder(), world.folder()
    world.ask("/share", id=away, email="anyone", role="writer")
    link(google, here, "away", away)
    google.create_empty(here, "folder", FOLDER)
    path = world.mount(here, world.drive.new_key(), "shortcuts=write")
    (path / "folder" / "f").write_bytes(b"bytes")
    world.drive.fault(method="PATCH", path="addParents", status=403, reason="teamDrivesFolderMoveInNotSupported", count=0)
    with pytest.raises(OSError) as caught:
        os.rename(path / "folder", path / "away" / "folder")
    assert caught.value.errno == errno.EXDEV
    world.drive.clear_faults()
    world.drive.fault(method="PATCH", path="addParents", status=403, reason="insufficientFilePermissions", count=0)
    with pytest.raises(OSError) as caught:
        os.rename(path / "folder" / "f", path / "away" / "f")
    assert caught.value.errno == errno.EXDEV
    with pytest.raises(OSError) as caught:
        os.rename(path / "folder" / "f", path / "f")
    assert caught.value.errno == errno.EACCES, "within one drive a refusal is a refusal"
    world.drive.clear_faults()
    assert (path / "folder" / "f").read_bytes() == b"bytes"
