# SPDX-License-Identifier: MIT
"""Living with a mount: what the log says, names that want to be more than names."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness.background import Background
from harness.mount import daemon_env
from harness.paths import binary, wait_until

UPLOAD = "^/upload/"
EVIL = "a\nheld       7\x1b[2J\x9b\u202ex"
SHOWN = r"a\nheld       7\x1b[2J\x9b\u{202e}x"


def run(*arguments):
    """drivefs-models with these arguments."""
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, check=False, timeout=60,
                          env=daemon_env())


@pytest.fixture
def options(rig, tmp_path):
    """The -o text of one more mount of the module's folder, and its key."""
    return "cache_dir=%s,key_file=%s,api_root=%s,ca_file=%s" % (
        tmp_path / "cache", rig.drive.new_key(), rig.drive.url, rig.drive.ca)


@pytest.fixture
def point(tmp_path):
    """An empty folder to mount on."""
    path = tmp_path / "mnt"
    path.mkdir()
    return path


def test_a_log_file_that_cannot_be_opened(rig, options, point):
    """It is tried first: no mount that logs nowhere."""
    for path in (point.parent / "nosuch" / "log", point.parent):
        with Background([binary(), "-o", options + ",log_file=%s" % path, rig.drive.folder, point], point) as daemon:
            assert daemon.done.returncode == 2 and not daemon.mounted()
            assert str(path) in daemon.done.stderr, daemon.done.stderr


def test_why_it_did_not_start_is_in_the_log_file_and_on_the_terminal(rig, options, point):
    log = point.parent / "log"
    folder = "1" + "x" * 32
    with Background([binary(), "-o", options + ",log_file=%s" % log, folder, point], point) as daemon:
        assert daemon.done.returncode == 1 and folder in daemon.done.stderr
    assert folder in log.read_text()


def test_the_log_is_opened_anew_after_a_rotation(rig, options, point):
    """SIGHUP, as logrotate sends it; a log whose folder is gone goes on where it was, and the mount with it."""
    log = point.parent / "logs" / "log"
    log.parent.mkdir()
    with Background([binary(), "-o", options + ",log_file=%s" % log, rig.drive.folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        log.rename(log.parent / "log.1")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(log.exists, "the new log")
        (point / "after").mkdir()
        (point / "after").rmdir()
        assert 'removed "after"' in log.read_text() and "after" not in (log.parent / "log.1").read_text()
        log.parent.rename(point.parent / "moved")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: "goes on where it was" in (point.parent / "moved" / "log").read_text(), "a word about it")
        (point / "later").mkdir()
        (point / "later").rmdir()
        assert 'removed "later"' in (point.parent / "moved" / "log").read_text()
        daemon.unmount()


def test_each_event_is_one_line(place, mount):
    """Saved, renamed, removed: at info, with the path; what only reads says nothing."""
    begin = len(mount.log_text())
    (place.path / "a.model").write_bytes(b"x" * 12345)
    (place.path / "a.model").read_bytes()
    (place.path / "a.model").rename(place.path / "b.model")
    (place.path / "b.model").unlink()
    (place.path / "d").mkdir()
    (place.path / "d").rmdir()
    lines = [line.split(" ", 1)[1] for line in mount.log_text()[begin:].splitlines()]
    at = place.name
    assert len(lines) == 4, lines
    assert re.fullmatch(r'info save: saved "%s/a.model": 12345 bytes in \d+\.\d\d s \(\d+\.\d MB/s\)' % re.escape(at), lines[0])
    assert lines[1:] == ['info rename: renamed "%s/a.model" to "%s/b.model"' % (at, at),
                         'info unlink: removed "%s/b.model"' % at, 'info rmdir: removed "%s/d"' % at]


def test_a_failure_is_one_line(place, mount, drive):
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    begin = len(mount.log_text())
    with pytest.raises(OSError):
        (place.path / "full").write_bytes(b"x")
    errors = [line for line in mount.log_text()[begin:].splitlines() if " error " in line]
    drive.clear_faults()
    assert len(errors) == 1 and "full" in errors[0], errors
    wait_until(lambda: not mount.status()["pending"], "the retry", deadline=40)


def test_names_cannot_forge_what_is_shown(place, mount):
    """In the log, in status, by path: what a terminal obeys is escaped; -0 is for scripts."""
    folder = place.path / EVIL
    folder.mkdir()
    file_id = os.getxattr(folder, "user.drive.id").decode()
    shown = run("path", mount.path, file_id)
    assert shown.returncode == 0 and shown.stdout.decode() == "%s/%s/%s\n" % (mount.path, place.name, SHOWN)
    raw = run("path", "-0", mount.path, file_id)
    assert raw.returncode == 0 and raw.stdout == os.fsencode(folder) + b"\0"
    begin = len(mount.log_text())
    folder.rmdir()
    assert SHOWN in mount.log_text()[begin:] and "\x1b" not in mount.log_text()[begin:]


def test_check_shows_a_hostile_name_as_text(rig, place, options):
    folder = place.path / EVIL
    folder.mkdir()
    file_id = os.getxattr(folder, "user.drive.id").decode()
    for json in ((), ("--json",)):
        done = run("check", *json, "-o", options, file_id)
        text = done.stdout.decode()
        assert done.returncode == 0, done
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), text
        assert json or SHOWN in text


def test_status_has_no_json_in_its_text(place, mount, drive):
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    with pytest.raises(OSError):
        (place.path / EVIL).write_bytes(b"x" * 2048)
    text = run("status", mount.path).stdout.decode()
    drive.clear_faults()
    line = next(line for line in text.splitlines() if SHOWN in line)
    assert "2.0 KiB" in line and place.name in line, text
    assert '{"' not in text and '": ' not in text, text
    assert [row for row in text.splitlines() if row.startswith("held ")] == ["held       0"], text
    wait_until(lambda: not mount.status()["pending"], "the retry", deadline=40)


def mounts_on(path):
    """How many mounts lie on this path."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return sum(line.split()[4] == str(path) for line in table)


def test_a_mount_that_died_is_removed_before_the_next(rig, options, point):
    command = [binary(), "-o", options + ",log_file=%s" % (point.parent / "log"), rig.drive.folder, point]
    for dead in (1, 2):
        with Background(command, point) as daemon:
            assert daemon.done.returncode == 0, daemon.done.stderr
            assert mounts_on(point) == 1, "one mount, not a mount over a dead one"
            assert ("had died was on" in daemon.done.stderr) == (dead == 2), daemon.done.stderr
            daemon.kill(point.parent / "cache")
            daemon.path = "/nonexistent"  # it is left as it is, for the next
    died = run("status", point)
    assert died.returncode == 1 and b"fusermount3 -u" in died.stderr, died
    with Background(command, point) as daemon:
        assert daemon.done.returncode == 0 and mounts_on(point) == 1
        daemon.unmount()
    assert not mounts_on(point)


def test_a_mount_that_is_alive_is_not_mounted_over(rig, options, point, tmp_path):
    command = [binary(), "-o", options, rig.drive.folder, point]
    again = [binary(), "-o", options.replace("/cache,", "/cache2,"), rig.drive.folder, point]
    with Background(command, point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        for stopped in (False, True):
            if stopped:  # a daemon that hangs: nobody may wait for it
                os.kill(daemon.pid, signal.SIGSTOP)
            try:
                second = subprocess.run(again, capture_output=True, text=True, check=False, timeout=60, env=daemon_env())
            finally:
                os.kill(daemon.pid, signal.SIGCONT)
            assert second.returncode == 1 and "(process %d)" % daemon.pid in second.stderr, second
            assert mounts_on(point) == 1
        daemon.unmount()


def test_status_of_any_path_in_a_mount(place, mount, monkeypatch):
    (place.path / "d").mkdir()
    (place.path / "d" / "f").write_bytes(b"x")
    whole = run("status", "--json", mount.path)
    assert json.loads(whole.stdout)["mount"] == mount.path
    monkeypatch.chdir(place.path)
    link = os.path.join(os.path.dirname(mount.path), "a link")
    os.symlink(place.path, link)
    for path in (place.path / "d", place.path / "d" / "f", "d", "./d/../d/f", ".", link, link + "/d/f", mount.path + "/"):
        found = run("status", "--json", path)
        assert found.returncode == 0 and json.loads(found.stdout)["mount"] == mount.path, (path, found)
    os.unlink(link)


def test_other_users_see_how_a_mount_is_and_not_whose(rig, options, point):
    """Of an allow_other mount anybody may ask how it is; folder, identity, cache and names are its owner's."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary()]
    os.chmod(point.parent, 0o711)
    with Background([binary(), "-o", options + ",allow_other", rig.drive.folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        mine = run("status", point).stdout.decode()
        assert rig.drive.folder in mine and str(point.parent / "cache") in mine
        for verb in (["status"], ["status", "--json"]):
            done = subprocess.run([*nobody, *verb, point], capture_output=True, text=True, check=False, timeout=60,
                                  env=daemon_env())
            assert done.returncode == 0 and str(daemon.pid) in done.stdout, done
            for secret in (rig.drive.folder, "gserviceaccount", "cache_dir", str(point.parent / "cache")):
                assert secret not in done.stdout, done.stdout
        shown = json.loads(done.stdout)
        assert shown["pending_count"] == 0 and "pending" not in shown and "cache" in shown
        asked = subprocess.run([*nobody, "path", point, rig.drive.folder], capture_output=True, text=True, check=False,
                               timeout=60, env=daemon_env())
        assert asked.returncode == 1 and "who mounted" in asked.stderr, asked
        daemon.unmount()


def test_sync_tells_what_a_redirection_hides(place, mount, drive):
    """A shell's `>` ends with 0 whatever close() said; sync(1) of the file asks again."""
    path = place.path / "f"
    drive.fault(path=UPLOAD, action="status", status=403, reason="storageQuotaExceeded", count=0)
    hidden = subprocess.run(["sh", "-c", 'echo x >"$1"', "sh", path], capture_output=True, check=False, timeout=60)
    assert hidden.returncode == 0
    told = subprocess.run(["sync", path], capture_output=True, check=False, timeout=60)
    assert told.returncode != 0 and b"f" in told.stderr, told
    drive.clear_faults()
    assert subprocess.run(["sync", path], check=False, timeout=60).returncode == 0
    assert not mount.status()["pending"]


@pytest.mark.skipif(not os.path.exists("/sbin/mount.fuse3"), reason="no mount.fuse3 (fuse3) here")
def test_mount_by_the_words_of_an_fstab(rig, options, point):
    """As mount -a does it, by mount.fuse3; words that are for others are passed over."""
    words = options + ",rw,nofail,_netdev,noatime,allow_other,x-systemd.automount"
    command = ["/sbin/mount.fuse3", rig.drive.folder, point, "-t", "fuse.drivefs-models", "-o", words]
    with Background(command, point, PATH=os.path.dirname(binary()) + ":" + os.environ["PATH"]) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        (point / "by fstab").write_bytes(b"x")
        (point / "by fstab").unlink()
        daemon.unmount()
