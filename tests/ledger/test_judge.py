# SPDX-License-Identifier: MIT
"""The judge on histories made by hand: it tells each kind of loss, and nothing else."""
import os

import pytest

from ledger import book
from ledger.content import boundaries, flipped, parse, record
from ledger.judge import File, Revision, judge

NUMBER = iter(range(1, 1 << 30))


def act(op, t0, t1=None, end=0, who="w0", mount=1, **more):
    """An act as a book has it; t1 None: it never returned."""
    found = {"id": str(next(NUMBER)), "op": op, "who": who, "mount": mount, "t0": t0, **more}
    return found if t1 is None else {**found, "t1": t1, "end": end}


def save(tag, t0, t1=None, end=0, name="a", opened=None, **more):
    """A save of one tag as a whole file."""
    return act("save", t0, t1, end, name=name, tag=tag, opened=t0 if opened is None else opened, by="close", **more)


def file(*revisions, name="a", trashed=None, one="F"):
    """A file from (time, tags...)."""
    return File(one, name, trashed is not None, trashed or 0,
                [Revision(time, list(tags), bool(tags), 100 * len(tags)) for time, *tags in revisions])


def kinds(acts, files, kept=()):
    """The kinds that the judge finds."""
    return [kind for kind, _ in judge(acts, files, kept)]


# -- bytes ------------------------------------------------------------------------------


def test_a_record_says_what_it_is():
    data = record("w1-1", 500) + record("w1-2", 0)
    assert parse(data) == (["w1-1", "w1-2"], len(data))
    assert [tag for _, tag in boundaries(data)] == ["w1-1", "w1-2"]
    for spoilt in (data[:300], data[1:], b"x" * 700, data[:200] + b"?" + data[201:], bytes(200) + data[200:]):
        assert parse(spoilt)[1] < len(spoilt), spoilt[:50]


def test_a_book_knows_what_never_returned(tmp_path):
    one = book.Book(os.path.join(tmp_path, "w0.book"), "w0", 1)
    done, refused = one.begin("save", tag="w0-1"), one.begin("save", tag="w0-2")
    one.begin("save", tag="w0-3")
    one.end(done)
    one.end(refused, 5)
    assert [found.get("end") for found in book.read(tmp_path)] == [0, 5, None]


# -- what is well -----------------------------------------------------------------------


@pytest.mark.parametrize("acts, files, kept", [
    ([save("w0-1", 1, 2)], [file((1.5, "w0-1"))], ()),
    ([save("w0-1", 1, 2), save("w0-2", 3, 4)], [file((1.5, "w0-1"), (3.5, "w0-2"))], ()),
    ([save("w0-1", 1, 2), save("w0-2", 3, 4, end=5)], [file((1.5, "w0-1"))], ()),
    ([save("w0-1", 1, 2), save("w0-2", 3, 4, end=5)], [file((1.5, "w0-1"), (9, "w0-2"))], ()),
    ([save("w0-1", 1, 2)], [], ("w0-1",)),
    ([save("w0-1", 1, 2), act("unlink", 3, 4, name="a")], [file((1.5, "w0-1"), trashed=3.5)], ()),
    ([save("w0-1", 1, 2), act("unlink", 3, 4, end=5, name="a")], [file((1.5, "w0-1"), trashed=9)], ()),
    ([save("w0-1", 1, 2), act("trash", 3, None, who="google", mount=0, file="F", name="a")],
     [file((1.5, "w0-1"), trashed=3.5)], ()),
    ([save("w0-1", 5, 6, opened=1), act("unlink", 2, 3, who="w2", name="a")], [file((5.5, "w0-1"), trashed=2.5)], ()),
    ([save("w0-1", 5, 6, opened=1), act("unlink", 2, 3, who="w2", name="a")], [], ()),
    ([save("w0-1", 1, 2), save("w0-2", 3, 4, name="t"), act("rename", 5, 6, name="a", source="t", tag="w0-2", saved=True)],
     [file((1.5, "w0-1"), trashed=5.5), file((3.5, "w0-2"), one="G")], ()),
    ([act("append", 1, 2, name="l.log", tags=["w0-1"]), act("append", 3, 4, name="l.log", tags=["w0-2"])],
     [file((1.5, "w0-1"), (3.5, "w0-1", "w0-2"), name="l.log")], ()),
    ([act("append", 1, 2, name="l.log", tags=["w0-1"]), act("cut", 3, 3.1, name="l.log", tags=["w0-1"]),
      act("truncate", 3.1, 4, name="l.log", tags=["w0-1"])], [file((1.5, "w0-1"), (3.5,), name="l.log")], ()),
])
def test_all_is_well(acts, files, kept):
    assert judge(acts, files, kept) == []


# -- what is not ------------------------------------------------------------------------


def test_lost():
    assert kinds([save("w0-1", 1, 2)], []) == ["lost"]
    assert kinds([save("w0-1", 1, 2)], [file((1, "w0-0"))]) == ["lost"]


def test_lost_is_also_what_came_after_it_was_said():
    assert kinds([save("w0-1", 1, 2)], [file((5, "w0-1"))]) == ["lost"]


def test_lost_by_a_rename_of_bytes_whose_close_failed():
    acts = [save("w0-1", 1, 2, end=28, name="t"), act("rename", 3, 4, name="a", source="t", tag="w0-1", saved=False, sure=True)]
    assert kinds(acts, [file((0.5, "w0-0"), trashed=3.5)]) == ["lost"]


def test_half():
    whole, half = Revision(1.5, ["w0-1"], True, 100), Revision(3, [], False, 50)
    assert kinds([save("w0-1", 1, 2)], [File("F", "a", False, 0, [whole, half])]) == ["half"]
    assert kinds([save("w0-1", 1, 2)], [file((1.5, "w0-1"), (3,))]) == ["half"], "nothing is a half too"
    two = Revision(3, ["w0-1", "w0-2"], True, 200)
    assert kinds([save("w0-1", 1, 2)], [File("F", "a", False, 0, [two])])[0] == "half", "two saves in one file"


def test_a_flipped_bit_is_sent_again():
    data = record("w0-1", 500)
    spoilt = data[:300] + bytes([data[300] ^ 4]) + data[301:]
    assert flipped(b"M" + data[1:]) == "w0-1"
    assert (flipped(spoilt), flipped(data), flipped(spoilt[:-1]), flipped(data[:300] + bytes(324))) == ("w0-1", None, None, None)
    bad, good = Revision(1.2, [], False, 100, "w0-1"), Revision(1.5, ["w0-1"], True, 100)
    assert kinds([save("w0-1", 1, 2)], [File("F", "a", False, 0, [bad, good])]) == []
    assert kinds([save("w0-1", 1, 2, end=5)], [File("F", "a", False, 0, [bad])], ("w0-1",)) == []
    assert kinds([save("w0-1", 1, 2, end=5)], [File("F", "a", False, 0, [good, bad])]) == ["half"]


def test_old_and_retry():
    older, newer = save("w0-1", 1, 2), save("w2-1", 5, 6, who="w2", mount=2)
    assert kinds([older, newer], [file((1.5, "w0-1"), (5.5, "w2-1"), (7, "w0-1"))]) == ["old"]
    moved = act("rename", 8, 9, name="b", source="a", tag="w2-1", saved=True)
    assert kinds([older, newer, save("w3-1", 6, 7), moved], [file((1.5, "w0-1"), (5.5, "w2-1"), (6.5, "w3-1"))]) == []
    failed = save("w0-1", 1, 2, end=5)
    assert kinds([failed, newer], [file((5.5, "w2-1"), (7, "w0-1"))]) == ["retry"]
    edit = act("edit", 5, 6, who="google", mount=0, name="a", file="F", tag="google-1")
    assert kinds([failed, edit], [file((5.5, "google-1"), (7, "w0-1"))]) == ["retry"]


def test_trashed_by_nobody():
    assert kinds([save("w0-1", 1, 2)], [file((1.5, "w0-1"), trashed=3)]) == ["trashed"]
    other = act("unlink", 3, 4, name="b")
    assert kinds([save("w0-1", 1, 2), other], [file((1.5, "w0-1"), trashed=3.5)]) == ["trashed"]
    earlier = act("unlink", 0, 0.5, name="a")
    assert kinds([save("w0-1", 1, 2), earlier], [file((1.5, "w0-1"), trashed=3)]) == ["trashed"]


def test_saved_into_the_trash():
    trash = act("trash", 1, 2, who="google", mount=0, file="F", name="a")
    late = save("w0-1", 5, 6, opened=0.5)
    assert kinds([trash, late], [file((0, "w0-0"), (5.5, "w0-1"), trashed=1.5)]) == ["trashed"]
    away = act("unlink", 1, 2, who="w3", mount=2, name="a")
    assert kinds([away, late], [file((0, "w0-0"), (5.5, "w0-1"), trashed=1.5)]) == ["trashed"]
    assert kinds([save("w0-1", 1.2, 6), trash], [file((5.5, "w0-1"), trashed=1.5)]) == [], "at the same time"


def test_a_rename_that_failed_and_took_its_target():
    acts = [save("w0-1", 1, 2), save("w0-2", 3, 4, name="t"),
            act("rename", 5, 6, end=5, name="a", source="t", tag="w0-2", saved=True)]
    files = [file((1.5, "w0-1"), trashed=5.5), file((3.5, "w0-2"), one="G", name="t")]
    assert kinds(acts, files) == ["trashed"]
    files[1].name = "a"
    assert kinds(acts, files) == [], "its answer was lost, that is all"


def test_a_rename_may_put_the_bytes_into_the_target():
    acts = [save("w0-1", 1, 2), save("w0-2", 3, 4, name="t"),
            act("rename", 5, 6, name="a", source="t", tag="w0-2", saved=True)]
    source = file((3.5, "w0-2"), one="G", name="t", trashed=5.7)
    assert kinds(acts, [file((1.5, "w0-1"), (5.5, "w0-2")), source]) == []
    assert kinds(acts, [file((1.5, "w0-1")), source])[0] == "trashed"


def test_back():
    acts = [act("append", n, n + 0.5, name="l.log", tags=["w0-%d" % n]) for n in (1, 2)]
    assert kinds(acts, [file((1.2, "w0-1"), (2.2, "w0-2"), name="l.log")]) == ["back"]
    cut = [act("cut", 3, 3.1, name="l.log", tags=["w0-2"]), act("truncate", 3.2, 3.5, name="l.log", tags=["w0-2"])]
    there = file((1.2, "w0-1"), (2.2, "w0-1", "w0-2"), (3.3, "w0-1"), (5, "w0-1", "w0-2"), name="l.log")
    assert kinds(acts + cut, [there]) == ["back"]


def test_undone():
    acts = [save("w0-1", 1, 2, name="t"), act("rename", 3, 4, name="a", source="t", tag="w0-1", saved=True)]
    assert kinds(acts, [file((1.5, "w0-1"), name="t")]) == ["undone"]
    acts = [save("w0-1", 1, 2), act("unlink", 3, 4, name="a", tag="w0-1")]
    assert kinds(acts, [file((1.5, "w0-1"))]) == ["undone"]
    assert kinds(acts + [save("w0-1", 5, 6)], [file((1.5, "w0-1"))]) == []


def test_twice():
    acts = [act("append", 1, 2, name="l.log", tags=["w0-1"])]
    assert kinds(acts, [file((1.5, "w0-1", "w0-1"), name="l.log")]) == ["twice"]
