# SPDX-License-Identifier: MIT
"""Who may do what: roles on shared drives, permissions on files and the folders above them."""
from . import errors
from .store import parents_of

RANK = {"reader": 1, "commenter": 2, "writer": 3, "fileOrganizer": 4, "organizer": 5, "owner": 5}
READ, WRITE, ORGANIZE, OWN = 1, 3, 4, 5


class Admin:
    """The control port's view: sees and may do everything."""
    email = "admin@local-drive.invalid"


ADMIN = {"email": Admin.email, "kind": "user", "name": "Control", "permissionId": "0", "root": None,
         "limit": None}


class Rights:
    """Rights of one account, remembered while one request is served."""

    def __init__(self, store, account, keys=None, app=None):
        self.store, self.account, self.email = store, account, account["email"]
        self.keys = keys            # ids whose resource key was shown; None: no key is needed
        self.app = app              # the token is for this app's own files only; None: for all
        self._known = {}

    def rank(self, record):
        """The account's rank on a file: 0 = cannot see it."""
        if self.app and record.get("app") != self.app and not record.get("root"):
            return 0
        return OWN if self.account is ADMIN else self._rank(record)

    def _rank(self, record):
        key = record["id"]
        if key not in self._known:
            parents = [self.store.files[one] for one in parents_of(record) if one in self.store.files]
            above = max(map(self._rank, parents)) if parents else self._drive_rank(record)
            self._known[key] = max(above, self._own_rank(record))
        return self._known[key]

    def _drive_rank(self, record):
        drive = self.store.drives.get(record.get("driveId"))
        return RANK.get(drive["members"].get(self.email), 0) if drive else 0

    def _own_rank(self, record):
        if record.get("owner") == self.email:
            return OWN
        linked = self.keys is None or record["id"] in self.keys
        return max((RANK[p["role"]] for p in record.get("permissions", ())
                    if (p["type"] == "anyone" and linked) or p.get("email") == self.email),
                   default=0)

    def role(self, record):
        """The rank's name."""
        rank = self.rank(record)
        names = [name for name, value in RANK.items() if value == rank]
        if rank == OWN:
            return "organizer" if record.get("driveId") else "owner"
        return names[0] if names else None

    def need(self, record, rank):
        """403 unless the account has at least this rank on the file."""
        if self.rank(record) < rank:
            raise errors.no_permission()

    def trash_rank(self, record):
        """What trashing takes: content managers on shared drives, the owner elsewhere."""
        return ORGANIZE if record.get("driveId") else OWN

    def listed(self, record):
        """Does a search find the file? What only has a link is not found."""
        if self.account is ADMIN or record.get("driveId"):
            return self.rank(record) >= READ
        return any(above.get("owner") == self.email or
                   any(p.get("email") == self.email for p in above.get("permissions", ()))
                   for above in self.store.ancestors(record))


def viewers(store, record):
    """The e-mails of everybody who sees a file (for entries about its removal)."""
    seen = set()
    for above in store.ancestors(record):
        seen.add(above.get("owner"))
        seen.update(p.get("email") for p in above.get("permissions", ()))
    drive = store.drives.get(record.get("driveId"))
    if drive:
        seen.update(drive["members"])
    return {email for email in seen if email}
