"""`POST /api/v1/fires/{id}/replay`, and `/fires/replay` for all failed fires of a filter."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Handler, Route, language
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object, read_own_data
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.dialects.rest.wire import fire_doc
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean, as_member, as_moment, as_text
from dispatchserver.domain.fire import Reason
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.listing import FireFilter
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.replays import REPLAY_LIMIT, Found, ReplayCases


class ReplayRoutes:
    """Sends once more what ended."""

    def __init__(self, cases: ReplayCases, zone: ZoneInfo, lang: str, refuse: ErrorPage) -> None:
        self._cases = cases
        self._zone = zone
        self._lang = lang
        self._refuse = refuse

    def routes(self) -> Sequence[Route]:
        """Both addresses."""
        table: list[tuple[str, str, Handler]] = [
            ("POST", "/fires/replay", self._failed),
            ("POST", "/fires/{id}/replay", self._one),
        ]
        return rest_routes(table, self._refuse)

    async def _one(self, request: web.Request) -> web.Response:
        data = read_own_data(await read_body(request))
        fire = await self._cases.one(request.match_info["id"], request[ACTOR], data)
        return answer(fire_doc(fire, language(request, self._lang)), 201)

    async def _failed(self, request: web.Request) -> web.Response:
        wanted, dry_run = _read_asked(read_object(await read_body(request)), self._zone)
        lang = language(request, self._lang)
        if dry_run:
            return answer(found_doc(await self._cases.look(wanted), lang))
        made = await self._cases.failed(wanted, request[ACTOR])
        return answer({"items": [fire_doc(fire, lang) for fire in made.fires], "more": made.more})


def found_doc(found: Found, lang: str) -> Doc:
    """What a replay would send: how many, the first of them, and until which due time to ask for just these."""
    return {
        "dryRun": True,
        "count": found.count,
        "items": [fire_doc(fire, lang) for fire in found.first],
        "more": found.count > REPLAY_LIMIT,
        "until": iso(found.until),
    }


def _read_asked(asked: Mapping[str, JsonValue], zone: ZoneInfo) -> tuple[FireFilter, bool]:
    """Which fires to send once more, and whether only to tell which these are; raises Refused."""
    faults = Faults()
    reader = FieldReader(asked, faults)
    dry_run = reader.take("dryRun", as_boolean, False)
    wanted = FireFilter(
        namespace=DEFAULT_NAMESPACE,
        group=reader.take("group", as_text, None),
        name=reader.take("name", as_text, None),
        reason=reader.take("reason", lambda value: as_member(value, Reason), None),
        address=reader.take("address", as_text, None),
        since=reader.take("since", lambda value: as_moment(value, zone), None),
        until=reader.take("until", lambda value: as_moment(value, zone), None),
    )
    reader.refuse_unread()
    faults.raise_if_any()
    return wanted, dry_run
