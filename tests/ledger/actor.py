# SPDX-License-Identifier: MIT
"""Somebody at Google's own interface: edits, moves, trashes and restores what the mounts have saved.

A plain client of the API, without the mount's code. It acts on what it finds, not on tmp files and
logs: those have one writer, who is then told what is lost.
"""
import http.client
import random
import threading

from emulator.client import FOLDER, Client
from ledger.book import Book
from ledger.content import record

FILES = "/drive/v3/files"
BROKEN = (http.client.HTTPException, OSError)


class Actor(threading.Thread):
    """Runs until stop()."""

    def __init__(self, drive, folder, seed, book):
        super().__init__(daemon=True)
        self.drive, self.folder, self.random, self.book = drive, folder, random.Random("google %s" % seed), Book(book, "google")
        self.client, self.ended, self.number, self.error = Client(drive, key=drive.new_key()), threading.Event(), 0, None
        self.away = drive.new_folder("elsewhere")
        self.box = self.client.create("box", folder, mimeType=FOLDER).json["id"]

    def run(self):
        while not self.ended.wait(self.random.uniform(0.05, 0.4)):
            try:
                self._one()
            except BROKEN + (ValueError,):  # a broken connection, or a flipped bit in JSON
                self.client.close()

    def stop(self):
        """No more acts; what is away comes back."""
        self.ended.set()
        if self.is_alive():
            self.join()
        for file in self._list(self.away):
            self._change("move", file, {}, addParents=self.folder, removeParents=self.away)
        self._change("restore", {"id": self.box, "name": "box"}, {"trashed": False})
        self.client.close()

    def _list(self, folder, trashed="false"):
        """Children that it may touch."""
        answer = self.client.list("'%s' in parents and trashed = %s" % (folder, trashed), pageSize=1000,
                                  fields="files(id,name,trashed,mimeType)")
        if answer.status != 200:
            return []
        return [file for file in answer.json["files"]
                if file["mimeType"] != FOLDER and not file["name"].endswith((".log", ".tmp"))]

    def _one(self):
        act = self.random.choice(("edit", "edit", "trash", "restore", "move", "back", "box", "box back"))
        if act == "box":
            self._change("trash", {"id": self.box, "name": "box"}, {"trashed": True})
        elif act == "box back":
            self._change("restore", {"id": self.box, "name": "box"}, {"trashed": False})
        else:
            folder = self.away if act == "back" else self.random.choice((self.folder, self.folder, self.box))
            files = self._list(folder, "true" if act == "restore" else "false")
            if files:
                getattr(self, "_" + act)(self.random.choice(sorted(files, key=lambda f: f["name"])), folder)

    def _edit(self, file, _):
        self.number += 1
        tag = "google-%d" % self.number
        act = self.book.begin("edit", file=file["id"], name=file["name"], tag=tag)
        answer = self.client.upload(record(tag, self.random.choice((150, 5000, 70_000))), file_id=file["id"])
        self.book.end(act, 0 if answer.status == 200 else answer.status)

    def _trash(self, file, _):
        self._change("trash", file, {"trashed": True})

    def _restore(self, file, _):
        self._change("restore", file, {"trashed": False})

    def _move(self, file, folder):
        self._change("move", file, {}, addParents=self.away, removeParents=folder)

    def _back(self, file, _):
        self._change("move", file, {}, addParents=self.folder, removeParents=self.away)

    def _change(self, op, file, body, **params):
        act = self.book.begin(op, file=file["id"], name=file["name"])
        answer = self.client.call("PATCH", FILES + "/" + file["id"], body, fields="id", **params)
        self.book.end(act, 0 if answer.status == 200 else answer.status)
