# SPDX-License-Identifier: MIT
"""One writer process: saves, appends, renames, unlinks, truncates, executes, and is killed.

Run as `writer.py JSON`: {root, books, who, mount, peers, seed, until, local, acts}. It ends by itself
at `until`. What it was told goes into its book; an error is noted and never retried: what is under
test is what the mount has acknowledged, not whether it could.
"""
import contextlib
import errno
import fcntl
import json
import os
import random
import signal
import sys
import time

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from ledger.book import Book  # noqa: E402
from ledger.content import boundaries, record  # noqa: E402

SIZES = [150] * 4 + [5000] * 4 + [70_000] * 2 + [400_000, 1_300_000]
OWN, SHARED, BOXED = ("a", "b", "c"), ("s0", "s1", "s2", "s3"), ("x0", "x1")
ACTS = {"save": 5, "shared": 4, "over": 5, "append": 5, "common": 3, "truncate": 2, "unlink": 2, "rename": 2,
        "killed": 4, "exec": 3, "idle": 2, "look": 3}
WATCHING = ("stare",)


class Writer:
    """See the module. self.known: own name -> tag last acknowledged there."""

    def __init__(self, plan):
        self.plan, self.root, self.who = plan, plan["root"], plan["who"]
        self.random = random.Random("%s %s" % (plan["seed"], self.who))
        self.book = Book(os.path.join(plan["books"], self.who + ".book"), self.who, plan["mount"])
        self.number, self.open, self.known = 0, [], {}
        self.acts = [act for act in plan["acts"] for _ in range(ACTS.get(act, 1))]

    def run(self):
        """Act until the time is over."""
        while time.time() < self.plan["until"]:
            act = self.random.choice(self.acts)
            turn = self.book.begin("turn", act=act)  # where it was, should it not return
            try:
                getattr(self, act)()
            except OSError as error:
                self.book.end(turn, error.errno)
                if error.errno in (errno.ENOTCONN, errno.ECONNABORTED) or not self._mounted():
                    self._wait_for_mount()
            else:
                self.book.end(turn)
        self._drop_idle()

    def _wait_for_mount(self):
        """The daemon was killed: go on when it is back."""
        self._drop_idle()
        while time.time() < self.plan["until"]:
            if self._mounted():
                return
            time.sleep(0.05)

    def _mounted(self):
        """Is the folder there? Below the mount there is none of its name."""
        try:
            os.stat(self.root)
        except OSError:
            return False
        return True

    # -- the parts of an act -------------------------------------------------------------

    def _tag(self):
        self.number += 1
        return "%s-%d" % (self.who, self.number)

    def _path(self, name):
        return os.path.join(self.root, name)

    def _own(self):
        return "%s.%s" % (self.who, self.random.choice(OWN))

    def _size(self):
        return self.random.choice(SIZES)

    def _generation(self):
        """Grows whenever the daemon of our mount is killed."""
        with open(os.path.join(self.plan["local"], "generation%d" % self.plan["mount"]), encoding="ascii") as file:
            return int(file.read() or 0)

    @contextlib.contextmanager
    def _noted(self, op, **more):
        """The act in the book; its error there and onwards."""
        act = self.book.begin(op, **more)
        try:
            yield
        except OSError as error:
            self.book.end(act, error.errno or errno.EIO)
            raise
        self.book.end(act)

    @contextlib.contextmanager
    def _lock(self, name):
        """One process of this host at a time saves a shared name in place, as sane programs do."""
        path = os.path.join(self.plan["local"], "lock.%d.%s" % (self.plan["mount"], os.path.basename(name)))
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _put(self, name, middle=None, hide=False):
        """Save a whole file in place: (tag, was it promised). middle() runs half-way. While the same
        process has an own file open elsewhere, close() of another descriptor promises nothing."""
        tag, opened = self._tag(), time.time()
        op = "spoilt" if self.open and name.startswith(self.who) and not name.endswith(".tmp") else "save"
        data = record(tag, self._size())
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            half = len(data) // 2
            self._write(descriptor, data[:half])
            if middle:
                middle()
            self._write(descriptor, data[half:])
            if self.random.random() < 0.3:
                with self._noted("save", name=name, tag=tag, opened=opened, by="fsync"):
                    os.fsync(descriptor)
            if self.random.random() < 0.3:
                os.close(os.dup(descriptor))  # as numpy does; that close() promises nothing
        except OSError:
            with contextlib.suppress(OSError):
                self._close(descriptor, "spoilt", name, tag, opened)
            raise
        try:
            self._close(descriptor, op, name, tag, opened)
        except OSError:
            if not hide:
                raise
            return tag, False
        return tag, op == "save"

    def _close(self, descriptor, op, name, tag, opened):
        with self._noted(op, name=name, tag=tag, opened=opened, by="close"):
            os.close(descriptor)

    def _write(self, descriptor, data):
        """All of it, in pieces as programs write them."""
        view, step = memoryview(data), self.random.choice((700, 8192, 1 << 20))
        step = max(step, len(data) // 40)
        while view:
            view = view[os.write(descriptor, view[:step]):]

    def _keep(self, name, tag, sure):
        """What is there now, as far as we were told."""
        self.known.pop(name, None)
        if sure:
            self.known[name] = tag

    # -- acts ----------------------------------------------------------------------------

    def save(self):
        """An own file, in place."""
        name = self._own()
        self._keep(name, *self._put(name))

    def shared(self):
        """A file that writers on both mounts save, in place; or one in the folder that others move."""
        name = self.random.choice(SHARED + tuple("box/" + one for one in BOXED))
        with self._lock(name):
            self._put(name)

    def over(self):
        """A temporary file, renamed over a shared or an own one; some never look at what close() said."""
        temporary = self.who + ".tmp"
        name = self.random.choice(SHARED + (self._own(),))
        before = self._generation()
        tag, saved = self._put(temporary, hide=self.random.random() < 0.5)
        self.known.pop(name, None)
        act = self.book.begin("rename", name=name, source=temporary, tag=tag, saved=saved)
        try:
            os.rename(self._path(temporary), self._path(name))
        except OSError as error:
            self.book.end(act, error.errno)
            raise
        sure = saved or self._generation() == before
        self.book.end(act, sure=sure)
        if name.startswith(self.who) and sure:
            self.known[name] = tag

    def append(self):
        """To an own log; some records are acknowledged by fsync, one by one."""
        name, opened = self.who + ".log", time.time()
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        tags, op = [], "append"
        try:
            for _ in range(self.random.randint(1, 3)):
                tags.append(self._tag())
                self._whole(descriptor, record(tags[-1], self.random.choice((60, 900, 5000))))
                if self.random.random() < 0.4:
                    with self._noted("append", name=name, tags=list(tags), opened=opened, by="fsync"):
                        os.fsync(descriptor)
        except OSError:
            op = "spoilt"
            raise
        finally:
            with self._noted(op, name=name, tags=tags, opened=opened, by="close"):
                os.close(descriptor)

    def _whole(self, descriptor, data):
        """One write(2): nobody's half, even if we are killed."""
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.EIO, "a short write")

    def common(self):
        """To the log that all writers of this mount append to: with others, only fsync() promises."""
        name, opened, tag = "common%d.log" % self.plan["mount"], time.time(), self._tag()
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            act = self.book.begin("spoilt", name=name, tags=[tag], opened=opened, by="write")
            self._whole(descriptor, record(tag, self.random.choice((60, 900, 5000))))
            self.book.end(act)
            if self.random.random() < 0.7:
                with self._noted("append", name=name, tags=[tag], opened=opened, by="fsync"):
                    os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self):
        """The own log, after one of its records."""
        name, opened = self.who + ".log", time.time()
        descriptor = os.open(self._path(name), os.O_RDWR | os.O_CLOEXEC)
        op, cut = "spoilt", []
        try:
            data = b""
            while block := os.read(descriptor, 1 << 20):
                data += block
            found = [(0, "")] + boundaries(data)
            keep = self.random.randrange(len(found))
            cut = [tag for _, tag in found[keep + 1:]]
            act = self.book.begin("cut", name=name, tags=cut, opened=opened)
            try:
                os.ftruncate(descriptor, found[keep][0])
            except OSError as error:
                self.book.end(act, error.errno)
                raise
            self.book.end(act)
            op = "truncate"
        finally:
            with self._noted(op, name=name, tags=cut, opened=opened, by="close"):
                os.close(descriptor)

    def unlink(self):
        """An own file, or a shared one."""
        name = self.random.choice((self._own(), self._own(), self.random.choice(SHARED)))
        tag = self.known.pop(name, None)
        with self._noted("unlink", name=name, tag=tag):
            os.unlink(self._path(name))

    def rename(self):
        """An own file to another own name."""
        name, other = self._own(), self._own()
        if name == other:
            return
        tag = self.known.pop(name, None)
        self.known.pop(other, None)
        with self._noted("rename", name=other, source=name, tag=tag, saved=tag is not None):
            os.rename(self._path(name), self._path(other))
        if tag:
            self.known[other] = tag

    def killed(self):
        """A child saves, and is killed at any moment of it."""
        kind = self.random.choice(("own", "shared", "log", "tmp"))
        name = {"own": self._own(), "shared": self.random.choice(SHARED), "log": self.who + ".log",
                "tmp": self.who + ".tmp"}[kind]
        wait = self.random.choice((None, None, 0.0, 0.01, 0.05))
        self.known.pop(name, None)
        with self._lock(name) if kind == "shared" else contextlib.nullcontext():
            child = os.fork()
            if child == 0:
                self._die(name, kind, wait is None)
            if wait is not None:
                time.sleep(wait)
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.number += 1  # the child's tag

    def _die(self, name, kind, itself):
        """In the child: save, or half of it and be gone."""
        tag, opened = self._tag(), time.time()
        data = record(tag, self._size())
        try:
            how = os.O_APPEND if kind == "log" else os.O_TRUNC
            descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o644)
            os.write(descriptor, data[:len(data) // 2])
            if itself:
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(descriptor, data[len(data) // 2:])
            more = {"tags": [tag]} if kind == "log" else {"tag": tag}
            with self._noted("append" if kind == "log" else "save", name=name, opened=opened, by="close", **more):
                os.close(descriptor)
        finally:
            os._exit(0)

    def exec(self):
        """A program runs while a descriptor is open: execve() closes the child's copy."""
        name = self._own()
        run = self.random.choice((lambda: os.system("true"), _spawn, _fork_and_exec))
        self._keep(name, *self._put(name, run))

    def idle(self):
        """A descriptor that stays open over the next acts, and a call that is refused."""
        self._drop_idle()
        descriptor = os.open(self._path(self._own()), self.random.choice((os.O_RDWR, os.O_WRONLY, os.O_RDONLY))
                             | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.open.append(descriptor)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 1 << 62)

    def stare(self):
        """Ask for the size of every log, all the time: what appends must not be misled by it."""
        names = [name for name in os.listdir(self.root) if name.endswith(".log")]
        end = min(time.time() + 0.5, self.plan["until"])
        while time.time() < end:
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    os.stat(self._path(name))
            time.sleep(0.002)

    def _drop_idle(self):
        for descriptor in self.open:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.open = []

    def look(self):
        """As a shell and a backup would."""
        names = os.listdir(self.root)
        for name in self.random.sample(names, min(4, len(names))):
            with contextlib.suppress(OSError):
                os.stat(self._path(name))
                if name != "box":
                    with open(self._path(name), "rb") as file:
                        file.read(1 << 20)


def _spawn():
    os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)


def _fork_and_exec():
    child = os.fork()
    if child == 0:
        try:
            os.execv("/bin/true", ["true"])
        finally:
            os._exit(1)
    os.waitpid(child, 0)


if __name__ == "__main__":
    Writer(json.loads(sys.argv[1])).run()
