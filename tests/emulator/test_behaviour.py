# SPDX-License-Identifier: MIT
"""Faults, switches, profiles, the control port: how a test makes Drive misbehave."""
import hashlib
import http.client
import os
import re
import socket
import ssl
import threading
import time

from . import server, switches
from .client import Client
from .launch import LocalDriveError
from .testbase import Case

BROKEN = (http.client.HTTPException, OSError)
FILES = "/drive/v3/files"
QUANTUM = 256 * 1024


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.id = self.good(self.client.upload(b"0123456789" * 1000))["id"]

    def test_status_nth_and_count(self):
        self.drive.fault(method="GET", path="/files/", nth=2, count=2, status=503)
        found = [self.client.get(FILES + "/" + self.id).status for _ in range(5)]
        self.assertEqual(found, [200, 503, 503, 200, 200])

    def test_reason_and_query_are_matched(self):
        self.drive.fault(path=r"\?.*alt=media", status=403, reason="userRateLimitExceeded")
        self.good(self.client.get(FILES + "/" + self.id))
        error = self.bad(self.client.media(self.id), 403, "userRateLimitExceeded")
        self.assertEqual(error["errors"][0]["domain"], "usageLimits")

    def test_drop_lose_and_log(self):
        for action, there in (("drop", 0), ("lose", 1)):
            self.drive.clear_faults()
            self.drive.reset_log()
            self.drive.fault(method="POST", path="/files", action=action)
            with self.assertRaises(BROKEN):
                self.client.create(action)
            self.assertEqual(len(self.names("name = '%s'" % action)), there)
            self.assertEqual(self.drive.log()[0]["status"], 0)

    def test_cut(self):
        self.drive.fault(path="alt=media", action="cut")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.client.media(self.id)
        self.assertEqual(len(caught.exception.partial), 5000)

    def test_corrupt(self):
        self.drive.fault(path="alt=media", action="corrupt")
        self.assertNotEqual(self.client.media(self.id).body, b"0123456789" * 1000)
        self.assertEqual(self.client.media(self.id).body, b"0123456789" * 1000)
        location = self.client.begin(5).headers["location"]
        self.drive.fault(path="upload_id=", action="corrupt_request")
        made = self.good(self.client.put(location, b"hello"))
        self.assertNotEqual(made["md5Checksum"], hashlib.md5(b"hello").hexdigest())

    def test_stall_until_cleared(self):
        self.drive.fault(path="/about", action="stall")
        ended = []

        def ask():
            try:
                client.get("/drive/v3/about", fields="user", supportsAllDrives=None)
            except BROKEN as error:
                ended.append(error)
        client = self.client_for(self.client.token)
        thread = threading.Thread(target=ask)
        thread.start()
        while not any(entry["path"].endswith("about") for entry in self.drive.log()):
            pass
        self.assertEqual(ended, [])
        self.drive.clear_faults()
        thread.join(10)
        self.assertEqual(len(ended), 1)

    def test_stall_until_the_client_leaves(self):
        self.drive.fault(path="/about", action="stall")
        client = Client(self.drive, token=self.client.token, timeout=0.05)
        with self.assertRaises(BROKEN):
            client.get("/drive/v3/about", fields="user", supportsAllDrives=None)
        self.good(self.client.get("/drive/v3/about", fields="user", supportsAllDrives=None))

    def test_nonsense_is_refused(self):
        for fault in ({"action": "nosuch"}, {"nosuch": 1}, {"path": "("}):
            with self.assertRaises(LocalDriveError):
                self.drive.fault(**fault)


class Switches(Case):
    def test_every_switch_is_documented(self):
        with open(os.path.join(os.path.dirname(__file__), "README.md"), encoding="utf-8") as file:
            rows = dict(re.findall(r"^\| `(\w+)` \| [^|]* \| (.*?) \|$", file.read(), re.M))
        self.assertEqual(rows, {name: text for name, (_, text) in switches.SWITCHES.items()})

    def test_wrong_ones_are_refused(self):
        for values in ({"nosuch": 1}, {"range_as_200": "yes"}, {"list_lag_s": "1"}):
            with self.assertRaises(LocalDriveError):
                self.drive.switches(**values)

    def test_what_files_lack(self):
        self.drive.switches(md5_missing=True, sha_missing=True, description_missing=True)
        made = self.good(self.client.create(description="d"))
        for name in ("md5Checksum", "sha1Checksum", "sha256Checksum", "description"):
            self.assertNotIn(name, made)
        self.drive.switches(md5_missing=False)
        self.assertIn("md5Checksum", self.good(self.client.get(FILES + "/" + made["id"],
                                                               fields="*")))

    def test_range_as_200(self):
        file_id = self.good(self.client.upload(b"0123456789"))["id"]
        self.drive.switches(range_as_200=True)
        answer = self.client.media(file_id, 2, 3)
        self.assertEqual((answer.status, answer.body), (200, b"0123456789"))

    def test_list_lags(self):
        self.drive.switches(list_lag_s=3600)
        made = self.good(self.client.create("young"))
        self.assertEqual(self.names("name = 'young'"), [])
        self.assertEqual(self.names(None), ["young"])
        self.good(self.client.get(FILES + "/" + made["id"]))
        self.drive.switches(list_lag_s=0, parents_lag_s=3600)
        self.assertEqual(self.names(None), [])

    def test_empty_pages_and_or_queries(self):
        self.good(self.client.create("a"))
        self.drive.switches(empty_pages=True)
        q = "'%s' in parents" % self.folder
        page = self.good(self.client.list(q))
        self.assertEqual(page["files"], [])
        page = self.good(self.client.list(q, pageToken=page["nextPageToken"]))
        self.assertEqual(page["files"][0]["name"], "a")
        self.drive.switches(empty_pages=False, or_query_empty=True)
        other = self.drive.new_folder()
        self.assertEqual(self.good(self.client.list("'%s' in parents or '%s' in parents" % (
            self.folder, other)))["files"], [])
        page = self.good(self.client.list(pageSize=1))
        self.drive.switches(expire_page_tokens=True)
        self.bad(self.client.list(pageSize=1, pageToken=page["nextPageToken"]), 400, "invalid")

    def test_redirect_conflict_and_incomplete_search(self):
        file_id = self.good(self.client.upload(b"0123456789"))["id"]
        self.drive.switches(media_redirect=True, conflict_reason="duplicate",
                            incomplete_search=True)
        answer = self.client.media(file_id, 2, 3)
        self.assertEqual(answer.status, 302)
        path = answer.headers["location"].split("/", 3)[3]
        answer = self.client.request("GET", "/" + path, headers={"Range": "bytes=2-3"})
        self.assertEqual((answer.status, answer.body), (206, b"23"))
        one = self.good(self.client.get(FILES + "/generateIds", count=1,
                                        supportsAllDrives=None))["ids"][0]
        self.good(self.client.create(id=one))
        self.bad(self.client.create(id=one), 409, "duplicate")
        page = self.good(self.client.list("'%s' in parents" % self.folder))
        self.assertEqual((page["incompleteSearch"], len(page["files"])), (True, 1))

    def test_sessions(self):
        location = self.client.begin(3 * QUANTUM).headers["location"]
        self.drive.switches(partial_chunk=QUANTUM)
        answer = self.client.put(location, b"x" * 2 * QUANTUM, "bytes 0-524287/786432")
        self.assertEqual(answer.headers["range"], "bytes=0-262143")
        answer = self.client.put(location, b"x" * 2 * QUANTUM, "bytes 262144-786431/786432")
        self.assertEqual(answer.headers["range"], "bytes=0-524287")
        self.good(self.client.put(location, b"x" * QUANTUM, "bytes 524288-786431/786432"))
        self.drive.switches(partial_chunk=0, chunk_multiple_400=True, gap_400=True)
        location = self.client.begin(9).headers["location"]
        self.assertEqual(self.client.put(location, b"xx", "bytes 0-1/9").status, 400)
        self.assertEqual(self.client.put(location, b"xx", "bytes 7-8/9").status, 400)
        for status in (404, 410):
            location = self.client.begin(9).headers["location"]
            self.drive.switches(session_lost=status)
            self.assertEqual(self.client.put(location, b"", "bytes */9").status, status)
            self.drive.switches(session_lost=0)
            self.assertEqual(self.client.put(location, b"", "bytes */9").status, 404)
        location = self.client.begin(9).headers["location"]
        self.drive.switches(session_lifetime_s=-1)
        self.assertEqual(self.client.put(location, b"", "bytes */9").status, 404)

    def test_rate_limits(self):
        self.drive.switches(rate_limit_units=105, retry_after=7)
        self.good(self.client.list())
        answer = self.client.list()
        self.bad(answer, 403, "userRateLimitExceeded")
        self.assertEqual(answer.headers["retry-after"], "7")
        self.drive.switches(rate_limit_units=0, rate_limit_writes=0.001, rate_limit_burst=1,
                            rate_limit_status=429)
        self.good(self.client.create())
        self.bad(self.client.create(), 429, "rateLimitExceeded")
        self.good(self.client.list())

    def test_errors_and_members(self):
        self.drive.switches(non_json_errors=True, unknown_members=True, etag_header=True)
        answer = self.client.get(FILES + "/nosuch")
        self.assertEqual(answer.status, 404)
        self.assertIn("text/html", answer.headers["content-type"])
        answer = self.client.create(nosuch=1)
        self.good(answer)
        self.assertIn("etag", answer.headers)

    def test_versions_static_tokens_and_closing(self):
        self.drive.switches(version_bump=True, static_tokens={"valid-token": "owner@example.com"})
        made = self.good(self.client.create())
        after = self.good(self.client.get(FILES + "/" + made["id"], fields="version"))
        self.assertGreater(int(after["version"]), int(made["version"]))
        self.good(self.client_for("valid-token").list())
        self.drive.switches(close_after=1)
        answer = self.client_for("valid-token").list()
        self.assertEqual(answer.headers["connection"], "close")


class Profiles(Case):
    def test_latency_and_bandwidth(self):
        self.drive.profile({"latency_ms": {"list": 60}})
        start = time.monotonic()
        self.client.list()
        self.assertGreater(time.monotonic() - start, 0.06)
        file_id = self.good(self.client.upload(bytes(400000)))["id"]
        for name in ("down", "total_down"):
            self.drive.profile({name: 4})
            start = time.monotonic()
            self.client.media(file_id)
            self.assertGreater(time.monotonic() - start, 0.08)
        self.drive.profile({"up": 4})
        start = time.monotonic()
        self.client.upload(bytes(400000))
        self.assertGreater(time.monotonic() - start, 0.08)
        self.assertEqual(self.drive.profile("real")["latency_ms"]["range"], 1348)
        for wrong in ({"name": "nosuch"}, {"nosuch": 1}, {"latency_ms": {"nosuch": 1}}):
            with self.assertRaises(LocalDriveError):
                self.drive.profile(wrong)


class Control(Case):
    def test_log_has_no_secrets(self):
        location = self.client.begin(5).headers["location"]
        self.client.put(location, b"hello")
        file_id = self.drive.state(self.folder)[0]["id"]
        self.client.media(file_id, 1, 2)
        self.client.request("GET", FILES + "?access_token=" + self.client.token, auth=False)
        log = self.drive.log()
        self.assertEqual([(e["method"], e["status"], e["units"]) for e in log],
                         [("POST", 200, 50), ("PUT", 200, 0), ("GET", 206, 200),
                          ("GET", 200, 100)])
        self.assertEqual((log[1]["bytes_in"], log[2]["bytes_out"], log[2]["range"]),
                         (5, 2, "bytes=1-2"))
        text = str(log)
        self.assertNotIn(self.client.token, text)
        self.assertNotIn(location.rsplit("=", 1)[1], text)

    def test_state_and_content(self):
        made = self.good(self.client.upload(b"first", description="d"))
        self.good(self.client.upload(b"second", file_id=made["id"]))
        self.good(self.client.call("PATCH", FILES + "/" + made["id"], {"trashed": True}))
        found = self.drive.state(self.folder)
        self.assertEqual([(f["id"], f["trashed"], f["size"], f["description"]) for f in found],
                         [(made["id"], True, "6", "d")])
        self.assertEqual(self.drive.content(made["id"]), b"second")
        self.assertEqual(self.drive.content(made["id"], made["headRevisionId"]), b"first")

    def test_unknown_requests(self):
        for method, path in (("GET", "/nosuch"), ("GET", "/content?id=nosuch"),
                             ("POST", "/member")):
            with self.assertRaises(LocalDriveError):
                self.drive.ask(method, path)


class Sockets(Case):
    def test_connect_ends_in_tls_for_google(self):
        with socket.create_connection(("127.0.0.1", self.drive.port), 10) as plain:
            plain.sendall(b"CONNECT www.googleapis.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(plain.recv(1000).startswith(b"HTTP/1.1 200 "))
            context = ssl.create_default_context(cafile=self.drive.ca)
            with context.wrap_socket(plain, server_hostname="www.googleapis.com") as secure:
                secure.sendall(b"GET /drive/v3/about HTTP/1.1\r\nHost: www.googleapis.com\r\n"
                               b"Connection: close\r\n\r\n")
                self.assertTrue(secure.recv(1000).startswith(b"HTTP/1.1 401 "))
        self.drive.switches(connect_refuse=True)
        with socket.create_connection(("127.0.0.1", self.drive.port), 10) as plain:
            plain.sendall(b"CONNECT www.googleapis.com:443 HTTP/1.1\r\n\r\n")
            self.assertTrue(plain.recv(1000).startswith(b"HTTP/1.1 403 "))

    def test_plain_http_and_rubbish(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.drive.port, timeout=10)
        connection.request("GET", "/drive/v3/about")
        self.assertEqual(connection.getresponse().status, 401)
        connection.close()
        with socket.create_connection(("127.0.0.1", self.drive.port), 10) as plain:
            plain.sendall(b"nonsense\r\n\r\n")
            self.assertTrue(plain.recv(1000).startswith(b"HTTP/1.1 400 "))

    def test_loopback_only(self):
        for address in ("0.0.0.0", "192.0.2.1", "::"):
            with self.assertRaises(ValueError):
                server.bind(address, 0)

    def test_ipv6(self):
        if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 here")
        with open("/proc/net/if_inet6", encoding="ascii") as file:
            if not any(line.startswith("0" * 31 + "1 ") for line in file):
                self.skipTest("no ::1 here")
        client = Client(self.drive, token=self.client.token, host="::1")
        self.addCleanup(client.close)
        self.good(client.list())
