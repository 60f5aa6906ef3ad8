"""The pages that make and change calendars: by hand, from a calendar file, from a country's holidays."""

from collections.abc import Mapping

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.calendarspec import StoredCalendar
from dispatchserver.domain.errors import CalendarChanged, Fault, Refused
from dispatchserver.domain.faults import naming
from dispatchserver.domain.fields import as_integer
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.pages.calendarforms import (
    calendar_fields,
    calendar_form,
    imported_text,
    read_asked,
    read_import,
    read_new,
    read_spec,
)
from dispatchserver.pages.calendarpages import calendar_key
from dispatchserver.pages.calendarviews import WEEK, calendar_url
from dispatchserver.pages.frame import Frame, actor

WEEKEND = {"weekday-6": "1", "weekday-7": "1"}
EXISTS = Fault(field="name", code="calendar.exists")
STALE = Fault(field="version", code="calendar.stale")
Form = Mapping[str, str]


class CalendarEditPages:
    """Shows every fault of a form at its field, with all that was typed still there."""

    def __init__(self, frame: Frame, calendars: CalendarCases) -> None:
        self._frame = frame
        self._calendars = calendars

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/calendars/new", self.new, person),
            route("POST", "/calendars/new", self.create, person),
            route("GET", "/calendar/edit", self.edit, person),
            route("POST", "/calendar/edit", self.save, person),
            route("GET", "/calendars/import", self.ask_import, person),
            route("POST", "/calendars/import", self.add_ical, person),
            route("GET", "/calendars/holidays", self.ask_holidays, person),
            route("POST", "/calendars/holidays", self.add_holidays, person),
        ]

    async def new(self, request: web.Request) -> web.Response:
        return self._form(request, WEEKEND, None)

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            stored = await self._put(request, form, None)
        except Refused as refused:
            return self._form(request, form, None, refused)
        return self._frame.see(calendar_url(stored.key.name, done="calendar_created"))

    async def edit(self, request: web.Request) -> web.Response:
        stored = await self._calendars.find(calendar_key(request.query))
        return self._form(request, calendar_fields(stored), stored)

    async def save(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        kept = await self._calendars.find(calendar_key(form))
        try:
            stored = await self._put(request, form, kept)
        except Refused as refused:
            return self._form(request, form, kept, refused)
        return self._frame.see(calendar_url(stored.key.name, done="calendar_saved"))

    async def ask_import(self, request: web.Request) -> web.Response:
        return await self._adding(request, "calendar_import.html", dict(request.query))

    async def add_ical(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            key, text, title = read_import(form)
            with naming("text"):
                await self._calendars.add_ical(key, text, title, actor(request))
        except Refused as refused:
            shown = {**form, "text": imported_text(form)}
            return await self._adding(request, "calendar_import.html", shown, refused)
        return self._frame.see(calendar_url(key.name, done="calendar_imported"))

    async def ask_holidays(self, request: web.Request) -> web.Response:
        year = self._calendars.today().year
        usual = {"years": f"{year}-{year + 1}", "weekend": "1"}
        return await self._holidays(request, {**usual, **request.query})

    async def add_holidays(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            key, asked = read_asked(form, self._frame.viewer(request).lang)
            with naming("years"):
                done = await self._calendars.add_national(key, asked, actor(request))
        except Refused as refused:
            return await self._holidays(request, form, refused)
        until = done.days.made_up_until
        return self._frame.see(
            calendar_url(
                key.name,
                year=str(min(asked.years)),
                done="calendar_holidays",
                until="" if until is None else str(until),
            )
        )

    async def _put(
        self, request: web.Request, form: Form, kept: StoredCalendar | None
    ) -> StoredCalendar:
        """Makes or changes the calendar, unless somebody else did since the form was opened; raises Refused."""
        key, spec = read_new(form) if kept is None else (kept.key, read_spec(form))
        expected = 0 if kept is None else as_integer(form.get("version", ""))
        try:
            with naming("weekdays"):
                return await self._calendars.put(key, spec, actor(request), expected)
        except CalendarChanged as error:
            raise Refused([EXISTS if kept is None else STALE]) from error

    def _form(
        self,
        request: web.Request,
        values: Form,
        kept: StoredCalendar | None,
        refused: Refused | None = None,
    ) -> web.Response:
        return self._frame.page(
            request,
            "calendar_form.html",
            status=422 if refused else 200,
            form=calendar_form(values, refused, self._frame.viewer(request)),
            kept=kept,
            week=WEEK,
        )

    async def _holidays(
        self, request: web.Request, values: Form, refused: Refused | None = None
    ) -> web.Response:
        template, countries = "calendar_holidays.html", await self._calendars.countries()
        return await self._adding(request, template, values, refused, countries=countries)

    async def _adding(
        self,
        request: web.Request,
        template: str,
        values: Form,
        refused: Refused | None = None,
        **more: object,
    ) -> web.Response:
        """A form that adds days to a calendar that stands, or to a new one."""
        standing = await self._calendars.list(DEFAULT_NAMESPACE)
        return self._frame.page(
            request,
            template,
            status=422 if refused else 200,
            form=calendar_form(values, refused, self._frame.viewer(request)),
            names=[stored.key.name for stored, _ in standing],
            **more,
        )
