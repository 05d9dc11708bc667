# SPDX-License-Identifier: MIT
"""Scripted faults: which request is hit, and how."""
import os
import re
import select
import threading

ACTIONS = ("status", "drop", "stall", "cut", "lose", "cut_request", "corrupt", "corrupt_request",
           "reset", "freeze", "crawl")


class Fault:
    """Hits requests nth .. nth+count-1 (1-based, count 0 = for ever) of those that match."""

    def __init__(self, spec):
        unknown = set(spec) - {"method", "path", "nth", "count", "action", "status", "reason",
                               "message", "after", "rate"}
        if unknown:
            raise ValueError("no such member of a fault: %s" % ", ".join(sorted(unknown)))
        self.action = spec.get("action", "status")
        if self.action not in ACTIONS:
            raise ValueError("no such action: %s" % self.action)
        self.method = spec.get("method")
        self.path = re.compile(spec.get("path", ""))
        self.nth, self.count = int(spec.get("nth", 1)), int(spec.get("count", 1))
        self.status = int(spec.get("status", 503))
        self.reason, self.message = spec.get("reason"), spec.get("message")
        self.after = spec.get("after")       # cut, cut_request, reset, freeze: bytes that still pass
        self.rate = float(spec.get("rate", 1))       # crawl: bytes a second
        if self.rate <= 0:
            raise ValueError("a rate is more than 0")
        self.seen = self.hits = 0
        self.spec = spec

    def strikes(self, method, target):
        """Count a request; is it one to hit?"""
        if self.method not in (None, "*", method) or not self.path.search(target):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.count and self.seen >= self.nth + self.count):
            return False
        self.hits += 1
        return True


class Faults:
    """All faults in force, and the connections they hold up."""

    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []
        self._wake = os.pipe()

    def add(self, spec):
        """Add one; ValueError or re.error when it makes no sense."""
        fault = Fault(spec)
        with self._lock:
            self._faults.append(fault)

    def clear(self):
        """Remove all and let go of stalled requests."""
        with self._lock:
            self._faults = []
            old, self._wake = self._wake, os.pipe()
        for descriptor in old:      # stalled threads hold a copy of the read end: it reports hang-up
            os.close(descriptor)

    def all(self):
        """What is in force, with counts."""
        with self._lock:
            return [dict(f.spec, seen=f.seen, hits=f.hits) for f in self._faults]

    def match(self, method, target):
        """The first fault that hits this request. All of them count it."""
        with self._lock:
            struck = [fault for fault in self._faults if fault.strikes(method, target)]
        return struck[0] if struck else None

    def stall(self, sock):
        """Wait until the client gives up or the faults are cleared."""
        with self._lock:
            wake = os.dup(self._wake[0])
        try:
            poll = select.poll()
            poll.register(wake, select.POLLHUP)
            poll.register(sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
            poll.poll()
        finally:
            os.close(wake)
