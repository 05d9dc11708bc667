# SPDX-License-Identifier: MIT
"""The consent page of an installed app: a user who agrees at once, and the code for tokens.

GET /o/oauth2/v2/auth redirects to the app's loopback address with a code (or an error), which
/token exchanges once, within ten minutes, for who can show the verifier of its PKCE challenge.
"""
import base64
import hashlib
import html
import ipaddress
import re
import urllib.parse

from .errors import TOKEN_ERRORS, OAuthError
from .http1 import Response
from .store import new_secret

CONSENT_PATH = "/o/oauth2/v2/auth"
CODE_LIFETIME = 600
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


class Refusal(Exception):
    """The page shows an error and does not redirect: (name, text)."""


def _page(status, title, text):
    body = "<!DOCTYPE html><html><title>%s</title><p>%s</html>\n" % (
        html.escape(title), html.escape(text))
    return Response(status, body.encode(), "text/html; charset=UTF-8")


def _loopback(address):
    """Desktop apps may be called back on loopback only, on any port and path."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "http" or not parts.hostname or parts.fragment:
        return False
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


class Consent:
    """The page, and the grant that follows from it."""

    def __init__(self, oauth):
        self.oauth, self.store, self.switches = oauth, oauth.store, oauth.switches

    def page(self, request):
        """GET: what the browser gets."""
        query = dict(request.query)
        try:
            self._check(query)
        except Refusal as refusal:
            return _page(400, "Error 400: " + refusal.args[0], refusal.args[1])
        if self.oauth.blocked(query["client_id"], query["scope"]):
            return _page(403, "Access blocked: Authorization Error", (
                "This app is blocked. This app tried to access sensitive info in your Google "
                "Account. To keep your account safe, Google blocked this access."))
        consent = self.switches.consent
        if consent == "closed":
            return _page(200, "Sign in", "The user has closed this page.")
        answer = {"state": query["state"]} if "state" in query else {}
        if consent == "denied":
            answer["error"] = "access_denied"
        else:
            scope = "openid" if consent == "unticked" else " ".join(query["scope"].split())
            answer.update(code=self._code(query, scope), scope=scope)
        mark = "&" if "?" in query["redirect_uri"] else "?"
        where = query["redirect_uri"] + mark + urllib.parse.urlencode(answer)
        return Response(302, b"", "text/html; charset=UTF-8", [("Location", where)])

    def _check(self, query):
        client = self.store.meta.get("client:" + query.get("client_id", ""))
        if client is None:
            raise Refusal("invalid_client", "The OAuth client was not found.")
        if not _loopback(query.get("redirect_uri", "")):
            raise Refusal("redirect_uri_mismatch", (
                "The redirect URI in the request does not match the ones authorized for the OAuth "
                "client."))
        if query.get("response_type") != "code":
            raise Refusal("unsupported_response_type", "Invalid response_type.")
        scopes = set(query.get("scope", "").split())
        if not scopes or not scopes <= self.oauth.scopes:
            raise Refusal("invalid_scope", "Some requested scopes were invalid.")
        if query.get("code_challenge_method", "plain") not in ("plain", "S256"):
            raise Refusal("invalid_request", "Invalid code challenge method.")
        if "code_challenge_method" in query and not query.get("code_challenge"):
            raise Refusal("invalid_request", "The code challenge is missing.")

    def _code(self, query, scope):
        code = "4/0" + new_secret(70)
        email = self.switches.consent_user
        first = not any(t["kind"] == "refresh" and t["email"] == email and
                        t["client"][0] == query["client_id"] for t in self.store.tokens.values())
        # Without prompt=consent, only the first agreement gives a refresh token.
        lasting = query.get("access_type") == "offline" and (
            first or "consent" in query.get("prompt", "").split())
        self.store.commit(self.store.put("token", code, {
            "kind": "code", "email": email, "scope": scope, "lasting": lasting,
            "client_id": query["client_id"], "redirect_uri": query["redirect_uri"],
            "challenge": query.get("code_challenge"), "made": self.store.seconds(),
            "method": query.get("code_challenge_method", "plain")}))
        return code

    def exchange(self, form):
        """POST /token with grant_type=authorization_code."""
        code = form.get("code", "")
        record = self.store.tokens.get(code)
        if record is None or record["kind"] != "code":
            raise OAuthError("invalid_grant", "Malformed auth code.")
        self.store.commit(self.store.drop("token", code))        # good for one try
        secret = self.oauth.client_secret(form.get("client_id"))
        if form.get("client_secret") != secret:
            raise OAuthError(*TOKEN_ERRORS["secret"])
        if form["client_id"] != record["client_id"] or \
                record["made"] + CODE_LIFETIME < self.store.seconds():
            raise OAuthError(*TOKEN_ERRORS["bad_request"])
        if form.get("redirect_uri") != record["redirect_uri"]:
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        self._verify(record, form.get("code_verifier"))
        return self._grant(record, secret)

    def _verify(self, record, verifier):
        """RFC 7636: only who began may finish."""
        if not record["challenge"]:
            return
        if not verifier:
            raise OAuthError("invalid_grant", "Missing code verifier.")
        shown = verifier
        if record["method"] == "S256":
            digest = hashlib.sha256(verifier.encode()).digest()
            shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not VERIFIER.match(verifier) or shown != record["challenge"]:
            raise OAuthError("invalid_grant", "Invalid code verifier.")

    def _grant(self, record, secret):
        refresh = None
        if record["lasting"]:
            refresh = self.oauth.remember({"email": record["email"], "scope": record["scope"],
                                           "client": [record["client_id"], secret]})
        answer = self.oauth.issue(record["email"], record["scope"], refresh, record["client_id"])
        return {**answer, "refresh_token": refresh} if refresh else answer
