# SPDX-License-Identifier: MIT
"""files.*: metadata, listing, content, ranges, rights, as a strict client sees them."""
import hashlib

from .client import FOLDER
from .testbase import Case

SHORTCUT = "application/vnd.google-apps.shortcut"
FILES = "/drive/v3/files"


class Metadata(Case):
    def test_default_members_are_four(self):
        made = self.good(self.client.create(fields=None))
        self.assertEqual(set(made), {"kind", "id", "name", "mimeType"})
        got = self.good(self.client.get(FILES + "/" + made["id"]))
        self.assertEqual(got, made)

    def test_types_are_drives(self):
        made = self.good(self.client.upload(b"abc", name="a.txt"))
        self.assertEqual(made["size"], "3")
        self.assertEqual(made["version"], "1")
        self.assertEqual(made["md5Checksum"], hashlib.md5(b"abc").hexdigest())
        self.assertEqual(made["sha1Checksum"], hashlib.sha1(b"abc").hexdigest())
        self.assertEqual(made["sha256Checksum"], hashlib.sha256(b"abc").hexdigest())
        self.assertRegex(made["modifiedTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(made["parents"], [self.folder])

    def test_metadata_only_file_is_empty_and_folder_has_no_size(self):
        made = self.good(self.client.create())
        self.assertEqual((made["size"], made["md5Checksum"]),
                         ("0", "d41d8cd98f00b204e9800998ecf8427e"))
        folder = self.good(self.client.create(mimeType=FOLDER))
        self.assertNotIn("size", folder)
        self.assertNotIn("md5Checksum", folder)

    def test_names_are_not_unique(self):
        first, second = (self.good(self.client.create("same")) for _ in range(2))
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(self.names("name = 'same'"), ["same", "same"])

    def test_times_are_cut_to_milliseconds(self):
        made = self.good(self.client.create(modifiedTime="2001-02-03T04:05:06.123456789Z",
                                            createdTime="2000-01-01T01:00:00+01:00"))
        self.assertEqual(made["modifiedTime"], "2001-02-03T04:05:06.123Z")
        self.assertEqual(made["createdTime"], "2000-01-01T00:00:00.000Z")

    def test_properties_limits_and_null(self):
        made = self.good(self.client.create(properties={"k": "v" * 123}))
        path = FILES + "/" + made["id"]
        self.bad(self.client.call("PATCH", path, {"properties": {"k": "v" * 124}}), 403,
                 "propertyLengthLimitExceeded")
        self.bad(self.client.call("PATCH", path, {
            "properties": {str(n): "x" for n in range(30)}}), 403, "propertyCountLimitExceeded")
        changed = self.good(self.client.call("PATCH", path, {
            "properties": {"k": None, "n": "1"}}, fields="properties"))
        self.assertEqual(changed, {"properties": {"n": "1"}})

    def test_members_that_cannot_be_written(self):
        self.bad(self.client.create(size="5"), 403, "fieldNotWritable")
        self.bad(self.client.create(title="v2"), 400, "invalid")
        self.bad(self.client.create(name=5), 400, "invalid")
        made = self.good(self.client.create())
        for body in ({"parents": ["x"]}, {"createdTime": "2000-01-01T00:00:00Z"}, {"id": "x"}):
            self.bad(self.client.call("PATCH", FILES + "/" + made["id"], body), 403,
                     "fieldNotWritable")

    def test_rename_moves_modified_time_and_version(self):
        made = self.good(self.client.create())
        after = self.good(self.client.call("PATCH", FILES + "/" + made["id"], {"name": "n"},
                                           fields="*"))
        self.assertGreater(after["modifiedTime"], made["modifiedTime"])
        self.assertGreater(int(after["version"]), int(made["version"]))

    def test_move_needs_both_parents(self):
        made = self.good(self.client.create())
        target = self.drive.new_folder()
        path = FILES + "/" + made["id"]
        self.bad(self.client.call("PATCH", path, addParents=target), 403, "cannotAddParent")
        moved = self.good(self.client.call("PATCH", path, addParents=target, fields="parents",
                                           removeParents=self.folder))
        self.assertEqual(moved, {"parents": [target]})

    def test_folder_cannot_move_into_itself(self):
        outer = self.good(self.client.create(mimeType=FOLDER))["id"]
        inner = self.good(self.client.create(parent=outer, mimeType=FOLDER))["id"]
        self.bad(self.client.call("PATCH", FILES + "/" + outer, addParents=inner,
                                  removeParents=self.folder), 403, "cyclicFileHierarchy")

    def test_trash_reaches_below_but_not_explicitly(self):
        folder = self.good(self.client.create(mimeType=FOLDER))["id"]
        below = self.good(self.client.create(parent=folder))["id"]
        self.good(self.client.call("PATCH", FILES + "/" + folder, {"trashed": True}))
        got = self.good(self.client.get(FILES + "/" + below, fields="trashed,explicitlyTrashed"))
        self.assertEqual(got, {"trashed": True, "explicitlyTrashed": False})
        self.assertEqual(self.names("trashed=false"), [])

    def test_delete_takes_an_organizer(self):
        made = self.good(self.client.create())
        path = FILES + "/" + made["id"]
        self.bad(self.client.call("DELETE", path), 403, "insufficientFilePermissions")
        boss, _ = self.account(role="organizer")
        self.assertEqual(boss.call("DELETE", path).status, 204)
        self.bad(boss.get(path), 404, "notFound")
        self.bad(boss.call("DELETE", path), 404, "notFound")

    def test_copy(self):
        made = self.good(self.client.upload(b"copied", properties={"p": "1"}))
        copied = self.good(self.client.call("POST", FILES + "/%s/copy" % made["id"],
                                            {"name": "other"}, fields="*"))
        self.assertEqual(copied["properties"], {"p": "1"})
        self.assertEqual(self.client.media(copied["id"]).body, b"copied")
        folder = self.good(self.client.create(mimeType=FOLDER))
        self.bad(self.client.call("POST", FILES + "/%s/copy" % folder["id"], {}), 403,
                 "cannotCopyFile")

    def test_generated_ids(self):
        ids = self.good(self.client.get(FILES + "/generateIds", count=2,
                                        supportsAllDrives=None))["ids"]
        made = self.good(self.client.create(id=ids[0]))
        self.assertEqual(made["id"], ids[0])
        self.bad(self.client.create(id=ids[0]), 409, "fileIdInUse")
        self.bad(self.client.create(id="1" + "A" * 32), 400, "invalid")
        other, _ = self.account(role="writer")
        self.bad(other.create(id=ids[1]), 400, "invalid")
        self.bad(self.client.create(id=ids[1], mimeType=SHORTCUT,
                                    shortcutDetails={"targetId": made["id"]}), 400, "invalid")
        self.bad(self.client.get(FILES + "/generateIds", count=1001, supportsAllDrives=None),
                 400, "invalidParameter")

    def test_shortcut(self):
        target = self.good(self.client.create())["id"]
        made = self.good(self.client.create(mimeType=SHORTCUT,
                                            shortcutDetails={"targetId": target}))
        self.assertEqual(made["shortcutDetails"]["targetMimeType"], "application/octet-stream")
        self.bad(self.client.media(made["id"]), 403, "fileNotDownloadable")

    def test_export_is_refused(self):
        made = self.good(self.client.create())
        answer = self.client.get(FILES + "/%s/export" % made["id"], mimeType="text/plain",
                                 supportsAllDrives=None)
        self.bad(answer, 403, "fileNotExportable")
        self.bad(self.client.get(FILES + "/nosuch/export", supportsAllDrives=None,
                                 mimeType="text/plain"), 404, "notFound")


class Errors(Case):
    ID = "1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    def test_bodies_are_drives_to_the_byte(self):
        answer = self.client.get(FILES + "/" + self.ID)
        text = ('{\n  "error": {\n    "code": 404,\n    "message": "File not found: %s.",\n'
                '    "errors": [\n      {\n        "message": "File not found: %s.",\n'
                '        "domain": "global",\n        "reason": "notFound",\n'
                '        "location": "fileId",\n        "locationType": "parameter"\n'
                '      }\n    ]\n  }\n}\n') % (self.ID, self.ID)
        self.assertEqual(answer.body.decode(), text)

    def test_unknown_field(self):
        error = self.bad(self.client.list(fields="files(id,nonexistentfield)"), 400,
                         "invalidParameter")
        self.assertEqual(error["message"], "Invalid field selection nonexistentfield")
        for mask in ("etag", "files(id", "files(id))", "files/", "id", "files(id/x)"):
            self.assertEqual(self.client.list(fields=mask).status, 400, mask)

    def test_unknown_parameter(self):
        self.bad(self.client.list(nosuch="1"), 400, "invalid")
        self.bad(self.client.list(pageSize="many"), 400, "invalidParameter")
        self.bad(self.client.list(pageSize="0"), 400, "invalidParameter")

    def test_no_token_and_wrong_token(self):
        answer = self.client.request("GET", "/drive/v3/about?fields=user", auth=False)
        error = self.bad(answer, 401, "required")
        self.assertEqual(error["details"][0]["metadata"]["method"],
                         "google.apps.drive.v3.DriveAbout.Get")
        answer = self.client.request("GET", "/drive/v3/about?fields=user",
                                     headers={"Authorization": "Bearer nonsense"})
        error = self.bad(answer, 401, "authError")
        self.assertEqual(error["status"], "UNAUTHENTICATED")
        self.assertIn("invalid_token", answer.headers["www-authenticate"])

    def test_body_that_is_no_json(self):
        self.bad(self.client.call("POST", FILES, b"{nonsense", {
            "Content-Type": "application/json"}), 400, "parseError")

    def test_no_such_address(self):
        self.assertEqual(self.client.get("/drive/v3/nosuch").status, 404)
        self.assertEqual(self.client.call("PUT", "/upload/drive/v3/files/" + self.ID, b"x",
                                          uploadType="media").status, 404)


class Listing(Case):
    def setUp(self):
        super().setUp()
        for name in ("alpha one", "Beta", "it's", "back\\slash", "ünï 🙂"):
            self.good(self.client.create(name, properties={"n": name[:3]}))

    def test_queries(self):
        for q, names in (
                ("name = 'beta'", ["Beta"]), ("name contains 'al'", ["alpha one"]),
                ("name contains 'one'", ["alpha one"]), ("name contains 'lpha'", []),
                (r"name = 'it\'s'", ["it's"]), (r"name='back\\slash'", ["back\\slash"]),
                ("name = 'ünï 🙂'", ["ünï 🙂"]), ("not name contains 'b'",
                                               ["alpha one", "it's", "ünï 🙂"]),
                ("(name = 'Beta' or name = 'alpha one') and trashed=false",
                 ["Beta", "alpha one"]),
                ("properties has { key='n' and value='Bet' }", ["Beta"]),
                ("mimeType contains 'application/vnd'", []),
                ("modifiedTime > '2000-01-01T00:00:00' and starred = false and name='Beta'",
                 ["Beta"]), ("modifiedTime < '2000-01-01'", [])):
            self.assertEqual(self.names(q), sorted(names), q)

    def test_bad_queries(self):
        for q in ("nosuch = 'x'", "name = x", "name == 'x'", "id = 'x'", "name 'x'", "trashed",
                  "name = 'x' and", "(name = 'x'", "name = 'x", "trashed = 'true'",
                  "modifiedTime > 'yesterday'", "'x' in nosuch", "name has 'x'"):
            error = self.bad(self.client.list(q), 400, "invalid")
            self.assertEqual(error["errors"][0]["location"], "q", q)
        self.assertEqual(self.client.list("name > 'x'").status, 500)
        self.bad(self.client.list("'nosuch' in parents"), 404, "notFound")

    def test_pages(self):
        q, found, token = "'%s' in parents" % self.folder, [], None
        for _ in range(10):
            page = self.good(self.client.list(q, pageSize=2, pageToken=token,
                                              fields="nextPageToken,files/name"))
            self.assertLessEqual(len(page["files"]), 2)
            found += [file["name"] for file in page["files"]]
            token = page.get("nextPageToken")
            if not token:
                break
        self.assertEqual(len(found), len(set(found)), 5)
        self.bad(self.client.list(q, pageToken="nonsense"), 400, "invalid")

    def test_order(self):
        q = "'%s' in parents" % self.folder
        files = self.good(self.client.list(q, orderBy="folder,name desc"))["files"]
        names = [file["name"] for file in files]
        self.assertEqual(names, sorted(names, key=str.lower, reverse=True))
        self.bad(self.client.list(q, orderBy="nosuch"), 400, "invalid")

    def test_without_all_drives_nothing_is_found(self):
        q = "'%s' in parents" % self.folder
        self.bad(self.client.get(FILES, q=q, supportsAllDrives=None), 404, "notFound")
        self.bad(self.client.get(FILES + "/" + self.folder, supportsAllDrives=None), 404,
                 "notFound")

    def test_corpora(self):
        drive = self.drive.drive_id
        found = self.good(self.client.list(corpora="drive", driveId=drive, pageSize=1000))
        self.assertTrue(found["files"])
        self.bad(self.client.list(corpora="drive"), 400, "invalidParameter")
        self.bad(self.client.list(corpora="nosuch"), 400, "invalid")

    def test_mask_and_print(self):
        answer = self.client.list("'%s' in parents" % self.folder, fields="files(id,mimeType)",
                                  prettyPrint="false")
        self.assertEqual(set(answer.json["files"][0]), {"id", "mimeType"})
        self.assertEqual(answer.body.count(b"\n"), 1)

    def test_method_override_and_gzip(self):
        token = {"Authorization": "Bearer " + self.client.token,
                 "X-HTTP-Method-Override": "GET", "Accept-Encoding": "gzip",
                 "User-Agent": "test (gzip)", "Content-Type": "application/x-www-form-urlencoded"}
        body = "supportsAllDrives=true&includeItemsFromAllDrives=true&q=name+%3D+%27Beta%27"
        answer = self.client.request("POST", FILES, body, token)
        self.assertEqual((answer.status, answer.headers["content-encoding"]), (200, "gzip"))


class Downloads(Case):
    def setUp(self):
        super().setUp()
        self.bytes = bytes(range(256)) * 40
        self.id = self.good(self.client.upload(self.bytes))["id"]

    def test_ranges(self):
        size = len(self.bytes)
        for first, last, status, part in (
                (None, None, 200, self.bytes), (0, 0, 206, self.bytes[:1]),
                (5, 9, 206, self.bytes[5:10]), (100, None, 206, self.bytes[100:]),
                (0, size * 2, 206, self.bytes), ("", 7, 206, self.bytes[-7:])):
            answer = self.client.media(self.id, first, last)
            self.assertEqual((answer.status, answer.body), (status, part), (first, last))
        answer = self.client.media(self.id, 5, 9)
        self.assertEqual(answer.headers["content-range"], "bytes 5-9/%d" % size)

    def test_beyond_the_end(self):
        answer = self.client.media(self.id, len(self.bytes))
        self.bad(answer, 416, "requestedRangeNotSatisfiable")
        self.assertEqual(answer.headers["content-range"], "bytes */%d" % len(self.bytes))

    def test_empty_file_has_no_ranges(self):
        empty = self.good(self.client.upload(b""))["id"]
        self.assertEqual(self.client.media(empty, 0, 9).status, 416)
        self.assertEqual(self.client.media(empty).body, b"")

    def test_if_match_is_ignored_and_head_has_no_body(self):
        answer = self.client.get(FILES + "/" + self.id, {"If-Match": '"x"', "Range": "bytes=0-3"},
                                 alt="media")
        self.assertEqual(answer.status, 206)
        self.assertNotIn("etag", answer.headers)
        answer = self.client.call("HEAD", FILES + "/" + self.id, alt="media")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["content-length"], str(len(self.bytes)))

    def test_folders_have_no_bytes(self):
        self.bad(self.client.media(self.folder), 403, "fileNotDownloadable")

    def test_restricted_for_readers(self):
        self.good(self.client.call("PATCH", FILES + "/" + self.id, {
            "copyRequiresWriterPermission": True}))
        reader, _ = self.account(role="reader")
        self.bad(reader.media(self.id), 403, "cannotDownloadFile")


class Rights(Case):
    def test_roles_on_the_shared_drive(self):
        made = self.good(self.client.create())
        path = FILES + "/" + made["id"]
        stranger, _ = self.account()
        self.bad(stranger.get(path), 404, "notFound")
        reader, _ = self.account(role="reader")
        self.good(reader.get(path))
        self.bad(reader.call("PATCH", path, {"name": "x"}), 403, "insufficientFilePermissions")
        self.bad(reader.create(), 403, "insufficientParentPermissions")
        writer, _ = self.account(role="writer")
        self.good(writer.call("PATCH", path, {"name": "x"}))
        self.bad(writer.call("PATCH", path, {"trashed": True}), 403,
                 "insufficientFilePermissions")

    def test_service_accounts_have_no_storage(self):
        made = self.good(self.client.create(parent="root", mimeType=FOLDER))
        answer = self.client.upload(b"x", parent=made["id"])
        error = self.bad(answer, 403, "storageQuotaExceeded")
        self.assertEqual(error["errors"][0]["domain"], "usageLimits")
        self.assertTrue(error["message"].startswith("Service Accounts do not have storage quota."))
        answer = self.client.call("POST", "/upload/drive/v3/files", {"parents": [made["id"]]},
                                  uploadType="resumable")
        self.bad(answer, 403, "storageQuotaExceeded")

    def test_users_have_a_quota(self):
        user, _ = self.account(kind="user", email="full@example.com", limit=10)
        made = self.good(user.upload(b"12345678", parent="root"))
        self.bad(user.upload(b"12345678", parent="root"), 403, "storageQuotaExceeded")
        about = self.good(user.get("/drive/v3/about", fields="storageQuota,user/emailAddress",
                                   supportsAllDrives=None))
        self.assertEqual(about["storageQuota"]["usage"], "8")
        self.assertEqual(about["storageQuota"]["limit"], "10")
        self.assertEqual(user.call("DELETE", FILES + "/" + made["id"]).status, 204)

    def test_shared_folder_of_a_user(self):
        user, _ = self.account(kind="user", email="sharer@example.com")
        folder = self.good(user.create(parent="root", mimeType=FOLDER))["id"]
        file_id = self.good(user.upload(b"old", parent=folder))["id"]
        guest, spec = self.account()
        self.bad(guest.get(FILES + "/" + file_id), 404, "notFound")
        self.good(user.call("POST", FILES + "/%s/permissions" % folder, {
            "type": "user", "role": "writer", "emailAddress": spec["email"]}))
        self.bad(guest.upload(b"new", parent=folder), 403, "storageQuotaExceeded")
        self.good(guest.upload(b"new", file_id=file_id))       # the owner pays
        self.bad(guest.call("PATCH", FILES + "/" + file_id, {"trashed": True}), 403,
                 "insufficientFilePermissions")
        found = self.good(guest.list("'%s' in parents" % folder))["files"]
        self.assertEqual([file["id"] for file in found], [file_id])

    def test_trash_is_emptied_by_organizers(self):
        made = self.good(self.client.create())
        path = FILES + "/" + made["id"]
        self.good(self.client.call("PATCH", path, {"trashed": True}))
        drive = self.drive.drive_id
        self.bad(self.client.call("DELETE", FILES + "/trash", driveId=drive,
                                  supportsAllDrives=None), 403, "insufficientFilePermissions")
        boss, _ = self.account(role="organizer")
        self.assertEqual(boss.call("DELETE", FILES + "/trash", driveId=drive,
                                   supportsAllDrives=None).status, 204)
        self.bad(boss.get(path), 404, "notFound")

    def test_drives_and_about(self):
        drives = self.good(self.client.get("/drive/v3/drives", supportsAllDrives=None))["drives"]
        self.assertIn({"kind": "drive#drive", "id": self.drive.drive_id, "name": "Models"}, drives)
        self.good(self.client.get("/drive/v3/drives/" + self.drive.drive_id, fields="*",
                                  supportsAllDrives=None))
        self.bad(self.client.get("/drive/v3/about", supportsAllDrives=None), 400, "required")
        self.bad(self.client.call("POST", "/drive/v3/drives", {"name": "x"}, requestId="1",
                                  supportsAllDrives=None), 403, "userCannotCreateTeamDrives")


class Batch(Case):
    def test_calls_are_answered_in_parts(self):
        made = self.good(self.client.create("one"))
        calls = ["GET %s/%s?fields=name&supportsAllDrives=true" % (FILES, made["id"]),
                 "GET %s/nosuch HTTP/1.1" % FILES,
                 "GET %s/%s?alt=media" % (FILES, made["id"]),
                 "PATCH %s/%s?supportsAllDrives=true HTTP/1.1\r\nContent-Type: application/json"
                 "\r\nContent-Length: 14\r\n\r\n{\"name\":\"two\"}" % (FILES, made["id"])]
        body = "".join("--b\r\nContent-Type: application/http\r\nContent-ID: <c%d>\r\n\r\n%s\r\n"
                       "\r\n" % (number, call) for number, call in enumerate(calls)) + "--b--"
        answer = self.client.request("POST", "/batch/drive/v3", body, {
            "Content-Type": "multipart/mixed; boundary=b"})
        self.assertEqual(answer.status, 200, answer.body)
        text = answer.body.decode()
        self.assertEqual([line.split()[1] for line in text.splitlines()
                          if line.startswith("HTTP/1.1 ")], ["200", "404", "302", "200"])
        self.assertIn("Content-ID: <response-c3>", text)
        self.assertEqual(self.names(None), ["two"])
        self.assertEqual(self.client.request("POST", "/batch", b"").status, 404)
