"""The pages of destinations, which people call receivers: how each stands, and what it is allowed."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.documents.destinations import read_destination_name, read_destination_settings
from dispatchserver.domain.destinationspec import DestinationSpec, check_destination
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.rate import rate_text
from dispatchserver.engine.limits import DestinationCases
from dispatchserver.pages.destinationviews import FIELDS, destination_fields, destination_row
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import link


class DestinationPages:
    """Shows every fault of the form at its field, with all that was typed still there."""

    def __init__(self, frame: Frame, destinations: DestinationCases, zone: ZoneInfo) -> None:
        self._frame = frame
        self._destinations = destinations
        self._zone = zone

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/destinations", self.list, person),
            route("GET", "/destinations/new", self.new, person),
            route("GET", "/destination", self.show, person),
            route("POST", "/destination", self.save, person),
            route("POST", "/destination/reset", self.reset, person),
            route("POST", "/destination/delete", self.delete, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        viewer = self._frame.viewer(request)
        found = await self._destinations.list()
        rows = [destination_row(status, self._zone, viewer) for status in found]
        return self._frame.page(request, "destinations.html", rows=rows)

    async def new(self, request: web.Request) -> web.Response:
        return await self._form(request, {}, "")

    async def show(self, request: web.Request) -> web.Response:
        name = _name(request.query)
        status = await self._destinations.look(name)
        return await self._form(request, destination_fields(status), name)

    async def save(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            name, spec = read_destination(form)
        except Refused as refused:
            return await self._form(request, form, form.get("known", ""), refused)
        await self._destinations.put(name, lambda standing: spec, actor(request))
        return self._frame.see(link("/destinations", done="destination_saved"))

    async def reset(self, request: web.Request) -> web.Response:
        name = _name(await read_form(request))
        await self._destinations.reset(name, actor(request))
        return self._frame.see(link("/destinations", done="destination_reset"))

    async def delete(self, request: web.Request) -> web.Response:
        await self._destinations.delete(_name(await read_form(request)), actor(request))
        return self._frame.see(link("/destinations", done="destination_deleted"))

    async def _form(
        self,
        request: web.Request,
        values: Mapping[str, str],
        known: str,
        refused: Refused | None = None,
    ) -> web.Response:
        """The form, under the state of the destination that it is of; for a new one there is no `known` name."""
        faults = {fault.field: fault for fault in refused.faults} if refused else {}
        status = await self._destinations.look(known) if known else None
        viewer, usual = self._frame.viewer(request), self._destinations.usual
        return self._frame.page(
            request,
            "destination.html",
            status=422 if refused else 200,
            values={name: values.get(name, "") for name in (*FIELDS, "paused")},
            faults=faults,
            row=destination_row(status, self._zone, viewer) if status else None,
            server_slots=usual.slots,
            server_rate="" if usual.rate is None else rate_text(usual.rate),
        )


def _name(fields: Mapping[str, str]) -> str:
    return read_destination_name("name", fields.get("name", ""))


def read_destination(form: Mapping[str, str]) -> tuple[str, DestinationSpec]:
    """The destination that the form names and what it is to be allowed; raises Refused with every fault."""
    faults, name = Faults(), ""
    with faults.at("name", form.get("name")):
        name = check_destination(form.get("name", ""))
    limits = {field: form.get(field, "").strip() for field in ("slots", "rate", "burst", "paused")}
    spec = read_destination_settings(limits, faults)
    faults.raise_if_any()
    return name, spec
