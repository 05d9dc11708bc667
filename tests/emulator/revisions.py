# SPDX-License-Identifier: MIT
"""revisions: list, get (bytes too), update, delete. Old ones can be had only while kept forever."""
from . import errors, fields, media, rights
from .files import check_download
from .http1 import Response
from .store import is_blob
from .times import format_time

NAMES = ("kind", "id", "mimeType", "modifiedTime")
DEFAULT = dict.fromkeys(NAMES)
WRITABLE = {"keepForever", "publishAuto", "published", "publishedOutsideDomain", "id", "kind"}


def resource(call, record, revision, tree):
    """A Revision as JSON."""
    full = {
        "kind": "drive#revision", "id": revision["id"], "mimeType": revision["mimeType"],
        "modifiedTime": format_time(revision["modified"]), "published": False,
        "keepForever": revision["keepForever"], "size": str(revision["size"]),
        "originalFilename": revision["originalFilename"],
        "lastModifyingUser": call.view.user(revision["by"])}
    if not call.switches.md5_missing:
        full["md5Checksum"] = revision["md5"]
    return fields.apply(tree, full)


def _file(call):
    """The file, which must have revisions the account may see."""
    call.params["supportsAllDrives"] = True       # these methods have no such parameter
    record = call.file(call.args[0])
    if call.switches.revisions_hidden or call.view.rights.rank(record) < rights.WRITE:
        raise errors.forbidden("insufficientFilePermissions")
    if not is_blob(record):
        raise errors.forbidden("revisionsNotSupported",
                               "The file does not support revisions.")
    return record


def _revision(record, revision_id):
    if revision_id == "head":
        return record["revisions"][-1]
    for revision in record["revisions"]:
        if revision["id"] == revision_id:
            return revision
    raise errors.DriveError(404, "notFound", "Revision not found: %s." % revision_id,
                            location=("revisionId", "parameter"))


def list_revisions(call):
    """revisions.list, oldest first."""
    record, size = _file(call), call.page_size(200, 1000)
    tree = call.tree("RevisionList", {"kind": None, "nextPageToken": None,
                                      "revisions": DEFAULT})
    token = call.get("pageToken", "0")
    if not token.isdigit():
        raise errors.invalid("pageToken")
    start = int(token)
    below = fields.below(tree, "revisions")
    found = [resource(call, record, one, below)
             for one in record["revisions"][start:start + size]]
    answer = {"kind": "drive#revisionList", "revisions": found}
    if start + size < len(record["revisions"]):
        answer["nextPageToken"] = str(start + size)
    return call.ok({name: value for name, value in answer.items() if fields.wants(tree, name)})


def get(call):
    """revisions.get, with alt=media the bytes."""
    with call.store.lock:
        record = _file(call)
        revision = _revision(record, call.args[1])
        if call.get("alt") != "media":
            return call.ok(resource(call, record, revision, call.tree("Revision", DEFAULT)))
        old = revision is not record["revisions"][-1] and not revision["keepForever"]
        if old and not call.switches.revisions_open:
            raise errors.forbidden("download_restricted_for_revision", (
                "The revision can be downloaded only if it is marked Keep Forever."))
        check_download(call, record)
        return media.download(call, revision, revision["mimeType"],
                              call.switches.revision_range_as_200)


def update(call):
    """revisions.update: keepForever can be set, never taken back."""
    body = call.json()
    for name in body:
        if name not in fields.TYPES["Revision"]:
            raise errors.unknown_member(name)
        if name not in WRITABLE:
            raise errors.forbidden(
                "fieldNotWritable",
                "The resource body includes fields which are not directly writable.")
    with call.store.lock:
        record = dict(_file(call))
        old = _revision(record, call.args[1])
        wanted = body.get("keepForever", old["keepForever"])
        if not isinstance(wanted, bool):
            raise errors.bad_request("Invalid value for: keepForever", "invalid")
        if old["keepForever"] and not wanted:
            raise errors.bad_request("The keepForever property cannot be unset.",
                                     "illegalKeepForeverModification")
        kept = sum(1 for one in record["revisions"] if one["keepForever"])
        if wanted and not old["keepForever"] and kept >= call.switches.keep_forever_max:
            raise errors.forbidden("keepForeverLimitExceeded", (
                "The limit of revisions that are kept forever has been reached."))
        new = {**old, "keepForever": wanted}
        record["revisions"] = [new if one is old else one for one in record["revisions"]]
        call.store.save_file(record)
    return call.ok(resource(call, record, new, call.tree("Revision", DEFAULT)))


def delete(call):
    """revisions.delete: for good; never the head."""
    with call.store.lock:
        record = dict(_file(call))
        old = _revision(record, call.args[1])
        if old is record["revisions"][-1]:
            raise errors.forbidden("cannotDeleteHeadRevision",
                                   "The head revision cannot be deleted.")
        record["revisions"] = [one for one in record["revisions"] if one is not old]
        call.store.save_file(record)
        call.store.remove_blob(old["blob"])
    return Response(204)
