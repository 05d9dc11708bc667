# SPDX-License-Identifier: MIT
"""The metadata server of a virtual machine: who it is, and tokens for it. Plain HTTP only."""
import json

from .http1 import Response

BASE = "/computeMetadata/v1"
SCOPE = "https://www.googleapis.com/auth/"
# What a machine may do by default: nothing with Drive.
DEFAULT_SCOPES = SCOPE + "cloud-platform"
GOOGLE = [("Metadata-Flavor", "Google"), ("Server", "Metadata Server for VM")]
NO_FLAVOR = (b"<!DOCTYPE html><html><title>Error 403 (Forbidden)!!1</title><p>Missing required "
             b"header: Metadata-Flavor</html>\n")


def handle(oauth, request):
    """Serve a request that is for the metadata server; None when it is not."""
    if request.path == "/" and request.method == "GET" and not request.secure:
        return Response(200, b"computeMetadata/\n", "application/text", GOOGLE)
    if not request.path.startswith(BASE):
        return None
    if request.secure or request.method != "GET":
        return Response(404 if request.secure else 405, b"", "text/html", GOOGLE)
    # A request that some proxy has passed on may come from anybody.
    if request.header("metadata-flavor") != "Google" or request.header("x-forwarded-for"):
        return Response(403, NO_FLAVOR, "text/html; charset=UTF-8", GOOGLE)
    return _answer(oauth, request, request.path[len(BASE):])


def _answer(oauth, request, path):
    account = next(a for a in oauth.store.accounts.values() if a["kind"] == "sa")
    query = dict(request.query)
    asked = query.get("scopes", DEFAULT_SCOPES).replace(",", " ")
    granted = oauth.switches.metadata_scopes or asked
    place = "/instance/service-accounts/"
    for name in ("default", account["email"]):
        if path == place + name + "/token":
            token = oauth.issue(account["email"], granted, app=account["email"])
            del token["scope"]
            return _json(token)
        if path == place + name + "/email":
            return _text(account["email"])
        if path == place + name + "/scopes":
            return _text(granted.replace(" ", "\n") + "\n")
        if path == place + name + "/":
            return _json({"aliases": ["default"], "email": account["email"],
                          "scopes": granted.split()})
    if path == "/project/project-id":
        return _text("local-drive")
    if path == "/universe/universe-domain":
        return _text("googleapis.com")
    return Response(404, b"", "text/html; charset=UTF-8", GOOGLE)


def _json(value):
    return Response(200, json.dumps(value).encode(), "application/json", GOOGLE)


def _text(value):
    return Response(200, value.encode(), "application/text", GOOGLE)
