# SPDX-License-Identifier: MIT
"""The q parameter of files.list: grammar, checks, evaluation.

    expression := conjunction { "or" conjunction }
    conjunction := factor { "and" factor }
    factor := "not" factor | "(" expression ")" | term
    term := field operator value | value "in" collection | field "has" "{" ... "}"
"""
import re

from . import errors
from .times import parse_time

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<op><=|>=|!=|=|<|>)|"
                    r"(?P<mark>[(){}])|(?P<word>[A-Za-z][\w.]*))", re.S)
_COMPARE = {"=", "!=", "<", "<=", ">", ">="}
_EQUAL = {"=", "!="}
FIELDS = {
    "name": {"contains", "=", "!=", ">=", "<=", ">", "<"}, "fullText": {"contains"},
    "mimeType": {"contains", "=", "!="},
    "modifiedTime": _COMPARE, "createdTime": _COMPARE, "viewedByMeTime": _COMPARE,
    "sharedWithMeTime": _COMPARE,
    "trashed": _EQUAL, "starred": _EQUAL, "sharedWithMe": _EQUAL,
    "visibility": _EQUAL, "shortcutDetails.targetId": _EQUAL,
    "properties": {"has"}, "appProperties": {"has"},
}
COLLECTIONS = {"parents", "owners", "writers", "readers"}
TIMES = {"modifiedTime", "createdTime", "viewedByMeTime", "sharedWithMeTime"}
BOOLEANS = {"trashed", "starred", "sharedWithMe"}


def _bad():
    return errors.invalid("q")


def _tokens(text):
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            if not text[at:].strip():
                break
            raise _bad()
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return tokens


def _unquote(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)


class _Parser:
    def __init__(self, text):
        self.tokens, self.at = _tokens(text), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else (None, None)

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def word(self, *words):
        kind, value = self.peek()
        if kind == "word" and value.lower() in words:
            self.at += 1
            return value.lower()
        return None

    def mark(self, mark):
        if self.take() != ("mark", mark):
            raise _bad()

    def expression(self):
        parts = [self.conjunction()]
        while self.word("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else ("or", parts)

    def conjunction(self):
        parts = [self.factor()]
        while self.word("and"):
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else ("and", parts)

    def factor(self):
        if self.word("not"):
            return ("not", self.factor())
        if self.peek() == ("mark", "("):
            self.take()
            inner = self.expression()
            self.mark(")")
            return inner
        return self.term()

    def term(self):
        kind, value = self.take()
        if kind == "text":
            if not self.word("in"):
                raise _bad()
            kind, collection = self.take()
            if kind != "word" or collection not in COLLECTIONS:
                raise _bad()
            return ("in", collection, _unquote(value))
        if kind != "word" or value not in FIELDS:
            raise _bad()
        return self.comparison(value)

    def comparison(self, field):
        kind, operator = self.take()
        operator = operator.lower() if kind == "word" else operator
        if kind not in ("op", "word") or operator not in FIELDS[field]:
            raise _bad()
        if operator == "has":
            return self.has(field)
        if field == "name" and operator in ("<", ">", "<="):
            raise errors.DriveError(500, "internalError", "Internal Error")
        return ("cmp", field, operator, self.value(field))

    def value(self, field):
        kind, value = self.take()
        if field in BOOLEANS:
            if kind != "word" or value not in ("true", "false"):
                raise _bad()
            return value == "true"
        if kind != "text":
            raise _bad()
        if field in TIMES:
            moment = parse_time(_unquote(value))
            if moment is None:
                raise _bad()
            return moment
        return _unquote(value)

    def has(self, field):
        self.mark("{")
        pair = {}
        for name in ("key", "value"):
            if self.word(name) is None or self.take() != ("op", "="):
                raise _bad()
            kind, text = self.take()
            if kind != "text":
                raise _bad()
            pair[name] = _unquote(text)
            if name == "key" and not self.word("and"):
                raise _bad()
        self.mark("}")
        return ("has", field, pair["key"], pair["value"])


def parse(text):
    """The query as a tree of tuples; 400 for anything Drive does not know."""
    parser = _Parser(text)
    tree = parser.expression()
    if parser.at < len(parser.tokens):
        raise _bad()
    return tree


def walk(tree):
    """All terms of a query."""
    if tree[0] in ("and", "or"):
        for part in tree[1]:
            yield from walk(part)
    elif tree[0] == "not":
        yield from walk(tree[1])
    else:
        yield tree


def parents_of(tree):
    """The parents a match must have one of, or None when the query does not say."""
    if tree[0] == "in" and tree[1] == "parents":
        return {tree[2]}
    if tree[0] == "and":
        found = [parents for parents in map(parents_of, tree[1]) if parents is not None]
        return set.intersection(*found) if found else None
    if tree[0] == "or":
        found = [parents_of(part) for part in tree[1]]
        return None if None in found else set.union(*found)
    return None


def compare(operator, left, right):
    """One comparison of comparable values."""
    return {"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right,
            ">": left > right, ">=": left >= right}[operator]


def tokens_start_with(text, prefix):
    """Drive's `contains` for names: the words of prefix, the last one a prefix, in order."""
    words = re.findall(r"\w+", text.lower())
    wanted = re.findall(r"\w+", prefix.lower())
    if not wanted:
        return prefix.lower() in text.lower()
    for start in range(len(words) - len(wanted) + 1):
        here = words[start:start + len(wanted)]
        if here[:-1] == wanted[:-1] and here[-1].startswith(wanted[-1]):
            return True
    return False


def matches(tree, subject):
    """Does a file match? `subject` offers value(field), has(field, key), isin(collection, v)."""
    kind = tree[0]
    if kind == "and":
        return all(matches(part, subject) for part in tree[1])
    if kind == "or":
        return any(matches(part, subject) for part in tree[1])
    if kind == "not":
        return not matches(tree[1], subject)
    if kind == "in":
        return subject.isin(tree[1], tree[2])
    if kind == "has":
        return subject.has(tree[1], tree[2]) == tree[3]
    return _compare_field(tree, subject)


def _compare_field(tree, subject):
    _, field, operator, wanted = tree
    value = subject.value(field)
    if value is None:
        return operator == "!="
    if field in ("name", "fullText"):
        if operator == "contains":
            return tokens_start_with(value, wanted)
        return compare(operator, value.lower(), wanted.lower())
    if operator == "contains":
        return value.startswith(wanted)
    return compare(operator, value, wanted)
