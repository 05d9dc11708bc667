# SPDX-License-Identifier: MIT
"""Keys and certificates, made by the openssl command: the local Drive's own CA, and RSA keys."""
import os
import re
import ssl
import subprocess

NAMES = ["DNS:localhost", "IP:127.0.0.1", "IP:::1", "DNS:www.googleapis.com",
         "DNS:oauth2.googleapis.com", "DNS:accounts.google.com", "DNS:*.googleapis.com"]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError("openssl %s: %s" % (arguments[0], done.stderr.decode()))
    return done.stdout.decode()


def _certificate(folder, name, subject, extensions, signer=()):
    key, cert = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    added = [word for line in extensions for word in ("-addext", line)]
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", key, "-out", cert + ".new", "-days", "3650", "-subj", subject,
             *added, *signer)
    os.chmod(key, 0o600)
    os.rename(cert + ".new", cert)      # its presence says that the pair is complete
    return cert, key


def ensure(folder):
    """Make CA and server certificate once per folder; returns (ca, certificate, key) paths."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    ca, cert = os.path.join(folder, "ca.pem"), os.path.join(folder, "server.pem")
    if not os.path.exists(ca):
        _certificate(folder, "ca", "/CN=Local Drive test CA",
                     ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])
    if not os.path.exists(cert):
        signer = ("-CA", ca, "-CAkey", os.path.join(folder, "ca.key"))
        _certificate(folder, "server", "/CN=localhost",
                     ["subjectAltName=" + ",".join(NAMES), "basicConstraints=critical,CA:FALSE",
                      "extendedKeyUsage=serverAuth"], signer)
    return ca, cert, os.path.join(folder, "server.key")


def server_context(cert, key):
    """TLS for our side of a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def rsa_key(path):
    """A fresh RSA-2048 key: its PEM text and its modulus. `path` is scratch, removed again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    try:
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
        with open(path, encoding="ascii") as file:
            pem = file.read()
        modulus = re.search("Modulus=([0-9A-F]+)", _openssl("rsa", "-in", path, "-noout",
                                                            "-modulus")).group(1)
    finally:
        os.unlink(path)
    return pem, int(modulus, 16)
