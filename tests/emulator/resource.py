# SPDX-License-Identifier: MIT
"""The File resource as Drive shows it to one account: only the members that were asked for."""
import base64
import fnmatch
import hashlib

from . import fields, rights
from .store import FOLDER, NATIVE, SHORTCUT, head_of, is_blob, parents_of
from .times import format_time

DEFAULT = {"kind": None, "id": None, "name": None, "mimeType": None, "resourceKey": None}


def resource_key(file_id):
    """The key of an item that is shared by link."""
    digest = hashlib.sha256(b"resource key of " + file_id.encode()).digest()
    return "0-" + base64.urlsafe_b64encode(digest)[:22].decode()


class View:
    """How one account sees files."""

    def __init__(self, store, switches, account, keys=None, app=None):
        self.store, self.switches, self.account = store, switches, account
        self.rights = rights.Rights(store, account, keys, app)

    def file(self, record, tree=None):
        """The resource, cut to a fields mask (None = Drive's default members)."""
        tree = DEFAULT if tree is None else tree
        names = BUILDERS if "*" in tree else [name for name in tree if name in BUILDERS]
        out = {}
        for name in names:
            value = BUILDERS[name](self, record)
            if value is not None:
                out[name] = fields.apply(fields.below(tree, name), value)
        return out

    def user(self, email):
        """A User resource."""
        account = self.store.accounts.get(email)
        if not account:
            return None
        return {"kind": "drive#user", "displayName": account["name"],
                "me": email == self.account["email"], "permissionId": account["permissionId"],
                "emailAddress": email}

    def capabilities(self, record):
        """What the account may do with a file."""
        rank = self.rights.rank(record)
        folder, blob = record["mimeType"] == FOLDER, is_blob(record)
        write, root = rank >= rights.WRITE, bool(record.get("root"))
        trash = rank >= self.rights.trash_rank(record) and not root
        locked = self.locked(record)
        organize = rank >= (rights.ORGANIZE if record.get("driveId") else rights.WRITE)
        shared = bool(record.get("driveId"))
        return {
            "canAddChildren": folder and write, "canChangeCopyRequiresWriterPermission": write,
            "canComment": rank >= 2, "canCopy": not folder and self.downloadable(record),
            "canDelete": rank >= rights.OWN and not root,
            "canDeleteChildren": folder and shared and rank >= rights.OWN,
            "canDownload": not folder and self.downloadable(record), "canEdit": write,
            "canListChildren": folder, "canModifyContent": write and not locked,
            "canModifyContentRestriction": write, "canMoveItemOutOfDrive": organize and not root,
            "canMoveItemWithinDrive": organize and not root,
            "canMoveChildrenWithinDrive": folder and organize,
            "canMoveChildrenOutOfDrive": folder and organize, "canReadDrive": shared,
            "canReadRevisions": (blob or shared) and write and not self.switches.revisions_hidden,
            "canRemoveChildren": folder and not shared and write,
            "canRename": write and not locked and not root, "canShare": rank >= rights.ORGANIZE or
            (write and not shared), "canTrash": trash, "canTrashChildren": folder and organize,
            "canUntrash": trash,
        }

    def restrictions(self, record):
        """contentRestrictions: the file's own, or what the switch `locked` adds."""
        pattern = self.switches.locked
        if pattern and is_blob(record) and fnmatch.fnmatchcase(record["name"], pattern):
            return [{"readOnly": True, "reason": "Final version.", "ownerRestricted": False,
                     "type": "globalContentRestriction", "systemRestricted": False}]
        return record.get("contentRestrictions") or [{"readOnly": False}]

    def locked(self, record):
        """May nobody change content and name?"""
        return any(one.get("readOnly") for one in self.restrictions(record))

    def downloadable(self, record):
        """May this account fetch the bytes?"""
        return self.rights.rank(record) >= self.download_rank(record)

    def download_rank(self, record):
        """The rank that a download takes."""
        limits, pattern = record.get("downloadLimits") or {}, self.switches.download_restricted
        if limits.get("restrictedForWriters") or \
                pattern and fnmatch.fnmatchcase(record["name"], pattern):
            return rights.OWN
        if limits.get("restrictedForReaders") or record.get("copyRequiresWriterPermission"):
            return rights.WRITE
        return rights.READ

    def key_of(self, record):
        """The resource key of an item that is shared by link, where keys are in use."""
        linked = record and any(p["type"] == "anyone" for p in record.get("permissions", ()))
        return resource_key(record["id"]) if linked and self.switches.resource_keys else None

    def permissions(self, record):
        """The Permission resources, inherited ones too; None for mere readers."""
        if self.rights.rank(record) < rights.WRITE:
            return None
        found = {}
        for above in self.store.ancestors(record):
            if above.get("owner") and above is record:
                self._add(found, above["owner"], "owner")
            for entry in above.get("permissions", ()):
                self._add(found, entry.get("email"), entry["role"], entry["type"], entry["id"])
        drive = self.store.drives.get(record.get("driveId"))
        for email, role in (drive["members"] if drive else {}).items():
            self._add(found, email, role)
        return list(found.values())

    def _add(self, found, email, role, kind="user", permission_id=None):
        account = self.store.accounts.get(email)
        key = permission_id or (account or {}).get("permissionId", email)
        old = found.get(key)
        if old and rights.RANK[old["role"]] >= rights.RANK[role]:
            return
        found[key] = {"kind": "drive#permission", "id": key, "type": kind, "role": role}
        if email:
            found[key].update(emailAddress=email, displayName=(account or {}).get("name", email),
                              deleted=False, pendingOwner=False)


def _head(member):
    def build(view, record):
        head = head_of(record)
        return None if head is None else head.get(member)
    return build


def _size(_, record):
    head = head_of(record)
    if head:
        return str(head["size"])
    document = record["mimeType"] not in (FOLDER, SHORTCUT)
    return "1024" if document else None      # Google's editors: a size, and no bytes to have


def _checksum(member, switch):
    def build(view, record):
        head = head_of(record)
        return None if head is None or getattr(view.switches, switch) else head[member]
    return build


def _time(member):
    def build(_, record):
        return format_time(record[member]) if record.get(member) is not None else None
    return build


def _plain(member):
    return lambda _, record: record.get(member)


def _flag(member):
    return lambda _, record: bool(record.get(member))


def _map(member):
    return lambda _, record: dict(record[member]) if record.get(member) else None


def _mine(member):
    """Times and flags that belong to one account."""
    def build(view, record):
        value = record.get(member, {}).get(view.account["email"])
        return format_time(value) if value is not None else None
    return build


def _parents(view, record):
    found = [one for one in parents_of(record)
             if one in view.store.files and view.rights.rank(view.store.files[one])]
    return found or None


def _description(view, record):
    if view.switches.description_missing:
        return None
    if view.switches.description_length:
        return "\1" * int(view.switches.description_length)
    return record.get("description") or None


def _shortcut(view, record):
    if record["mimeType"] != SHORTCUT:
        return None
    key = view.key_of(view.store.files.get(record["shortcut"]["targetId"]))
    full = {**record["shortcut"], "targetResourceKey": key}
    return {name: value for name, value in full.items() if value}


def _extension(_, record):
    head, name = head_of(record), record.get("originalFilename") or record["name"]
    return (name.rsplit(".", 1)[1] if "." in name else "") if head else None


def _shared(view, record):
    if record.get("driveId"):
        return True
    return any(above.get("permissions") for above in view.store.ancestors(record))


def _shared_with_me(view, record):
    mine = any(p.get("email") == view.account["email"] for p in record.get("permissions", ()))
    return format_time(record["sharedTime"]) if mine and "sharedTime" in record else None


def _web_view(_, record):
    if record["mimeType"] == FOLDER:
        return "https://drive.google.com/drive/folders/" + record["id"]
    return "https://drive.google.com/file/d/%s/view?usp=drivesdk" % record["id"]


def _quota(_, record):
    revisions = record.get("revisions") or ()
    kept = sum(r["size"] for r in revisions[:-1] if r.get("keepForever"))
    return str(kept + (revisions[-1]["size"] if revisions else 0))


def _owned(view, record):
    return None if record.get("driveId") else record.get("owner") == view.account["email"]


def _owners(view, record):
    owner = view.user(record.get("owner"))
    return [owner] if owner and not record.get("driveId") else None


def _permission_ids(view, record):
    found = view.permissions(record)
    return None if found is None else [entry["id"] for entry in found]


def _permissions(view, record):
    return None if record.get("driveId") else view.permissions(record)


def _web_content(_, record):
    if not head_of(record):
        return None
    return "https://drive.google.com/uc?id=%s&export=download" % record["id"]


def _icon(_, record):
    return "https://drive-thirdparty.googleusercontent.com/16/type/" + record["mimeType"]


def _restrictions(view, record):
    own = record.get("downloadLimits") or {}
    rank = view.download_rank(record)
    item = {"restrictedForReaders": bool(own.get("restrictedForReaders")),
            "restrictedForWriters": bool(own.get("restrictedForWriters"))}
    return {"itemDownloadRestriction": item, "effectiveDownloadRestrictionWithContext": {
        "restrictedForReaders": rank > rights.READ, "restrictedForWriters": rank > rights.WRITE}}


def _thumbnail_version(_, record):
    return "0" if not record["mimeType"].startswith(NATIVE) else None


BUILDERS = {
    "kind": lambda *_: "drive#file",
    "driveId": _plain("driveId"), "teamDriveId": _plain("driveId"),
    "fileExtension": _extension, "fullFileExtension": _extension,
    "copyRequiresWriterPermission": _flag("copyRequiresWriterPermission"),
    "md5Checksum": _checksum("md5", "md5_missing"),
    "writersCanShare": lambda _, r: None if r.get("driveId") else r.get("writersCanShare", True),
    "viewedByMe": lambda v, r: v.account["email"] in r.get("viewed", {}),
    "mimeType": _plain("mimeType"), "parents": _parents,
    "thumbnailVersion": _thumbnail_version, "iconLink": _icon, "shared": _shared,
    "lastModifyingUser": lambda v, r: v.user(r.get("by")), "owners": _owners,
    "headRevisionId": _head("id"), "webViewLink": _web_view, "webContentLink": _web_content,
    "size": _size, "viewersCanCopyContent": lambda _, r: not r.get("copyRequiresWriterPermission"),
    "permissions": _permissions, "permissionIds": _permission_ids,
    "hasThumbnail": lambda *_: False, "spaces": lambda *_: ["drive"],
    "folderColorRgb": _plain("folderColorRgb"), "id": _plain("id"), "name": _plain("name"),
    "description": _description, "starred": lambda v, r: v.account["email"] in r.get("starred", ()),
    "trashed": lambda v, r: v.store.trashed(r), "explicitlyTrashed": _flag("trashed"),
    "createdTime": _time("created"), "modifiedTime": _time("modified"),
    "modifiedByMeTime": _mine("modifiedBy"),
    "modifiedByMe": lambda v, r: v.account["email"] in r.get("modifiedBy", {}),
    "viewedByMeTime": _mine("viewed"), "sharedWithMeTime": _shared_with_me,
    "quotaBytesUsed": _quota, "version": lambda _, r: str(r["version"]),
    "originalFilename": lambda _, r: (r.get("originalFilename") or r["name"]) if head_of(r) else None,
    "ownedByMe": _owned, "capabilities": lambda v, r: v.capabilities(r),
    "appProperties": _map("appProperties"), "properties": _map("properties"),
    "resourceKey": lambda v, r: v.key_of(r),
    "isAppAuthorized": lambda v, r: not v.rights.app or r.get("app") == v.rights.app, "shortcutDetails": _shortcut,
    "trashedTime": lambda _, r: format_time(r["trashedTime"])
    if r.get("driveId") and r.get("trashed") else None,
    "trashingUser": lambda v, r: v.user(r.get("trashedBy"))
    if r.get("driveId") and r.get("trashed") else None,
    "hasAugmentedPermissions": lambda _, r: bool(r.get("permissions")) if r.get("driveId") else None,
    "contentRestrictions": lambda v, r: v.restrictions(r),
    "sha1Checksum": _checksum("sha1", "sha_missing"),
    "sha256Checksum": _checksum("sha256", "sha_missing"),
    "linkShareMetadata": lambda *_: {"securityUpdateEligible": False, "securityUpdateEnabled": True},
    "inheritedPermissionsDisabled": lambda *_: False, "downloadRestrictions": _restrictions,
}
