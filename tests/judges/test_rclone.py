# SPDX-License-Identifier: MIT
"""Debian's rclone, unmodified and at its built-in addresses, judges the local Drive."""
import hashlib
import json
import os
import subprocess

import pytest

from harness.paths import wait_until
from installed import program

# Its own pauses between requests are for Google's limits; what it does after an error stays as it is.
BRISK = ["--drive-pacer-min-sleep=1ms", "--drive-pacer-burst=1000", "--low-level-retries=5", "--retries=1"]
CHUNKED = ["--drive-upload-cutoff=1", "--drive-chunk-size=256k"]  # with 0, rclone cannot send an empty file
QUARTER = 256 * 1024


class Rclone:
    """Runs rclone with a remote `d:` that is a folder of the shared drive, and `p:`, a person's My Drive."""

    def __init__(self, drive, environment, key, person, base):
        self.drive, self.environment, self.config = drive, environment, str(base / "rclone.conf")
        token = {"access_token": person["token"], "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"}
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("[d]\ntype = drive\nscope = drive\nservice_account_file = %s\nteam_drive = %s\n\n"
                       "[p]\ntype = drive\nscope = drive\ntoken = %s\n" % (key, drive.drive_id, json.dumps(token)))

    def command(self, *words, root=None):
        """The command line; `root` is the folder that d: stands for."""
        return [program("rclone"), "--config", self.config, "--ca-cert", self.drive.ca, *BRISK,
                *(["--drive-root-folder-id", root] if root else []), *map(str, words)]

    def __call__(self, *words, root=None, check=True):
        done = subprocess.run(self.command(*words, root=root), env=self.environment, capture_output=True, check=False,
                              timeout=60, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
        return done if not check else done.stdout


@pytest.fixture(scope="module")
def rclone(drive, environment, key, person, tmp_path_factory):
    """The program, with its two remotes."""
    return Rclone(drive, environment, key, person, tmp_path_factory.mktemp("rclone"))


@pytest.fixture
def local(tmp_path):
    """A folder of files: empty, small, with strange names, and of several chunks."""
    folder = tmp_path / "local"
    (folder / "sub" / "deep").mkdir(parents=True)
    for name, size in (("empty", 0), ("one", 1), ("it's a \\ 'name'.txt", 10), ("sub/\u00e4 \U0001f600.bin", 70000),
                       ("sub/deep/big.bin", 3 * QUARTER + 5)):
        (folder / name).write_bytes(hashlib.shake_128(name.encode()).digest(size))
    return folder


def names(state):
    """The names in the local Drive's state."""
    return sorted(file["name"] for file in state if not file["trashed"])


@pytest.mark.parametrize("how", [[], CHUNKED], ids=["multipart", "resumable"])
def test_both_ways(rclone, drive, folder, local, tmp_path, how):
    """Copy a tree there and back; rclone compares the bytes itself."""
    rclone("copy", *how, local, "d:", root=folder)
    rclone("check", "--download", local, "d:", root=folder)
    rclone("check", local, "d:", root=folder)  # by size and MD5, from the listing
    back = tmp_path / "back"
    rclone("copy", "d:", back, root=folder)
    for path in local.rglob("*"):
        if path.is_file():
            assert (back / path.relative_to(local)).read_bytes() == path.read_bytes()
            assert int((back / path.relative_to(local)).stat().st_mtime) == int(path.stat().st_mtime)
    assert len(drive.state(folder)) == 7  # five files, two folders


def test_second_copy_does_nothing(rclone, drive, folder, local):
    """Names, sizes, times and sums come back as they were sent: nothing is uploaded again."""
    rclone("copy", local, "d:", root=folder)
    drive.reset_log()
    rclone("copy", local, "d:", root=folder)
    assert not [entry for entry in drive.log() if entry["path"].startswith("/upload")]
    drive.reset_log()
    rclone("lsf", "d:", root=folder)  # so that the log still shows where rclone went


def test_list(rclone, folder, local):
    """Recursively, with ids, sums and types."""
    rclone("copy", local, "d:", root=folder)
    listed = {item["Path"]: item for item in json.loads(rclone("lsjson", "-R", "--hash", "d:", root=folder))}
    assert set(listed) == {str(path.relative_to(local)) for path in local.rglob("*")}
    big = listed["sub/deep/big.bin"]
    assert big["Size"] == 3 * QUARTER + 5 and listed["sub"]["IsDir"] and not big["IsDir"]
    assert big["Hashes"]["md5"] == hashlib.md5((local / "sub/deep/big.bin").read_bytes()).hexdigest()
    fast = rclone("lsf", "-R", "--fast-list", "d:", root=folder).decode().splitlines()
    assert {name.rstrip("/") for name in fast} == set(listed)


def test_pages(rclone, folder, tmp_path):
    """A listing of several pages."""
    for number in range(12):
        (tmp_path / ("f%d" % number)).write_bytes(b"x")
    rclone("copy", tmp_path, "d:", root=folder)
    listed = rclone("lsf", "--drive-list-chunk=5", "d:", root=folder).decode().split()
    assert sorted(listed) == sorted("f%d" % number for number in range(12))


def test_ranges(rclone, folder, local):
    """A piece of a file, from the start, the middle and the end; and an empty file."""
    data = (local / "sub/deep/big.bin").read_bytes()
    rclone("copy", local, "d:", root=folder)
    path = "d:sub/deep/big.bin"
    assert rclone("cat", "--offset=1000", "--count=500", path, root=folder) == data[1000:1500]
    assert rclone("cat", "--head=10", path, root=folder) == data[:10]
    assert rclone("cat", "--tail=10", path, root=folder) == data[-10:]
    assert rclone("cat", "d:empty", root=folder) == b""


def test_pipe(rclone, drive, folder):
    """A stream of unknown length: the last chunk tells the total."""
    data = os.urandom(2 * QUARTER)
    subprocess.run(rclone.command("rcat", "--streaming-upload-cutoff=0", "--drive-chunk-size=256k", "d:s.bin", root=folder),
                   env=rclone.environment, input=data, check=True, timeout=60)
    (made,) = drive.state(folder)
    assert drive.content(made["id"]) == data


@pytest.mark.parametrize("fault", [
    {"action": "cut_request", "after": 100000}, {"action": "drop"}, {"action": "lose"},
    {"action": "status", "status": 503}], ids=lambda fault: fault["action"])
def test_upload_goes_on(rclone, drive, folder, local, fault):
    """A chunk that breaks: rclone tries it again; one file, the right bytes."""
    drive.fault(method="POST", path="upload_id=", nth=2, **fault)
    rclone("copy", *CHUNKED, local / "sub/deep/big.bin", "d:", root=folder)
    (made,) = drive.state(folder)
    assert drive.content(made["id"]) == (local / "sub/deep/big.bin").read_bytes()


@pytest.mark.parametrize("action", ["cut", "drop", "lose"])
def test_download_goes_on(rclone, drive, folder, local, tmp_path, action):
    """A download that breaks goes on with a range where it broke."""
    rclone("copy", local / "sub/deep/big.bin", "d:", root=folder)
    drive.fault(method="GET", path="alt=media", action=action)
    rclone("copy", "d:", tmp_path / "back", root=folder)
    assert (tmp_path / "back/big.bin").read_bytes() == (local / "sub/deep/big.bin").read_bytes()


def test_replace(rclone, drive, folder, local):
    """A changed file is uploaded into the same id."""
    rclone("copy", local / "one", "d:", root=folder)
    (before,) = drive.state(folder)
    (local / "one").write_bytes(b"more than one byte")
    rclone("copy", local / "one", "d:", root=folder)
    (after,) = drive.state(folder)
    assert after["id"] == before["id"] and after["headRevisionId"] != before["headRevisionId"]
    assert drive.content(after["id"]) == b"more than one byte"


def test_move(rclone, drive, folder, local):
    """Server-side: files and folders keep their ids."""
    rclone("copy", local, "d:", root=folder)
    ids = {file["name"]: file["id"] for file in drive.state(folder)}
    drive.reset_log()
    rclone("moveto", "d:one", "d:sub/renamed", root=folder)
    rclone("moveto", "d:sub/deep", "d:elsewhere", root=folder)
    after = {file["name"]: file for file in drive.state(folder)}
    assert after["renamed"]["id"] == ids["one"] and after["renamed"]["parents"] == [ids["sub"]]
    assert after["elsewhere"]["id"] == ids["deep"] and after["elsewhere"]["parents"] == [folder]
    assert not [entry for entry in drive.log() if "alt=media" in entry["query"]]


def test_copy(rclone, drive, folder, local):
    """Server-side: no byte comes or goes."""
    rclone("copy", local / "sub/deep/big.bin", "d:", root=folder)
    drive.reset_log()
    rclone("copyto", "d:big.bin", "d:copy.bin", root=folder)
    assert names(drive.state(folder)) == ["big.bin", "copy.bin"]
    assert not [entry for entry in drive.log() if "alt=media" in entry["query"] or "/upload/" in entry["path"]]


def test_trash(rclone, drive, folder, local):
    """Deleted files lie in the trash, are listed there, and come back."""
    rclone("copy", local, "d:", root=folder)
    rclone("delete", "d:", root=folder)
    state = drive.state(folder)
    assert names(state) == ["deep", "sub"] and len(state) == 7
    listed = rclone("lsf", "-R", "--files-only", "--drive-trashed-only", "d:", root=folder).decode().splitlines()
    assert {"one", "empty"} <= set(listed)
    rclone("backend", "untrash", "d:", root=folder)
    assert len(names(drive.state(folder))) == 7
    rclone("purge", "d:sub", root=folder)
    assert "sub" not in names(drive.state(folder))
    refused = rclone("delete", "--drive-use-trash=false", "d:one", root=folder, check=False)
    assert refused.returncode != 0 and b"insufficientFilePermissions" in refused.stderr


def test_folders(rclone, drive, folder):
    """Made and removed; one that is not empty stays."""
    rclone("mkdir", "d:a/b", root=folder)
    assert names(drive.state(folder)) == ["a", "b"]
    assert rclone("rmdir", "d:a", root=folder, check=False).returncode != 0
    rclone("rmdirs", "d:a", root=folder)
    assert names(drive.state(folder)) == []


def test_revisions(rclone, drive, folder, local):
    """Kept for ever where asked for, and counted by the client's own view of old versions' sizes."""
    rclone("copy", "--drive-keep-revision-forever", local / "one", "d:", root=folder)
    (local / "one").write_bytes(b"22")
    rclone("copy", "--drive-keep-revision-forever", local / "one", "d:", root=folder)
    (file,) = drive.state(folder)
    assert file["quotaBytesUsed"] == "3" and drive.content(file["id"]) == b"22"
    listed = json.loads(rclone("lsjson", "--drive-size-as-quota", "d:", root=folder))
    assert listed[0]["Size"] == 3


def test_changes(rclone, drive, folder, tmp_path):
    """rclone polls the change feed and tells what has moved."""
    told = tmp_path / "told"
    with open(told, "wb") as file:
        process = subprocess.Popen(rclone.command("test", "changenotify", "--poll-interval=200ms", "d:", root=folder),
                                   env=rclone.environment, stdin=subprocess.DEVNULL, stderr=file, stdout=file)
    try:
        wait_until(lambda: b"Waiting for changes" in told.read_bytes(), "rclone's watch")
        drive.reset_log()
        wait_until(lambda: [e for e in drive.log() if e["path"].endswith("/changes")], "rclone's first poll")
        rclone("touch", "d:new file", root=folder)
        wait_until(lambda: b"new file" in told.read_bytes(), "rclone's word of a change")
    finally:
        process.kill()
        process.wait()


def test_drives_and_quota(rclone, drive):
    """Which shared drives there are, and how much room a person has."""
    found = json.loads(rclone("backend", "drives", "p:"))
    assert [(one["id"], one["name"]) for one in found] == [(drive.drive_id, "Models")]
    about = json.loads(rclone("about", "--json", "p:"))
    assert about["total"] == 15 << 30 and about["used"] >= 0


def test_persons_drive(rclone, drive, local):
    """My Drive: files, a shortcut, and the trash emptied."""
    rclone("copy", local / "one", "p:dir")
    rclone("backend", "shortcut", "p:", "dir/one", "dir/link")
    assert rclone("cat", "p:dir/link") == (local / "one").read_bytes()
    rclone("purge", "p:dir")
    assert rclone("lsf", "p:") == b""
    rclone("cleanup", "p:")
    assert "dir" not in [file["name"] for file in drive.state()]


def test_no_room(rclone, folder, local):
    """A service account's own My Drive: rclone shows Drive's words."""
    done = rclone("copy", "--drive-team-drive=", local / "one", "d:", root="root", check=False)
    assert done.returncode != 0 and b"Service Accounts do not have storage quota" in done.stderr


def test_rate_limit(rclone, drive, folder):
    """403 userRateLimitExceeded: rclone waits and asks again."""
    drive.fault(path="/drive/v3/files", status=403, reason="userRateLimitExceeded")
    rclone("lsf", "d:", root=folder)
