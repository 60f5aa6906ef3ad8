"""The addresses of `/api/v1/destinations`, and their documents."""

from collections.abc import Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.documents.destinations import (
    destination_settings_doc,
    read_destination_name,
    read_destination_settings,
)
from dispatchserver.documents.triggers import Doc, iso_or_none
from dispatchserver.domain.breaker import Breaker
from dispatchserver.domain.destination import LastFailure
from dispatchserver.domain.destinationspec import DestinationSpec
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.moments import iso
from dispatchserver.domain.rate import rate_text
from dispatchserver.engine.limits import DestinationCases, DestinationStatus


class DestinationRoutes:
    """Shows how destinations stand and takes their limits; every fault is answered as REST answers it."""

    def __init__(self, destinations: DestinationCases, refuse: ErrorPage) -> None:
        self._destinations = destinations
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1/destinations."""
        one = "/destinations/{destination}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/destinations", self._list),
            ("GET", one, self._show),
            ("PUT", one, self._put),
            ("DELETE", one, self._delete),
            ("POST", one + "/reset", self._reset),
        ]
        return rest_routes(table, self._refuse)

    async def _list(self, request: web.Request) -> web.Response:
        found = await self._destinations.list()
        return answer({"items": [destination_doc(status) for status in found]})

    async def _show(self, request: web.Request) -> web.Response:
        return answer(destination_doc(await self._destinations.find(_name(request))))

    async def _put(self, request: web.Request) -> web.Response:
        name, spec = _name(request), read_settings(await read_body(request))
        status = await self._destinations.put(name, lambda standing: spec, request[ACTOR])
        return answer(destination_doc(status))

    async def _delete(self, request: web.Request) -> web.Response:
        await self._destinations.delete(_name(request), request[ACTOR])
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> web.Response:
        return answer(
            destination_doc(await self._destinations.reset(_name(request), request[ACTOR]))
        )


def _name(request: web.Request) -> str:
    return read_destination_name("destination", request.match_info["destination"])


def destination_doc(status: DestinationStatus) -> Doc:
    """A destination: what holds for it, what of that was set for it alone, and how it stands."""
    allowance, standing = status.allowance, status.standing
    rate = allowance.rate
    return {
        "name": status.name,
        "slots": allowance.slots,
        "rate": None if rate is None else rate_text(rate),
        "burst": None if rate is None else rate.burst,
        "paused": allowance.paused,
        "settings": destination_settings_doc(status.spec),
        "in_flight": standing.in_flight,
        "waiting": status.waiting,
        "hindrance": standing.hindrance,
        "breaker": _breaker_doc(standing.breaker),
        "last_failure": _failure_doc(standing.failure),
        "version": status.version,
        "updated_at": iso_or_none(status.updated_at),
    }


def _breaker_doc(breaker: Breaker) -> Doc:
    return {
        "state": breaker.circuit,
        "until": iso_or_none(breaker.rests_until),
        "failures": breaker.failures,
    }


def _failure_doc(failure: LastFailure | None) -> Doc | None:
    if failure is None:
        return None
    return {"at": iso(failure.at), "reason": failure.reason, "status": failure.status}


def read_settings(body: bytes) -> DestinationSpec:
    """All that is to be set for a destination from now on; raises Refused with every fault."""
    faults = Faults()
    spec = read_destination_settings(read_object(body), faults)
    faults.raise_if_any()
    return spec
