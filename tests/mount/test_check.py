# SPDX-License-Identifier: MIT
"""`check` says, before a folder is trusted with data, what is wrong with it and what to do; a mount
that could save nothing does not start read-write."""
import json
import os
import subprocess

import pytest

from harness.background import Background
from harness.mount import daemon_env, escape
from harness.paths import binary
from harness.surprise import calm  # noqa: F401  pylint: disable=unused-import

CREDENTIALS, NETWORK, FOLDER, SAVE = 3, 4, 5, 6
NAMES = ["identity", "scopes", "clock", "folder", "read", "write", "trash", "revisions", "storage", "time"]


@pytest.fixture
def drive(rig):
    """The module's local Drive, in its quiet mood before and after."""
    yield rig.drive
    rig.drive.clear_faults()


def options(drive, key=None, *more):
    """The -o text."""
    pairs = {"key_file": key or drive.key, "api_root": drive.url, "ca_file": drive.ca}
    return ",".join([*("%s=%s" % (name, escape(value)) for name, value in pairs.items()),
                     "deadline=3,wait_scale=5", *more])


def check(drive, folder=None, key=None, status=0, more=()):
    """Run it both ways; returns the JSON, whose texts are those of the other."""
    command = [binary(), "check", "-o", options(drive, key, *more)]
    folder = folder or drive.folder
    shown = subprocess.run([*command, folder], capture_output=True, text=True, check=False, timeout=60, env=daemon_env())
    done = subprocess.run([*command, "--json", folder], capture_output=True, text=True, check=False, timeout=60,
                          env=daemon_env())
    assert (shown.returncode, done.returncode) == (status, status), shown.stdout + shown.stderr + done.stderr
    assert "ya29" not in shown.stdout + done.stdout and "PRIVATE" not in shown.stdout
    answer = json.loads(done.stdout)
    assert answer["status"] == status
    lines = shown.stdout.splitlines()
    assert len(lines) == len(answer["checks"]) + 1 <= 24, "one screen"
    for line, one in zip(lines, answer["checks"]):
        assert line.split()[:2] == [one["check"], "FAIL" if one["result"] == "fail" else one["result"]]
    return answer


def line(answer, name):
    """One line of a report: its result and text."""
    found = {one["check"]: one for one in answer["checks"]}[name]
    return found["result"], found["text"]


# -- all is well --------------------------------------------------------------------------


def test_a_good_folder(drive):
    answer = check(drive)
    assert [one["check"] for one in answer["checks"]] == NAMES
    assert all(one["result"] == "ok" for one in answer["checks"]), answer
    assert answer["identity"].startswith("mount@") and "service account" in line(answer, "identity")[1]
    assert answer["scopes"] == "https://www.googleapis.com/auth/drive"
    assert abs(answer["clock_skew_s"]) <= 1 and answer["rtt_ms"] >= 0
    folder = answer["folder"]
    assert folder["id"] == drive.folder and folder["shared_drive"] == drive.drive_id
    assert '"Models"' in line(answer, "folder")[1], "the shared drive by its name"
    assert all(folder["can_" + what] for what in ("list", "add", "edit", "trash", "read_revisions"))


def test_it_changes_nothing_and_asks_little(drive):
    before = drive.state()
    drive.reset_log()
    command = [binary(), "check", "-o", options(drive), drive.folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, env=daemon_env())
    asked = [r for r in drive.log() if r["path"] != "/token"]
    assert len(asked) == 6 and all(r["method"] == "GET" for r in asked), asked
    assert drive.state() == before


def test_help_has_an_example():
    shown = subprocess.run([binary(), "check", "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "example: drivefs-models check" in shown.stdout and "exit status" in shown.stdout


@pytest.mark.parametrize("words", [[], ["a", "b"], ["-f", "a"], ["--nonsense", "a"], ["-o", "wait_scale=0", "a"]],
                         ids=" ".join)
def test_wrong_usage(words):
    done = subprocess.run([binary(), "check", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "check --help" in done.stderr


# -- what can be wrong --------------------------------------------------------------------


def test_credentials_that_are_missing_or_refused(drive, tmp_path):
    answer = check(drive, key=tmp_path / "nothing.json", status=CREDENTIALS)
    assert "nothing.json" in line(answer, "identity")[1]
    drive.switches(token_error="signature")
    assert "revoked" in line(check(drive, status=CREDENTIALS), "identity")[1]


def test_a_token_without_the_scope(drive):
    drive.fault(path="/drive/v3/about", count=0, status=403, reason="insufficientPermissions")
    assert line(check(drive, status=CREDENTIALS), "scopes")[0] == "fail"


def test_no_way_to_drive(drive):
    drive.fault(path="/drive/v3", action="stall", count=0)
    assert "HTTPS_PROXY" in line(check(drive, status=NETWORK), "identity")[1]


def test_a_clock_that_is_wrong(drive):
    drive.switches(clock_skew_s=4000)
    result, text = line(check(drive), "clock")
    assert result == "warn" and "behind" in text and "NTP" in text
    drive.switches(clock_skew_s=-4000)
    assert "ahead" in line(check(drive), "clock")[1]


def test_folders_that_are_none(drive, google):
    nowhere = "1" + "N" * 32
    result, text = line(check(drive, nowhere, status=FOLDER), "folder")
    assert result == "fail" and "shared with" in text and "mount@" in text
    file = google.create(drive.folder, "a file", b"x")
    assert "not a folder" in line(check(drive, file["id"], status=FOLDER), "folder")[1]
    gone = drive.new_folder()
    google.update(gone, trashed=True)
    assert "trash" in line(check(drive, gone, status=FOLDER), "folder")[1]


def test_a_reader(drive):
    key = drive.new_key(role="reader")
    answer = check(drive, key=key, status=SAVE)
    assert line(answer, "write")[0] == "fail" and "content manager" in line(answer, "write")[1]
    assert line(answer, "trash")[0] == "warn" and not answer["folder"]["can_add"]
    assert "-o ro" in line(check(drive, key=key, more=["ro"]), "write")[1]


def test_a_writer_who_may_not_trash(drive):
    answer = check(drive, key=drive.new_key(role="writer"))
    assert line(answer, "write")[0] == "ok" and line(answer, "trash")[0] == "warn"


def my_drive(drive, account, role="writer"):
    """A folder in the My Drive of a user, shared with an account."""
    made = json.loads(drive.ask("POST", "/account", {"kind": "user", "email": "owner@example.com"}))
    folder = drive.new_folder("shared", made["root"])
    drive.ask("POST", "/share", {"id": folder, "email": account["email"], "role": role})
    return folder


def robot(drive, **more):
    """A service account that is a member of nothing."""
    return json.loads(drive.ask("POST", "/account", more))


def test_the_trap_of_service_accounts(drive):
    """A folder in somebody's My Drive, shared with a service account as editor."""
    account = robot(drive)
    folder = my_drive(drive, account)
    answer = check(drive, folder, key=account["key"], status=SAVE)
    assert line(answer, "write")[0] == "ok", "folders could be added"
    assert "My Drive of owner@example.com" in line(answer, "folder")[1]
    result, text = line(answer, "storage")
    assert result == "fail" and "owns no storage" in text
    for way in ("shared drive", "delegation", "user's credentials"):
        assert way in text
    check(drive, folder, key=account["key"], more=["ro"])


def test_an_old_service_account_that_has_storage(drive):
    account = robot(drive, limit=15 << 30)
    answer = check(drive, my_drive(drive, account), key=account["key"])
    result, text = line(answer, "storage")
    assert result == "warn" and "15.0 GiB" in text and "prefer a shared drive" in text
    assert answer["quota"] == {"limit": 15 << 30, "usage": 0}


# -- the mount ----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["reader", "robot"])
def test_a_mount_that_could_save_nothing_starts_with_ro_only(drive, tmp_path, who):
    if who == "reader":
        key, folder = drive.new_key(role="reader"), drive.folder
    else:
        account = robot(drive)
        key, folder = account["key"], my_drive(drive, account)
    point = tmp_path / "point"
    point.mkdir()
    base = "cache_dir=%s,%s" % (tmp_path / "cache", options(drive, key))
    with Background([binary(), "-o", base, folder, point], point) as daemon:
        assert daemon.done.returncode == 1 and not daemon.mounted()
        assert "nothing could be saved" in daemon.done.stderr and "-o ro" in daemon.done.stderr
    with Background([binary(), "-o", base + ",ro,log_file=%s" % (tmp_path / "log"), folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        assert os.listdir(point) is not None
        daemon.unmount()


def test_the_mount_asks_no_more_than_before(drive, tmp_path):
    """On a shared drive one files.get tells it all."""
    point = tmp_path / "point"
    point.mkdir()
    base = "cache_dir=%s,log_file=%s,%s" % (tmp_path / "cache", tmp_path / "log", options(drive))
    drive.reset_log()
    with Background([binary(), "-o", base, drive.folder, point], point) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        daemon.unmount()
    gets = [r for r in drive.log() if r["path"] in ("/drive/v3/about", "/drive/v3/files/" + drive.folder)]
    assert len(gets) <= 1, gets
