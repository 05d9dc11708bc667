# SPDX-License-Identifier: MIT
"""Downloads that Drive answers otherwise than one thinks: the right bytes, or a clear error."""
import errno
import os
import time

import pytest

from harness.counting import counted
from harness.paths import wait_until
from harness.surprise import (  # noqa: F401  # pylint: disable=unused-import
    MIB, at_once, calm, errno_of, foreign, stock)

OPTIONS = ["poll=1,deadline=3,upload_deadline=6,wait_scale=10"]


def read_some(path, offset, count):
    """Bytes from the middle of a file."""
    with open(path, "rb") as file:
        return os.pread(file.fileno(), count, offset)


@pytest.mark.parametrize("switches", [
    {"range_as_200": True}, {"media_redirect": True}, {"media_redirect": True, "revisions_hidden": True}, {"gzip_media": True}, {"gzip_always": True},
    {"close_after": 1}, {"etag_header": True}, {"token_lifetime_s": 1}, {"token_uses": 3},
    {"sha_missing": True}, {"md5_missing": True}, {"media_needs_all_drives": True, "revisions_hidden": True}, {"version_bump": True},
    {"description_missing": True}, {"unknown_members": True}, {"revisions_hidden": True}, {"revisions_open": True},
], ids="-".join)
def test_the_right_bytes_all_the_same(stock, drive, switches):
    path, data, _ = stock.take()
    drive.switches(**switches)
    assert read_some(path, MIB + 3, 1000) == data[MIB + 3:MIB + 1003]
    assert path.read_bytes() == data


def test_an_empty_file_is_never_asked_for_a_range(place, google, drive):
    paths = foreign(place, google, b"", b"")
    for path, tolerant in zip(paths, (False, True)):
        drive.switches(empty_range_200=tolerant)
        with counted(drive) as count:
            assert path.read_bytes() == b""
        assert not count.media(), count.lines()


def test_401_in_the_middle_of_a_download(stock, drive):
    path, data, _ = stock.take()
    drive.fault(path="alt=media", action="cut", after=MIB + 17)
    drive.fault(path="alt=media", nth=2, status=401)
    assert path.read_bytes() == data


def test_all_tokens_end_between_two_reads(stock, drive):
    (path, data, _), (other, more, _) = stock.take(), stock.take()
    assert path.read_bytes() == data
    drive.ask("POST", "/tokens/revoke", {})
    assert other.read_bytes() == more


FAULTS = [
    {"action": "reset"}, {"action": "reset", "after": 100_000}, {"action": "cut", "after": 100_000},
    {"action": "drop"}, {"action": "stall"}, {"action": "freeze", "after": 100_000}, {"action": "crawl"},
    {"status": 500}, {"status": 503}, {"status": 429}, {"status": 403, "reason": "userRateLimitExceeded"},
    {"status": 403, "reason": "rateLimitExceeded"}]


def test_downloads_that_break_go_on(place, google, drive):
    """A server that sends nothing, or a byte a second, is given up in time and asked again."""
    contents = [os.urandom(MIB) for _ in FAULTS]
    paths = foreign(place, google, *contents)
    for path, fault in zip(paths, FAULTS):
        file_id = os.getxattr(path, "user.drive.id").decode()
        drive.fault(path=file_id + ".*alt=media", **fault)
    found = at_once([path.read_bytes for path in paths])
    for fault, data, right in zip(FAULTS, found, contents):
        assert data == right, fault


def test_a_byte_a_second_for_ever_is_an_error_in_time(stock, drive):
    path, _, _ = stock.take()
    drive.fault(path="alt=media", action="crawl", count=0)
    began = time.monotonic()
    assert errno_of(path.read_bytes) in (errno.ETIMEDOUT, errno.EIO)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("name", ["abusive", "download_restricted"])
def test_what_may_not_be_downloaded(stock, drive, mount, name):
    (bad, data, _), (good, more, _) = stock.take(), stock.take()
    drive.switches(**{name: bad.name})
    begin = mount.log_size()
    assert errno_of(bad.read_bytes) in (errno.EACCES, errno.EPERM)
    assert bad.name in mount.log_text(begin), "the log names the file"
    assert good.read_bytes() == more and os.stat(bad).st_size == len(data)
    drive.switches(**{name: ""})
    assert bad.read_bytes() == data


def test_download_quota_of_a_file(stock, drive):
    path, data, _ = stock.take()
    drive.fault(path="alt=media", status=403, reason="downloadQuotaExceeded", count=0)
    assert errno_of(path.read_bytes) == errno.EDQUOT
    drive.clear_faults()
    assert path.read_bytes() == data


def test_a_revision_that_vanishes_while_it_is_read(stock, google, drive):
    """The old one is purged at once: its bytes, or ESTALE; never a mix of both."""
    path, old, file_id = stock.take()
    new = os.urandom(len(old))
    drive.switches(revisions_keep=0)
    with open(path, "rb") as file:
        assert os.pread(file.fileno(), 1000, 0) == old[:1000]
        google.replace(file_id, new)
        try:
            tail = os.pread(file.fileno(), 1000, 2 * MIB)
        except OSError as error:
            assert error.errno == errno.ESTALE
        else:
            assert tail == old[2 * MIB:2 * MIB + 1000]
    wait_until(lambda: path.read_bytes() == new, "the new revision")


def test_real_latency(stock, drive):
    """1.3 s to the first byte of a range: a whole file is one request, not one a block."""
    path, data, _ = stock.take()
    drive.profile("real")
    with counted(drive) as count:
        assert path.read_bytes() == data
    assert len(count.media()) <= 2, count.lines()


def test_non_json_errors(stock, drive):
    (path, data, _), (other, _, _) = stock.take(), stock.take()
    drive.switches(non_json_errors=True)
    drive.fault(path="alt=media", status=503)
    assert path.read_bytes() == data
    drive.fault(path="alt=media|revisions", status=404, count=0)
    assert errno_of(other.read_bytes) in (errno.ENOENT, errno.ESTALE, errno.EIO)
