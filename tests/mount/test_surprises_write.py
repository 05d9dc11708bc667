# SPDX-License-Identifier: MIT
"""Uploads and edits at their worst: 0 means that Drive has exactly this, once; else a clear errno."""
import concurrent.futures
import errno
import os

import pytest

from harness.counting import counted
from harness.google import md5
from harness.paths import wait_until
from harness.surprise import MIB, calm, entries  # noqa: F401  # pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=10,upload_deadline=10,wait_scale=10,quota_units_per_minute=0"]
UPLOAD = "^/upload/"


def saved(place, google, name, data, revisions=1):
    """Drive has one file of that name, with these bytes, and no revision too many."""
    file = google.by_name(place.id)[name]
    assert file["md5Checksum"] == md5(data) and file["size"] == str(len(data))
    assert len(google.revisions(file["id"])) == revisions
    return file


def failing_write(path, data):
    """Write and close; returns the errno of close()."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, data)
    with pytest.raises(OSError) as caught:
        os.close(fd)
    return caught.value.errno


def nothing_left(mount):
    """What could not be saved is saved once it can be."""
    wait_until(lambda: not mount.status()["pending"], "nothing pending", deadline=40)


# -- sessions -----------------------------------------------------------------------------


@pytest.mark.parametrize("switches", [
    {"forget_chunks": 1}, {"forget_chunks": 3}, {"partial_chunk": MIB}, {"chunk_multiple_400": True},
    {"gap_400": True}, {"close_after": 1}, {"token_uses": 2}, {"token_lifetime_s": 1}, {"unknown_members": True},
    {"etag_header": True}, {"sha_missing": True}, {"description_missing": True}, {"version_bump": True},
    {"revisions_keep": 0}, {"revisions_hidden": True}, {"gzip_always": True}, {"page_size_max": 1},
], ids=lambda switches: "-".join(str(word) for pair in switches.items() for word in pair))
def test_saved_all_the_same(place, google, drive, switches):
    data, small = os.urandom(3 * MIB + 1), b"small"
    drive.switches(**switches)
    (place.path / "f").write_bytes(data)
    (place.path / "g").write_bytes(small)
    drive.switches(revisions_hidden=False)
    saved(place, google, "f", data)
    saved(place, google, "g", small)


@pytest.mark.parametrize("switch", ["chunk_multiple_400", "gap_400"])
def test_several_parts(place, google, drive, switch):
    """Two parts of which the first breaks off: nothing is sent that a strict server refuses."""
    data = os.urandom(40 * MIB)
    drive.switches(**{switch: True})
    drive.fault(path="upload_id=", action="cut_request", after=5 * MIB + 7)
    (place.path / "f").write_bytes(data)
    saved(place, google, "f", data)


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_is_gone(place, google, drive, mount, status):
    """For good: an error, and the bytes are kept. Then, a new session."""
    data = os.urandom(2 * MIB)
    drive.switches(session_lost=status)
    assert failing_write(place.path / "f", data) in (errno.EIO, errno.ETIMEDOUT)
    assert "f" not in google.by_name(place.id)
    drive.switches(session_lost=0)
    nothing_left(mount)
    saved(place, google, "f", data)


@pytest.mark.parametrize("status", [404, 410])
def test_a_session_that_is_gone_half_way(place, google, drive, status):
    """Once: begun again under the same reserved id, so there is one file."""
    data = os.urandom(2 * MIB)
    drive.fault(path="upload_id=", action="cut_request")
    drive.fault(path="upload_id=", nth=2, status=status)
    (place.path / "f").write_bytes(data)
    saved(place, google, "f", data)


def test_sessions_that_are_too_old(place, google, drive, mount):
    drive.switches(session_lifetime_s=-1)
    failing_write(place.path / "f", bytes(2 * MIB))
    drive.switches(session_lifetime_s=604800)
    nothing_left(mount)
    saved(place, google, "f", bytes(2 * MIB))


@pytest.mark.parametrize("reason", ["fileIdInUse", "duplicate"])
def test_a_lost_answer_makes_no_second_file(place, google, drive, reason):
    """The retry meets 409: it was ours. Large, small, and a folder."""
    data = os.urandom(2 * MIB)
    drive.switches(conflict_reason=reason)
    drive.fault(path=UPLOAD + ".*upload_id=", action="lose")
    (place.path / "f").write_bytes(data)
    drive.fault(path="uploadType=multipart", action="lose")
    (place.path / "g").write_bytes(b"small")
    drive.fault(method="POST", path="^/drive/v3/files\\?", action="lose")
    (place.path / "d").mkdir()
    saved(place, google, "f", data)
    saved(place, google, "g", b"small")
    assert sorted(file["name"] for file in google.children(place.id)) == ["d", "f", "g"]


@pytest.mark.parametrize("fault", [
    {"action": "reset"}, {"action": "reset", "after": 10}, {"action": "freeze", "after": 10},
    {"action": "crawl"}, {"action": "stall"}, {"action": "corrupt_request", "nth": 2},
], ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_an_upload_that_breaks_goes_on(place, google, drive, fault):
    data = os.urandom(2 * MIB)
    drive.fault(path=UPLOAD, **fault)
    (place.path / "f").write_bytes(data)
    saved(place, google, "f", data, 2 if fault["action"] == "corrupt_request" else 1)


def test_non_json_errors(place, google, drive):
    drive.switches(non_json_errors=True)
    drive.fault(path=UPLOAD, status=502)
    (place.path / "f").write_bytes(b"x")
    saved(place, google, "f", b"x")
    drive.fault(path="^/drive/v3/files", method="PATCH", status=503)
    os.rename(place.path / "f", place.path / "g")
    saved(place, google, "g", b"x")


def test_old_checksums_are_missing(place, google, drive, mount):
    """Without an md5Checksum a SHA tells that Drive has the bytes; without any nobody can: close() does not say so,
    and the bytes are not sent again for that."""
    drive.switches(md5_missing=True)
    (place.path / "g").write_bytes(b"y")
    assert google.download(google.by_name(place.id)["g"]["id"]) == b"y"
    drive.switches(sha_missing=True)
    with counted(drive) as count:
        assert failing_write(place.path / "f", b"x") in (errno.EIO, errno.EBADMSG)
    assert len(count.uploads()) == 1, count.lines()
    drive.switches(md5_missing=False, sha_missing=False)
    nothing_left(mount)


# -- limits -------------------------------------------------------------------------------


def test_the_daily_limit_in_disguise(place, google, drive, mount):
    """Its message is that of a mere rate limit: tried again until the upload deadline, then EDQUOT and a clear line."""
    drive.switches(daily_upload_bytes=1)
    begin = mount.log_size()
    with counted(drive) as count:
        assert failing_write(place.path / "f", b"x" * 1000) == errno.EDQUOT
    assert len(count.uploads()) > 2, count.lines()
    assert "750 GB" in mount.log_text(begin) and "f" in mount.log_text(begin)
    drive.switches(daily_upload_bytes=0)
    nothing_left(mount)
    saved(place, google, "f", b"x" * 1000)


@pytest.mark.parametrize("status,date", [(403, False), (429, False), (403, True), (429, True)])
def test_retry_after(place, google, drive, status, date):
    """Seconds or a date: the next try comes no earlier (here: a tenth of it)."""
    drive.switches(retry_after=4, retry_after_date=date)
    drive.fault(path=UPLOAD, status=status, reason="rateLimitExceeded")
    with counted(drive) as count:
        (place.path / "f").write_bytes(b"x")
    times = [request["time"] for request in count.uploads()]
    assert times[1] - times[0] > 0.25, "too early"
    saved(place, google, "f", b"x")


@pytest.mark.parametrize("switches", [
    {"rate_limit_writes": 20, "rate_limit_burst": 4}, {"rate_limit_writes": 20, "rate_limit_burst": 4,
                                                       "rate_limit_status": 429},
    {"rate_limit_units": 60_000, "rate_limit_units_burst": 200},
    {"rate_limit_project_units": 60_000, "rate_limit_units_burst": 200},
], ids=["writes", "writes-429", "units", "project"])
def test_rate_limits(place, google, drive, switches):
    """Ten files, more than may be made at once: all are there in the end, each once."""
    drive.reset_log()
    drive.switches(**switches)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: (place.path / ("f%d" % number)).write_bytes(b"%d" % number), range(10)))
    refused = [request for request in drive.log() if request["status"] in (403, 429)]
    assert refused, "this test must meet a limit"
    drive.switches(rate_limit_writes=0, rate_limit_units=0, rate_limit_project_units=0)
    for number in range(10):
        saved(place, google, "f%d" % number, b"%d" % number)


def test_the_limits_of_2026(place, google, drive):
    """More than a hundred folders at once: the last ones come at three a second, and all come."""
    drive.reset_log()
    drive.switches(quota_2026=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: (place.path / ("d%d" % number)).mkdir(), range(103)))
    assert [request for request in drive.log() if request["status"] == 403], "this test must meet a limit"
    drive.switches(quota_2026=False)
    assert len(google.by_name(place.id)) == 103


@pytest.mark.parametrize("seed", [1, 2])
def test_storm(place, google, drive, mount, seed):
    """Every fifth request fails in some way: the tree is what it should be, each file once."""
    drive.switches(storm_percent=20, storm_seed=seed, storm_kinds="503,429,403,500,reset,lose,cut,drop")
    (place.path / "d").mkdir()
    for number in range(12):
        (place.path / ("f%d" % number)).write_bytes(b"%d" % number)
    for number in range(4):
        os.rename(place.path / ("f%d" % number), place.path / "d" / ("g%d" % number))
    for number in range(4, 7):
        os.unlink(place.path / ("f%d" % number))
    drive.switches(storm_percent=0)
    nothing_left(mount)
    files = google.by_name(place.id)
    assert sorted(files) == sorted(["d"] + ["f%d" % number for number in range(7, 12)])
    inner = google.by_name(files["d"]["id"])
    assert sorted(inner) == ["g%d" % number for number in range(4)]
    for name, file in {**files, **inner}.items():
        if name != "d":
            assert google.download(file["id"]) == name[1:].encode()
    assert entries(place.path) == sorted(files)


def test_old_revisions_and_pins(place, google, drive):
    """Saving goes on when no old revision is kept, and when no more may be pinned."""
    drive.switches(revisions_keep=0, keep_forever_max=0)
    for number in range(3):
        (place.path / "f").write_bytes(b"%d" % number)
    saved(place, google, "f", b"2")
