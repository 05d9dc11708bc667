# SPDX-License-Identifier: MIT
"""Random faults against random operations of drive/: after each, Drive holds exactly what was asked for.

Every sequence is one operation (a new file, new content, a folder, a rename, a move, the trash) and
one to four faults that meet its requests. A failure names its seed: SEED=N tests/stress/run 1.
"""
import argparse
import collections
import hashlib
import http.client
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from emulator.launch import LocalDrive

KIB = 1024
SIZES = [0, 1, 1000, 300 * KIB, 1024 * KIB, 1024 * KIB + 1, 1500 * KIB, 2600 * KIB]  # over 1 MiB: a session
API, SESSION = "^/(upload/)?drive/v3", "upload_id="
OPERATIONS = ["create"] * 5 + ["replace"] * 4 + ["mkdir", "rename", "move", "trash"]
PER_FOLDER = 20

# What may meet a request. The names in ONCE come at most once in a sequence: twice in a row they are
# a reason to give up (a new token refused too; bytes damaged on the way twice).
FAULTS = {
    "503": {"status": 503}, "500": {"status": 500}, "429": {"status": 429},
    "403": {"status": 403, "reason": "userRateLimitExceeded"}, "401": {"status": 401, "reason": "authError"},
    "html": {"status": 502, "message": "<html>Bad Gateway</html>"},
    "drop": {"action": "drop"}, "reset": {"action": "reset"}, "lose": {"action": "lose"},
    "cut": {"action": "cut"}, "cut_request": {"action": "cut_request"},
    "corrupt_request": {"action": "corrupt_request", "path": SESSION},
    "gone404": {"status": 404, "path": SESSION}, "gone410": {"status": 410, "path": SESSION},
}
SWITCHES = {"partial": {"partial_chunk": 256 * KIB}, "forget": {"forget_chunks": 1}}
ONCE = {"401", "corrupt_request"}


class Wrong(Exception):
    """Drive does not hold what it should."""


class Control:
    """The local Drive's control port, over one kept connection."""

    def __init__(self, drive):
        self.connection = http.client.HTTPConnection("127.0.0.1", drive.control_port, timeout=60)

    def ask(self, method, path, body=None):
        """The answer, parsed."""
        self.connection.request(method, path, None if body is None else json.dumps(body))
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Wrong("control port: %s" % content)
        return json.loads(content)


class Client:
    """tests/stress/client.c."""

    def __init__(self, program, drive):
        self.process = subprocess.Popen([program, drive.url, drive.ca, drive.key], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        """Carry out one command; what was answered behind "ok"."""
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise Wrong("%s: %s" % (" ".join(words), answer or "the client died"))
        return answer[3:]

    def close(self):
        """Its end; the exit status must be 0 (a sanitizer's report is not)."""
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            raise Wrong("the client ended with status %d" % self.process.returncode)


class Run:
    """Sequences against one local Drive."""

    def __init__(self, drive, program, base):
        self.drive, self.control, self.client = drive, Control(drive), Client(program, drive)
        self.folder, self.count, self.met = None, 0, collections.Counter()
        self.bodies = []
        for size in SIZES:
            data = random.Random(size).randbytes(size)
            path = os.path.join(base, "body-%d" % size)
            with open(path, "wb") as file:
                file.write(data)
            self.bodies.append((path, size, hashlib.md5(data).hexdigest()))

    def one(self, seed):
        """One sequence. Raises Wrong."""
        rng = random.Random(seed)
        if self.count % PER_FOLDER == 0:
            self.folder = self.drive.new_folder()
        self.count += 1
        operation, name = rng.choice(OPERATIONS), "f%d" % self.count
        prepared = self._prepare(operation, name, rng)
        kinds = self._arm(rng)
        try:
            wanted = self._carry_out(operation, name, prepared, rng)
        finally:
            self._disarm(kinds)
        self._compare(name, wanted)

    def _prepare(self, operation, name, rng):
        """What must be there before, made without faults: its id."""
        if operation in ("create", "mkdir"):
            return "=" + self.client.tell("reserve") if rng.random() < 0.5 else "-"
        return self.client.tell("upload", self.folder, name, self.bodies[2][0], "-")

    def _arm(self, rng):
        kinds = []
        for _ in range(rng.randint(1, 4)):
            kind = rng.choice(sorted(FAULTS) + sorted(SWITCHES))
            if kind in kinds and (kind in ONCE or kind in SWITCHES):
                continue
            kinds.append(kind)
            if kind in SWITCHES:
                self.control.ask("POST", "/switches", SWITCHES[kind])
            else:
                self.control.ask("POST", "/faults", {"path": API, "nth": rng.randint(1, 4), **FAULTS[kind]})
        return kinds

    def _disarm(self, kinds):
        for kind, fault in zip([k for k in kinds if k in FAULTS], self.control.ask("GET", "/faults")):
            self.met[kind] += fault["hits"]
        self.control.ask("DELETE", "/faults")
        for kind in set(kinds) & set(SWITCHES):
            self.met[kind] += 1
            self.control.ask("POST", "/switches", {key: None for key in SWITCHES[kind]})

    def _carry_out(self, operation, name, prepared, rng):
        """Returns what Drive must say of the file: some of its members."""
        here = {"name": name, "parents": [self.folder], "trashed": False}
        if operation in ("create", "replace"):
            path, size, md5 = self.bodies[rng.randrange(len(self.bodies))]
            found = self.client.tell("upload", self.folder, name, path, prepared)
            return {**here, "id": found, "size": str(size), "md5Checksum": md5}
        if operation == "mkdir":
            found = self.client.tell("mkdir", self.folder, name)
            return {**here, "id": found, "mimeType": "application/vnd.google-apps.folder"}
        same = {"id": prepared, "size": str(self.bodies[2][1]), "md5Checksum": self.bodies[2][2]}
        if operation == "trash":
            self.client.tell("trash", prepared)
            return {**here, **same, "trashed": True}
        if operation == "rename":
            self.client.tell("rename", prepared, name + "-new")
            return {**here, **same, "name": name + "-new"}
        other = self.control.ask("POST", "/folder", {"name": name + "-other", "parent": self.folder})["id"]
        self.client.tell("move", prepared, self.folder, other, name)
        return {**same, "name": name, "parents": [other], "trashed": False}

    def _compare(self, name, wanted):
        found = [file for file in self.control.ask("GET", "/state?folder=" + self.folder)
                 if file["name"] in (name, name + "-new")]
        if len(found) != 1:
            raise Wrong("%d files instead of one: %s" % (len(found), json.dumps(found)))
        differing = {key: (found[0].get(key), value) for key, value in wanted.items() if found[0].get(key) != value}
        if differing:
            raise Wrong("(found, wanted): %s" % differing)


def work(number, program, seeds, answers):
    """A process of its own: one Drive, one client, every seed of its share."""
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    base = tempfile.mkdtemp(prefix="drivefs-stress-", dir=fast)
    seed = None
    try:
        with LocalDrive(state=os.path.join(base, "drive")) as drive:
            run = Run(drive, program, base)
            for seed in seeds:
                run.one(seed)
            figures = run.client.tell("stats").split()
            run.client.close()
        answers.put((number, None, run.count, int(figures[0]), int(figures[1]), dict(run.met)))
    except (Wrong, OSError, ValueError) as error:
        answers.put((number, "SEED=%s: %s" % (seed, error), 0, 0, 0, {}))
    finally:
        shutil.rmtree(base, ignore_errors=True)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("count", type=int, nargs="?", default=300)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    first = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    print("seeds %d to %d: SEED=%d repeats them" % (first, first + options.count - 1, first), flush=True)
    begin, answers = time.monotonic(), multiprocessing.Queue()
    shares = [range(first + job, first + options.count, options.jobs) for job in range(options.jobs)]
    workers = [multiprocessing.Process(target=work, args=(number, options.program, share, answers))
               for number, share in enumerate(shares)]
    for worker in workers:
        worker.start()
    results = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    wrong = [result[1] for result in results if result[1]]
    met = sum((collections.Counter(result[5]) for result in results), collections.Counter())
    print("%d sequences, %d requests, %d of them again, %d faults met (%s), %.0f s" % (
        sum(r[2] for r in results), sum(r[3] for r in results), sum(r[4] for r in results), sum(met.values()),
        ", ".join("%s %d" % pair for pair in sorted(met.items())), time.monotonic() - begin))
    for text in wrong:
        print("WRONG " + text)
    print("%d passed, %d failed" % (not wrong, len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
