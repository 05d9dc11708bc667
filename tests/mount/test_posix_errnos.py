# SPDX-License-Identifier: MIT
"""Each call answers as it does on the disk of this machine, errno for errno; what differs is in the list BY_DESIGN."""
import errno
import mmap
import os
import stat
import subprocess

import pytest

LONG = "n" * 256

# name of the case -> what the mount answers where the disk answers otherwise, and why
BY_DESIGN = {
    "mkfifo": ("EPERM", "Drive holds files and folders only"),
    "mknod socket": ("EPERM", "the same"),
    "mknod device": ("EPERM", "the same"),
    "link": ("EPERM", "the same"),
    "symlink": ("EPERM", "the same"),
    "chmod": (0o644, "Drive keeps no mode: accepted and not kept; -o strict refuses"),
    "mkdir mode": (0o755, "the same"),
    "chown": ("EPERM", "Drive keeps no owner; who copies a file of another user is passed over (test_tools.py)"),
    "nlink of an open unlinked file": (1, "one link is all there is"),
    "utime sub-millisecond": (1500000000123000000, "Drive keeps milliseconds"),
    "atime": (2 * 10**18, "one time for each file: the access time is accepted, and shown as the modification time"),
    "setxattr user.other": ("ENOTSUP", "user.drive.description is the only attribute"),
}


class Case:
    """A folder with a file `f`, an empty folder `d`, and a folder `full` that holds `x`."""

    def __init__(self, base):
        self.base = str(base)
        os.mkdir(self / "d")
        os.mkdir(self / "full")
        self.write("f", b"hello")
        self.write("full/x", b"x")

    def __truediv__(self, name):
        return os.path.join(self.base, name)

    def write(self, name, data):
        """A whole file."""
        with open(self / name, "wb") as file:
            file.write(data)

    def read(self, name):
        """A whole file."""
        with open(self / name, "rb") as file:
            return file.read()

    def fd(self, name, flags):
        """A descriptor for the call in with."""
        return Descriptor(self / name, flags)


class Descriptor:
    """with Descriptor(path, flags) as fd."""

    def __init__(self, path, flags):
        self.number = os.open(path, flags, 0o644)

    def __enter__(self):
        return self.number

    def __exit__(self, *_):
        os.close(self.number)


def mode_of(path):
    """Permission bits."""
    return stat.S_IMODE(os.stat(path).st_mode)


def chmod(c):
    os.chmod(c / "f", 0o601)
    return mode_of(c / "f")


def chown(c):
    """By a program of its own, as people do it: who makes files may set owners."""
    done = subprocess.run(["chown", "7", c / "f"], stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise PermissionError(errno.EPERM, "chown")
    return os.stat(c / "f").st_uid


def mkdir_mode(c):
    os.mkdir(c / "m", 0o701)
    return mode_of(c / "m")


def nlink_unlinked(c):
    with c.fd("f", os.O_RDWR) as fd:
        os.unlink(c / "f")
        return os.fstat(fd).st_nlink


def read_unlinked(c):
    with c.fd("f", os.O_RDWR) as fd:
        os.unlink(c / "f")
        return os.pread(fd, 10, 0), os.path.exists(c / "f")


def utime(c, atime, mtime):
    os.utime(c / "f", ns=(10**18, 10**18))
    os.utime(c / "f", ns=(atime, mtime))
    return os.stat(c / "f").st_mtime_ns


def access_time(c):
    os.utime(c / "f", ns=(3 * 10**18, 2 * 10**18))
    return os.stat(c / "f").st_atime_ns


def folder_utime(c):
    os.utime(c / "d", ns=(10**18, 10**18))
    return os.stat(c / "d").st_mtime_ns


def truncated(c, flags):
    with c.fd("f", flags) as fd:
        return os.fstat(fd).st_size


def huge(c, call):
    """A size that no file can have leaves the file as it was."""
    try:
        call()
    except OSError as error:
        return error.errno in (errno.EFBIG, errno.EINVAL), c.read("f")
    return "done", os.stat(c / "f").st_size


def huge_fd(c):
    with c.fd("f", os.O_RDWR) as fd:
        found = huge(c, lambda: os.ftruncate(fd, (1 << 63) - 1))
        os.pwrite(fd, b"J", 0)
    return found, c.read("f")


def read_of_a_writer(c):
    with c.fd("f", os.O_WRONLY) as fd:
        return os.read(fd, 1)


def read_of_a_folder(c):
    with c.fd("d", os.O_RDONLY) as fd:
        return os.read(fd, 1)


def write_of_a_reader(c):
    with c.fd("f", os.O_RDONLY) as fd:
        return os.write(fd, b"x")


def map_shared_write(c):
    with c.fd("f", os.O_RDWR) as fd:
        with mmap.mmap(fd, 5) as mapped:
            mapped[0:1] = b"J"
            mapped.flush()
    return c.read("f")


def append(c):
    with c.fd("f", os.O_WRONLY | os.O_APPEND) as fd:
        os.pwrite(fd, b"!", 0)
    return c.read("f")


def sparse(c):
    os.truncate(c / "f", 10)
    return c.read("f")


def seek_data(c):
    with c.fd("f", os.O_RDONLY) as fd:
        return os.lseek(fd, 0, os.SEEK_DATA), os.lseek(fd, 0, os.SEEK_HOLE)


def parent_changes(c, call):
    """Does the folder's time move?"""
    os.utime(c.base, ns=(10**18, 10**18))
    call()
    return os.stat(c.base).st_mtime_ns > 10**18


def inode_over_rename(c):
    before = os.stat(c / "f").st_ino
    os.rename(c / "f", c / "g")
    return os.stat(c / "g").st_ino == before


def rename_over(c):
    c.write("g", b"old")
    os.rename(c / "f", c / "g")
    return c.read("g"), os.path.exists(c / "f")


CASES = {
    # names
    "open without the file": lambda c: os.open(c / "none", os.O_RDONLY),
    "open in no folder": lambda c: os.open(c / "none/f", os.O_CREAT | os.O_WRONLY),
    "open below a file": lambda c: os.open(c / "f/x", os.O_RDONLY),
    "create below a file": lambda c: os.open(c / "f/x", os.O_CREAT | os.O_WRONLY),
    "open exclusively": lambda c: os.open(c / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY),
    "open a folder to write": lambda c: os.open(c / "d", os.O_WRONLY),
    "create over a folder": lambda c: os.open(c / "d", os.O_CREAT | os.O_WRONLY),
    "open a file as a folder": lambda c: os.open(c / "f", os.O_DIRECTORY),
    "open a long name": lambda c: os.open(c / LONG, os.O_RDONLY),
    "create a long name": lambda c: os.open(c / LONG, os.O_CREAT | os.O_WRONLY),
    "stat a long name": lambda c: os.stat(c / LONG),
    "unlink a long name": lambda c: os.unlink(c / LONG),
    "rmdir a long name": lambda c: os.rmdir(c / LONG),
    "mkdir a long name": lambda c: os.mkdir(c / LONG),
    "truncate a long name": lambda c: os.truncate(c / LONG, 0),
    "rename to a long name": lambda c: os.rename(c / "f", c / LONG),
    "rename from a long name": lambda c: os.rename(c / LONG, c / "g"),
    "a name of 255 bytes": lambda c: (c.write("n" * 255, b"x"), c.read("n" * 255))[1],
    "mkdir of what is there": lambda c: os.mkdir(c / "d"),
    "mkdir over a file": lambda c: os.mkdir(c / "f"),
    "mkdir below a file": lambda c: os.mkdir(c / "f/x"),
    "mkdir in no folder": lambda c: os.mkdir(c / "none/x"),
    "mkdir mode": mkdir_mode,
    "rmdir": lambda c: (os.rmdir(c / "d"), os.path.exists(c / "d"))[1],
    "rmdir of a full folder": lambda c: os.rmdir(c / "full"),
    "rmdir of a file": lambda c: os.rmdir(c / "f"),
    "rmdir of nothing": lambda c: os.rmdir(c / "none"),
    "rmdir of .": lambda c: os.rmdir(c / "d/."),
    "rmdir of ..": lambda c: os.rmdir(c / "d/.."),
    "unlink of a folder": lambda c: os.unlink(c / "d"),
    "unlink of nothing": lambda c: os.unlink(c / "none"),
    "unlink below a file": lambda c: os.unlink(c / "f/x"),
    "unlink twice": lambda c: (os.unlink(c / "f"), os.unlink(c / "f")),
    "read what is unlinked": read_unlinked,
    "nlink of an open unlinked file": nlink_unlinked,
    "rename of nothing": lambda c: os.rename(c / "none", c / "g"),
    "rename a file over a folder": lambda c: os.rename(c / "f", c / "d"),
    "rename a folder over a file": lambda c: os.rename(c / "d", c / "f"),
    "rename a folder over a full one": lambda c: os.rename(c / "d", c / "full"),
    "rename a folder over an empty one": lambda c: (os.rename(c / "full", c / "d"), os.listdir(c / "d"))[1],
    "rename a folder into itself": lambda c: os.rename(c / "d", c / "d/x"),
    "rename a folder over its child's parent": lambda c: os.rename(c / "full/x", c / "full"),
    "rename to itself": lambda c: os.rename(c / "f", c / "f"),
    "rename over": rename_over,
    "rename below a file": lambda c: os.rename(c / "d", c / "f/x"),
    "rename into no folder": lambda c: os.rename(c / "f", c / "none/x"),
    "rename keeps the inode number": inode_over_rename,
    "link": lambda c: os.link(c / "f", c / "l"),
    "symlink": lambda c: os.symlink("f", c / "l"),
    "readlink of a file": lambda c: os.readlink(c / "f"),
    "mkfifo": lambda c: os.mkfifo(c / "p"),
    "mknod file": lambda c: (os.mknod(c / "r", stat.S_IFREG | 0o644), c.read("r"))[1],
    "mknod of what is there": lambda c: os.mknod(c / "f", stat.S_IFREG | 0o644),
    "mknod socket": lambda c: os.mknod(c / "s", stat.S_IFSOCK | 0o644),
    "listdir of a file": lambda c: os.listdir(c / "f"),
    "mkdir moves the folder's time": lambda c: parent_changes(c, lambda: os.mkdir(c / "new")),
    "rmdir moves the folder's time": lambda c: parent_changes(c, lambda: os.rmdir(c / "d")),
    "unlink moves the folder's time": lambda c: parent_changes(c, lambda: os.unlink(c / "f")),
    # attributes
    "chmod": chmod,
    "chmod of nothing": lambda c: os.chmod(c / "none", 0o600),
    "utime": lambda c: utime(c, 2 * 10**18, 15 * 10**17),
    "utime sub-millisecond": lambda c: utime(c, 10**18, 1500000000123456789),
    "utime before 1970": lambda c: utime(c, 0, -(10**15)),
    "atime": access_time,
    "utime of a folder": folder_utime,
    "utime of nothing": lambda c: os.utime(c / "none"),
    "truncate": lambda c: (os.truncate(c / "f", 2), c.read("f"))[1],
    "truncate to more": sparse,
    "truncate a folder": lambda c: os.truncate(c / "d", 0),
    "truncate nothing": lambda c: os.truncate(c / "none", 0),
    "truncate below 0": lambda c: os.truncate(c / "f", -1),
    "truncate beyond all": lambda c: huge(c, lambda: os.truncate(c / "f", (1 << 63) - 1)),
    "ftruncate beyond all": huge_fd,
    "O_TRUNC": lambda c: truncated(c, os.O_WRONLY | os.O_TRUNC),
    "O_RDONLY|O_TRUNC": lambda c: (truncated(c, os.O_RDONLY | os.O_TRUNC), c.read("f")),
    "setxattr user.other": lambda c: os.setxattr(c / "f", "user.other", b"x"),
    "getxattr of none": lambda c: os.getxattr(c / "f", "user.none"),
    "listxattr": lambda c: os.listxattr(c / "f"),
    # bytes
    "read of a writer": read_of_a_writer,
    "write of a reader": write_of_a_reader,
    "read of a folder": read_of_a_folder,
    "write a mapping": map_shared_write,
    "pwrite and O_APPEND": append,
    "SEEK_DATA and SEEK_HOLE": seek_data,
}
if os.geteuid() == 0:
    CASES["mknod device"] = lambda c: os.mknod(c / "v", stat.S_IFCHR | 0o644, os.makedev(1, 3))
    CASES["chown"] = chown


def answer(case, base):
    """What it returns, or the name of its errno."""
    try:
        return case(Case(base))
    except OSError as error:
        return errno.errorcode[error.errno]


@pytest.mark.parametrize("name", CASES)
def test_as_on_a_disk(name, here, tmp_path):
    disk, found = answer(CASES[name], tmp_path), answer(CASES[name], here)
    if name in BY_DESIGN:
        assert found == BY_DESIGN[name][0], "the disk says %r" % (disk,)
    else:
        assert found == disk


def test_the_list_names_no_case_that_is_gone():
    only_root = {"mknod device", "chown"}
    assert set(BY_DESIGN) <= set(CASES) | only_root
