# SPDX-License-Identifier: MIT
"""`python3 tests/emulator --state DIR`: run a local Drive; one JSON line tells when it is ready."""
import argparse
import json
import os
import signal
import sys

if not __package__:      # started as a folder: make the package known under its own name
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "emulator"
    __import__(__package__)

from . import control, switches  # pylint: disable=wrong-import-position
from .drive import LocalDriveServer  # pylint: disable=wrong-import-position


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="emulator", description=__doc__)
    parser.add_argument("--state", required=True, metavar="DIR", help="folder for everything")
    parser.add_argument("--port", type=int, default=0, help="API port (0: a free one)")
    parser.add_argument("--control-port", type=int, default=0, help="control port (0: a free one)")
    parser.add_argument("--latency", metavar="PROFILE",
                        help="none or real, with all switches off; default: as it was left")
    parser.add_argument("--switch", action="append", default=[], type=switches.parse,
                        metavar="NAME=VALUE", help="set a switch, afresh with all others off")
    parser.add_argument("--seed", help="make all ids and secrets follow from this text")
    parser.add_argument("--role", default="fileOrganizer",
                        help="role of the service accounts on the shared drive")
    parser.add_argument("--lifeline", action="store_true",
                        help="end when standard input does: nothing outlives who started us")
    return parser.parse_args()


def main():
    """Start, tell, and wait for a signal or the end of standard input."""
    options = arguments()
    os.umask(0o077)
    if options.lifeline:      # ^C in a terminal is for our starter, who ends us in good time
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    state = os.path.abspath(options.state)
    os.makedirs(state, mode=0o700, exist_ok=True)
    drive = LocalDriveServer(state, options.seed)
    drive.recall(options.latency, options.switch)
    drive.listen(options.port, options.role)
    control_port = control.listen(drive, options.control_port)
    ready = {"pid": os.getpid(), "port": drive.port, "control_port": control_port,
             "url": drive.url, "control": "http://127.0.0.1:%d" % control_port, "ca": drive.ca,
             "key": drive.key, "drive": drive.drive_id, "state": state}
    print(json.dumps(ready), flush=True)
    if options.lifeline:
        while os.read(0, 4096):
            pass
        os._exit(0)
    signal.pause()


if __name__ == "__main__":
    main()
