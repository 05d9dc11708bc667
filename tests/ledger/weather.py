# SPDX-License-Identifier: MIT
"""How Drive fails while the test runs: one kind of weather after another, drawn from the seed."""
import random
import threading

API, UPLOAD, SESSION, LOOKS = "^/(upload/)?drive/v3", "^/upload/", "upload_id=", "^/drive/v3/"

# Each kind: faults that are added, switches that are set. All are taken back when it passes.
FAULTS = {
    "503": {"path": API, "status": 503, "count": 12},
    "500 after a while": {"path": UPLOAD, "status": 500, "nth": 3, "count": 6},
    "rate limit": {"path": API, "status": 403, "reason": "userRateLimitExceeded", "count": 15},
    "rate limit, short": {"path": API, "status": 403, "reason": "uploadLimitExceeded", "count": 6},
    "rate limit, info": {"path": API, "status": 429, "reason": "RATE_LIMIT_EXCEEDED", "count": 15},
    "401": {"path": API, "status": 401, "reason": "authError", "count": 1},
    "full": {"path": UPLOAD, "status": 403, "reason": "storageQuotaExceeded", "count": 0},
    "forbidden": {"path": UPLOAD, "status": 403, "reason": "insufficientFilePermissions", "count": 8},
    "not found": {"path": LOOKS + "files\\?", "status": 404, "reason": "notFound", "count": 2},
    "drop": {"path": API, "action": "drop", "count": 10},
    "lose": {"path": API, "action": "lose", "nth": 2, "count": 4},
    "lose uploads": {"path": UPLOAD, "action": "lose", "count": 3},
    "lose edits": {"path": "^/drive/v3/files/", "method": "PATCH", "action": "lose", "count": 3},
    "cut": {"path": API, "action": "cut", "count": 6},
    "cut uploads": {"path": UPLOAD, "action": "cut_request", "count": 4},
    "reset": {"path": API, "action": "reset", "count": 8},
    "stall uploads": {"path": UPLOAD, "action": "stall", "count": 4},
    "stall all": {"path": API, "action": "stall", "count": 10},
    "stall edits": {"path": "^/drive/v3/files/", "method": "PATCH", "action": "stall", "count": 3},
    "freeze": {"path": API, "action": "freeze", "count": 4},
    "crawl": {"path": UPLOAD, "action": "crawl", "rate": 60, "count": 4},
    "flipped bits": {"path": SESSION, "action": "corrupt_request", "count": 2},
    "flipped answers": {"path": API, "action": "corrupt", "count": 2},
    "sessions gone": {"path": SESSION, "status": 404, "count": 4},
}
SWITCHES = {
    "storm": {"storm_percent": 25}, "storm of losses": {"storm_percent": 20, "storm_kinds": "lose,reset,503"},
    "no checksums": {"md5_missing": True}, "late changes": {"changes_lag_s": 1}, "late listings": {"parents_lag_s": 2},
    "chunks in part": {"partial_chunk": 262144}, "chunks forgotten": {"forget_chunks": 1},
    "refused at the end": {"storage_refused": "end"}, "tokens end": {"token_uses": 5}, "one at a time": {"close_after": 1},
    "forgotten tokens": {},
}
KINDS = sorted(FAULTS) + sorted(SWITCHES) + ["fair"] * 12


class Weather(threading.Thread):
    """Runs until stop(). `seen` are the kinds that came."""

    def __init__(self, drive, seed):
        super().__init__(daemon=True)
        self.drive, self.random = drive, random.Random("weather %s" % seed)
        self.ended, self.seen = threading.Event(), []

    def run(self):
        while not self.ended.is_set():
            kind = self.random.choice(KINDS)
            self.seen.append(kind)
            self._begin(kind)
            self.ended.wait(self.random.uniform(0.1, 0.6))
            self._clear()

    def _begin(self, kind):
        if kind in FAULTS:
            self.drive.fault(**FAULTS[kind])
        elif kind == "forgotten tokens":
            self.drive.ask("POST", "/changes/forget")
        elif kind in SWITCHES:
            seed = {"storm_seed": self.random.randrange(1000)} if "storm" in kind else {}
            self.drive.switches(**SWITCHES[kind], **seed)

    def _clear(self):
        self.drive.clear_faults()
        self.drive.switches(**{name: None for switches in SWITCHES.values() for name in switches})

    def stop(self):
        """Fair weather from here on."""
        self.ended.set()
        if self.is_alive():
            self.join()
        self._clear()
