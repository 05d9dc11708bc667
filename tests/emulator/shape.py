# SPDX-License-Identifier: MIT
"""Latency and bandwidth: how long Drive takes, by kind of request. Waiting here is the purpose."""
import threading
import time

# Milliseconds until the first byte of the answer; Mbyte/s after that. 0 = no limit.
# "real": medians measured against Google Drive on a warm connection (drive_api.md, section 2);
# for writes only the order of magnitude is known.
PROFILES = {
    "none": {"latency_ms": {}, "connect_ms": 0, "down": 0, "up": 0, "total_down": 0, "total_up": 0},
    "real": {
        "latency_ms": {"token": 100, "list": 330, "get": 293, "media": 569, "range": 1348,
                       "write": 500, "chunk": 700, "upload": 900, "other": 293},
        "connect_ms": 50, "down": 160, "up": 60, "total_down": 400, "total_up": 200},
}
KINDS = ("token", "list", "get", "media", "range", "write", "chunk", "upload", "other")
MEGABYTE = 1000000


class Pipe:
    """A bandwidth limit shared by everything that passes through it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._free_at = 0.0

    def delay(self, count, rate):
        """Seconds until `count` bytes have passed at `rate` Mbyte/s."""
        if not rate:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count / (rate * MEGABYTE)
            return self._free_at - now


class Shape:
    """The profile in force; readers take a snapshot of it per request."""

    def __init__(self):
        self.profile = dict(PROFILES["none"], name="none")
        self.total_down, self.total_up = Pipe(), Pipe()

    def set(self, wanted):
        """Take a profile by name and/or explicit numbers; ValueError when it makes no sense."""
        name = wanted.get("name", "custom")
        if name not in PROFILES and name != "custom":
            raise ValueError("no such profile: %s" % name)
        profile = dict(PROFILES.get(name, PROFILES["none"]), name=name)
        for key, value in wanted.items():
            if key == "name":
                continue
            if key not in PROFILES["none"]:
                raise ValueError("no such number in a profile: %s" % key)
            if key == "latency_ms":
                value = _latencies(profile, value)
            profile[key] = value
        self.profile = profile
        return profile

    def wait_connect(self):
        """The cost of a new connection."""
        pause(self.profile["connect_ms"] / 1000)

    def wait(self, kind):
        """The server's time for one request."""
        pause(self.profile["latency_ms"].get(kind, 0) / 1000)

    def sender(self, send):
        """`send` with the bandwidth limits in force now."""
        profile, own = self.profile, Pipe()
        if not (profile["down"] or profile["total_down"]):
            return send

        def limited(data):
            view = memoryview(data)
            for start in range(0, len(view), 65536):
                part = view[start:start + 65536]
                pause(max(own.delay(len(part), profile["down"]),
                          self.total_down.delay(len(part), profile["total_down"])))
                send(part)
        return limited

    def receiver(self):
        """A function to call with each count of bytes received; None without a limit."""
        profile, own = self.profile, Pipe()
        if not (profile["up"] or profile["total_up"]):
            return None
        return lambda count: pause(max(own.delay(count, profile["up"]),
                                       self.total_up.delay(count, profile["total_up"])))


def _latencies(profile, value):
    if isinstance(value, (int, float)):
        return {kind: value for kind in KINDS}
    unknown = set(value) - set(KINDS)
    if unknown:
        raise ValueError("no such kind of request: %s" % ", ".join(sorted(unknown)))
    return {**profile["latency_ms"], **value}


def crawler(send, rate):
    """`send` at so many bytes a second, in tenths of a second or byte by byte."""
    piece = max(1, int(rate / 10))

    def slow(data):
        view = memoryview(data)
        for start in range(0, len(view), piece):
            pause(piece / rate)
            send(view[start:start + piece])
    return slow


def pause(seconds):
    """Let time pass: the one place that does."""
    if seconds > 0.0005:
        time.sleep(seconds)
