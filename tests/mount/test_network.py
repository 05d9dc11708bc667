# SPDX-License-Identifier: MIT
"""Corporate networks: proxies, certificates, IPv6, and answers that would lead a token elsewhere."""
import json
import os
import re
import socket
import ssl
import subprocess
import threading

import pytest

from harness import front
from harness.background import Background
from harness.mount import daemon_env
from harness.paths import binary
from harness.surprise import calm, errno_of  # noqa: F401  # pylint: disable=unused-import

MOUNTS = 0
OPTIONS = "poll=1,deadline=4,upload_deadline=5,wait_scale=10"
NO_PROXY = {"HTTPS_PROXY": "", "https_proxy": "", "HTTP_PROXY": "", "http_proxy": "", "ALL_PROXY": "", "all_proxy": "",
            "NO_PROXY": "", "no_proxy": "", "NO_GCE_CHECK": "true"}


class Place:
    """A mountpoint, and the command line for it."""

    def __init__(self, rig, tmp_path):
        self.rig, self.drive, self.base, self.point = rig, rig.drive, tmp_path, tmp_path / "point"
        self.point.mkdir()
        self.log = tmp_path / "log"

    def user(self):
        """A login without a token_uri: its tokens come from api_root."""
        made = json.loads(self.drive.ask("POST", "/account", {"kind": "user", "email": "owner@example.com", "role": "organizer"}))
        path = self.base / "user.json"
        path.write_text(json.dumps(made["credential"]))
        path.chmod(0o600)
        return path

    def google_key(self):
        """A service account's key as Google writes it."""
        with open(self.drive.new_key(), encoding="utf-8") as file:
            key = json.load(file)
        path = self.base / "google.json"
        path.write_text(json.dumps({**key, "token_uri": "https://oauth2.googleapis.com/token"}))
        path.chmod(0o600)
        return path

    def mount(self, api_root=None, ca=None, key=None, options=OPTIONS, **environment):
        """A daemon in the background, as a context manager."""
        pairs = {"cache_dir": self.base / "cache", "log_file": self.log, "key_file": key or self.user(), "api_root": api_root,
                 "ca_file": ca}
        text = ",".join(["%s=%s" % pair for pair in pairs.items() if pair[1]] + [options])
        return Background([binary(), "-o", text, self.drive.folder, self.point], self.point, **{**NO_PROXY, **environment})

    def refused(self, *words, **more):
        """A mount that fails with these words, in one line."""
        with self.mount(**more) as daemon:
            text = daemon.done.stderr
            assert 0 < daemon.done.returncode < 126 and not daemon.mounted(), text
        for word in words:
            assert re.search(word, text, re.IGNORECASE), "%r is not in: %s" % (word, text)
        assert not re.search(r"ya29\.|1//|local-secret|eyJ", text), text
        return text


@pytest.fixture
def place(rig, tmp_path):
    """Where to mount."""
    return Place(rig, tmp_path)


def works(point):
    """Write, read, delete."""
    (point / "works").write_bytes(b"x" * 100_000)
    assert (point / "works").read_bytes() == b"x" * 100_000
    (point / "works").unlink()


# -- proxies ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_googles_own_names_through_a_proxy(place, drive, name):
    """No api_root: our client at www.googleapis.com and oauth2.googleapis.com, as it was built."""
    drive.reset_log()
    with place.mount(key=place.google_key(), ca=drive.ca, **{name: "http://127.0.0.1:%d" % drive.port}) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        works(place.point)
        daemon.unmount()
    asked = {request["path"] for request in drive.log() if request["method"] == "CONNECT"}
    assert asked == {"www.googleapis.com:443", "oauth2.googleapis.com:443"}


def test_no_proxy_is_heeded(place, drive):
    """Hosts of NO_PROXY are asked directly; here nobody answers for Google's names."""
    drive.reset_log()
    place.refused("googleapis.com", key=place.google_key(), ca=drive.ca, HTTPS_PROXY="http://127.0.0.1:%d" % drive.port,
                  NO_PROXY=".googleapis.com", options="deadline=1,wait_scale=1")
    assert not [request for request in drive.log() if request["method"] == "CONNECT"]


def test_this_machine_is_never_asked_through_a_proxy(place, drive):
    with place.mount(drive.url, drive.ca, HTTPS_PROXY="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1") as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        works(place.point)
        daemon.unmount()


@pytest.mark.parametrize("status, word", [(403, "does not let us through"), (407, "NAME:PASSWORD")])
def test_a_proxy_that_refuses(place, drive, status, word):
    with front.Stranger(status=status) as proxy:
        place.refused("proxy", word, key=place.google_key(), ca=drive.ca, https_proxy="http://127.0.0.1:%d" % proxy.port)
        assert [request[0] for request in proxy.seen] == ["CONNECT"], "a refusal is final"
        assert "Authorization" not in proxy.seen[0][2]


def test_a_proxys_password_is_used_and_never_told(place, drive):
    with front.Stranger(status=407) as proxy:
        text = place.refused("proxy", key=place.google_key(), ca=drive.ca,
                             https_proxy="http://me:hunter2@127.0.0.1:%d" % proxy.port)
        assert proxy.seen[0][2]["Proxy-Authorization"].startswith("Basic ")
        assert "hunter2" not in text and "aHVudGVy" not in text


def test_a_proxy_that_is_not_there(place, drive):
    place.refused("proxy|127.0.0.1", key=place.google_key(), ca=drive.ca, https_proxy="http://127.0.0.1:1",
                  options="deadline=1,wait_scale=1")


def test_a_login_through_a_proxy(drive, tmp_path):
    """`auth login` at Google's own names, with the client file as Google's console gives it; the
    browser is asked to open Google's page."""
    client = drive.client_file(str(tmp_path / "client.json"))
    with open(client, encoding="utf-8") as file:
        made = json.load(file)["installed"]
    made.update(auth_uri="https://accounts.google.com/o/oauth2/v2/auth", token_uri="https://oauth2.googleapis.com/token")
    with open(client, "w", encoding="utf-8") as file:
        json.dump({"installed": made}, file)
    proxy = "http://127.0.0.1:%d" % drive.port
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\nexec env NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 https_proxy=%s curl -sS -L --cacert '%s' \"$1\"\n"
                       % (proxy, drive.ca))
    browser.chmod(0o755)
    env = {**daemon_env(), **NO_PROXY, "https_proxy": proxy, "HOME": str(tmp_path), "BROWSER": str(browser)}
    env.pop("XDG_CONFIG_HOME", None)
    words = [binary(), "auth", "login", "--client-secret", client, "--ca-file", drive.ca]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "Logged in as owner@example.com" in done.stdout, done.stdout + done.stderr
    kept = json.loads((tmp_path / ".config/drivefs-models/credentials.json").read_text())
    assert "token_uri" not in kept, "Google's own need not be written"


# -- certificates -------------------------------------------------------------------------


class Listener:
    """TLS that notes whatever a client says after the handshake."""

    def __init__(self, context):
        self.context, self.said, self.tried = context, b"", 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "https://localhost:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                raw, _ = self.socket.accept()
            except OSError:
                return
            self.tried += 1
            try:
                with self.context.wrap_socket(raw, server_side=True) as sock:
                    sock.settimeout(10)
                    self.said += sock.recv(65536)
            except OSError:
                pass


BAD = {
    "wrong host": ({"names": "DNS:example.com"}, "another host"),
    "expired": ({"end": "20210101000000Z"}, "expired"),
    "not yet valid": ({"begin": "20390101000000Z"}, "not yet valid"),
    "self-signed": ({"signer": None}, "self.signed"),
    "unknown authority": ({"signer": "other"}, "issuer certificate"),
    "not for servers": ({"use": "clientAuth"}, "certificate"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_certificates_are_refused(place, drive, tmp_path, case):
    """Each by a clear line, at once, and before a byte of ours was sent."""
    ca = front.authority(str(tmp_path))
    front.authority(str(tmp_path), "other")
    options, word = BAD[case]
    listener = Listener(front.certificate(str(tmp_path), **options))
    place.refused("certificate", word, "nothing was sent", api_root=listener.url, ca=ca)
    listener.socket.close()
    assert listener.tried == 1, "it would fail again: %d tries" % listener.tried
    assert listener.said == b""


def test_the_same_listener_with_a_good_certificate_hears_us(place, tmp_path):
    """The test above would see it if something were sent."""
    ca = front.authority(str(tmp_path))
    listener = Listener(front.certificate(str(tmp_path)))
    place.refused("localhost", api_root=listener.url, ca=ca, options="deadline=1,wait_scale=1")
    listener.socket.close()
    assert listener.said.startswith(b"POST /token HTTP/1.1\r\n")


def test_the_systems_authorities_are_not_asked_with_a_ca_file(place, drive, tmp_path):
    """A file that is no certificate is an error, and no other trust is fallen back to."""
    (tmp_path / "no.pem").write_text("nonsense\n")
    place.refused("ca_file", api_root=drive.url, ca=tmp_path / "no.pem")
    place.refused("no.pem2", api_root=drive.url, ca=tmp_path / "no.pem2")


def test_nothing_switches_the_checks_off(place, drive):
    """Neither an option nor what other programs heed."""
    help_text = subprocess.run([binary(), "--help"], capture_output=True, text=True, check=True).stdout
    assert not re.search("insecure|verify|no-check", help_text)
    place.refused("certificate", api_root=drive.url, SSL_CERT_FILE=drive.ca, CURL_CA_BUNDLE=drive.ca, GIT_SSL_NO_VERIFY="1",
                  NODE_TLS_REJECT_UNAUTHORIZED="0", PYTHONHTTPSVERIFY="0")


def test_plain_http_is_for_this_machine_only(place):
    place.refused("https is needed", api_root="http://192.0.2.1:80")


# -- IPv6 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_ipv6(place, drive, scheme):
    try:
        socket.create_connection(("::1", drive.port), 5).close()
    except OSError:
        pytest.skip("no IPv6 on this machine's loopback")
    with place.mount("%s://[::1]:%d" % (scheme, drive.port), drive.ca) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        works(place.point)
        daemon.unmount()


# -- answers that lead elsewhere ----------------------------------------------------------


def secrets_seen(stranger):
    """What a stranger must never get: any request with a token, or a form with a secret."""
    return [(method, path) for method, path, headers in stranger.seen
            if any(name.lower() in ("authorization", "cookie", "x-goog-user-project") for name in headers)]


@pytest.mark.parametrize("kind", ["token", "metadata"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_of_the_api_are_not_followed(place, drive, kind, status):
    with front.Stranger() as stranger:
        def change(request, _status, _headers, _body):
            path = request.path.partition("?")[0]
            if (path == "/token") == (kind == "token"):
                return status, [("Location", "http://127.0.0.1:%d%s" % (stranger.port, request.path))], b""
            return None
        with front.Front(drive, change) as before:
            place.refused("HTTP %d|answer" % status, api_root=before.url)
        assert stranger.seen == []


def test_an_upload_session_elsewhere_is_refused(place, drive):
    """Not a byte, not a token goes there; close() fails, and the bytes are kept."""
    with front.Stranger(front.trusted_context(drive)) as stranger:
        wrong = []

        def change(_request, status, headers, body):
            moved = [(name, re.sub(r"^http://[^/]*", "https://localhost:%d" % stranger.port, value) if name == "Location" and wrong
                      else value) for name, value in headers]
            return status, moved, body
        with front.Front(drive, change) as before, place.mount(before.url, drive.ca) as daemon:
            assert daemon.done.returncode == 0, daemon.done.stderr
            works(place.point)
            wrong.append(True)
            with open(place.point / "elsewhere", "wb") as file:
                file.write(os.urandom(6 << 20))  # large enough for a session
                assert errno_of(file.close) > 0
            assert stranger.seen == []
            assert (place.point / "elsewhere").stat().st_size == 6 << 20
            wrong.clear()
            (place.point / "elsewhere").unlink()
            works(place.point)
            daemon.unmount()
        assert "upload" in place.log.read_text() and "upload_id=A" not in place.log.read_text()


@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
def test_a_download_redirected_elsewhere_goes_without_the_token(place, drive, encrypted):
    context = front.trusted_context(drive) if encrypted else None
    with front.Stranger(context) as stranger:
        where = "%s://localhost:%d/" % ("https" if encrypted else "http", stranger.port)

        def change(request, _status, _headers, _body):
            return (302, [("Location", where)], b"") if "alt=media" in request.path else None
        made = drive.fill(drive.folder, 1, name="redirected-%d", size=5000)[0]
        with front.Front(drive, change) as before, place.mount(before.url, drive.ca) as daemon:
            assert daemon.done.returncode == 0, daemon.done.stderr
            assert errno_of((place.point / made["name"]).read_bytes) > 0
            daemon.unmount()
        assert secrets_seen(stranger) == []
        assert bool(stranger.seen) == encrypted, "followed, but never down to plain http"


def test_a_strangers_cookie_is_not_kept(place, drive):
    """No cookie is ever sent back."""
    seen = []

    def change(request, status, headers, body):
        seen.append(request.headers.get("Cookie"))
        return status, [*headers, ("Set-Cookie", "NID=1; Path=/")], body
    with front.Front(drive, change) as before, place.mount(before.url, drive.ca) as daemon:
        assert daemon.done.returncode == 0, daemon.done.stderr
        works(place.point)
        daemon.unmount()
    assert len(seen) > 5 and set(seen) == {None}


def test_ssl_is_a_modern_one(place, tmp_path):
    """TLS 1.1 and older are refused."""
    ca = front.authority(str(tmp_path))
    context = front.certificate(str(tmp_path))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    listener = Listener(context)
    place.refused("ssl|tls", api_root=listener.url, ca=ca, options="deadline=1,wait_scale=1")
    listener.socket.close()
    assert listener.said == b""
