"""The proxy that HTTP callbacks go through, and whom they call without it. Pure."""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dispatchserver.domain.egress import known_addresses, plain_name
from dispatchserver.domain.egresspolicy import Allowed
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.recall import host_and_port


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackProxy:
    """An HTTP proxy. `authorization` is what it is told of who asks; `direct` are called without it."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    direct: tuple[Allowed, ...] = ()

    def takes(self, host: str, port: int) -> bool:
        """Whether calls to there go through it. A name is looked up by nobody for that."""
        name = plain_name(host)
        known = known_addresses(name)
        for line in self.direct:
            if any(line.covers(name, address, port) for address in known):
                return False
            if line.network is None and line.may_cover(name, port):
                return False
        return True

    @property
    def shown(self) -> str:
        """Its host and port."""
        return host_and_port(self.host, self.port)


def read_proxy(text: str) -> tuple[str, int]:
    """Host and port of `http://proxy.example.com:3128`; raises Invalid for anything else, also for names and passwords."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("callback_proxy.url") from None
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme != "http" or not host or not port or rest or not text.isprintable():
        raise Invalid("callback_proxy.url")
    return host, port


def basic(credentials: str) -> str:
    """What a proxy is told of `name:password`."""
    return "Basic " + b64encode(credentials.encode()).decode()
