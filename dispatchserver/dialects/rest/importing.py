"""`POST /api/v1/tasks:import`: lines of JSON to the tasks that they say, and what became of them as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from dispatchserver.dialects.rest.bodies import read_object
from dispatchserver.dialects.rest.putting import (
    SHOWN_ONLY,
    as_it_stands,
    placing,
    read_conditions,
    read_line,
)
from dispatchserver.dialects.rest.wire import problem_doc
from dispatchserver.documents.authorization import naming_the_secret
from dispatchserver.documents.reading import Basis
from dispatchserver.documents.readtriggers import read_trigger
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.changing import Action, Addition, Change
from dispatchserver.domain.errors import DispatchError, Invalid, Refused
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_member, as_moment, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import DATA_LIMIT, check_data, like, read_data
from dispatchserver.domain.task import TaskKey, TaskSpec, check_name
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import Trigger

TOLD_LIMIT = 100
OWN = frozenset({"name", "trigger", "recall", *SHOWN_ONLY})
"""What a line has of its own, or is looked at apart."""


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


def read_manner(query: Mapping[str, str], headers: Mapping[str, str]) -> Manner:
    """How an import is asked for; raises Refused."""
    faults = Faults()
    reader = FieldReader(query, faults)
    on_error = reader.take("onError", lambda value: as_member(value, OnError), OnError.STOP)
    reader.refuse_unread()
    overwrite, expected = read_conditions(headers, faults)
    if expected is not None:
        faults.add("If-Match", "import.if_match", expected)
    faults.raise_if_any()
    return Manner(on_error=on_error, overwrite=overwrite)


CERTAINLY_FITS = DATA_LIMIT // 8
"""Data in a line of fewer bytes is within its limit: written anew, a number takes at most five times its digits."""

Asked = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Line:
    """One line by its number in the file, from 1 on, the object that stands there, and its bytes."""

    number: int
    asked: Asked
    size: int

    @property
    def group(self) -> str | None:
        """The group that it names; None where it names none that can be one."""
        group = self.asked.get("group")
        return group if isinstance(group, str) else None


@dataclass(frozen=True, slots=True)
class Said:
    """A line, the task that it says, and what it was read against."""

    line: Line
    addition: Addition
    basis: Basis


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is refused, and why; of what stood there, it keeps a few words."""

    number: int
    error: DispatchError
    group: str | None = None
    name: str | None = None


def bad_line(line: Line, error: DispatchError) -> Bad:
    """This line, refused."""
    words = (excerpt(line.asked.get(name)) for name in ("group", "name"))
    return Bad(line.number, error, *words)


def open_line(number: int, text: bytes) -> Line | Bad:
    """The object in a line."""
    try:
        return Line(number, read_object(text), len(text))
    except Refused as refused:
        return Bad(number, refused)


class LineReader:
    """Reads lines of one moment. What they have in common, all but names, triggers and data, is read once.

    `bases` are what lines of each group are read against.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self.bases: dict[str | None, Basis] = {}
        self._overwrite = overwrite
        self._known: dict[str, Addition] = {}
        self._triggers: dict[tuple[str | None, bool, str], Trigger] = {}

    def read(self, line: Line) -> Said | Bad:
        """The task that the line says."""
        basis = self.bases[line.group]
        try:
            return Said(line, self._read(line, basis), basis)
        except Refused as refused:
            return bad_line(line, refused)

    def _read(self, line: Line, basis: Basis) -> Addition:
        shape = _shape(line.asked)
        known = None if shape is None else self._known.get(shape)
        found = None if known is None else self._like(known, line, basis)
        if found is not None:
            return found
        found = read_line(line.asked, basis, overwrite=self._overwrite)
        if shape is not None:
            self._known[shape] = found
        return found

    def _like(self, known: Addition, line: Line, basis: Basis) -> Addition | None:
        """What a line of this shape says; None where what it has of its own is faulty, for that to be told in full."""
        asked, spec = line.asked, known.spec
        trigger = self._trigger(line, basis)
        try:
            name, data = check_name(as_text(asked.get("name"))), _data(line)
        except Invalid:
            return None
        if trigger is None:
            return None
        # written out, since `replace` would take three times as long, a million times
        said = TaskSpec(
            trigger=trigger,
            recall=like(spec.recall, data),
            priority=spec.priority,
            policies=spec.policies,
            note=spec.note,
            labels=spec.labels,
        )
        return Addition(
            key=TaskKey(group=known.key.group, name=name),
            spec=said,
            at=known.at,
            overwrite=known.overwrite,
            keep=known.keep,
            paused=known.paused,
            again=partial(as_it_stands, asked, basis),
        )

    def _trigger(self, line: Line, basis: Basis) -> Trigger | None:
        """The trigger of a line; None where it is faulty."""
        words = line.asked["trigger"]
        assert isinstance(words, dict)
        start = words.get("start")
        text = (line.group, start is None, repr(words | {"start": None}))
        found = self._triggers.get(text)
        if found is not None and start is not None:
            found = _from(found, start)
        if found is None:
            faults = Faults()
            reader = FieldReader(words, faults)
            found = read_trigger(reader, basis)
            reader.refuse_unread()
            if found is None or len(faults):
                return None
            self._triggers[text] = found
        return found


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


def _data(line: Line) -> JsonValue:
    recall = line.asked["recall"]
    data = recall.get("data") if isinstance(recall, dict) else None
    if data == "":  # nothing, as everywhere
        return None
    return read_data(data) if line.size < CERTAINLY_FITS else check_data(data)


def refusal(said: Said, error: DispatchError) -> DispatchError:
    """What the store refused, under the field of the line that can mend it."""
    spec = said.addition.spec
    whose = said.basis.policies.owning(spec.policies)
    try:
        with placing(said.addition), whose, naming_the_secret(spec.recall, "recall.auth"):
            raise error
    except DispatchError as named:
        return named


@dataclass(slots=True)
class Tally:
    """What has become of the lines so far. Of those that were refused, the first hundred are told."""

    lines: int = 0
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    refused: int = 0
    told: list[Bad] = field(default_factory=list)

    def book(self, change: Change) -> None:
        """One line has been taken, and is stored."""
        self.lines += 1
        if change.after is change.before:
            self.unchanged += 1
        elif change.action is Action.ADDED:
            self.added += 1
        else:
            self.replaced += 1

    def refuse(self, bad: Sequence[Bad]) -> None:
        """These lines are refused, and change nothing."""
        self.lines += len(bad)
        self.refused += len(bad)
        self.told += bad[: TOLD_LIMIT - len(self.told)]


def tally_doc(tally: Tally, lang: str) -> Doc:
    """How many lines were taken and what they did, and what is wrong with the others."""
    return {
        "lines": tally.lines,
        "added": tally.added,
        "replaced": tally.replaced,
        "unchanged": tally.unchanged,
        "refused": tally.refused,
        "errors": [bad_doc(bad, lang) for bad in tally.told],
    }


def bad_doc(bad: Bad, lang: str) -> Doc:
    """One refused line: its number, what it names, and every fault with its field."""
    problem = problem_doc(bad.error, 400, lang)
    return {
        "line": bad.number,
        "group": bad.group,
        "name": bad.name,
        "code": problem["code"],
        "detail": problem["detail"],
        "errors": problem.get("errors", []),
    }
