# SPDX-License-Identifier: MIT
"""The consent page, codes and refresh tokens, the metadata server, errors of the token endpoint."""
import base64
import hashlib
import http.client
import json
import urllib.parse

from .client import make_jwt
from .errors import TOKEN_ERRORS
from .testbase import Case

DRIVE = "https://www.googleapis.com/auth/drive"
BACK = "http://127.0.0.1:53682/"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLIENT = {"client_id": "local-client", "client_secret": "local-secret"}
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"


class Page(Case):
    """What an installed app goes through."""

    def ask(self, **more):
        """The consent page's answer."""
        query = {"client_id": "local-client", "redirect_uri": BACK, "response_type": "code",
                 "scope": DRIVE, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
                 "state": "s&t", "access_type": "offline", "prompt": "consent", **more}
        query = {name: value for name, value in query.items() if value is not None}
        return self.client.request("GET", "/o/oauth2/v2/auth?" + urllib.parse.urlencode(query),
                                   auth=False)

    def redirected(self, **more):
        """What the browser brings back to the app."""
        answer = self.ask(**more)
        self.assertEqual(answer.status, 302, answer.body)
        where, _, query = answer.headers["location"].partition("?")
        self.assertEqual(where, BACK)
        return dict(urllib.parse.parse_qsl(query))

    def exchange(self, code, **more):
        """The code for tokens."""
        form = {"code": code, "redirect_uri": BACK, "code_verifier": VERIFIER, **CLIENT, **more}
        return self.client.grant("authorization_code", **form)

    def refresh(self, token):
        """A new access token."""
        return self.client.grant("refresh_token", refresh_token=token, **CLIENT)

    def test_agreement(self):
        back = self.redirected()
        self.assertEqual((back["state"], back["scope"]), ("s&t", DRIVE))
        tokens = self.good(self.exchange(back["code"]))
        about = self.good(self.client_for(tokens["access_token"]).get(
            "/drive/v3/about", fields="user", supportsAllDrives=None))
        self.assertEqual(about["user"]["emailAddress"], "owner@example.com")
        self.good(self.refresh(tokens["refresh_token"]))
        self.drive.restart()
        self.client.close()
        self.good(self.refresh(tokens["refresh_token"]))

    def test_a_code_is_good_for_one_try(self):
        code = self.redirected()["code"]
        self.good(self.exchange(code))
        for used in (code, "4/0nonsense"):
            answer = self.exchange(used)
            self.assertEqual((answer.status, answer.json["error"]), (400, "invalid_grant"))

    def test_only_who_began_may_finish(self):
        for more, error in (({"code_verifier": "w" * 43}, "invalid_grant"),
                            ({"code_verifier": ""}, "invalid_grant"),
                            ({"redirect_uri": "http://127.0.0.1:1/"}, "redirect_uri_mismatch"),
                            ({"client_secret": "x"}, "invalid_client"),
                            ({"client_id": "nobody"}, "invalid_client")):
            answer = self.exchange(self.redirected()["code"], **more)
            self.assertEqual(answer.json["error"], error, more)
            self.assertIn(answer.status, (400, 401))

    def test_what_the_page_refuses(self):
        for more in ({"client_id": "nobody"}, {"redirect_uri": "http://example.com/"},
                     {"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, {"scope": "x"}, {"scope": ""},
                     {"response_type": "token"}, {"code_challenge_method": "S1"},
                     {"redirect_uri": "https://127.0.0.1/"}, {"code_challenge": None}):
            self.assertEqual(self.ask(**more).status, 400, more)

    def test_user_says_no(self):
        self.drive.switches(consent="denied")
        self.assertEqual(self.redirected(), {"error": "access_denied", "state": "s&t"})
        self.drive.switches(consent="closed")
        answer = self.ask()
        self.assertEqual((answer.status, answer.headers.get("location")), (200, None))

    def test_user_unticks_the_scope(self):
        self.drive.switches(consent="unticked")
        back = self.redirected()
        self.assertEqual(back["scope"], "openid")
        tokens = self.good(self.exchange(back["code"]))
        self.assertEqual(tokens["scope"], "openid")
        self.bad(self.client_for(tokens["access_token"]).list(), 403, "insufficientPermissions")

    def test_another_user_and_second_agreement(self):
        self.account(kind="user", email="second@example.com")
        self.drive.ask("POST", "/client", {"client_id": "other", "secret": "o"})
        self.drive.switches(consent_user="second@example.com")
        mine = {"client_id": "other"}
        first = self.good(self.exchange(self.redirected(prompt=None, **mine)["code"],
                                        client_secret="o", **mine))
        again = self.good(self.exchange(self.redirected(prompt=None, **mine)["code"],
                                        client_secret="o", **mine))
        self.assertIn("refresh_token", first)
        self.assertNotIn("refresh_token", again)

    def test_refresh_tokens_rotate_and_age(self):
        first = self.good(self.exchange(self.redirected()["code"]))["refresh_token"]
        self.drive.switches(rotate_refresh=True)
        second = self.good(self.refresh(first))["refresh_token"]
        self.assertEqual(self.refresh(first).json["error"], "invalid_grant")
        self.drive.switches(rotate_refresh=False, refresh_lifetime_s=-1)
        answer = self.refresh(second)
        self.assertEqual(answer.json["error_description"], "Token has been expired or revoked.")
        self.drive.switches(refresh_lifetime_s=604800)
        self.good(self.refresh(second))

    def test_revoked(self):
        tokens = self.good(self.exchange(self.redirected()["code"]))
        self.drive.ask("POST", "/tokens/revoke", {"email": "owner@example.com"})
        self.assertEqual(self.refresh(tokens["refresh_token"]).status, 400)
        self.bad(self.client_for(tokens["access_token"]).list(), 401, "authError")


class Errors(Case):
    """Every way in which the token endpoint says no."""

    def test_token_error(self):
        for name, row in TOKEN_ERRORS.items():
            self.drive.switches(token_error=name)
            answer = self.client.grant(assertion="x")
            self.assertEqual((answer.json["error"], answer.json["error_description"]), row[:2])
            self.assertEqual(answer.status, row[2] if len(row) > 2 else 400)
        self.drive.switches(token_error="rapt")
        self.assertEqual(self.client.grant().json["error_subtype"], "invalid_rapt")

    def test_faults_speak_oauth(self):
        self.drive.fault(path="^/token", status=503)
        answer = self.client.grant(assertion="x")
        self.assertEqual((answer.status, answer.json["error"]), (503, "internal_failure"))

    def test_token_uses(self):
        token = self.good(self.client_for(self.client.token).grant(
            assertion=self._assertion()))["access_token"]
        client = self.client_for(token)
        self.drive.switches(token_uses=2)
        self.good(client.list())
        self.good(client.list())
        self.bad(client.list(), 401, "authError")

    def _assertion(self):
        with open(self.drive.key, encoding="utf-8") as file:
            return make_jwt(json.load(file))

    def test_delegated_scopes(self):
        _, made = self.account(delegated=[DRIVE + ".readonly"])
        with open(made["key"], encoding="utf-8") as file:
            key = json.load(file)
        sub = "owner@example.com"
        self.good(self.client.grant(assertion=make_jwt(key, sub=sub, scope=DRIVE + ".readonly")))
        answer = self.client.grant(assertion=make_jwt(key, sub=sub))
        self.assertEqual((answer.status, answer.json["error"]), (401, "unauthorized_client"))


class Machine(Case):
    """The metadata server."""

    def ask(self, path, method="GET", **headers):
        """Plain HTTP, as it is there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.drive.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, path, headers={n.replace("_", "-"): v for n, v in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, answer.headers, body

    def test_headers_are_needed(self):
        for headers in ({}, {"Metadata_Flavor": "x"},
                        {"Metadata_Flavor": "Google", "X_Forwarded_For": "10.0.0.1"}):
            self.assertEqual(self.ask(TOKEN, **headers)[0], 403)
        status, headers, _ = self.ask("/")
        self.assertEqual((status, headers["Metadata-Flavor"]), (200, "Google"))
        self.assertEqual(self.ask(TOKEN, "POST", Metadata_Flavor="Google")[0], 405)
        self.assertEqual(self.client.request("GET", TOKEN, headers={
            "Metadata-Flavor": "Google"}).status, 404, "there is no metadata server over TLS")

    def test_tokens_and_scopes(self):
        status, headers, body = self.ask(TOKEN + "?scopes=" + DRIVE, Metadata_Flavor="Google")
        token = json.loads(body)
        self.assertEqual((status, headers["Metadata-Flavor"]), (200, "Google"))
        self.assertEqual(set(token), {"access_token", "expires_in", "token_type"})
        self.good(self.client_for(token["access_token"]).list())
        self.drive.switches(metadata_scopes="https://www.googleapis.com/auth/cloud-platform")
        _, _, body = self.ask(TOKEN + "?scopes=" + DRIVE, Metadata_Flavor="Google")
        error = self.bad(self.client_for(json.loads(body)["access_token"]).list(), 403,
                         "insufficientPermissions")
        self.assertEqual(error["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT")

    def test_who_it_is(self):
        base = TOKEN.rsplit("/", 1)[0]
        _, _, email = self.ask(base + "/email", Metadata_Flavor="Google")
        self.assertIn(b"@", email)
        _, _, body = self.ask("%s/%s/?recursive=true" % (base.rsplit("/", 1)[0], email.decode()),
                              Metadata_Flavor="Google")
        self.assertEqual(json.loads(body)["email"], email.decode())
        self.assertEqual(self.ask("/computeMetadata/v1/nosuch", Metadata_Flavor="Google")[0], 404)
        for path in ("/project/project-id", "/universe/universe-domain"):
            self.assertEqual(self.ask("/computeMetadata/v1" + path, Metadata_Flavor="Google")[0], 200)
