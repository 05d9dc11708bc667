# SPDX-License-Identifier: MIT
"""The local Drive against Google's own description of Drive: nothing accepted, refused or answered
that is not in the discovery document, with its type and in its place."""
import re
import urllib.parse

import pytest

from discovery import BASE, DOCUMENT, METHODS, SCHEMAS, method_of, path_of, problems, query_parameters
from emulator import listing, meta, query, schema, upload
from emulator.api import PARAMETERS
from emulator.client import Client
from emulator.fields import ANY, TYPES
from emulator.routes import all_routes

# Parameters that clients send, and Google answers, but the document does not list any more.
UNLISTED = {"upload_id", "userIp"}
SHARED = {"supportsAllDrives": "true"}
ROUTES = [route for route in all_routes() if route.handler.__name__ != "_no_session"]
SERVED = sorted({route.name for route in ROUTES})


# -- the tables -------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name + "-" + route.kind)
def test_method(route):
    """Each method has Google's verb and address."""
    method = METHODS[route.name]
    path = path_of(method)
    if route.kind == "upload":
        for protocol in method["mediaUpload"]["protocols"].values():
            assert route.path.match(re.sub(r"\{\w+\}", "x", protocol["path"]))
        assert int(method["mediaUpload"]["maxSize"]) == upload.MAX_SIZE
        path = "/upload" + path
    assert route.http == method["httpMethod"] and route.path.match(path)
    first = next(one for one in all_routes() if one.http == route.http and one.path.match(path))
    assert first.name == route.name, "another method hides this one"


@pytest.mark.parametrize("name", SERVED)
def test_parameters(name):
    """Each method takes Google's query parameters, with Google's types, and no others."""
    ours, theirs = PARAMETERS[name], query_parameters(METHODS[name])
    assert set(ours) | set(schema.GLOBAL) == set(theirs) | UNLISTED
    for parameter, kind in ours.items():
        assert {"int": "integer", "bool": "boolean", None: "string"}[kind] == theirs[parameter]["type"], parameter


def shape(inside):
    """A schema as the emulator's table writes it: None, a type's name, a dict, or ANY."""
    if inside.get("type") == "array":
        return shape(inside["items"])
    if "$ref" in inside:
        return inside["$ref"]
    if "additionalProperties" in inside:
        return ANY
    if inside.get("type") == "object":
        return {name: shape(value) for name, value in inside["properties"].items()}
    return None


@pytest.mark.parametrize("name", sorted(TYPES))
def test_resource(name):
    """Each resource has Google's members, in Google's places."""
    theirs = shape(SCHEMAS[name])
    assert compare(TYPES[name], theirs, name) == []


def compare(ours, theirs, where):
    """The members that only one side has, and those of another shape."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return [] if ours == theirs else ["%s: %r, not %r" % (where, ours, theirs)]
    found = ["%s.%s does not exist" % (where, name) for name in ours.keys() - theirs.keys()]
    found += ["%s.%s is missing" % (where, name) for name in theirs.keys() - ours.keys()]
    for name in ours.keys() & theirs.keys():
        found += compare(ours[name], theirs[name], where + "." + name)
    return found


def test_writable_members():
    """What a request body may hold is a member of File."""
    assert meta.WRITABLE <= set(SCHEMAS["File"]["properties"])


def test_order_keys():
    """orderBy takes the keys that the document describes."""
    text = METHODS["files.list"]["parameters"]["orderBy"]["description"]
    assert set(re.findall(r"\* `(\w+)`:", text)) == listing.ORDER_KEYS


# -- what is refused --------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(drive):
    """A plain client that sees every status."""
    return Client(drive)


@pytest.fixture(scope="module")
def things(drive, client):
    """Ids for the addresses of methods: {placeholder: id}."""
    made = client.upload(b"bytes").json
    members = client.get("/drive/v3/files/%s/permissions" % made["id"]).json["permissions"]
    return {"fileId": made["id"], "revisionId": made["headRevisionId"], "driveId": drive.drive_id,
            "permissionId": members[0]["id"]}


def ask(client, name, things, **params):
    """Call a method with nothing but these parameters and what it requires."""
    method = METHODS[name]
    path = BASE + re.sub(r"\{(\w+)\}", lambda m: things[m.group(1)], method["path"])
    if "supportsAllDrives" in method.get("parameters", ()):
        params = {**SHARED, **params}
    required = {"requestId": "r", "mimeType": "text/plain", "pageToken": "1"}
    for parameter, value in query_parameters(method).items():
        if value.get("required"):
            params.setdefault(parameter, required[parameter])
    encoded = urllib.parse.urlencode({key: value for key, value in params.items() if value is not None})
    body = b"{}" if "request" in method else None
    return client.request(method["httpMethod"], path + "?" + encoded, body, {"Content-Type": "application/json"})


def error(answer):
    """(status, reason, location) of an error."""
    found = answer.json["error"]
    assert found["code"] == answer.status and found["message"] and found["errors"][0]["domain"]
    first = found["errors"][0]
    return answer.status, first["reason"], first.get("location")


@pytest.mark.parametrize("name", SERVED)
def test_unknown_parameter(client, things, name):
    """400, and nothing was done."""
    status, _, _ = error(ask(client, name, things, colour="red"))
    assert status == 400


@pytest.mark.parametrize("name", SERVED)
def test_wrong_type_of_parameter(client, things, name):
    """A number or a boolean that is none."""
    for parameter, kind in PARAMETERS[name].items():
        if kind:
            status, reason, location = error(ask(client, name, things, **{parameter: "maybe"}))
            assert (status, location) == (400, parameter) and reason.startswith("invalid")


@pytest.mark.parametrize("name", SERVED)
def test_required_parameter(client, things, name):
    """What the document requires is required."""
    for parameter, value in query_parameters(METHODS[name]).items():
        if value.get("required"):
            assert error(ask(client, name, things, **{parameter: None})) == (400, "required", parameter)


@pytest.mark.parametrize("name", [name for name in SERVED if "response" in METHODS[name]])
def test_unknown_field(client, things, name):
    """400 invalidParameter at `fields`, at the top and below; the schema decides."""
    for mask in ("colour", "kind,colour", "kind/colour", "kind(", "etag"):
        got = error(ask(client, name, things, fields=mask))
        assert got == (400, "invalidParameter", "fields"), mask


def masks(kind, depth=2):
    """Every path of a schema down to a depth."""
    for name, inside in (SCHEMAS[kind] if isinstance(kind, str) else kind)["properties"].items():
        yield name
        inside = inside.get("items", inside)
        if "$ref" in inside:
            inside = SCHEMAS[inside["$ref"]]
        if depth > 1 and "properties" in inside:
            for below in masks(inside, depth - 1):
                yield "%s/%s" % (name, below)


READERS = [name for name in SERVED if METHODS[name]["httpMethod"] == "GET" and "response" in METHODS[name]]


@pytest.mark.parametrize("name", READERS)
def test_every_field_can_be_asked_for(client, things, name):
    """Each path of the schema, one by one and all at once; the answer holds nothing else."""
    token = client.get("/drive/v3/changes/startPageToken").json["startPageToken"]
    every = list(masks(METHODS[name]["response"]["$ref"]))
    for mask in [*every, ",".join(every), "*"]:
        more = {"pageToken": token} if name == "changes.list" else {}
        answer = ask(client, name, things, fields=mask, **more)
        assert answer.status == 200, (mask, answer.body)
        if "," not in mask and mask != "*":
            assert set(answer.json) <= {mask.split("/")[0]}, mask


@pytest.mark.parametrize("term", [
    "colour = 'red'", "id = 'x'", "name ~ 'x'", "name", "name = ", "name = x", "name = \"x\"", "trashed = 'true'",
    "trashed = yes", "'x' in colours", "parents in 'x'", "modifiedTime > 'yesterday'", "mimeType > 'x'",
    "fullText = 'x'", "name = 'x' and", "(name = 'x'", "name = 'x')", "not", "name = 'x' xor trashed = true",
    "properties has 'x'", "properties has { key='a' }", "name = 'it's'", "size > 5", "sharedWithMe", "kind = 'x'"])
def test_unknown_query_term(client, term):
    """400 invalid at `q`."""
    assert error(client.list(q=term)) == (400, "invalid", "q")


def test_query_fields_are_fields():
    """Every term of the grammar that names a member of File names an existing one."""
    virtual = {"fullText", "visibility", "sharedWithMe"}
    for name in set(query.FIELDS) - virtual:
        value = SCHEMAS["File"]["properties"][name.split(".")[0]]
        assert "." not in name or name.split(".")[1] in value["properties"]
        if name in query.TIMES:
            assert value["format"] == "date-time"
        if name in query.BOOLEANS:
            assert value["type"] == "boolean"


WRONG = {"string": 5, "boolean": "yes", "object": "x", "array": "x", "integer": "x", "number": "x"}


@pytest.mark.parametrize("name", sorted(meta.WRITABLE))
def test_wrong_type_of_member(client, name):
    """A member of a request body of another type than the document's is refused."""
    wrong = WRONG[SCHEMAS["File"]["properties"][name].get("type", "object")]
    assert client.create(**{name: wrong}).status == 400


@pytest.mark.parametrize("name", sorted(set(SCHEMAS["File"]["properties"]) - meta.WRITABLE))
def test_member_that_is_not_writable(client, name):
    """The others are not taken silently."""
    assert client.create(**{name: None}).status in (400, 403)


def test_unknown_member(client):
    """Nor is one that does not exist."""
    assert client.create(colour="red").status == 400


# -- what is answered -------------------------------------------------------------------


class Watching(Client):
    """A client that holds every answer against the document."""

    def __init__(self, *args, **more):
        self.checked, self.found, self.methods = 0, [], set()
        super().__init__(*args, **more)

    def request(self, method, path, body=None, headers=None, auth=True, chunked=False):
        answer = super().request(method, path, body, headers, auth, chunked)
        where = urllib.parse.urlsplit(path).path
        if where.startswith(("/drive/v3/", "/upload/drive/v3/")):
            self.check(method, where, path, answer)
        return answer

    def check(self, verb, where, path, answer):
        """One exchange: an empty answer, bytes, an error, or the method's resource."""
        self.checked += 1
        name, method = method_of("POST" if verb == "PUT" else verb, where)
        if "upload_id=" in path:
            name, method = "files.create", METHODS["files.create"]
        assert name, "%s %s is no method of Drive" % (verb, where)
        self.methods.add(name)
        if answer.status >= 400:
            error(answer)
        elif "response" in method and "alt=media" not in path and answer.body:
            assert answer.headers["content-type"] == "application/json; charset=UTF-8"
            self.found += problems(answer.json, method["response"], name)
        else:
            assert answer.status in (200, 204, 206, 308)


def work_with_files(client, folder):
    """Everything one does with files. Returns a file's id."""
    ids = client.get("/drive/v3/files/generateIds", supportsAllDrives=None).json["ids"]
    empty = client.create("empty", folder, id=ids[0], properties={"a": "b"}, starred=True, description="d").json["id"]
    client.create("again", folder, id=ids[0])
    made = client.upload(b"abc" * 1000, "a.bin", folder, appProperties={"k": "v"}).json["id"]
    client.upload(b"new", file_id=made)
    session = client.begin(4, name="r", parents=[folder]).headers["location"]
    client.put(session, content_range="bytes */4")
    client.put(session, b"data", "bytes 0-3/4")
    sub = client.create("sub", folder, mimeType="application/vnd.google-apps.folder").json["id"]
    client.create("s", folder, mimeType="application/vnd.google-apps.shortcut", shortcutDetails={"targetId": made})
    client.create("doc", folder, mimeType="application/vnd.google-apps.document")
    client.call("POST", "/drive/v3/files/%s/copy" % made, {"name": "copy"}, fields="*")
    client.call("PATCH", "/drive/v3/files/" + empty, {"name": "x"}, addParents=sub, removeParents=folder, fields="*")
    client.call("PATCH", "/drive/v3/files/" + empty, {"trashed": True}, fields="*")
    client.get("/drive/v3/files/" + empty, fields="*")
    client.call("DELETE", "/drive/v3/files/" + empty)
    client.media(made)
    client.media(made, 1, 5)
    client.media(made, 10 ** 6)
    client.list(q="'%s' in parents" % folder, fields="*", pageSize=2, orderBy="folder,name")
    client.list(corpora="allDrives", fields="*")
    client.list(q="nonsense")
    return made


def work_with_the_rest(client, file_id, token):
    """Revisions, changes, drives, permissions, about."""
    plain = {"supportsAllDrives": None, "fields": "*"}
    base = "/drive/v3/files/" + file_id
    revisions = client.get(base + "/revisions", **plain).json["revisions"]
    one = base + "/revisions/" + revisions[0]["id"]
    client.call("PATCH", one, {"keepForever": True}, **plain)
    client.get(one, **plain)
    client.get(one, alt="media", supportsAllDrives=None)
    client.call("DELETE", one, supportsAllDrives=None)
    client.get("/drive/v3/changes", pageToken=token, includeItemsFromAllDrives="true", fields="*")
    client.get("/drive/v3/changes", pageToken=token)
    client.get("/drive/v3/drives", **plain)
    client.get("/drive/v3/drives/" + client.drive.drive_id, **plain)
    client.get("/drive/v3/about", **plain)
    client.get(base + "/export", mimeType="text/plain", supportsAllDrives=None)


def work_as_a_person(client, email):
    """What takes storage and rights of one's own: sharing, shared drives, deleting for good."""
    made = client.upload(b"mine", "mine", "root").json["id"]
    given = client.call("POST", "/drive/v3/files/%s/permissions" % made, {
        "type": "user", "role": "reader", "emailAddress": email}, fields="*").json["id"]
    one = "/drive/v3/files/%s/permissions/%s" % (made, given)
    client.get(one, fields="*")
    client.call("PATCH", one, {"role": "writer"}, fields="*")
    client.get("/drive/v3/files/%s/permissions" % made, fields="*")
    client.get("/drive/v3/files/" + made, fields="*")
    client.call("DELETE", one)
    plain = {"supportsAllDrives": None, "fields": "*"}
    another = client.call("POST", "/drive/v3/drives", {"name": "another"}, requestId="r", **plain).json["id"]
    client.call("PATCH", "/drive/v3/drives/" + another, {"name": "renamed"}, **plain)
    client.call("DELETE", "/drive/v3/drives/" + another, supportsAllDrives=None)
    client.get("/drive/v3/about", supportsAllDrives=None, fields="*")
    client.call("PATCH", "/drive/v3/files/" + made, {"trashed": True})
    client.call("DELETE", "/drive/v3/files/trash", supportsAllDrives=None)


def test_answers_of_a_busy_session(drive, person):
    """Every answer of every method: the schema's members and types, int64 as strings."""
    drive.reset_log()
    client, persons = Watching(drive), Watching(drive, token=person["token"])
    token = client.get("/drive/v3/changes/startPageToken").json["startPageToken"]
    made = work_with_files(client, drive.new_folder())
    work_with_the_rest(client, made, token)
    work_as_a_person(persons, client.key["client_email"])
    assert client.found + persons.found == []
    missing = set(SERVED) - client.methods - persons.methods
    assert not missing, "methods that the session did not call: %s" % missing
    logged = [entry for entry in drive.log() if "/drive/v3/" in entry["path"]]
    assert len(logged) == client.checked + persons.checked, "not every answer was checked"
    assert all(entry["status"] < 500 for entry in logged)


def test_the_document_is_recent():
    """The one this was written for, or a later one."""
    assert DOCUMENT["id"] == "drive:v3" and DOCUMENT["revision"] >= "20251019"
