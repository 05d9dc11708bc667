# SPDX-License-Identifier: MIT
"""Google's description of Drive v3 (the discovery document), as Google's own client ships it."""
import json
import os
import re

import googleapiclient.discovery_cache

BASE = "/drive/v3/"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


def _load():
    folder = os.path.dirname(googleapiclient.discovery_cache.__file__)
    with open(os.path.join(folder, "documents", "drive.v3.json"), encoding="utf-8") as file:
        return json.load(file)


DOCUMENT = _load()
SCHEMAS = DOCUMENT["schemas"]
METHODS = {"%s.%s" % (group, name): method for group, resource in DOCUMENT["resources"].items()
           for name, method in resource["methods"].items()}


def path_of(method):
    """A method's address, with x in place of each id."""
    return BASE + re.sub(r"\{\w+\}", "x", method["path"])


def query_parameters(method):
    """Its query parameters, and those of every method: {name: description}."""
    own = {name: value for name, value in method.get("parameters", {}).items() if value["location"] == "query"}
    return {**DOCUMENT["parameters"], **own}


def method_of(verb, path):
    """(name, method) for a request's verb and path; the more special address first."""
    path = re.sub(r"\A/(?:resumable/)?upload(?=/)", "", path)
    found = []
    for name, method in METHODS.items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(BASE + method["path"]))
        if method["httpMethod"] == verb and re.fullmatch(pattern, path):
            found.append((method["path"].count("{"), name, method))
    return min(found)[1:] if found else (None, None)


def problems(value, schema, where):
    """What is wrong with a JSON value by a schema: a line each."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "object":
        yield from _object_problems(value, schema, where)
    elif kind == "array":
        if not isinstance(value, list):
            yield "%s is no array: %r" % (where, value)
            return
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], "%s[%d]" % (where, number))
    elif kind != "any" and not _fits(value, kind, schema):
        yield "%s is no %s %s: %r" % (where, kind, schema.get("format", ""), value)


def _object_problems(value, schema, where):
    if not isinstance(value, dict):
        yield "%s is no object: %r" % (where, value)
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        inside = known.get(name, others)
        if inside is None:
            yield "%s.%s does not exist" % (where, name)
        else:
            yield from problems(item, inside, where + "." + name)


def _fits(value, kind, schema):
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and -2 ** 31 <= value < 2 ** 31
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if schema.get("default", "").startswith("drive#") and value != schema["default"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    form = schema.get("format")
    if form == "int64":
        return re.fullmatch(r"-?\d{1,19}", value) is not None
    return not (form or "").endswith("date-time") or RFC3339.match(value) is not None
