# SPDX-License-Identifier: MIT
"""word2vec files as all kinds of programs write them: saved_model/ serves what gensim reads, and nothing else."""
import os
import pathlib

import numpy as np
import pytest
from gensim.models import KeyedVectors

ROWS = np.random.default_rng(1).standard_normal((8, 5)).astype("<f4")
WORDS = ["</s>", "the", "\u043a\u043e\u0448\u043a\u0430", "\u65e5\u672c", "don't", "x_y", "a" * 60, "\U0001f642"]


def text(words=WORDS, rows=ROWS, head="8 5", sep=" ", end="\n", trail="", last=True):
    """A .txt file."""
    lines = [word + sep + sep.join(repr(float(x)) for x in row) + trail for word, row in zip(words, rows)]
    return ((head + end if head else "") + end.join(lines) + (end if last else "")).encode()


def binary(words=WORDS, rows=ROWS, head=b"8 5\n", end=b"", before=b""):
    """A .bin file."""
    return head + b"".join(before + word.encode() + b" " + row.tobytes() + end for word, row in zip(words, rows))


def replaced(first, *others):
    """Other words at the beginning."""
    return [first, *others] + WORDS[1 + len(others):]


TEXT = {
    "plain": text(), "crlf": text(end="\r\n"), "trail": text(trail=" "), "no-end": text(last=False),
    "tab-in-head": text(head="8\t5"), "blank-behind-head": text(head="8 5 "), "too-few": text(head="6 5"),
    "too-many": text(head="9 5"), "other-dimension": text(head="8 4"), "bom": b"\xef\xbb\xbf" + text(), "tabs": text(sep="\t"),
    "two-blanks": text(sep="  "), "blank-in-word": text(replaced("the", "new york")), "empty-word": text(replaced("the", "")),
    "twice": text(list("abacdbef")), "comma": text().replace(b".", b","), "nan": text(rows=np.where(ROWS > 1, np.nan, ROWS)),
    "nbsp": text(["\u00a0", "the", "a\u00a0b", "\u2003", "\u3000", "\x85", "c\u2028d", "z"]),
    "tail": text() + b"\n\n", "empty-line": text().replace(b"\nthe", b"\n\nthe"), "comment": b"# x\n" + text(),
    "numbers": text(["1", "2", "3.5", "-1", "1e5", "nan", "inf", "0"]), "hex": b"2 2\na 0x1p-2 1.0\nb 1.0 2.0\n",
    "ints": b"2 2\na 1 2\nb 3 -4\n", "control": text(["the", "a\x0cb", "c\x0bd", "e\x1cf", "g\rh", "i", "j", "k"]),
    "tab-in-word": text(replaced("the", "a\tb")), "nul": text(replaced("\0", "the")),
}
BINARY = {
    "plain": binary(), "c-tool": binary(end=b"\n"), "crlf": binary(end=b"\r\n"), "lines-before": binary(before=b"\n\n"),
    "junk-behind": binary() + b"junk at the end", "too-many": binary(head=b"9 5\n"), "too-few": binary(head=b"6 5\n"),
    "twice": binary(list("abacdbef")), "empty-word": binary(replaced("the", "")), "first-empty": binary(replaced("", "the")),
    "tab-in-word": binary(replaced("a\tb", "c\nd")), "crlf-head": binary(head=b"8 5\r\n"),
    "padded-head": binary(head=b"  8      5\n"), "zeros": binary(rows=ROWS * 0),
    "half-floats": b"8 5\n" + b"".join(word.encode() + b" " + row.astype("<f2").tobytes() for word, row in zip(WORDS, ROWS)),
}


def served(mount, place, name):
    """Both shards, or None."""
    folder = pathlib.Path(mount.path, "saved_model", place.name, name, "variables")
    try:
        return b"".join((folder / ("variables.data-%05d-of-00002" % n)).read_bytes() for n in (0, 1))
    except OSError:
        return None


@pytest.mark.parametrize("name, data", [*(("%s.txt" % name, data) for name, data in TEXT.items()),
                                        *(("%s.bin" % name, data) for name, data in BINARY.items())])
def test_as_gensim_reads_it(place, mount, name, data):
    path = place.path / name
    path.write_bytes(data)
    try:
        known = KeyedVectors.load_word2vec_format(str(path), binary=name.endswith(".bin"))
    except Exception:  # pylint: disable=broad-exception-caught  # whatever gensim raises: it cannot read it
        known = None
    found = served(mount, place, name)
    assert (known is None) == (found is None)
    if known is not None:
        assert known.vectors.astype("<f4").tobytes() in found
        assert b"".join(word.encode() for word in known.index_to_key if word is not None) in found


def test_a_model_whose_side_car_did_not_fit_says_so(place, drive, mount):
    """Drive is full after the first file of a model: save() raises, and what is there goes in later."""
    from harness import models  # pylint: disable=import-outside-toplevel
    model = models.word2vec(size=20, epochs=1)
    path = str(place.path / "m.model")
    model.save(path, sep_limit=models.SEP_LIMIT)
    drive.fault(path="^/upload/", status=403, reason="storageQuotaExceeded", nth=2, count=0)
    with pytest.raises((OSError, TypeError)):  # gensim hands its errors of closing on as either
        model.save(path, sep_limit=models.SEP_LIMIT)
    drive.clear_faults()
    model.save(path, sep_limit=models.SEP_LIMIT)
    assert not mount.status()["pending"] and not os.path.exists(path + ".tmp")
