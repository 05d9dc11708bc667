# SPDX-License-Identifier: MIT
"""What was promised, against what Drive has: each promise that does not hold is a finding.

judge(acts, files, kept) -> [(kind, text), ...]
    acts   of all books (book.read)
    files  Drive's files, every revision with its time in seconds and the tags of its records
    kept   tags of the bytes that `status` lists as pending or held

Kinds: lost       acknowledged bytes that no file ever had, and that are kept nowhere
       half       a revision that is no whole save
       back       a revision without a record that was acknowledged before, or with one that was cut off
       old        acknowledged bytes replaced by a save that had ended before they were saved
       retry      the same by one that had failed, and was tried again later
       trashed    the file is in the trash, and nobody removed it; or it already was when it was saved
       undone     a rename or unlink that was acknowledged and did not happen
       twice      a record that is in a log twice
"""
import dataclasses
import math

SLACK = 0.05  # seconds: Drive's clock is ours, in milliseconds
LATE = 0.5  # what Drive may still carry out after whoever sent it has given up


@dataclasses.dataclass
class Revision:
    """One state of a file: when it came, the tags of its records, whether these are all of it."""
    time: float
    tags: list
    whole: bool
    size: int = 0
    damaged: str = ""  # the tag of a save of which one bit was flipped on its way


@dataclasses.dataclass
class File:
    """A file as Drive has it in the end."""
    id: str
    name: str
    trashed: bool
    trashed_at: float
    revisions: list
    above: tuple = ()  # ids of the folders it is in
    explicit: bool = True

    def tags(self):
        """Every tag it ever held."""
        return {tag for revision in self.revisions for tag in revision.tags}


@dataclasses.dataclass
class Promise:
    """An acknowledgement: bytes that Drive must have had when it was given."""
    tag: str
    name: str
    mount: int
    opened: float
    t0: float
    t1: float
    act: dict

    def __str__(self):
        return "%s saved as %s (%s, acknowledged by %s at %s)" % (
            self.tag, self.name, "mount %d" % self.mount if self.mount else "google",
            self.act.get("by", self.act["op"]), clock(self.t1))


def clock(moment):
    """The last digits of a time, for people."""
    return "%.3f" % (moment % 1000) if math.isfinite(moment) else "never"


def is_log(name):
    """Is it a file of many records?"""
    return name.endswith(".log")


class Judge:
    """See the module."""

    def __init__(self, acts, files, kept=()):
        self.acts, self.files, self.kept = sorted(acts, key=lambda act: act["t0"]), files, set(kept)
        self.found, self.spoilt = [], {}  # spoilt: file or name -> kinds found of it; the first is told
        self._end_all()
        self.by_tag = {}
        for act in self.acts:
            for tag in act.get("tags") or [act.get("tag")]:
                if tag and act["op"] in ("save", "spoilt", "append", "edit"):
                    self.by_tag.setdefault(tag, []).append(act)
        self.removals = [act for act in self.acts if act["op"] in ("unlink", "rename", "trash")]

    def _end_all(self):
        """An act that never returned ended at the latest when the same process began its next one."""
        following = {}
        for act in reversed(self.acts):
            act.setdefault("t1", following.get(act["who"], math.inf))
            following[act["who"]] = act["t0"]

    def run(self):
        """All findings."""
        for file in self.files:
            self._whole(file)
        for promise in self._promises():
            homes = [file for file in self.files if promise.tag in file.tags()]
            if not self._reached(promise, homes):
                continue
            check = self._in_log if is_log(promise.name) else self._in_file
            # Bytes that went into a file which somebody had removed are saved once more, as a new one: one is enough.
            if len(homes) > 1 and not is_log(promise.name) and any(self._is_well(check, promise, file) for file in homes):
                continue
            for file in homes:
                check(promise, file)
        self._cuts()
        self._undone()
        return self.found

    def _tell(self, kind, text, file=None, name=None):
        """A finding; what follows from the same one in the same file is counted with it."""
        place = file.id if file and not is_log(file.name) else file.name if file else name or text
        self.spoilt.setdefault(place, []).append(kind)
        if len(self.spoilt[place]) > 1:
            return
        if file:
            text += "\n    file %s, now %s%s" % (file.id, file.name, " (trashed %s)" % clock(file.trashed_at)
                                                  if file.trashed else "")
            text += "".join("\n      %s %7d bytes %s%s" % (clock(r.time), r.size, " ".join(r.tags[-6:]) or "-",
                                                         "" if r.whole else " NOT WHOLE") for r in file.revisions[-8:])
        self.found.append((kind, text))

    def _is_well(self, check, promise, file):
        """Has it nothing to tell of that file?"""
        told, self._tell = [], lambda *args, **named: told.append(args)
        try:
            check(promise, file)
        finally:
            del self._tell
        return not told

    def _promises(self):
        for act in self.acts:
            if act.get("end") != 0:
                continue
            if act["op"] in ("save", "append", "edit") or (act["op"] == "rename" and act["tag"] and
                                                           act.get("sure", act["saved"])):
                for tag in act.get("tags") or [act["tag"]]:
                    yield Promise(tag, act["name"], act["mount"], act.get("opened", act["t0"]), act["t0"], act["t1"], act)

    # -- each promise --------------------------------------------------------------------

    def _reached(self, promise, homes):
        """Did Drive have the bytes when it was said so? (A rename says it of bytes saved before.)"""
        in_time = [file for file in homes if any(promise.tag in r.tags and r.time <= promise.t1 + SLACK
                                                 for r in file.revisions)]
        if not in_time and promise.tag not in self.kept and not self._removed_here(promise):
            late = "" if not homes else ", which came later"
            self._tell("lost", "%s: no file had it then%s" % (promise, late), homes[0] if homes else None, promise.name)
        return bool(in_time)

    def _removed_here(self, promise):
        """Was the name taken from it on the same mount while it was open? Then POSIX owes it no place."""
        return any(act is not promise.act and act["op"] in ("unlink", "rename") and act["mount"] == promise.mount and
                   act["name"] == promise.name and act["t1"] >= promise.opened and act["t0"] <= promise.t1
                   for act in self.acts)

    def _in_file(self, promise, file):
        places = [n for n, r in enumerate(file.revisions) if promise.tag in r.tags]
        last = places[-1]
        if last + 1 < len(file.revisions):
            self._successor(promise, min(promise.t0, file.revisions[places[0]].time), file, file.revisions[last + 1])
        elif file.trashed:
            self._removal(promise, file, file.revisions[places[0]])

    def _successor(self, promise, since, file, revision):
        """What replaced it must not have been over before it was saved (a rename is of bytes saved before)."""
        if not revision.whole or not revision.tags:
            return  # said by _whole
        acts = self.by_tag.get(revision.tags[0], ())
        if not acts or max(act["t1"] + (SLACK if act.get("end") == 0 else LATE) for act in acts) >= since:
            return
        kind = "old" if any(act.get("end") == 0 for act in acts) else "retry"
        self._tell(kind, "%s: replaced at %s by %s, of %s to %s" % (
            promise, clock(revision.time), revision.tags[0], clock(acts[0]["t0"]),
            clock(max(act["t1"] for act in acts))), file)

    def _names(self, file):
        """Every name it can have had."""
        tags, names = file.tags(), {file.name}
        for act in self.acts:
            if act["op"] in ("save", "spoilt", "append") and set(act.get("tags") or [act.get("tag")]) & tags:
                names.add(act["name"].rsplit("/", 1)[-1])
            if act["op"] == "rename" and (act["source"] in names or act["tag"] in tags):
                names.add(act["name"])
        return names

    def _removal(self, promise, file, revision):
        """Somebody must have removed it, and not before it was saved (but for an unlink on the same
        mount while it was open: POSIX lets one write on)."""
        names, at = self._names(file), file.trashed_at
        for act in self.removals:
            if not self._hits(act, file, names):
                continue
            late = act["t1"] if act.get("end") == 0 else math.inf
            if not act["t0"] - SLACK <= at <= late + SLACK:
                continue
            if act["op"] == "rename" and not self._arrived(act):
                continue
            before = at < revision.time
            if not before or not promise.mount or at >= promise.t0 - SLACK or \
                    (act["mount"] == promise.mount and at >= promise.opened - SLACK):
                return
        if self._removed_here(promise):
            return  # whoever trashed it first: its name was taken on the same mount while it was open
        text = "in the trash since %s" % clock(at)
        self._tell("trashed", "%s: %s, %s" % (promise, text, "where it was when it was saved"
                                              if at < revision.time else "and nobody removed it"), file)

    def _hits(self, act, file, names):
        if act["op"] == "trash":
            return act["file"] == file.id or act["file"] in file.above
        if act["op"] == "rename" and act["tag"] in file.tags():  # its source: only if its bytes went to another file
            return act["source"] in names and any(act["tag"] in other.tags() for other in self.files if other is not file)
        return act["name"].rsplit("/", 1)[-1] in names

    def _arrived(self, act):
        """Did a rename put its file there? Only then may the one that had the name be gone."""
        if act.get("end") == 0:
            return True
        return any(act["tag"] in file.tags() and file.name != act["source"] for file in self.files) if act["tag"] else True

    # -- logs ----------------------------------------------------------------------------

    def _in_log(self, promise, file):
        cut = [act for act in self.acts if act["op"] in ("cut", "truncate", "spoilt")
               and promise.tag in (act.get("tags") or ()) and act.get("by") != "write"]
        cut = [act for act in cut if act["t0"] > promise.t0]
        for revision in file.revisions:
            if revision.time > promise.t1 + SLACK and promise.tag not in revision.tags and \
                    not any(act["t0"] <= revision.time + SLACK for act in cut):
                self._tell("back", "%s: gone at %s" % (promise, clock(revision.time)), file)
                return
        if file.trashed:
            self._tell("trashed", "%s: the log is in the trash" % promise, file)

    def _cuts(self):
        """What was cut off, and acknowledged, stays off."""
        for act in self.acts:
            if act["op"] != "truncate" or act.get("end") != 0:
                continue
            for file in self.files:
                for revision in file.revisions:
                    again = set(act["tags"]) & set(revision.tags)
                    if again and file.name == act["name"] and revision.time > act["t1"] + SLACK:
                        self._tell("back", "%s of %s: cut off, acknowledged at %s, there again at %s" % (
                            sorted(again)[0], file.name, clock(act["t1"]), clock(revision.time)), file)
                        break

    # -- each file -----------------------------------------------------------------------

    def _whole(self, file):
        """No revision is a part of a save; an empty one may only be the first, or a log cut to nothing."""
        cut = any(act["op"] == "cut" and act["name"] == file.name for act in self.acts)
        for number, revision in enumerate(file.revisions):
            empty = revision.size == 0 and (number == 0 or (cut and is_log(file.name)))
            many = len(revision.tags) > 1 and not is_log(file.name)
            if revision.damaged and (number + 1 < len(file.revisions) or revision.damaged in self.kept):
                continue  # it was sent again, or waits for that
            if (not revision.whole and not empty) or many or (revision.size == 0 and not empty):
                self._tell("half", "%s at %s: %d bytes that are no whole save" % (
                    file.name, clock(revision.time), revision.size), file)
                break
        for revision in file.revisions:
            if len(set(revision.tags)) != len(revision.tags):
                self._tell("twice", "%s at %s" % (file.name, clock(revision.time)), file)
                break

    def _undone(self):
        """An acknowledged rename or unlink of a file whose bytes were in Drive: it has not its old name."""
        touched = {act["file"] for act in self.acts if act["op"] in ("trash", "restore", "move", "edit")}
        for act in self.acts:
            if act["op"] not in ("rename", "unlink") or act.get("end") != 0 or not act.get("tag"):
                continue
            old = act["source"] if act["op"] == "rename" else act["name"]
            for file in self.files:
                if file.trashed or file.name != old or file.id in touched or not file.revisions or \
                        act["tag"] not in file.revisions[-1].tags or self._named_later(old, act):
                    continue
                self._tell("undone", "%s of %s, acknowledged at %s" % (act["op"], old, clock(act["t1"])), file)

    def _named_later(self, name, act):
        """Did anything else give a file this name since?"""
        return any(other["t1"] > act["t0"] and other is not act and
                   other["op"] in ("save", "spoilt", "rename") and other["name"] == name for other in self.acts)


def judge(acts, files, kept=()):
    """All findings, as (kind, text)."""
    return Judge(acts, files, kept).run()
