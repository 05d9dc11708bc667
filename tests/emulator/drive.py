# SPDX-License-Identifier: MIT
"""The whole local Drive: its parts put together over one state folder."""
import re
import sys
import traceback
import zlib

from . import certs, server, store
from .api import Api
from .faults import Faults
from .http1 import FileSlice
from .limits import Limits
from .listing import Pages
from .oauth import OAuth
from .routes import all_routes
from .shape import Shape
from .storm import Storm
from .store import Store
from .switches import Switches
from .upload import Uploads
from .world import World, default_world

GZIP_MOST = 16 << 20      # a compressed answer is made in memory
_SECRET = re.compile(r"((?:^|[&?])(?:upload_id|access_token|oauth_token|token|key|assertion)=)[^&]*")


def redact(query):
    """A query without what would let its reader in."""
    return _SECRET.sub(r"\1REDACTED", query)


class LocalDriveServer:
    """Everything requests need, by name."""

    def __init__(self, state, seed=None):
        self.switches, self.shape, self.faults = Switches(), Shape(), Faults()
        self.log = server.Log(redact)
        self.store = Store(state, self.switches)
        self._sow(seed)
        self.oauth = OAuth(self.store, self.switches)
        self.uploads = Uploads(self.store, self.switches)
        self.pages, self.limits = Pages(), Limits(self.switches, self.store)
        self.storm = Storm(self.switches)
        self.api = Api(self, all_routes())
        self.ca, certificate, key = certs.ensure(state + "/tls")
        self.tls = certs.server_context(certificate, key)
        self.url = self.world = self.drive_id = self.key = None
        self.port = 0

    def _sow(self, seed):
        """All ids and secrets follow from a seed, and differ from those before a restart."""
        if seed is not None:
            self.store.commit(self.store.put("meta", "seed", {"seed": seed, "starts": 0}))
        known = self.store.meta.get("seed")
        if known:
            known = {**known, "starts": known["starts"] + 1}
            self.store.commit(self.store.put("meta", "seed", known))
            store.seed("%(seed)s %(starts)d" % known)

    def remember(self):
        """Let switches and profile outlive kill -9, as the state does."""
        self.store.commit(self.store.put("meta", "behaviour", {
            "switches": self.switches.all(), "profile": self.shape.profile}))

    def recall(self, profile=None, switches=()):
        """Behave as before the restart; with a profile's name or switches: afresh, as they say."""
        known = self.store.meta.get("behaviour")
        if profile is None and known and not switches:
            self.switches.set(known["switches"])
            self.shape.profile = known["profile"]
            return
        self.shape.set({"name": profile or "none"})
        for one in switches:
            self.switches.set(one)
        self.remember()

    def listen(self, port, role):
        """Take the port, build the default world, start to serve."""
        sockets, self.port = server.listen(port)
        self.url = "https://localhost:%d" % self.port
        for host in ("localhost", "127.0.0.1", "[::1]"):
            for scheme in ("http", "https"):
                self.oauth.audiences.add("%s://%s:%d/token" % (scheme, host, self.port))
        self.world = World(self.store, self.url)
        self.drive_id, account = default_world(self.world, role)
        for known in self.store.accounts.values():
            if known["kind"] == "sa":
                self.world.key_file(known)      # the address of the token endpoint may be new
        self.key = self.world.key_file(account)
        server.serve(sockets, lambda sock: server.Connection(self, sock).run())

    def compress(self, request, response):
        """gzip for JSON, when asked for in both headers, as Drive wants it."""
        if "gzip" not in request.header("accept-encoding", ""):
            return
        bytes_of_file = isinstance(response.body, FileSlice)
        if bytes_of_file and self.switches.gzip_media and len(response.body) <= GZIP_MOST:
            response.body = response.body.read()
        elif bytes_of_file or "json" not in dict(response.headers).get("Content-Type", "") or (
                "gzip" not in request.header("user-agent", "") and not self.switches.gzip_always):
            return
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        response.body = packer.compress(response.body) + packer.flush()
        response.headers.append(("Content-Encoding", "gzip"))

    def report(self, error):
        """A bug of ours: into the error file, where a test's log shows it."""
        traceback.print_exception(error, file=sys.stderr)
        sys.stderr.flush()
