# SPDX-License-Identifier: MIT
"""POST /batch/drive/v3: up to 100 calls in one multipart/mixed body, each answered in a part."""
import re

from . import errors, multipart
from .http1 import BadRequest, Body, Gone, Reader, Request, Response, read_request
from .store import new_secret

MAX_PARTS = 100
PATHS = re.compile(r"/batch(/drive/v3)?\Z")


class _Bytes:
    """Bytes that look like a socket to a Reader."""

    def __init__(self, data):
        self.data = data

    def recv(self, count):
        """The next bytes."""
        data, self.data = self.data[:count], self.data[count:]
        return data

    def recv_into(self, view):
        """The next bytes, into a buffer."""
        data = self.recv(len(view))
        view[:len(data)] = data
        return len(data)


def handle(drive, request):
    """Serve a batch; None when the request is none."""
    if request.method != "POST" or not PATHS.match(request.path):
        return None
    try:
        return _answer(drive, request)
    except (errors.DriveError, errors.PlainError) as error:
        return drive.api.error(error)


def _answer(drive, request):
    if request.path == "/batch":
        raise errors.PlainError(404, "Not Found")
    calls = list(_calls(request))
    boundary = "batch_" + new_secret(22)
    out = []
    for content_id, call in calls:
        call.secure = request.secure
        call.headers.setdefault("authorization", request.header("authorization", ""))
        response = _serve(drive, call, request)
        out.append(b"--%s\r\nContent-Type: application/http\r\n%s\r\n%s%s\r\n" % (
            boundary.encode(),
            b"Content-ID: <response-%s>\r\n" % content_id.encode() if content_id else b"",
            response.head(drive.store.seconds(), False), response.body))
    out.append(b"--%s--\r\n" % boundary.encode())
    return Response(200, b"".join(out), "multipart/mixed; boundary=" + boundary)


def _calls(request):
    """(Content-ID, request) of each part."""
    data = request.body.read()
    boundary = re.escape(multipart.boundary_of(request.header("content-type")))
    parts = re.split(rb"(?:\A|\r?\n)--" + boundary + rb"(?:--)?[ \t]*(?:\r?\n|\Z)", data)[1:-1]
    if not parts or len(parts) > MAX_PARTS:
        raise errors.bad_request("The batch request needs between 1 and %d calls." % MAX_PARTS)
    for part in parts:
        yield _call(part)


def _call(part):
    head, _, inner = part.replace(b"\r\n", b"\n").partition(b"\n\n")
    match = re.search(rb"(?im)^content-id:\s*<?([^>\n]*)>?", head)
    head, blank, body = inner.partition(b"\n\n")
    if b"HTTP/" not in head.split(b"\n")[0]:
        head = head.replace(b"\n", b" HTTP/1.1\n", 1) if b"\n" in head else head + b" HTTP/1.1"
    head = re.sub(rb"(?im)^(content-length|transfer-encoding):.*\n?", b"", head + b"\n")
    try:
        call = read_request(Reader(_Bytes(head.rstrip(b"\n") + b"\n\n")), lambda data: None)
    except (Gone, BadRequest) as error:
        raise errors.bad_request("Failed to parse batch request.") from error
    body = body.strip(b"\n") if blank else b""
    call.body = Body(Reader(_Bytes(body)), len(body), False)
    return match.group(1).decode() if match else None, call


def _serve(drive, call: Request, outer):
    """One inner call. Bytes are never sent in a batch: the answer says where they are."""
    if call.path.startswith(("/upload", "/resumable")):
        return drive.api.error(errors.bad_request("Media uploads are not supported in a batch."))
    if dict(call.query).get("alt") == "media":
        where = "%s://%s%s" % ("https" if outer.secure else "http",
                               outer.header("host", "localhost"), call.target)
        return Response(302, b"", "text/html; charset=UTF-8", [("Location", where)])
    route, args = drive.api.find(call)
    return drive.api.serve(call, route, args)
