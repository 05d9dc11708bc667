# SPDX-License-Identifier: MIT
"""Bytes out (ranges, 206, 416) and bytes in (a file on disk with its three digests)."""
import hashlib
import os
import re

from . import errors
from .http1 import BLOCK, FileSlice, Response


def parse_range(header, size):
    """(first, last) of a Range header, None to ignore it; 416 when nothing is there."""
    match = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", header or "")
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        first, last = max(0, size - int(last)), size - 1 if int(last) else -1
    else:
        first = int(first)
        if last != "" and int(last) < first:
            return None
        last = min(int(last), size - 1) if last != "" else size - 1
    if first >= size or last < first:
        raise errors.range_not_satisfiable(size)
    return first, last


def download(call, revision, mime_type, whole=False):
    """The answer with a revision's bytes, or the part of it that Range asks for (unless `whole`)."""
    if call.switches.media_redirect and not call.request.path.startswith("/download/"):
        return Response(302, b"", "text/html; charset=UTF-8", [
            ("Location", call.origin(call.switches.media_redirect_host) + "/download" +
             call.request.target)])
    store, size = call.store, revision["size"]
    wanted = call.request.header("range")
    if size or not call.switches.empty_range_200:
        wanted = parse_range(wanted, size)
    file = open(store.content_path(revision["blob"]), "rb", buffering=0)
    headers = [("Cache-Control", "private, max-age=0, must-revalidate"), ("Vary", "Origin")]
    if not size or wanted is None or whole or call.switches.range_as_200:
        return Response(200, FileSlice(file, 0, size), mime_type, headers)
    first, last = wanted
    headers.append(("Content-Range", "bytes %d-%d/%d" % (first, last, size)))
    return Response(206, FileSlice(file, first, last - first + 1), mime_type, headers)


class Sink:
    """Receives bytes into a file and hashes them on the way."""

    def __init__(self, path, offset=0, hashes=None):
        self.path, self.size = path, offset
        self.hashes = hashes
        if offset == 0:
            self.hashes = (hashlib.md5(), hashlib.sha1(), hashlib.sha256())
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self.descriptor, offset)
        os.lseek(self.descriptor, offset, os.SEEK_SET)

    def write(self, data):
        """Append bytes."""
        view = memoryview(data)
        if self.hashes:
            for one in self.hashes:
                one.update(view)
        while len(view):
            count = os.write(self.descriptor, view)
            self.size += count
            view = view[count:]

    def receive(self, source, limit=None):
        """Append all a body has (or `limit` bytes); returns the count."""
        block, done = memoryview(bytearray(BLOCK)), 0
        try:
            while limit is None or done < limit:
                wanted = len(block) if limit is None else min(len(block), limit - done)
                count = self._fill(source, block[:wanted])
                if not count:
                    break
                done += count
        finally:
            self.close()
        return done

    def _fill(self, source, block):
        """Gather a block; what came before a broken connection is kept."""
        count = 0
        try:
            while count < len(block):
                got = source.readinto(block[count:])
                if not got:
                    break
                count += got
        finally:
            self.write(block[:count])
        return count

    def close(self):
        """Close the file; digests stay."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def digests(self):
        """size, md5, sha1, sha256: from memory, or by reading the file again."""
        hashes = self.hashes or hash_file(self.path)
        return dict(zip(("md5", "sha1", "sha256"), (one.hexdigest() for one in hashes)),
                    size=self.size)


def hash_file(path):
    """The three digests of a file, needed after a restart in the middle of an upload."""
    hashes = (hashlib.md5(), hashlib.sha1(), hashlib.sha256())
    with open(path, "rb", buffering=0) as file:
        block = bytearray(BLOCK)
        while count := file.readinto(block):
            for one in hashes:
                one.update(memoryview(block)[:count])
    return hashes
