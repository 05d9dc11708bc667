# SPDX-License-Identifier: MIT
"""Google's Python client, unmodified and at its built-in addresses, judges the local Drive."""
import hashlib
import http.client
import io
import json
import os

import google.oauth2.credentials
import google_auth_httplib2
import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, MediaIoBaseDownload, MediaIoBaseUpload, build_http

SCOPES = ["https://www.googleapis.com/auth/drive"]
OCTETS = "application/octet-stream"
FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
FIELDS = "id,name,mimeType,size,md5Checksum,headRevisionId,parents,trashed,version,modifiedTime"
ALL = {"supportsAllDrives": True}
LISTED = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}
QUARTER = 256 * 1024
BROKEN = (OSError, httplib2.error.HttpLib2Error, http.client.HTTPException)  # how httplib2 says it


def connect(drive, credentials, timeout=60):
    """The service. The proxy comes from the environment, as httplib2 finds it by itself."""
    transport = build_http()
    transport.timeout = timeout
    transport.ca_certs = drive.ca  # HTTPLIB2_CA_CERTS is read when httplib2 is imported, too early for us
    return build("drive", "v3", http=google_auth_httplib2.AuthorizedHttp(credentials, http=transport))


@pytest.fixture(scope="module")
def client(drive, environment, key):
    """The service account's client."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "HTTPS_PROXY", "NO_PROXY"):
            patch.setenv(name, environment[name])
        patch.delenv("no_proxy", raising=False)
        yield connect(drive, service_account.Credentials.from_service_account_file(key, scopes=SCOPES))


@pytest.fixture
def impatient(drive, client, key):  # pylint: disable=unused-argument
    """The same with a short timeout: when a connection ends before the answer, httplib2 sends the
    request again with the stream it has already read, and waits in vain for what comes of that."""
    return connect(drive, service_account.Credentials.from_service_account_file(key, scopes=SCOPES), 1.5)


@pytest.fixture(scope="module")
def persons(drive, client, person):  # pylint: disable=unused-argument
    """A person's client: the proxy of `client` is still set."""
    return connect(drive, google.oauth2.credentials.Credentials.from_authorized_user_info(
        person["credential"], SCOPES))


def noise(size, seed=b"noise"):
    """Bytes that repeat nowhere."""
    return hashlib.shake_128(seed).digest(size)


def asked(drive):
    """The API's part of the log."""
    return [entry for entry in drive.log() if entry["path"].startswith(("/drive/", "/upload/"))]


def upload(client, folder, data, name="a.bin", **more):
    """A new file."""
    media = MediaIoBaseUpload(io.BytesIO(data), OCTETS, **more)
    return client.files().create(body={"name": name, "parents": [folder]}, media_body=media,
                                 fields=FIELDS, **ALL).execute()


def download(client, file_id, chunk=1 << 20):
    """A file's bytes, in ranges of `chunk`; a broken connection is tried again, as users do."""
    data, done = io.BytesIO(), False
    loader = MediaIoBaseDownload(data, client.files().get_media(fileId=file_id, **ALL), chunksize=chunk)
    for _ in range(1000):
        if done:
            return data.getvalue()
        try:
            _, done = loader.next_chunk()
        except BROKEN:
            data.seek(loader._progress)  # pylint: disable=protected-access
    raise AssertionError("the download does not end")


def refused(status, reason):
    """The HttpError with this status and reason."""
    def is_it(error):
        details = json.loads(error.content)["error"]
        assert (details["code"], details["errors"][0]["reason"]) == (status, reason)
        assert error.reason == details["message"]
        return True
    return pytest.raises(HttpError, check=is_it)


# -- uploads ----------------------------------------------------------------------------


def test_simple_upload(drive, client, tmp_path):
    """A file without metadata: uploadType=media; the person has storage, it lands in My Drive."""
    path = tmp_path / "simple.bin"
    path.write_bytes(noise(5000))
    with refused(403, "storageQuotaExceeded"):
        client.files().create(media_body=MediaFileUpload(path, mimetype=OCTETS)).execute()
    assert "uploadType=media" in asked(drive)[-1]["query"]


def test_simple_upload_of_a_person(drive, persons, tmp_path):
    """The same where there is storage."""
    path = tmp_path / "simple.bin"
    path.write_bytes(noise(5000))
    made = persons.files().create(media_body=MediaFileUpload(path, mimetype=OCTETS), fields=FIELDS).execute()
    assert made["name"] == "Untitled" and made["size"] == "5000" and made["mimeType"] == OCTETS
    assert drive.content(made["id"]) == noise(5000)


@pytest.mark.parametrize("size", [0, 1, 70000])
def test_multipart_upload(drive, client, folder, size):
    """Metadata and bytes in one request, binary bytes with line ends in them."""
    data = b"\r\n--=\r\n" [:size] + noise(max(0, size - 7))
    made = upload(client, folder, data)
    assert drive.content(made["id"]) == data
    assert made["size"] == str(size) and made["md5Checksum"] == hashlib.md5(data).hexdigest()
    assert made["parents"] == [folder]


@pytest.mark.parametrize("size", [0, 1, QUARTER, 3 * QUARTER + 5])
@pytest.mark.parametrize("chunk", [QUARTER, -1])
def test_resumable_upload(drive, client, folder, size, chunk):
    """A session, in chunks or in one go."""
    data = noise(size)
    made = upload(client, folder, data, resumable=True, chunksize=chunk)
    assert drive.content(made["id"]) == data and made["size"] == str(size)


def test_resumable_upload_from_a_file(drive, client, folder, tmp_path):
    """MediaFileUpload, and progress as the client computes it from our answers."""
    path = tmp_path / "model.bin"
    path.write_bytes(noise(4 * QUARTER))
    request = client.files().create(
        body={"name": path.name, "parents": [folder]}, fields=FIELDS, **ALL,
        media_body=MediaFileUpload(path, mimetype=OCTETS, resumable=True, chunksize=QUARTER))
    seen, answer = [], None
    while answer is None:
        progress, answer = request.next_chunk()
        seen.append(progress and progress.resumable_progress)
    assert seen == [QUARTER, 2 * QUARTER, 3 * QUARTER, None]
    assert drive.content(answer["id"]) == noise(4 * QUARTER)


def resumable(client, folder, data):
    """A session about to send its first chunk."""
    media = MediaIoBaseUpload(io.BytesIO(data), OCTETS, resumable=True, chunksize=QUARTER)
    request = client.files().create(body={"name": "r.bin", "parents": [folder]}, media_body=media,
                                    fields=FIELDS, **ALL)
    request.next_chunk()
    return request


def finish(request):
    """Send the rest; a dropped connection or an error of the server is answered by going on."""
    for _ in range(50):
        try:
            _, answer = request.next_chunk()
        except HttpError as error:
            assert error.status_code >= 500
        except BROKEN:
            pass
        else:
            if answer is not None:
                return answer
    raise AssertionError("the upload does not end")


@pytest.mark.parametrize("fault", [
    {"action": "cut_request", "after": 100000}, {"action": "drop"}, {"action": "lose"},
    {"action": "status", "status": 503}, {"action": "status", "status": 500, "count": 3},
], ids=lambda fault: fault["action"] + str(fault.get("status", "")))
def test_resumable_upload_goes_on(drive, impatient, folder, fault):
    """After a chunk that was lost in some way, the client asks and goes on; one file, the right bytes."""
    data = noise(4 * QUARTER + 77)
    request = resumable(impatient, folder, data)
    drive.fault(path="upload_id=", method="PUT", **fault)
    made = finish(request)
    assert drive.content(made["id"]) == data
    assert [file["id"] for file in drive.state(folder)] == [made["id"]]


def test_resumable_upload_with_the_last_answer_lost(drive, impatient, folder):
    """The client sends the last chunk again, and gets the file that was made."""
    data = noise(2 * QUARTER)
    request = resumable(impatient, folder, data)
    drive.fault(path="upload_id=", method="PUT", action="lose")
    made = finish(request)
    assert drive.content(made["id"]) == data and len(drive.state(folder)) == 1


def test_session_that_is_gone(drive, client, folder):
    """404 for a session: the client gives up, nothing was made."""
    request = resumable(client, folder, noise(3 * QUARTER))
    drive.switches(session_lost=404)
    try:
        with pytest.raises(HttpError, check=lambda error: error.status_code == 404):
            request.next_chunk()
    finally:
        drive.switches(session_lost=None)
    assert drive.state(folder) == []


# -- downloads --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, QUARTER, QUARTER * 2 + 3])
def test_download(client, folder, size):
    """Whole and in ranges; the client's last range goes beyond the end, and an empty file is 416."""
    made = upload(client, folder, noise(size))
    assert download(client, made["id"], QUARTER) == noise(size)
    assert client.files().get_media(fileId=made["id"], **ALL).execute() == noise(size)


def test_range(client, folder):
    """A Range header of the user's own."""
    made = upload(client, folder, noise(1000))
    for text, part in (("bytes=10-19", slice(10, 20)), ("bytes=990-", slice(990, None)),
                       ("bytes=-7", slice(-7, None)), ("bytes=5-99999", slice(5, None))):
        request = client.files().get_media(fileId=made["id"], **ALL)
        request.headers["Range"] = text
        assert request.execute() == noise(1000)[part]
    request = client.files().get_media(fileId=made["id"], **ALL)
    request.headers["Range"] = "bytes=1000-"
    with pytest.raises(HttpError, check=lambda error: error.status_code == 416):
        request.execute()


@pytest.mark.parametrize("action", ["cut", "drop", "lose"])
def test_download_goes_on(drive, client, folder, action):
    """A connection that breaks in the middle of a range."""
    made = upload(client, folder, noise(3 * QUARTER))
    drive.fault(path="alt=media", nth=2, action=action)
    assert download(client, made["id"], QUARTER) == noise(3 * QUARTER)


def test_whole_file_instead_of_a_range(drive, client, folder):
    """200 where 206 was asked for: the client takes it."""
    made = upload(client, folder, noise(1000))
    drive.switches(range_as_200=True)
    try:
        assert download(client, made["id"]) == noise(1000)
    finally:
        drive.switches(range_as_200=None)


# -- metadata ---------------------------------------------------------------------------


def test_list_in_pages(client, folder):
    """list_next follows nextPageToken to the end."""
    names = {"file %02d" % number for number in range(25)}
    for name in sorted(names):
        client.files().create(body={"name": name, "parents": [folder]}, **ALL).execute()
    request = client.files().list(q="'%s' in parents and trashed=false" % folder, pageSize=10, orderBy="name desc",
                                  fields="nextPageToken,files(id,name)", **LISTED)
    found, pages = [], 0
    while request is not None:
        answer = request.execute()
        found += [file["name"] for file in answer["files"]]
        pages += 1
        request = client.files().list_next(request, answer)
    assert pages == 3 and found == sorted(names, reverse=True)


def test_query_too_long_for_an_address(drive, client, folder):
    """The client makes it a POST with X-HTTP-Method-Override."""
    name = "it's a \\ in the name"
    client.files().create(body={"name": name, "parents": [folder]}, **ALL).execute()
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    query = "'%s' in parents and (%s)" % (folder, " or ".join(
        ["name = 'none %d'" % number for number in range(200)] + ["name = '%s'" % quoted]))
    answer = client.files().list(q=query, fields="files(name)", **LISTED).execute()
    assert answer == {"files": [{"name": name}]}
    assert asked(drive)[-1]["bytes_in"] > 2000


def test_move_and_rename(drive, client, folder):
    """Both at once; the content stays."""
    made, there = upload(client, folder, b"abc"), drive.new_folder()
    moved = client.files().update(fileId=made["id"], body={"name": "b.bin"}, addParents=there,
                                  removeParents=folder, fields=FIELDS, **ALL).execute()
    assert moved["parents"] == [there] and moved["name"] == "b.bin"
    assert moved["headRevisionId"] == made["headRevisionId"] and int(moved["version"]) > int(made["version"])
    with refused(403, "fieldNotWritable"):
        client.files().update(fileId=made["id"], body={"parents": [folder]}, **ALL).execute()


def test_copy(drive, client, folder):
    """A copy is another file with the same bytes; a folder cannot be copied."""
    made = upload(client, folder, noise(3000))
    copied = client.files().copy(fileId=made["id"], body={"name": "copy"}, fields=FIELDS, **ALL).execute()
    assert copied["id"] != made["id"] and copied["md5Checksum"] == made["md5Checksum"]
    assert copied["name"] == "copy" and drive.content(copied["id"]) == noise(3000)
    with pytest.raises(HttpError, check=lambda error: error.status_code == 403):
        client.files().copy(fileId=folder, body={}, **ALL).execute()


def test_replace(drive, client, folder):
    """New content for the same file: a new head revision, the id stays."""
    made = upload(client, folder, b"one")
    media = MediaIoBaseUpload(io.BytesIO(b"other"), OCTETS, resumable=True)
    new = client.files().update(fileId=made["id"], media_body=media, body={"description": "d"},
                                fields=FIELDS + ",description", **ALL).execute()
    assert new["id"] == made["id"] and new["headRevisionId"] != made["headRevisionId"]
    assert new["description"] == "d" and drive.content(made["id"]) == b"other"


def test_trash_and_delete(drive, client, persons, folder):
    """Trash, back, and for good; the last takes an organizer of the shared drive."""
    made = upload(client, folder, b"abc")
    for trashed in (True, False, True):
        answer = client.files().update(fileId=made["id"], body={"trashed": trashed}, fields=FIELDS, **ALL).execute()
        assert answer["trashed"] is trashed
        listed = client.files().list(q="'%s' in parents and trashed=false" % folder, **LISTED).execute()
        assert len(listed["files"]) == (0 if trashed else 1)
    with pytest.raises(HttpError, check=lambda error: error.status_code == 403):
        client.files().delete(fileId=made["id"], **ALL).execute()
    assert persons.files().delete(fileId=made["id"], **ALL).execute() == ""
    with refused(404, "notFound"):
        client.files().get(fileId=made["id"], **ALL).execute()
    assert drive.state(folder) == []


def test_empty_trash(persons):
    """What lies in My Drive's trash goes for good."""
    made = persons.files().create(body={"name": "x"}, fields="id").execute()
    persons.files().update(fileId=made["id"], body={"trashed": True}).execute()
    assert persons.files().emptyTrash().execute() == ""
    with refused(404, "notFound"):
        persons.files().get(fileId=made["id"]).execute()


def test_reserved_id(client, folder):
    """An id from generateIds makes one file however often it is used."""
    ids = client.files().generateIds(count=2).execute()
    assert ids["kind"] == "drive#generatedIds" and ids["space"] == "drive" and len(set(ids["ids"])) == 2
    body = {"id": ids["ids"][0], "name": "n", "parents": [folder]}
    assert client.files().create(body=body, **ALL).execute()["id"] == body["id"]
    with refused(409, "fileIdInUse"):
        client.files().create(body=body, **ALL).execute()


def test_shortcut(client, folder):
    """It knows its target, and has no bytes."""
    made = upload(client, folder, b"abc")
    body = {"name": "s", "mimeType": SHORTCUT, "parents": [folder], "shortcutDetails": {"targetId": made["id"]}}
    short = client.files().create(body=body, fields="id,size,shortcutDetails", **ALL).execute()
    assert short["shortcutDetails"] == {"targetId": made["id"], "targetMimeType": OCTETS} and "size" not in short
    with refused(403, "fileNotDownloadable"):
        client.files().get_media(fileId=short["id"], **ALL).execute()


# -- history, feeds, drives -------------------------------------------------------------


def test_revisions(client, folder):
    """List, read, keep and delete."""
    made = upload(client, folder, b"one")
    client.files().update(fileId=made["id"], media_body=MediaIoBaseUpload(io.BytesIO(b"second"), OCTETS),
                          keepRevisionForever=True, **ALL).execute()
    client.files().update(fileId=made["id"], media_body=MediaIoBaseUpload(io.BytesIO(b"3"), OCTETS), **ALL).execute()
    listed = client.revisions().list(fileId=made["id"], fields="revisions(id,size,keepForever,md5Checksum)").execute()
    assert [one["size"] for one in listed["revisions"]] == ["3", "6", "1"]
    first, second, head = [one["id"] for one in listed["revisions"]]
    assert [one["keepForever"] for one in listed["revisions"]] == [False, True, False]
    assert client.revisions().get_media(fileId=made["id"], revisionId=second).execute() == b"second"
    assert client.revisions().get(fileId=made["id"], revisionId=head).execute()["kind"] == "drive#revision"
    client.revisions().delete(fileId=made["id"], revisionId=first).execute()
    with pytest.raises(HttpError, check=lambda error: error.status_code == 404):
        client.revisions().get(fileId=made["id"], revisionId=first).execute()


def test_changes(client, folder):
    """Everything since a start token: made, renamed, trashed; list_next knows the pages."""
    token = client.changes().getStartPageToken(**ALL).execute()["startPageToken"]
    made = [client.files().create(body={"name": "n%d" % number, "parents": [folder]}, **ALL).execute()["id"]
            for number in range(5)]
    client.files().update(fileId=made[0], body={"trashed": True}, **ALL).execute()
    request = client.changes().list(pageToken=token, pageSize=2, includeRemoved=True, **LISTED, fields=(
        "nextPageToken,newStartPageToken,changes(fileId,removed,file(name,trashed))"))
    last, answer = {}, None
    while request is not None:
        answer = request.execute()
        last.update({change["fileId"]: change for change in answer["changes"]})
        request = client.changes().list_next(request, answer)
    assert set(made) <= set(last) and answer["newStartPageToken"] != token
    assert last[made[0]]["file"] == {"name": "n0", "trashed": True} and last[made[1]]["removed"] is False
    with refused(400, "invalid"):
        client.changes().list(pageToken="999999999", **ALL).execute()


def test_shared_drives(drive, client, persons):
    """List, get, create, and a listing of one drive only."""
    assert client.drives().get(driveId=drive.drive_id).execute()["name"] == "Models"
    with refused(403, "userCannotCreateTeamDrives"):
        client.drives().create(requestId="r0", body={"name": "no"}).execute()
    made = persons.drives().create(requestId="r1", body={"name": "More models"}).execute()
    found = persons.drives().list(q="name contains 'More'").execute()["drives"]
    assert [one["id"] for one in found] == [made["id"]]
    file = persons.files().create(body={"name": "in it", "parents": [made["id"]]}, fields="id,driveId",
                                  **ALL).execute()
    assert file["driveId"] == made["id"]
    listed = persons.files().list(corpora="drive", driveId=made["id"], fields="files(id)", **LISTED).execute()
    assert listed["files"] == [{"id": file["id"]}]
    with refused(404, "notFound"):
        persons.files().get(fileId=file["id"]).execute()


def test_about(client, persons):
    """The fields parameter is required; numbers are strings."""
    with refused(400, "required"):
        client.about().get().execute()
    quota = persons.about().get(fields="user(emailAddress),storageQuota").execute()
    assert quota["user"]["emailAddress"] == "reader@example.com"
    assert all(isinstance(value, str) for value in quota["storageQuota"].values())


def test_permissions(client, persons):
    """A folder of My Drive shared with the service account appears there, and is writable."""
    folder = persons.files().create(body={"name": "shared", "mimeType": FOLDER}, fields="id").execute()["id"]
    me = client.about().get(fields="user").execute()["user"]["emailAddress"]
    with refused(404, "notFound"):
        client.files().get(fileId=folder).execute()
    given = persons.permissions().create(fileId=folder, fields="id", body={
        "type": "user", "role": "writer", "emailAddress": me}).execute()
    answer = client.files().get(fileId=folder, fields="capabilities(canAddChildren,canTrash)").execute()
    assert answer["capabilities"]["canAddChildren"] is True
    # What a service account would own has no room, anywhere but on a shared drive.
    with refused(403, "storageQuotaExceeded"):
        client.files().create(body={"name": "x", "parents": [folder]},
                              media_body=MediaIoBaseUpload(io.BytesIO(b"x"), OCTETS)).execute()
    roles = {one["role"] for one in persons.permissions().list(fileId=folder).execute()["permissions"]}
    assert roles == {"owner", "writer"}
    persons.permissions().delete(fileId=folder, permissionId=given["id"]).execute()
    with refused(404, "notFound"):
        client.files().get(fileId=folder).execute()


def test_batch(client, folder):
    """Several calls in one request; one that fails does not spoil the others."""
    seen = {}
    batch = client.new_batch_http_request(
        callback=lambda number, answer, error: seen.update({number: error.status_code if error else answer["name"]}))
    for name in ("a", "b"):
        batch.add(client.files().create(body={"name": name, "parents": [folder]}, **ALL))
    batch.add(client.files().get(fileId="none", **ALL))
    batch.execute()
    assert sorted(map(str, seen.values())) == ["404", "a", "b"]


# -- errors -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [
    {"status": 403, "reason": "userRateLimitExceeded"}, {"status": 403, "reason": "rateLimitExceeded"},
    {"status": 429, "reason": "rateLimitExceeded"}, {"status": 503, "reason": "backendError"}], ids=str)
def test_client_retries(drive, client, folder, monkeypatch, fault):
    """The client knows these errors as passing ones, by status and reason."""
    request = client.files().get(fileId=folder, **ALL)
    monkeypatch.setattr(request, "_sleep", lambda seconds: None)
    drive.fault(method="GET", path=folder, **fault)
    assert request.execute(num_retries=1)["id"] == folder


def test_token_that_ends(drive, client, folder):
    """401 in the middle of a session: the client fetches another token and goes on."""
    client.files().get(fileId=folder, **ALL).execute()
    drive.ask("POST", "/tokens/expire")
    assert client.files().get(fileId=folder, **ALL).execute()["id"] == folder


def test_key_that_is_refused(drive, client, key):  # pylint: disable=unused-argument
    """A key that Google does not know, in Google's words."""
    from cryptography.hazmat.primitives import serialization  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives.asymmetric import rsa  # pylint: disable=import-outside-toplevel
    with open(key, encoding="utf-8") as file:
        wrong = json.load(file)
    wrong["private_key"] = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    service = connect(drive, service_account.Credentials.from_service_account_info(wrong, scopes=SCOPES))
    with pytest.raises(RefreshError, match="invalid_grant.*Invalid JWT Signature"):
        service.about().get(fields="user").execute()


def test_scope_that_does_not_suffice(drive, client, key):  # pylint: disable=unused-argument
    """Reading is allowed, writing is not."""
    service = connect(drive, service_account.Credentials.from_service_account_file(
        key, scopes=["https://www.googleapis.com/auth/drive.readonly"]))
    assert service.files().list(**LISTED).execute()["kind"] == "drive#fileList"
    with refused(403, "insufficientPermissions"):
        service.files().create(body={"name": "x"}).execute()


def test_environment_is_clean():
    """Nothing of this module is left in the environment for the next one."""
    assert "googleapis" not in os.environ.get("HTTPS_PROXY", "")
