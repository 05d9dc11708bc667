# SPDX-License-Identifier: MIT
"""Which method serves which address: name, verb, path, handler, quota units, kind."""
from . import changes, drives, files, listing, revisions, upload
from .api import Route
from .errors import PlainError

BASE = r"/drive/v3"
UPLOAD = r"/(?:resumable/)?upload/drive/v3"
ONE = r"/([^/]+)"


def all_routes():
    """Every route, the more special path first."""
    table = [
        ("about.get", "GET", BASE + "/about", drives.about, 5, "get"),
        ("changes.getStartPageToken", "GET", BASE + "/changes/startPageToken",
         changes.start_page_token, 5, "other"),
        ("changes.list", "GET", BASE + "/changes", changes.list_changes, 100, "list"),
        ("drives.list", "GET", BASE + "/drives", drives.list_drives, 100, "list"),
        ("drives.create", "POST", BASE + "/drives", drives.create_drive, 50, "write"),
        ("drives.get", "GET", BASE + "/drives" + ONE, drives.get_drive, 5, "get"),
        ("drives.update", "PATCH", BASE + "/drives" + ONE, drives.update_drive, 50, "write"),
        ("drives.delete", "DELETE", BASE + "/drives" + ONE, drives.delete_drive, 50, "write"),
        ("files.generateIds", "GET", BASE + "/files/generateIds", files.generate_ids, 5, "other"),
        ("files.emptyTrash", "DELETE", BASE + "/files/trash", files.empty_trash, 50, "write"),
        ("files.list", "GET", BASE + "/files", listing.list_files, 100, "list"),
        ("files.create", "POST", BASE + "/files", files.create, 50, "write"),
        ("files.get", "GET", "(?:/download)?" + BASE + "/files" + ONE, files.get, 5, "get"),
        ("files.update", "PATCH", BASE + "/files" + ONE, files.update, 50, "write"),
        ("files.delete", "DELETE", BASE + "/files" + ONE, files.delete, 50, "write"),
        ("files.copy", "POST", BASE + "/files" + ONE + "/copy", files.copy, 50, "write"),
        ("files.export", "GET", BASE + "/files" + ONE + "/export", files.export, 200, "media"),
        ("revisions.list", "GET", BASE + "/files" + ONE + "/revisions",
         revisions.list_revisions, 100, "list"),
        ("revisions.get", "GET", "(?:/download)?" + BASE + "/files" + ONE + "/revisions" + ONE,
         revisions.get, 5, "get"),
        ("revisions.update", "PATCH", BASE + "/files" + ONE + "/revisions" + ONE,
         revisions.update, 50, "write"),
        ("revisions.delete", "DELETE", BASE + "/files" + ONE + "/revisions" + ONE,
         revisions.delete, 50, "write"),
        ("permissions.list", "GET", BASE + "/files" + ONE + "/permissions",
         drives.list_permissions, 100, "list"),
        ("permissions.create", "POST", BASE + "/files" + ONE + "/permissions",
         drives.create_permission, 50, "write"),
        ("permissions.get", "GET", BASE + "/files" + ONE + "/permissions" + ONE,
         drives.get_permission, 5, "get"),
        ("permissions.update", "PATCH", BASE + "/files" + ONE + "/permissions" + ONE,
         drives.update_permission, 50, "write"),
        ("permissions.delete", "DELETE", BASE + "/files" + ONE + "/permissions" + ONE,
         drives.delete_permission, 50, "write"),
        ("files.create", "POST", UPLOAD + "/files", upload.simple, 50, "upload"),
        ("files.update", "PATCH", UPLOAD + "/files" + ONE, upload.simple, 50, "upload"),
    ]
    routes = [Route(*row, write=row[5] in ("write", "upload")) for row in table]
    for verb in ("PUT", "POST", "DELETE"):
        routes.append(Route("files.create", verb, UPLOAD + "/files", _no_session, 0, "upload", True))
        routes.append(Route("files.update", verb, UPLOAD + "/files" + ONE, _no_session, 0, "upload",
                            True))
    return routes


def _no_session(_):
    """PUT without a session: v2 had it, v3 does not."""
    raise PlainError(404, "Not Found")
