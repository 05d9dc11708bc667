# SPDX-License-Identifier: MIT
"""What people report of the real Drive, beyond test_surprises.py: one test a point."""
import json
import urllib.parse

from .client import FOLDER, Client
from .testbase import Case

FILES = "/drive/v3/files"
PROJECT = {"X-Goog-User-Project": "elsewhere"}


class Listings(Case):
    """Who finds what, and how long it is."""

    def test_user_corpus(self):
        mine = self.good(self.client.create("mine"))["id"]
        self.good(self.client.create("changed", parent=self.folder))
        other, _ = self.account(role="fileOrganizer")
        everything = {"corpora": "drive", "driveId": self.drive.drive_id}
        q = "'%s' in parents" % self.folder
        self.drive.switches(user_corpus=True)
        self.assertEqual(self.good(other.list(q))["files"], [])
        self.assertEqual(len(self.good(other.list(q, **everything))["files"]), 2)
        self.good(other.call("PATCH", FILES + "/" + mine, {"description": "seen"}))
        self.assertEqual([file["id"] for file in self.good(other.list(q))["files"]], [mine])
        self.drive.switches(user_corpus=False)
        self.assertEqual(len(self.good(other.list(q))["files"]), 2)

    def test_who_is_no_member_has_the_user_corpus_only(self):
        guest, made = self.account()
        self.good(self.client.create("below"))
        self.drive.ask("POST", "/share", {"id": self.folder, "email": made["email"], "role": "writer"})
        self.drive.switches(user_corpus=True)
        q = "'%s' in parents" % self.folder
        self.bad(guest.list(q, corpora="drive", driveId=self.drive.drive_id), 404, "notFound")
        self.assertEqual(len(self.good(guest.list(q))["files"]), 1)

    def test_description_length(self):
        self.good(self.client.create("long"))
        self.drive.switches(description_length=12000)
        answer = self.client.list("'%s' in parents" % self.folder, fields="files(description)")
        self.assertEqual(answer.json["files"][0]["description"], "\1" * 12000)
        self.assertGreater(len(answer.body), 72000)

    def test_padding(self):
        self.drive.switches(padding_mib=1)
        answer = self.client.list("'%s' in parents" % self.folder, prettyPrint="false")
        self.assertGreater(len(answer.body), 1 << 20)
        self.assertEqual((answer.json["files"], answer.json["padding"][-1]), ([], 1))

    def test_several_parents(self):
        other = self.good(self.client.create("other", mimeType=FOLDER))["id"]
        file = self.good(self.client.upload(b"data", name="both"))["id"]
        self.bad(self._move(file, addParents=other), 403, "cannotAddParent")
        self.drive.switches(several_parents=True)
        self.bad(self._move(other, addParents=self.drive.drive_id), 403, "cannotAddParent")
        self.assertEqual(self.good(self._move(file, addParents=other))["parents"], [self.folder, other])
        self.drive.switches(several_parents=False)
        for folder in (self.folder, other):
            found = self.good(self.client.list("'%s' in parents and mimeType != '%s'" % (folder, FOLDER)))
            self.assertEqual([one["id"] for one in found["files"]], [file])
        either = "'%s' in parents or '%s' in parents" % (self.folder, other)
        self.assertEqual(self.names("(%s) and name = 'both'" % either), ["both"])
        self.good(self.client.call("PATCH", FILES + "/" + other, {"trashed": True}))
        self.assertFalse(self.good(self.client.get(FILES + "/" + file, fields="trashed"))["trashed"])
        owner, _ = self.account(role="organizer")
        self.assertEqual(owner.call("DELETE", FILES + "/" + other).status, 204)
        left = self.good(self.client.get(FILES + "/" + file, fields="parents"))
        self.assertEqual((left["parents"], self.client.media(file).body), ([self.folder], b"data"))

    def test_one_of_several_parents_is_left(self):
        other = self.good(self.client.create("other", mimeType=FOLDER))["id"]
        file = self.good(self.client.upload(b"data"))["id"]
        self.drive.switches(several_parents=True)
        self.good(self._move(file, addParents=other))
        self.drive.restart()
        self.client.close()
        self.assertEqual(self.good(self._move(file, removeParents=self.folder))["parents"], [other])
        self.assertEqual(self.names("mimeType != '%s'" % FOLDER), [])
        self.bad(self._move(file, removeParents=other), 403, "cannotAddParent")
        third = self.good(self.client.create("third", mimeType=FOLDER))["id"]
        self.assertEqual(self.good(self._move(file, addParents=third, removeParents=other))["parents"], [third])

    def _move(self, file, **params):
        return self.client.call("PATCH", FILES + "/" + file, {}, fields="parents", **params)


class Trash(Case):
    """The trash takes what is written into it, and says so in the answer only."""

    def test_a_file_is_made_in_a_trashed_folder(self):
        self.good(self.client.call("PATCH", FILES + "/" + self.folder, {"trashed": True}))
        for made in (self.client.create("empty"), self.client.upload(b"data", name="full")):
            made = self.good(made)
            self.assertEqual((made["trashed"], made["explicitlyTrashed"]), (True, False))
        self.assertEqual(self.names("trashed = false"), [])

    def test_a_trashed_file_is_written(self):
        file = self.good(self.client.upload(b"old"))["id"]
        self.good(self.client.call("PATCH", FILES + "/" + file, {"trashed": True}))
        self.assertTrue(self.good(self.client.upload(b"multi", file_id=file))["trashed"])
        location = self.client.begin(4, file_id=file).headers["location"]
        done = self.good(self.client.put(location, b"new!"))
        self.assertEqual((done["trashed"], done["explicitlyTrashed"], done["size"]), (True, True, "4"))
        self.assertEqual(self.drive.content(file), b"new!")


class Refusals(Case):
    """What Drive refuses, and in which words."""

    def test_rate_limit_words(self):
        usual = self._limited(403, "userRateLimitExceeded")
        self.assertEqual(usual["message"], "User Rate Limit Exceeded")
        self.drive.switches(rate_limit_words="short")
        short = self._limited(403, "rateLimitExceeded")
        self.assertEqual(short["message"], "User rate limit exceeded.")
        self.assertEqual(short["errors"][0]["reason"], "userRateLimitExceeded")
        self.drive.switches(rate_limit_words="info", retry_after=3)
        for status in (403, 429):
            self._is_info(self._limited(status, "rateLimitExceeded"), status)
        self.assertEqual(self._limited(403, "storageQuotaExceeded")["errors"][0]["reason"], "storageQuotaExceeded")

    def test_rate_limit_words_of_a_limit(self):
        self.drive.switches(rate_limit_words="info", rate_limit_status=429, rate_limit_units=120)
        self.good(self.client.list())
        answer = self.client.list()
        self.assertEqual(answer.status, 429)
        self._is_info(answer.json["error"], 429)

    def test_a_fault_may_ask_for_error_info(self):
        self._is_info(self._limited(403, "RATE_LIMIT_EXCEEDED"), 403)

    def _limited(self, status, reason):
        self.drive.clear_faults()
        self.drive.fault(path="/files/generateIds", status=status, reason=reason)
        return self.client.get(FILES + "/generateIds", supportsAllDrives=None).json["error"]

    def _is_info(self, error, status):
        self.assertEqual((error["code"], error["status"]), (status, "RESOURCE_EXHAUSTED"))
        self.assertNotIn("errors", error)
        self.assertEqual([one["reason"] for one in error["details"]], ["RATE_LIMIT_EXCEEDED"])

    def test_storage_refused(self):
        owner, made = self.account(kind="user", email="owner@example.com")
        quota = self.good(owner.get("/drive/v3/about", fields="storageQuota", supportsAllDrives=None))
        quota = quota["storageQuota"]
        self.assertGreater(int(quota["limit"]), int(quota["usage"]))
        file = self.good(owner.upload(b"old", parent=made["root"]))["id"]
        self.drive.switches(storage_refused="begin")
        self.bad(owner.upload(b"x", parent=made["root"]), 403, "storageQuotaExceeded")
        self.bad(owner.begin(1, file_id=file), 403, "storageQuotaExceeded")
        self.bad(self.client.upload(b"x"), 403, "storageQuotaExceeded")
        self.good(owner.create("folder", parent=made["root"], mimeType=FOLDER))
        self.drive.switches(storage_refused="end")
        location = owner.begin(1, file_id=file).headers["location"]
        self.bad(owner.put(location, b"x"), 403, "storageQuotaExceeded")
        self.assertEqual(owner.media(file).body, b"old")
        self.drive.switches(storage_refused="")
        self.good(owner.put(location, b"", "bytes */1"))
        self.assertEqual(owner.media(file).body, b"x")

    def test_user_project(self):
        self.good(self.client.list(headers=PROJECT))
        self.drive.switches(user_project="denied")
        error = self.bad(self.client.get("/drive/v3/about", PROJECT, fields="user", supportsAllDrives=None),
                         403, "forbidden")
        self.assertEqual((error["status"], error["details"][0]["reason"]),
                         ("PERMISSION_DENIED", "USER_PROJECT_DENIED"))
        self.good(self.client.list())
        owner, _ = self.account(kind="user", email="owner@example.com")
        self.drive.switches(user_project="needed")
        error = self.bad(owner.list(), 403, "accessNotConfigured")
        self.assertEqual(error["details"][0]["reason"], "SERVICE_DISABLED")
        self.good(owner.list(headers=PROJECT))
        self.good(self.client.list())

    def test_locked(self):
        self.drive.switches(locked="final*")
        file = self.good(self.client.upload(b"done", name="final.model"))
        self.assertTrue(file["contentRestrictions"][0]["readOnly"])
        able = file["capabilities"]
        self.assertEqual((able["canModifyContent"], able["canRename"], able["canEdit"]), (False, False, True))
        self.bad(self.client.upload(b"x", file_id=file["id"]), 403, "contentRestricted")
        self.bad(self.client.begin(1, file_id=file["id"]), 403, "contentRestricted")
        path = FILES + "/" + file["id"]
        self.bad(self.client.call("PATCH", path, {"name": "other"}), 403, "contentRestricted")
        self.good(self.client.call("PATCH", path, {"description": "may change"}))
        self.good(self.client.call("PATCH", path, {"trashed": True}))
        self.drive.switches(locked="")
        self.good(self.client.upload(b"x", file_id=file["id"]))

    def test_locked_by_a_request(self):
        file = self.good(self.client.upload(b"done"))["id"]
        for locked, status in ((True, 403), (False, 200)):
            self.good(self.client.call("PATCH", FILES + "/" + file, {"contentRestrictions": [
                {"readOnly": locked, **({"reason": "signed"} if locked else {})}]}))
            self.assertEqual(self.client.upload(b"x", file_id=file).status, status)

    def test_blocked_client(self):
        """gcloud's own client, by its id."""
        known = json.loads(self.drive.ask("POST", "/client", {"client_id": "7640.apps", "secret": "s"}))
        credential = json.loads(self.drive.ask("POST", "/account", {
            "kind": "user", "email": "owner@example.com"}))["credential"]
        asked = {"client_id": "7640.apps", "redirect_uri": "http://127.0.0.1:1/", "response_type": "code",
                 "scope": "openid https://www.googleapis.com/auth/drive", "state": "s"}
        page = "/o/oauth2/v2/auth?" + urllib.parse.urlencode(asked)
        client = Client(self.drive, token="")
        self.addCleanup(client.close)
        self.assertEqual(client.request("GET", page).status, 302)
        self.drive.switches(blocked_client="7640*")
        self.assertEqual(known["installed"]["client_id"], "7640.apps")
        answer = client.request("GET", page)
        self.assertEqual((answer.status, "location" in answer.headers), (403, False))
        self.assertIn(b"This app is blocked", answer.body)
        asked["scope"] = "openid https://www.googleapis.com/auth/cloud-platform"
        self.assertEqual(client.request("GET", "/o/oauth2/v2/auth?" + urllib.parse.urlencode(asked)).status, 302)
        form = {name: credential[name] for name in ("client_id", "client_secret", "refresh_token")}
        self.good(client.grant("refresh_token", **form))
        self.drive.switches(blocked_client=form["client_id"])
        answer = client.grant("refresh_token", **form)
        self.assertEqual((answer.status, answer.json["error"]), (403, "access_denied"))


class Downloads(Case):
    """Ranges of revisions, and where a redirect leads."""

    def test_revision_range_as_200(self):
        file = self.good(self.client.upload(b"0123456789"))
        path = "%s/%s/revisions/%s" % (FILES, file["id"], file["headRevisionId"])
        def ask():
            return self.client.get(path, {"Range": "bytes=2-4"}, alt="media", supportsAllDrives=None)
        self.assertEqual((ask().status, ask().body), (206, b"234"))
        self.drive.switches(revision_range_as_200=True)
        self.assertEqual((ask().status, ask().body), (200, b"0123456789"))
        self.assertEqual(self.client.media(file["id"], 2, 4).status, 206)

    def test_media_redirect_host(self):
        file = self.good(self.client.upload(b"data"))["id"]
        self.drive.switches(media_redirect=True, media_redirect_host="127.0.0.1")
        answer = self.client.media(file)
        there = urllib.parse.urlsplit(answer.headers["location"])
        self.assertEqual((answer.status, there.hostname, there.port), (302, "127.0.0.1", self.drive.port))
        other = Client(self.drive, token=self.client.token, host=there.hostname)
        self.addCleanup(other.close)
        self.assertEqual(other.request("GET", there.path + "?" + there.query).body, b"data")
        self.drive.reset_log()
        other.request("GET", there.path + "?" + there.query, auth=False)
        other.request("GET", there.path + "?" + there.query, None, {"X-Goog-Drive-Resource-Keys": "a/b"})
        seen = [(one["host"], one["auth"], one["keys"]) for one in self.drive.log()]
        host = "127.0.0.1:%d" % self.drive.port
        self.assertEqual(seen, [(host, False, False), (host, True, True)])
