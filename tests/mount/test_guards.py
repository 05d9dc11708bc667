# SPDX-License-Identifier: MIT
"""What people who mount buckets and drives report of other programs of this kind, and what works here."""
import ctypes
import errno
import fcntl
import mmap
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from harness.google import md5
from harness.paths import is_mounted, wait_until

MIB = 1 << 20
RENAMEAT2, NOREPLACE, EXCHANGE = 316, 1, 2


def sh(script, cwd, **more):
    """A shell script with -e, in a folder; its words are the message where it fails."""
    done = subprocess.run(["sh", "-ec", script], cwd=cwd, capture_output=True, text=True, timeout=90, check=False, **more)
    assert done.returncode == 0, "%s: %s%s" % (script, done.stdout, done.stderr)
    return done.stdout


def in_drive(place, google):
    """name -> md5 of the test's folder in Drive."""
    return {file["name"]: file["md5Checksum"] for file in google.by_name(place.id).values() if "md5Checksum" in file}


# -- appending, and places in a file --------------------------------------------------------


def test_appends_by_two_at_once(place, google):
    path = place.path / "log"
    for number in range(3):
        with open(path, "a", encoding="ascii") as file:
            file.write("line %d\n" % number)
    with open(path, "ab", buffering=0) as one, open(path, "ab", buffering=0) as two:
        for file, text in ((one, b"A\n"), (two, b"B\n"), (one, b"A2\n")):
            file.write(text)
    assert path.read_text() == "line 0\nline 1\nline 2\nA\nB\nA2\n"
    sh("for i in 1 2 3; do echo $i >>log & done; wait", place.path)
    wait_until(lambda: in_drive(place, google)["log"] == md5(path.read_bytes()), "all lines in Drive")
    assert sorted(path.read_text().split("\n")[-4:-1]) == ["1", "2", "3"]


@pytest.mark.parametrize("how", ["bs=4MB", "bs=64k conv=fsync", "bs=1M oflag=sync", "bs=64k conv=sparse", "bs=1M oflag=dsync"])
def test_ways_of_dd(place, google, tmp_path, how):
    data = os.urandom(9_000_001)
    (tmp_path / "in").write_bytes(data)
    sh("dd if=%s/in of=out status=none %s" % (tmp_path, how), place.path)
    assert in_drive(place, google) == {"out": md5(data)}


def test_dd_into_the_middle_and_beyond_the_end(place, google, tmp_path):
    data = os.urandom(500_000)
    for folder in (tmp_path, place.path):
        (folder / "f").write_bytes(data)
        sh("dd if=/dev/zero of=f bs=1000 seek=333 count=77 conv=notrunc status=none; "
           "dd if=/dev/zero of=g bs=1 count=0 seek=5M status=none; "
           "head -c 100 f | dd of=f oflag=append conv=notrunc status=none", folder)
    wanted = {name: md5((tmp_path / name).read_bytes()) for name in ("f", "g")}
    wait_until(lambda: in_drive(place, google) == wanted, "both in Drive")


def test_sparse_copies(place, google, tmp_path):
    source = tmp_path / "sparse"
    with open(source, "wb") as file:
        file.seek(5_000_000)
        file.write(b"middle")
        file.truncate(8 * MIB)
    sh("cp --sparse=always %s a; cp --sparse=never %s b; cp --reflink=auto a c; ! cp --reflink=always a d 2>/dev/null; "
       "rm -f d; cp --sparse=always a %s/back" % (source, source, tmp_path), place.path)
    assert in_drive(place, google) == dict.fromkeys("abc", md5(source.read_bytes()))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert (tmp_path / "back").stat().st_blocks < 4000, "its holes are holes again"
    with pytest.raises(OSError) as caught:
        os.link(place.path / "a", place.path / "hard")
    assert caught.value.errno in (errno.EPERM, errno.EOPNOTSUPP)


def test_shared_mappings(place, google, mount):
    """Stored through a mapping, before and after the descriptor is closed: in Drive, and after a remount."""
    for name in ("a", "b"):
        descriptor = os.open(place.path / name, os.O_RDWR | os.O_CREAT)
        os.ftruncate(descriptor, MIB)
        mapped = mmap.mmap(descriptor, MIB)
        if name == "b":
            os.close(descriptor)
        mapped[12345:12350] = b"hello"
        mapped[MIB - 3:] = b"end"
        mapped.flush()
        mapped[100:103] = b"two"
        mapped.close()
        if name == "a":
            os.close(descriptor)
    wanted = bytearray(MIB)
    wanted[12345:12350], wanted[MIB - 3:], wanted[100:103] = b"hello", b"end", b"two"
    mount.unmount()
    mount.remount()
    assert in_drive(place, google) == dict.fromkeys("ab", md5(wanted))
    assert (place.path / "b").read_bytes() == wanted


@pytest.mark.parametrize("mode", [0, 1, 3, 16, 8, 32])
def test_fallocate_does_it_or_says_no(here, mode):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    with open(here / "f", "wb+", buffering=0) as file:
        file.write(b"x" * 100)
        if libc.fallocate(file.fileno(), mode, 0, MIB) != 0:
            assert ctypes.get_errno() in (errno.EOPNOTSUPP, errno.EINVAL)
            assert file.seek(0) == 0 and file.read() == b"x" * 100, "refused, and nothing changed"
        else:
            assert mode != 0 or os.fstat(file.fileno()).st_size == MIB


# -- saving by renaming ---------------------------------------------------------------------


def test_editors_rename_an_open_file_and_write_on(place, google):
    (place.path / "f").write_text("old\n")
    descriptor = os.open(place.path / ".new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, b"new " * 1000)
    os.fsync(descriptor)
    os.rename(place.path / ".new", place.path / "f")
    os.write(descriptor, b"tail")
    os.close(descriptor)
    assert (place.path / "f").read_bytes() == b"new " * 1000 + b"tail"
    assert in_drive(place, google) == {"f": md5(b"new " * 1000 + b"tail")}


def test_libraries_save_atomically(place, google):
    folder = os.open(place.path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    with tempfile.NamedTemporaryFile(dir=place.path, delete=False) as file:
        file.write(b"new")
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, place.path / "target")
    with tempfile.TemporaryFile(dir=place.path) as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"
    with tempfile.TemporaryDirectory(dir=place.path) as name:
        pathlib.Path(name, "x").write_text("1")
        os.mkdir(pathlib.Path(name, "y"))
    os.rename("target", "renamed", src_dir_fd=folder, dst_dir_fd=folder)
    os.mkdir("d", dir_fd=folder)
    os.rmdir("d", dir_fd=folder)
    os.close(folder)
    assert os.listdir(place.path) == ["renamed"] and in_drive(place, google) == {"renamed": md5(b"new")}


def test_renameat2(place):
    libc = ctypes.CDLL(None, use_errno=True)
    one, two, three = (place.path / name for name in ("one", "two", "three"))

    def rename(old, new, flags):
        done = libc.syscall(RENAMEAT2, -100, os.fsencode(old), -100, os.fsencode(new), flags)
        return 0 if done == 0 else ctypes.get_errno()
    one.write_text("1")
    two.write_text("2")
    assert rename(one, two, NOREPLACE) == errno.EEXIST
    assert rename(one, three, NOREPLACE) == 0 and three.read_text() == "1"
    assert rename(three, two, EXCHANGE) in (0, errno.EINVAL, errno.ENOSYS)
    assert sorted(os.listdir(place.path)) == ["three", "two"]


def test_mv_and_rm_of_what_another_program_made(place, google):
    google.create(place.id, "one", b"1")
    wait_until((place.path / "one").exists, "the new file")
    sh("mv one two; test \"$(ls)\" = two; rm two", place.path)
    google.create(place.id, "two", b"2")
    wait_until((place.path / "two").exists, "a file of the old name")
    assert os.listdir(place.path) == ["two"] and (place.path / "two").read_bytes() == b"2"


# -- locks ----------------------------------------------------------------------------------

TRY_LOCK = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.%s(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"


@pytest.mark.parametrize("kind", ["flock", "lockf"])
def test_locks_between_processes(here, kind):
    def other():
        return subprocess.run([sys.executable, "-c", TRY_LOCK % kind, here / "l"], stderr=subprocess.DEVNULL,
                              timeout=30, check=False).returncode
    with open(here / "l", "w+", encoding="ascii") as file:
        getattr(fcntl, kind)(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert other() == 1
    assert other() == 0


def test_lock_files(here):
    for _ in range(10):
        descriptor = os.open(here / "l", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        with pytest.raises(FileExistsError):
            os.open(here / "l", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.close(descriptor)
        os.unlink(here / "l")


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="no sqlite3")
@pytest.mark.parametrize("journal", ["delete", "truncate"])
def test_sqlite(here, journal):
    found = sh("sqlite3 x.db 'pragma journal_mode=%s; create table t(a); insert into t values(1),(2); "
               "update t set a=a+1; select sum(a) from t; pragma integrity_check'" % journal, here)
    assert found.split() == [journal, "5", "ok"]


# -- containers -----------------------------------------------------------------------------

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="makes mount namespaces")


@root_only
def test_saves_in_another_mount_namespace(place, google, tmp_path):
    sh("unshare -m --propagation private sh -ec 'mount --bind . %s; cd %s; echo hi >one; { echo a; /bin/echo b; echo c; } >two; "
       "cat one two >three; cp three four; echo more >>four; mv four five; rm one'" % (tmp_path, tmp_path), place.path)
    wanted = {"two": b"a\nb\nc\n", "three": b"hi\na\nb\nc\n", "five": b"hi\na\nb\nc\nmore\n"}
    assert in_drive(place, google) == {name: md5(data) for name, data in wanted.items()}


@root_only
def test_saves_in_another_pid_namespace(place, google, tmp_path):
    sh("unshare -mpf --mount-proc --propagation private sh -ec "
       "'mount --bind . %s; cd %s; { echo a; /bin/echo b; } >kids; sh -c \"echo x >deep; exit 3\" || true'"
       % (tmp_path, tmp_path), place.path)
    wait_until(lambda: in_drive(place, google) == {"kids": md5(b"a\nb\n"), "deep": md5(b"x\n")}, "both in Drive")
    assert not is_mounted(tmp_path)


# -- tar and zip ----------------------------------------------------------------------------


def test_tar_of_the_mount_onto_the_mount(place):
    (place.path / "d" / "sub").mkdir(parents=True)
    for number in range(12):
        (place.path / "d" / ("f%d" % number)).write_bytes(os.urandom(3001 * number))
    (place.path / "d" / "sub" / "y").write_text("y")
    said = sh("tar -cf t.tar d 2>&1; tar -df t.tar 2>&1; tar -rf t.tar d/f1; tar --delete -f t.tar d/f2; mkdir o; "
              "tar -C o -xpf t.tar 2>&1; rm o/d/f1; cp d/f1 o/d/f1; cp d/f2 o/d/f2; diff -r d o/d", place.path)
    assert said == "", "tar and diff have nothing to say"
    for name in ("f3", "sub/y"):
        times = [int(os.stat(place.path / top / name).st_mtime) for top in ("d", "o/d")]
        assert times[0] == times[1], name


@pytest.mark.skipif(not shutil.which("rsync"), reason="no rsync")
def test_rsync_again_copies_nothing(place, tmp_path):
    for number in range(5):
        (tmp_path / "s" / "sub").mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / ("f%d" % number)).write_bytes(os.urandom(70001 * number))
        (tmp_path / "s" / "sub" / ("g%d" % number)).write_bytes(os.urandom(100))
    os.utime(tmp_path / "s" / "f1", (1551675967, 1551675967))
    source = tmp_path / "s"
    sh("rsync -a %s/ d1/; rsync -rt --inplace %s/ d2/; diff -r %s d1; diff -r %s d2" % ((source,) * 4), place.path)
    assert sh("rsync -rti %s/ d1/" % source, place.path) == ""
    with open(source / "f4", "ab") as file:
        file.write(b"more")
    (source / "f3").unlink()
    sh("rsync -rt --append-verify %s/ d1/; rsync -rt --delete %s/ d1/; diff -r %s d1" % ((source,) * 3), place.path)
