# SPDX-License-Identifier: MIT
"""A model of 400 MB: saved on one mount, loaded on the other, served to TensorFlow; and the memory
that the daemons take for it, which does not grow with the model."""
import os
import shutil
import threading
import time

import pytest
from gensim.models import Word2Vec

from harness import models, tensor
from harness.paths import sanitized, wait_until

MOUNTS = 2
OPTIONS = ["poll=1"]
pytestmark = pytest.mark.big
WORDS, SIZE = 174_800, 300  # two matrices of 210 MB each
LIMIT = 64 << 20


class Peak(threading.Thread):
    """The most memory of its own that each daemon held during a block, looked at every 10 ms."""

    def __init__(self, mounts):
        super().__init__(daemon=True)
        self.mounts, self.peaks, self.over = mounts, [0] * len(mounts), threading.Event()

    def run(self):
        while not self.over.wait(0.01):
            self.peaks = [max(peak, mount.memory()) for peak, mount in zip(self.peaks, self.mounts)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def megabytes(peaks):
    """For people."""
    return " and ".join("%.1f MB" % (peak / 1e6) for peak in peaks)


def test_big_model(rig, place, google, tmp_path, capsys):
    """One test: each part needs the one before."""
    model = models.big_word2vec(WORDS, SIZE)
    wait_until(place.paths[1].exists, "the folder on the second mount")
    one, two = (str(path / "big.model") for path in place.paths)
    with Peak(rig.mounts) as peak:
        begin = time.monotonic()
        model.save(one)
        saved = time.monotonic() - begin
        files = google.by_name(place.id)
        assert sorted(files) == ["big.model", "big.model.syn1neg.npy", "big.model.wv.vectors.npy"]
        assert sum(int(file["size"]) for file in files.values()) > 400_000_000
        wait_until(lambda: len(os.listdir(place.paths[1])) == 3, "the model on the second mount")
        begin = time.monotonic()
        models.assert_same_model(Word2Vec.load(two), model)
        loaded = time.monotonic() - begin
    with Peak(rig.mounts) as serving:
        ratio = _serve(rig, place, model, tmp_path)
    with capsys.disabled():
        print("\n  400 MB: save %.1f s, load on the other mount %.1f s; daemons' own memory at most %s, while serving %s;\n"
              "  tf.saved_model.load through the mount, cached: %.2f x the same from local disk"
              % (saved, loaded, megabytes(peak.peaks), megabytes(serving.peaks), ratio))
    if not sanitized():  # their own bookkeeping is not the daemon's memory
        assert max(peak.peaks + serving.peaks) <= LIMIT


def _serve(rig, place, model, tmp_path):
    """Load through the second mount and from a local copy, in turns; the ratio of the best times."""
    view = os.path.join(rig.mounts[1].path, "saved_model", place.name, "big.model")
    tensor.check(tensor.load(view), model.wv)
    shutil.copytree(view, tmp_path / "copy")
    times = {view: [], tmp_path / "copy": []}
    for _ in range(3):
        for folder, list_of in times.items():
            begin = time.monotonic()
            loaded = tensor.load(folder)
            list_of.append(time.monotonic() - begin)
            del loaded
    mounted, local = (min(list_of) for list_of in times.values())
    return mounted / local
