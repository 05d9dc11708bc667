# SPDX-License-Identifier: MIT
"""Bad input: a clear error (what, which path, why, what to do), nothing crashes, nothing is lost,
and the rest of the mount works."""
import errno
import os
import pathlib
import pickle
import re
import stat

import numpy as np
import pytest

from harness import models, tensor
from harness.background import Background
from harness.paths import binary, wait_until


# -- at the mount: it must not come about -------------------------------------------------


def refused(rig, tmp_path, *words, folder=None, key=None, point=None, **environment):
    """Mounting fails: no mount, no process, exit status > 0. Returns what it said."""
    if point is None:
        point = tmp_path / "point"
        point.mkdir()
    options = "cache_dir=%s,api_root=%s,ca_file=%s,deadline=5" % (tmp_path / "cache", rig.drive.url, rig.drive.ca)
    if key is not False:
        options += ",key_file=%s" % (key or rig.drive.key)
    command = [binary(), "-o", options, folder or rig.drive.folder, point]
    with Background(command, point, **environment) as daemon:
        text = daemon.done.stderr
        assert 0 < daemon.done.returncode < 126, "status %d: %s" % (daemon.done.returncode, text)
        assert not daemon.mounted() and daemon.pid is None
    for word in words:
        assert str(word) in text, "%r is not in: %s" % (str(word), text)
    assert "PRIVATE KEY" not in text
    return text


def test_folder_that_does_not_exist(rig, tmp_path):
    nowhere = "1" + "N" * 32
    text = refused(rig, tmp_path, nowhere, folder=nowhere)
    assert "share" in text, "it may only be unshared: say with whom to share it: " + text
    assert re.search(r"[a-z0-9-]+@[a-z0-9.-]+", text), "name the account"


def test_folder_that_is_a_file(rig, google, tmp_path):
    file = google.create(rig.drive.folder, "a file", b"x")
    refused(rig, tmp_path, file["id"], "folder", folder=file["id"])


def test_folder_that_is_no_id(rig, tmp_path):
    refused(rig, tmp_path, "no/such id", folder="no/such id")


def test_no_key_file(rig, tmp_path):
    refused(rig, tmp_path, tmp_path / "nothing.json", key=tmp_path / "nothing.json")


def test_no_key_at_all(rig, tmp_path):
    refused(rig, tmp_path, "key_file", "GOOGLE_APPLICATION_CREDENTIALS", key=False)


@pytest.mark.parametrize("content", [b"", b"not json", b"{}", b'{"type": "authorized_user"}', b"\0" * 100, b"[" * 100_000,
                                     b'{"type":"service_account","client_email":"a@b","private_key":"x"}'],
                         ids=["empty", "text", "object", "user", "zeros", "deep", "broken-key"])
def test_key_file_that_is_not_one(rig, tmp_path, content):
    (tmp_path / "key.json").write_bytes(content)
    (tmp_path / "key.json").chmod(0o600)
    refused(rig, tmp_path, tmp_path / "key.json", key=tmp_path / "key.json")


def test_key_file_that_others_can_read(rig, tmp_path):
    with open(rig.drive.key, "rb") as file:
        (tmp_path / "key.json").write_bytes(file.read())
    (tmp_path / "key.json").chmod(0o644)
    refused(rig, tmp_path, tmp_path / "key.json", "chmod 600", key=tmp_path / "key.json")


def test_key_file_that_is_a_link(rig, tmp_path):
    """It is followed, as to a secret that Kubernetes mounts: what it leads to counts."""
    (tmp_path / "open.json").write_bytes(pathlib.Path(rig.drive.key).read_bytes())
    (tmp_path / "open.json").chmod(0o644)
    (tmp_path / "key.json").symlink_to(tmp_path / "open.json")
    refused(rig, tmp_path, tmp_path / "key.json", "can be read by others", key=tmp_path / "key.json")


def test_key_file_that_is_a_folder_or_a_pipe(rig, tmp_path):
    (tmp_path / "key.json").mkdir()
    refused(rig, tmp_path, tmp_path / "key.json", key=tmp_path / "key.json")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "point").rmdir()
    refused(rig, tmp_path, tmp_path / "pipe", key=tmp_path / "pipe")


def test_key_of_somebody_else(rig, tmp_path):
    """A good key of an account that was never let in: as if the folder were not there."""
    key = rig.drive._json("POST", "/account", {})["key"]  # pylint: disable=protected-access
    refused(rig, tmp_path, rig.drive.folder, key=key)


def test_mountpoint_that_is_no_folder(rig, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    refused(rig, tmp_path, tmp_path / "file", point=tmp_path / "file")
    refused(rig, tmp_path, tmp_path / "nothing", point=tmp_path / "nothing")


def test_nobody_answers(rig, tmp_path):
    """A wrong endpoint: the message names it."""
    options = "cache_dir=%s,api_root=https://localhost:1,ca_file=%s,deadline=2,key_file=%s" % (
        tmp_path / "cache", rig.drive.ca, rig.drive.key)
    (tmp_path / "point").mkdir()
    command = [binary(), "-o", options, rig.drive.folder, tmp_path / "point"]
    with Background(command, tmp_path / "point") as daemon:
        assert daemon.done.returncode > 0 and not daemon.mounted()
        assert "localhost" in daemon.done.stderr, daemon.done.stderr


def test_unknown_certificate(rig, tmp_path):
    """Without ca_file= the local Drive is a stranger: no token may be sent to it."""
    options = "cache_dir=%s,api_root=%s,deadline=2,key_file=%s" % (tmp_path / "cache", rig.drive.url, rig.drive.key)
    (tmp_path / "point").mkdir()
    rig.drive.reset_log()
    with Background([binary(), "-o", options, rig.drive.folder, tmp_path / "point"], tmp_path / "point") as daemon:
        assert daemon.done.returncode > 0 and not daemon.mounted()
        assert "certificate" in daemon.done.stderr.lower(), daemon.done.stderr


def test_cache_folder_that_cannot_be(rig, tmp_path):
    (tmp_path / "cache").write_bytes(b"in the way")
    refused(rig, tmp_path, tmp_path / "cache")


# -- in the mount: broken models ----------------------------------------------------------


@pytest.fixture(scope="module")
def word():
    """A trained Word2Vec."""
    return models.word2vec(size=20, epochs=1)


@pytest.fixture
def broken(place, mount, google):
    """broken(name, data): put damaged bytes into Drive from outside, ask the view for the model, and
    check that it fails cleanly. Returns what the log said meanwhile."""
    def put_and_ask(name, data, *words):
        known = google.by_name(place.id)
        if name in known:
            google.replace(known[name]["id"], data)
        else:
            google.create(place.id, name, data)
        wait_until(lambda: _content(place.path / name) == data, name + " on the mount")
        begin = mount.log_size()
        view = os.path.join(mount.path, "saved_model", place.name)
        for path in [os.path.join(view, one) for one in os.listdir(view)]:
            _fails_cleanly(path)
        text = mount.log_text(begin)
        for word in words:
            assert word in text, "%r is not in the log: %s" % (word, text)
        return text
    return put_and_ask


def _content(path):
    try:
        return path.read_bytes()
    except OSError:
        return None


def _fails_cleanly(folder):
    """Asking for the model gives an error; the file itself is never changed or hidden."""
    with pytest.raises(OSError) as caught:
        with open(os.path.join(folder, "saved_model.pb"), "rb") as file:
            file.read()
        for name in os.listdir(os.path.join(folder, "variables")):
            with open(os.path.join(folder, "variables", name), "rb") as file:
                file.read()
    assert caught.value.errno in (errno.EIO, errno.EBADMSG, errno.ENOENT, errno.EMEDIUMTYPE, errno.ENODATA, errno.EINVAL)


@pytest.fixture(autouse=True)
def rest_works(request):
    """After each test of a broken model: a good one beside it still loads."""
    if "place" not in request.fixturenames:
        yield
        return
    place, mount = request.getfixturevalue("place"), request.getfixturevalue("mount")
    good = request.getfixturevalue("word")
    yield
    good.save(str(place.path / "good.model"), sep_limit=models.SEP_LIMIT)
    tensor.check(tensor.load(os.path.join(mount.path, "saved_model", place.name, "good.model")), good.wv)
    models.assert_same_model(type(good).load(str(place.path / "good.model")), good)


def saved_bytes(model, tmp_path, **options):
    """The files of a save, by name."""
    model.save(str(tmp_path / "m.model"), **options)
    return {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path) if name.startswith("m.model")}


@pytest.mark.parametrize("part", [0.99, 0.5, 0.02])
def test_pickle_cut_short(broken, place, word, tmp_path, part):
    data = saved_bytes(word, tmp_path)["m.model"]
    text = broken("m.model", data[:int(len(data) * part)], "m.model")
    assert place.name in text
    with pytest.raises((pickle.UnpicklingError, EOFError, ValueError)):
        type(word).load(str(place.path / "m.model"))


def test_pickle_of_garbage(broken, word, tmp_path):
    data = bytearray(saved_bytes(word, tmp_path)["m.model"])
    data[200:2000] = os.urandom(1800)
    broken("m.model", bytes(data), "m.model")


def test_pickle_that_would_run_a_command(broken, tmp_path):
    """Nothing in a pickle is ever carried out: this one, given to Python, makes a folder."""
    trap = b"cos\nmkdir\nX%s%s\x85R" % (len(str(tmp_path / "trapped")).to_bytes(4, "little"),
                                         str(tmp_path / "trapped").encode())
    model = b"\x80\x02cgensim.models.word2vec\nWord2Vec\n)\x81}X\x02\0\0\0wv" + trap + b"sb."
    broken("trap.model", model, "trap.model")
    assert not (tmp_path / "trapped").exists()
    pickle.loads(b"\x80\x02" + trap + b".")  # the test's own check: Python would do it
    assert (tmp_path / "trapped").exists()


@pytest.mark.parametrize("header", [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (7, 9), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 20), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (10, 20), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999, 99999999999999), }",
    b"no dictionary at all",
], ids=["shape", "negative", "objects", "overflow", "garbage"])
def test_npy_with_a_wrong_header(broken, place, google, word, tmp_path, header):
    files = saved_bytes(word, tmp_path, sep_limit=models.SEP_LIMIT)
    side_car = "m.model.wv.vectors.npy"
    google.create(place.id, "m.model.syn1neg.npy", files["m.model.syn1neg.npy"])
    google.create(place.id, side_car,
                  b"\x93NUMPY\1\0\x76\0" + header.ljust(117) + b"\n" + files[side_car][128:])
    wait_until(lambda: (place.path / side_car).exists(), side_car)
    broken("m.model", files["m.model"], "m.model", "vectors")


def test_npy_cut_short_and_missing(broken, place, google, word, tmp_path):
    files = saved_bytes(word, tmp_path, sep_limit=models.SEP_LIMIT)
    side_car = "m.model.wv.vectors.npy"
    broken("m.model", files["m.model"], ".wv.vectors.npy", "missing")
    google.create(place.id, side_car, files[side_car][:-1000])
    wait_until(lambda: (place.path / side_car).exists(), side_car)
    _fails_cleanly(os.path.join(os.path.dirname(place.path), "saved_model", place.name, "m.model"))
    google.replace(google.by_name(place.id)[side_car]["id"], files[side_car])
    wait_until(lambda: _content(place.path / side_car) == files[side_car], "the whole side-car")
    found = tensor.load(os.path.join(os.path.dirname(place.path), "saved_model", place.name, "m.model"))
    tensor.check(found, word.wv)


@pytest.mark.parametrize("binary_format", [True, False], ids=["bin", "txt"])
@pytest.mark.parametrize("part", [0.999, 0.5])
def test_word2vec_format_cut_short(broken, word, tmp_path, binary_format, part):
    word.wv.save_word2vec_format(str(tmp_path / "v"), binary=binary_format)
    data = (tmp_path / "v").read_bytes()
    broken("v.cut", data[:int(len(data) * part)], "v.cut")


@pytest.mark.parametrize("data", [b"99999999999 300\nthe ", b"3 99999999999999999999\nthe ", b"2 2\nthe 1 2\nof 1 x\n",
                                  b"2 2\nthe 1\nof 1 2\n"], ids=["rows", "columns", "number", "short-row"])
def test_word2vec_format_that_lies(broken, data):
    broken("v.lie", data)


def test_files_that_are_no_models(place, mount, word):
    """They are simply not in the view."""
    np.save(place.path / "array.npy", np.zeros((10, 10), np.float32))
    (place.path / "text.txt").write_text("3 little pigs went to market\n")
    (place.path / "empty").write_bytes(b"")
    (place.path / "list.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    view = os.path.join(mount.path, "saved_model", place.name)
    shown = os.listdir(view) if os.path.isdir(view) else []
    assert not set(shown) & {"array.npy", "text.txt", "empty"}
    assert stat.S_ISDIR(os.stat(os.path.join(mount.path, "saved_model")).st_mode)
