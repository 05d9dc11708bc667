# SPDX-License-Identifier: MIT
"""files.list: the query, who sees what, order, pages."""
import json
import re
import threading

from . import errors, fields, query, rights
from .store import FOLDER, new_secret, parents_of

ORDER_KEYS = {"createdTime", "folder", "modifiedByMeTime", "modifiedTime", "name", "name_natural",
              "quotaBytesUsed", "recency", "sharedWithMeTime", "starred", "viewedByMeTime"}
MAX_PAGES = 4096


class Pages:
    """Listings that have been begun: page token -> what is left. Gone with the process."""

    def __init__(self):
        self._lock = threading.Lock()
        self._pages = {}

    def keep(self, request_key, ids, end=""):
        """A token for the rest of a listing."""
        token = "~!!~" + new_secret(80) + end
        with self._lock:
            if len(self._pages) >= MAX_PAGES:
                self._pages.pop(next(iter(self._pages)))
            self._pages[token] = (request_key, ids)
        return token

    def find(self, token, request_key):
        """The rest of a listing; 400 for an unknown token or another query's."""
        with self._lock:
            key, ids = self._pages.get(token, (None, None))
        if ids is None or key != request_key:
            raise errors.invalid("pageToken")
        return ids


class Subject:
    """A file as the query sees it."""

    def __init__(self, call, record, lagging):
        self.call, self.record, self.lagging = call, record, lagging

    def value(self, field):
        """The value of a query field."""
        record, view = self.record, self.call.view
        if field in ("name", "fullText"):
            return self._name()
        if field == "mimeType":
            return record["mimeType"]
        if field in ("modifiedTime", "createdTime"):
            return record[field[:-4]]
        if field == "viewedByMeTime":
            return record.get("viewed", {}).get(view.account["email"])
        if field == "trashed":
            return self.call.store.trashed(record)
        if field == "starred":
            return view.account["email"] in record.get("starred", ())
        if field == "sharedWithMe":
            return any(p.get("email") == view.account["email"]
                       for p in record.get("permissions", ()))
        if field == "sharedWithMeTime":
            return record.get("sharedTime") if self.value("sharedWithMe") else None
        if field == "visibility":
            anyone = any(p["type"] == "anyone" for p in record.get("permissions", ()))
            return "anyoneWithLink" if anyone else "limited"
        return record.get("shortcut", {}).get("targetId")

    def _name(self):
        """The name as the search index has it: it may lag behind."""
        if not self.lagging:
            return self.record["name"]
        names = [name for when, name in self.record.get("names", ()) if when <= self.lagging]
        return names[-1] if names else None

    def has(self, field, key):
        """The value of a property."""
        return (self.record.get(field) or {}).get(key)

    def isin(self, collection, value):
        """'value' in collection."""
        record = self.record
        if collection == "parents":
            return value in parents_of(record)
        if collection == "owners":
            return record.get("owner") == value and not record.get("driveId")
        ranks = {"writers": 3, "readers": 1}[collection]
        roles = self.call.view.permissions(record) or ()
        return any(p.get("emailAddress") == value and _rank(p["role"]) >= ranks for p in roles)


def _rank(role):
    return rights.RANK[role]


def list_files(call):
    """files.list."""
    _check(call)
    tree = call.tree("FileList", {"kind": None, "nextPageToken": None, "incompleteSearch": None,
                                  "files": dict.fromkeys(
                                      ("kind", "id", "name", "mimeType", "resourceKey"))})
    size = call.page_size(100, 1000)
    key = json.dumps([call.account["email"]] + [call.get(name) for name in (
        "q", "orderBy", "corpora", "driveId", "spaces", "includeItemsFromAllDrives")])
    token = call.get("pageToken")
    if token and call.switches.expire_page_tokens:
        raise errors.invalid("pageToken")
    with call.store.lock:
        ids = call.drive.pages.find(token, key) if token else _search(call)
        return call.ok(_page(call, tree, key, ids, size, token))


def _page(call, tree, key, ids, size, token):
    hollow = call.switches.empty_pages and not (token or "").endswith(".")
    here, rest = ([], ids) if hollow else (ids[:size], ids[size:])
    incomplete = call.switches.incomplete_search
    if incomplete and not rest:
        here = here[:-1]
    answer = {"kind": "drive#fileList", "incompleteSearch": incomplete, "files": []}
    if rest:
        answer["nextPageToken"] = call.drive.pages.keep(key, rest, "." if hollow else "")
    if fields.wants(tree, "files"):
        below = fields.below(tree, "files") or {"*": None}
        files = call.store.files
        answer["files"] = [call.view.file(files[one], below) for one in here if one in files]
    answer = {name: value for name, value in answer.items() if fields.wants(tree, name)}
    if call.switches.padding_mib:
        answer["padding"] = [1] * (int(call.switches.padding_mib) << 19)
    return answer


def _check(call):
    corpora, drive_id = call.get("corpora"), call.get("driveId")
    if corpora not in (None, "user", "domain", "drive", "allDrives"):
        raise errors.invalid("corpora")
    if (corpora == "drive") != bool(drive_id):
        raise errors.invalid("driveId" if corpora == "drive" else "corpora", (
            "The driveId parameter must be specified if and only if corpora is set to drive."),
            "invalidParameter")
    if corpora in ("drive", "allDrives") and not (_all(call) and call.all_drives):
        raise errors.DriveError(403, "teamDrivesNotSupported", (
            "The attempted action requires shared drive support."))
    if drive_id and call.account["email"] not in call.store.drives.get(
            drive_id, {"members": {}})["members"]:
        raise errors.DriveError(404, "notFound", "Shared drive not found: %s" % drive_id,
                                location=("driveId", "parameter"))
    for space in (call.get("spaces") or "drive").split(","):
        if space not in ("drive", "appDataFolder", "photos"):
            raise errors.invalid("spaces")


def _all(call):
    return call.get("includeItemsFromAllDrives") or call.get("includeTeamDriveItems") or False


def _search(call):
    text = call.get("q")
    tree = query.parse(text) if text and text.strip() else None
    order = _order(call.get("orderBy"))
    by_name = tree is not None and any(term[0] == "cmp" and term[1] in ("name", "fullText")
                                       for term in query.walk(tree))
    if order and tree and any(term[:2] == ("cmp", "fullText") for term in query.walk(tree)):
        raise errors.forbidden("badRequest", "Sorting is not supported for queries with fullText "
                                             "terms. Results are always in descending relevance "
                                             "order.")
    tree = _resolve(call, tree) if tree else None
    below = tree is not None and query.parents_of(tree) is not None
    found = [record for record in _candidates(call, tree)
             if _visible(call, record, below) and _matches(call, tree, record, by_name)]
    for name, descending in reversed(order):
        found.sort(key=lambda r, n=name: _sort_key(call, r, n), reverse=descending)
    return [record["id"] for record in found]


def _resolve(call, tree):
    """Put ids for `root`; 404 for parents that the account cannot see."""
    if tree[0] in ("and", "or"):
        return (tree[0], [_resolve(call, part) for part in tree[1]])
    if tree[0] == "not":
        return ("not", _resolve(call, tree[1]))
    if tree[0] == "in" and tree[1] == "parents":
        wanted = call.account["root"] if tree[2] == "root" else tree[2]
        record = call.store.files.get(wanted)
        if record is None or not call.view.rights.rank(record) or \
                (record.get("driveId") and not (call.all_drives and _all(call))):
            raise errors.DriveError(404, "notFound", "File not found: .",
                                    location=("fileId", "parameter"))
        return ("in", "parents", wanted)
    return tree


def _candidates(call, tree):
    store = call.store
    parents = query.parents_of(tree) if tree else None
    if parents is None:
        return [r for r in reversed(list(store.files.values())) if not r.get("root")]
    if len(parents) > 1 and call.switches.or_query_empty:
        return []
    found = [child for parent in parents for child in reversed(list(store.children.get(parent, ())))]
    return [store.files[child] for child in dict.fromkeys(found)]


def _visible(call, record, below):
    """below: asked for by folder, which also finds what one only has a link to."""
    drive_id, corpora = record.get("driveId"), call.get("corpora") or "user"
    if drive_id and not (_all(call) and call.all_drives):
        return False
    if corpora == "drive" and drive_id != call.get("driveId"):
        return False
    if drive_id and corpora == "user" and call.switches.user_corpus and not _known(call, record):
        return False
    lag = call.switches.parents_lag_s
    if lag and record["created"] > call.store.now_ms() - lag * 1000 and \
            (record.get("names") or [[0]])[0][0] > call.store.now_ms() - lag * 1000:
        return False
    rank = call.view.rights.rank(record)
    return rank >= rights.READ and (below or call.view.rights.listed(record))


def _known(call, record):
    """Is it in the account's own corpus: made, changed or looked at by it, or given to it? Who is
    no member of the shared drive sees nothing but what was given to him, and all below it."""
    email = call.account["email"]
    return (email not in call.store.drives[record["driveId"]]["members"] or
            email in record.get("modifiedBy", {}) or email in record.get("viewed", {}) or
            any(p.get("email") == email for p in record.get("permissions", ())))


def _matches(call, tree, record, by_name):
    if tree is None:
        return True
    lag = call.switches.list_lag_s if by_name else 0
    subject = Subject(call, record, call.store.now_ms() - lag * 1000 if lag else None)
    if lag and subject.value("name") is None:
        return False
    return query.matches(tree, subject)


def _order(text):
    order = []
    for part in (text or "").split(","):
        words = part.split()
        if not words:
            continue
        if words[0] not in ORDER_KEYS or words[1:] not in ([], ["desc"], ["asc"]):
            raise errors.invalid("orderBy")
        order.append((words[0], words[1:] == ["desc"]))
    return order


def _sort_key(call, record, name):
    email = call.account["email"]
    if name == "folder":
        return 0 if record["mimeType"] == FOLDER else 1
    if name == "name":
        return record["name"].lower()
    if name == "name_natural":
        parts = re.split(r"(\d+)", record["name"].lower())
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
    if name == "quotaBytesUsed":
        return sum(r["size"] for r in (record.get("revisions") or ())[-1:])
    if name == "starred":
        return email in record.get("starred", ())
    if name in ("createdTime", "modifiedTime", "recency"):
        return record["created" if name == "createdTime" else "modified"]
    member = {"modifiedByMeTime": "modifiedBy", "viewedByMeTime": "viewed"}.get(name)
    return record.get(member, {}).get(email, 0) if member else record.get("sharedTime", 0)
