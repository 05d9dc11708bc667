# SPDX-License-Identifier: MIT
"""Every kind of credentials in every place where it is looked for: a mount as whom one expects, or
words that say what to do. Secrets stay where they are."""
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import ssl
import stat
import subprocess
import time
import urllib.parse

import pytest

from harness.mount import Mount, daemon_env
from harness.paths import binary, wait_until
from harness.surprise import calm, errno_of  # noqa: F401  # pylint: disable=unused-import

MOUNTS = 0
OPTIONS = ["poll=1,deadline=5,upload_deadline=8,wait_scale=10"]
DRIVE = "https://www.googleapis.com/auth/drive"
SECRETS = re.compile(r"ya29\.[A-Za-z0-9]|1//[A-Za-z0-9]|PRIVATE KEY|eyJ[A-Za-z0-9]|local-secret|4/0[A-Za-z0-9]|upload_id=A")


class Machine:
    """Somebody's home folder, and what runs there."""

    def __init__(self, rig, home, monkeypatch):
        self.rig, self.drive, self.home, self.mounts = rig, rig.drive, home, []
        self.login = home / ".config/drivefs-models/credentials.json"
        self.gcloud = home / ".config/gcloud/application_default_credentials.json"
        for name in ("XDG_CONFIG_HOME", "CLOUDSDK_CONFIG", "GOOGLE_CLOUD_QUOTA_PROJECT", "BROWSER", "DISPLAY",
                     "WAYLAND_DISPLAY", "GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        self.setenv = monkeypatch.setenv

    def run(self, *words, **options):
        """drivefs-models with these words, under a time limit; it must not tell a secret."""
        done = subprocess.run([binary(), *map(str, words)], capture_output=True, text=True, check=False, timeout=60,
                              stdin=subprocess.DEVNULL, env=daemon_env(), **options)
        assert not SECRETS.search(done.stdout + done.stderr), done.stdout + done.stderr
        return done

    def mount(self, options="", key=None, debug=True, environment=None):
        """A mount of the module's folder; `key` None: nobody names a file."""
        base = self.home / ("mount%d" % len(self.mounts))
        base.mkdir()
        one = Named(str(base), 1, self.drive, key, None, [*OPTIONS, *([options] if options else [])])
        one.debug = debug
        for name, value in (environment or {}).items():
            self.setenv(name, value)
        self.mounts.append(one)
        return one.start()

    def refused(self, *words, options="", key=None):
        """A mount that fails, with these words."""
        point = self.home / "point"
        point.mkdir(exist_ok=True)
        text = "cache_dir=%s,api_root=%s,ca_file=%s,%s" % (self.home / "cache", self.drive.url, self.drive.ca, OPTIONS[0])
        text += ",key_file=%s" % key if key else ""
        text += "," + options if options else ""
        done = self.run("-f", "-d", "-o", text, self.drive.folder, point)
        assert 0 < done.returncode < 126 and not os.path.ismount(point), done.stderr
        for word in words:
            assert word in done.stderr, "%r is not in: %s" % (word, done.stderr)
        return done.stderr

    def identity(self, mount):
        """Who a mount is."""
        done = self.run("status", "--json", mount.path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["identity"]

    def user(self, path, email="owner@example.com", **more):
        """Writes a login as gcloud would."""
        made = json.loads(self.drive.ask("POST", "/account", {"kind": "user", "email": email, "role": "fileOrganizer"}))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**made["credential"], **more}))
        path.chmod(0o600)
        return str(path)

    def end(self):
        """All mounts end well, and their logs tell no secret."""
        found = [text for one in self.mounts for text in one.complaints() + one.close() + one.suspicious()]
        for one in self.mounts:
            secret = SECRETS.search(one.log_text())
            assert not secret, "a secret in the log: ..." + one.log_text()[max(0, secret.start() - 200):secret.start()]
        assert not found, found


class Named(Mount):
    """A mount whose key_file may be missing from the command line, and which logs each request."""
    debug = True

    def command(self, foreground=True):
        words = super().command(foreground)
        at = words.index("-o") + 1
        if self.key is None:
            words[at] = ",".join(text for text in words[at].split(",") if not text.startswith("key_file="))
        return [words[0], *(["-d"] if self.debug else []), *words[1:]]


@pytest.fixture
def machine(rig, tmp_path, monkeypatch):
    """A fresh home folder; its mounts end with the test."""
    one = Machine(rig, tmp_path, monkeypatch)
    yield one
    one.end()


def works(mount, name="f"):
    """Write, read, delete."""
    path = os.path.join(mount.path, "%s-%d" % (name, time.monotonic_ns()))
    with open(path, "wb") as file:
        file.write(b"works")
    with open(path, "rb") as file:
        assert file.read() == b"works"
    os.unlink(path)


# -- where they are found -----------------------------------------------------------------


def test_a_users_file_by_option(machine):
    mount = machine.mount(key=machine.user(machine.home / "user.json"))
    works(mount)
    assert machine.identity(mount) == "owner@example.com"


def test_the_environment(machine):
    machine.user(machine.login, "login@example.com")         # comes later
    path = machine.user(machine.home / "user.json", "named@example.com")
    machine.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
    done = machine.run("auth", "status", "-o", "api_root=" + machine.drive.url)
    # daemon_env() takes the variable away: what a test does not give, no test has.
    assert "auth login" in done.stdout, done.stdout + done.stderr
    shown = subprocess.run([binary(), "auth", "status", "-o", "api_root=" + machine.drive.url], capture_output=True, text=True,
                           check=True, env={**daemon_env(), "GOOGLE_APPLICATION_CREDENTIALS": path}, timeout=60).stdout
    assert path in shown and "GOOGLE_APPLICATION_CREDENTIALS" in shown


def test_our_login_comes_before_gclouds(machine):
    machine.user(machine.gcloud, "gcloud@example.com")
    machine.user(machine.login, "login@example.com", account="login@example.com")
    mount = machine.mount()
    works(mount)
    assert machine.identity(mount) == "login@example.com"


def test_gclouds_login(machine, tmp_path):
    machine.user(machine.gcloud, "gcloud@example.com", quota_project_id="some-project", account="")
    mount = machine.mount()
    works(mount)
    assert machine.identity(mount) == "gcloud@example.com"
    assert "some-project" in machine.run("auth", "status", "-o", "api_root=" + machine.drive.url).stdout
    shutil.move(machine.gcloud.parent, tmp_path / "elsewhere")
    machine.setenv("CLOUDSDK_CONFIG", str(tmp_path / "elsewhere"))
    works(machine.mount())


def test_a_virtual_machine(machine):
    """Its metadata server is asked directly, whatever proxy is set."""
    machine.setenv("NO_GCE_CHECK", "")
    machine.setenv("GCE_METADATA_HOST", machine.drive.metadata_host)
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        machine.setenv(name, "http://127.0.0.1:1")
    mount = machine.mount()
    works(mount)
    assert machine.identity(mount).endswith(".gserviceaccount.com")
    shown = machine.run("auth", "status", "-o", "api_root=" + machine.drive.url).stdout
    assert "metadata server" in shown and machine.drive.metadata_host in shown


def test_nothing_at_all(machine):
    machine.refused("no credentials", "key_file", "GOOGLE_APPLICATION_CREDENTIALS", "auth login", "token_command")
    done = machine.run("auth", "status")
    assert done.returncode == 1 and "no credentials" in done.stderr


@pytest.mark.parametrize("place", ["login", "gcloud"])
def test_open_files_and_links_are_refused(machine, place):
    path = getattr(machine, place)
    machine.user(path)
    path.chmod(0o640)
    machine.refused(str(path), "chmod 600")
    path.chmod(0o600)
    path.rename(machine.home / "real.json")
    path.symlink_to(machine.home / "real.json")
    machine.refused(str(path), "symbolic link")


@pytest.mark.parametrize("kind, word", [
    ("external_account", "token_command"), ("impersonated_service_account", "--impersonate-service-account"),
    ("gdch_service_account", "no Drive"), ("nonsense", "unknown type")])
def test_other_kinds_are_named(machine, kind, word):
    path = machine.home / "key.json"
    path.write_text(json.dumps({"type": kind}))
    path.chmod(0o600)
    machine.refused(str(path), kind, word, key=path)


def test_an_oauth_client_is_no_credential(machine):
    path = machine.drive.client_file(str(machine.home / "client.json"))
    machine.refused("auth login --client-secret " + path, key=path)


# -- delegation ---------------------------------------------------------------------------


def test_delegation(machine):
    """The service account acts for a user: also in My Drive, where it owns no storage itself."""
    key = machine.drive.new_key(delegated=True)
    mount = machine.mount("subject=owner@example.com", key=key)
    works(mount)
    assert machine.identity(mount) == "owner@example.com"
    shown = machine.run("auth", "status", "-o", "key_file=%s,subject=owner@example.com,api_root=%s" % (key, machine.drive.url))
    assert "acting for owner@example.com" in shown.stdout


def test_delegation_that_is_not_granted(machine):
    with open(machine.drive.key, encoding="utf-8") as file:
        number = json.load(file)["client_id"]
    machine.refused("unauthorized_client", "Domain-wide delegation", number, DRIVE, options="subject=owner@example.com",
                    key=machine.drive.key)
    narrow = machine.drive.new_key(delegated=[DRIVE + ".readonly"])
    machine.refused("Domain-wide delegation", options="subject=owner@example.com", key=narrow)
    machine.refused("subject= is no user", options="subject=nobody@example.com", key=machine.drive.new_key(delegated=True))
    machine.refused("needs a service account's key", options="subject=owner@example.com", key=machine.user(machine.home / "u.json"))


# -- a command ----------------------------------------------------------------------------


def fresh_token(machine, **more):
    """An access token of a user's, as a helper would print it."""
    return json.loads(machine.drive.ask("POST", "/account", {"kind": "user", "email": "owner@example.com", **more}))["token"]


def test_a_command_is_asked_again_when_its_token_ends(machine):
    place = machine.home / "token"
    place.write_text(json.dumps({"access_token": fresh_token(machine), "expires_in": 3599}))
    mount = machine.mount("token_command=echo asked >> %s; cat %s" % (machine.home / "count", place))
    works(mount)
    assert machine.identity(mount) == "owner@example.com"
    before = (machine.home / "count").read_text().count("asked")
    assert before == 1, "one token is enough for an hour"
    machine.drive.ask("POST", "/tokens/expire")
    place.write_text(fresh_token(machine))
    works(mount)
    assert (machine.home / "count").read_text().count("asked") > before


def test_a_command_that_fails(machine):
    machine.refused("token_command", "status 7", "please sign in", options="token_command=echo ya29.x; echo please sign in >&2; exit 7")
    machine.refused("token_command", "not one token", options="token_command=true")
    machine.refused("token_command", "in time", options="token_command=sleep 300,deadline=1")
    machine.refused("exclude each other", options="token_command=true", key=machine.drive.key)


def test_a_command_whose_token_opens_too_little(machine):
    token = fresh_token(machine, scope="openid")
    machine.setenv("PRINTED", token)
    machine.refused("the command's token lacks the scope", options="token_command=echo $PRINTED")


def test_gclouds_login_without_the_scope_names_the_command(machine):
    """gcloud's own default asks for the cloud only."""
    machine.drive.switches(consent="unticked")
    client = machine.drive.client_file(str(machine.home / "client.json"))
    with open(client, encoding="utf-8") as file:
        made = json.load(file)["installed"]
    machine.user(machine.gcloud, refresh_token=narrow_grant(machine, made), client_id=made["client_id"],
                 client_secret=made["client_secret"])
    machine.refused("gcloud auth application-default login --scopes=openid," + DRIVE)


def narrow_grant(machine, client):
    """A refresh token for openid alone: the user has unticked the rest."""
    back = "http://127.0.0.1:9/"
    context = ssl.create_default_context(cafile=machine.drive.ca)
    connection = http.client.HTTPSConnection("localhost", machine.drive.port, context=context, timeout=30)
    query = urllib.parse.urlencode({"client_id": client["client_id"], "redirect_uri": back, "response_type": "code",
                                    "scope": DRIVE + " openid", "access_type": "offline", "prompt": "consent"})
    connection.request("GET", "/o/oauth2/v2/auth?" + query)
    answer = connection.getresponse()
    answer.read()
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.getheader("Location")).query))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": client["client_id"],
            "client_secret": client["client_secret"]}
    connection.request("POST", "/token", urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer["refresh_token"]


# -- logging in ---------------------------------------------------------------------------


@pytest.fixture
def login(machine):
    """login(*words, browser=True): `auth login`, in a browser that agrees at once."""
    client = machine.drive.client_file(str(machine.home / "client.json"))
    browser = machine.home / "browser"
    browser.write_text("#!/bin/sh\nexec curl -sS -L --max-redirs 3 --cacert '%s' -o '%s/page' \"$1\"\n" % (
        machine.drive.ca, machine.home))
    browser.chmod(0o755)

    def run(*words):
        machine.setenv("BROWSER", str(browser))
        return machine.run("auth", "login", "--client-secret", client, "--api-root", machine.drive.url, "--ca-file",
                           machine.drive.ca, *words)
    return run


def endpoints(machine):
    """Options of the other verbs."""
    return "--api-root", machine.drive.url, "--ca-file", machine.drive.ca


def test_login_mount_status_logout(machine, login):
    done = login()
    assert done.returncode == 0 and "Logged in as owner@example.com" in done.stdout, done.stdout + done.stderr
    assert "You may close this page" in (machine.home / "page").read_text()
    assert stat.S_IMODE(machine.login.stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.login.parent.stat().st_mode) == 0o700
    assert [path.name for path in machine.login.parent.iterdir()] == ["credentials.json"]
    works(machine.mount())
    shown = machine.run("auth", "status", *endpoints(machine))
    assert "owner@example.com" in shown.stdout and str(machine.login) in shown.stdout
    refresh = json.loads(machine.login.read_text())["refresh_token"]
    done = machine.run("auth", "logout", *endpoints(machine))
    assert done.returncode == 0 and not machine.login.exists(), done.stderr
    dead = machine.user(machine.home / "dead.json", refresh_token=refresh)
    machine.refused("invalid_grant", key=dead)  # Google knows
    done = machine.run("auth", "logout", *endpoints(machine))
    assert done.returncode == 1 and "nobody is logged in" in done.stderr


def test_a_read_only_login(machine, login):
    done = login("--scope", "drive.readonly")
    assert done.returncode == 0, done.stderr
    mount = machine.mount("ro")
    assert isinstance(os.listdir(mount.path), list)


@pytest.mark.parametrize("words", [["login"], ["login", "--client-secret"], ["login", "--nonsense"], ["nonsense"], [],
                                   ["login", "--client-secret", "x", "-o", "poll=no"]], ids=" ".join)
def test_wrong_usage(machine, words):
    done = machine.run("auth", *words)
    assert done.returncode == 2 and ("--help" in done.stderr or "usage" in done.stderr), done.stderr


@pytest.mark.parametrize("verb", ["login", "status", "logout"])
def test_help_has_an_example(machine, verb):
    done = machine.run("auth", verb, "--help")
    assert done.returncode == 0 and "example: drivefs-models auth " + verb in done.stdout
    assert "auth login" in machine.run("--help").stdout


def test_a_client_file_that_others_can_read(machine, login):
    (machine.home / "client.json").chmod(0o644)
    done = login()
    assert done.returncode == 1 and "chmod 600" in done.stderr


def test_a_mount_takes_up_a_login_that_was_renewed(machine, login):
    """The login is revoked: EACCES and the cure in the log. Logging in again heals the mount."""
    assert login().returncode == 0
    mount = machine.mount()
    works(mount)
    begin = mount.log_size()
    machine.drive.ask("POST", "/tokens/revoke", {"email": "owner@example.com"})
    path = os.path.join(mount.path, "while revoked")
    assert errno_of(os.mkdir, path) in (13, 1)
    wait_until(lambda: "drivefs-models auth login" in mount.log_text(begin), "the cure in the log")
    assert login().returncode == 0
    os.mkdir(path)
    os.rmdir(path)
    works(mount)


def test_a_rotated_refresh_token_is_kept(machine, login):
    assert login().returncode == 0
    first = json.loads(machine.login.read_text())["refresh_token"]
    machine.drive.switches(rotate_refresh=True)
    mount = machine.mount()
    works(mount)
    machine.drive.ask("POST", "/tokens/expire")
    works(mount)
    last = json.loads(machine.login.read_text())
    assert last["refresh_token"] != first and last["account"] == "owner@example.com"
    works(machine.mount())  # another one finds a token that lives
    assert stat.S_IMODE(machine.login.stat().st_mode) == 0o600


# -- tokens -------------------------------------------------------------------------------


def test_one_refresh_however_many_ask(machine):
    mount = machine.mount(key=machine.drive.key)
    folders = [os.path.join(mount.path, "many-%d" % number) for number in range(24)]
    machine.drive.ask("POST", "/tokens/expire")
    machine.drive.reset_log()
    with concurrent.futures.ThreadPoolExecutor(len(folders)) as pool:
        list(pool.map(os.mkdir, folders))
    asked = sum(request["path"] == "/token" for request in machine.drive.log())
    assert asked == 1, "%d tokens for one expiry" % asked
    for folder in folders:
        os.rmdir(folder)


def test_tokens_are_replaced_ahead_of_their_end(machine):
    """Of a life shorter than the margin each token is replaced before it is used again: never a 401."""
    machine.drive.switches(token_lifetime_s=30)
    mount = machine.mount(key=machine.drive.key)
    machine.drive.reset_log()
    works(mount)
    log = machine.drive.log()
    assert not [request for request in log if request["status"] == 401]
    assert [request for request in log if request["path"] == "/token"]


def test_no_core_file_can_hold_a_token(machine):
    mount = machine.mount(key=machine.drive.key)
    with open("/proc/%d/limits" % mount.pid, encoding="ascii") as file:
        assert re.search(r"Max core file size +0 +0 ", file.read())
    with open("/proc/%d/coredump_filter" % mount.pid, encoding="ascii") as file:
        assert int(file.read(), 16) == 0


def test_a_token_is_in_no_command_line_and_no_environment(machine):
    mount = machine.mount(key=machine.drive.key)
    works(mount)
    for name in ("cmdline", "environ"):
        with open("/proc/%d/%s" % (mount.pid, name), "rb") as file:
            assert not SECRETS.search(file.read().decode(errors="replace"))
