"""The address of `/api/v1` that tells why a task ran at a moment, or did not, and its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import ErrorPage, Route, language
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.dialects.rest.wire import fire_doc
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.evidence import AuditEntry
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_moment
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import TaskKey
from dispatchserver.engine.whys import Told, Whys
from dispatchserver.wording.whys import say_because


class WhyRoutes:
    """Answers in one sentence, with the rows that prove it."""

    def __init__(self, whys: Whys, lang: str, refuse: ErrorPage) -> None:
        self._whys = whys
        self._lang = lang
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """The one address."""
        return rest_routes([("GET", "/tasks/{group}/{name}/why", self._why)], self._refuse)

    async def _why(self, request: web.Request) -> web.Response:
        key = TaskKey(group=request.match_info["group"], name=request.match_info["name"])
        zone = await self._whys.zone_of(key)
        told = await self._whys.why(key, read_at(request.query, zone))
        return answer(why_doc(told, key, zone, language(request, self._lang)))


def read_at(query: Mapping[str, str], zone: ZoneInfo) -> datetime | None:
    """The moment asked for; None where none is. Raises Refused."""
    faults = Faults()
    reader = FieldReader(query, faults)
    at = reader.take("at", lambda value: as_moment(value, zone), None)
    reader.refuse_unread()
    faults.raise_if_any()
    return at


def why_doc(told: Told, key: TaskKey, zone: ZoneInfo, lang: str) -> Doc:
    """The answer as a code and as a sentence, the times around it that the schedule names, and the evidence."""
    because = told.because
    fire, change = because.fire, because.change
    return {
        "group": key.group,
        "name": key.name,
        "at": iso(told.at),
        "timezone": zone.key,
        "code": because.code,
        "sentence": say_because(because, zone, lang),
        "before": _moment(because.params.get("before")),
        "next": _moment(because.params.get("next")),
        "evidence": {
            "fire": None if fire is None else fire_doc(fire, lang),
            "change": None if change is None else change_doc(change),
        },
    }


def _moment(value: object) -> str | None:
    return iso(value) if isinstance(value, datetime) else None


def change_doc(change: AuditEntry) -> Doc:
    """Who did what to the task, and through which door."""
    return {
        "at": iso(change.at),
        "who": change.who,
        "door": change.door,
        "action": change.action,
        "version": change.version,
        "fire_id": change.fire_id,
    }
