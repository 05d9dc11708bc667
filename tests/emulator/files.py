# SPDX-License-Identifier: MIT
"""files.get, create, update, copy, delete, emptyTrash, generateIds, export."""
import fnmatch
import os

from . import errors, media, meta as metadata, rights
from .fields import apply
from .http1 import Response
from .store import FOLDER, NATIVE, SHORTCUT, head_of, is_blob, new_id, parents_of

OCTETS = "application/octet-stream"



def get(call):
    """files.get, with alt=media the bytes."""
    record = call.file(call.args[0])
    if call.get("alt") == "media":
        return download(call, record)
    if call.switches.version_bump:
        with call.store.lock:
            record = dict(call.store.files[record["id"]])
            record["version"] += 1
            call.store.commit(call.store.put("file", record["id"], record))
    return call.file_answer(record)


def download(call, record):
    """The head revision's bytes."""
    if not is_blob(record):
        raise errors.forbidden("fileNotDownloadable", (
            "Only files with binary content can be downloaded. Use Export with Docs Editors "
            "files."), "global")
    check_download(call, record)
    with call.store.lock:                    # the revision must not be purged before it is open
        record = call.store.files.get(record["id"], record)
        return media.download(call, head_of(record), record["mimeType"])


def check_download(call, record):
    """403 for bytes that this account may not have."""
    if not call.view.downloadable(record):
        raise errors.forbidden("cannotDownloadFile")
    pattern = call.switches.abusive
    if not pattern or not fnmatch.fnmatchcase(record["name"], pattern):
        return
    if not call.get("acknowledgeAbuse"):
        raise errors.forbidden("cannotDownloadAbusiveFile")
    if call.view.rights.rank(record) < rights.OWN:
        raise errors.forbidden("invalidAbuseAcknowledgment", (
            "Only the owner of the file, or an organizer of its shared drive, can acknowledge "
            "abuse."))


def export(call):
    """files.export: nothing here is a Docs Editors file with content."""
    call.params["supportsAllDrives"] = True       # the method has no such parameter
    record = call.file(call.args[0])
    if is_blob(record) or record["mimeType"] in (FOLDER, SHORTCUT):
        raise errors.forbidden("fileNotExportable", "Export only supports Docs Editors files.")
    return Response(200, b"", call.get("mimeType") or "text/plain")


def create(call):
    """files.create without content: a folder, a shortcut, or an empty file."""
    meta = call.json()
    draft = prepare_create(call, meta)
    return call.file_answer(finish_create(call, draft, None))


def prepare_create(call, meta, media_type=None):
    """Check all that can be checked before bytes arrive; returns a draft of the record."""
    metadata.check(meta, call.switches, creating=True)
    if media_type == FOLDER:
        raise errors.bad_request("Invalid MIME type provided for the uploaded content.",
                                 "badContent")
    mime_type = meta.get("mimeType") or ("shortcutDetails" in meta and SHORTCUT) or \
        media_type or OCTETS
    if meta.get("id"):
        metadata.check_id(call, meta["id"], mime_type)
    parent = metadata.parent_of(call, meta)
    record = {"id": meta.get("id") or new_id(), "name": "Untitled", "mimeType": mime_type,
              "parent": parent["id"], "driveId": parent.get("driveId")}
    record["owner"] = None if parent.get("driveId") else call.account["email"]
    record["app"] = call.app
    if meta.get("trashed"):
        raise errors.forbidden("fieldNotWritable", "A new file cannot be in the trash.")
    metadata.properties({}, meta.get("properties") or {})
    metadata.properties({}, meta.get("appProperties") or {})
    if mime_type == SHORTCUT:
        record["shortcut"] = _shortcut(call, meta)
    check_storage(call, record, 0)
    return {"record": record, "meta": meta, "keep": bool(call.get("keepRevisionForever"))}


def _shortcut(call, meta):
    target_id = (meta.get("shortcutDetails") or {}).get("targetId")
    if not target_id:
        raise errors.bad_request("A shortcut needs shortcutDetails.targetId.", "required")
    target = call.file(target_id)
    return {"targetId": target["id"], "targetMimeType": target["mimeType"]}


def check_storage(call, record, size):
    """Who sends the bytes may send them today, who owns them must have room for them."""
    if not record["mimeType"].startswith(NATIVE):
        call.drive.limits.check_upload(call.account, size)
    if record.get("driveId") or record["mimeType"] in (FOLDER, SHORTCUT):
        return
    owner = call.store.accounts[record["owner"]]
    limit = owner.get("limit")
    if limit == 0 and owner["kind"] == "sa":
        raise errors.no_storage()
    if limit is not None and usage(call.store, owner["email"]) + size > limit:
        raise errors.forbidden("storageQuotaExceeded")


def usage(store, email, trashed=None):
    """Bytes an account's files use: heads, and old revisions that are kept for ever."""
    total = 0
    for record in store.files.values():
        if record.get("owner") != email or not record.get("revisions"):
            continue
        if trashed is not None and store.trashed(record) != trashed:
            continue
        kept = [r["size"] for r in record["revisions"][:-1] if r.get("keepForever")]
        total += record["revisions"][-1]["size"] + sum(kept)
    return total


def empty_content(store):
    """The bytes of a file made without any: it has a size and digests all the same."""
    blob = store.new_blob()
    sink = media.Sink(store.content_path(blob))
    sink.close()
    return {"blob": blob, **sink.digests()}


def finish_create(call, draft, content, session=()):
    """Make the file, with its content, as one transaction."""
    store, meta = call.store, draft["meta"]
    if content is None and draft["record"]["mimeType"].startswith(NATIVE) is False:
        content = empty_content(store)
    with store.lock:
        record = dict(draft["record"])
        if record["id"] in store.files or record["id"] in store.gone:
            raise metadata.taken(call)
        metadata.parent_of(call, {"parents": [record["parent"]]})
        if content:
            check_storage(call, record, content["size"])
        now = store.tick()
        record["created"] = now
        metadata.put(call, record, {"name": "Untitled", **meta}, now)
        record["name"] = record["name"] or "Untitled"
        if content:
            add_revision(call, record, content, draft["keep"], now)
            session = [*session, *call.drive.limits.uploaded(call.account, content["size"])]
        return _save(store, record, session)


def _save(store, record, more):
    record["version"] = record.get("version", 0) + 1
    store.commit(store.put("file", record["id"], record), store.change(record["id"]), *more)
    return record


def add_revision(call, record, content, keep, now):
    """New content: a revision, the head; the oldest ones nobody kept vanish."""
    revisions = list(record.get("revisions") or ())
    if keep and sum(1 for r in revisions if r.get("keepForever")) >= call.switches.keep_forever_max:
        raise errors.forbidden("keepForeverLimitExceeded", (
            "The limit of revisions that are kept forever has been reached."))
    revisions.append({
        "id": new_id("0B", 44), "mimeType": record["mimeType"], "modified": now,
        "keepForever": bool(keep), "by": call.account["email"],
        "originalFilename": record.get("originalFilename") or record["name"], **content})
    loose = [r for r in revisions[:-1] if not r.get("keepForever")]
    for old in loose[:max(0, len(loose) - int(call.switches.revisions_keep))]:
        revisions.remove(old)
        call.store.remove_blob(old["blob"])
    record["revisions"] = revisions


def update(call):
    """files.update without content."""
    meta = call.json()
    draft = prepare_update(call, call.args[0], meta)
    return call.file_answer(finish_update(call, draft, None))


def prepare_update(call, file_id, meta, media_type=None):
    """Check what can be checked before bytes arrive."""
    record = call.file(file_id)
    metadata.check(meta, call.switches, creating=False)
    call.view.rights.need(record, rights.READ if set(meta) <= {"starred", "viewedByMeTime"} and
                          meta else rights.WRITE)
    if record.get("root") and set(meta) - {"starred"}:
        raise errors.no_permission()
    if "name" in meta:
        need_unlocked(call, record)
    if "trashed" in meta:
        call.view.rights.need(record, call.view.rights.trash_rank(record))
    for name in ("properties", "appProperties"):
        metadata.properties(record.get(name), meta.get(name) or {})
    moves = [(call.get(name) or "").split(",") for name in ("addParents", "removeParents")]
    add, remove = ([i for i in ids if i] for ids in moves)
    return {"file": record["id"], "meta": meta, "type": media_type, "add": add, "remove": remove,
            "keep": bool(call.get("keepRevisionForever"))}


def prepare_content(call, draft):
    """More checks for an update that carries bytes."""
    record = call.file(draft["file"])
    if not is_blob(record):
        raise errors.forbidden("fileNotDownloadable", "This type of file has no content.")
    need_unlocked(call, record)
    check_storage(call, record, 0)
    refuse_storage(call, "begin")


def need_unlocked(call, record):
    """403 for a file whose content and name nobody may change."""
    if call.view.locked(record):
        raise errors.forbidden("contentRestricted", "The content of this file is read-only.")


def refuse_storage(call, when):
    """storage_refused: no room for bytes, whatever `about` says."""
    if call.switches.storage_refused == when:
        raise errors.forbidden("storageQuotaExceeded")


def finish_update(call, draft, content, session=()):
    """Change the file as one transaction."""
    store, meta = call.store, draft["meta"]
    with store.lock:
        record = dict(call.file(draft["file"]))
        move(call, record, draft["add"], draft["remove"])
        now = store.tick()
        new_type = meta.get("mimeType")
        if content:
            check_storage(call, record, content["size"] - head_of(record)["size"])
            record["mimeType"] = new_type or draft["type"] or record["mimeType"]
        trash = meta.get("trashed")
        changes_file = content or set(meta) - {"starred", "viewedByMeTime", "trashed"}
        before = record["modified"], record.get("modifiedBy"), record.get("by")
        metadata.put(call, record, meta, now)
        if not changes_file and not meta.get("modifiedTime"):
            record["modified"], record["modifiedBy"], record["by"] = before
            record["modifiedBy"] = record["modifiedBy"] or {}
        if content:
            add_revision(call, record, content, draft["keep"], now)
            session = [*session, *call.drive.limits.uploaded(call.account, content["size"])]
        more = _trash(call, record, trash, now) if trash is not None else []
        return _save(store, record, [*more, *session])


def _trash(call, record, trash, now):
    """Put into the trash or take out; what is below follows, without entries of its own."""
    if bool(record.get("trashed")) == trash:
        return []
    record["trashed"] = trash
    record["trashedTime"], record["trashedBy"] = now, call.account["email"]
    if not call.switches.changes_children:
        return []
    return [call.store.change(below) for below in call.store.subtree(record["id"])
            if below != record["id"]]


def move(call, record, add, remove):
    """addParents and removeParents: an item has one parent."""
    if not add and not remove:
        return
    add = [call.account["root"] if one == "root" else one for one in add]
    remove = [call.account["root"] if one == "root" else one for one in remove]
    stray = [one for one in remove if one not in parents_of(record)]
    if stray:
        raise errors.not_found(stray[0])
    if record.get("more_parents") or call.switches.several_parents:
        _move_among(call, record, add, remove)
        return
    if len(add) > 1 or (remove and not add):
        raise errors.forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    if add[0] == record["parent"]:
        return
    visible = call.store.files.get(record["parent"])
    rooted = visible is not None and visible.get("root") and not record.get("driveId")
    if not remove and visible is not None and not rooted and call.view.rights.rank(visible):
        raise errors.forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    _move_to(call, record, metadata.folder(call, add[0]))


def _move_among(call, record, add, remove):
    """As before September 2020: a file may be in several folders (a folder in one only)."""
    if add and not remove and record["mimeType"] == FOLDER:
        raise errors.forbidden("cannotAddParent", "Increasing the number of parents is not allowed")
    kept = [one for one in parents_of(record) if one not in remove]
    for one in add:
        metadata.folder(call, one)
    found = list(dict.fromkeys(kept + add))
    if not found:
        raise errors.forbidden("cannotAddParent", "A file needs a parent.")
    if not kept:
        _move_to(call, record, call.store.files[found[0]])
    record["parent"], record["more_parents"] = found[0], found[1:]


def _move_to(call, record, target):
    if any(above["id"] == record["id"] for above in call.store.ancestors(target)):
        raise errors.forbidden("cyclicFileHierarchy", (
            "The requested change would create a cycle in the folder hierarchy."))
    if record.get("driveId"):
        call.view.rights.need(record, rights.ORGANIZE)
    if target.get("driveId") != record.get("driveId"):
        if record["mimeType"] == FOLDER:
            raise errors.forbidden("teamDrivesFolderMoveInNotSupported",
                                   "Moving folders into shared drives is not supported.")
        call.view.rights.need(record, rights.OWN)
        record["driveId"] = target.get("driveId")
        record["owner"] = None if target.get("driveId") else call.account["email"]
    record["parent"] = target["id"]


def copy(call):
    """files.copy: the bytes are shared on disk, the copy is a file of its own."""
    source, meta = call.file(call.args[0]), call.json()
    if source["mimeType"] == FOLDER or not call.view.downloadable(source):
        raise errors.forbidden("cannotCopyFile", "This file cannot be copied by the user.")
    inherited = {"name": source["name"], "mimeType": source["mimeType"]}
    for name in ("description", "properties", "appProperties"):
        if source.get(name):
            inherited[name] = source[name]
    if "parents" not in meta:
        inherited["parents"] = [source["parent"]] if call.view.rights.rank(
            call.store.files[source["parent"]]) >= rights.WRITE else ["root"]
    if source["mimeType"] == SHORTCUT:
        inherited["shortcutDetails"] = {"targetId": source["shortcut"]["targetId"]}
    draft = prepare_create(call, {**inherited, **meta})
    return call.file_answer(finish_create(call, draft, _copied(call.store, source)))


def _copied(store, source):
    with store.lock:
        head = head_of(store.files[source["id"]])
        if head is None:
            return None
        blob = store.new_blob()
        os.link(store.content_path(head["blob"]), store.content_path(blob))
        return {"blob": blob, **{name: head[name] for name in ("size", "md5", "sha1", "sha256")}}


def delete(call):
    """files.delete: for good, with everything below."""
    with call.store.lock:
        record = call.file(call.args[0])
        if record.get("root"):
            raise errors.no_permission()
        call.view.rights.need(record, rights.OWN)
        remove_tree(call.store, call.switches, record)
    return Response(204)


def _doomed(store, record):
    """What goes with a folder: (ids, records of files that stay in another folder)."""
    ids, kept = list(dict.fromkeys(store.subtree(record["id"]))), []
    for one in ids[1:]:
        known = store.files[one]
        left = [parent for parent in parents_of(known) if parent not in ids]
        if left:
            kept.append({**known, "parent": left[0], "more_parents": left[1:]})
    return [one for one in ids if one not in {file["id"] for file in kept}], kept


def remove_tree(store, switches, record):
    """Remove a file, or a folder with what is below it."""
    seen_by = rights.viewers(store, record)
    ids, kept = _doomed(store, record)
    records = [store.files[one] for one in ids]
    drive = record.get("driveId")
    told = ids if switches.changes_children else ids[:1]
    store.commit(*[store.put("file", one["id"], one) for one in kept],
                 *[store.drop("file", one) for one in ids],
                 *[store.put("gone", one, {"drive": drive}) for one in ids],
                 *[store.change(one, True, seen_by, drive) for one in told])
    for gone in records:
        for revision in gone.get("revisions") or ():
            store.remove_blob(revision["blob"])


def empty_trash(call):
    """files.emptyTrash, for My Drive or one shared drive."""
    store, drive_id = call.store, call.get("driveId")
    with store.lock:
        if drive_id:
            drive = store.drives.get(drive_id)
            if drive is None or call.account["email"] not in drive["members"]:
                raise errors.DriveError(404, "notFound", "Shared drive not found: %s" % drive_id,
                                        location=("driveId", "parameter"))
            call.view.rights.need(store.files[drive_id], rights.OWN)
        mine = [r for r in store.files.values() if r.get("trashed") and
                (r.get("driveId") == drive_id if drive_id else
                 r.get("owner") == call.account["email"] and not r.get("driveId"))]
        for record in mine:
            if record["id"] in store.files:
                remove_tree(store, call.switches, record)
    return Response(204)


def generate_ids(call):
    """files.generateIds: remembered, since no other id is accepted."""
    count = call.get("count", 10)
    if not 1 <= count <= 1000:
        raise errors.invalid("count", "Invalid value '%d'. Values must be within the range: "
                                      "[1, 1000]" % count, "invalidParameter")
    space, kind = call.get("space", "drive"), call.get("type", "files")
    if space not in ("drive", "appDataFolder") or kind not in ("files", "shortcuts"):
        raise errors.invalid("space" if kind in ("files", "shortcuts") else "type")
    ids = [new_id() for _ in range(count)]
    store = call.store
    store.commit(*[store.put("issued", one, {"email": call.account["email"], "type": kind})
                   for one in ids])
    tree = call.tree("GeneratedIds")
    return call.ok(apply(tree, {"kind": "drive#generatedIds", "space": space, "ids": ids}))
