"""The addresses of `/api/v1/calendars`."""

from collections.abc import Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route, language
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.calendarwire import (
    calendar_doc,
    preview_doc,
    read_calendar,
    read_range,
    read_text,
    read_title,
)
from dispatchserver.dialects.rest.nationalwire import national_doc, read_national
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.domain.calendarspec import CalendarKey, check_calendar_name
from dispatchserver.domain.faults import naming
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.calendars import CalendarCases


class CalendarRoutes:
    """Makes, shows and previews calendars; every fault is answered as REST answers it."""

    def __init__(self, calendars: CalendarCases, lang: str, refuse: ErrorPage) -> None:
        self._calendars = calendars
        self._lang = lang
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1/calendars."""
        one = "/calendars/{name}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/calendars", self._list),
            ("GET", one, self._show),
            ("PUT", one, self._put),
            ("DELETE", one, self._delete),
            ("POST", one + "/import", self._import),
            ("POST", one + "/holidays", self._add_holidays),
            ("GET", one + "/preview", self._preview),
        ]
        return rest_routes(table, self._refuse)

    async def _list(self, request: web.Request) -> web.Response:
        found = await self._calendars.list(DEFAULT_NAMESPACE)
        return answer({"items": [calendar_doc(stored) | {"tasks": n} for stored, n in found]})

    async def _show(self, request: web.Request) -> web.Response:
        return answer(calendar_doc(await self._calendars.find(_key(request))))

    async def _put(self, request: web.Request) -> web.Response:
        key = _new_key(request)
        spec = read_calendar(await read_body(request), self._calendars.today())
        stored = await self._calendars.put(key, spec, request[ACTOR])
        return answer(calendar_doc(stored))

    async def _delete(self, request: web.Request) -> web.Response:
        await self._calendars.delete(_key(request), request[ACTOR])
        return web.Response(status=204)

    async def _import(self, request: web.Request) -> web.Response:
        key, title = _new_key(request), read_title(request.query)
        text = read_text(await read_body(request))
        with naming("body"):
            stored = await self._calendars.add_ical(key, text, title, request[ACTOR])
        return answer(calendar_doc(stored))

    async def _add_holidays(self, request: web.Request) -> web.Response:
        lang = language(request, self._lang)
        key, asked = _new_key(request), read_national(await read_body(request), lang)
        with naming("years"):
            done = await self._calendars.add_national(key, asked, request[ACTOR])
        return answer(national_doc(done, lang))

    async def _preview(self, request: web.Request) -> web.Response:
        shown = read_range(request.query)
        with naming("to", request.query["to"]):
            days = await self._calendars.preview(_key(request), shown)
        return answer(preview_doc(request.match_info["name"], shown, days))


def _key(request: web.Request) -> CalendarKey:
    return CalendarKey(namespace=DEFAULT_NAMESPACE, name=request.match_info["name"])


def _new_key(request: web.Request) -> CalendarKey:
    """The key of a calendar that may have to be made; raises Refused for what can be no name."""
    name = request.match_info["name"]
    with naming("name", name):
        check_calendar_name(name)
    return CalendarKey(namespace=DEFAULT_NAMESPACE, name=name)
