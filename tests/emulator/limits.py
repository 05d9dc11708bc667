# SPDX-License-Identifier: MIT
"""How much an account may ask: quota units a minute, writes a second, bytes uploaded a day."""
import email.utils
import threading
import time

from . import errors
from .errors import QUOTA_TEXT

# Google's limits since 2026-05-01: units a minute of an account and of a project; the writes a
# second are older, and can sustain less than they bear for a moment.
ACCOUNT_UNITS, PROJECT_UNITS, WRITES, BURST = 325_000, 1_000_000, 3, 100
DAY = 86400


class Limits:
    """Buckets that fill with time; a request that finds too little gets Drive's error."""

    def __init__(self, switches, store):
        self.switches, self.store = switches, store
        self._lock = threading.Lock()
        self._buckets = {}

    def spend(self, account, route, units):
        """Take what a request costs, or raise Drive's rate limit error."""
        switches, who = self.switches, account["email"]
        google = switches.quota_2026
        own = switches.rate_limit_units or (ACCOUNT_UNITS if google else 0)
        project = switches.rate_limit_project_units or (PROJECT_UNITS if google else 0)
        writes = switches.rate_limit_writes or (WRITES if google else 0)
        burst = BURST if google and not switches.rate_limit_writes else switches.rate_limit_burst
        at_once = switches.rate_limit_units_burst
        with self._lock:
            if own:
                self._take((who, "units"), units, own / 60, at_once or own,
                           "userRateLimitExceeded", QUOTA_TEXT % " per user")
            if project:
                self._take("units", units, project / 60, at_once or project,
                           "rateLimitExceeded", QUOTA_TEXT % "")
            if writes and route.write:
                self._take((who, "writes"), 1, writes, max(1, burst), "userRateLimitExceeded")

    def reset(self):
        """Fill all buckets."""
        with self._lock:
            self._buckets = {}

    def _take(self, key, cost, rate, burst, reason, message=None):
        now = time.monotonic()
        level, then = self._buckets.get(key, (burst, now))
        level = min(burst, level + (now - then) * rate)
        if level < cost:
            self._buckets[key] = (level, now)
            status = int(self.switches.rate_limit_status)
            raise errors.made_to_order(status, reason if status == 403 else "rateLimitExceeded",
                                       message)
        self._buckets[key] = (level - cost, now)

    # -- bytes a day --------------------------------------------------------------------

    def _uploaded(self, account):
        day = int(self.store.seconds() // DAY)
        known = self.store.meta.get("uploaded:" + account["email"])
        return day, known["bytes"] if known and known["day"] == day else 0

    def check_upload(self, account, size=0):
        """403 with the message of a mere rate limit, when today's bytes are used up."""
        most = self.switches.daily_upload_bytes
        if most and self._uploaded(account)[1] + max(size, 1) > most:
            raise errors.made_to_order(403, "uploadLimitExceeded")

    def uploaded(self, account, size):
        """Records to commit with an upload: what has been sent today outlives a restart."""
        if not self.switches.daily_upload_bytes:
            return []
        day, before = self._uploaded(account)
        return [self.store.put("meta", "uploaded:" + account["email"],
                               {"day": day, "bytes": before + size})]


def retry_after(switches, error, now):
    """The Retry-After header of an error, in the form that the switches ask for."""
    limited = error.reason is None or "ateLimitExceeded" in error.reason or \
        error.status in (429, 503)
    if not switches.retry_after or not limited:
        return []
    if switches.retry_after_date:
        return [("Retry-After", email.utils.formatdate(now + switches.retry_after, usegmt=True))]
    return [("Retry-After", str(int(switches.retry_after)))]
