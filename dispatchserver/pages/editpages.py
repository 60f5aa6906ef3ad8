"""The pages that make and change a task: one form for both."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.calendar import Edition
from dispatchserver.domain.calendarspec import StoredCalendar
from dispatchserver.domain.defaults import PRODUCTS
from dispatchserver.domain.errors import (
    CalendarChanged,
    CalendarNotFound,
    Invalid,
    Refused,
    SecretNotFound,
    TaskChanged,
    TaskExists,
)
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Task, TaskKey
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.formreader import Form
from dispatchserver.pages.forms import Beginning, Schedule, TaskForm, placed
from dispatchserver.pages.formviews import Setting, form_view
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.previews import Preview, preview, unexplained
from dispatchserver.pages.queries import link, read_key
from dispatchserver.pages.words import Viewer

REFUSALS = (Invalid, TaskExists, TaskChanged, CalendarNotFound, CalendarChanged, SecretNotFound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a task's form lets people choose from by name."""

    calendars: CalendarCases
    secrets: SecretCases


class EditPages:
    """Shows every fault of a form at its field, with all that was typed still there."""

    def __init__(
        self,
        frame: Frame,
        tasks: Tasks,
        offer: Offer,
        groups: GroupCases,
        limits: Limits,
    ) -> None:
        self._frame = frame
        self._tasks = tasks
        self._offer = offer
        self._groups = groups
        self._limits = limits

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/tasks/new", self.new, person),
            route("POST", "/tasks/new", self.create, person),
            route("GET", "/task/edit", self.edit, person),
            route("POST", "/task/edit", self.save, person),
            route("POST", "/tasks/preview", self.preview, person),
        ]

    async def new(self, request: web.Request) -> web.Response:
        group = request.query.get("group", "")
        usual = await self._groups.usual(DEFAULT_NAMESPACE, group)
        return await self._form(request, blank_fields(group, usual.policies.policies), None)

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            key = await self._add(request, form, None)
        except Refused as refused:
            return await self._form(request, form, None, refused)
        return self._frame.see(link("/task", group=key.group, name=key.name, done="created"))

    async def edit(self, request: web.Request) -> web.Response:
        task = (await self._tasks.find(read_key(request.query))).task
        return await self._form(request, task_fields(task), task)

    async def save(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        kept = (await self._tasks.find(read_key(form))).task
        try:
            key = await self._add(request, form, kept)
        except Refused as refused:
            return await self._form(request, form, kept, refused)
        return self._frame.see(link("/task", group=key.group, name=key.name, done="saved"))

    async def preview(self, request: web.Request) -> web.Response:
        """What the schedule would do: the form again with that, or that alone for our script; keeps nothing."""
        form = await read_form(request)
        kept = (await self._tasks.find(read_key(form))).task if "version" in form else None
        standing = await self._standing()
        shown, refused = await self._explained(form, kept, standing, self._frame.viewer(request))
        if "fragment" in form:
            return self._frame.page(request, "_preview.html", preview=shown)
        return await self._form(request, form, kept, refused)

    async def _standing(self) -> Sequence[StoredCalendar]:
        return [calendar for calendar, _ in await self._offer.calendars.list(DEFAULT_NAMESPACE)]

    async def _explained(
        self,
        form: Form,
        kept: Task | None,
        standing: Sequence[StoredCalendar],
        viewer: Viewer,
    ) -> tuple[Preview, Refused | None]:
        zone = await self._zone_of(form, kept)
        try:
            schedule = TaskForm(form, zone, viewer.now, kept).schedule()
            edition = _edition(schedule, standing)
            # counting the fires of some shapes is a long walk, which callbacks that are due should not wait for
            shown = await asyncio.to_thread(
                preview, schedule.trigger, viewer, edition, schedule.shift
            )
        except Refused as refused:
            return unexplained(refused, viewer), refused
        except (Invalid, CalendarNotFound) as error:
            misfit = placed(error, form)
            return unexplained(misfit, viewer), misfit
        return shown, None

    async def _zone_of(self, form: Form, kept: Task | None) -> ZoneInfo:
        """The zone that an empty zone field stands for."""
        group = kept.key.group if kept else form.get("group", "")
        return await self._groups.zone_of(DEFAULT_NAMESPACE, group)

    async def _beginning(self, form: Form) -> Beginning:
        """What the form of a new task began with, and what is usual in the group that it names."""
        began = await self._groups.usual(DEFAULT_NAMESPACE, form.get("began", ""))
        usual = await self._groups.usual(DEFAULT_NAMESPACE, form.get("group", ""))
        return Beginning(policies=began.policies.policies, usual=usual.policies)

    async def _add(self, request: web.Request, form: Form, kept: Task | None) -> TaskKey:
        """Adds what the form says, or replaces `kept` with it; raises Refused with the fields at fault."""
        now, zone = self._frame.viewer(request).now, await self._zone_of(form, kept)
        addition = TaskForm(form, zone, now, kept, await self._beginning(form)).read()
        try:
            await self._tasks.add(addition, actor(request))
        except REFUSALS as error:
            raise placed(error, form) from error
        return addition.key

    async def _form(
        self,
        request: web.Request,
        values: Mapping[str, str],
        kept: Task | None,
        refused: Refused | None = None,
    ) -> web.Response:
        viewer = self._frame.viewer(request)
        standing = await self._standing()
        shown, _ = await self._explained(values, kept, standing, viewer)
        groups = [group for group, _ in await self._tasks.groups(DEFAULT_NAMESPACE)]
        names = [calendar.key.name for calendar in standing]
        setting = Setting(
            kept=kept,
            limits=self._limits,
            calendars=names,
            secrets=[
                secret.key.name for secret in await self._offer.secrets.list(DEFAULT_NAMESPACE)
            ],
            began=(await self._beginning(values)).policies,
        )
        return self._frame.page(
            request,
            "form.html",
            status=422 if refused else 200,
            form=form_view(values, refused, setting, viewer),
            kept=kept,
            preview=shown,
            groups=groups,
            began=values.get("began", ""),
            begins_anew=kept is None and setting.began != PRODUCTS,
        )


def _edition(schedule: Schedule, standing: Sequence[StoredCalendar]) -> Edition | None:
    """The calendar over the schedule as it stands; raises CalendarNotFound."""
    name = schedule.calendar
    if name is None:
        return None
    for calendar in standing:
        if calendar.key.name == name:
            return Edition(name, calendar.version, calendar.spec.calendar())
    raise CalendarNotFound(name, [calendar.key.name for calendar in standing])
