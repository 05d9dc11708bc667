# SPDX-License-Identifier: MIT
"""The control port: plain HTTP on loopback, for tests only. README.md lists what it answers."""
import json
import os
import re

from . import changes, http1, rights, server
from .http1 import Response
from .odd import Zoo
from .resource import View
from .store import FOLDER, parents_of

JSON = "application/json; charset=UTF-8"


class Refused(Exception):
    """A request to the control port that makes no sense."""


class Control:
    """Serves the control port of one local Drive."""

    def __init__(self, drive):
        self.drive = drive
        self.table = {
            ("GET", "/log"): self.get_log, ("DELETE", "/log"): self.reset_log,
            ("POST", "/log/reset"): self.reset_log, ("GET", "/state"): self.get_state,
            ("GET", "/content"): self.get_content, ("GET", "/faults"): self.get_faults,
            ("POST", "/faults"): self.add_fault, ("DELETE", "/faults"): self.clear_faults,
            ("GET", "/profile"): self.get_profile, ("POST", "/profile"): self.set_profile,
            ("GET", "/switches"): self.get_switches, ("POST", "/switches"): self.set_switches,
            ("POST", "/folder"): self.add_folder, ("POST", "/account"): self.add_account,
            ("POST", "/member"): self.set_member, ("POST", "/share"): self.share,
            ("POST", "/drive"): self.add_drive, ("POST", "/tokens/expire"): self.expire_tokens,
            ("GET", "/history"): self.get_history,
            ("GET", "/sessions"): self.get_sessions, ("POST", "/client"): self.add_client,
            ("POST", "/zoo"): self.add_zoo, ("POST", "/fill"): self.fill,
            ("POST", "/tokens/revoke"): self.revoke_tokens,
            ("POST", "/changes/forget"): self.forget_changes,
        }

    def connection(self, sock):
        """One connection to the control port."""
        reader = http1.Reader(sock)
        while True:
            request = http1.read_request(reader, sock.sendall)
            response = self.serve(request)
            request.body.drain()
            http1.send_response(sock.sendall, response, self.drive.store.seconds(),
                                not request.keep_alive)
            if not request.keep_alive:
                return

    def serve(self, request):
        """The answer to one request."""
        handler = self.table.get((request.method, request.path))
        if handler is None:
            return Response(404, b"no such thing on the control port\n", "text/plain")
        try:
            data = request.body.read()
            value = handler(dict(request.query), json.loads(data) if data.strip() else {})
        except (Refused, ValueError, KeyError, TypeError, re.error) as error:
            return Response(400, ("%s: %s\n" % (type(error).__name__, error)).encode(),
                            "text/plain")
        if isinstance(value, Response):
            return value
        return Response(200, (json.dumps(value) + "\n").encode(), JSON)

    # -- what was asked -----------------------------------------------------------------

    def get_log(self, _query, _body):
        lines = [json.dumps(entry) + "\n" for entry in self.drive.log.all()]
        return Response(200, "".join(lines).encode(), "application/x-ndjson")

    def reset_log(self, _query, _body):
        self.drive.log.reset()
        return {}

    # -- what there is ------------------------------------------------------------------

    def get_state(self, query, _body):
        store = self.drive.store
        view = View(store, self.drive.switches, rights.ADMIN)
        with store.lock:
            ids = store.subtree(query["folder"]) if "folder" in query else list(store.files)
            records = [store.files[one] for one in ids if one in store.files]
            return [view.file(record, {"*": None}) for record in records
                    if not record.get("root") and record["id"] != query.get("folder")]

    def get_history(self, _query, _body):
        """Every file with its revisions, times in ms: what came to be in which order."""
        store = self.drive.store
        with store.lock:
            return [{"id": r["id"], "name": r["name"], "parents": parents_of(r), "trashed": store.trashed(r),
                     "explicit": bool(r.get("trashed")), "trashed_ms": r.get("trashedTime"),
                     "names": r.get("names", []), "folder": r["mimeType"] == FOLDER,
                     "revisions": [{"id": one["id"], "ms": one["modified"], "md5": one["md5"],
                                    "size": one["size"], "by": one["by"]} for one in r.get("revisions") or ()]}
                    for r in store.files.values() if not r.get("root")]

    def get_content(self, query, _body):
        store = self.drive.store
        with store.lock:
            revisions = store.files[query["id"]].get("revisions") or []
            wanted = query.get("revision")
            found = [r for r in revisions if r["id"] == wanted] if wanted else revisions[-1:]
            if not found:
                raise Refused("no such content")
            file = open(store.content_path(found[0]["blob"]), "rb", buffering=0)
            return Response(200, http1.FileSlice(file, 0, found[0]["size"]),
                            "application/octet-stream")

    def get_sessions(self, _query, _body):
        """Unfinished upload sessions, without their secret names."""
        store = self.drive.store
        with store.lock:
            return [{"file": s["draft"].get("file") or s["draft"]["record"]["id"],
                     "total": s["total"], "done": bool(s.get("done")),
                     "received": 0 if s.get("done") else os.path.getsize(store.session_path(key))}
                    for key, s in store.sessions.items()]

    # -- how it behaves -----------------------------------------------------------------

    def get_faults(self, _query, _body):
        return self.drive.faults.all()

    def add_fault(self, _query, body):
        self.drive.faults.add(body)
        return {}

    def clear_faults(self, _query, _body):
        self.drive.faults.clear()
        return {}

    def get_profile(self, _query, _body):
        return self.drive.shape.profile

    def set_profile(self, _query, body):
        profile = self.drive.shape.set(body)
        self.drive.remember()
        return profile

    def get_switches(self, _query, _body):
        return self.drive.switches.all()

    def set_switches(self, _query, body):
        self.drive.switches.set(body)
        self.drive.limits.reset()
        self.drive.storm.reset()
        self.drive.remember()
        return self.drive.switches.all()

    # -- the world ----------------------------------------------------------------------

    def add_folder(self, _query, body):
        """A fresh folder; on the shared drive unless `parent` says otherwise."""
        name = body.get("name") or "folder-%d" % self.drive.store.tick()
        made = self.drive.world.folder(name, body.get("parent") or self.drive.drive_id)
        if self.drive.switches.zoo:
            Zoo(self.drive.world, made).everything()
        return {"id": made}

    def add_zoo(self, _query, body):
        """Odd things in a folder; a list of what was made."""
        return Zoo(self.drive.world, body["folder"]).everything()

    def fill(self, _query, body):
        """Many files in a folder: count, name (with %d), size."""
        return Zoo(self.drive.world, body["folder"]).fill(
            int(body["count"]), body.get("name", "file %d"), int(body.get("size", 0)))

    def add_client(self, _query, body):
        """An OAuth client of an installed app: what Google's console gives as a file."""
        return self.drive.world.client(**{name: body[name] for name in ("client_id", "secret")
                                          if name in body})

    def add_account(self, _query, body):
        """A service account with a key, or a user (kind: user) with a refresh token."""
        world, store = self.drive.world, self.drive.store
        if body.get("kind") == "user":
            account = world.user(body["email"], limit=body.get("limit", 15 << 30))
        else:
            account = world.service_account(body.get("email"), limit=body.get("limit", 0),
                                            delegated=body.get("delegated", False))
        if body.get("role"):
            world.member(body.get("drive") or self.drive.drive_id, account["email"], body["role"])
        answer = {"email": account["email"], "root": account["root"]}
        if account["kind"] == "sa":
            answer["key"] = world.key_file(account)
        else:
            answer["credential"] = world.refresh_token(account["email"])
        scope = body.get("scope", "https://www.googleapis.com/auth/drive")
        token = self.drive.oauth.issue(account["email"], scope, app=account["email"])
        return {**answer, "token": token["access_token"], "accounts": len(store.accounts)}

    def set_member(self, _query, body):
        self.drive.world.member(body.get("drive") or self.drive.drive_id, body["email"],
                                body.get("role"))
        return {}

    def share(self, _query, body):
        self.drive.world.share(body["id"], body["email"], body.get("role"))
        return {}

    def add_drive(self, _query, body):
        return {"id": self.drive.world.shared_drive(body["name"], body.get("members"))}

    def forget_changes(self, _query, _body):
        """Every token of the change feed is unknown from now on."""
        changes.forget_tokens(self.drive.store)
        return {}

    def revoke_tokens(self, _query, body):
        """Every token of an account (or of all) ends now, refresh tokens too."""
        store, email = self.drive.store, body.get("email")
        dead = [key for key, value in store.tokens.items() if email in (None, value["email"])]
        if dead:
            store.commit(*[store.drop("token", key) for key in dead])
        return {"revoked": len(dead)}

    def expire_tokens(self, _query, _body):
        """Every access token ends now."""
        store = self.drive.store
        dead = [key for key, value in store.tokens.items() if value["kind"] == "access"]
        if dead:
            store.commit(*[store.drop("token", key) for key in dead])
        return {"expired": len(dead)}


def listen(drive, port):
    """Start the control port; returns its number."""
    sockets, port = server.listen(port)
    server.serve(sockets, Control(drive).connection)
    return port
