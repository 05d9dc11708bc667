#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test suite of the npm package google-drive-mock against the local Drive.

Its authors run these tests against real Drive (TEST_TARGET=real); so do we: same mode, same
addresses, over TLS through our proxy, so that every excuse the suite makes for real Drive counts
and none that it makes for its mock. Only the token is fixed (switch `static_tokens`).

Every test must pass but those of v2_only.txt, which must fail, and must have asked for API v2:
the list can hide nothing else. Two halves run at a time, each on a Drive of its own.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.dirname(os.path.dirname(HERE))]
from emulator.launch import LocalDrive  # noqa: E402
from harness.paths import HarnessError  # noqa: E402
from installed import JUDGES, as_google, package, program  # noqa: E402

# Arguments of vitest for each half. One file takes half of the time, with the waits written in it.
HALVES = (["iterate_changes"], ["--exclude", "**/iterate_changes.test.ts"])
TOKEN = "valid-token"
TIMEOUT = 300  # seconds


class Half:
    """One vitest process with its Drive."""

    def __init__(self, folder, number, files):
        self.drive = LocalDrive().start()
        self.drive.switches(static_tokens={TOKEN: "owner@example.com"})
        self.results = os.path.join(folder, "results%d.json" % number)
        self.asked_v2 = os.path.join(folder, "asked_v2_%d" % number)
        env = as_google(self.drive)
        env.update(TEST_TARGET="real", GDRIVE_TOKEN=TOKEN, ASKED_V2=self.asked_v2)
        self.process = subprocess.Popen(
            [program("node"), package("vitest", "vitest.mjs"), "run", "--reporter=json",
             "--outputFile=" + self.results, *files],
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self):
        """Wait; returns {test: its error or None} and the set of tests that asked for v2."""
        output, _ = self.process.communicate(timeout=TIMEOUT)
        if not os.path.exists(self.results):
            raise HarnessError("vitest left no results:\n" + output.decode(errors="replace")[-4000:])
        if not any(entry["path"] == "www.googleapis.com:443" for entry in self.drive.log()):
            raise HarnessError("the suite did not come by way of the proxy")
        with open(self.results, encoding="utf-8") as file:
            found = dict(tests_of(json.load(file)))
        asked = set()
        if os.path.exists(self.asked_v2):
            with open(self.asked_v2, encoding="utf-8") as file:
                asked = set(file.read().splitlines())
        return found, asked

    def stop(self):
        """End what still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.drive.stop()


def tests_of(results):
    """(name, error or None) of every test in vitest's JSON."""
    for suite in results["testResults"]:
        file = os.path.basename(suite["name"])
        if not suite["assertionResults"]:
            yield file, suite.get("message") or "no tests in it"
        for test in suite["assertionResults"]:
            error = None if test["status"] == "passed" else (test["failureMessages"] or [test["status"]])[0]
            yield "%s: %s" % (file, test["fullName"]), error


def listed():
    """The tests of v2_only.txt."""
    with open(os.path.join(HERE, "v2_only.txt"), encoding="utf-8") as file:
        return {line.strip() for line in file if line.strip() and not line.startswith("#")}


def complaints(found, asked, excused):
    """What is wrong, a line each."""
    for name, error in sorted(found.items()):
        if error is not None and name not in excused:
            yield "failed: %s\n    %s" % (name, error.replace("\n", "\n    ")[:1500])
        if error is None and name in excused:
            yield "passed, but is in v2_only.txt: " + name
        if error is not None and name in excused and name not in asked:
            yield "in v2_only.txt, but never asked for v2: " + name
    for name in sorted(excused - found.keys()):
        yield "in v2_only.txt, but not in the suite: " + name


def main():
    """Run both halves and compare; exit status 1 where they disagree with the list."""
    package("vitest")
    folder = tempfile.mkdtemp(prefix="suite-", dir=JUDGES)  # in there, node finds the packages
    halves, found, asked = [], {}, set()
    try:
        for part in ("test", "src"):
            shutil.copytree(package("google-drive-mock", part), os.path.join(folder, part))
        for name in ("vitest.config.mjs", "as_google.mjs"):
            shutil.copy(os.path.join(HERE, name), folder)
        for number, files in enumerate(HALVES):
            halves.append(Half(folder, number, files))
        for half in halves:
            more, v2 = half.finish()
            found.update(more)
            asked |= v2
    finally:
        for half in halves:
            half.stop()
        shutil.rmtree(folder, ignore_errors=True)
    excused = listed()
    bad = list(complaints(found, asked, excused))
    print("\n".join(bad))
    passed = sum(1 for name, error in found.items() if error is None and name not in excused)
    print("%d of %d tests need API v2 (v2_only.txt)" % (len(excused), len(found)))
    print("%d passed, %d failed" % (passed, len(bad)))
    return 1 if bad or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as problem:
        sys.exit("mock_suite: %s" % problem)
