# SPDX-License-Identifier: MIT
"""The sockets: plain HTTP, TLS and CONNECT on one port, a thread per connection, loopback only."""
import errno
import ipaddress
import random
import socket
import struct
import threading
import time

from . import batch, http1
from .api import override
from .errors import OAuthError, made_to_order
from .http1 import BadRequest, Gone, Response
from .oauth import TOKEN_PATHS
from .shape import crawler

TLS_HANDSHAKE = 0x16
# Below the range from which Linux takes ports for outgoing connections, so that a restart
# finds its port free.
PORTS = range(20000, 32000)


def listen(port):
    """Listening sockets on 127.0.0.1 and, where there is one, ::1, with the same port."""
    for _ in range(200):
        wanted = port or random.choice(PORTS)
        try:
            return _bind_both(wanted), wanted
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, "no free port")


def _bind_both(port):
    first = bind("127.0.0.1", port)
    try:
        return [first, bind("::1", port)]
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return [first]
        first.close()
        raise


def bind(address, port):
    """One listening socket; ValueError for an address that is not loopback."""
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError("the local Drive listens on loopback only, not on " + address)
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(256)
    except OSError:
        sock.close()
        raise
    return sock


def serve(sockets, handler):
    """Accept for ever, each connection in a thread of its own."""
    for sock in sockets:
        threading.Thread(target=_accept, args=(sock, handler), daemon=True).start()


def _accept(sock, handler):
    while True:
        connection, _ = sock.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_guarded, args=(handler, connection), daemon=True).start()


def _guarded(handler, connection):
    try:
        handler(connection)
    except (Gone, OSError, BadRequest):
        pass
    finally:
        connection.close()


class Connection:
    """One client's connection to the API port."""

    def __init__(self, drive, sock):
        self.drive, self.sock, self.secure = drive, sock, False
        self.reader = http1.Reader(sock)
        self.served, self.aborted = 0, False

    def run(self):
        """Serve until one side ends it."""
        try:
            self.drive.shape.wait_connect()
            first = self.sock.recv(1, socket.MSG_PEEK)
            if first and first[0] == TLS_HANDSHAKE:
                self._start_tls()
            while self._one():
                pass
        except BadRequest as error:
            self._send(Response(400, str(error).encode(), "text/html"), close=True)
        except (Gone, OSError):
            pass
        finally:
            self._close()

    def _start_tls(self):
        self.sock = self.drive.tls.wrap_socket(self.sock, server_side=True)
        self.reader = http1.Reader(self.sock)
        self.secure = True

    def _close(self):
        try:
            # A close with unread input resets the connection; the client would lose our answer.
            if not self.aborted:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def _send(self, response, close=False, rate=None, **more):
        send = self.drive.shape.sender(self.sock.sendall)
        if rate:
            more["send_body"] = crawler(send, rate)
        return http1.send_response(send, response, self.drive.store.seconds(), close, **more)

    def _one(self):
        """Serve one request; False ends the connection."""
        request = http1.read_request(self.reader, self.sock.sendall)
        request.secure = self.secure
        if request.method == "CONNECT":
            return self._connect(request)
        entry = self.drive.log.begin(request)
        try:
            return self._exchange(request, entry)
        finally:
            entry["bytes_in"] = request.body.count
            self.drive.log.end(entry)

    def _connect(self, request):
        refuse = self.drive.switches.connect_refuse
        self.drive.log.end(self.drive.log.begin(request, 403 if refuse else 200))
        if refuse:
            self._send(Response(403), close=True)
            return False
        self.sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        first = self.sock.recv(1, socket.MSG_PEEK)
        if first and first[0] == TLS_HANDSHAKE:
            self._start_tls()
        return bool(first)

    def _exchange(self, request, entry):
        drive = self.drive
        target = request.path + ("?" + request.raw_query if request.raw_query else "")
        fault = drive.faults.match(request.method, target)
        if fault is None:
            fault = drive.storm.strike(drive.api.name(request))
        action = fault.action if fault else None
        if action == "reset" and fault.after is None:
            self._reset()
            return False
        if action in ("drop", "stall"):
            if action == "stall":
                drive.faults.stall(self.sock)
            return False
        request.body.pace = drive.shape.receiver()
        request.body.spoil = action == "corrupt_request"
        if action == "cut_request":
            length = request.body.declared
            request.body.cut_after = fault.after if fault.after is not None else (length or 0) // 2
        if action == "status":
            response = self._made_up(request, fault)
            drive.log.cost(entry, 0)
        else:
            response = self._respond(request, entry)
        if action == "lose":
            response.discard()
            return False
        return self._answer(request, entry, response, action, fault)

    def _made_up(self, request, fault):
        """The answer that a fault asks for; the token endpoint words errors in its own way."""
        if request.path in TOKEN_PATHS:
            return self.drive.oauth.error(OAuthError(
                fault.reason or "internal_failure", fault.message or "Internal Error", fault.status))
        return self.drive.api.error(made_to_order(fault.status, fault.reason, fault.message))

    def _reset(self):
        """Close so that the peer sees a reset connection instead of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.aborted = True

    def _respond(self, request, entry):
        drive = self.drive
        override(request)
        answer = drive.oauth.handle(request)
        if answer is not None:
            drive.shape.wait("token")
            return answer
        answer = batch.handle(drive, request)
        if answer is not None:
            drive.shape.wait("other")
            return answer
        route, args = drive.api.find(request)
        drive.log.cost(entry, drive.api.units(route, request))
        response = drive.api.serve(request, route, args)
        drive.shape.wait(drive.api.kind(route, request))
        return response

    def _answer(self, request, entry, response, action, fault):
        """Send; the log's entry is complete before the client can see the end."""
        keep = request.body.drain()
        self.served += 1
        most = self.drive.switches.close_after
        close = not keep or not request.keep_alive or bool(most and self.served >= most)
        limit = None
        if action in ("cut", "freeze", "reset"):
            limit = fault.after if fault.after is not None else len(response.body) // 2
        self.drive.compress(request, response)
        length = len(response.body)
        head_only = request.method == "HEAD"
        entry.update(status=response.status, bytes_in=request.body.count,
                     bytes_out=0 if head_only else length if limit is None else min(limit, length))
        self.drive.log.end(entry)
        self._send(response, close=close, head_only=head_only, limit=limit,
                   spoil=action == "corrupt", rate=fault.rate if action == "crawl" else None)
        if action == "freeze":
            self.drive.faults.stall(self.sock)
        if action == "reset":
            self._reset()
        return not close and limit is None


class Log:
    """What was asked: one entry a request, from its beginning on."""

    LIMIT = 200000

    def __init__(self, redact):
        self._lock = threading.Lock()
        self._entries = []
        self.redact = redact

    def begin(self, request, status=0):
        """A new entry; `status` 0 stands until an answer is sent."""
        entry = {"time": time.time(), "method": request.method, "path": request.path,
                 "query": self.redact(request.raw_query), "range": request.header("range"),
                 "status": status, "bytes_in": 0, "bytes_out": 0, "ms": 0, "units": 0,
                 "host": request.header("host"), "auth": bool(request.header("authorization")),
                 "keys": bool(request.header("x-goog-drive-resource-keys"))}
        if request.method == "CONNECT":
            entry["path"] = request.target
        content_range = request.header("content-range")
        if content_range:
            entry["content_range"] = content_range
        with self._lock:
            if len(self._entries) >= self.LIMIT:
                del self._entries[:self.LIMIT // 10]
            self._entries.append(entry)
        return entry

    def cost(self, entry, units):
        """Note the quota units of a request."""
        entry["units"] = units

    def end(self, entry):
        """Note how long it took."""
        entry["ms"] = round((time.time() - entry["time"]) * 1000, 1)

    def all(self):
        """A copy of the entries."""
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def reset(self):
        """Forget everything."""
        with self._lock:
            self._entries = []
