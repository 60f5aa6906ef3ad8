"""The first thing every request meets: is it meant for us, and does it come from one of our own pages?

A web page anywhere can make a browser send a form to 127.0.0.1, and a hostile name can point there. So
the Host must be one of ours (421), and a changing request that names an Origin must name one of ours (403).
Machines name none and pass.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from dispatchserver.auth.doors import language
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.messages import say

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
READING = frozenset({"GET", "HEAD"})
SAME_SITE = frozenset({"same-origin", "none"})


class Gate:
    """Decides by header alone, before any route is looked at."""

    def __init__(self, bind_host: str, allowed_hosts: Iterable[str], lang: str) -> None:
        own = {host.lower() for host in allowed_hosts} | LOCAL_NAMES
        self._hosts = own if is_wildcard(bind_host) else own | {bind_host.lower()}
        self._any_address = is_wildcard(bind_host)
        self._lang = lang

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not self._is_own_host(host):
            raise web.HTTPMisdirectedRequest(text=self._say(request, "gate.host", host=host))
        if request.method not in READING and not self._is_own_page(request):
            origin = request.headers.get("Origin", "-")
            raise web.HTTPForbidden(text=self._say(request, "gate.origin", origin=origin))
        return await handler(request)

    def _say(self, request: web.Request, key: str, **shown: str) -> str:
        params = {name: excerpt(value) for name, value in shown.items()}
        return say(language(request, self._lang), key, **params)

    def _is_own_host(self, header: str) -> bool:
        host = _hostname(f"//{header}")
        return host in self._hosts or (self._any_address and is_address(host))

    def _is_own_page(self, request: web.Request) -> bool:
        """Our page, or no page at all. `Sec-Fetch-Site` is missing on plain http; `Origin` never is."""
        if request.headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
            return False
        origin = request.headers.get("Origin")
        return origin is None or _netloc(origin) == request.headers["Host"].lower()


@lru_cache(maxsize=256)
def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def is_address(host: str) -> bool:
    """A literal address cannot be a hostile name that was made to point here."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_wildcard(host: str) -> bool:
    """Whether binding to this means every interface."""
    return host in ("", "0.0.0.0", "::")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to this."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
