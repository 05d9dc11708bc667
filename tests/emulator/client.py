# SPDX-License-Identifier: MIT
"""A small Drive client for tests: sees every status and header, hides nothing, retries nothing.

    client = Client(drive)                   # a launch.LocalDrive; logs in with its key
    answer = client.get("/drive/v3/files/" + file_id, fields="*")
    answer.status, answer.headers, answer.json, answer.body
"""
import base64
import http.client
import json
import os
import ssl
import subprocess
import tempfile
import time
import urllib.parse

SCOPE = "https://www.googleapis.com/auth/drive"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FOLDER = "application/vnd.google-apps.folder"


class Answer:
    """Status, headers (lower-case names) and body of an answer."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def reason(self):
        """The first reason of an error body."""
        return self.json["error"]["errors"][0]["reason"]


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_jwt(key, **claims):
    """A signed assertion for a service account's key (a dict); claims override the usual ones."""
    now = int(time.time())
    full = {"iss": key["client_email"], "scope": SCOPE, "aud": key["token_uri"], "iat": now,
            "exp": now + 3600, **claims}
    header = {"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]}
    message = ".".join(_base64(json.dumps(part).encode()) for part in (header, full))
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        os.chmod(file.name, 0o600)
        file.write(key["private_key"])
        file.flush()
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", file.name], check=True,
                                input=message.encode(), stdout=subprocess.PIPE)
    return message + "." + _base64(signed.stdout)


class Client:
    """One keep-alive connection to a local Drive."""

    def __init__(self, drive, key=None, token=None, host="localhost", timeout=30):
        self.drive, self.host, self.timeout, self.token = drive, host, timeout, token
        self.context = ssl.create_default_context(cafile=drive.ca)
        self.connection = None
        if token is None:
            with open(key or drive.key, encoding="utf-8") as file:
                self.key = json.load(file)
            self.token = self.grant(assertion=make_jwt(self.key)).json["access_token"]

    def grant(self, grant_type=JWT_BEARER, **form):
        """Ask the token endpoint."""
        body = urllib.parse.urlencode({"grant_type": grant_type, **form})
        return self.request("POST", "/token", body, {
            "Content-Type": "application/x-www-form-urlencoded"}, auth=False)

    def open(self):
        """A new connection."""
        self.close()
        self.connection = http.client.HTTPSConnection(
            self.host, self.drive.port, timeout=self.timeout, context=self.context)
        return self.connection

    def close(self):
        """Close the connection."""
        if self.connection:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None, auth=True, chunked=False):
        """One request, one answer. A broken connection raises, and is forgotten."""
        headers = dict(headers or {})
        if auth and self.token:
            headers.setdefault("Authorization", "Bearer " + self.token)
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = b""
        connection = self.connection or self.open()
        try:
            connection.request(method, path, body, headers, encode_chunked=chunked)
            answer = Answer(connection.getresponse())
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def call(self, method, path, body=None, headers=None, **params):
        """A Drive method on all drives; body: an object (JSON), bytes, or None."""
        params = {"supportsAllDrives": "true", **params}
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json; charset=UTF-8")
        query = urllib.parse.urlencode({k: v for k, v in params.items() if v is not None})
        return self.request(method, path + ("?" + query if query else ""), body, headers)

    def get(self, path, headers=None, **params):
        """GET."""
        return self.call("GET", path, None, headers, **params)

    def list(self, q=None, **params):
        """files.list on all drives."""
        return self.get("/drive/v3/files", includeItemsFromAllDrives="true", q=q, **params)

    def create(self, name="file", parent=None, fields="*", **meta):
        """files.create without content."""
        meta = {"name": name, "parents": [parent or self.drive.folder], **meta}
        return self.call("POST", "/drive/v3/files", meta, fields=fields)

    def upload(self, content, name="file", parent=None, fields="*", file_id=None, **meta):
        """files.create, or files.update of file_id, with content (multipart)."""
        if file_id is None:
            meta = {"name": name, "parents": [parent or self.drive.folder], **meta}
        body = (b'--B\r\nContent-Type: application/json\r\n\r\n' + json.dumps(meta).encode() +
                b'\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\n' + content +
                b'\r\n--B--\r\n')
        path = "/upload/drive/v3/files" + ("/" + file_id if file_id else "")
        return self.call("PATCH" if file_id else "POST", path, body,
                         {"Content-Type": "multipart/related; boundary=B"},
                         uploadType="multipart", fields=fields)

    def begin(self, total=None, file_id=None, headers=None, fields="*", params=None, **meta):
        """Start a resumable session; returns the answer (Location in its headers)."""
        headers = dict(headers or {})
        if total is not None:
            headers["X-Upload-Content-Length"] = str(total)
        if file_id is None:
            meta = {"name": "file", "parents": [self.drive.folder], **meta}
        path = "/upload/drive/v3/files" + ("/" + file_id if file_id else "")
        return self.call("PATCH" if file_id else "POST", path, meta, headers,
                         uploadType="resumable", fields=fields, **(params or {}))

    def put(self, location, data=b"", content_range=None, method="PUT", **headers):
        """A request to a session's address."""
        parts = urllib.parse.urlsplit(location)
        if content_range:
            headers["Content-Range"] = content_range
        return self.request(method, parts.path + "?" + parts.query, data, headers)

    def media(self, file_id, first=None, last=None, **params):
        """Download, or a range of it."""
        headers = {}
        if first is not None:
            headers["Range"] = "bytes=%s-%s" % (first, "" if last is None else last)
        return self.get("/drive/v3/files/" + file_id, headers, alt="media", **params)
