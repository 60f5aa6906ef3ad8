"""The pages that make and change a task: one form for both."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.errors import Fault, Invalid, Refused, TaskExists
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Task, TaskKey, TaskSpec
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.fields import blank_fields, revision, task_fields
from dispatchserver.pages.forms import Form, TaskForm, placed
from dispatchserver.pages.formviews import form_view
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import link, read_key


class EditPages:
    """Shows every fault of a form at its field, with all that was typed still there."""

    def __init__(self, frame: Frame, tasks: Tasks, zone: ZoneInfo, limits: Limits) -> None:
        self._frame = frame
        self._tasks = tasks
        self._zone = zone
        self._limits = limits

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/tasks/new", self.new, person),
            route("POST", "/tasks/new", self.create, person),
            route("GET", "/task/edit", self.edit, person),
            route("POST", "/task/edit", self.save, person),
        ]

    async def new(self, request: web.Request) -> web.Response:
        return await self._form(
            request, blank_fields(self._zone, request.query.get("group", "")), None
        )

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        try:
            key, spec = self._read(request, form, None)
            await self._add(key, spec, request, form, overwrite=False)
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
            check_revision(kept, form)
            key, spec = self._read(request, form, kept)
            await self._add(key, spec, request, form, overwrite=True)
        except Refused as refused:
            return await self._form(request, form, kept, refused)
        return self._frame.see(link("/task", group=key.group, name=key.name, done="saved"))

    def _read(
        self, request: web.Request, form: Form, kept: Task | None
    ) -> tuple[TaskKey, TaskSpec]:
        return TaskForm(form, self._zone, self._frame.viewer(request).now, kept).read()

    async def _add(
        self,
        key: TaskKey,
        spec: TaskSpec,
        request: web.Request,
        form: Form,
        *,
        overwrite: bool,
    ) -> None:
        try:
            await self._tasks.add(key, spec, actor(request), overwrite=overwrite)
        except (Invalid, TaskExists) as error:
            raise placed(error, form) from error

    async def _form(
        self,
        request: web.Request,
        values: Mapping[str, str],
        kept: Task | None,
        refused: Refused | None = None,
    ) -> web.Response:
        viewer = self._frame.viewer(request)
        groups = [group for group, _ in await self._tasks.groups(DEFAULT_NAMESPACE)]
        return self._frame.page(
            request,
            "form.html",
            status=422 if refused else 200,
            form=form_view(values, refused, self._limits, viewer),
            kept=kept,
            groups=groups,
        )


def check_revision(kept: Task, form: Form) -> None:
    """Raises Refused when the task was replaced after this form was opened."""
    if form.get("version") != revision(kept):
        raise Refused([Fault(field="version", code="fault.stale", params={"now": kept.version})])
