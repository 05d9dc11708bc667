# SPDX-License-Identifier: MIT
"""The command line: help, version, mounting in the background and in front, status, path."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness.background import Background
from harness.counting import counted
from harness.mount import daemon_env
from harness.paths import binary, detach, wait_until


def run(*arguments):
    """drivefs-models with these arguments."""
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=60, env=daemon_env())


@pytest.fixture
def options(rig, tmp_path):
    """The -o text of one more mount of the module's folder, and its key."""
    return "cache_dir=%s,key_file=%s,api_root=%s,ca_file=%s" % (
        tmp_path / "cache", rig.drive.new_key(), rig.drive.url, rig.drive.ca)


@pytest.fixture
def point(tmp_path):
    """An empty folder to mount on."""
    path = tmp_path / "a mount, with odd \\ name"
    path.mkdir()
    return path


def test_help_and_version():
    shown = run("--help")
    assert shown.returncode == 0 and not shown.stderr
    for word in ("FOLDER", "MOUNTPOINT", "cache_dir", "key_file", "log_file", "poll", "api_root", "ca_file",
                 "status", "path", "fusermount3 -u"):
        assert word in shown.stdout, word
    version = run("--version")
    assert version.returncode == 0 and re.search(r"\d+\.\d+\.\d+", version.stdout)


@pytest.mark.parametrize("arguments", [[], ["folder"], ["a", "b", "c"], ["--nonsense", "a", "b"],
                                       ["-o", "cache_size=lots", "a", "b"], ["-o", "poll=-1", "a", "b"]],
                         ids=lambda words: " ".join(words) or "nothing")
def test_wrong_usage(arguments):
    done = run(*arguments)
    assert done.returncode not in (0, 134, 139) and done.returncode > 0
    assert len(done.stderr) > 20 and "--help" in done.stderr, done.stderr


@pytest.mark.parametrize("word, said", [("umount", "fusermount3 -u"), ("Status", "`status`"), ("sync", "fsync()"),
                                        ("chekc", "`check`"), ("ROOT", "`root`"), ("frobnicate", "neither a verb")])
def test_a_verb_like_word_is_no_folder(word, said, point):
    done = run(word, point)
    assert done.returncode == 2 and word in done.stderr and said in done.stderr, done.stderr


@pytest.mark.parametrize("option, said", [("pol=3", "poll"), ("allow-other", "allow_other"), ("nosuch=1", "no such option"),
                                          ("max_read=many", "not a number"), ("umask=9", "octal")])
def test_a_wrong_option_is_found_before_drive_is_asked(rig, drive, options, point, option, said):
    with counted(drive) as asked:
        for done in (run("-o", options + "," + option, rig.drive.folder, point),
                     run("check", "-o", options + "," + option, rig.drive.folder)):
            assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not asked, asked.lines()


def test_owner_and_rights(rig, options, point):
    """uid=, gid= and umask= are what stat() says, of folders and of files."""
    with Background([binary(), "-o", options + ",uid=1234,gid=4321,umask=027", rig.drive.folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        (point / "folder").mkdir()
        (point / "file").write_bytes(b"x")
        for path, mode in ((point, 0o750), (point / "folder", 0o750), (point / "file", 0o640)):
            found = path.stat()
            assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1234, 4321, mode), path
        daemon.unmount()


def test_background(rig, options, point):
    """It goes into the background once the mount answers; its log goes to log_file."""
    log = point.parent / "the log"
    command = [binary(), "-o", options + ",log_file=%s" % log, rig.drive.folder, point]
    with Background(command, point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert daemon.mounted() and daemon.pid
        (point / "from the background").write_bytes(b"x")
        assert (rig.mounts[0].pid != daemon.pid) and os.getsid(daemon.pid) != os.getsid(0)
        assert os.readlink("/proc/%d/cwd" % daemon.pid) == "/", "it must not keep a folder busy"
        daemon.unmount()
    assert log.read_text()


def test_folder_as_url_and_key_in_the_environment(rig, options, point):
    bare = ",".join(text for text in options.split(",") if not text.startswith("key_file="))
    key = re.search("key_file=([^,]*)", options).group(1)
    url = "https://drive.google.com/drive/folders/%s?usp=sharing" % rig.drive.folder
    with Background([binary(), "-o", bare, url, point], point, GOOGLE_APPLICATION_CREDENTIALS=key) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert os.getxattr(point, "user.drive.id").decode() == rig.drive.folder
        daemon.unmount()


def test_foreground_ends_on_a_signal(rig, options, point):
    command = [binary(), "-f", "-o", options, rig.drive.folder, str(point)]
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=daemon_env()) as daemon:
            try:
                wait_until(lambda: os.path.ismount(point), "the mount", deadline=60)
                daemon.send_signal(number)
                assert daemon.wait(30) == 0
                assert not os.path.ismount(point)
            finally:
                daemon.kill()
                detach(str(point))


def test_read_only(rig, options, point):
    with Background([binary(), "-o", options + ",ro", rig.drive.folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        with pytest.raises(OSError):
            (point / "f").write_bytes(b"x")
        daemon.unmount()


def test_one_process_per_cache_folder(rig, mount, point):
    """Two daemons in one cache would damage it: the second says so and ends."""
    command = [binary(), "-o", "cache_dir=%s,key_file=%s,api_root=%s,ca_file=%s"
               % (mount.cache, mount.key, rig.drive.url, rig.drive.ca), rig.drive.folder, point]
    with Background(command, point) as daemon:
        assert daemon.done.returncode > 0 and not daemon.mounted()
        assert mount.cache in daemon.done.stderr, daemon.done.stderr


def test_cache_folder_is_private(mount):
    assert os.stat(mount.cache).st_mode & 0o077 == 0


def test_status(place, mount, drive):
    (place.path / "f").write_bytes(b"x" * 100_000)
    (place.path / "f").read_bytes()
    shown = mount.status()
    assert shown["pending"] == [] and shown["held"] == []
    assert {"cache", "drive", "mount"} <= set(shown)
    assert drive.folder in json.dumps(shown)
    text = run("status", mount.path)
    assert text.returncode == 0 and mount.cache in text.stdout
    for secret in ("ya29.", "PRIVATE KEY", "upload_id="):
        assert secret not in text.stdout + json.dumps(shown)


def test_status_of_what_is_no_mount(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        done = run("status", path)
        assert done.returncode > 0 and str(path) in done.stderr, done.stderr


def test_path(place, mount, google):
    (place.path / "d").mkdir()
    (place.path / "d" / "f").write_bytes(b"x")
    file = google.walk(place.id, "d/f")
    found = run("path", mount.path, file["id"])
    assert found.returncode == 0 and found.stdout == str(place.path / "d" / "f") + "\n"
    assert run("path", mount.path, place.id).stdout == str(place.path) + "\n"
    unknown = run("path", mount.path, "1" + "A" * 32)
    assert unknown.returncode > 0 and "A" * 32 in unknown.stderr and not unknown.stdout


def test_the_log_holds_no_secret(mount, drive):
    """Tokens, keys and upload sessions are never written down."""
    with open(mount.key, encoding="utf-8") as file:
        key = json.load(file)
    text = mount.log_text()
    secrets = ["ya29.", "upload_id=", "Bearer ", key["private_key"].splitlines()[1]]
    assert not [secret for secret in secrets if secret in text]
