# SPDX-License-Identifier: MIT
"""The token endpoint: what it takes, what it refuses and in which words."""
import json
import time

from .client import JWT_BEARER, make_jwt
from .testbase import Case


class Tokens(Case):
    def setUp(self):
        super().setUp()
        with open(self.drive.key, encoding="utf-8") as file:
            self.key = json.load(file)

    def refused(self, error, words, status=400, key=None, **claims):
        """An assertion with these claims must be refused in these words."""
        answer = self.client.grant(assertion=make_jwt(key or self.key, **claims))
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.json["error"], error)
        self.assertIn(words, answer.json["error_description"])

    def test_good(self):
        answer = self.client.grant(assertion=make_jwt(self.key))
        token = self.good(answer)
        self.assertEqual((token["token_type"], token["expires_in"]), ("Bearer", 3599))
        self.assertTrue(token["access_token"].startswith("ya29."))
        for audience in ("https://oauth2.googleapis.com/token",
                         "https://www.googleapis.com/oauth2/v4/token"):
            self.good(self.client.grant(assertion=make_jwt(self.key, aud=audience)))

    def test_refusals(self):
        now = int(time.time())
        self.refused("invalid_grant", "account not found", iss="nobody@example.com")
        self.refused("invalid_grant", "Failed audience check.", aud="https://example.com/token")
        self.refused("invalid_grant", "short-lived token", iat=now - 7200, exp=now - 3600)
        self.refused("invalid_grant", "short-lived token", iat=now, exp=now + 7200)
        self.refused("invalid_grant", "short-lived token", iat=now + 3600, exp=now + 7200)
        self.refused("invalid_scope", "Invalid OAuth scope", scope="")
        self.refused("invalid_scope", "Invalid OAuth scope", scope="https://example.com/drive")
        self.refused("unauthorized_client", "Client is unauthorized", 401,
                     sub="owner@example.com")

    def test_signature_is_checked(self):
        with open(self.drive.new_key(), encoding="utf-8") as file:
            other = json.load(file)
        self.refused("invalid_grant", "Invalid JWT Signature.",
                     key={**self.key, "private_key": other["private_key"]})
        good = make_jwt(self.key)
        head, claims, signature = good.split(".")
        for bad in (head + "." + claims + ".", ".".join([head, claims, signature[:-4] + "AAAA"]),
                    "x.y", ""):
            answer = self.client.grant(assertion=bad)
            self.assertEqual(answer.json["error"], "invalid_grant", bad)

    def test_other_grants(self):
        answer = self.client.grant("password")
        self.assertEqual((answer.status, answer.json["error"]), (400, "unsupported_grant_type"))

    def test_delegation(self):
        _, spec = self.account(delegated=True)
        with open(spec["key"], encoding="utf-8") as file:
            key = json.load(file)
        token = self.good(self.client.grant(assertion=make_jwt(key, sub="owner@example.com")))
        client = self.client_for(token["access_token"])
        about = client.get("/drive/v3/about", fields="user/emailAddress", supportsAllDrives=None)
        self.assertEqual(about.json, {"user": {"emailAddress": "owner@example.com"}})

    def test_refresh_and_revoke(self):
        _, spec = self.account(kind="user", email="refresh@example.com")
        form = {name: spec["credential"][name] for name in (
            "client_id", "client_secret", "refresh_token")}
        token = self.good(self.client.grant("refresh_token", **form))["access_token"]
        client = self.client_for(token)
        path = "/drive/v3/about?fields=user"
        self.assertEqual(client.request("GET", path).status, 200)
        answer = self.client.grant("refresh_token", **{**form, "client_secret": "x"})
        self.assertEqual((answer.status, answer.json["error"]), (401, "invalid_client"))
        self.assertEqual(self.client.request("POST", "/revoke?token=" + form["refresh_token"],
                                             auth=False).status, 200)
        self.assertEqual(client.request("GET", path).status, 401)
        answer = self.client.grant("refresh_token", **form)
        self.assertEqual(answer.json["error_description"], "Token has been expired or revoked.")

    def test_tokens_end(self):
        self.drive.switches(token_lifetime_s=0)
        token = self.good(self.client.grant(assertion=make_jwt(self.key)))["access_token"]
        client = self.client_for(token)
        self.bad(client.request("GET", "/drive/v3/about?fields=user"), 401, "authError")

    def test_expire_all(self):
        client, _ = self.account(role="reader")
        old, self.client.token = self.client.token, None
        self.drive.ask("POST", "/tokens/expire")
        self.bad(client.list(), 401, "authError")
        self.assertIsNotNone(old)
        self.client.token = self.client.grant(
            assertion=make_jwt(self.key)).json["access_token"]
        self.good(self.client.list())

    def test_scopes(self):
        scope = "https://www.googleapis.com/auth/"
        for name, read, write in (("drive.readonly", 200, 403), ("cloud-platform", 403, 403),
                                  ("drive.metadata.readonly", 200, 403)):
            token = self.good(self.client.grant(assertion=make_jwt(
                self.key, scope=scope + name)))["access_token"]
            client = self.client_for(token)
            self.assertEqual(client.list().status, read)
            answer = client.create()
            self.assertEqual(answer.status, write)
            error = answer.json["error"]
            self.assertEqual(error["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
            self.assertEqual(error["details"][0]["metadata"]["method"],
                             "google.apps.drive.v3.DriveFiles.Create")

    def test_clock_skew(self):
        self.drive.switches(clock_skew_s=7200)
        self.refused("invalid_grant", "short-lived token")
        answer = self.client.grant(JWT_BEARER, assertion="x")
        self.assertIn("date", answer.headers)
