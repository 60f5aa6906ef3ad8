"""Where the URL of a recall leads, and how a request there begins: with or without a proxy on the way."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from yarl import URL

from dispatchserver.domain.callbackproxy import CallbackProxy
from dispatchserver.domain.recall import host_and_port
from dispatchserver.recalls.http_failures import NotCallable
from dispatchserver.recalls.resolving import is_address

ODD = re.compile(r"(.*\.)?(0[xX][0-9a-fA-F]*|[0-9]+)\.?")
"""Ends in a number, so it is an address or nothing; some resolvers take 127.1 or 0x7f000001 for one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads, through a proxy or without one; what people call it; and how a request there begins."""

    scheme: str
    host: str
    port: int
    via: CallbackProxy | None
    peer: str
    head: bytes = field(repr=False)

    @property
    def address(self) -> str:
        """The place without what is asked of it."""
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"

    @property
    def asks_proxy(self) -> bool:
        """Whether a request goes to a proxy itself, which passes it on; inside a tunnel it does not."""
        return self.via is not None and self.scheme == "http"

    @property
    def first_stop(self) -> str:
        """What people call where a connection to there ends: that is the proxy, if there is one."""
        if self.via is None:
            return self.peer
        there = host_and_port(self.host, self.port)
        return f"the proxy {self.via.shown} on the way to {there}"

    @property
    def tunnel(self) -> bytes:
        """What asks the proxy to lead there."""
        there = host_and_port(self.host, self.port)
        told = "" if self.via is None else _told(self.via)
        return f"CONNECT {there} HTTP/1.1\r\nhost: {there}\r\n{told}\r\n".encode("ascii")


@lru_cache(maxsize=4_096)
def place_of(url: str, proxy: CallbackProxy | None = None) -> Place:
    """Where the URL leads; raises NotCallable."""
    try:
        parts = URL(url)
        host, port = parts.raw_host, parts.port
    except ValueError as error:
        raise NotCallable("?", "not a valid URL") from error
    if not host or port is None:
        raise NotCallable("?", "not a valid URL")
    if ODD.fullmatch(host) and not is_address(host):
        raise NotCallable(f"{host}:{port}", "not a valid address")
    shown = parts.host_subcomponent or host
    named = shown if parts.is_default_port() else f"{shown}:{port}"
    via = proxy if proxy is not None and proxy.takes(host, port) else None
    asked, told, peer = parts.raw_path_qs, "", f"{shown}:{port}"
    if via is not None:
        peer = f"{peer} through the proxy {via.shown}"
        if parts.scheme == "http":
            asked, told = f"http://{named}{asked}", _told(via)
    head = f"POST {asked} HTTP/1.1\r\nhost: {named}\r\n{told}accept-encoding: identity\r\n"
    return Place(parts.scheme, host, port, via, peer, head.encode("ascii"))


def _told(via: CallbackProxy) -> str:
    return "" if via.authorization is None else f"proxy-authorization: {via.authorization}\r\n"
