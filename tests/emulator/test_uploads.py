# SPDX-License-Identifier: MIT
"""Uploads: media, multipart in all its dialects, resumable sessions and their traps."""
import base64
import http.client
import json
import os

from .testbase import Case

FILES = "/drive/v3/files"
UPLOAD = "/upload/drive/v3/files"
QUANTUM = 256 * 1024


class Simple(Case):
    def test_media(self):
        answer = self.client.call("POST", UPLOAD, b"bytes", {"Content-Type": "text/plain"},
                                  uploadType="media", fields="name,mimeType,size")
        self.bad(answer, 403, "storageQuotaExceeded")      # no parents: My Drive
        made = self.good(self.client.create())
        answer = self.client.call("PATCH", UPLOAD + "/" + made["id"], b"bytes",
                                  {"Content-Type": "text/plain"}, uploadType="media", fields="*")
        after = self.good(answer)
        self.assertEqual((after["size"], after["mimeType"]), ("5", "text/plain"))
        self.assertNotEqual(after["headRevisionId"], made["headRevisionId"])
        self.assertGreater(after["modifiedTime"], made["modifiedTime"])

    def check_multipart(self, body, content_type, wanted, **more):
        """Upload a ready-made body; the stored bytes must be `wanted`."""
        answer = self.client.request(
            "POST", UPLOAD + "?uploadType=multipart&supportsAllDrives=true", body,
            {"Content-Type": content_type}, **more)
        made = self.good(answer)
        self.assertEqual(self.client.media(made["id"]).body, wanted)
        return made

    def parts(self, data, end=b"\r\n", preamble=b"", extra=b""):
        """A multipart/related body as raw bytes."""
        meta = json.dumps({"name": "m", "parents": [self.folder]}).encode()
        return end.join([
            preamble + b"--=B 1", b"Content-Type: application/json", b"", meta, b"--=B 1",
            b"content-type: application/octet-stream", *([extra] if extra else []), b"", data,
            b"--=B 1--", b""])

    def test_multipart_dialects(self):
        quoted = 'multipart/related; boundary="=B 1"'
        data = b"\r\n--=B\r\n\n--\r\n" + os.urandom(200000) + b"\r\n--=B 2\r\n\r"
        self.check_multipart(self.parts(data), quoted, data)
        self.check_multipart(self.parts(data, b"\n"), quoted, data)  # a CR before LF is content here
        self.check_multipart(self.parts(b"x", preamble=b"\r\n"), quoted, b"x")
        self.check_multipart(self.parts(b""), quoted, b"")
        self.check_multipart(self.parts(b"", b"\n"), quoted, b"")

    def test_multipart_base64_and_chunked(self):
        quoted = 'multipart/related; boundary="=B 1"'
        data = os.urandom(100000)
        body = self.parts(base64.encodebytes(data), b"\n",
                          extra=b"Content-Transfer-Encoding: base64")
        self.check_multipart(body, quoted, data)
        body = self.parts(data)
        pieces = (body[n:n + 7777] for n in range(0, len(body), 7777))
        self.check_multipart(pieces, quoted, data, chunked=True)

    def test_broken_multipart(self):
        for body, kind in ((b"--B\r\n", "multipart/related; boundary=B"),
                           (b"x", "multipart/related")):
            answer = self.client.request("POST", UPLOAD + "?uploadType=multipart", body,
                                         {"Content-Type": kind})
            self.bad(answer, 400, "badRequest")

    def test_if_none_match_is_ignored(self):
        self.good(self.client.upload(b"1", name="n"))
        self.good(self.client.upload(b"1", name="n"))
        self.assertEqual(self.names(None), ["n", "n"])

    def test_expect_100_continue(self):
        made = self.good(self.client.create())
        path = UPLOAD + "/%s?uploadType=media&supportsAllDrives=true" % made["id"]
        answer = self.client.request("PATCH", path, b"y" * 10, {"Expect": "100-continue"})
        self.good(answer)
        self.assertEqual(self.client.media(made["id"]).body, b"y" * 10)


class Resumable(Case):
    def setUp(self):
        super().setUp()
        self.data = os.urandom(3 * QUANTUM + 1000)
        self.total = len(self.data)

    def start(self, total=-1, **more):
        """A session; its address."""
        answer = self.client.begin(self.total if total == -1 else total, **more)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.body, b"")
        return answer.headers["location"]

    def chunk(self, location, first, end, total=None, **more):
        """Send data[first:end]."""
        total = self.total if total is None else total
        return self.client.put(location, self.data[first:end],
                               "bytes %d-%d/%s" % (first, end - 1, total), **more)

    def finished(self, answer):
        """The answer is the file, whole."""
        made = self.good(answer)
        self.assertEqual(made["size"], str(self.total))
        self.assertEqual(self.client.media(made["id"]).body, self.data)
        return made

    def stored(self, location):
        """What a status query says is there."""
        answer = self.client.put(location, b"", "bytes */*")
        self.assertEqual(answer.status, 308)
        return answer.headers.get("range")

    def test_one_put(self):
        self.finished(self.client.put(self.start(), self.data))

    def test_one_put_of_unknown_total(self):
        self.finished(self.client.put(self.start(None), self.data))

    def test_chunks_and_status(self):
        location = self.start()
        self.assertIsNone(self.stored(location))
        answer = self.chunk(location, 0, QUANTUM)
        self.assertEqual((answer.status, answer.headers["range"]), (308, "bytes=0-262143"))
        self.assertEqual(self.names(None), [])
        self.assertEqual(self.chunk(location, QUANTUM, 3 * QUANTUM, method="POST").status, 308)
        made = self.finished(self.chunk(location, 3 * QUANTUM, self.total))
        again = self.good(self.client.put(location, b"", "bytes */%d" % self.total))
        self.assertEqual(again["id"], made["id"])

    def test_unknown_total(self):
        location = self.start(None)
        self.assertEqual(self.chunk(location, 0, QUANTUM, "*").status, 308)
        self.finished(self.chunk(location, QUANTUM, self.total))

    def test_unknown_total_that_ends_on_a_boundary(self):
        self.data = self.data[:2 * QUANTUM]
        self.total = len(self.data)
        location = self.start(None)
        self.assertEqual(self.chunk(location, 0, self.total, "*").status, 308)
        self.finished(self.client.put(location, b"", "bytes */%d" % self.total))

    def test_middle_chunk_is_cut_to_256_kib(self):
        location = self.start()
        answer = self.chunk(location, 0, QUANTUM + 5)
        self.assertEqual(answer.headers["range"], "bytes=0-262143")
        self.finished(self.chunk(location, QUANTUM, self.total))
        location = self.start()
        self.assertNotIn("range", self.chunk(location, 0, 5).headers)

    def test_gap_and_overlap(self):
        location = self.start()
        self.assertEqual(self.chunk(location, 0, 2 * QUANTUM).status, 308)
        answer = self.chunk(location, 3 * QUANTUM, self.total)
        self.assertEqual((answer.status, answer.headers["range"]), (308, "bytes=0-524287"))
        self.finished(self.chunk(location, QUANTUM, self.total))

    def test_no_308(self):
        answer = self.client.put(self.start(), self.data[:QUANTUM],
                                 "bytes 0-%d/%d" % (QUANTUM - 1, self.total),
                                 **{"X-GUploader-No-308": "yes"})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["x-http-status-code-override"], "308")

    def test_empty_file(self):
        made = self.good(self.client.put(self.start(0), b""))
        self.assertEqual(made["size"], "0")
        self.good(self.client.put(self.start(0), b"", "bytes */0"))
        answer = self.client.put(self.start(0), b"", "bytes 0--1/0")
        self.assertEqual((answer.status, answer.body),
                         (400, b"Failed to parse Content-Range header."))

    def test_bad_content_range_ends_the_session(self):
        location = self.start()
        self.assertEqual(self.client.put(location, b"", "*/*").status, 400)
        self.assertEqual(self.client.put(location, b"", "bytes */*").status, 404)

    def test_totals_must_agree(self):
        answer = self.chunk(self.start(), 0, QUANTUM, self.total + 1)
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.client.put(self.start(), b"", "bytes */5").status, 400)

    def test_cancel(self):
        location = self.start()
        self.assertEqual(self.client.put(location, b"", method="DELETE").status, 499)
        self.assertEqual(self.client.put(location, b"", "bytes */*").status, 404)

    def test_update_keeps_the_id_and_the_old_bytes_until_the_end(self):
        made = self.good(self.client.upload(b"old"))
        location = self.start(file_id=made["id"], name="new name")
        self.chunk(location, 0, QUANTUM)
        self.assertEqual(self.client.media(made["id"]).body, b"old")
        after = self.finished(self.chunk(location, QUANTUM, self.total))
        self.assertEqual((after["id"], after["name"]), (made["id"], "new name"))
        self.assertNotEqual(after["headRevisionId"], made["headRevisionId"])

    def test_errors_come_with_the_start(self):
        self.bad(self.client.begin(5, parents=["nosuch"]), 404, "notFound")
        self.bad(self.client.begin(5, mimeType=5), 400, "invalid")
        self.bad(self.client.begin(5, file_id="nosuch"), 404, "notFound")
        answer = self.client.begin(5, headers={
            "X-Upload-Content-Type": "application/vnd.google-apps.folder"})
        self.bad(answer, 400, "badContent")

    def test_the_mask_is_the_first_ones(self):
        made = self.good(self.client.put(self.start(fields="id,size"), self.data))
        self.assertEqual(set(made), {"id", "size"})

    def test_no_token_is_needed_but_a_bad_one_is_refused(self):
        location = self.start()
        answer = self.client.put(location, b"", "bytes */*", Authorization="Bearer nonsense")
        self.bad(answer, 401, "authError")
        token, self.client.token = self.client.token, None
        self.addCleanup(setattr, self.client, "token", token)
        self.assertIsNone(self.stored(location))

    def test_reserved_id_that_was_taken_meanwhile(self):
        one = self.good(self.client.get(FILES + "/generateIds", count=1,
                                        supportsAllDrives=None))["ids"][0]
        location = self.start(id=one)
        self.good(self.client.create(id=one))
        self.bad(self.client.put(location, self.data), 409, "fileIdInUse")

    def test_broken_connection_keeps_a_prefix(self):
        location = self.start()
        self.drive.fault(path="upload_id=", action="cut_request", after=2 * QUANTUM + 77)
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.client.put(location, self.data)
        self.assertEqual(self.stored(location), "bytes=0-524287")
        self.finished(self.chunk(location, 2 * QUANTUM, self.total))

    def test_restart_keeps_sessions_files_and_tokens(self):
        location = self.start()
        self.chunk(location, 0, QUANTUM)
        self.drive.switches(md5_missing=True)
        self.drive.restart()
        self.client.close()
        self.assertTrue(self.drive.switches()["md5_missing"])
        self.drive.switches(md5_missing=False)
        self.assertEqual(self.stored(location), "bytes=0-262143")
        made = self.finished(self.chunk(location, QUANTUM, self.total))
        self.drive.restart()
        self.client.close()
        again = self.good(self.client.put(location, b"", "bytes */*"))
        self.assertEqual(again["md5Checksum"], made["md5Checksum"])
        self.assertEqual(self.drive.content(made["id"]), self.data)

    def test_lost_answer(self):
        location = self.start()
        self.drive.fault(path="upload_id=", action="lose")
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.client.put(location, self.data)
        self.finished(self.client.put(location, b"", "bytes */*"))
        self.assertEqual(len(self.drive.state(self.folder)), 1)
