# SPDX-License-Identifier: MIT
"""with-mount itself: what it exports, how it ends, and that it leaves nothing behind."""
import glob
import os
import signal
import subprocess
import sys

import pytest

from harness.background import processes_with
from harness.paths import TESTS, mounts_below, wait_until

PROGRAM = os.path.join(TESTS, "with-mount")


@pytest.fixture
def base(tmp_path):
    """Where with-mount puts its temporary folder, with a space in its name."""
    path = tmp_path / "tmp dir"
    path.mkdir()
    yield str(path)
    assert not mounts_below(path), "a mount was left"
    assert not os.listdir(path), "a folder was left"
    left = [pid for pid in glob.glob("/proc/[0-9]*") if _mentions(pid, os.fsencode(path))]
    assert not left, "a process was left: %s" % left


def _mentions(proc, path):
    try:
        with open(proc + "/cmdline", "rb") as file:
            return path in file.read() and int(os.path.basename(proc)) != os.getpid()
    except OSError:
        return False


def with_mount(base, *arguments, patience="30"):
    """Run it to its end."""
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False,
                          timeout=120, env={**os.environ, "TMPDIR": base, "DFM_PATIENCE": patience})


def script(base, text, *options, patience="30"):
    """Run a shell script beside one mount."""
    return with_mount(base, *options, "--", "sh", "-c", text, patience=patience)


def test_a_command_beside_two_mounts(base):
    done = script(base, 'set -eu; echo hello >"$MNT/f"; test -s "$DRIVE_KEY"; test -d "$CACHE2"; test -f "$LOG2"; '
                  'test "$MOUNT_PID" != "$MOUNT_PID2"; cat "$MNT2/f"', "--mounts", "2", "-o", "poll=1")
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


@pytest.mark.parametrize("text,status", [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_it_ends_as_the_command_ended(base, text, status):
    assert script(base, text).returncode == status


def test_command_not_found(base):
    assert with_mount(base, "--", "/nothing/here").returncode == 127


def test_a_crashed_daemon_is_told(base):
    done = script(base, "kill -ABRT $MOUNT_PID")
    assert done.returncode == 90 and "SIGABRT" in done.stderr
    assert script(base, "kill -ABRT $MOUNT_PID; exit 3").returncode == 3


def test_remount(base):
    done = script(base, 'set -eu; echo a >"$MNT/f"; kill -9 $MOUNT_PID; pid=$(eval "$REMOUNT"); '
                  'test $pid != $MOUNT_PID; cat "$MNT/f"; eval "$DRIVE_RESTART" >&2; echo b >"$MNT/f"; cat "$MNT/f"')
    assert (done.returncode, done.stdout) == (0, "a\nb\n"), done.stderr


def test_a_hung_daemon_is_killed(base):
    """Stopped by a signal it answers nobody: its mount is detached, it is killed, and that is said."""
    done = script(base, "kill -STOP $MOUNT_PID", patience="2")
    assert done.returncode == 90 and "hangs" in done.stderr, done.stderr


def test_what_the_command_left_running_is_ended(base):
    done = script(base, 'cd "$MNT"; setsid sleep 1234.5 & exit 0')
    assert done.returncode == 0 and "left running" in done.stderr
    assert not processes_with("1234.5")


def test_bytes_that_are_not_in_drive_are_told(base):
    fault = ('curl -fsS -d \'{"path": "^/upload/", "status": 403, "reason": "storageQuotaExceeded", "count": 0}\' '
             '"$DRIVE_CONTROL/faults" >/dev/null; ')
    if subprocess.run(["sh", "-c", "command -v curl"], stdout=subprocess.DEVNULL, check=False).returncode:
        fault = ("python3 -c 'import os,urllib.request as u; u.urlopen(os.environ[\"DRIVE_CONTROL\"] + \"/faults\", "
                 "b\"{\\\"path\\\": \\\"^/upload/\\\", \\\"status\\\": 403, \\\"count\\\": 0}\")'; ")
    for end in ("exit 0", 'fusermount3 -u "$MNT"'):
        done = script(base, fault + 'echo lost >"$MNT/f"; ' + end)
        assert done.returncode == 90 and "not in Drive" in done.stderr, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ended_by_a_signal(base, number):
    ready = os.path.join(os.path.dirname(base), "ready")
    with subprocess.Popen([sys.executable, PROGRAM, "--", "sh", "-c", 'touch "$1"; exec sleep 1000', "sh", ready],
                          env={**os.environ, "TMPDIR": base}, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: os.path.exists(ready), "the command runs", deadline=60)
        process.send_signal(number)
        assert process.wait(60) == (128 + number if number != signal.SIGKILL else -number)
    # After SIGKILL others clean up: the janitor, the local Drive's lifeline, the signal to CMD.
    wait_until(lambda: not os.listdir(base), "the temporary folder is gone", deadline=30)


def test_state_is_gone_on_from(base, tmp_path):
    """--state DIR: the second run has the files and the cache of the first."""
    state = str(tmp_path / "state")
    first = script(base, 'echo kept >"$MNT/f"', "--state", state)
    second = script(base, 'cat "$MNT/f"', "--state", state)
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "kept\n"), second.stderr


def test_ctrl_c_ends_what_a_background_script_starts():
    """`make check &` in a script starts with ^C ignored: what the harness starts must not inherit that."""
    child = "import harness, subprocess, sys; sys.exit(subprocess.call(['sh', '-c', 'kill -INT $$; exit 7']))"
    done = subprocess.run(["sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh", sys.executable, "-c", child], check=False,
                          env={**os.environ, "PYTHONPATH": TESTS}, timeout=60)
    assert done.returncode == 256 - signal.SIGINT, "the child outlived its SIGINT: %d" % done.returncode
