# SPDX-License-Identifier: MIT
"""The demo: real gensim models through a real mount to Drive and into TensorFlow, in six steps.

Each step says what it does and how long it took; the first check that does not hold ends it.
"""
import contextlib
import datetime
import gc
import json
import os
import signal
import sys
import tempfile
import time
import traceback

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # not harness/: its google.py
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from emulator.launch import LocalDriveError  # noqa: E402
from harness.janitor import dismiss  # noqa: E402
from harness.paths import HarnessError  # noqa: E402
from harness.rig import Rig  # noqa: E402

DOC, WORD, BINARY, TEXT = "news-doc2vec.model", "news-word2vec.model", "news.bin", "news.txt"
REAL = """\
Your own Google Drive: a folder on a SHARED drive (service accounts own nothing in My Drive).
  1. Google Cloud console: enable the Drive API, make a service account, download its JSON key, chmod 600 KEY.json
  2. In Drive, add the account's e-mail address to the shared drive as Content manager
  3. mkdir -p ~/models && %s -o key_file=KEY.json FOLDER_URL ~/models     (fusermount3 -u ~/models ends it)"""


@contextlib.contextmanager
def step(text):
    """Announce, do, and say how long it took."""
    print("  %-78s" % text, end="", flush=True)
    begin = time.monotonic()
    yield
    print("%6.1f s" % (time.monotonic() - begin), flush=True)


class Demo:
    """What the steps hand on to each other."""

    def __init__(self, rig, local):
        self.rig, self.local = rig, local
        self.first = rig.mounts[0].path
        self.word = self.doc = self.google = self.second = None

    def save(self):
        """Step 1: train and save."""
        from harness import models  # pylint: disable=import-outside-toplevel
        print("1. Train on the Lee news corpus and save to the mount")
        with step("Word2Vec and Doc2Vec"):
            self.word, self.doc = models.word2vec(), models.doc2vec()
        with step("Doc2Vec.save(): one file"):
            self.doc.save(os.path.join(self.first, DOC))
        with step("Word2Vec.save(): with .npy side-cars, and its .bin and .txt exports"):
            self._save_words(self.first)
        self.doc.save(os.path.join(self.local, DOC))
        self._save_words(self.local)

    def _save_words(self, folder):
        from harness import models  # pylint: disable=import-outside-toplevel
        self.word.save(os.path.join(folder, WORD), sep_limit=models.SEP_LIMIT)
        self.word.wv.save_word2vec_format(os.path.join(folder, BINARY), binary=True)
        self.word.wv.save_word2vec_format(os.path.join(folder, TEXT), binary=False)

    def ask_google(self):
        """Step 2: is it all in Drive?"""
        from harness import google  # pylint: disable=import-outside-toplevel
        print("2. Ask the Drive API, through Google's own Python client")
        drive = self.rig.drive
        with step("files.list: every file is there, side-cars too, application/octet-stream"):
            self.google = google.Google(drive.url, drive.ca, drive.key)
            files, names = self.google.by_name(drive.folder), sorted(os.listdir(self.local))
            assert sorted(files) == names, "in Drive: %s, on the local disk: %s" % (sorted(files), names)
            assert sum(name.endswith(".npy") for name in files) == 2, "side-cars: %s" % sorted(files)
            kinds = {file["mimeType"] for file in files.values()}
            assert kinds == {google.OCTETS}, kinds
        with step("files.get: %d files, byte-equal to the same models saved to local disk" % len(names)):
            for name in names:
                with open(os.path.join(self.local, name), "rb") as file:
                    assert self.google.download(files[name]["id"]) == file.read(), name + " differs"

    def describe(self):
        """Step 3: metadata."""
        print("3. Metadata: the extended attribute user.drive.description is Drive's description")
        note = {"version": "1.0.0", "trained": datetime.date.today().isoformat(), "corpus": "lee_background",
                "vector_size": self.word.vector_size, "author": "Ada Löwe"}
        with step("written as JSON through the mount, read through Google's client"):
            os.setxattr(os.path.join(self.first, WORD), "user.drive.description",
                        json.dumps(note, ensure_ascii=False).encode())
            file = self.google.by_name(self.rig.drive.folder)[WORD]
            assert json.loads(file["description"]) == note, file.get("description")

    def load(self):
        """Step 4: as another host."""
        from gensim.models import Doc2Vec, Word2Vec  # pylint: disable=import-outside-toplevel
        from harness import models  # pylint: disable=import-outside-toplevel
        print("4. Mount again with an empty cache and another key, as another host would")
        with step("second mount"):
            self.second = self.rig.add_mount().path
            assert sorted(set(os.listdir(self.second)) - {"saved_model"}) == sorted(os.listdir(self.local))
        with step("Doc2Vec.load(): vectors equal bit for bit, infer_vector()"):
            doc = Doc2Vec.load(os.path.join(self.second, DOC))
            models.assert_same_model(doc, self.doc)
            text = models.documents()[0][:20]
            doc.random.seed(models.SEED)
            self.doc.random.seed(models.SEED)
            assert models.same_bits(doc.infer_vector(text), self.doc.infer_vector(text)), "infer_vector() differs"
        with step("Word2Vec.load(), and with mmap='r'"):
            models.assert_same_model(Word2Vec.load(os.path.join(self.second, WORD)), self.word)
            mapped = Word2Vec.load(os.path.join(self.second, WORD), mmap="r")
            models.assert_same_model(mapped, self.word)
            assert not mapped.wv.vectors.flags.writeable, "mmap='r' was not mapped"

    def serve(self):
        """Step 5: TensorFlow."""
        print("5. TensorFlow loads them from saved_model/ in the mount")
        with step("import tensorflow"):
            from harness import tensor  # pylint: disable=import-outside-toplevel
        words = self.word.wv.index_to_key[:2]
        for name in (WORD, BINARY, TEXT):
            with step("tf.saved_model.load(saved_model/%s): equal bit for bit" % name):
                loaded = tensor.load(os.path.join(self.second, "saved_model", name))
                tensor.check(loaded, self.word.wv)
        print("     word_embeddings() %s, lookup(%r), lookup_oov([%r]) = zeros; as attributes and signatures"
              % (list(loaded.word_embeddings().shape), words, tensor.UNKNOWN))

    def unmount(self):
        """Step 6: clean end."""
        print("6. Unmount")
        with step("both; nothing is pending, and the daemons end with status 0"):
            gc.collect()  # gensim's models are cycles: only now the mapped one goes
            with open("/proc/self/maps", encoding="utf-8") as maps:
                assert self.second not in maps.read(), "a model is still mapped"
            complaints = self.rig.stop()
            assert not complaints, "; ".join(complaints)


def run(demo):
    """All steps in order."""
    for action in (demo.save, demo.ask_google, demo.describe, demo.load, demo.serve, demo.unmount):
        action()


def main():
    """Returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begin, rig, status = time.monotonic(), Rig(), 1
    try:
        with tempfile.TemporaryDirectory(prefix="drivefs-models-demo-") as local:
            print("0. A local Drive on loopback, and a folder of it mounted")
            with step("local Drive, mount"):
                rig.start()
            print("     %s, folder %s at %s" % (rig.drive.url, rig.drive.folder, rig.mounts[0].path))
            run(Demo(rig, local))
        status = 0
        print("All checks hold. %.0f s.\n\n%s" % (time.monotonic() - begin, REAL % "build/release/drivefs-models"))
    except (HarnessError, LocalDriveError) as error:
        print("\nFAILED: %s" % error)
    except Exception:  # pylint: disable=broad-exception-caught
        print("\nFAILED:")
        traceback.print_exc()
    finally:
        _tell_logs(rig, status)
        rig.stop()
        dismiss()
    return status


def _tell_logs(rig, status):
    """What the daemons said, where something went wrong."""
    for mount in rig.mounts if status else []:
        print("log of mount %d:\n%s" % (mount.number, mount.log_text()[-3000:]))


if __name__ == "__main__":
    sys.exit(main())
