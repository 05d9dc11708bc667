# SPDX-License-Identifier: MIT
"""Builds the world behind the local Drive: users, service accounts, shared drives, sharing.

    world = World(store)
    owner = world.user("owner@example.com", limit=15 << 30)
    drive = world.shared_drive("Models", {"owner@example.com": "organizer"})
    robot = world.service_account()                  # no storage of its own
    world.member(drive, robot["email"], "fileOrganizer")
    folder = world.folder("models", parent=drive)
    world.share(folder, "guest@example.com", "reader")
"""
import json
import os

from . import certs, rights
from .store import FOLDER, Store, new_id, new_number, new_secret  # Store is named for readers of the signature

PROJECT = "local-drive"
GIGABYTE = 1 << 30


class World:
    """A small API over a store; every call is one transaction and may be repeated."""

    def __init__(self, store: Store, url=None):
        self.store, self.url = store, url

    def user(self, email, name=None, limit=15 * GIGABYTE):
        """A person with a My Drive. limit: bytes of storage, None = unlimited."""
        return self._account(email, "user", name or email.split("@")[0], limit=limit)

    def service_account(self, email=None, limit=0, delegated=False):
        """A service account with a fresh key. limit: 0 as today, 15 GB as before 2025."""
        email = email or "mount-%s@%s.iam.gserviceaccount.com" % (new_number(8), PROJECT)
        if email in self.store.accounts:
            return self.store.accounts[email]
        pem, modulus = certs.rsa_key(os.path.join(self.store.root, "keys",
                                                  "scratch-" + new_number(8)))
        return self._account(email, "sa", email.split("@")[0], limit=limit, pem=pem,
                             n="%x" % modulus, key_id=new_number(40),
                             delegated=delegated)

    def _account(self, email, kind, name, **more):
        if email in self.store.accounts:
            return self.store.accounts[email]
        root = new_id("0A", 19)
        account = {"email": email, "kind": kind, "name": name, "root": root,
                   "permissionId": new_number(20),
                   "client_id": new_number(21), **more}
        self.store.commit(self.store.put("account", email, account),
                          self.store.put("file", root, self._root(root, "My Drive", owner=email)))
        return account

    def _root(self, file_id, name, owner=None, drive_id=None):
        now = self.store.tick()
        return {"id": file_id, "name": name, "mimeType": FOLDER, "parent": None, "owner": owner,
                "driveId": drive_id, "created": now, "modified": now, "version": 1, "root": True}

    def refresh_token(self, email, client_id="local-client", client_secret="local-secret",
                      scope="https://www.googleapis.com/auth/drive"):
        """An authorized_user credential (as a dict) for a user."""
        token = "1//" + new_secret(64)
        self.store.commit(self.store.put("token", token, {
            "email": email, "scope": scope, "kind": "refresh", "client": [client_id, client_secret],
            "made": self.store.seconds()}))
        return {"type": "authorized_user", "client_id": client_id,
                "client_secret": client_secret, "refresh_token": token}

    def client(self, client_id="local-client", secret="local-secret"):
        """Register an OAuth client of an installed app; returns what its file holds."""
        self.store.commit(self.store.put("meta", "client:" + client_id, {"secret": secret}))
        return {"installed": {
            "client_id": client_id, "project_id": PROJECT, "client_secret": secret,
            "auth_uri": self.url + "/o/oauth2/v2/auth", "token_uri": self.url + "/token",
            "redirect_uris": ["http://localhost"]}}

    def shared_drive(self, name, members=None):
        """A shared drive; returns its id, which is also its root folder's."""
        for drive in self.store.drives.values():
            if drive["name"] == name:
                return drive["id"]
        drive_id = new_id("0A", 19)
        drive = {"id": drive_id, "name": name, "created": self.store.tick(),
                 "index": len(self.store.drives) + 1, "members": dict(members or {})}
        self.store.commit(self.store.put("drive", drive_id, drive),
                          self.store.put("file", drive_id,
                                         self._root(drive_id, name, drive_id=drive_id)))
        return drive_id

    def member(self, drive_id, email, role):
        """Give an account a role on a shared drive; None takes it away."""
        if role is not None and role not in rights.RANK:
            raise ValueError("no such role: %s" % role)
        with self.store.lock:
            drive = dict(self.store.drives[drive_id])
            members = {**drive["members"], email: role}
            drive["members"] = {who: what for who, what in members.items() if what}
            self.store.commit(self.store.put("drive", drive_id, drive),
                              self.store.change(None, seen_by=members, drive=drive_id))

    def share(self, file_id, email, role):
        """Share a file or folder with an account ("anyone" = everybody with the link)."""
        with self.store.lock:
            record = dict(self.store.files[file_id])
            kept = [p for p in record.get("permissions", ()) if p.get("email") != email]
            entry = {"type": "user", "email": email, "role": role}
            if email == "anyone":
                kept = [p for p in kept if p["type"] != "anyone"]
                entry = {"type": "anyone", "role": role}
            account = self.store.accounts.get(email)
            entry["id"] = account["permissionId"] if account else "anyoneWithLink"
            record["permissions"] = kept + ([entry] if role else [])
            record["sharedTime"] = self.store.tick()
            self.store.save_file(record)

    def folder(self, name, parent, owner=None):
        """A folder below another one; returns its id."""
        with self.store.lock:
            above = self.store.files[parent]
            now = self.store.tick()
            record = {"id": new_id(), "name": name, "mimeType": FOLDER, "parent": parent,
                      "driveId": above.get("driveId"), "created": now, "modified": now,
                      "owner": None if above.get("driveId") else owner or above.get("owner"),
                      "names": [[now, name]]}
            return self.store.save_file(record)["id"]

    def key_file(self, account):
        """Write a service account's key file (mode 0600) and return its path."""
        path = os.path.join(self.store.root, "keys", account["email"].split("@")[0] + ".json")
        key = {"type": "service_account", "project_id": PROJECT,
               "private_key_id": account["key_id"], "private_key": account["pem"],
               "client_email": account["email"], "client_id": account["client_id"],
               "auth_uri": self.url + "/o/oauth2/v2/auth", "token_uri": self.url + "/token",
               "universe_domain": "googleapis.com"}
        write_private(path, json.dumps(key, indent=2) + "\n")
        return path


def write_private(path, text):
    """Replace a file that only we may read."""
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def default_world(world, role="fileOrganizer"):
    """What every local Drive has: an owner, a shared drive, a service account on it."""
    owner = world.user("owner@example.com")
    world.client()
    drive = world.shared_drive("Models", {owner["email"]: "organizer"})
    email = "mount@%s.iam.gserviceaccount.com" % PROJECT
    fresh = email not in world.store.accounts
    account = world.service_account(email)
    if fresh:
        world.member(drive, email, role)
    return drive, account
