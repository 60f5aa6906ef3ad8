"""What the pages of dead letters show, and what their forms say, as plain values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_integer, as_member, as_moment
from dispatchserver.domain.fire import Fire, Reason
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.replays import COUNT_LIMIT, DeadLetter, Found
from dispatchserver.pages.fireviews import FireRow, fire_row
from dispatchserver.pages.queries import ROWS, Query, by_field, link
from dispatchserver.pages.routefields import as_called
from dispatchserver.pages.words import Badge, Viewer, visible

PATH = "/dead-letters"
FIELDS = ("group", "name", "reason", "address", "from", "to", "show")
SHOWN = ("open", "all")
TYPED_FROM = 50
"""Of more fires than these their number must be typed before they are sent."""
NEVER_SENT = (Reason.MISFIRE, Reason.PAUSED, Reason.CALENDAR, Reason.OVERLAP)
REASONS = tuple(reason for reason in Reason if reason not in NEVER_SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A fire that repeats a dead letter."""

    url: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRow:
    """One dead letter in the list; `again` are the fires that repeat it."""

    fire: FireRow
    address: str
    again: Sequence[Again]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which dead letters are to be sent again: the filter with its fields as they were typed, or those ticked."""

    wanted: FireFilter
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked before dead letters are sent again; `first` names some of them, `rest` counts the others."""

    count: int
    counted: str
    first: Sequence[str]
    rest: int
    typed: bool
    hidden: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the sending has come; `hidden` is what the next batch is asked with."""

    done: int
    total: int
    over: bool
    hidden: Mapping[str, str]
    runs_url: str
    back_url: str


def dead_row(letter: DeadLetter, zone: ZoneInfo, viewer: Viewer) -> DeadRow:
    """One line of the list."""
    recall = as_called(letter.recall, letter.fire)
    return DeadRow(
        fire=fire_row(letter.fire, zone, viewer),
        address="" if recall is None else visible(recall.address),
        again=again(letter.replays, viewer),
    )


def again(replays: Sequence[Fire], viewer: Viewer) -> Sequence[Again]:
    """The fires that repeat another one, each with its state."""
    return [
        Again(url=link("/fire", id=fire.id), state=viewer.fire_state(fire.state))
        for fire in replays
    ]


def read_dead_query(query: Mapping[str, str], zone: ZoneInfo) -> tuple[FireFilter, Query]:
    """The filter of the list; its times are the zone's clock times."""
    values, faults = {name: query.get(name, "").strip() for name in FIELDS}, Faults()
    wanted = _filter(values, faults, zone)
    wanted = replace(wanted, replayed=None if values["show"] == "all" else False)
    page = PageRequest(limit=ROWS, cursor=query.get("cursor") or None)
    return wanted, Query(values=values, page=page, faults=by_field(faults))


def _filter(values: Mapping[str, str], faults: Faults, zone: ZoneInfo) -> FireFilter:
    reader = FieldReader(values, faults)

    def moment(value: JsonValue) -> datetime | None:
        return as_moment(value, zone)

    return FireFilter(
        namespace=DEFAULT_NAMESPACE,
        group=values["group"] or None,
        name=values["name"] or None,
        reason=reader.take("reason", partial(as_member, kind=Reason), None),
        address=values["address"] or None,
        since=reader.take("from", moment, None),
        until=reader.take("to", moment, None),
    )


def read_asked(fields: Mapping[str, str], ids: Sequence[str], zone: ZoneInfo) -> Asked:
    """What a form, or the address of one, asks to send again; raises Refused for a faulty filter.

    What was ticked counts, whatever the filter was; `until`, once it was told, holds for every batch.
    """
    values, faults = {name: fields.get(name, "").strip() for name in FIELDS}, Faults()
    wanted = _filter(values, faults, zone)
    until = FieldReader(fields, faults).take("until", lambda v: from_ms(as_integer(v)), None)
    faults.raise_if_any()
    if ids:
        wanted = FireFilter(namespace=DEFAULT_NAMESPACE, ids=tuple(ids))
        values = {"ids": ",".join(ids)}
    if until is not None:
        wanted = replace(wanted, until=min(wanted.until or until, until))
    return Asked(wanted=wanted, fields={k: v for k, v in values.items() if v and k != "show"})


def question(found: Found, asked: Asked, zone: ZoneInfo, viewer: Viewer) -> Question:
    """What would be sent again, to be confirmed."""
    names = [
        f"{fire.key.group} / {fire.key.name} · {viewer.moment(fire.due_at, zone).text}"
        for fire in found.first
    ]
    at = {"until": str(to_ms(found.until)), "total": str(found.count)}
    return Question(
        count=found.count,
        counted=count_words(found.count, viewer),
        first=[visible(name) for name in names],
        rest=found.count - len(names),
        typed=found.count > TYPED_FROM,
        hidden={**asked.fields, **at},
    )


def count_words(count: int, viewer: Viewer) -> str:
    """The count, with a sign where it was not counted to its end."""
    return viewer.say("page.dead.many", count=count) if count >= COUNT_LIMIT else str(count)


def progress(
    fields: Mapping[str, str], asked: Asked, left: int, zone: ZoneInfo, viewer: Viewer
) -> Progress:
    """How far it has come, by what the form carries, and by how many are left."""
    total = _number(fields, "total")
    # what is left tells it also where a form came twice; but of very many it does not say how many there are
    done = max(_number(fields, "done"), total - left)
    until = asked.wanted.until or viewer.now
    carried = {"until": str(to_ms(until)), "total": str(total), "number": str(total)}
    since = until.astimezone(zone)
    where = {"group": asked.fields.get("group"), "name": asked.fields.get("name")}
    return Progress(
        done=done,
        total=max(total, done + left),
        over=left == 0,
        hidden={**asked.fields, **carried, "done": str(done)},
        runs_url=link("/fires", **where, **{"from": f"{since:%Y-%m-%dT%H:%M:%S}"}),
        back_url=link(PATH, **{k: v for k, v in asked.fields.items() if k != "ids"}),
    )


def _number(fields: Mapping[str, str], name: str) -> int:
    """What the form carries on: a number that tells, and decides nothing."""
    return max(FieldReader(fields, Faults()).take(name, as_integer, 0), 0)
