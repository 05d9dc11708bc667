# SPDX-License-Identifier: MIT
"""One test for each way in which Drive surprises that test_behaviour.py does not show."""
import email.utils
import hashlib
import http.client
import json
import os
import re
import time
import unittest
import zlib

from .client import FOLDER, Client
from .faults import ACTIONS
from .launch import LocalDrive, LocalDriveError
from .odd import NAMES
from .switches import SWITCHES
from .testbase import Case

BROKEN = (http.client.HTTPException, OSError)
FILES = "/drive/v3/files"
QUANTUM = 256 * 1024


class Listings(Case):
    """Pages, names, changes."""

    def test_page_size_max(self):
        self.drive.fill(self.folder, 500)
        self.drive.switches(page_size_max=1, incomplete_search=True)
        token, pages, incomplete = None, 0, False
        while pages == 0 or token:
            page = self.good(self.client.list("'%s' in parents" % self.folder, pageSize=1000,
                                              pageToken=token, fields="nextPageToken,"
                                              "incompleteSearch,files(id)"))
            token, pages, incomplete = page.get("nextPageToken"), pages + 1, page["incompleteSearch"]
        self.assertEqual((pages, incomplete), (500, True))

    def test_changes_repeat_and_pages(self):
        token = self._token()
        made = self.good(self.client.create("one"))["id"]
        for name in ("two", "three"):
            self.good(self.client.call("PATCH", FILES + "/" + made, {"name": name}))
        self.assertEqual(self._seen(token), ["three"])
        self.drive.switches(changes_repeat=True)
        self.assertEqual(self._seen(token), ["three"] * 3)
        self.drive.switches(page_size_max=1)
        self.assertEqual(self._seen(token), ["three"] * 3)

    def _token(self):
        return self.good(self.client.get("/drive/v3/changes/startPageToken"))["startPageToken"]

    def _seen(self, token):
        names = []
        while True:
            page = self.good(self.client.get("/drive/v3/changes", pageToken=token,
                                             includeItemsFromAllDrives="true"))
            names += [entry["file"]["name"] for entry in page["changes"]]
            if "newStartPageToken" in page:
                return names
            token = page["nextPageToken"]

    def test_changes_lag(self):
        token = self._token()
        self.drive.switches(changes_lag_s=3600)
        self.good(self.client.create("late"))
        self.assertEqual(self._seen(token), [])
        self.drive.switches(changes_lag_s=0)
        self.assertEqual(self._seen(token), ["late"])

    def test_tokens_are_forgotten(self):
        token = self._token()
        self._seen(token)
        self.drive.ask("POST", "/changes/forget")
        self.bad(self.client.get("/drive/v3/changes", pageToken=token), 400, "invalid")
        self.drive.switches(page_token_410=True)
        self.bad(self.client.get("/drive/v3/changes", pageToken=token), 410, "deleted")
        self._seen(self._token())

    def test_a_subtree_moves_in_silence(self):
        inner = self.good(self.client.create("inner", mimeType=FOLDER))["id"]
        self.good(self.client.create("below", parent=inner))
        for children, wanted in ((False, ["inner"]), (True, ["below", "inner"])):
            self.drive.switches(changes_children=children)
            token = self._token()
            self.good(self.client.call("PATCH", FILES + "/" + inner, {"trashed": True}))
            self.assertEqual(sorted(self._seen(token)), wanted)
            self.good(self.client.call("PATCH", FILES + "/" + inner, {"trashed": False}))

    def test_zoo(self):
        self.drive.switches(zoo=True)
        folder = self.drive.new_folder()
        found = self.good(self.client.list("'%s' in parents" % folder, pageSize=1000, fields="*"))
        names = [file["name"] for file in found["files"]]
        self.assertTrue(set(NAMES) <= set(names))
        self.assertEqual(names.count("duplicate"), 3)
        by_name = {file["name"]: file for file in found["files"]}
        document = by_name["a document"]
        self.assertEqual((document["size"], "headRevisionId" in document), ("1024", False))
        self.bad(self.client.media(document["id"]), 403, "fileNotDownloadable")
        self.assertEqual(by_name["loop"]["shortcutDetails"]["targetId"], folder)
        target = by_name["dangling"]["shortcutDetails"]["targetId"]
        self.bad(self.client.get(FILES + "/" + target), 404, "notFound")
        self.assertEqual(self.client.media(by_name["nul\0byte"]["id"]).body, b"nul\0byte")
        self.bad(self.client.media(by_name["empty"]["id"], 0, 0), 416, "requestedRangeNotSatisfiable")

    def test_bad_utf8(self):
        made = self.good(self.client.create("x\ufffdy"))
        for kind, data in (("byte", b'"x\xffy"'), ("overlong", b'"x\xc0\xafy"'),
                           ("surrogate", b'"x\\ud800y"')):
            self.drive.switches(bad_utf8=kind)
            self.assertIn(data, self.client.get(FILES + "/" + made["id"]).body)


class Downloads(Case):
    """Bytes that come otherwise than one thinks."""

    def setUp(self):
        super().setUp()
        self.data = b"0123456789" * 1000
        self.id = self.good(self.client.upload(self.data))["id"]

    def test_empty_range(self):
        empty = self.good(self.client.upload(b""))["id"]
        answer = self.client.media(empty, 0, 9)
        self.assertEqual((answer.status, answer.headers["content-range"]), (416, "bytes */0"))
        self.drive.switches(empty_range_200=True)
        answer = self.client.media(empty, 0, 9)
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_gzip(self):
        self.drive.switches(gzip_media=True)
        for headers, wanted in (({"Accept-Encoding": "gzip"}, self.data),
                                ({"Accept-Encoding": "gzip", "Range": "bytes=5-9"}, b"56789")):
            answer = self.client.get(FILES + "/" + self.id, headers, alt="media")
            self.assertEqual(answer.headers["content-encoding"], "gzip")
            self.assertEqual(zlib.decompress(answer.body, 31), wanted)
        self.assertEqual(self.client.media(self.id).body, self.data)
        asked = {"Accept-Encoding": "gzip", "User-Agent": "x"}
        for always in (False, True):
            self.drive.switches(gzip_always=always)
            answer = self.client.get(FILES + "/" + self.id, asked)
            self.assertEqual("content-encoding" in answer.headers, always)

    def test_media_needs_all_drives(self):
        for needed, status in ((False, 200), (True, 404)):
            self.drive.switches(media_needs_all_drives=needed)
            self.assertEqual(self.client.media(self.id, supportsAllDrives=None).status, status)
        self.assertEqual(self.client.media(self.id).body, self.data)

    def test_revisions_are_redirected_too(self):
        self.drive.switches(media_redirect=True)
        answer = self.client.get(FILES + "/%s/revisions/head" % self.id, alt="media",
                                 supportsAllDrives=None)
        self.assertEqual(answer.status, 302)
        path = "/" + answer.headers["location"].split("/", 3)[3]
        self.assertEqual(self.client.request("GET", path).body, self.data)

    def test_401_in_the_middle(self):
        self.drive.fault(path="alt=media", action="cut", after=4000)
        self.drive.fault(path="alt=media", nth=2, status=401)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.client.media(self.id)
        self.assertEqual(len(caught.exception.partial), 4000)
        self.bad(self.client.media(self.id, 4000), 401, "authError")
        self.assertEqual(self.client.media(self.id, 4000).body, self.data[4000:])

    def test_reset(self):
        self.drive.fault(path="alt=media", action="reset")
        with self.assertRaises(ConnectionResetError):
            self.client.media(self.id)
        self.drive.clear_faults()
        self.drive.fault(path="alt=media", action="reset", after=100)
        with self.assertRaises(BROKEN):
            self.client.media(self.id)
        self.assertEqual(self.client.media(self.id).body, self.data)

    def test_freeze(self):
        self.drive.fault(path="alt=media", action="freeze", after=100)
        client = Client(self.drive, token=self.client.token, timeout=0.2)
        self.addCleanup(client.close)
        with self.assertRaises(BROKEN):
            client.media(self.id)
        self.assertEqual(self.drive.log()[-1]["bytes_out"], 100)

    def test_crawl(self):
        tiny = self.good(self.client.upload(b"abc"))["id"]
        self.drive.fault(path="alt=media", action="crawl", rate=20)
        began = time.monotonic()
        self.assertEqual(self.client.media(tiny).body, b"abc")
        self.assertGreater(time.monotonic() - began, 0.1)
        with self.assertRaises(LocalDriveError):
            self.drive.fault(action="crawl", rate=0)

    def test_abusive(self):
        self.drive.switches(abusive="fi*")
        self.bad(self.client.media(self.id), 403, "cannotDownloadAbusiveFile")
        self.bad(self.client.media(self.id, acknowledgeAbuse="true"), 403, "invalidAbuseAcknowledgment")
        owner, _ = self.account(role="organizer")
        self.assertEqual(owner.media(self.id, acknowledgeAbuse="true").body, self.data)
        self.good(self.client.get(FILES + "/" + self.id))

    def test_download_restricted(self):
        self.drive.switches(download_restricted="file")
        self.bad(self.client.media(self.id), 403, "cannotDownloadFile")
        found = self.good(self.client.get(FILES + "/" + self.id, fields="capabilities"))
        self.assertFalse(found["capabilities"]["canDownload"])

    def test_restrictions_of_one_file(self):
        reader, _ = self.account(role="reader")
        for name, read, write in (("restrictedForReaders", 403, 200), ("restrictedForWriters", 403, 403)):
            item = {"itemDownloadRestriction": {name: True}}
            self.good(self.client.call("PATCH", FILES + "/" + self.id, {"downloadRestrictions": item}))
            self.assertEqual((reader.media(self.id).status, self.client.media(self.id).status),
                             (read, write))

    def test_old_revisions(self):
        old = self.good(self.client.get(FILES + "/" + self.id, fields="headRevisionId"))["headRevisionId"]
        self.good(self.client.upload(b"new", file_id=self.id))
        path = "%s/%s/revisions/%s" % (FILES, self.id, old)
        answer = self.client.get(path, alt="media", supportsAllDrives=None)
        self.bad(answer, 403, "download_restricted_for_revision")
        self.drive.switches(revisions_open=True)
        self.assertEqual(self.client.get(path, alt="media", supportsAllDrives=None).body, self.data)
        self.drive.switches(revisions_open=False, revisions_keep=0)
        self.good(self.client.upload(b"newer", file_id=self.id))
        self.bad(self.client.get(path, supportsAllDrives=None), 404, "notFound")


class Uploads(Case):
    """Sessions and creates that go wrong."""

    def test_forget_chunks(self):
        location = self.client.begin(2 * QUANTUM).headers["location"]
        self.drive.switches(forget_chunks=1)
        answer = self.client.put(location, bytes(QUANTUM), "bytes 0-262143/524288")
        self.assertEqual((answer.status, "range" in answer.headers), (308, False))
        answer = self.client.put(location, bytes(QUANTUM), "bytes 0-262143/524288")
        self.assertEqual(answer.headers["range"], "bytes=0-262143")
        self.good(self.client.put(location, bytes(QUANTUM), "bytes 262144-524287/524288"))

    def test_a_lost_final_answer(self):
        one = self.good(self.client.get(FILES + "/generateIds", count=1, supportsAllDrives=None))["ids"][0]
        self.drive.fault(path="uploadType=multipart", action="lose")
        with self.assertRaises(BROKEN):
            self.client.upload(b"data", id=one)
        self.bad(self.client.upload(b"data", id=one), 409, "fileIdInUse")
        location = self.client.begin(4).headers["location"]
        self.drive.fault(path="upload_id=", action="lose")
        with self.assertRaises(BROKEN):
            self.client.put(location, b"data")
        self.assertEqual(self.good(self.client.put(location, b"", "bytes */4"))["size"], "4")

    def test_daily_upload_limit(self):
        self.drive.switches(daily_upload_bytes=10)
        self.good(self.client.upload(b"12345678"))
        error = self.bad(self.client.upload(b"123"), 403, "userRateLimitExceeded")
        self.assertEqual(error["message"], "User rate limit exceeded.")
        self.drive.restart()
        self.client.close()
        self.assertEqual(self.client.upload(b"123").status, 403, "kill -9 gives no new day")
        self.good(self.client.upload(b"12"))
        self.assertEqual(self.client.begin(1).status, 403)
        self.good(self.client.create("folder", mimeType=FOLDER))


class Limits(Case):
    """Quotas and storms."""

    def test_units_of_2026(self):
        file_id = self.good(self.client.upload(b"data"))["id"]
        self.drive.switches(rate_limit_units=200)
        self.good(self.client.get(FILES + "/" + file_id))             # 5
        self.good(self.client.list())                                 # 100
        error = self.bad(self.client.media(file_id), 403, "userRateLimitExceeded")     # 200
        self.assertIn("'Queries per minute per user'", error["message"])
        self.assertEqual(error["errors"][0]["domain"], "usageLimits")
        self.good(self.client.create())                               # 50
        self.good(self.client.get(FILES + "/generateIds", supportsAllDrives=None))     # 5

    def test_quota_2026(self):
        self.drive.switches(quota_2026=True)
        made = [self.client.create().status for _ in range(104)]
        self.assertEqual(made[:100], [200] * 100)
        self.assertIn(403, made[100:])
        self.good(self.client.list())

    def test_project_units(self):
        other, _ = self.account(role="reader")
        self.drive.switches(rate_limit_project_units=110)
        self.good(self.client.list())
        error = self.bad(other.list(), 403, "rateLimitExceeded")
        self.assertIn("'Queries per minute'", error["message"])

    def test_retry_after_forms(self):
        self.drive.switches(retry_after=30)
        self.drive.fault(path="/about", status=429, count=2)
        ask = {"fields": "user", "supportsAllDrives": None}
        self.assertEqual(self.client.get("/drive/v3/about", **ask).headers["retry-after"], "30")
        self.drive.switches(retry_after_date=True)
        headers = self.client.get("/drive/v3/about", **ask).headers
        then, now = (email.utils.parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        self.assertIn((then - now).total_seconds(), (29, 30, 31))

    def test_storm_follows_its_seed(self):
        def run(seed):
            self.drive.switches(storm_percent=50, storm_seed=seed, storm_kinds="503,429,403,drop")
            found = []
            for _ in range(40):
                try:
                    found.append(self.client.list(pageSize=1).status)
                except BROKEN:
                    found.append(0)
            return found
        first = run(7)
        self.assertEqual(set(first), {200, 503, 429, 403, 0})
        self.assertEqual(run(7), first)
        self.assertNotEqual(run(8), first)
        with self.assertRaises(LocalDriveError):
            self.drive.switches(storm_kinds="rain")

    def test_clock(self):
        self.drive.switches(clock_skew_s=86400)
        headers = self.client.list().headers
        date = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        self.assertAlmostEqual(date - time.time(), 86400, delta=5)
        self.bad(self.client.list(), 401, "authError")


class Shared(Case):
    """Who sees what: links and their keys, apps that see only their own, what is shared with me."""

    def setUp(self):
        super().setUp()
        owner, made = self.account(kind="user", email="owner@example.com")
        self.owner, self.root = owner, made["root"]
        self.guest, self.guest_made = self.account()
        self.top = self.good(self.owner.create("linked", parent=self.root, mimeType=FOLDER))["id"]
        self.file = self.good(self.owner.upload(b"data", parent=self.top))["id"]

    def test_resource_keys(self):
        self.drive.ask("POST", "/share", {"id": self.top, "email": "anyone", "role": "reader"})
        self.good(self.guest.get(FILES + "/" + self.file))
        self.drive.switches(resource_keys=True)
        self.bad(self.guest.get(FILES + "/" + self.file), 404, "notFound")
        key = self.good(self.owner.get(FILES + "/" + self.top, fields="resourceKey"))["resourceKey"]
        shown = {"X-Goog-Drive-Resource-Keys": "x/y,%s/%s" % (self.top, key)}
        self.good(self.guest.get(FILES + "/" + self.file, shown))
        self.assertEqual(self.guest.get(FILES + "/" + self.file, shown, alt="media").body, b"data")
        found = self.good(self.guest.get(FILES, shown, q="'%s' in parents" % self.top))
        self.assertEqual([file["id"] for file in found["files"]], [self.file])
        link = self.good(self.owner.create("link", parent=self.root, shortcutDetails={
            "targetId": self.top}, mimeType="application/vnd.google-apps.shortcut"))
        self.assertEqual(link["shortcutDetails"]["targetResourceKey"], key)
        self.good(self.owner.get(FILES + "/" + self.file))

    def test_shared_with_me(self):
        self.drive.ask("POST", "/share", {"id": self.top, "email": self.guest_made["email"],
                                          "role": "writer"})
        found = self.good(self.guest.list("sharedWithMe = true", fields="files(id,parents,ownedByMe)"))
        self.assertEqual(found["files"], [{"id": self.top, "ownedByMe": False}])
        self.good(self.guest.upload(b"more", file_id=self.file))
        self.bad(self.guest.upload(b"new", parent=self.top), 403, "storageQuotaExceeded")
        self.bad(self.guest.call("DELETE", FILES + "/" + self.file), 403, "insufficientFilePermissions")

    def test_another_owner(self):
        heir, made = self.account(kind="user", email="heir@example.com")
        path = "%s/%s/permissions" % (FILES, self.file)
        body = {"type": "user", "role": "owner", "emailAddress": made["email"]}
        self.bad(self.owner.call("POST", path, body), 403, "forbidden")
        self.good(self.owner.call("POST", path, body, transferOwnership="true"))
        found = self.good(heir.get(FILES + "/" + self.file, fields="ownedByMe,owners(emailAddress)"))
        self.assertEqual(found, {"ownedByMe": True, "owners": [{"emailAddress": made["email"]}]})
        self.bad(self.owner.call("POST", path, body, transferOwnership="true"), 403,
                 "invalidOwnershipTransfer")
        self.good(heir.call("PATCH", FILES + "/" + self.file, {"trashed": True}))

    def test_a_shared_drive_is_renamed_and_deleted(self):
        made = self.good(self.owner.call("POST", "/drive/v3/drives", {"name": "one"}, requestId="r",
                                         supportsAllDrives=None))["id"]
        path = "/drive/v3/drives/" + made
        renamed = self.owner.call("PATCH", path, {"name": "two"}, supportsAllDrives=None)
        self.assertEqual(self.good(renamed)["name"], "two")
        inside = self.good(self.owner.create("inside", parent=made))["id"]
        refused = self.owner.call("DELETE", path, supportsAllDrives=None)
        self.bad(refused, 403, "cannotDeleteNonEmptyTeamDrive")
        self.assertEqual(self.owner.call("DELETE", FILES + "/" + inside).status, 204)
        self.assertEqual(self.owner.call("DELETE", path, supportsAllDrives=None).status, 204)
        self.bad(self.owner.get(path, supportsAllDrives=None), 404, "notFound")
        self.bad(self.guest.get(path, supportsAllDrives=None), 404, "notFound")

    def test_drive_file_scope(self):
        scope = "https://www.googleapis.com/auth/drive.file"
        made = json.loads(self.drive.ask("POST", "/account", {"role": "fileOrganizer", "scope": scope}))
        client = self.client_for(made["token"])
        theirs = self.good(self.client.create("theirs"))["id"]
        self.bad(client.get(FILES + "/" + theirs), 404, "notFound")
        mine = self.good(client.create("mine", parent=self.drive.drive_id))
        self.assertTrue(mine["isAppAuthorized"])
        self.assertEqual([file["id"] for file in self.good(client.list())["files"]], [mine["id"]])


class Table(unittest.TestCase):
    """The table of surprises in README.md."""

    def test_every_surprise_has_its_tests(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "README.md"), encoding="utf-8") as file:
            part = file.read().split("## Surprises")[1].split("\n## ")[0]
        rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")][2:]
        named = {word for row in rows for word in re.findall(r"`(\w+)`", row[1])}
        self.assertEqual(set(SWITCHES) - named, set())
        self.assertEqual(set(ACTIONS) - named, set())
        folders = (here, os.path.join(os.path.dirname(here), "mount"))
        for row in rows:
            for folder, cell in zip(folders, row[2:]):
                tests = re.findall(r"`(\w+)::(\w+)`", cell)
                if cell.strip(" |") == "pending" and folder != here:
                    continue                 # the mount does not survive it yet
                self.assertTrue(tests, row)
                for name, test in tests:
                    with open(os.path.join(folder, name + ".py"), encoding="utf-8") as file:
                        self.assertIn("def %s(" % test, file.read(), name)


class Start(Case):
    """The command line: switches and a seed."""

    def test_seed_and_switches(self):
        found = []
        for _ in range(2):
            with LocalDrive(seed="s", switches={"abusive": "*", "page_size_max": 3}) as drive:
                client = Client(drive)
                ids = [drive.folder, drive.drive_id, client.token, client.upload(b"x").json["id"]]
                digest = hashlib.sha256(" ".join(ids).encode()).hexdigest()
                self.assertEqual((drive.switches()["abusive"], drive.switches()["page_size_max"]), ("*", 3))
                client.close()
                drive.restart()
                self.assertEqual(drive.switches()["page_size_max"], 3)
                found.append((digest, drive.new_folder()))
        self.assertEqual(found[0], found[1])
        self.assertFalse(re.search(found[0][1], " ".join(ids)))
