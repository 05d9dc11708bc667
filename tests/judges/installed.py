# SPDX-License-Identifier: MIT
"""What tests/setup installed for the judges: node's packages in build/judges, and the programs."""
import os
import shutil

from harness.paths import ROOT, HarnessError

JUDGES = os.path.join(ROOT, "build", "judges")
HINT = "run tests/setup, which installs what the judges need"


def program(name):
    """The path of node or rclone. A judge that is missing is a failure, not a skip."""
    path = shutil.which(name)
    if not path:
        raise HarnessError("there is no %s: %s" % (name, HINT))
    return path


def package(*parts):
    """A path inside an installed node package."""
    path = os.path.join(JUDGES, "node_modules", *parts)
    if not os.path.exists(path):
        raise HarnessError("there is no %s: %s" % (os.path.relpath(path, ROOT), HINT))
    return path


def as_google(drive):
    """The environment in which an unmodified client takes `drive` for Google.

    It asks the proxy for www.googleapis.com and oauth2.googleapis.com; the local Drive is the proxy,
    and answers for these names itself with a certificate of its own CA. Nothing leaves the machine.
    """
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("RCLONE_", "GOOGLE_", "npm_")) and name.lower() not in (
               "no_proxy", "http_proxy", "all_proxy")}
    proxy = "http://127.0.0.1:%d" % drive.port
    env.update(HTTPS_PROXY=proxy, https_proxy=proxy, NO_PROXY="", NODE_EXTRA_CA_CERTS=drive.ca,
               HTTPLIB2_CA_CERTS=drive.ca, REQUESTS_CA_BUNDLE=drive.ca)
    return env
