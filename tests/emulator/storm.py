# SPDX-License-Identifier: MIT
"""Storms: a share of all requests meets a fault, and a seed decides which and what."""
import hashlib
import threading

from .faults import ACTIONS, Fault


class Storm:
    """The nth request to a method meets the same fate in every run with the same seed."""

    def __init__(self, switches):
        self.switches = switches
        self._lock = threading.Lock()
        self._counts = {}

    def reset(self):
        """Count from the beginning."""
        with self._lock:
            self._counts = {}

    def strike(self, name):
        """The fault that hits this request to the method `name`, or None."""
        if name is None or not self.switches.storm_percent:
            return None
        with self._lock:
            number = self._counts[name] = self._counts.get(name, 0) + 1
        text = "%s %s %d" % (self.switches.storm_seed, name, number)
        draw = hashlib.sha256(text.encode()).digest()
        if int.from_bytes(draw[:4], "big") >= self.switches.storm_percent / 100 * 2 ** 32:
            return None
        kinds = kinds_of(self.switches.storm_kinds)
        return _fault(kinds[draw[4] % len(kinds)])


def kinds_of(text):
    """The kinds of a storm; ValueError for what is none."""
    kinds = [word.strip() for word in text.split(",") if word.strip()]
    if not kinds or any(not one.isdigit() and one not in ACTIONS[1:] for one in kinds):
        raise ValueError("no such storm: %r" % text)
    return kinds


def _fault(kind):
    if not kind.isdigit():
        return Fault({"action": kind})
    return Fault({"status": int(kind),
                  "reason": "userRateLimitExceeded" if kind == "403" else None})
