# SPDX-License-Identifier: MIT
"""Bytes that say what they are: a half of them, or a mixture, is recognised.

A record is a header (tag, length, SHA-256 of the body) and the body; every file of the test is a
sequence of whole records: one in files that are saved as a whole, many in logs.
"""
import hashlib
import random
import re

HEADER = re.compile(rb"LEDGER ([\w.-]{1,40}) +(\d{10}) ([0-9a-f]{64})\n")
HEADER_BYTES = 7 + 41 + 10 + 1 + 64 + 1


def record(tag, size):
    """The record of a tag: its body of `size` bytes follows from the tag."""
    body = random.Random(tag).randbytes(size)
    return b"LEDGER %-40s %010d %s\n" % (tag.encode(), size, hashlib.sha256(body).hexdigest().encode()) + body


def parse(data):
    """(tags of the whole records from the start on, bytes they take). All is whole when that is all."""
    tags, at = [], 0
    while at < len(data):
        match = HEADER.match(data, at)
        if not match:
            break
        end = match.end() + int(match[2])
        if end > len(data) or hashlib.sha256(data[match.end():end]).hexdigest().encode() != match[3]:
            break
        tags.append(match[1].decode())
        at = end
    return tags, at


def flipped(data):
    """The tag of a record of which one byte came out wrong; else None. Drive cannot know: it publishes
    the last byte before anybody can compare digests, and whoever sent it has to send it again."""
    match = HEADER.match(b"L" + data[1:])  # the local Drive flips a bit of the first byte it is sent
    if not match or match.end() + int(match[2]) != len(data):
        return None
    wanted = record(match[1].decode(), int(match[2]))
    return match[1].decode() if sum(map(int.__ne__, data, wanted)) == 1 else None


def boundaries(data):
    """Offsets at which a record ends, and the tags: [(offset, tag), ...]."""
    found, at = [], 0
    while at < len(data):
        tags, taken = parse(data[at:at + HEADER_BYTES + _length(data, at)])
        if not tags:
            break
        at += taken
        found.append((at, tags[0]))
    return found


def _length(data, at):
    match = HEADER.match(data, at)
    return int(match[2]) if match else 0
