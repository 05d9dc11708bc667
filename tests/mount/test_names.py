# SPDX-License-Identifier: MIT
"""Names that Drive allows and Linux does not, or twice: one odd name never breaks a listing."""
import errno
import os

import pytest

from harness.google import FOLDER
from harness.paths import wait_until

MOUNTS = 2

DOCUMENT = "application/vnd.google-apps.document"
ODD = ["a/b", "/", "..", ".", "x" * 300, "é" * 200, "nul\0byte", "line\nfeed", " leading and trailing ",
       "back\\slash", "100% sure", "*?[x]", "-rf", "\u202eright to left", "emoji \U0001f600", "saved_model",
       "bell\a escape\x1b[31m delete\x7f", "picture of nul \u2400", "half a pair \ufffd", "~", "%", ""]


def by_id(folder):
    """Drive id -> name in the mount, each entry opened to prove that it works."""
    found = {}
    for name in os.listdir(folder):
        assert len(os.fsencode(name)) <= 255
        found[os.getxattr(os.path.join(folder, name), "user.drive.id").decode()] = name
    assert len(found) == len(os.listdir(folder)), "two names for one id"
    return found


def shown(folder, count):
    """by_id(), once the mount has seen that many entries."""
    wait_until(lambda: len(os.listdir(folder)) == count, "%d entries in %s" % (count, folder))
    return by_id(folder)


def test_odd_names_from_outside(place, google):
    ids = {google.create(place.id, name, name.encode())["id"]: name for name in ODD}
    names = shown(place.path, len(ODD))
    assert set(names) == set(ids)
    for file_id, name in ids.items():
        path = place.path / names[file_id]
        assert path.read_bytes() == name.encode(), repr(name)
        assert os.stat(path).st_size == len(name.encode())
    for name in ("line\nfeed", " leading and trailing ", "back\\slash", "*?[x]", "-rf", "emoji \U0001f600"):
        assert name in names.values(), "%r needs no escape" % name


def test_odd_folder_names(place, google):
    inner = google.create_empty(place.id, "models/2024", FOLDER)
    google.create(inner["id"], "f", b"deep")
    names = shown(place.path, 1)
    assert (place.path / names[inner["id"]] / "f").read_bytes() == b"deep"


def test_duplicates(place, google):
    ids = [google.create(place.id, "same", b"%d" % i)["id"] for i in range(3)]
    names = shown(place.path, 3)
    assert names[ids[0]] == "same", "the oldest keeps its name"
    for i, file_id in enumerate(ids):
        assert (place.path / names[file_id]).read_bytes() == b"%d" % i
    os.unlink(place.path / names[ids[1]])
    left = {file["id"] for file in google.children(place.id)}
    assert left == {ids[0], ids[2]}, "the one that was named goes, no other"


def settled(place, count):
    """id -> name on both hosts, once both have seen that many, and the same."""
    names = [shown(path, count) for path in place.paths]
    wait_until(lambda: by_id(place.paths[0]) == by_id(place.paths[1]), "the same names on both hosts")
    return names[0]


def test_both_hosts_show_the_same_names(place, google):
    """Whatever came first: the other host lists at the end, this one follows each change."""
    os.listdir(place.path)
    made = [google.create(place.id, name, b"x")["id"] for name in ("m", "m", "m", "a/b", "a%2Fb", "Model", "model")]
    literal = google.create(place.id, "m~" + made[1][:8], b"literal")["id"]
    names = settled(place, 8)
    assert names[made[0]] == "m" and names[literal] == "m~" + made[1][:8]
    assert names[made[1]] == "m~" + made[1], "a told-apart name gives way to a file that is called so"
    assert names[made[2]] == "m~" + made[2][:8]
    assert {names[made[3]], names[made[4]]} == {"a%2Fb", "a%252Fb"}
    google.update(literal, trashed=True)
    google.update(made[0], trashed=True)
    names = settled(place, 6)
    assert names[made[1]] == "m" and names[made[2]] == "m~" + made[2][:8]
    google.update(made[1], trashed=True)
    assert settled(place, 5)[made[2]] == "m", "the only one has the name"


def test_two_hosts_make_one_name_at_once(place, google):
    """Two files; on both hosts the older has the name, whoever made it."""
    wait_until(place.paths[1].is_dir, "the folder on the other host")
    opened = [open(path / "m", "xb") for path in place.paths]
    for number, file in reversed(list(enumerate(opened))):
        file.write(b"host %d" % number)
        file.close()
    names = settled(place, 2)
    by_time = sorted(google.service.files().get(fileId=one, fields="createdTime,id", supportsAllDrives=True).execute()
                     ["createdTime"] + " " + one for one in names)
    oldest = by_time[0].split()[1]
    assert names[oldest] == "m"
    for path in place.paths:
        wait_until(lambda at=path: (at / "m").read_bytes() == google.download(oldest), "the older under the name")
        assert {(path / name).read_bytes() for name in names.values()} == {b"host 0", b"host 1"}


def test_unlink_one_of_two_uncovers_the_other(place, google):
    ids = [google.create(place.id, "same", b"%d" % i)["id"] for i in range(2)]
    names = shown(place.path, 2)
    os.unlink(place.path / "same")
    wait_until(lambda: os.listdir(place.path) == ["same"], "the other has the name")
    wait_until(lambda: not os.path.exists(place.path / names[ids[1]]), "and no other one")
    assert (place.path / "same").read_bytes() == b"1"
    assert {file["id"] for file in google.children(place.id)} == {ids[1]}


def test_rename_over_one_of_two(place, google):
    """A name means the same file everywhere: a younger file cannot have it while an older one waits for it."""
    first, second = [google.create(place.id, "same", b"%d" % i)["id"] for i in range(2)]
    names = shown(place.path, 2)
    (place.path / "new").write_bytes(b"new")
    with pytest.raises(OSError) as caught:
        os.rename(place.path / "new", place.path / "same")
    assert caught.value.errno == errno.ENOTUNIQ
    assert {(place.path / name).read_bytes() for name in os.listdir(place.path)} == {b"0", b"1", b"new"}
    os.rename(place.path / "new", place.path / names[second])
    assert (place.path / names[second]).read_bytes() == b"new"
    assert (place.path / "same").read_bytes() == b"0"
    (place.path / "last").write_bytes(b"last")
    os.rename(place.path / "last", place.path / "same")
    assert (place.path / "same").read_bytes() == b"last"
    left = {file["id"] for file in google.children(place.id)}
    assert len(left) == 2 and not left & {first, second}


def test_create_beside_what_is_not_shown(place, google):
    hidden = google.create_empty(place.id, "report", DOCUMENT)["id"]
    (place.path / "report").write_bytes(b"mine")
    assert (place.path / "report").read_bytes() == b"mine"
    assert hidden in {file["id"] for file in google.children(place.id)}, "nothing was replaced"


def test_an_escaped_name_can_be_used(place, google):
    """Write into it, rename it: the file in Drive is the same, and its name stays what it was."""
    made = google.create(place.id, "a/b", b"old")
    name = shown(place.path, 1)[made["id"]]
    (place.path / name).write_bytes(b"new")
    found = google.get(made["id"])
    assert found["name"] == "a/b" and google.download(made["id"]) == b"new"
    os.rename(place.path / name, place.path / "plain")
    assert google.get(made["id"])["name"] == "plain"


def test_docs_are_left_out(place, google):
    google.create_empty(place.id, "A document", DOCUMENT)
    google.create_empty(place.id, "A sheet", "application/vnd.google-apps.spreadsheet")
    made = google.create(place.id, "real", b"x")
    assert list(shown(place.path, 1)) == [made["id"]]
    with pytest.raises(FileNotFoundError):
        os.stat(place.path / "A document")


def test_names_from_this_side(place, google):
    names = ["plain", "with space", "tab\there", "line\nfeed", "quote'\"", "back\\slash", "ünï\u4e2d", "y" * 255,
             "trailing.", ".hidden", "CON", "100%", "a b", "\u2044", "picture of nul \u2400"]
    for name in names:
        (place.path / name).write_bytes(name.encode())
    assert sorted(os.listdir(place.path)) == sorted(names)
    for name in names:
        assert (place.path / name).read_bytes() == name.encode()
    assert sorted(google.by_name(place.id)) == sorted(names)


def test_what_looks_escaped_keeps_its_look(place, google):
    """The way back of the escape: written as it is shown, found as it is shown."""
    for name in ("a%2Fb", "a%252Fb", "%", "%2E%2E"):
        (place.path / name).write_bytes(name.encode())
        assert (place.path / name).read_bytes() == name.encode()
    assert sorted(os.listdir(place.path)) == sorted(["a%2Fb", "a%252Fb", "%", "%2E%2E"])
    assert "a/b" in google.by_name(place.id) and "a%2Fb" in google.by_name(place.id)


def test_case_matters(place, google):
    (place.path / "Model").write_bytes(b"upper")
    (place.path / "model").write_bytes(b"lower")
    assert (place.path / "Model").read_bytes() == b"upper"
    assert sorted(google.by_name(place.id)) == ["Model", "model"]


def test_too_long(here):
    with pytest.raises(OSError) as caught:
        (here / ("z" * 256)).write_bytes(b"")
    assert caught.value.errno == errno.ENAMETOOLONG


def test_bytes_that_are_no_utf8(place):
    """Drive cannot hold such a name: refused, with an error that says so, and nothing else breaks."""
    with pytest.raises(OSError) as caught:
        os.mkdir(os.fsencode(place.path) + b"/\xff\xfe")
    assert caught.value.errno in (errno.EILSEQ, errno.EINVAL)
    assert os.listdir(place.path) == []


def test_nul_goes_the_whole_way(place, google):
    """%00 is U+0000 in Drive and back; the character that stands for it inside is refused."""
    (place.path / "nul%00byte").write_bytes(b"x")
    assert list(google.by_name(place.id)) == ["nul\0byte"]
    os.rename(place.path / "nul%00byte", place.path / "two%00nul%00")
    assert list(google.by_name(place.id)) == ["two\0nul\0"]
    with pytest.raises(OSError) as caught:
        (place.path / "\ufdd0").write_bytes(b"")
    assert caught.value.errno == errno.EILSEQ
