# SPDX-License-Identifier: MIT
"""Uploads: media, multipart, and resumable sessions with all their traps."""
import os
import re
import threading

from . import errors, files, media, multipart
from .http1 import Response
from .resource import View
from .store import new_secret

QUANTUM = 256 * 1024
MAX_SIZE = 5497558138880
RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)\Z")


def simple(call):
    """/upload/...: media, multipart, or the start of a resumable session."""
    kind = call.get("uploadType")
    if kind == "resumable":
        return call.drive.uploads.begin(call)
    if kind == "multipart":
        return _multipart(call)
    if kind in ("media", None):
        return _finish(call, _prepare(call, {}, _type(call.request.header("content-type"))),
                       call.request.body)
    raise errors.invalid("uploadType")


def _type(header):
    return (header or "").split(";")[0].strip() or None


def _prepare(call, meta, media_type):
    if call.route.name == "files.create":
        files.refuse_storage(call, "begin")
        return files.prepare_create(call, meta, media_type)
    draft = files.prepare_update(call, call.args[0], meta, media_type)
    files.prepare_content(call, draft)
    return draft


def _multipart(call):
    parts = multipart.Parts(call.request.body,
                            multipart.boundary_of(call.request.header("content-type")))
    parts.next_part()
    meta = call.json(parts.read())
    headers = parts.next_part()
    draft = _prepare(call, meta, _type(headers.get("content-type")))
    return _finish(call, draft, multipart.content_of(parts, headers))


def _finish(call, draft, source):
    """Receive the bytes, then make or change the file."""
    store = call.store
    blob = store.new_blob()
    sink = media.Sink(store.content_path(blob))
    try:
        sink.receive(source)
        call.request.body.drain()
        return call.file_answer(_commit(call, draft, {"blob": blob, **sink.digests()}))
    except BaseException:
        store.remove_blob(blob)
        raise


def _commit(call, draft, content, session=()):
    files.refuse_storage(call, "end")
    if "file" in draft:
        return files.finish_update(call, draft, content, session)
    return files.finish_create(call, draft, content, session)


class Uploads:
    """Resumable sessions. What a session has received is the length of its file."""

    def __init__(self, store, switches):
        self.store, self.switches = store, switches
        self._lock = threading.Lock()
        self._busy = set()
        self._forgotten = {}            # session -> requests whose bytes were thrown away
        self._hashes = {}               # session -> (digests so far, their length)

    def begin(self, call):
        """Start a session: the answer's Location is the address for the bytes."""
        request = call.request
        media_type = _type(request.header("x-upload-content-type"))
        total = request.header("x-upload-content-length")
        if total is not None and (not total.isdigit() or int(total) > MAX_SIZE):
            raise errors.PlainError(400, "Invalid X-Upload-Content-Length header.")
        draft = _prepare(call, call.json(), media_type)
        session_id = "AH" + new_secret(128)
        self.store.commit(self.store.put("session", session_id, {
            "draft": draft, "total": int(total) if total else None,
            "email": call.account["email"], "app": call.app, "params": call.params, "began": self.store.seconds(),
            "route": call.route.name, "path": request.path}))
        os.close(os.open(self.store.session_path(session_id), os.O_CREAT | os.O_WRONLY, 0o600))
        location = "%s%s&upload_id=%s" % (call.origin(), request.target, session_id)
        return Response(200, b"", "text/html; charset=UTF-8", [
            ("Location", location), ("X-GUploader-UploadID", session_id)])

    def resume(self, call):
        """A request to a session's address."""
        session_id = dict(call.request.query)["upload_id"]
        session = self._find(session_id, call)
        if call.request.method == "DELETE":
            self._drop(session_id)
            return Response(499)
        if call.request.method not in ("PUT", "POST"):
            raise errors.PlainError(405, "Method Not Allowed")
        self._restore(call, session)
        if session.get("done"):
            call.request.body.drain()
            return call.file_answer(call.file(session["done"]))
        header = call.request.header("content-range")
        if header is None:
            return self._data(call, session_id, session, 0, None, None)
        match = RANGE.match(header)
        if not match:
            self._drop(session_id)
            raise errors.PlainError(400, "Failed to parse Content-Range header.")
        return self._ranged(call, session_id, session, match)

    def _find(self, session_id, call):
        session = self.store.sessions.get(session_id)
        if session is None or session["path"] != call.request.path or \
                self.store.seconds() - session["began"] > self.switches.session_lifetime_s:
            raise errors.PlainError(404, "Not Found")
        if self.switches.session_lost:
            self._drop(session_id)
            raise errors.PlainError(int(self.switches.session_lost), "Not Found")
        return session

    def _restore(self, call, session):
        """A session acts as the account and with the parameters it was begun with."""
        call.account = self.store.accounts[session["email"]]
        call.app, call.params = session.get("app"), dict(session["params"])
        call.view = View(self.store, self.switches, call.account, call.keys())
        header = call.request.header("authorization")
        if header and call.drive.oauth.grant_of(header[7:].strip())[0] is None:
            raise errors.unauthorized()

    def _drop(self, session_id):
        with self._lock:
            self._hashes.pop(session_id, None)
        self.store.commit(self.store.drop("session", session_id))
        try:
            os.unlink(self.store.session_path(session_id))
        except FileNotFoundError:
            pass

    def _ranged(self, call, session_id, session, match):
        first, last, total = match.groups()
        total = None if total == "*" else int(total)
        known = session["total"]
        if total is not None and known is not None and total != known:
            raise errors.PlainError(400, "Invalid request. The total size differs from the one "
                                         "given before.")
        if first is None:
            return self._query(call, session_id, session, total)
        first, last = int(first), int(last)
        if last < first or (total is not None and last >= total):
            self._drop(session_id)
            raise errors.PlainError(400, "Failed to parse Content-Range header.")
        return self._data(call, session_id, session, first, last + 1, total)

    def _query(self, call, session_id, session, total):
        """How much is there? With the total known, that may also be the end of it."""
        total = session["total"] if total is None else total
        size = os.path.getsize(self.store.session_path(session_id))
        with self._lock:
            busy = session_id in self._busy
        if total is not None and size == total and not busy:
            return self._complete(call, session_id, session)
        return self._incomplete(call, min(size - size % QUANTUM, size))

    def _incomplete(self, call, stored):
        headers = [("Range", "bytes=0-%d" % (stored - 1))] if stored else []
        if call.request.header("x-guploader-no-308", "").lower() == "yes":
            return Response(200, b"", "text/html; charset=UTF-8",
                            headers + [("X-HTTP-Status-Code-Override", "308")])
        return Response(308, b"", "text/html; charset=UTF-8", headers)

    def _data(self, call, session_id, session, first, end, total):
        """Bytes from `first` on; end and total None: all that comes is the whole."""
        with self._lock:
            if session_id in self._busy:
                raise errors.DriveError(503, "backendError", "Backend Error")
            self._busy.add(session_id)
        try:
            return self._locked_data(call, session_id, session, first, end, total)
        finally:
            with self._lock:
                self._busy.discard(session_id)

    def _locked_data(self, call, session_id, session, first, end, total):
        body, path = call.request.body, self.store.session_path(session_id)
        stored = os.path.getsize(path)
        stored -= stored % QUANTUM if stored != session["total"] else 0
        declared = body.declared
        if end is not None and declared is not None and declared != end - first:
            raise errors.PlainError(400, "Content-Length does not match Content-Range.")
        if end is not None and end != total and (end - first) % QUANTUM and \
                self.switches.chunk_multiple_400:
            raise errors.PlainError(400, "Invalid request. The number of bytes uploaded is "
                                         "required to be equal or greater than 262144, except "
                                         "for the final request.")
        if first > stored:
            body.drain()
            if self.switches.gap_400:
                raise errors.PlainError(400, "Invalid request. There were %d byte(s) missing."
                                        % (first - stored))
            return self._incomplete(call, stored)
        if first == 0 and end is None:
            stored = 0
        if self._forget(session_id, body):
            body.drain()
            return self._incomplete(call, stored)
        self._receive(session_id, path, body, first, stored)
        size = os.path.getsize(path)
        return self._after(call, session_id, session, size, declared if end is None else total)

    def _after(self, call, session_id, session, size, total):
        """The chunk has arrived: is that all?"""
        if call.request.header("content-range") is None:
            total = session["total"] if session["total"] is not None else size
        elif total is None:
            total = session["total"]
        keep = int(self.switches.partial_chunk)
        if keep and size != total:
            size = self._forget_tail(session_id, call, size, keep)
        elif keep and (call.request.body.count > keep):
            size = self._forget_tail(session_id, call, size, keep)
        if total is not None and size == total:
            return self._complete(call, session_id, session)
        if total is not None and size > total:
            raise errors.PlainError(400, "Invalid request. More bytes than announced.")
        return self._incomplete(call, size - size % QUANTUM)

    def _forget(self, session_id, body):
        """forget_chunks: this request's bytes go nowhere."""
        if not self.switches.forget_chunks or body.declared == 0:
            return False
        with self._lock:
            self._forgotten[session_id] = count = self._forgotten.get(session_id, 0) + 1
        return count <= self.switches.forget_chunks

    def _forget_tail(self, session_id, call, size, keep):
        """partial_chunk: keep less of this chunk than was sent, but always something."""
        began = size - call.request.body.count
        size = max(began + max(QUANTUM, keep - keep % QUANTUM), 0)
        path = self.store.session_path(session_id)
        if size < os.path.getsize(path):
            os.truncate(path, size)
        return os.path.getsize(path)

    def _receive(self, session_id, path, body, first, stored):
        """Append what is new; bytes that are there already are skipped."""
        skip = stored - first
        block = memoryview(bytearray(65536))
        while skip and (count := body.readinto(block[:min(skip, len(block))])):
            skip -= count
        if skip:
            return
        with self._lock:
            hashes, length = self._hashes.pop(session_id, (None, -1))
        sink = media.Sink(path, stored, hashes if length == stored else None)
        try:
            sink.receive(body)
        finally:
            if sink.hashes:
                with self._lock:
                    self._hashes[session_id] = (sink.hashes, sink.size)

    def _complete(self, call, session_id, session):
        """All bytes are there: make them a revision, and the session's answer a memory."""
        store, path = self.store, self.store.session_path(session_id)
        with self._lock:
            hashes, length = self._hashes.pop(session_id, (None, -1))
        size = os.path.getsize(path)
        if length != size:
            hashes = media.hash_file(path)
        blob = store.new_blob()
        os.link(path, store.content_path(blob))
        content = {"blob": blob, "size": size, **dict(zip(
            ("md5", "sha1", "sha256"), (one.hexdigest() for one in hashes)))}
        draft = session["draft"]
        file_id = draft.get("file") or draft["record"]["id"]
        done = {**session, "done": file_id, "total": size}
        try:
            record = _commit(call, draft, content, [store.put("session", session_id, done)])
        except BaseException:
            store.remove_blob(blob)
            raise
        os.unlink(path)
        return call.file_answer(record)
