"""`POST /api/v1/schedule/explain`: what a schedule means, in words and in fires, before there is a task."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import ErrorPage, Route, language
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.routes import answer, rest_routes
from dispatchserver.dialects.rest.wire import notices_doc
from dispatchserver.documents.policies import read_calendar_name, read_shift
from dispatchserver.documents.reading import Basis, read_count, read_zone
from dispatchserver.documents.readtriggers import read_cron, read_trigger
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.calendar import Edition, Shift
from dispatchserver.domain.calendarspec import CalendarKey
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.errors import CalendarNotFound, Fault, Refused
from dispatchserver.domain.explaining import MOST_FIRES, Explanation, explain
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import MILLISECOND, iso
from dispatchserver.domain.outlook import Outlook
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.domain.triggers import Trigger, waits_for_completion
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.ports import Clock
from dispatchserver.wording import say_description

USUAL_FIRES = 10
NOT_BESIDE_A_TRIGGER = ("expr", "dialect", "dst", "start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A trigger, which of its fires are wanted (so many after a moment), and the calendar that it is put under."""

    trigger: Trigger
    after: datetime
    count: int
    calendar: str | None = None
    shift: Shift = Shift.SKIP

    def under(self, edition: Edition) -> CalendarTrigger:
        """The trigger under its calendar, as if a task began with it at that moment."""
        since = self.after + MILLISECOND
        return CalendarTrigger(
            trigger=self.trigger, calendar=edition.calendar, shift=self.shift, since=since
        )


class Schedules:
    """Explains schedules and keeps nothing."""

    def __init__(
        self,
        calendars: CalendarCases,
        clock: Clock,
        zone: ZoneInfo,
        lang: str,
        on_error: ErrorPage,
    ) -> None:
        self._calendars = calendars
        self._clock = clock
        self._zone = zone
        self._lang = lang
        self._on_error = on_error

    def routes(self) -> Sequence[Route]:
        """The one address."""
        return rest_routes([("POST", "/schedule/explain", self._explain)], self._on_error)

    async def _explain(self, request: web.Request) -> web.Response:
        asked = read_object(await read_body(request))
        question = read_question(asked, Basis(now=self._clock.now(), zone=self._zone))
        edition = await self._edition(question.calendar)
        # a thousand fires take some milliseconds, which callbacks that are due should not wait for
        doc = await asyncio.to_thread(
            explanation_doc, question, language(request, self._lang), edition
        )
        return answer(doc)

    async def _edition(self, name: str | None) -> Edition | None:
        if name is None:
            return None
        try:
            found = await self._calendars.find(CalendarKey(namespace=DEFAULT_NAMESPACE, name=name))
        except CalendarNotFound as error:
            fault = Fault(field="calendar", code=error.code, params=error.params, sent=name)
            raise Refused([fault]) from error
        return Edition(name, found.version, found.spec.calendar())


def explanation_doc(question: Question, lang: str, edition: Edition | None = None) -> Doc:
    """The answer: words, fires, how often, what may surprise, and what the calendar changes."""
    under = None if edition is None else question.under(edition)
    explanation = explain(question.trigger, question.after, question.count, under)
    zone = question.trigger.zone
    doc: Doc = {
        "words": say_description(explanation.description, lang),
        "zone": zone.key,
        "fires": [_moment_doc(fire, zone) for fire in explanation.fires],
        **_rate_doc(explanation),
        "notices": notices_doc(explanation.notices, zone, lang),
    }
    if edition is None or explanation.outlook is None:
        return doc
    return doc | _calendar_doc(explanation.outlook, edition, question)


def _rate_doc(explanation: Explanation) -> Doc:
    """How often. Where a number is not exact there are more."""
    return {
        "per_day": explanation.per_day.number,
        "per_day_exact": explanation.per_day.exact,
        "per_year": explanation.per_year.number,
        "per_year_exact": explanation.per_year.exact,
    }


def _calendar_doc(seen: Outlook, edition: Edition, question: Question) -> Doc:
    """The fires that the calendar leaves, each with the date that it was moved from, and what it excludes."""
    zone = question.trigger.zone
    fires: list[JsonValue] = [
        _moment_doc(fire.at, zone)
        | {"moved_from": None if fire.moved_from is None else fire.moved_from.isoformat()}
        for fire in seen.fires[: question.count]
    ]
    return {
        "fires": fires,
        "calendar": {
            "name": edition.name,
            "version": edition.version,
            "shift": question.shift,
            "excluded": [_run_doc(run, zone) for run in seen.excluded],
        },
    }


def _run_doc(run: MissedRun, zone: ZoneInfo) -> Doc:
    """Excluded occasions without a fire between; of very many the count is left open."""
    return {
        "first": _moment_doc(run.first, zone),
        "last": _moment_doc(run.last, zone),
        "count": run.count,
    }


def _moment_doc(moment: datetime, zone: ZoneInfo) -> Doc:
    precise = "milliseconds" if moment.microsecond else "seconds"
    return {"at": iso(moment), "local": moment.astimezone(zone).isoformat(timespec=precise)}


def read_question(asked: Mapping[str, JsonValue], basis: Basis) -> Question:
    """What is asked; raises Refused with all that is wrong with it.

    Fires are told from the schedule's start on, and from now on where it names none.
    """
    faults = Faults()
    reader = FieldReader(asked, faults)
    count = reader.take("count", lambda value: read_count(value, MOST_FIRES), USUAL_FIRES)
    own = Basis(now=basis.now, zone=reader.take("tz", read_zone, basis.zone))
    calendar, shift = read_calendar_name(reader), read_shift(reader)
    trigger = _read_trigger(reader, own)
    if trigger is not None and calendar is not None and waits_for_completion(trigger):
        reader.refuse("calendar", "calendar.fixed_delay")
    reader.refuse_unread()
    faults.raise_if_any()
    if trigger is None:  # unreachable: what is missing was booked
        raise Refused([Fault(field="trigger", code="fault.required")])
    after = basis.now if trigger.start is None else trigger.start - MILLISECOND
    return Question(trigger=trigger, after=after, count=count, calendar=calendar, shift=shift)


def _read_trigger(reader: FieldReader, basis: Basis) -> Trigger | None:
    """A trigger as tasks show it, with nothing of it beside it; or a cron expression as `expr`."""
    if not reader.has("trigger"):
        return read_cron(reader, basis, "expr")
    for name in NOT_BESIDE_A_TRIGGER:
        if reader.has(name):
            reader.refuse(name, "explain.beside_trigger")
    inner = reader.inside("trigger")
    return None if inner is None else read_trigger(inner, basis)
