# SPDX-License-Identifier: MIT
"""The OAuth 2 token endpoint: JWT bearer with a real signature check, refresh tokens, revocation."""
import base64
import fnmatch
import hashlib
import json
import urllib.parse

from . import metadata
from .consent import CONSENT_PATH, Consent
from .errors import TOKEN_ERRORS, OAuthError
from .http1 import Response
from .store import new_secret

TOKEN_PATHS = ("/token", "/oauth2/v4/token", "/o/oauth2/token")
AUDIENCES = {"https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token",
             "https://accounts.google.com/o/oauth2/token"}
SCOPE = "https://www.googleapis.com/auth/"
SCOPES = {SCOPE + name for name in (
    "drive", "drive.appdata", "drive.apps.readonly", "drive.file", "drive.meet.readonly",
    "drive.metadata", "drive.metadata.readonly", "drive.photos.readonly", "drive.readonly",
    "drive.scripts", "cloud-platform", "userinfo.email", "userinfo.profile")} | {
        "openid", "email", "profile"}
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SKEW = 300
# DER prefix of a DigestInfo for SHA-256 (RFC 8017, 9.2)
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify_rs256(message, signature, modulus, exponent=65537):
    """RSASSA-PKCS1-v1_5 with SHA-256: compare the whole padded block, as one must."""
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    block = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    tail = SHA256_PREFIX + hashlib.sha256(message).digest()
    return block == b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail


class OAuth:
    """Tokens: made here, looked up by the API."""

    def __init__(self, store, switches):
        self.store, self.switches = store, switches
        self.audiences, self.scopes = set(AUDIENCES), SCOPES
        self.consent = Consent(self)
        self._uses = {}                     # access token -> requests, where they are counted

    def handle(self, request):
        """Serve a request if it is ours, else None."""
        if request.path in TOKEN_PATHS and request.method == "POST":
            return self._answer(lambda: self.token(_form(request)))
        if request.path in ("/revoke", "/o/oauth2/revoke") and request.method == "POST":
            return self._answer(lambda: self.revoke(_form(request, request.query)))
        if request.path == CONSENT_PATH and request.method == "GET":
            return self.consent.page(request)
        return metadata.handle(self, request)

    def _answer(self, call):
        try:
            status, body = 200, call()
        except OAuthError as error:
            return self.error(error)
        return self._json(status, body)

    def error(self, error):
        """An error as an answer."""
        return self._json(error.status, error.body)

    def _json(self, status, body):
        return Response(status, json.dumps(body, indent=2).encode() + b"\n",
                        "application/json; charset=utf-8",
                        [("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")])

    def token(self, form):
        """One grant: the answer's JSON, or OAuthError."""
        if self.switches.token_error:
            raise OAuthError(*TOKEN_ERRORS[self.switches.token_error])
        grant = form.get("grant_type")
        if grant == JWT_BEARER:
            return self._jwt(form.get("assertion", ""))
        if grant == "refresh_token":
            return self._refresh(form)
        if grant == "authorization_code":
            return self.consent.exchange(form)
        raise OAuthError("unsupported_grant_type", "Invalid grant_type: %s" % grant)

    def issue(self, email, scope, refresh=None, app=None):
        """A fresh access token. app: who asked for it; such a token finds what that app made."""
        token = "ya29." + new_secret(128)
        lifetime = self.switches.token_lifetime_s
        self.store.commit(self.store.put("token", token, {
            "kind": "access", "email": email, "scope": scope, "refresh": refresh, "app": app,
            "expires": self.store.seconds() + lifetime}))
        return {"access_token": token, "expires_in": int(lifetime), "scope": scope,
                "token_type": "Bearer"}

    def _jwt(self, assertion):
        header, claims, message, signature = _split(assertion)
        account = self.store.accounts.get(claims.get("iss"))
        if account is None or account["kind"] != "sa" or account.get("deleted"):
            raise OAuthError(*TOKEN_ERRORS["deleted"])
        known_key = header.get("kid") in (None, account["key_id"])
        if header.get("alg") != "RS256" or not known_key or not verify_rs256(
                message, signature, int(account["n"], 16)):
            raise OAuthError(*TOKEN_ERRORS["signature"])
        self._check_times(claims)
        if claims.get("aud") not in self.audiences:
            raise OAuthError(*TOKEN_ERRORS["audience"])
        scope = _scope(claims.get("scope", ""))
        return self.issue(self._subject(account, claims.get("sub"), scope), scope,
                          app=account["email"])

    def _check_times(self, claims):
        now, issued, expires = self.store.seconds(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued, (int, float)) or not isinstance(expires, (int, float)) or \
                expires - issued > 3600 or issued > now + SKEW or expires < now - SKEW or \
                expires < issued:
            raise OAuthError(*TOKEN_ERRORS["times"])

    def _subject(self, account, subject, scope):
        """Whom the token is for. delegated: true for every scope, or a list of scopes."""
        if not subject or subject == account["email"]:
            return account["email"]
        granted = account.get("delegated")
        if not granted or (granted is not True and not set(scope.split()) <= set(granted)):
            raise OAuthError(*TOKEN_ERRORS["delegation"])
        if subject not in self.store.accounts:
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        return subject

    def _refresh(self, form):
        token = form.get("refresh_token")
        record = self.store.tokens.get(token)
        lifetime = self.switches.refresh_lifetime_s
        if record is None or record["kind"] != "refresh" or (
                lifetime and record.get("made", 0) + lifetime < self.store.seconds()):
            raise OAuthError(*TOKEN_ERRORS["expired"])
        if form.get("client_id") != record["client"][0]:
            raise OAuthError(*TOKEN_ERRORS["client"])
        if form.get("client_secret") != record["client"][1]:
            raise OAuthError(*TOKEN_ERRORS["secret"])
        scope = form.get("scope") or record["scope"]
        self.refuse_blocked(record["client"][0], scope)
        if not set(scope.split()) <= set(record["scope"].split()):
            raise OAuthError(*TOKEN_ERRORS["scope"])
        more = {}
        if self.switches.rotate_refresh:
            token, old = self.remember(record), token
            self.store.commit(self.store.drop("token", old))
            more["refresh_token"] = token
        return {**self.issue(record["email"], scope, token, record["client"][0]), **more}

    def blocked(self, client_id, scope):
        """blocked_client: does Google keep this client from Drive's scopes?"""
        pattern = self.switches.blocked_client
        return bool(pattern) and fnmatch.fnmatchcase(client_id, pattern) and any(
            one.startswith(SCOPE + "drive") for one in scope.split())

    def refuse_blocked(self, client_id, scope):
        """403 at the token endpoint for a client that is blocked."""
        if self.blocked(client_id, scope):
            raise OAuthError(*TOKEN_ERRORS["blocked"])

    def client_secret(self, client_id):
        """An OAuth client's secret; 401 for a client that nobody has registered."""
        client = self.store.meta.get("client:%s" % client_id)
        if client is None:
            raise OAuthError(*TOKEN_ERRORS["client"])
        return client["secret"]

    def remember(self, record):
        """A fresh refresh token for what `record` grants."""
        token = "1//" + new_secret(64)
        self.store.commit(self.store.put("token", token, {
            **record, "kind": "refresh", "made": self.store.seconds()}))
        return token

    def revoke(self, form):
        """Kill a token and, for a refresh token, every access token it gave."""
        token = form.get("token", "")
        record = self.store.tokens.get(token)
        if record is None:
            raise OAuthError("invalid_token", "Token expired or revoked")
        root = record.get("refresh") or token
        dead = [key for key, value in self.store.tokens.items()
                if key in (token, root) or value.get("refresh") == root]
        self.store.commit(*[self.store.drop("token", key) for key in dead])
        return {}

    def grant_of(self, token):
        """(account, scopes, app) of a valid access token, else three times None."""
        static = self.switches.static_tokens.get(token)
        if static:
            return self.store.accounts.get(static), {SCOPE + "drive"}, None
        record = self.store.tokens.get(token)
        if record is None or record["kind"] != "access" or \
                record["expires"] <= self.store.seconds() or self._used_up(token):
            return None, None, None
        account = self.store.accounts.get(record["email"])
        if account is None or account.get("deleted"):
            return None, None, None
        return account, set(record["scope"].split()), record.get("app")

    def _used_up(self, token):
        """token_uses: refused after so many requests, as one that is revoked meanwhile."""
        if not self.switches.token_uses:
            return False
        self._uses[token] = self._uses.get(token, 0) + 1
        return self._uses[token] > self.switches.token_uses


def _form(request, query=()):
    pairs = urllib.parse.parse_qsl(request.body.read(1 << 20).decode("latin-1"))
    return {**dict(query), **dict(pairs)}


def _split(assertion):
    try:
        first, second, third = assertion.split(".")
        header, claims = json.loads(_unbase64(first)), json.loads(_unbase64(second))
        header.get, claims.get     # both must be objects
        return header, claims, ("%s.%s" % (first, second)).encode(), _unbase64(third)
    except (ValueError, AttributeError) as error:
        raise OAuthError(*TOKEN_ERRORS["bad_request"]) from error


def _scope(text):
    scopes = text.split() if isinstance(text, str) else []
    if not scopes or not set(scopes) <= SCOPES:
        raise OAuthError(*TOKEN_ERRORS["scope"])
    return " ".join(scopes)
