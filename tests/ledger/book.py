# SPDX-License-Identifier: MIT
"""A ledger: what a process tried and what it was told, one JSON object a line, on local disk.

Each line is one write(2) of its own to a file opened with O_APPEND: it is there when the process is
killed at the next instruction. An act is two lines, {"id", "op", "t0", ...} before and
{"id", "end", "t1"} after it; one that has no second line never returned. Times are time.time(): all
actors and the local Drive run on this machine.
"""
import json
import os
import time


class Book:
    """Where one actor writes."""

    def __init__(self, path, who, mount=0):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.who, self.mount, self.count = who, mount, 0

    def begin(self, op, **more):
        """An act begins; its id."""
        self.count += 1
        act = "%s.%d.%d" % (self.who, os.getpid(), self.count)
        self._write({"id": act, "op": op, "who": self.who, "mount": self.mount, "t0": time.time(), **more})
        return act

    def end(self, act, error=0, **more):
        """It returned: error 0, or an errno."""
        self._write({"id": act, "end": error, "t1": time.time(), **more})

    def _write(self, line):
        os.write(self.descriptor, json.dumps(line).encode() + b"\n")


def read(folder):
    """All acts of all books: list of dicts. "end" is missing where it never returned."""
    acts = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".book"):
            with open(os.path.join(folder, name), "rb") as file:
                for line in file.read().split(b"\n"):
                    if line:
                        one = json.loads(line)
                        acts.setdefault(one["id"], {}).update(one)
    return [act for act in acts.values() if "op" in act]
