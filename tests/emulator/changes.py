# SPDX-License-Identifier: MIT
"""The change feed: start tokens and pages, of everything an account sees or of one shared drive."""
from . import errors, fields
from .drives import drive_resource
from .times import format_time

DRIVE_BASE = 1_000_000_000          # a drive's tokens are not the user's tokens
AGE_BASE = 1_000_000                # nor are those from before they were forgotten
DEFAULT = {"kind": None, "nextPageToken": None, "newStartPageToken": None, "changes": {
    "kind": None, "removed": None, "fileId": None, "time": None, "type": None, "changeType": None,
    "driveId": None, "drive": {"kind": None, "id": None, "name": None},
    "file": dict.fromkeys(("kind", "id", "name", "mimeType", "resourceKey"))}}


def forget_tokens(store):
    """From now on, no token that was ever given is known."""
    age = store.meta.get("changes", {"age": 0})["age"] + 1
    store.commit(store.put("meta", "changes", {"age": age}))


def _base(call):
    first = 1 + AGE_BASE * call.store.meta.get("changes", {"age": 0})["age"]
    drive_id = call.get("driveId") or call.get("teamDriveId")
    if not drive_id:
        return first, None
    drive = call.store.drives.get(drive_id)
    if drive is None or call.account["email"] not in drive["members"]:
        raise errors.DriveError(404, "notFound", "Shared drive not found: %s" % drive_id,
                                location=("driveId", "parameter"))
    if not call.all_drives:
        raise errors.DriveError(403, "teamDrivesNotSupported", (
            "The attempted action requires shared drive support."))
    return first + DRIVE_BASE * drive["index"], drive_id


def _visible_end(call):
    """How many entries are old enough to be seen."""
    entries, lag = call.store.changes, call.switches.changes_lag_s
    end = len(entries)
    if lag:
        limit = call.store.now_ms() - lag * 1000
        while end and entries[end - 1]["time"] > limit:
            end -= 1
    return end


def start_page_token(call):
    """changes.getStartPageToken."""
    base, _ = _base(call)
    tree = call.tree("StartPageToken")
    return call.ok(fields.apply(tree, {"kind": "drive#startPageToken",
                                       "startPageToken": str(base + _visible_end(call))}))


def _position(call, base):
    token = call.get("pageToken")
    known = token.isdigit() and base <= int(token) <= base + len(call.store.changes)
    if not known:
        if call.switches.page_token_410:
            raise errors.DriveError(410, "deleted", "The page token is no longer valid.")
        raise errors.invalid("pageToken")
    return int(token) - base


def list_changes(call):
    """changes.list: entries oldest first, each with the file as it is now."""
    base, drive_id = _base(call)
    tree, size = call.tree("ChangeList", DEFAULT), call.page_size(100, 1000)
    with call.store.lock:
        at, end = _position(call, base), _visible_end(call)
        stop = min(max(end, at), at + size)
        answer = {"kind": "drive#changeList", "changes": _entries(call, tree, at, stop, drive_id)}
    more = stop < end
    answer["nextPageToken" if more else "newStartPageToken"] = str(base + stop)
    return call.ok({name: value for name, value in answer.items() if fields.wants(tree, name)})


def _entries(call, tree, at, stop, drive_id):
    below = fields.below(tree, "changes") if fields.wants(tree, "changes") else {}
    below = {"*": None} if below is None else below
    last = {}                            # an id's last entry on this page speaks for all
    for number in range(at, stop):
        entry = call.store.changes[number]
        key = entry["file"] or "drive:" + entry["drive"]
        last[number if call.switches.changes_repeat else key] = number
    found = (_entry(call, below, call.store.changes[number], drive_id)
             for number in sorted(last.values()))
    return [entry for entry in found if entry is not None]


def _entry(call, below, entry, drive_id):
    if entry["file"] is None:
        return _drive_entry(call, below, entry, drive_id)
    record = call.store.files.get(entry["file"])
    where = record.get("driveId") if record else entry.get("drive")
    if drive_id and where != drive_id:
        return None
    if where and not (call.all_drives and (call.get("includeItemsFromAllDrives") or
                                           call.get("includeTeamDriveItems"))):
        return None
    if where and call.get("restrictToMyDrive"):
        return None
    gone = record is None or not call.view.rights.rank(record)
    if gone and (call.account["email"] not in entry.get("seen_by", ()) or
                 call.get("includeRemoved") is False):
        return None
    if not gone and entry["removed"]:
        return None
    out = {"kind": "drive#change", "type": "file", "changeType": "file", "removed": gone,
           "fileId": entry["file"], "time": format_time(entry["time"])}
    out = {name: value for name, value in out.items() if fields.wants(below, name)}
    if not gone and fields.wants(below, "file"):
        out["file"] = call.view.file(record, fields.below(below, "file") or {"*": None})
    return out


def _drive_entry(call, below, entry, drive_id):
    drive = call.store.drives.get(entry["drive"])
    if drive_id or not call.all_drives or call.account["email"] not in entry["seen_by"]:
        return None
    gone = drive is None or call.account["email"] not in drive["members"]
    out = {"kind": "drive#change", "type": "drive", "changeType": "drive", "removed": gone,
           "driveId": entry["drive"], "time": format_time(entry["time"])}
    if not gone:
        out["drive"] = drive_resource(call, drive)
    return fields.apply(below, out)
