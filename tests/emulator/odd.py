# SPDX-License-Identifier: MIT
"""A zoo: everything a folder of Drive may hold that no filesystem expects, and folders full of files."""
import random

from . import files, media
from .store import FOLDER, NATIVE, SHORTCUT, new_id

NAMES = [
    "a/b", "/", "//", ".", "..", "x" * 300, "\u00e9" * 200, "nul\0byte", "line\nfeed", "tab\there",
    "bell\a", "escape\x1b[31m", "delete\x7f", " leading and trailing ", "back\\slash", "100%", "%2F",
    "*?[x]", "-rf", "\u202eright to left", "zero\u200bwidth", "\ufeffbom", "\ufffd", "\ufffe",
    "e\u0301", "\u00e9", "\U0001f600", "\U0010ffff", "con", "trailing.", "~", "saved_model",
]


def bytes_of(name, size):
    """What fill() puts into a file of that name."""
    return random.Random(name).randbytes(size)


class Zoo:
    """Fills one folder, as its owner or the shared drive would have."""

    def __init__(self, world, folder):
        self.world, self.store, self.folder = world, world.store, folder
        self.made = []

    def put(self, name, mime_type=files.OCTETS, content=None, parent=None, **more):
        """One item; `content` for what has bytes. Returns its id."""
        store = self.store
        with store.lock:
            above, now = store.files[parent or self.folder], store.tick()
            record = {"id": new_id(), "name": name, "mimeType": mime_type, "parent": above["id"],
                      "driveId": above.get("driveId"), "owner": above.get("owner"), "created": now,
                      "modified": now, "names": [[now, name]], **more}
            if content is not None:
                record["revisions"] = [self._revision(record, content, now)]
            store.save_file(record)
        self.made.append({"id": record["id"], "name": name, "mimeType": mime_type})
        return record["id"]

    def _revision(self, record, content, now):
        blob = self.store.new_blob()
        sink = media.Sink(self.store.content_path(blob))
        sink.write(content)
        sink.close()
        return {"id": new_id("0B", 44), "mimeType": record["mimeType"], "modified": now, "by": None,
                "keepForever": False, "originalFilename": record["name"], "blob": blob,
                **sink.digests()}

    def shortcut(self, name, target, target_type, parent=None):
        """A shortcut, also to what is not there."""
        return self.put(name, SHORTCUT, parent=parent,
                        shortcut={"targetId": target, "targetMimeType": target_type})

    def fill(self, count, name="file %d", size=0):
        """Many plain files; what is in them follows from their names (see bytes_of)."""
        for number in range(count):
            self.put(name % number, content=bytes_of(name % number, size))
        return self.made

    def everything(self):
        """Odd names, duplicates, documents, shortcuts good and bad, an empty file."""
        for name in NAMES:
            self.put(name, content=name.encode())
        for number in range(3):
            self.put("duplicate", content=b"%d" % number)
        inner = self.put("folder/inner", FOLDER)
        self.put("deep", content=b"deep", parent=inner)
        for kind in ("document", "spreadsheet", "presentation", "form", "drawing", "map", "site"):
            self.put("a " + kind, NATIVE + kind)
        real = self.put("empty", content=b"")
        self.shortcut("to a file", real, files.OCTETS)
        self.shortcut("to a folder", inner, FOLDER)
        self.shortcut("dangling", new_id(), files.OCTETS)
        self.shortcut("dangling folder", new_id(), FOLDER)
        self.shortcut("loop", self.folder, FOLDER)
        self.shortcut("loop inside", inner, FOLDER, parent=inner)
        return self.made
