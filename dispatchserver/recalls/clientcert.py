"""Certificates that receivers want to see of their caller: PEM text into TLS contexts."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from dispatchserver.domain.errors import Invalid

CONTEXTS_LIMIT = 64


@lru_cache(maxsize=CONTEXTS_LIMIT)
def client_context(pem: str) -> ssl.SSLContext:
    """A context that shows this certificate, and verifies the receiver's as always; raises Invalid.

    One a text: connections that are kept open are shared by what shows the same certificate, and by nothing else.
    """
    context = usual_context()
    with _file_of(pem) as path:
        try:
            context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            why = getattr(error, "reason", None) or "PEM"
            raise Invalid("sending.value_pair", why=why) from error
    return context


def usual_context() -> ssl.SSLContext:
    """A context that shows no certificate, and verifies the receiver's."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


def check_pair(pem: str) -> None:
    """Raises Invalid for a text that holds no certificate with its private key."""
    client_context(pem)


def _no_password() -> bytes:
    """For a key that is encrypted: without an answer, OpenSSL would ask for one at the terminal."""
    return b""


@contextmanager
def _file_of(pem: str) -> Iterator[str]:
    """Python's ssl reads certificates from files only; where the system has such files, this one lies in memory."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile("w") as file:  # nobody but its owner may read it
            file.write(pem)
            file.flush()
            yield file.name
        return
    with os.fdopen(os.memfd_create("client"), "w") as memory:
        memory.write(pem)
        memory.flush()
        yield f"/proc/self/fd/{memory.fileno()}"
