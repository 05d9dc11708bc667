# SPDX-License-Identifier: MIT
"""ask.py PORT PATH: what the commands in REMOUNT and DRIVE_RESTART run. Asks with-mount, whose
children the daemon and the local Drive must be, and prints its answer (the new pid)."""
import http.client
import sys


def main(port, path):
    """POST path to with-mount; returns an exit status."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=180)
    connection.request("POST", path)
    answer = connection.getresponse()
    text = answer.read().decode().strip()
    print(text, file=sys.stdout if answer.status == 200 else sys.stderr)
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
