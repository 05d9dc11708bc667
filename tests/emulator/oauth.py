# SPDX-License-Identifier: MIT
"""The OAuth 2 token endpoint: JWT bearer with a real signature check, refresh tokens, revocation."""
import base64
import hashlib
import json
import secrets
import urllib.parse

from .errors import OAuthError
from .http1 import Response

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
LIFETIME_TEXT = ("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                 "timeframe. Check your iat and exp values in the JWT claim.")
METADATA_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"
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
        self.audiences = set(AUDIENCES)

    def handle(self, request):
        """Serve a request if it is ours, else None."""
        if request.path in TOKEN_PATHS and request.method == "POST":
            return self._answer(lambda: self.token(_form(request)))
        if request.path in ("/revoke", "/o/oauth2/revoke") and request.method == "POST":
            return self._answer(lambda: self.revoke(_form(request, request.query)))
        if request.path == METADATA_TOKEN and request.method == "GET":
            return self._metadata(request)
        return None

    def _answer(self, call):
        try:
            status, body = 200, call()
        except OAuthError as error:
            status, body = error.status, error.body
        return Response(status, json.dumps(body, indent=2).encode() + b"\n",
                        "application/json; charset=utf-8",
                        [("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")])

    def token(self, form):
        """One grant: the answer's JSON, or OAuthError."""
        grant = form.get("grant_type")
        if grant == JWT_BEARER:
            return self._jwt(form.get("assertion", ""))
        if grant == "refresh_token":
            return self._refresh(form)
        raise OAuthError("unsupported_grant_type", "Invalid grant_type: %s" % grant)

    def issue(self, email, scope, refresh=None):
        """A fresh access token."""
        token = "ya29." + secrets.token_urlsafe(96)
        lifetime = self.switches.token_lifetime_s
        self.store.commit(self.store.put("token", token, {
            "kind": "access", "email": email, "scope": scope, "refresh": refresh,
            "expires": self.store.seconds() + lifetime}))
        return {"access_token": token, "expires_in": int(lifetime), "scope": scope,
                "token_type": "Bearer"}

    def _jwt(self, assertion):
        header, claims, message, signature = _split(assertion)
        account = self.store.accounts.get(claims.get("iss"))
        if account is None or account["kind"] != "sa" or account.get("deleted"):
            raise OAuthError("invalid_grant", "Invalid grant: account not found")
        known_key = header.get("kid") in (None, account["key_id"])
        if header.get("alg") != "RS256" or not known_key or not verify_rs256(
                message, signature, int(account["n"], 16)):
            raise OAuthError("invalid_grant", "Invalid JWT Signature.")
        self._check_times(claims)
        if claims.get("aud") not in self.audiences:
            raise OAuthError("invalid_grant", "Invalid JWT: Failed audience check.")
        scope = _scope(claims.get("scope", ""))
        return self.issue(self._subject(account, claims.get("sub")), scope)

    def _check_times(self, claims):
        now, issued, expires = self.store.seconds(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued, (int, float)) or not isinstance(expires, (int, float)) or \
                expires - issued > 3600 or issued > now + SKEW or expires < now - SKEW or \
                expires < issued:
            raise OAuthError("invalid_grant", LIFETIME_TEXT)

    def _subject(self, account, subject):
        if not subject or subject == account["email"]:
            return account["email"]
        if not account.get("delegated"):
            raise OAuthError("unauthorized_client", (
                "Client is unauthorized to retrieve access tokens using this method, or client "
                "not authorized for any of the scopes requested."), 401)
        if subject not in self.store.accounts:
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        return subject

    def _refresh(self, form):
        record = self.store.tokens.get(form.get("refresh_token"))
        if record is None or record["kind"] != "refresh":
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        if form.get("client_id") != record["client"][0]:
            raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
        if form.get("client_secret") != record["client"][1]:
            raise OAuthError("invalid_client", "Unauthorized", 401)
        return self.issue(record["email"], form.get("scope") or record["scope"],
                          form["refresh_token"])

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

    def _metadata(self, request):
        if request.header("metadata-flavor") != "Google":
            return Response(403, b"Missing Metadata-Flavor:Google header.", "text/html")
        account = next((a for a in self.store.accounts.values() if a["kind"] == "sa"), None)
        asked = dict(request.query).get("scopes", SCOPE + "cloud-platform")
        body = self.issue(account["email"], asked.replace(",", " "))
        return Response(200, json.dumps(body).encode(), "application/json",
                        [("Metadata-Flavor", "Google")])

    def account_of(self, token):
        """(account, scopes) of a valid access token, else (None, None)."""
        static = self.switches.static_tokens.get(token)
        if static:
            return self.store.accounts.get(static), {SCOPE + "drive"}
        record = self.store.tokens.get(token)
        if record is None or record["kind"] != "access" or \
                record["expires"] <= self.store.seconds():
            return None, None
        account = self.store.accounts.get(record["email"])
        if account is None or account.get("deleted"):
            return None, None
        return account, set(record["scope"].split())


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
        raise OAuthError("invalid_grant", "Bad Request") from error


def _scope(text):
    scopes = text.split() if isinstance(text, str) else []
    if not scopes or not set(scopes) <= SCOPES:
        raise OAuthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return " ".join(scopes)
