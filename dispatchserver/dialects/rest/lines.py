"""Lines of an import, and the tasks that they say. Pure, and in plain values, so that it can be done in another process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import NamedTuple, TypeVar

from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.putting import SHOWN_ONLY, as_it_stands, read_line
from dispatchserver.documents.reading import Basis
from dispatchserver.documents.readtriggers import read_trigger
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import DispatchError, Invalid, Refused
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_moment, as_text
from dispatchserver.domain.group import Usuals
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import DATA_LIMIT, check_data, like, read_data
from dispatchserver.domain.task import Task, TaskKey, TaskSpec, check_name
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger

OWN = frozenset({"name", "trigger", "recall", *SHOWN_ONLY})
"""What a line has of its own, or is looked at apart."""
CERTAINLY_FITS = DATA_LIMIT // 8
"""Data in a line of fewer bytes is within its limit: written anew, a number takes at most five times its digits."""

KEPT = 4_096
"""How many shapes of lines, and how many triggers, are known at a time."""
K = TypeVar("K")
V = TypeVar("V")

Asked = Mapping[str, JsonValue]
Text = tuple[str, bool, str]
"""How a trigger is said but for its start: in which zone, whether a start is said, and its words."""
Triggers = dict[Text, Trigger]
Lines = Sequence[tuple[int, bytes]]
"""Lines by their numbers in the file, from 1 on."""


class OnError(StrEnum):
    """What a faulty line does: end the import, so that nothing from it on is stored; or be left out."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How lines are taken. `overwrite` lets them replace tasks that are there."""

    on_error: OnError
    overwrite: bool

    @property
    def stops(self) -> bool:
        """Whether the first faulty line ends the import."""
        return self.on_error is OnError.STOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What lines are read against: how they are to be taken, the present moment, and what is usual."""

    manner: Manner
    now: datetime
    usuals: Usuals

    def basis(self, group: str) -> Basis:
        """The same for the lines of one group."""
        usual = self.usuals.of(group)
        return Basis(now=self.now, zone=usual.zone, policies=usual.policies)


class Said(NamedTuple):
    """What a line says: the task of `pattern`, which other lines share, but for what it has of its own.

    A tuple, since a million of them may go from process to process.
    """

    number: int
    text: bytes
    pattern: Addition
    name: str
    trigger: Trigger
    data: JsonValue

    def addition(self, terms: Terms) -> Addition:
        """The task, to be added."""
        # written out, since `replace` would take three times as long, a million times
        known, spec = self.pattern, self.pattern.spec
        said = TaskSpec(
            trigger=self.trigger,
            recall=like(spec.recall, self.data),
            priority=spec.priority,
            policies=spec.policies,
            note=spec.note,
            labels=spec.labels,
        )
        return Addition(
            key=TaskKey(group=known.key.group, name=self.name),
            spec=said,
            at=terms.now,
            overwrite=known.overwrite,
            keep=known.keep,
            paused=known.paused,
            again=partial(_as_it_stands, self, terms),
        )


def _as_it_stands(said: Said, terms: Terms, standing: Task) -> Trigger | None:
    if (
        standing.spec.trigger == said.trigger
    ):  # what stands is what was said: no need to read that again
        return None
    asked, basis = read_object(said.text), terms.basis(said.pattern.key.group)
    return as_it_stands(asked, basis, standing)


class Bad(NamedTuple):
    """A line that is refused, and why; of what stood there, it keeps a few words."""

    number: int
    error: DispatchError
    group: str | None = None
    name: str | None = None


class LineReader:
    """Reads lines on the same terms. What they have in common, all but names, triggers and data, is read once."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._bases: dict[str, Basis] = {}
        self._known: dict[str, Addition] = {}
        self._of_now: Triggers = {}
        self._of_any_time: Triggers = {}

    def renew(self, terms: Terms) -> None:
        """Goes on, on these terms; what hangs on others is forgotten."""
        known, self._terms = self._terms, terms
        self._bases, self._of_now = {}, {}
        if (known.usuals, known.manner) != (terms.usuals, terms.manner):
            self._known = {}

    def read(self, lines: Lines) -> list[Said | Bad]:
        """What each line says. Where a faulty line ends the import, those after it are not looked at."""
        found: list[Said | Bad] = []
        for number, text in lines:
            said = self._read(number, text)
            found.append(said)
            if self._terms.manner.stops and isinstance(said, Bad):
                break
        return found

    def _read(self, number: int, text: bytes) -> Said | Bad:
        asked: Asked = {}
        try:
            asked = read_object(text)
            return self._said(number, text, asked)
        except Refused as refused:
            return Bad(number, refused, excerpt(asked.get("group")), excerpt(asked.get("name")))

    def _said(self, number: int, text: bytes, asked: Asked) -> Said:
        named = asked.get("group")
        basis = self._basis(named if isinstance(named, str) else "")
        shape = _shape(asked)
        known = None if shape is None else self._known.get(shape)
        own = None if known is None else self._own(asked, basis, len(text))
        if known is None or own is None:
            known = read_line(asked, basis, overwrite=self._terms.manner.overwrite)
            own = known.key.name, known.spec.trigger, known.spec.recall.data
        if shape is not None:
            _keep(self._known, shape, known)
        return Said(number, text, known, *own)

    def _basis(self, group: str) -> Basis:
        basis = self._bases.get(group)
        if basis is None:
            basis = self._bases[group] = self._terms.basis(group)
        return basis

    def _own(self, asked: Asked, basis: Basis, size: int) -> tuple[str, Trigger, JsonValue] | None:
        """What a line of a known shape has of its own; None where that is faulty, for it to be told in full."""
        trigger = self._trigger(asked, basis)
        try:
            name, data = check_name(as_text(asked.get("name"))), _data(asked, size)
        except Invalid:
            return None
        return None if trigger is None else (name, trigger, data)

    def _trigger(self, asked: Asked, basis: Basis) -> Trigger | None:
        """The trigger of a line; None where it is faulty."""
        words = asked["trigger"]
        assert isinstance(words, dict)
        start = words.get("start")
        text = (basis.zone.key, start is None, repr(words | {"start": None}))
        found = self._of_any_time.get(text) or self._of_now.get(text)
        if found is not None and start is not None:
            found = _from(found, start)
        if found is None:
            faults = Faults()
            reader = FieldReader(words, faults)
            found = read_trigger(reader, basis)
            reader.refuse_unread()
            if found is None or len(faults):
                return None
            # not said when it begins, only a cron trigger is the same at any moment
            lasts = start is not None or isinstance(found, CronTrigger)
            _keep(self._of_any_time if lasts else self._of_now, text, found)
        return found


def renewed(reader: LineReader | None, terms: Terms) -> LineReader:
    """This reader, if there is one, on these terms; else the first."""
    if reader is None:
        return LineReader(terms)
    reader.renew(terms)
    return reader


def _keep(kept: dict[K, V], key: K, found: V) -> None:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = found


def _from(known: Trigger, start: JsonValue) -> Trigger | None:
    """The same trigger from another start; None where more hangs on that than when it begins."""
    if not isinstance(known, SimpleTrigger) or known.end is not None:
        return None
    try:
        begin = as_moment(start, known.zone)
    except Invalid:
        return None
    if begin is None:
        return None
    return SimpleTrigger(
        start=begin, interval=known.interval, count=known.count, end=None, zone=known.zone
    )


def _shape(asked: Asked) -> str | None:
    """All that a line has in common with others, to the letter; None where its parts are not said as objects.

    Of the trigger it is the kind: that alone decides which policies go with it.
    """
    recall, trigger = asked.get("recall"), asked.get("trigger")
    if not isinstance(recall, dict) or not isinstance(trigger, dict):
        return None
    common = {name: value for name, value in asked.items() if name not in OWN}
    return repr((common, recall | {"data": None}, trigger.get("kind")))


def _data(asked: Asked, size: int) -> JsonValue:
    recall = asked["recall"]
    data = recall.get("data") if isinstance(recall, dict) else None
    if data == "":  # nothing, as everywhere
        return None
    return read_data(data) if size < CERTAINLY_FITS else check_data(data)
