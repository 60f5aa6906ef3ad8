"""What the settings say about reach: who can come to this server, through which gate, and whom it may call itself."""

from collections.abc import Container

from aiohttp.typedefs import Middleware

from dispatchserver.auth.connections import LOOPBACK, Doorkeeper, heads
from dispatchserver.auth.gate import Gate, is_loopback
from dispatchserver.auth.proxies import Proxies
from dispatchserver.domain.callbackproxy import CallbackProxy, basic, read_proxy
from dispatchserver.domain.egress import Address
from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.settings import Settings


def is_private(settings: Settings) -> bool:
    """Whether only this machine can reach the server: not so where a proxy leads others to it."""
    return is_loopback(settings.host) and not settings.trusted_proxies


def doorkeeper(settings: Settings) -> Doorkeeper:
    """Who counts the connections; all clients of a proxy have its address, so it has no limit of its own."""
    exempt = (*LOOPBACK, *settings.trusted_proxies)
    return Doorkeeper(settings.connections, settings.connections_per_address, exempt)


def middlewares(settings: Settings) -> list[Middleware]:
    """What every request passes, the first first."""
    gate = Gate(settings.host, settings.allowed_hosts, settings.lang).middleware
    if not settings.trusted_proxies:
        return [heads, gate]
    return [heads, Proxies(settings.trusted_proxies).middleware, gate]


def egress_policy(settings: Settings, own: Container[tuple[Address, int]] = ()) -> EgressPolicy:
    """Where this server may call: its own machine only where nobody else can reach it, and never what is its own."""
    return EgressPolicy(
        profile=Profile(settings.egress),
        allowed=[read_allowed(line) for line in settings.egress_allow],
        loopback=is_private(settings),
        own=own,
    )


def callback_proxy(settings: Settings) -> CallbackProxy | None:
    """What HTTP callbacks go through; None where they need nothing."""
    if settings.callback_proxy is None:
        return None
    host, port = read_proxy(settings.callback_proxy)
    auth = settings.callback_proxy_auth
    return CallbackProxy(
        host=host,
        port=port,
        authorization=None if auth is None else basic(auth.get_secret_value()),
        direct=tuple(read_allowed(line) for line in settings.callback_proxy_except),
    )
