# SPDX-License-Identifier: MIT
"""What the emulator's own tests share: one local Drive, and a clean slate for each test."""
import atexit
import json
import unittest

from .client import Client
from .launch import LocalDrive

_shared = {}


def shared_drive():
    """The one local Drive of this test run."""
    if not _shared:
        drive = LocalDrive().start()
        client = Client(drive)
        atexit.register(drive.stop)
        atexit.register(client.close)
        drive.defaults = drive.switches()
        _shared.update(drive=drive, client=client)
    return _shared["drive"], _shared["client"]


class Case(unittest.TestCase):
    """self.drive and self.client; self.folder is fresh, faults and switches are off."""

    def setUp(self):
        self.drive, self.client = shared_drive()
        self.drive.clear_faults()
        self.drive.switches(**self.drive.defaults)
        self.drive.profile("none")
        self.folder = self.drive.folder = self.drive.new_folder()
        self.drive.reset_log()

    def account(self, **spec):
        """Another account: (client, what the control port says of it)."""
        made = json.loads(self.drive.ask("POST", "/account", spec))
        return self.client_for(made["token"]), made

    def client_for(self, token):
        """A client with a connection of its own, closed after the test."""
        client = Client(self.drive, token=token)
        self.addCleanup(client.close)
        return client

    def good(self, answer, status=200):
        """The answer's JSON; the test fails unless its status is right."""
        self.assertEqual(answer.status, status, answer.body[:600])
        return answer.json if answer.body else None

    def bad(self, answer, status, reason):
        """Check an error answer; returns its error object."""
        self.assertEqual((answer.status, answer.reason), (status, reason), answer.body)
        return answer.json["error"]

    def names(self, q, **params):
        """Names that a query below this test's folder finds, sorted."""
        q = "'%s' in parents" % self.folder + (" and (%s)" % q if q else "")
        files = self.good(self.client.list(q, **params))["files"]
        return sorted(file["name"] for file in files)
