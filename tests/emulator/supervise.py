# SPDX-License-Identifier: MIT
"""Run a command beside a local Drive and leave no process behind, whoever is killed.

    sys.exit(guarded(main))        # main() runs in a supervised child process
    run(command, env, drive)       # inside main(): the command's exit status

guarded() makes two processes, each a "subreaper": what their descendants leave behind becomes
their child instead of init's, and is killed at the end. The outer one does nothing else, so
that it can clean up when the inner one is killed; when the outer one is killed, the inner one
gets SIGTERM (PR_SET_PDEATHSIG) and cleans up itself.
"""
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys

from . import http1, server
from .launch import exit_status

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Stopped(BaseException):
    """A signal asks us to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def _prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent, number=signal.SIGKILL):
    """In a child: get this signal when the parent ends; leave when it already has."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _stop(number, _frame):
    raise Stopped(number)


def guarded(main):
    """Run main() in a supervised child; returns its exit status. Nothing is left behind."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(_inner(main, parent))
    for number in FORWARDED:
        signal.signal(number, lambda n, _: _forward(child, n))
    status = _wait(child)
    kill_children()
    return exit_status(status)


def _forward(child, number):
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass


def _inner(main, parent):
    die_with_parent(parent, signal.SIGTERM)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in FORWARDED:
        signal.signal(number, _stop)
    try:
        status = main()
    except Stopped as stop:
        status = 128 + stop.number
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:        # the message is all that a user will see of it
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    for number in FORWARDED:
        signal.signal(number, signal.SIG_IGN)
    kill_children()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _wait(child):
    """Wait for one child, burying orphans we inherit on the way."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _children():
    """Our children's process ids, of all our threads."""
    found = []
    for thread in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/children" % thread, encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def kill_children():
    """Kill every descendant: each round kills our children and inherits theirs."""
    while children := _children():
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for child in children:
            try:
                os.waitpid(child, 0)
            except ChildProcessError:
                pass


class Supervisor:
    """Waits for a command and serves DRIVE_RESTART meanwhile, on one thread."""

    def __init__(self, drive):
        self.drive = drive
        self.sock = server.bind("127.0.0.1", 0)
        self.port = self.sock.getsockname()[1]

    def wait(self, process):
        """The command's return code."""
        pidfd = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.register(self.sock, select.POLLIN)
            while True:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if pidfd in ready:
                    return process.wait()
                self._serve()
        finally:
            os.close(pidfd)
            self.sock.close()

    def _serve(self):
        connection, _ = self.sock.accept()
        with connection:
            connection.settimeout(10)
            try:
                request = http1.read_request(http1.Reader(connection), connection.sendall)
                if (request.method, request.path) != ("POST", "/restart"):
                    answer = http1.Response(404)
                else:
                    self.drive.restart()
                    answer = http1.Response(200, b"%d\n" % self.drive.pid, "text/plain")
                http1.send_response(connection.sendall, answer, 0, True)
            except (http1.Gone, http1.BadRequest, OSError, socket.timeout):
                pass


def run(command, env, drive):
    """Run a command in a process group of its own; its exit status."""
    supervisor = Supervisor(drive)
    env = {**os.environ, **env, **drive.env(supervisor.port)}
    parent, terminal = os.getpid(), _terminal()
    try:
        process = subprocess.Popen(command, env=env, start_new_session=False,
                                   preexec_fn=lambda: _start(parent, terminal))
    except OSError as error:
        print("%s: %s" % (command[0], error.strerror), file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    try:
        status = exit_status(supervisor.wait(process))
    finally:
        _kill_group(process.pid)
        _take_back(terminal)
    return status


def _start(parent, terminal):
    """In the new process: own group, the terminal's foreground, death with the parent."""
    os.setpgid(0, 0)
    if terminal is not None:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(terminal, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    for number in FORWARDED:
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)


def _terminal():
    try:
        return 0 if os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp() else None
    except OSError:
        return None


def _take_back(terminal):
    if terminal is not None:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(terminal, os.getpgrp())


def _kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
