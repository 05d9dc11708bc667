#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The laws of the house that neither the compiler nor a link line holds.

    layers.py OBJECTS [LAW...]    OBJECTS: the folder of one build's objects (build/release); run from the checkout

  circle     no file calls a file that calls it, directly or over others (nm of the objects)
  twice      no function name, static ones included, in two files (the sources)
  follows    what a file exports begins with its name, or its folder's
  public     outside drive/ only its public headers are included, outside cache/ only cache.h
  tree       fs/tree/ knows no FUSE, makes no call to Drive and starts no thread

Each breach is a line "law: where: what". Exit status 1 if one of the laws that are named has a breach; of the
others the number is told (LAYERS_ALL=1: each).
"""
import os
import re
import subprocess
import sys

LAYERS = ("format", "cache", "drive", "fs")
PUBLIC = {"drive": {"drive/drive.h", "drive/auth/login.h", "drive/auth/login.h"}, "cache": {"cache/cache.h"}}
# main() is in the program and in the tests' own binaries.
ANYWHERE = {"main"}
# Prefixes that a folder's files share: the public face of a layer, written by several files.
VOCABULARY = {"format/base.c"}  # what every folder shares is named after what it is
SHARED = {"drive": ("drive_",), "drive/auth": ("drive_",), "cache": ("cache_",), "fs/cli": ("cli_",), "fs": ("op_",)}
# Of Drive, the room of the tree may use what frees or reads a record.
TREE_MAY = re.compile(r"drive_file_\w+$")
TREE_MAY_NOT = re.compile(r"(fuse_|drive_|cache_|http_|pthread_create$|thread_start$|notify_|namei_|handle_|publish_)")


def sources():
    """Every .c and .h of the layers, as paths from the checkout."""
    for layer in LAYERS:
        for folder, _, names in os.walk(layer):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.join(folder, name)


def without_comments(text):
    """The text with comments, strings and characters blanked, line breaks kept."""
    pattern = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


DEFINITION = re.compile(r"^(?!#|typedef|return|else)[A-Za-z_][\w \t*()]*?\b(\w+)\(", re.MULTILINE)
MACROS = {"PRINTF", "CLEANUP", "TSA", "GUARDED_BY", "UNDER", "REQUIRES", "ACQUIRE", "RELEASE", "sizeof", "TEST", "__attribute__"}


def body_follows(text, at):
    """Does the parameter list that opens at text[at] belong to a definition?"""
    depth = 0
    while at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
        if not depth:
            break
    rest = re.match(r"(?:\s*(?:%s)\((?:[^()]|\([^()]*\))*\))*\s*" % "|".join(MACROS), text[at:])
    return text[at + rest.end():at + rest.end() + 1] == "{"


def functions(path):
    """Names of the functions that a file defines."""
    with open(path, encoding="utf-8") as file:
        text = without_comments(file.read())
    for found in DEFINITION.finditer(text):
        name = found.group(1)
        if name in MACROS:  # an annotation in front: the name is behind it
            ahead = re.match(r"[^{};]*?\)\s*[A-Za-z_][\w \t*]*?\b(\w+)\(", text[found.end() - 1:], re.DOTALL)
            if not ahead:
                continue
            name, opens = ahead.group(1), found.end() - 1 + ahead.end() - 1
        else:
            opens = found.end() - 1
        if name not in MACROS and body_follows(text, opens):
            yield name


def twice():
    """Function names in two files."""
    where = {}
    for path in sources():
        for name in functions(path):
            where.setdefault(name, set()).add(path)
    for name, paths in sorted(where.items()):
        if len(paths) > 1 and name not in ANYWHERE:
            yield "twice: %s: %s" % (name, " ".join(sorted(paths)))


def symbols(objects):
    """For each source file: (functions it exports, symbols it wants)."""
    found = {}
    for path in sources():
        made = os.path.join(objects, path[:-2] + ".o")
        if not path.endswith(".c") or not os.path.exists(made):
            continue
        exported, wanted = set(), set()
        for line in subprocess.run(["nm", "-P", "-g", made], capture_output=True, text=True, check=True).stdout.splitlines():
            name, kind = line.split()[:2]
            if kind == "U":
                wanted.add(name)
            elif kind == "T":
                exported.add(name)
        found[path] = (exported, wanted)
    return found


def circles(found):
    """Tarjan's strongly connected components of the graph of calls between files."""
    home = {name: path for path, (exported, _) in found.items() for name in exported}
    calls = {path: {home[name] for name in wanted if name in home} - {path} for path, (_, wanted) in found.items()}
    order, low, stack, rings = {}, {}, [], []

    def visit(path):
        order[path] = low[path] = len(order)
        stack.append(path)
        for other in calls[path]:
            if other not in order:
                visit(other)
                low[path] = min(low[path], low[other])
            elif other in stack:
                low[path] = min(low[path], order[other])
        if low[path] == order[path]:
            ring = [stack.pop()]
            while ring[-1] != path:
                ring.append(stack.pop())
            if len(ring) > 1:
                rings.append(ring)

    sys.setrecursionlimit(10000)
    for path in sorted(calls):
        if path not in order:
            visit(path)
    for ring in rings:
        lines = ["  %s -> %s: %s" % (path, other, " ".join(sorted(found[path][1] & found[other][0])))
                 for path in sorted(ring) for other in sorted(calls[path] & set(ring))]
        yield "circle: %s:\n%s" % (" ".join(sorted(ring)), "\n".join(lines))


def follows(found):
    """Exports that do not begin with their file's name."""
    for path, (exported, _) in sorted(found.items()):
        if path in VOCABULARY:
            continue
        folder, stem = os.path.split(path[:-2])
        # x_y.c is a second file of x; extent.c has extents.
        allowed = (stem + "_", stem.rstrip("s") + "_", stem + "s_", stem.split("_")[0] + "_", *SHARED.get(folder, ()))
        for name in sorted(exported - ANYWHERE):
            if not name.startswith(allowed) and name != stem:
                yield "follows: %s: %s" % (path, name)


def includes():
    """(file, what it includes of ours)."""
    for path in sources():
        with open(path, encoding="utf-8") as file:
            for line in file:
                found = re.match(r'#include "([^"]+)"', line)
                if found:
                    yield path, found.group(1)


def public():
    """Inner headers of drive/ and cache/ included from outside."""
    for path, header in includes():
        layer = header.split("/")[0]
        if layer in PUBLIC and not path.startswith(layer + "/") and header not in PUBLIC[layer]:
            yield "public: %s: includes %s" % (path, header)


def tree(found):
    """What the room of the tree may not know."""
    for path, header in includes():
        if path.startswith("fs/tree/") and header.startswith(("cache/", "fs/")) and not header.startswith("fs/tree/") \
                and header not in ("fs/writers.h",):
            yield "tree: %s: includes %s" % (path, header)
    for path, (_, wanted) in sorted(found.items()):
        if path.startswith("fs/tree/"):
            for name in sorted(wanted):
                if TREE_MAY_NOT.match(name) and not TREE_MAY.match(name):
                    yield "tree: %s: calls %s" % (path, name)


def main():
    """All breaches, one a line."""
    objects, *strict = sys.argv[1:]
    found = symbols(objects)
    if not found:
        sys.exit("layers.py: no objects in %s: make all first" % objects)
    laws = {"circle": list(circles(found)), "twice": list(twice()), "follows": list(follows(found)),
            "public": list(public()), "tree": list(tree(found))}
    for law, breaches in laws.items():
        if law in strict or os.environ.get("LAYERS_ALL"):
            for line in breaches:
                print(line)
    loose = ["%d x %s" % (len(laws[law]), law) for law in laws if law not in strict and laws[law]]
    if loose:
        print("not yet the law: " + ", ".join(loose))
    return 1 if any(laws[law] for law in strict) else 0


if __name__ == "__main__":
    sys.exit(main())
