# SPDX-License-Identifier: MIT
"""multipart/related bodies as clients really send them: CRLF or LF, quoted boundaries, base64."""
import base64
import re

from . import errors


def boundary_of(content_type):
    """The boundary parameter; 400 when there is none."""
    match = re.search(r'boundary=(?:"([^"]+)"|([^;\s]+))', content_type or "", re.I)
    if not match:
        raise errors.bad_request("Missing boundary in multipart content.")
    return (match.group(1) or match.group(2)).encode("latin-1")


class Parts:
    """Reads one part after the other, never holding more than a block of it."""

    def __init__(self, body, boundary):
        self.body = body
        self.delimiter = b"\n--" + boundary
        self.buffer = b"\n"                # the first delimiter need not follow a line end
        self.ended = False
        self.crlf = True                   # how this client ends lines: a bare CR may be content
        self.block = memoryview(bytearray(65536))

    def _more(self):
        count = self.body.readinto(self.block)
        if not count:
            raise errors.bad_request("Malformed multipart body.")
        self.buffer += self.block[:count]

    def next_part(self):
        """Skip to the next part; returns its headers (lower-case names)."""
        while (at := self.buffer.find(self.delimiter)) < 0:
            self.buffer = self.buffer[-len(self.delimiter):]
            self._more()
        self.buffer = self.buffer[at + len(self.delimiter):]
        self._line()
        headers = {}
        while line := self._line():
            name, _, value = line.partition(b":")
            headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
        self.buffer = b"\n" + self.buffer  # an empty part's delimiter follows its headers at once
        self.ended = False
        self.fresh = True
        return headers

    def _line(self):
        while (at := self.buffer.find(b"\n")) < 0:
            self._more()
        line, self.buffer = self.buffer[:at], self.buffer[at + 1:]
        self.crlf = line.endswith(b"\r")
        return line.rstrip(b"\r")

    def readinto(self, view):
        """Bytes of the present part, 0 at its end."""
        data = b""
        while not self.ended and not data:
            data = self._piece(len(view))
        view[:len(data)] = data
        return len(data)

    def _piece(self, limit):
        """What surely belongs to the part: all before a delimiter, or before what may be one."""
        start = 1 if self.fresh else 0
        at = self.buffer.find(self.delimiter)
        if at >= 0:
            end = at - 1 if self.crlf and at > start and self.buffer[at - 1:at] == b"\r" else at
            end = max(end, start)
        else:
            end = len(self.buffer) - len(self.delimiter) - 1
            if end <= start:
                self._more()
                return b""
        piece = self.buffer[start:min(end, start + limit)]
        taken = start + len(piece)
        if taken > start:
            self.buffer, self.fresh = self.buffer[taken:], False
        elif at >= 0:
            self.ended = True
        return piece

    def read(self, limit=1 << 20):
        """A whole part, for metadata."""
        out, block = bytearray(), memoryview(bytearray(65536))
        while count := self.readinto(block):
            out += block[:count]
            if len(out) > limit:
                raise errors.bad_request("Metadata part too large.")
        return bytes(out)


class Base64:
    """A part with Content-Transfer-Encoding: base64, decoded."""

    def __init__(self, part):
        self.part, self.text, self.block = part, b"", memoryview(bytearray(65536))

    def readinto(self, view):
        """Decoded bytes, 0 at the end."""
        while len(self.text) < 4:
            count = self.part.readinto(self.block)
            if not count:
                return 0
            self.text += b"".join(bytes(self.block[:count]).split())
        usable = min(len(self.text) // 4, len(view) // 3) * 4
        data, self.text = base64.b64decode(self.text[:usable]), self.text[usable:]
        view[:len(data)] = data
        return len(data)


def content_of(parts, headers):
    """The media part, decoded when its headers say so."""
    encoding = headers.get("content-transfer-encoding", "binary").lower()
    return Base64(parts) if encoding == "base64" else parts
