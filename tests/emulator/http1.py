# SPDX-License-Identifier: MIT
"""HTTP/1.1 on a socket: requests with streamed bodies, answers from memory or from files."""
import email.utils
import http
import urllib.parse

BLOCK = 1 << 20
MAX_LINE = 65536
REASONS = {status.value: status.phrase for status in http.HTTPStatus}
REASONS.update({308: "Resume Incomplete", 499: "Client Closed Request"})


class Gone(Exception):
    """The peer left, or a fault makes us leave: close the connection without an answer."""


class BadRequest(Exception):
    """What arrived is not HTTP/1.1."""


class Reader:
    """Buffered reading from a socket (plain or TLS)."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def _fill(self):
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.buffer += data

    def line(self):
        """One line without its end."""
        while True:
            end = self.buffer.find(b"\n")
            if end >= 0:
                line, self.buffer = self.buffer[:end], self.buffer[end + 1:]
                return line.rstrip(b"\r").decode("latin-1")
            if len(self.buffer) > MAX_LINE:
                raise BadRequest("line too long")
            self._fill()

    def readinto(self, view):
        """Some bytes into view; at least one."""
        if self.buffer:
            count = min(len(view), len(self.buffer))
            view[:count] = self.buffer[:count]
            self.buffer = self.buffer[count:]
            return count
        try:
            count = self.sock.recv_into(view)
        except OSError as error:
            raise Gone from error
        if not count:
            raise Gone
        return count


class Body:
    """A request body: read as it comes, by Content-Length or by chunks."""

    def __init__(self, reader, length, chunked, before_read=None):
        self.reader, self.chunked = reader, chunked
        self.declared = None if chunked else length
        self.left = 0 if chunked else length      # in this chunk, or in all
        self.ended = not chunked and length == 0
        self.before_read = before_read            # sends 100 Continue
        self.count = 0
        self.cut_after = None                     # fault: leave after this many bytes
        self.spoil = False                        # fault: change one bit of what arrives
        self.pace = None                          # bandwidth: called with each count

    def readinto(self, view):
        """Bytes into view, 0 at the end of the body."""
        if self.before_read:
            self.before_read, call = None, self.before_read
            call()
        if self.ended or not len(view):
            return 0
        if self.chunked and not self.left and not self._next_chunk():
            return 0
        if self.cut_after is not None:
            if self.count >= self.cut_after:
                raise Gone
            view = view[:self.cut_after - self.count]
        count = self.reader.readinto(view[:self.left])
        self._took(view, count)
        return count

    def _took(self, view, count):
        if self.spoil:
            view[0] ^= 1
            self.spoil = False
        self.left -= count
        self.count += count
        if not self.left:
            if self.chunked:
                self.reader.line()
            else:
                self.ended = True
        if self.pace:
            self.pace(count)

    def _next_chunk(self):
        try:
            self.left = int(self.reader.line().split(";")[0], 16)
        except ValueError as error:
            raise BadRequest("bad chunk size") from error
        if self.left:
            return True
        while self.reader.line():
            pass
        self.ended = True
        return False

    def fill(self, view):
        """Read until view is full or the body ends; returns the count."""
        done = 0
        while done < len(view):
            count = self.readinto(view[done:])
            if not count:
                break
            done += count
        return done

    def read(self, limit=16 << 20):
        """The whole body, for small ones."""
        out = bytearray()
        block = bytearray(65536)
        while True:
            count = self.readinto(memoryview(block))
            if not count:
                return bytes(out)
            out += block[:count]
            if len(out) > limit:
                raise BadRequest("body too large")

    def drain(self):
        """Skip what was not read, so that the client hears the answer; False: it need not send."""
        if self.before_read:
            return False       # the client still waits for 100 Continue
        block = memoryview(bytearray(65536))
        while self.readinto(block):
            pass
        return True


class Request:
    """One request: method, path, query (list of pairs), headers (lower-case names), body."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        path, _, query = target.partition("?")
        if path.startswith("http://") or path.startswith("https://"):
            path = "/" + path.split("/", 3)[3] if path.count("/") > 2 else "/"
        self.raw_path, self.raw_query = path, query
        self.path = urllib.parse.unquote(path)
        self.query = urllib.parse.parse_qsl(query, keep_blank_values=True)
        self.secure = False

    def header(self, name, default=None):
        """A header's value."""
        return self.headers.get(name, default)

    @property
    def keep_alive(self):
        """May the connection serve another request?"""
        return "close" not in self.header("connection", "").lower()


def read_request(reader, send):
    """The next request on a connection; Gone when the peer closed it."""
    line = reader.line()
    while not line:                    # RFC 9112 2.2: ignore empty lines before a request
        line = reader.line()
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("bad request line")
    headers = _read_headers(reader)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequest("bad content-length") from error
    expect = headers.get("expect", "").lower() == "100-continue"
    before = (lambda: send(b"HTTP/1.1 100 Continue\r\n\r\n")) if expect else None
    return Request(parts[0], parts[1], headers, Body(reader, length, chunked, before))


def _read_headers(reader):
    headers = {}
    while True:
        line = reader.line()
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon or len(headers) > 200:
            raise BadRequest("bad header")
        headers[name.strip().lower()] = value.strip()


class FileSlice:
    """Bytes of an open file, as an answer's body. Closes the file when sent."""

    def __init__(self, file, offset, length):
        self.file, self.offset, self.length = file, offset, length

    def __len__(self):
        return self.length

    def send(self, send, limit, spoil=False, block=BLOCK):
        """Send the first `limit` bytes, through one buffer."""
        buffer = memoryview(bytearray(min(block, max(limit, 1))))
        self.file.seek(self.offset)
        while limit > 0:
            count = self.file.readinto(buffer[:min(limit, len(buffer))])
            if not count:
                raise Gone
            if spoil:
                buffer[0] ^= 1
                spoil = False
            send(buffer[:count])
            limit -= count

    def read(self):
        """All of it, for small ones; closes the file."""
        with self.file:
            self.file.seek(self.offset)
            return self.file.read(self.length)

    def close(self):
        """Close the file."""
        self.file.close()


class Response:
    """An answer: status, headers (list of pairs) and a body of bytes or a FileSlice."""

    def __init__(self, status, body=b"", content_type=None, headers=()):
        self.status, self.body = status, body
        self.headers = list(headers)
        if content_type:
            self.headers.insert(0, ("Content-Type", content_type))

    def head(self, date, close):
        """Status line and headers."""
        lines = ["HTTP/1.1 %d %s" % (self.status, REASONS.get(self.status, "Unknown"))]
        lines += ["%s: %s" % header for header in self.headers]
        if self.status != 204:
            lines.append("Content-Length: %d" % len(self.body))
        lines.append("Date: " + email.utils.formatdate(date, usegmt=True))
        lines.append("Server: ESF")
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def discard(self):
        """Release the body without sending it."""
        if isinstance(self.body, FileSlice):
            self.body.close()


def send_response(send, response, date, close, head_only=False, limit=None, spoil=False,
                  send_body=None):
    """Write an answer; `limit` bytes of its body only when a fault says so."""
    head = response.head(date, close)
    body = response.body
    try:
        length = 0 if head_only else len(body) if limit is None else min(limit, len(body))
        if isinstance(body, FileSlice):
            send(head)
            body.send(send_body or send, length, spoil)
        else:
            if spoil and length:
                body = bytes([body[0] ^ 1]) + body[1:]
            if send_body:
                send(head)
                send_body(body[:length])
            else:
                send(head + body[:length])
        return length
    finally:
        response.discard()
