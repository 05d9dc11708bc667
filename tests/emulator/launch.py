# SPDX-License-Identifier: MIT
"""Start, watch, restart and stop a local Drive: what with-drive, with-mount and tests share.

    with LocalDrive() as drive:
        drive.url, drive.ca, drive.folder, drive.key, drive.control, drive.env()
        drive.new_key()            # another service account, a member of the same shared drive
        drive.fault(path="alt=media", action="cut")
        drive.restart()            # kill -9, then the same state on the same ports

The emulator ends by itself when the process that started it ends, however that happens:
its standard input is a pipe only we hold, and it leaves at end of file.
"""
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

EMULATOR = os.path.dirname(os.path.abspath(__file__))


class LocalDriveError(Exception):
    """The local Drive could not be started, or refused a request on its control port."""


class LocalDrive:
    """One local Drive process and its state folder. Use as a context manager, or start()/stop().

    state    folder to keep everything in (made when missing, kept afterwards); None = a fresh
             temporary folder, removed by stop() unless keep is true
    latency  name of a profile ("none", "real") set before anybody can ask
    role     the service accounts' role on the shared drive
    switches set before anybody can ask: {name: value}
    seed     text from which all ids and secrets follow; None: they are random
    """

    def __init__(self, state=None, latency=None, keep=False, port=0, control_port=0,
                 role="fileOrganizer", python=sys.executable, switches=None, seed=None):
        self.keep = keep or state is not None
        self.state_dir = os.path.abspath(state) if state else None
        self.latency, self.role, self.python = latency, role, python
        self.port, self.control_port = port, control_port
        self.first_switches, self.seed = dict(switches or {}), seed
        self.process = None
        self.url = self.ca = self.folder = self.key = self.control = self.drive_id = None

    # -- life ---------------------------------------------------------------------------

    def start(self):
        """Start the emulator and wait until it answers. Returns self."""
        if self.state_dir is None:
            self.state_dir = tempfile.mkdtemp(prefix="local-drive-")
        os.makedirs(self.state_dir, mode=0o700, exist_ok=True)
        more = ["--switch=%s=%s" % (name, json.dumps(value))
                for name, value in self.first_switches.items()]
        if self.seed is not None:
            more.append("--seed=%s" % self.seed)
        self._spawn("--latency", self.latency or "none", *more)
        if self.folder is None:
            self.folder = self.new_folder()
        return self

    def _spawn(self, *more):
        command = [self.python, EMULATOR, "--state", self.state_dir, "--lifeline",
                   "--port", str(self.port), "--control-port", str(self.control_port),
                   "--role", self.role, *more]
        errors = os.path.join(self.state_dir, "emulator.err")
        with open(errors, "ab") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=stderr)
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            with open(errors, encoding="utf-8", errors="replace") as text:
                tail = text.read()[-2000:]
            raise LocalDriveError("the local Drive ended with status %d: %s" % (status, tail))
        self._adopt(json.loads(line))

    def _adopt(self, ready):
        self.port, self.control_port = ready["port"], ready["control_port"]
        self.url, self.control, self.ca = ready["url"], ready["control"], ready["ca"]
        self.key, self.drive_id = ready["key"], ready["drive"]

    def kill(self):
        """kill -9: what a crash of Drive's front end looks like to a client."""
        if self.process is not None:
            self.process.kill()
            self._reap()

    def restart(self):
        """Kill the emulator with SIGKILL and start it again on the same ports and state.

        Switches and profile stay as they were; faults and the log are gone.
        """
        self.kill()
        self._spawn()

    def stop(self):
        """End the emulator; remove its state when it was temporary."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self._reap()
        if not self.keep and self.state_dir:
            shutil.rmtree(self.state_dir, ignore_errors=True)
            self.state_dir = None

    def _reap(self):
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        """Process id of the running emulator."""
        return self.process.pid

    def env(self, restart_port=None):
        """The variables a client needs. restart_port: where a Supervisor listens, if any."""
        env = {"DRIVE_URL": self.url, "DRIVE_CA": self.ca, "DRIVE_FOLDER": self.folder,
               "DRIVE_KEY": self.key, "DRIVE_CONTROL": self.control, "DRIVE_PID": str(self.pid),
               "DRIVE_STATE": self.state_dir, "DRIVE_SHARED_DRIVE": self.drive_id}
        if restart_port:
            env["DRIVE_RESTART"] = shlex.join([self.python, os.path.abspath(__file__),
                                               "restart", str(restart_port)])
        return env

    # -- control port -------------------------------------------------------------------

    def ask(self, method, path, body=None):
        """One request to the control port; returns the answer's bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=60)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise LocalDriveError("%s %s: %d %s" % (method, path, answer.status,
                                                    content.decode(errors="replace")))
        return content

    def _json(self, method, path, body=None):
        return json.loads(self.ask(method, path, body))

    def new_key(self, role=None, **more):
        """Make another service account, member of the shared drive; returns its key file's path."""
        return self._json("POST", "/account", {"role": role or self.role, **more})["key"]

    def new_folder(self, name=None, parent=None):
        """Make a fresh folder (on the shared drive unless parent says otherwise); returns its id."""
        return self._json("POST", "/folder", {"name": name, "parent": parent})["id"]

    def client_file(self, path, **spec):
        """Register an OAuth client (client_id, secret) and write its file; returns the path."""
        made = self._json("POST", "/client", spec)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(made, file)
        return path

    def fill(self, folder, count=None, **spec):
        """Put many files (name="file %d", size=0) into a folder, or without a count: the zoo."""
        path = "/zoo" if count is None else "/fill"
        return self._json("POST", path, {"folder": folder, "count": count, **spec})

    @property
    def metadata_host(self):
        """Where the metadata server is: for GCE_METADATA_HOST."""
        return "127.0.0.1:%d" % self.port

    def log(self):
        """The requests seen since the last reset: a list of dicts."""
        return [json.loads(line) for line in self.ask("GET", "/log").splitlines()]

    def reset_log(self):
        """Forget the requests seen so far."""
        self.ask("DELETE", "/log")

    def state(self, folder=None):
        """All files (trashed ones too), every field; only those below `folder` when given."""
        query = "?folder=" + urllib.parse.quote(folder) if folder else ""
        return self._json("GET", "/state" + query)

    def history(self):
        """All files with their revisions and the times (ms) of these and of the trash."""
        return self._json("GET", "/history")

    def content(self, file_id, revision=None):
        """The stored bytes of a file's head revision, or of the one named."""
        query = {"id": file_id}
        if revision:
            query["revision"] = revision
        return self.ask("GET", "/content?" + urllib.parse.urlencode(query))

    def fault(self, **fault):
        """Add a fault: method, path, nth, count, action, status, reason (see README.md)."""
        return self._json("POST", "/faults", fault)

    def faults(self):
        """The faults in force, with how many requests each has `seen` and `hits`."""
        return self._json("GET", "/faults")

    def clear_faults(self):
        """Remove every fault; requests that are stalled by one are closed."""
        self.ask("DELETE", "/faults")

    def profile(self, profile):
        """Set latency and bandwidth: a profile's name, or a dict of numbers."""
        body = {"name": profile} if isinstance(profile, str) else profile
        return self._json("POST", "/profile", body)

    def switches(self, **values):
        """Set switches by name (none: only read them); returns all of them."""
        if not values:
            return self._json("GET", "/switches")
        return self._json("POST", "/switches", values)


def exit_status(returncode):
    """A shell's view of subprocess's return code."""
    return 128 - returncode if returncode < 0 else returncode


def main(argv):
    """`launch.py restart PORT`: ask the supervisor on that loopback port for a restart."""
    if len(argv) != 3 or argv[1] != "restart":
        print("usage: launch.py restart PORT", file=sys.stderr)
        return 2
    connection = http.client.HTTPConnection("127.0.0.1", int(argv[2]), timeout=60)
    connection.request("POST", "/restart")
    answer = connection.getresponse()
    print(answer.read().decode().strip())
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv))
