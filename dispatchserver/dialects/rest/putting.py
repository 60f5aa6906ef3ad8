"""`PUT /api/v1/tasks/{group}/{name}`: a body to the task that it says, every fault of the request at once. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from dispatchserver.documents.policies import read_policies
from dispatchserver.documents.reading import Basis
from dispatchserver.documents.readtriggers import read_trigger
from dispatchserver.documents.recalls import forbidden, read_recall
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import CalendarNotFound, Fault, Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_boolean, as_integer, as_object, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.task import (
    Task,
    TaskKey,
    TaskSpec,
    TaskState,
    check_labels,
    check_name,
    check_note,
    check_priority,
)
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import Trigger, matches_nothing
from dispatchserver.domain.uniontrigger import UnionTrigger

ANY = "*"
TAG = re.compile(r'(?:W/)?"([^"]*)"')
SHOWN_ONLY = (
    "namespace",
    "state",
    "version",
    "counts",
    "last",
    "next_fire_at",
    "restart",
    "created_at",
    "updated_at",
    "upcoming",
    "notices",
)


def read_put(
    key: TaskKey, asked: Mapping[str, JsonValue], headers: Mapping[str, str], basis: Basis
) -> Addition:
    """The task to be put under this key, and under which conditions; raises Refused with every fault.

    `expected` is ANY where the task must only be there.
    """
    faults = Faults()
    for field, name in (("group", key.group), ("name", key.name)):
        with faults.at(field, name):
            check_name(name)
    overwrite, expected = read_conditions(headers, faults)
    reader = FieldReader(asked, faults)
    reader.take("group", _same_as(key.group), None)
    reader.take("name", _same_as(key.name), None)
    spec, paused = _read_said(reader, faults, basis)
    return Addition(
        key=key,
        spec=spec,
        at=basis.now,
        overwrite=overwrite,
        keep=True,
        paused=paused,
        expected=expected,
        again=partial(as_it_stands, asked, basis),
    )


def read_line(asked: Mapping[str, JsonValue], basis: Basis, *, overwrite: bool) -> Addition:
    """The task that one line of an import says, under the key that stands in it; raises Refused with every fault."""
    faults = Faults()
    reader = FieldReader(asked, faults)
    group, name = reader.need(("group",), _name), reader.need(("name",), _name)
    spec, paused = _read_said(reader, faults, basis)
    return Addition(
        key=TaskKey(group=group or "", name=name or ""),
        spec=spec,
        at=basis.now,
        overwrite=overwrite,
        keep=True,
        paused=paused,
    )


def _read_said(reader: FieldReader, faults: Faults, basis: Basis) -> tuple[TaskSpec, bool]:
    """All that a body says of a task but its key, and whether it is to be held back; raises Refused.

    What a task shows beyond what can be said of it is overlooked, so that a task can be put back as it was shown.
    """
    reader.overlook(*SHOWN_ONLY)
    spec, paused = _read_spec(reader, basis), reader.take("paused", as_boolean, False)
    reader.refuse_unread()
    faults.raise_if_any()
    if spec is None:  # unreachable: what is missing was booked
        raise Invalid("fault.required")
    return spec, paused


def _read_spec(reader: FieldReader, basis: Basis) -> TaskSpec | None:
    when, whom = reader.inside("trigger"), reader.inside("recall")
    trigger = read_trigger(when, basis) if when else None
    recall = read_recall(whom) if whom else None
    priority = reader.take("priority", lambda value: check_priority(as_integer(value)), 0)
    note = reader.take("note", lambda value: check_note(as_text(value)), "")
    labels = reader.take("labels", _read_labels, {})
    policies = read_policies(reader, trigger, basis.policies)
    if trigger is None or recall is None:
        return None
    return TaskSpec(
        trigger=trigger,
        recall=recall,
        priority=priority,
        policies=policies,
        note=note,
        labels=labels,
    )


def as_it_stands(asked: Mapping[str, JsonValue], basis: Basis, standing: Task) -> Trigger | None:
    """The trigger of the task that stands, where these words said it when it began: the same words said twice are one task.

    A one-shot that is due now, or a while from now, is meant anew each time, and so is what has come to its end.
    """
    if standing.state is TaskState.FINISHED:
        return None
    trigger = standing.spec.trigger
    if isinstance(trigger, SimpleTrigger) and trigger.interval is None:
        return None
    lines = trigger.lines if isinstance(trigger, UnionTrigger) else (trigger,)
    for start in dict.fromkeys(line.start for line in lines if line.start is not None):
        when = FieldReader(asked, Faults()).inside("trigger")
        if when is not None and read_trigger(when, replace(basis, now=start)) == trigger:
            return trigger
    return None


def _name(value: JsonValue) -> str:
    return check_name(as_text(value))


def _read_labels(value: JsonValue) -> Mapping[str, str]:
    return check_labels({name: as_text(text) for name, text in as_object(value).items()})


def _same_as(name: str) -> Callable[[JsonValue], str]:
    def read(value: JsonValue) -> str:
        if value != name:
            raise Invalid("task.other_name", name=name)
        return name

    return read


def read_conditions(headers: Mapping[str, str], faults: Faults) -> tuple[bool, str | None]:
    """Whether a task that is there may be replaced, and the revision that it must have."""
    only_new, tag = headers.get("If-None-Match"), headers.get("If-Match")
    if only_new is not None and only_new.strip() != ANY:
        faults.add("If-None-Match", "field.choice", only_new, allowed=ANY)
    if tag is None or tag.strip() == ANY:
        return only_new is None, tag and ANY
    match = TAG.fullmatch(tag.strip())
    if match is None:
        faults.add("If-Match", "task.tag", tag)
    return only_new is None, match and match[1]


@contextmanager
def placing(addition: Addition) -> Iterator[None]:
    """What is refused only of the whole task is refused under the field that can mend it."""
    try:
        yield
    except CalendarNotFound as error:
        sent = addition.spec.policies.calendar
        fault = Fault(field="policies.calendar", code=error.code, params=error.params, sent=sent)
        raise Refused([fault]) from error
    except Invalid as invalid:
        raise Refused([_placed(invalid, addition)]) from invalid


def _placed(invalid: Invalid, addition: Addition) -> Fault:
    trigger, code = addition.spec.trigger, invalid.code
    if code.startswith("egress."):
        return forbidden(invalid, addition.spec.recall, "recall.")
    if matches_nothing(trigger, addition.at):
        return Fault(field="trigger.expression", code="trigger.never_matches")
    if code == "trigger.never":
        return Fault(field="trigger" if trigger.end is None else "trigger.end", code=code)
    names = {
        "calendar": "policies.calendar",
        "trigger.misfire": "policies.misfire",
        "route": "recall.route",
    }
    found = (field for start, field in names.items() if code.startswith(start))
    return Fault(field=next(found, "trigger"), code=code, params=invalid.params)
