# SPDX-License-Identifier: MIT
"""Everything the local Drive knows, in memory and in a folder that survives kill -9.

log.jsonl   one transaction a line: a list of records, written by one write(2); replayed and
            compacted at start. A torn last line is dropped: its answer was never sent.
content/    one file per revision's bytes
sessions/   one file per unfinished upload: its length is what has been received
Records hold whole objects, never differences: a reader may keep an old one without a lock.
"""
import json
import os
import random
import string
import threading
import time

ALPHABET = string.ascii_letters + string.digits + "-_"
FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
NATIVE = "application/vnd.google-apps."
TABLES = ("account", "drive", "file", "session", "token", "issued", "gone", "meta")


_chance = random.SystemRandom()


def seed(text):
    """From here on, every id and secret follows from this text."""
    global _chance  # pylint: disable=global-statement  # one Drive a process, one source of chance
    _chance = random.Random(text)


def new_id(prefix="1", length=33):
    """A random id that looks like one of Drive's."""
    return prefix + new_secret(length - len(prefix))


def new_secret(length):
    """So many random letters and digits, for tokens and sessions."""
    return "".join(_chance.choices(ALPHABET, k=length))


def new_number(digits):
    """A random decimal number of so many digits."""
    return "".join(_chance.choices("0123456789", k=digits))


class Store:
    """The tables, by name: store.files[id], store.accounts[email], ...; changed by commit()."""

    def __init__(self, root, switches):
        self.root, self.switches = root, switches
        self.lock = threading.RLock()
        self.tables = {name: {} for name in TABLES}
        self.accounts, self.drives = self.tables["account"], self.tables["drive"]
        self.files, self.sessions = self.tables["file"], self.tables["session"]
        self.tokens, self.issued = self.tables["token"], self.tables["issued"]
        self.gone, self.meta = self.tables["gone"], self.tables["meta"]
        self.children = {}              # parent id -> {file id: None}, oldest first
        self.changes = []               # {"time", "file" | "drive", "removed", "seen_by"?}
        self._last_ms = 0
        for name in ("content", "sessions", "keys"):
            os.makedirs(os.path.join(root, name), mode=0o700, exist_ok=True)
        self._path = os.path.join(root, "log.jsonl")
        self._replay()
        self._compact()
        self._sweep()
        self._log = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC,
                            0o600)

    # -- time ---------------------------------------------------------------------------

    def seconds(self):
        """The server's clock, with its skew."""
        return time.time() + self.switches.clock_skew_s

    def tick(self):
        """Now in milliseconds, never the same twice: times order what happened."""
        with self.lock:
            self._last_ms = max(self._last_ms + 1, int(self.seconds() * 1000))
            return self._last_ms

    def now_ms(self):
        """Now in milliseconds."""
        return int(self.seconds() * 1000)

    # -- transactions -------------------------------------------------------------------

    def put(self, table, key, value):
        """A record: set one object."""
        return [table, key, value]

    def drop(self, table, key):
        """A record: remove one object."""
        return [table, key, None]

    def change(self, file_id, removed=False, seen_by=None, drive=None):
        """A record: an entry of the change feed."""
        entry = {"time": self.now_ms(), "file": file_id, "removed": removed}
        if seen_by is not None:
            entry["seen_by"] = sorted(seen_by)
        if drive:
            entry["drive"] = drive
        return ["change", None, entry]

    def save_file(self, record):
        """Write one file and its entry in the change feed; returns the record."""
        record["version"] = record.get("version", 0) + 1
        self.commit(self.put("file", record["id"], record), self.change(record["id"]))
        return record

    def commit(self, *records):
        """Apply records and make them outlive the process, as one."""
        with self.lock:
            line = json.dumps(records, separators=(",", ":")) + "\n"
            os.write(self._log, line.encode())
            for record in records:
                self._apply(*record)

    def _apply(self, table, key, value):
        if table == "change":
            self.changes.append(value)
            return
        if table == "file":
            self._reparent(key, value)
        if value is None:
            self.tables[table].pop(key, None)
        else:
            self.tables[table][key] = value

    def _reparent(self, key, value):
        before, after = parents_of(self.files.get(key)), parents_of(value)
        for parent in before:
            if parent not in after:
                self.children.get(parent, {}).pop(key, None)
        if value is None:
            self.children.pop(key, None)
        for parent in after:
            self.children.setdefault(parent, {})[key] = None

    # -- start --------------------------------------------------------------------------

    def _replay(self):
        try:
            with open(self._path, encoding="utf-8") as log:
                for line in log:
                    try:
                        records = json.loads(line)
                    except ValueError:
                        break
                    for record in records:
                        self._apply(*record)
        except FileNotFoundError:
            pass
        moments = [record["modified"] for record in self.files.values()]
        self._last_ms = max(moments, default=0) if max(moments, default=0) <= self.now_ms() else 0

    def _compact(self):
        with open(self._path + ".new", "w", encoding="utf-8") as log:
            for table in TABLES:
                for key, value in self.tables[table].items():
                    log.write(json.dumps([[table, key, value]], separators=(",", ":")) + "\n")
            for entry in self.changes:
                log.write(json.dumps([["change", None, entry]], separators=(",", ":")) + "\n")
        os.chmod(self._path + ".new", 0o600)
        os.rename(self._path + ".new", self._path)

    def _sweep(self):
        used = {revision["blob"] for record in self.files.values()
                for revision in record.get("revisions", ())}
        for name in os.listdir(os.path.join(self.root, "content")):
            if name not in used:
                os.unlink(self.content_path(name))
        for name in os.listdir(os.path.join(self.root, "sessions")):
            if name not in self.sessions:
                os.unlink(self.session_path(name))

    # -- bytes --------------------------------------------------------------------------

    def content_path(self, blob):
        """Where a revision's bytes are."""
        return os.path.join(self.root, "content", blob)

    def session_path(self, session_id):
        """Where an unfinished upload's bytes are."""
        return os.path.join(self.root, "sessions", session_id)

    def new_blob(self):
        """A name for bytes that arrive."""
        return new_secret(24)

    def remove_blob(self, blob):
        """Forget bytes; those who read them now still can."""
        try:
            os.unlink(self.content_path(blob))
        except FileNotFoundError:
            pass

    # -- tree ---------------------------------------------------------------------------

    def ancestors(self, record):
        """The file itself, its (first) parent, and so on up."""
        while record is not None:
            yield record
            parent = record["parent"]
            record = self.files.get(parent) if parent else None

    def trashed(self, record):
        """Is it in the trash, or every folder it is in?"""
        above = [self.files[one] for one in parents_of(record) if one in self.files]
        return bool(record.get("trashed")) or bool(above) and all(map(self.trashed, above))

    def subtree(self, file_id):
        """Ids below a folder, itself first."""
        pending = [file_id]
        while pending:
            here = pending.pop()
            yield here
            pending.extend(self.children.get(here, ()))


def parents_of(record):
    """Ids of the folders a file is in: one, but for what several_parents has made."""
    if record is None or record["parent"] is None:
        return []
    return [record["parent"], *record.get("more_parents", ())]


def head_of(record):
    """A file's newest revision, or None for what has no content."""
    revisions = record.get("revisions")
    return revisions[-1] if revisions else None


def is_blob(record):
    """Has the file bytes of its own?"""
    return not record["mimeType"].startswith(NATIVE)
