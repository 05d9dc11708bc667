# SPDX-License-Identifier: MIT
"""Fields masks: `a,b(c,d),e/f,*`: parsed, checked against the schema, applied to answers."""
import re

from . import errors, schema

_TOKEN = re.compile(r"\s*([A-Za-z][\w-]*|[*(){}/,%:])")
ANY = "*"


def _parse_members(tokens):
    """Members up to a closing brace: name -> None (value), type name, dict, or ANY (map)."""
    members = {}
    name = None
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            break
        if token == "{":
            members[name] = _parse_members(tokens)
        elif token == "%":
            members[name] = ANY
        elif token == ":":
            members[name] = tokens.pop(0)
        else:
            name = token
            members[name] = None
    return members


TYPES = {name: _parse_members(_TOKEN.findall(text)) for name, text in schema.RESOURCES.items()}


def members_of(kind):
    """The members of a type (by name) or of an inline object; None for a plain value."""
    return TYPES[kind] if isinstance(kind, str) and kind != ANY else kind


def _tokens(mask):
    tokens, at = [], 0
    while at < len(mask):
        match = _TOKEN.match(mask, at)
        if not match:
            if not mask[at:].strip():
                break
            raise errors.bad_field(mask[at:])
        tokens.append(match.group(1))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, mask):
        self.mask, self.tokens, self.at = mask, _tokens(mask), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def members(self, kind):
        tree = {}
        while True:
            self.path(kind, tree)
            if self.peek() != ",":
                return tree
            self.take()

    def path(self, kind, tree):
        name = self.take()
        if name is None or not (name == "*" or name[0].isalpha()):
            raise errors.bad_field(self.mask)
        below = self._below(kind, name)
        wanted = self._rest(below)
        merge(tree, {name: wanted})

    def _below(self, kind, name):
        known = members_of(kind)
        if known == ANY or name == "*":
            return ANY if known == ANY else "wild" if known is not None else None
        if not isinstance(known, dict) or name not in known:
            raise errors.bad_field(name)
        return known[name]

    def _rest(self, below):
        if self.peek() == "/":
            self.take()
            tree = {}
            self.path(self._inside(below), tree)
            return tree
        if self.peek() == "(":
            self.take()
            tree = self.members(self._inside(below))
            if self.take() != ")":
                raise errors.bad_field(self.mask)
            return tree
        return None

    def _inside(self, below):
        if below is None or below == "wild":
            raise errors.bad_field(self.mask)
        return below


def merge(tree, other):
    """Add the paths of `other` to `tree`. None stands for everything below."""
    for name, below in other.items():
        if name not in tree:
            tree[name] = below
        elif tree[name] is None or below is None:
            tree[name] = None
        else:
            merge(tree[name], below)


def parse(mask, kind):
    """The mask as a tree: {name: None | tree}. 400 for what the type does not have."""
    parser = _Parser(mask)
    tree = parser.members(kind)
    if parser.peek() is not None:
        raise errors.bad_field(mask)
    return tree


def wants(tree, name):
    """Does the mask ask for this member (or something below it)?"""
    return name in tree or "*" in tree


def below(tree, name):
    """The mask for what is below a member; None = everything."""
    if name in tree:
        return tree[name]
    return tree.get("*")


def apply(tree, value):
    """The parts of a JSON value a mask asks for."""
    if tree is None:
        return value
    if isinstance(value, list):
        return [apply(tree, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: apply(below(tree, name), item) for name, item in value.items()
            if wants(tree, name)}
