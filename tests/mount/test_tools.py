# SPDX-License-Identifier: MIT
"""The tools of every day work on the mount, and what they leave is in Drive."""
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from harness.google import md5
from harness.paths import wait_until

SCRIPTS = {
    "sed -i": ("printf 'a\\nb\\n' > f; sed -i s/a/c/ f", {"f": b"c\nb\n"}),
    "sort -o": ("printf 'b\\na\\n' > f; sort -o f f", {"f": b"a\nb\n"}),
    "gzip": ("echo text > f; gzip -n f; gunzip f.gz", {"f": b"text\n"}),
    "mv": ("echo 1 > a; mkdir d; mv a d/b; mv d e; mv e/b .; rmdir e", {"b": b"1\n"}),
    "mv over": ("echo 1 > a; echo 2 > b; mv a b", {"b": b"1\n"}),
    "append": ("for i in 1 2 3; do echo $i >> f; done", {"f": b"1\n2\n3\n"}),
    "truncate": ("echo hello > f; truncate -s 2 f; truncate -s +2 f", {"f": b"he\0\0"}),
    "empty": (": > f; echo x > f; : > f", {"f": b""}),
    "touch": ("echo x > f; touch -d 2001-02-03T04:05:06Z f; test \"$(date -u -r f +%F)\" = 2001-02-03", {"f": b"x\n"}),
    "dd notrunc": ("printf 0123456789 > f; printf ab | dd of=f bs=1 seek=4 conv=notrunc status=none", {"f": b"0123ab6789"}),
    "dd sparse": ("printf x | dd of=f bs=1 seek=70000 status=none", {"f": bytes(70000) + b"x"}),
    "head of itself": ("seq 1 1000 > f; head -n 2 f > g; mv g f", {"f": b"1\n2\n"}),
    "install": ("echo x > a; install -m 600 a b; rm a", {"b": b"x\n"}),
    "split": ("printf abcdef > f; split -b 2 f part.; cat part.* > g; rm f part.*", {"g": b"abcdef"}),
    "lock file": ("set -C; echo 1 > f.lock; ! { echo 2 > f.lock; } 2>/dev/null; mv f.lock f", {"f": b"1\n"}),
    "hidden": ("echo x > .a; cp .a .b; rm .a", {".b": b"x\n"}),
    "heredoc": ("cat > f <<END\none\ntwo\nEND\n", {"f": b"one\ntwo\n"}),
    "two writers": ("exec 3> f 4> g; echo a >&3; echo b >&4; echo c >&3; exec 3>&- 4>&-", {"f": b"a\nc\n", "g": b"b\n"}),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(place, google, name):
    script, wanted = SCRIPTS[name]
    subprocess.run(["sh", "-ec", script], cwd=place.path, check=True, timeout=60)

    def in_drive():
        return {file["name"]: file["md5Checksum"] for file in google.by_name(place.id).values() if "md5Checksum" in file}
    sums = {name: md5(data) for name, data in wanted.items()}
    wait_until(lambda: in_drive() == sums, "%s in Drive, not %s" % (sorted(wanted), sorted(in_drive())))
    assert {name: (place.path / name).read_bytes() for name in os.listdir(place.path)} == wanted


@pytest.fixture
def tree(tmp_path):
    """A small tree with times of its own."""
    for i in range(12):
        path = tmp_path / "tree" / ("d%d" % (i % 3)) / ("e%d" % (i % 2)) / ("f%d" % i)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000 * i))
        os.utime(path, ns=(10**18 + i * 10**9, 10**18 + i * 10**9))
    return tmp_path / "tree"


def same(left, right):
    """Two trees have the same files, bytes and times."""
    def facts(top):
        return {os.path.relpath(os.path.join(folder, name), top):
                (open(os.path.join(folder, name), "rb").read(), os.stat(os.path.join(folder, name)).st_mtime_ns)
                for folder, _, names in os.walk(top) for name in names}
    assert facts(left) == facts(right)


@pytest.mark.parametrize("command", ["cp -a '{0}' copy", "cp -r --preserve=timestamps '{0}' copy",
                                     "mkdir copy; tar -C '{0}' -cf - . | tar -C copy -xf -"], ids=["cp -a", "cp -r", "tar"])
def test_trees_there_and_back(here, tree, tmp_path, command):
    subprocess.run(["sh", "-ec", command.format(tree)], cwd=here, check=True, timeout=60)
    same(tree, here / "copy")
    subprocess.run(["cp", "-a", here / "copy", tmp_path / "back"], check=True, timeout=60)
    same(tree, tmp_path / "back")
    done = subprocess.run(["find", here / "copy", "-type", "f", "-name", "f1*"], check=True, capture_output=True, timeout=60)
    assert len(done.stdout.splitlines()) == 3
    subprocess.run(["rm", "-r", here / "copy"], check=True, timeout=60)
    assert os.listdir(here) == []


def test_zip(here):
    """An archive is written with seeks back, and read from its end."""
    with zipfile.ZipFile(here / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr("f%d" % i, os.urandom(5000))
    with zipfile.ZipFile(here / "a.zip") as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 20


def test_python_runs_from_it(here):
    """Import with its cache folder, which is written by a rename over."""
    (here / "module_of_the_test.py").write_text("VALUE = 42\n")
    script = "import module_of_the_test as m, sys; print(m.VALUE)"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script], cwd=here, check=True, capture_output=True, timeout=60,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
        assert done.stdout == b"42\n"
    assert "__pycache__" in os.listdir(here)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_git(here):
    """Lock files, renames over, and reading back what was just written."""
    script = ("git init -q . && echo a > f && git add f && git -c user.name=n -c user.email=e commit -qm one && echo b >> f && "
              "git -c user.name=n -c user.email=e commit -qam two && git fsck --strict && git log --oneline | wc -l")
    done = subprocess.run(["sh", "-ec", script], cwd=here, check=True, capture_output=True, timeout=120)
    assert done.stdout.split()[-1] == b"2"


COPIES = {
    "cp -a": 'cp -a "$1" a',
    "cp -p": 'mkdir a && cp -p "$1/f" a/f && cp -rp "$1/sub" a/sub',
    "cp -a again": 'cp -a "$1" a && cp -a "$1/." a',
    "mv": 'cp -a "$1" "$1.copy" && mv "$1.copy" a',
    "tar": 'mkdir a && tar -C "$1" -cf "$1.tar" . && tar -C a -xf "$1.tar"',
    "tar --xattrs": 'mkdir a && tar --xattrs -C "$1" -cf "$1.tar" . && tar --xattrs -C a -xpf "$1.tar"',
    "rsync -a": 'rsync -a "$1/" a/',
    "rsync -a again": 'rsync -a "$1/" a/ && rsync -a "$1/" a/',
    "rsync -aX": 'rsync -aX "$1/" a/',
}


def another_users_files(folder):
    """What root copies; the mount's files belong to who mounts."""
    (folder / "sub").mkdir(parents=True)
    (folder / "f").write_bytes(b"1")
    (folder / "sub" / "g").write_bytes(b"2")
    for path in (folder, folder / "f", folder / "sub", folder / "sub" / "g"):
        os.chown(path, 1000, 1000)
        os.utime(path, (10**9, 10**9))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have another user's files")
@pytest.mark.parametrize("name", COPIES)
def test_root_copies_another_users_files_without_noise(here, tmp_path, name):
    if name.startswith("rsync") and not shutil.which("rsync"):
        pytest.skip("no rsync")
    another_users_files(tmp_path / "source")
    done = subprocess.run(["sh", "-ec", COPIES[name], "sh", tmp_path / "source"], cwd=here, timeout=60, check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "a" / "f").read_bytes() == b"1" and (here / "a" / "sub" / "g").read_bytes() == b"2"
    assert os.stat(here / "a" / "sub" / "g").st_mtime == 10**9


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may chown")
def test_chown_to_somebody_else_is_no_lie(here):
    subprocess.run(["sh", "-c", "echo x > f"], cwd=here, check=True)
    assert subprocess.run(["chown", "1000", here / "f"], stderr=subprocess.DEVNULL, check=False).returncode == 1


def test_copies_carry_the_description(here, tmp_path):
    name = "user.drive.description"
    (here / "a").write_bytes(b"model")
    os.setxattr(here / "a", name, b"my model")
    script = 'cp -a a "$1" && mv "$1" b && cp --preserve=all,xattr a c && rm a'
    done = subprocess.run(["sh", "-ec", script, "sh", tmp_path / "out"], cwd=here, timeout=60, check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [os.getxattr(here / one, name) for one in "bc"] == [b"my model"] * 2
