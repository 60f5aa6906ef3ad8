"""Certificates for tests, self-signed, made by openssl; and TLS servers that show and demand them."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

KINDS = {"ec": "ec -pkeyopt ec_paramgen_curve:prime256v1", "rsa": "rsa:2048"}


@dataclass(frozen=True)
class Pair:
    """A certificate, which is its own authority, and its private key."""

    cert: Path
    key: Path

    @property
    def pem(self) -> str:
        return self.cert.read_text() + self.key.read_text()


def make_pair(folder: Path, name: str, kind: str = "ec") -> Pair:
    """A certificate of this name for this machine; skips the test where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    command = f"openssl req -x509 -newkey {KINDS[kind]} -nodes -days 2 -subj /CN={name}".split()
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(pair.key), "-out", str(pair.cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return pair


def demanding(server: Pair, *clients: Pair) -> ssl.SSLContext:
    """A server's context: it shows its certificate, and lets in only who shows one of these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    for client in clients:
        context.load_verify_locations(client.cert)
    return context


def make_chain(folder: Path) -> Path:
    """A folder of certificates for localhost: authority, what it signed (good, expired), and one self-signed."""
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj"
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for name in ("authority", "self-signed"):
        _openssl(folder, f"{new} /CN=localhost -x509 -days 2 -keyout {name}.key -out {name}.pem")
    for name, days in (("good", 2), ("expired", -1)):
        _openssl(folder, f"{new} /CN=localhost -keyout {name}.key -out {name}.csr")
        signed = f"-CA authority.pem -CAkey authority.key -CAcreateserial -days {days}"
        _openssl(folder, f"x509 -req -in {name}.csr {signed} -extfile names -out {name}.pem")
    return folder


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def showing(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context that shows one of the chain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
