"""`POST /api/v1/fires/{id}/report` and `/progress`: what receivers say of a fire."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from dispatchserver.auth.doors import Access, ErrorPage, Route
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.routes import BASE, answer
from dispatchserver.documents.reports import heard_doc, read_progress, said_text
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean
from dispatchserver.domain.reporting import ProgressReport, Report
from dispatchserver.engine.reports import Reports
from dispatchserver.ports import Actor


class ReportRoutes:
    """A receiver proves itself by the fire's id, which it has from us; it needs no token."""

    def __init__(self, reports: Reports, refuse: ErrorPage) -> None:
        self._reports = reports
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Both addresses, open to all who know the id of a fire."""
        return [self._route("report", self._report), self._route("progress", self._progress)]

    def _route(self, name: str, handler: Callable[[web.Request], Awaitable[web.Response]]) -> Route:
        return Route(
            method="POST",
            path=f"{BASE}/fires/{{id}}/{name}",
            handler=handler,
            access=Access.PUBLIC,
            door="rest",
            on_error=self._refuse,
        )

    async def _report(self, request: web.Request) -> web.Response:
        report = read_report(request.match_info["id"], await read_body(request))
        return answer(heard_doc(await self._reports.accept(report, _receiver(request))))

    async def _progress(self, request: web.Request) -> web.Response:
        told = read_told(request.match_info["id"], await read_body(request))
        return answer(heard_doc(await self._reports.progress(told, _receiver(request))))


def _receiver(request: web.Request) -> Actor:
    return Actor(who=f"receiver:{request.remote}", door="rest")


def read_report(fire_id: str, body: bytes) -> Report:
    """`{"success": true, "result": …}`: the result may be any JSON; raises Refused."""
    asked, faults = read_object(body), Faults()
    reader = FieldReader(asked, faults)
    success = reader.need(("success",), as_boolean)
    reader.has("result")
    reader.refuse_unread()
    faults.raise_if_any()
    return Report(fire_id=fire_id, success=success is True, result=said_text(asked.get("result")))


def read_told(fire_id: str, body: bytes) -> ProgressReport:
    """`{"percent": 40, "text": "…"}`; nothing at all says that the receiver is still at work. Raises Refused."""
    faults = Faults()
    reader = FieldReader(read_object(body) if body.strip() else {}, faults)
    told = read_progress(fire_id, reader, "percent", "text")
    reader.refuse_unread()
    faults.raise_if_any()
    return told
