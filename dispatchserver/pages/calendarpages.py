"""The pages that show calendars: the list, one over a year, and its end."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.calendar import FIRST_DATE, LAST_DATE
from dispatchserver.domain.calendarspec import CalendarKey
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import as_integer
from dispatchserver.domain.listing import PageRequest, TaskFilter
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.calendarviews import calendar_row, year_view
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import link
from dispatchserver.pages.views import TaskRow, task_row
from dispatchserver.pages.words import Viewer, visible

USERS = 50


class CalendarPages:
    """What people see of calendars. A calendar in use is not deleted, and its page says by whom."""

    def __init__(self, frame: Frame, calendars: CalendarCases, tasks: Tasks) -> None:
        self._frame = frame
        self._calendars = calendars
        self._tasks = tasks

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/calendars", self.list, person),
            route("GET", "/calendar", self.show, person),
            route("GET", "/calendar/delete", self.ask_delete, person),
            route("POST", "/calendar/delete", self.delete, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        viewer, today = self._frame.viewer(request), self._calendars.today()
        found = await self._calendars.list(DEFAULT_NAMESPACE)
        rows = [calendar_row(stored, tasks, today, viewer) for stored, tasks in found]
        return self._frame.page(request, "calendars.html", rows=rows, year=today.year)

    async def show(self, request: web.Request) -> web.Response:
        viewer, today = self._frame.viewer(request), self._calendars.today()
        year = _year(request.query.get("year"), today.year)
        stored = await self._calendars.find(calendar_key(request.query))
        users, more = await self._users(stored.key, viewer)
        return self._frame.page(
            request,
            "calendar.html",
            row=calendar_row(stored, len(users), today, viewer),
            note=visible(stored.spec.note),
            year=year_view(stored, year, today, viewer),
            users=users,
            more=more,
            until=_until(request.query.get("until")),
        )

    async def ask_delete(self, request: web.Request) -> web.Response:
        viewer = self._frame.viewer(request)
        stored = await self._calendars.find(calendar_key(request.query))
        users, more = await self._users(stored.key, viewer)
        row = calendar_row(stored, len(users), self._calendars.today(), viewer)
        return self._frame.page(
            request, "calendar_delete.html", row=row, users=users, more=more, count=USERS
        )

    async def delete(self, request: web.Request) -> web.Response:
        await self._calendars.delete(calendar_key(await read_form(request)), actor(request))
        return self._frame.see(link("/calendars", done="calendar_deleted"))

    async def _users(self, key: CalendarKey, viewer: Viewer) -> tuple[Sequence[TaskRow], bool]:
        """The first tasks that use the calendar, and whether there are more."""
        wanted = TaskFilter(namespace=key.namespace, calendar=key.name)
        page = await self._tasks.list(wanted, PageRequest(limit=USERS))
        return [task_row(status, viewer) for status in page.items], page.next_cursor is not None


def calendar_key(fields: Mapping[str, str]) -> CalendarKey:
    """The calendar that an address or a form speaks of."""
    return CalendarKey(namespace=DEFAULT_NAMESPACE, name=fields.get("name", ""))


def _year(typed: str | None, usual: int) -> int:
    if not typed:
        return usual
    year = as_integer(typed)
    if not FIRST_DATE.year <= year <= LAST_DATE.year:
        raise Invalid("fault.range", low=FIRST_DATE.year, high=LAST_DATE.year)
    return year


def _until(typed: str | None) -> int | None:
    """The last year of known made-up days, as the page of national holidays says it to this one."""
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) == 4 else None
