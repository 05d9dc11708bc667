# SPDX-License-Identifier: MIT
"""Count what a mount asked of the local Drive: requests are the promise, seconds are not."""
import contextlib


class Count:
    """The requests between two moments, looks at the change feed and for tokens left out."""

    def __init__(self):
        self.requests = []

    def __len__(self):
        return len(self.requests)

    def lines(self):
        """For messages."""
        return ["%(method)s %(path)s?%(query)s %(range)s %(status)s" % request for request in self.requests]

    def media(self):
        """Downloads of file contents."""
        return [r for r in self.requests if r["method"] == "GET" and "alt=media" in r["query"]]

    def uploads(self):
        """Requests that carry file contents."""
        return [r for r in self.requests if r["path"].startswith("/upload/") and r["method"] in ("PUT", "PATCH", "POST")]


@contextlib.contextmanager
def counted(drive):
    """with counted(drive) as count: ...; afterwards count holds the requests of the block."""
    count = Count()
    drive.reset_log()
    yield count
    count.requests = [r for r in drive.log()
                      if not r["path"].startswith("/drive/v3/changes") and r["path"] != "/token"]
