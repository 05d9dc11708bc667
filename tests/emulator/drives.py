# SPDX-License-Identifier: MIT
"""Shared drives, about, and permissions of a file."""
import re

from . import errors, fields, rights
from .files import usage
from .http1 import Response
from .times import format_time
from .world import World

DEFAULT = {"kind": None, "id": None, "name": None}
PERMISSION = dict.fromkeys(("kind", "id", "type", "role"))


def drive_resource(call, drive):
    """A Drive as JSON, every member."""
    rank = rights.RANK.get(drive["members"].get(call.account["email"]), 0)
    names = fields.TYPES["Drive"]["capabilities"]
    write = {"canAddChildren", "canEdit", "canRename", "canReadRevisions"}
    read = {"canComment", "canCopy", "canDownload", "canListChildren"}
    able = {name: rank >= (1 if name in read else 3 if name in write else
                           4 if name == "canTrashChildren" else 5) for name in names}
    return {"kind": "drive#drive", "id": drive["id"], "name": drive["name"], "hidden": False,
            "createdTime": format_time(drive["created"]), "capabilities": able,
            "restrictions": {"adminManagedRestrictions": False, "domainUsersOnly": False,
                             "copyRequiresWriterPermission": False, "driveMembersOnly": False,
                             "sharingFoldersRequiresOrganizerPermission": False}}


def list_drives(call):
    """drives.list: those the account is a member of."""
    size = call.page_size(10, 100)
    found = [d for d in call.store.drives.values() if call.account["email"] in d["members"]]
    if call.get("q"):
        match = re.fullmatch(r"\s*name\s*(=|contains)\s*'((?:\\.|[^'\\])*)'\s*", call.get("q"))
        if not match:
            raise errors.invalid("q")
        wanted = re.sub(r"\\(.)", r"\1", match.group(2)).lower()
        found = [d for d in found if d["name"].lower() == wanted or
                 match.group(1) == "contains" and d["name"].lower().startswith(wanted)]
    token = call.get("pageToken", "0")
    if not token.isdigit():
        raise errors.invalid("pageToken")
    start = int(token)
    tree = call.tree("DriveList", {"kind": None, "nextPageToken": None, "drives": DEFAULT})
    answer = {"kind": "drive#driveList",
              "drives": [drive_resource(call, d) for d in found[start:start + size]]}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return call.ok(fields.apply(tree, answer))


def get_drive(call):
    """drives.get."""
    drive = call.store.drives.get(call.args[0])
    if drive is None or call.account["email"] not in drive["members"]:
        raise errors.DriveError(404, "notFound", "Shared drive not found: %s" % call.args[0],
                                location=("driveId", "parameter"))
    return call.ok(fields.apply(call.tree("Drive", DEFAULT), drive_resource(call, drive)))


def create_drive(call):
    """drives.create: not for a bare service account."""
    if call.account["kind"] == "sa":
        raise errors.forbidden("userCannotCreateTeamDrives",
                               "The user cannot create new shared drives.")
    name = call.json().get("name")
    if not name:
        raise errors.bad_request("The shared drive's name is required.", "required")
    drive_id = World(call.store).shared_drive(name, {call.account["email"]: "organizer"})
    drive = call.store.drives[drive_id]
    return call.ok(fields.apply(call.tree("Drive", DEFAULT), drive_resource(call, drive)))


def _managed(call):
    """The shared drive of the path, which the account must manage."""
    drive = call.store.drives.get(call.args[0])
    role = drive["members"].get(call.account["email"]) if drive else None
    if role is None:
        raise errors.DriveError(404, "notFound", "Shared drive not found: %s" % call.args[0],
                                location=("driveId", "parameter"))
    if role != "organizer":
        raise errors.no_permission()
    return drive


def update_drive(call):
    """drives.update: its name."""
    name = call.json().get("name")
    with call.store.lock:
        drive = dict(_managed(call))
        if name:
            drive["name"] = name
            root = {**call.store.files[drive["id"]], "name": name}
            call.store.commit(call.store.put("drive", drive["id"], drive),
                              call.store.put("file", root["id"], root),
                              call.store.change(None, seen_by=drive["members"], drive=drive["id"]))
    return call.ok(fields.apply(call.tree("Drive", DEFAULT), drive_resource(call, drive)))


def delete_drive(call):
    """drives.delete: an empty one only."""
    store = call.store
    with store.lock:
        drive = _managed(call)
        if any(not store.trashed(store.files[child])
               for child in store.children.get(drive["id"], ())):
            raise errors.forbidden("cannotDeleteNonEmptyTeamDrive", (
                "A shared drive that still has items cannot be deleted."))
        store.commit(store.change(None, True, drive["members"], drive["id"]),
                     *[store.drop("file", one) for one in list(store.subtree(drive["id"]))],
                     store.drop("drive", drive["id"]))
    return Response(204)


def about(call):
    """about.get: fields is required."""
    tree = call.tree("About")
    if tree is None:
        raise errors.DriveError(400, "required",
                                "The 'fields' parameter is required for this method.",
                                location=("fields", "parameter"))
    email, limit = call.account["email"], call.account.get("limit")
    used, binned = usage(call.store, email), usage(call.store, email, trashed=True)
    quota = {"usage": str(used), "usageInDrive": str(used), "usageInDriveTrash": str(binned)}
    if limit is not None:
        quota["limit"] = str(limit)
    able = call.account["kind"] == "user"
    return call.ok(fields.apply(tree, {
        "kind": "drive#about", "user": call.view.user(email), "storageQuota": quota,
        "maxUploadSize": "5242880000000", "appInstalled": False, "canCreateDrives": able,
        "canCreateTeamDrives": able, "importFormats": {}, "exportFormats": {},
        "maxImportSizes": {}, "folderColorPalette": [], "driveThemes": [],
        "teamDriveThemes": []}))


def list_permissions(call):
    """permissions.list."""
    record = call.file(call.args[0])
    found = call.view.permissions(record)
    if found is None:
        raise errors.no_permission()
    tree = call.tree("PermissionList", {"kind": None, "nextPageToken": None,
                                        "permissions": PERMISSION})
    return call.ok(fields.apply(tree, {"kind": "drive#permissionList", "permissions": found}))


def get_permission(call):
    """permissions.get."""
    entry = _permission(call, call.file(call.args[0]), call.args[1])
    return call.ok(fields.apply(call.tree("Permission", PERMISSION), entry))


def _permission(call, record, permission_id):
    for entry in call.view.permissions(record) or ():
        if entry["id"] == permission_id:
            return entry
    raise errors.DriveError(404, "notFound", "Permission not found: %s." % permission_id,
                            location=("permissionId", "parameter"))


def create_permission(call):
    """permissions.create: share with an account, or with everybody who has the link."""
    record, body = call.file(call.args[0]), call.json()
    if not call.view.capabilities(record)["canShare"]:
        raise errors.no_permission()
    role, kind = body.get("role"), body.get("type")
    email = "anyone" if kind == "anyone" else body.get("emailAddress")
    if role not in ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner") or \
            kind not in ("user", "group", "anyone") or not email:
        raise errors.bad_request("The specified permission is invalid.", "invalidSharingRequest")
    if role == "owner":
        _hand_over(call, record, email)
    else:
        _grant(call, record, email, role)
    wanted = "anyoneWithLink" if email == "anyone" else None
    for entry in call.view.permissions(call.store.files[record["id"]]):
        if entry["id"] == wanted or entry.get("emailAddress") == email:
            return call.ok(fields.apply(call.tree("Permission", PERMISSION), entry))
    raise errors.bad_request("Bad Request")


def _hand_over(call, record, email):
    """Another owner: of what one owns in My Drive, and only if asked for in so many words."""
    if not call.get("transferOwnership"):
        raise errors.forbidden("forbidden", (
            "The transferOwnership parameter must be enabled when the permission role is 'owner'."))
    account = call.store.accounts.get(email)
    if record.get("driveId") or record.get("owner") != call.account["email"] or \
            account is None or account["kind"] != "user":
        raise errors.forbidden("invalidOwnershipTransfer", "The owner of a file cannot be changed so.")
    with call.store.lock:
        kept = [p for p in record.get("permissions", ()) if p.get("email") != email]
        former = {"type": "user", "email": call.account["email"], "role": "writer",
                  "id": call.account["permissionId"]}
        call.store.save_file({**record, "owner": email, "permissions": kept + [former]})


def _grant(call, record, email, role):
    world = World(call.store)
    if record.get("driveId") == record["id"]:
        world.member(record["id"], email, role)
    else:
        world.share(record["id"], email, role)


def update_permission(call):
    """permissions.update: another role."""
    record = call.file(call.args[0])
    entry = _permission(call, record, call.args[1])
    if not call.view.capabilities(record)["canShare"]:
        raise errors.no_permission()
    role = call.json().get("role")
    if role not in rights.RANK:
        raise errors.bad_request("The specified permission is invalid.", "invalidSharingRequest")
    _grant(call, record, entry.get("emailAddress", "anyone"), role)
    answer = {**entry, "role": role}
    return call.ok(fields.apply(call.tree("Permission", PERMISSION), answer))


def delete_permission(call):
    """permissions.delete: take a share back."""
    record = call.file(call.args[0])
    entry = _permission(call, record, call.args[1])
    if not call.view.capabilities(record)["canShare"] or entry["role"] == "owner":
        raise errors.no_permission()
    _grant(call, record, entry.get("emailAddress", "anyone"), None)
    return Response(204)
