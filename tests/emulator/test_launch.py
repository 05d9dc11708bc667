# SPDX-License-Identifier: MIT
"""with-drive and the launcher: the environment, the exit status, and nothing left behind."""
import json
import os
import select
import signal
import stat
import subprocess
import tempfile
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPORT = ("import json, os, sys; print(json.dumps({k: v for k, v in os.environ.items() "
          "if k.startswith('DRIVE_')}), flush=True)")


def alive(pid):
    """Is there such a process (zombies do not count)?"""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_gone(pid):
    """Wait until a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with open(descriptor, "rb", buffering=0):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(10000):
            raise AssertionError("process %d is still there" % pid)


class WithDrive(unittest.TestCase):
    def start(self, *command, **more):
        """with-drive running a command, its output a pipe."""
        process = subprocess.Popen([os.path.join(TESTS, "with-drive"), *more.pop("options", ()),
                                    "--", *command], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **more)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def test_environment_restart_and_status(self):
        script = "python3 -c \"%s\"; eval \"$DRIVE_RESTART\"; exit 7" % REPORT
        process = self.start("sh", "-c", script)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 7)
        first, second = output.splitlines()
        env = json.loads(first)
        self.assertNotEqual(env["DRIVE_PID"], second)
        self.assertFalse(os.path.exists(env["DRIVE_STATE"]))
        self.assertFalse(alive(int(second)))

    def test_key_is_private_and_state_is_taken_up_again(self):
        with tempfile.TemporaryDirectory(prefix="with drive ") as folder:
            seen = []
            for _ in range(2):
                process = self.start("python3", "-c", REPORT, options=["--state", folder])
                env = json.loads(process.communicate(timeout=60)[0])
                seen.append(env)
                mode = stat.S_IMODE(os.stat(env["DRIVE_KEY"]).st_mode)
                self.assertEqual(mode, 0o600)
            self.assertEqual(seen[0]["DRIVE_SHARED_DRIVE"], seen[1]["DRIVE_SHARED_DRIVE"])
            self.assertNotEqual(seen[0]["DRIVE_FOLDER"], seen[1]["DRIVE_FOLDER"])

    def test_statuses(self):
        for command, status in ((["true"], 0), (["no-such-command"], 127),
                                (["sh", "-c", "kill -9 $$"], 137)):
            process = self.start(*command)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, status)

    def check_killed(self, number):
        """Kill with-drive: the Drive, the command and what it left must end too."""
        script = ("sleep 1000 & echo $!; setsid sleep 1000 & echo $!; echo $DRIVE_PID; "
                  "echo $$; echo done; wait")
        process = self.start("sh", "-c", script)
        lines = iter(process.stdout.readline, "done\n")
        pids = [int(line) for line in lines]
        self.assertEqual(len(pids), 4)
        process.send_signal(number)
        process.wait(60)
        for pid in pids:
            wait_gone(pid)
        return process.returncode

    def test_sigterm(self):
        self.assertEqual(self.check_killed(signal.SIGTERM), 128 + signal.SIGTERM)

    def test_sigkill(self):
        self.assertEqual(self.check_killed(signal.SIGKILL), -signal.SIGKILL)

    def test_help(self):
        done = subprocess.run([os.path.join(TESTS, "with-drive"), "--help"], check=True,
                              capture_output=True, text=True)
        for word in ("DRIVE_URL", "DRIVE_RESTART", "--latency", "--state", "--keep"):
            self.assertIn(word, done.stdout)
