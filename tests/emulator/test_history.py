# SPDX-License-Identifier: MIT
"""Revisions and the change feed."""
from .client import FOLDER
from .testbase import Case

FILES = "/drive/v3/files"


class Revisions(Case):
    def setUp(self):
        super().setUp()
        self.id = self.good(self.client.upload(b"one"))["id"]
        self.path = FILES + "/%s/revisions" % self.id

    def add(self, content, **params):
        """New content; the revision's id."""
        answer = self.client.call(
            "PATCH", "/upload/drive/v3/files/" + self.id, content,
            {"Content-Type": "application/octet-stream"}, uploadType="media",
            fields="headRevisionId", **params)
        return self.good(answer)["headRevisionId"]

    def ask(self, method="GET", below="", body=None, **params):
        """A request below the file's revisions."""
        return self.client.call(method, self.path + below, body, supportsAllDrives=None, **params)

    def test_list(self):
        second = self.add(b"two2")
        found = self.good(self.ask(fields="revisions(id,size,keepForever,md5Checksum)"))
        self.assertEqual([r["size"] for r in found["revisions"]], ["3", "4"])
        self.assertEqual(found["revisions"][1]["id"], second)
        page = self.good(self.ask(pageSize=1))
        self.assertEqual(set(page["revisions"][0]), {"kind", "id", "mimeType", "modifiedTime"})
        rest = self.good(self.ask(pageSize=1, pageToken=page["nextPageToken"]))
        self.assertNotIn("nextPageToken", rest)

    def test_old_bytes_only_while_kept(self):
        kept = self.add(b"kept", keepRevisionForever="true")
        loose = self.add(b"loose")
        head = self.add(b"head")
        self.assertEqual(self.ask(below="/" + kept, alt="media").body, b"kept")
        self.assertEqual(self.ask(below="/" + head, alt="media").body, b"head")
        self.bad(self.ask(below="/" + loose, alt="media"), 403,
                 "download_restricted_for_revision")
        self.good(self.ask("PATCH", "/" + loose, {"keepForever": True}))
        answer = self.client.call("GET", self.path + "/" + loose, None, {"Range": "bytes=1-2"},
                                  supportsAllDrives=None, alt="media")
        self.assertEqual((answer.status, answer.body), (206, b"oo"))

    def test_pins_cannot_be_unset_only_deleted(self):
        kept = self.add(b"kept", keepRevisionForever="true")
        head = self.add(b"head")
        self.bad(self.ask("PATCH", "/" + kept, {"keepForever": False}), 400,
                 "illegalKeepForeverModification")
        self.assertEqual(self.ask("DELETE", "/" + kept).status, 204)
        self.bad(self.ask(below="/" + kept), 404, "notFound")
        self.assertEqual(self.ask("DELETE", "/" + head).status, 403)

    def test_history_of_the_control_port(self):
        made = self.good(self.client.upload(b"one"))["id"]
        self.good(self.client.upload(b"three", file_id=made))
        self.good(self.client.call("PATCH", "/drive/v3/files/" + made, {"trashed": True}))
        found = next(one for one in self.drive.history() if one["id"] == made)
        self.assertEqual([one["size"] for one in found["revisions"]], [3, 5])
        times = [one["ms"] for one in found["revisions"]] + [found["trashed_ms"]]
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual((found["parents"], found["trashed"]), ([self.folder], True))

    def test_limits(self):
        self.drive.switches(keep_forever_max=2, revisions_keep=2)
        for number in range(2):
            self.add(b"%d" % number, keepRevisionForever="true")
        answer = self.client.call(
            "PATCH", "/upload/drive/v3/files/" + self.id, b"x", uploadType="media",
            keepRevisionForever="true")
        self.bad(answer, 403, "keepForeverLimitExceeded")
        for number in range(5):
            self.add(b"%d" % number)
        found = self.good(self.ask(fields="revisions/keepForever"))["revisions"]
        self.assertEqual([r["keepForever"] for r in found], [True, True, False, False, False])

    def test_readers_may_not(self):
        reader, _ = self.account(role="reader")
        self.bad(reader.get(self.path, supportsAllDrives=None), 403,
                 "insufficientFilePermissions")
        self.drive.switches(revisions_hidden=True)
        self.bad(self.ask(), 403, "insufficientFilePermissions")


class Changes(Case):
    def setUp(self):
        super().setUp()
        self.token = self.start()

    def start(self, **params):
        """A start token."""
        return self.good(self.client.get("/drive/v3/changes/startPageToken",
                                         **params))["startPageToken"]

    def changes(self, token=None, client=None, **params):
        """One page of changes."""
        return self.good((client or self.client).get(
            "/drive/v3/changes", pageToken=token or self.token,
            includeItemsFromAllDrives="true", **params))

    def test_every_kind_of_change(self):
        made = self.good(self.client.create("a"))
        self.good(self.client.call("PATCH", FILES + "/" + made["id"], {"trashed": True}))
        page = self.changes(fields="newStartPageToken,changes(fileId,removed,file(trashed,name))")
        self.assertEqual(page["changes"], [{"fileId": made["id"], "removed": False,
                                            "file": {"trashed": True, "name": "a"}}])
        boss, _ = self.account(role="organizer")
        token = self.changes()["newStartPageToken"]
        self.assertEqual(boss.call("DELETE", FILES + "/" + made["id"]).status, 204)
        page = self.changes(token)
        self.assertEqual([(c["fileId"], c["removed"]) for c in page["changes"]],
                         [(made["id"], True)])
        self.assertNotIn("file", page["changes"][0])
        self.assertEqual(self.changes(token, includeRemoved="false")["changes"], [])

    def test_pages(self):
        for number in range(5):
            self.good(self.client.create(str(number)))
        page, seen = self.changes(pageSize=2), []
        while "nextPageToken" in page:
            self.assertNotIn("newStartPageToken", page)
            seen += page["changes"]
            page = self.changes(page["nextPageToken"], pageSize=2)
        seen += page["changes"]
        self.assertEqual([c["file"]["name"] for c in seen], list("01234"))

    def test_tokens(self):
        for token in ("nonsense", "0", "99999999"):
            answer = self.client.get("/drive/v3/changes", pageToken=token)
            self.assertEqual((answer.status, answer.reason), (400, "invalid"))
        self.bad(self.client.get("/drive/v3/changes"), 400, "required")
        drive = self.drive.drive_id
        own = self.start(driveId=drive)
        self.assertEqual(self.changes(own, driveId=drive)["changes"], [])
        answer = self.client.get("/drive/v3/changes", pageToken=self.token, driveId=drive)
        self.bad(answer, 400, "invalid")
        self.drive.switches(page_token_410=True)
        self.assertEqual(self.client.get("/drive/v3/changes", pageToken="0").status, 410)

    def test_shared_drives_only_for_those_who_ask(self):
        self.good(self.client.create("a"))
        answer = self.client.get("/drive/v3/changes", pageToken=self.token)
        self.assertEqual(answer.json["changes"], [])

    def test_children_of_a_trashed_folder(self):
        folder = self.good(self.client.create(mimeType=FOLDER))["id"]
        below = self.good(self.client.create(parent=folder))["id"]
        for on, ids in ((False, {folder}), (True, {folder, below})):
            self.drive.switches(changes_children=on)
            token = self.start()
            self.good(self.client.call("PATCH", FILES + "/" + folder, {"trashed": not on}))
            self.assertEqual({c["fileId"] for c in self.changes(token)["changes"]}, ids)

    def test_lag(self):
        self.drive.switches(changes_lag_s=3600)
        token = self.start()
        self.good(self.client.create("late"))
        page = self.changes(token)
        self.assertEqual((page["changes"], page["newStartPageToken"]), ([], token))
        self.drive.switches(changes_lag_s=0)
        self.assertIn("late", [c["file"]["name"] for c in self.changes(
            token, pageSize=1000)["changes"] if "file" in c])

    def test_lost_membership_is_a_removal_of_the_drive(self):
        guest, spec = self.account(role="reader")
        token = self.start()
        self.drive.ask("POST", "/member", {"email": spec["email"], "role": None})
        page = self.changes(token, client=guest)
        self.assertEqual([(c["changeType"], c["removed"], c["driveId"]) for c in page["changes"]],
                         [("drive", True, self.drive.drive_id)])
