# SPDX-License-Identifier: MIT
"""The metadata of a request body: what may be written, its types and limits, where it goes."""
from . import errors
from .fields import TYPES
from .store import FOLDER, NATIVE, SHORTCUT
from .times import parse_time

TEXTS = {"name": "name", "description": "description", "originalFilename": "originalFilename",
         "folderColorRgb": "folderColorRgb"}
FLAGS = {"copyRequiresWriterPermission", "writersCanShare"}
WRITABLE = set(TEXTS) | FLAGS | {
    "id", "mimeType", "parents", "createdTime", "modifiedTime", "viewedByMeTime", "starred",
    "trashed", "properties", "appProperties", "shortcutDetails", "contentHints",
    "contentRestrictions", "viewersCanCopyContent", "kind", "inheritedPermissionsDisabled",
    "downloadRestrictions"}
PROPERTY_BYTES, PROPERTY_COUNT = 124, 30


def check(meta, switches, creating):
    """400 and 403 for members that do not exist or may not be written."""
    for name, value in meta.items():
        if name not in TYPES["File"]:
            if switches.unknown_members:
                continue
            raise errors.unknown_member(name)
        if name not in WRITABLE or (name in ("id", "createdTime") and not creating):
            raise errors.forbidden(
                "fieldNotWritable",
                "The resource body includes fields which are not directly writable.")
        if name == "parents" and not creating:
            raise errors.forbidden(
                "fieldNotWritable", "The parents field is not directly writable in update "
                "requests. Use the addParents and removeParents parameters instead.")
        _check_type(name, value)


def _check_type(name, value):
    wanted = str
    if name in FLAGS or name in ("starred", "trashed", "viewersCanCopyContent",
                                 "inheritedPermissionsDisabled"):
        wanted = bool
    elif name in ("parents", "contentRestrictions"):
        wanted = list
    elif name in ("properties", "appProperties", "shortcutDetails", "contentHints",
                  "downloadRestrictions"):
        wanted = dict
    if value is not None and not isinstance(value, wanted):
        raise errors.bad_request("Invalid value for: %s" % name, "invalid")
    if name.endswith("Time") and value is not None and parse_time(value) is None:
        raise errors.bad_request("Invalid value for: Invalid format: \"%s\"" % value, "invalid")


def properties(old, new):
    """Merge properties: null removes a key. 403 beyond 124 bytes a pair or 30 pairs."""
    merged = dict(old or {})
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
            continue
        if not isinstance(value, str):
            raise errors.bad_request("Invalid value for: properties", "invalid")
        if len(key.encode()) + len(value.encode()) > PROPERTY_BYTES:
            raise errors.forbidden("propertyLengthLimitExceeded", errors.PROPERTY_TOO_LONG)
        merged[key] = value
    if len(merged) > PROPERTY_COUNT:
        raise errors.forbidden("propertyCountLimitExceeded",
                               "The number of properties on the file has exceeded its limit.")
    return merged


def put(call, record, meta, now):
    """Write checked metadata into a record that is being made or changed."""
    for name, member in TEXTS.items():
        if name in meta:
            record[member] = meta[name] if meta[name] is not None else ""
    for name in FLAGS & meta.keys():
        record[name] = bool(meta[name])
    if "viewersCanCopyContent" in meta:
        record["copyRequiresWriterPermission"] = not meta["viewersCanCopyContent"]
    for name in ("properties", "appProperties"):
        if name in meta:
            record[name] = properties(record.get(name), meta[name] or {})
    if "contentRestrictions" in meta:
        record["contentRestrictions"] = meta["contentRestrictions"] or []
    if "downloadRestrictions" in meta:
        item = (meta["downloadRestrictions"] or {}).get("itemDownloadRestriction") or {}
        record["downloadLimits"] = {name: item.get(name) is True for name in (
            "restrictedForReaders", "restrictedForWriters")}
    _put_own(call, record, meta)
    if meta.get("createdTime"):
        record["created"] = parse_time(meta["createdTime"])
    record["modified"] = parse_time(meta["modifiedTime"]) if meta.get("modifiedTime") else now
    email = call.account["email"]
    record["modifiedBy"] = {**record.get("modifiedBy", {}), email: record["modified"]}
    record["by"] = email
    if "name" in meta:
        record["names"] = (record.get("names") or [])[-7:] + [[now, record["name"]]]


def _put_own(call, record, meta):
    """Stars and views belong to the account, not to the file."""
    email = call.account["email"]
    if "starred" in meta:
        others = [who for who in record.get("starred", ()) if who != email]
        record["starred"] = others + ([email] if meta["starred"] else [])
    if meta.get("viewedByMeTime"):
        record["viewed"] = {**record.get("viewed", {}), email: parse_time(meta["viewedByMeTime"])}


def parent_of(call, meta):
    """The folder a new file goes to: checked for existence, kind and rights."""
    parents = meta.get("parents") or ["root"]
    if len(parents) > 1:
        raise errors.forbidden("cannotAddParent",
                               "Increasing the number of parents is not allowed")
    return folder(call, parents[0])


def folder(call, file_id):
    """A folder the account may add children to."""
    record = call.file(file_id)
    if record["mimeType"] != FOLDER:
        raise errors.forbidden("parentNotAFolder", "The specified parent is not a folder.")
    if call.view.rights.rank(record) < 3:
        raise errors.forbidden("insufficientParentPermissions",
                               "Insufficient permissions for the specified parent.")
    depth = sum(1 for _ in call.store.ancestors(record))
    if depth > 100:
        raise errors.forbidden(
            "teamDriveHierarchyTooDeep" if record.get("driveId") else
            "myDriveHierarchyDepthLimitExceeded", "The hierarchy is too deep.")
    return record


def check_id(call, file_id, mime_type):
    """A file may only be made with an id that generateIds gave this account, once."""
    issued = call.store.issued.get(file_id)
    if issued is None or issued["email"] != call.account["email"] or \
            (issued["type"] == "shortcuts") != (mime_type == SHORTCUT):
        raise errors.bad_request("The provided file ID is not usable.", "invalid")
    if mime_type.startswith(NATIVE) and mime_type not in (FOLDER, SHORTCUT):
        raise errors.forbidden("unsupported",
                               "Generated IDs are not supported for Docs Editors formats.")
    if file_id in call.store.files or file_id in call.store.gone:
        raise taken(call)


def taken(call):
    """409: the create has landed before, or somebody else was quicker."""
    return errors.DriveError(409, call.switches.conflict_reason,
                             "A file already exists with the provided ID.")
