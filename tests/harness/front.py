# SPDX-License-Identifier: MIT
"""Servers of a test's own: one that stands before a local Drive and changes its answers, one that
only writes down what it is sent, and certificates that no client may accept."""
import http.client
import http.server
import os
import ssl
import subprocess
import threading


class Serving:
    """A server in a thread: `with` starts and stops it."""

    def __init__(self, handler, context=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.owner = self
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class _Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        """Tests look at what was asked, not at a log."""

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """Every method is treated alike."""
        self.one()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET


class Stranger(Serving):
    """Writes down each request: seen is a list of (method, path, headers). Answers `status`."""

    def __init__(self, context=None, status=200, body=b"stranger", headers=()):
        class Handler(_Quiet):
            def one(self):
                self._body()
                self.server.owner.seen.append((self.command, self.path, dict(self.headers)))
                self._answer(status, headers, body)
        super().__init__(Handler, context)
        self.seen = []


class Front(Serving):
    """Passes requests on to a local Drive, over plain HTTP on loopback. change(request, status,
    headers, body) may return another (status, headers, body)."""

    def __init__(self, drive, change):
        class Handler(_Quiet):
            def one(self):
                body = self._body()
                connection = http.client.HTTPConnection("127.0.0.1", drive.port, timeout=60)
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
                    connection.request(self.command, self.path, body or None, headers)
                    answer = connection.getresponse()
                    data = answer.read()
                finally:
                    connection.close()
                kept = [pair for pair in answer.getheaders()
                        if pair[0].lower() not in ("content-length", "connection", "transfer-encoding")]
                self._answer(*(change(self, answer.status, kept, data) or (answer.status, kept, data)))
        super().__init__(Handler)

    @property
    def url(self):
        """For api_root."""
        return "http://127.0.0.1:%d" % self.port


def trusted_context(drive):
    """TLS with the local Drive's own certificate: what its CA vouches for."""
    folder = os.path.dirname(drive.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    return context


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)


CA = """[ca]
default_ca = here
[here]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
policy = any
x509_extensions = ext
copy_extensions = none
[any]
commonName = supplied
[ext]
basicConstraints = critical,CA:FALSE
subjectAltName = %(names)s
extendedKeyUsage = %(use)s
"""
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def authority(folder, name="ca"):
    """A CA of our own: the path of its certificate."""
    _openssl(folder, "req", "-x509", *KEY, "-keyout", name + ".key", "-out", name + ".pem", "-days", "30", "-subj", "/CN=Test " + name,
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    return os.path.join(folder, name + ".pem")


def certificate(folder, signer="ca", names="DNS:localhost,IP:127.0.0.1", use="serverAuth", begin="20200101000000Z",
                end="20400101000000Z"):
    """A TLS context whose certificate `signer` (None: itself) has signed."""
    _openssl(folder, "req", "-new", *KEY, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    with open(os.path.join(folder, "ca.cnf"), "w", encoding="ascii") as file:
        file.write(CA % {"names": names, "use": use})
    for name, text in (("index.txt", ""), ("serial", "%s\n" % os.urandom(8).hex())):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    sign = ["-selfsign", "-keyfile", "leaf.key"] if signer is None else ["-cert", signer + ".pem", "-keyfile", signer + ".key"]
    _openssl(folder, "ca", "-batch", "-config", "ca.cnf", *sign, "-in", "leaf.csr", "-out", "leaf.pem", "-notext",
             "-startdate", begin, "-enddate", end)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "leaf.pem"), os.path.join(folder, "leaf.key"))
    return context
