"""`POST /api/v1/schedule/explain`: what a schedule means, in words and in fires, before there is a task."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, ErrorPage, Route, language
from dispatchserver.auth.intake import read_body
from dispatchserver.dialects.rest.routes import BASE, answer
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Fault, Faults, Invalid, Refused
from dispatchserver.domain.explaining import MOST_FIRES, explain
from dispatchserver.domain.fields import (
    FieldReader,
    as_duration,
    as_integer,
    as_member,
    as_moment,
    as_object,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import MILLISECOND, iso
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    CronTrigger,
    SimpleTrigger,
    check_end,
    check_interval,
    find_zone,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.ports import Clock
from dispatchserver.wording import say_description, say_notice

USUAL_FIRES = 10
ZONE_LIMIT = 64
KNOWN = ("expr", "tz", "dst", "start", "end", "count", "trigger")
KNOWN_OF_KIND = {
    SimpleTrigger.kind: ("kind", "zone", "start", "end", "interval_s", "count"),
    CronTrigger.kind: ("kind", "zone", "start", "end", "expression", "dst"),
}
NOT_BESIDE_A_TRIGGER = ("expr", "dst", "start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A trigger, and which of its fires are wanted: so many after a moment."""

    trigger: Trigger
    after: datetime
    count: int


class Schedules:
    """Explains schedules and keeps nothing."""

    def __init__(self, clock: Clock, zone: ZoneInfo, lang: str, on_error: ErrorPage) -> None:
        self._clock = clock
        self._zone = zone
        self._lang = lang
        self._on_error = on_error

    def routes(self) -> Sequence[Route]:
        """The one address."""
        return [
            Route(
                method="POST",
                path=BASE + "/schedule/explain",
                handler=self._explain,
                access=Access.MACHINE,
                door="rest",
                on_error=self._on_error,
            )
        ]

    async def _explain(self, request: web.Request) -> web.Response:
        asked = _read_asked(await read_body(request))
        question = read_question(asked, self._zone, self._clock.now())
        # a thousand fires take some milliseconds, which callbacks that are due should not wait for
        doc = await asyncio.to_thread(explanation_doc, question, language(request, self._lang))
        return answer(doc)


def _read_asked(body: bytes) -> Mapping[str, JsonValue]:
    faults = Faults()
    asked: Mapping[str, JsonValue] = {}
    with faults.at("body"):
        asked = as_object(_text(body))
    faults.raise_if_any()
    return asked


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("explain.utf8") from error


def explanation_doc(question: Question, lang: str) -> Doc:
    """The answer: words, fires, how often, and what may surprise."""
    trigger = question.trigger
    zone = trigger.zone
    explanation = explain(trigger, question.after, question.count)
    return {
        "words": say_description(explanation.description, lang),
        "zone": zone.key,
        "fires": [{"at": iso(fire), "local": _local(fire, zone)} for fire in explanation.fires],
        "per_day": explanation.per_day.number,
        "per_year": explanation.per_year.number,
        "notices": [
            {"code": notice.code, "text": say_notice(notice, zone, lang)}
            for notice in explanation.notices
        ],
    }


def _local(fire: datetime, zone: ZoneInfo) -> str:
    precise = "milliseconds" if fire.microsecond else "seconds"
    return fire.astimezone(zone).isoformat(timespec=precise)


def read_question(asked: Mapping[str, JsonValue], zone: ZoneInfo, now: datetime) -> Question:
    """What is asked; raises Refused with all that is wrong with it.

    Fires are told from the schedule's start on, and after `now` where it names none.
    """
    faults = Faults()
    reader = FieldReader(asked, faults)
    _refuse_unknown(asked, KNOWN, faults)
    count = reader.take("count", lambda value: _in_range(value, MOST_FIRES), USUAL_FIRES)
    zone = reader.take("tz", _zone, zone)
    nested = asked.get("trigger") is not None
    trigger = (
        _read_nested(reader, faults, zone, now) if nested else _read_cron(reader, "expr", zone)
    )
    faults.raise_if_any()
    if trigger is None:  # unreachable: what is missing was booked
        raise Refused([Fault(field="trigger", code="fault.required")])
    after = now if trigger.start is None else trigger.start - MILLISECOND
    return Question(trigger=trigger, after=after, count=count)


def _zone(value: JsonValue) -> ZoneInfo:
    # Longer than any zone's name is enough to be refused; all of a long text would be compared with every name.
    return find_zone(as_text(value)[:ZONE_LIMIT])


def _refuse_unknown(
    asked: Mapping[str, JsonValue], known: Sequence[str], faults: Faults, path: str = ""
) -> None:
    for name in asked:
        if name not in known:
            faults.add(path + name, "field.unknown", asked[name], allowed=", ".join(known))


def _in_range(value: JsonValue, most: int) -> int:
    count = as_integer(value)
    if not 1 <= count <= most:
        raise Invalid("field.count", most=most)
    return count


def _read_nested(
    outer: FieldReader, faults: Faults, zone: ZoneInfo, now: datetime
) -> Trigger | None:
    """A trigger as tasks show it, `{"kind": "simple", …}` or `{"kind": "cron", …}`; nothing of it stands beside it."""
    for name in NOT_BESIDE_A_TRIGGER:
        if outer.take(name, lambda value: value, None) is not None:
            outer.refuse(name, "explain.beside_trigger")
    asked = outer.take("trigger", as_object, None)
    return None if asked is None else _read_trigger(asked, faults, zone, now)


def _read_trigger(
    asked: Mapping[str, JsonValue], faults: Faults, zone: ZoneInfo, now: datetime
) -> Trigger | None:
    reader = FieldReader(asked, faults, "trigger.")
    kind = reader.need(("kind",), _kind)
    if kind is None:
        return None
    _refuse_unknown(asked, KNOWN_OF_KIND[kind], faults, "trigger.")
    zone = reader.take("zone", _zone, zone)
    if kind == CronTrigger.kind:
        return _read_cron(reader, "expression", zone)
    return _read_simple(reader, zone, now)


def _kind(value: JsonValue) -> str:
    kind = as_text(value)
    if kind not in KNOWN_OF_KIND:
        raise Invalid("field.choice", allowed=", ".join(KNOWN_OF_KIND))
    return kind


def _read_cron(reader: FieldReader, name: str, zone: ZoneInfo) -> CronTrigger | None:
    expression = reader.need((name,), lambda value: CronExpression.parse(as_text(value).strip()))
    rule = reader.take("dst", lambda value: as_member(value, DstRule), DstRule.EXACTLY_ONCE)
    start, end = _read_bounds(reader, zone, None)
    if expression is None:
        return None
    return CronTrigger(expression=expression, zone=zone, dst=rule, start=start, end=end)


def _read_simple(reader: FieldReader, zone: ZoneInfo, now: datetime) -> SimpleTrigger:
    start, end = _read_bounds(reader, zone, now)
    interval = reader.take("interval_s", lambda value: check_interval(as_duration(value)), None)
    count = reader.take("count", lambda value: _in_range(value, COUNT_LIMIT), None)
    if interval is None and count is not None and count > 1:
        reader.refuse("interval_s", "fault.required")
    return SimpleTrigger(start=start or now, interval=interval, count=count, end=end, zone=zone)


def _read_bounds(
    reader: FieldReader, zone: ZoneInfo, start_at: datetime | None
) -> tuple[datetime | None, datetime | None]:
    start = reader.take("start", lambda value: as_moment(value, zone), None)
    end = reader.take("end", lambda value: as_moment(value, zone), None)
    try:
        check_end(start or start_at, end)
    except Invalid as invalid:
        reader.refuse("end", invalid.code)
    return start, end
