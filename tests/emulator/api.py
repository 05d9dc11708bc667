# SPDX-License-Identifier: MIT
"""One request from token to answer: faults, credentials, parameters, limits, method, errors."""
import json
import re
import urllib.parse

from . import errors, fields, limits, schema
from .http1 import BadRequest, Gone, Response
from .oauth import SCOPE
from .resource import View, resource_key

JSON = "application/json; charset=UTF-8"
READ_SCOPES = {SCOPE + name for name in ("drive", "drive.readonly", "drive.file",
                                         "drive.metadata", "drive.metadata.readonly")}
MEDIA_SCOPES = {SCOPE + name for name in ("drive", "drive.readonly", "drive.file")}
ONLY_OWN = SCOPE + "drive.file"          # shows what the same app has made, and nothing else
ALL_FILES = READ_SCOPES - {ONLY_OWN}
WRITE_SCOPES = {SCOPE + name for name in ("drive", "drive.file")}
GLOBAL = set(schema.GLOBAL)
BAD_UTF8 = {"byte": b"\xff", "overlong": b"\xc0\xaf", "surrogate": b"\\ud800"}
PARAMETERS = {method: dict((word.split("=") + [None])[:2] for word in text.split())
              for method, text in schema.PARAMETERS.items()}


class Route:
    """An API method: how it is reached, what it costs, what serves it."""

    def __init__(self, name, http, path, handler, units, kind, write=False):
        self.name, self.http, self.handler, self.units = name, http, handler, units
        self.path = re.compile(path + r"\Z")
        self.kind, self.write = kind, write
        group, method = name.split(".")
        self.full_name = "google.apps.drive.v3.Drive%s.%s" % (
            group[0].upper() + group[1:], method[0].upper() + method[1:])


class Call:
    """A method call: who asks, with which parameters, and how the answer must look."""

    def __init__(self, drive, request, route, args):
        self.drive, self.request, self.route = drive, request, route
        self.store, self.switches = drive.store, drive.switches
        self.args = [urllib.parse.unquote(arg) for arg in args]
        self.account, self.app, self.params, self.view = None, None, {}, None

    def authenticate(self):
        """Find the account; 401 and 403 as Drive words them."""
        header = self.request.header("authorization", "")
        query = dict(self.request.query)
        token = header[7:].strip() if header.lower().startswith("bearer ") else \
            query.get("access_token") or query.get("oauth_token")
        if not token:
            raise errors.login_required(self.route.full_name)
        self.account, scopes, app = self.drive.oauth.grant_of(token)
        if self.account is None:
            raise errors.unauthorized()
        self.app = app
        self._project()
        wanted = WRITE_SCOPES if self.route.write else \
            MEDIA_SCOPES if query.get("alt") == "media" else READ_SCOPES
        if not scopes & wanted:
            raise errors.insufficient_scope(self.route.full_name)
        self.view = View(self.store, self.switches, self.account, self.keys(),
                         app if ONLY_OWN in scopes and not scopes & ALL_FILES else None)

    def _project(self):
        """user_project: the project to bill, which a user's request must or must not name."""
        named, wanted = self.request.header("x-goog-user-project"), self.switches.user_project
        if wanted == "denied" and named:
            raise errors.user_project_denied(named)
        if wanted == "needed" and not named and self.account["kind"] == "user":
            raise errors.user_project_needed()

    def keys(self):
        """Ids whose resource key the request shows; None where nobody asks for keys."""
        if not self.switches.resource_keys:
            return None
        pairs = [pair.strip().partition("/") for pair in
                 self.request.header("x-goog-drive-resource-keys", "").split(",")]
        return {file_id for file_id, _, key in pairs if key == resource_key(file_id)}

    def read_parameters(self):
        """Check and convert the query; 400 for what the method does not know."""
        known = PARAMETERS[self.route.name]
        for name, value in self.request.query:
            if name in known:
                self.params[name] = _convert(name, value, known[name])
            elif name in GLOBAL:
                self.params[name] = value
            else:
                raise errors.unknown_parameter(name)
        if self.params.get("alt", "json") not in ("json", "media"):
            raise errors.invalid("alt")
        required = schema.REQUIRED.get(self.route.name)
        if required and not self.params.get(required):
            raise errors.required(required)
        answer = schema.ANSWERS.get(self.route.name)
        if answer and self.params.get("alt") != "media":
            self.tree(answer)                # a wrong mask is refused before anything is done

    def get(self, name, default=None):
        """A parameter's value."""
        return self.params.get(name, default)

    def origin(self, host=None):
        """Scheme and host as the client wrote them; or another host's, with our port."""
        known = self.request.header("host", "localhost")
        if host:
            known = "%s:%d" % ("[%s]" % host if ":" in host else host, self.drive.port)
        return "%s://%s" % ("https" if self.request.secure else "http", known)

    def page_size(self, default, most):
        """pageSize within its limits."""
        size = self.get("pageSize", default)
        if size < 1:
            raise errors.invalid("pageSize", "Invalid value '%d'. Values must be within the range: "
                                             "[1, %d]" % (size, most), "invalidParameter")
        return min(size, most, self.switches.page_size_max or most)

    def tree(self, kind, default=None):
        """The fields mask as a tree; `default` when none was sent."""
        mask = self.get("fields")
        return fields.parse(mask, kind) if mask else default

    def json(self, data=None):
        """The request body as an object."""
        data = self.request.body.read() if data is None else data
        if not data.strip():
            return {}
        try:
            value = json.loads(data)
        except ValueError as error:
            raise errors.bad_request("Parse Error", "parseError") from error
        if not isinstance(value, dict):
            raise errors.bad_request("Parse Error", "parseError")
        return value

    def ok(self, value, status=200):
        """A JSON answer, printed as asked."""
        pretty = self.get("prettyPrint", "true") != "false"
        text = json.dumps(value, indent=2 if pretty else None, ensure_ascii=False,
                          separators=None if pretty else (",", ":"))
        headers = [("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate"),
                   ("Pragma", "no-cache"), ("Vary", "Origin"), ("Vary", "X-Origin")]
        if self.switches.etag_header:
            headers.append(("ETag", '"%x"' % (hash(text) & 0xffffffff)))
        data = (text + "\n").encode()
        if self.switches.bad_utf8:
            data = data.replace("\ufffd".encode(), BAD_UTF8[self.switches.bad_utf8])
        return Response(status, data, JSON, headers)

    def file(self, file_id):
        """A file the account may see; 404 otherwise. `root` is its My Drive."""
        if file_id == "root":
            file_id = self.account["root"]
        record = self.store.files.get(file_id)
        if record is None or not self.view.rights.rank(record):
            raise errors.not_found(file_id)
        if record.get("driveId") and not self.all_drives:
            raise errors.not_found(file_id)
        return record

    @property
    def all_drives(self):
        """Does the caller know about shared drives? For bytes nobody asks: rclone never says so."""
        if self.get("alt") == "media" and not self.switches.media_needs_all_drives:
            return True
        return self.get("supportsAllDrives") or self.get("supportsTeamDrives") or False

    def file_answer(self, record):
        """A File, with the default members or those asked for."""
        return self.ok(self.view.file(record, self.tree("File")))


def _convert(name, value, kind):
    if kind == "int":
        try:
            return int(value)
        except ValueError as error:
            raise errors.invalid(name, "Invalid value '%s'. Expected type: int." % value,
                                 "invalidParameter") from error
    if kind == "bool":
        if value.lower() not in ("true", "false"):
            raise errors.invalid(name, "Invalid value '%s'. Expected type: bool." % value,
                                 "invalidParameter")
        return value.lower() == "true"
    return value


class Api:
    """Finds the method of a request and carries it out."""

    def __init__(self, drive, routes):
        self.drive, self.routes = drive, routes

    def find(self, request):
        """(route, path arguments), or (None, [])."""
        method = "GET" if request.method == "HEAD" else request.method
        for route in self.routes:
            if route.http == method:
                match = route.path.match(request.raw_path)
                if match:
                    return route, list(match.groups())
        return None, []

    def name(self, request):
        """The method's name, for what counts requests by method; None for what is none."""
        route, _ = self.find(request)
        if route is None:
            return None
        return route.name + (".chunk" if "upload_id=" in request.raw_query else "")

    def kind(self, route, request):
        """The kind of request, for its latency."""
        if route is None:
            return "other"
        if route.kind == "get" and dict(request.query).get("alt") == "media":
            return "range" if request.header("range") else "media"
        if route.kind == "upload" and "upload_id=" in request.raw_query:
            return "chunk"
        if route.kind == "upload" and "uploadType=resumable" in request.raw_query:
            return "write"
        return route.kind

    def units(self, route, request):
        """Quota units a request costs."""
        if route is None or "upload_id=" in request.raw_query:
            return 0
        media = route.kind == "get" and dict(request.query).get("alt") == "media"
        return 200 if media else route.units

    def serve(self, request, route, args):
        """The answer of the method; errors become answers here."""
        try:
            if route is None:
                raise errors.PlainError(404, "Not Found")
            return self._call(request, route, args)
        except (errors.DriveError, errors.PlainError) as error:
            return self.error(error)
        except (Gone, BadRequest):
            raise
        except Exception as error:          # a bug of ours must not look like a lost connection
            self.drive.report(error)
            return self.error(errors.DriveError(500, "internalError", "Internal Error"))

    def _call(self, request, route, args):
        call = Call(self.drive, request, route, args)
        if "upload_id=" in request.raw_query and route.kind == "upload":
            return self.drive.uploads.resume(call)
        call.authenticate()
        call.read_parameters()
        self.drive.limits.spend(call.account, route, self.units(route, request))
        return route.handler(call)

    def error(self, error):
        """An error as an answer."""
        if isinstance(error, errors.PlainError):
            return Response(error.status, error.text.encode(), "text/html; charset=UTF-8")
        switches = self.drive.switches
        error = errors.worded(error, switches.rate_limit_words)
        headers = error.headers
        headers = headers + limits.retry_after(switches, error, self.drive.store.seconds())
        if switches.non_json_errors:
            text = "<!DOCTYPE html><html><title>Error %d</title><p>%s</html>\n" % (
                error.status, error.top or error.message)
            return Response(error.status, text.encode(), "text/html; charset=UTF-8", headers)
        return Response(error.status, error.body(), JSON, headers)


def override(request):
    """POST with X-HTTP-Method-Override: GET: clients do that when the URL is too long."""
    wanted = request.header("x-http-method-override", "").upper()
    if request.method == "POST" and wanted == "GET":
        request.method = "GET"
        form = request.body.read(1 << 20).decode("latin-1")
        request.query += urllib.parse.parse_qsl(form, keep_blank_values=True)
        request.raw_query += ("&" if request.raw_query else "") + form
