"""Reads the task form: its fields into a task, or all that is wrong with them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.documents.reading import read_zone
from dispatchserver.documents.recalls import address_field, read_place
from dispatchserver.domain import jsontext
from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.defaults import NO_LAYERS, PRODUCTS, Layers, where_unchanged
from dispatchserver.domain.errors import (
    DispatchError,
    Fault,
    Invalid,
    Refused,
    SecretNotFound,
    TaskChanged,
    TaskExists,
)
from dispatchserver.domain.fields import as_integer
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    RecallKind,
    ReplyRule,
    SocketRecall,
    check_data,
    check_host,
    check_url,
)
from dispatchserver.domain.task import (
    Policies,
    Task,
    TaskKey,
    TaskSpec,
    check_name,
    check_note,
    check_priority,
)
from dispatchserver.domain.triggers import Trigger, waits_for_completion
from dispatchserver.pages.authfields import read_sending
from dispatchserver.pages.choices import KEPT
from dispatchserver.pages.formreader import Form, FormReader, in_range
from dispatchserver.pages.policyfields import read_calendar, read_policies
from dispatchserver.pages.routefields import place_of, read_also, read_route
from dispatchserver.pages.triggerforms import TriggerForm

V = TypeVar("V")

PORT_LIMIT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a task would fire: its trigger, and the calendar over it (None: none)."""

    trigger: Trigger
    calendar: str | None
    shift: Shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The policies that a new task's form began with, and those that are usual in the group that it names now."""

    policies: Policies = PRODUCTS
    usual: Layers = NO_LAYERS


class TaskForm:
    """Reads one submitted form. Every fault is booked under the name of the field that it is shown at."""

    def __init__(
        self,
        form: Form,
        zone: ZoneInfo,
        now: datetime,
        kept: Task | None,
        beginning: Beginning | None = None,
    ) -> None:
        self._beginning = beginning or Beginning()
        self._form = FormReader(form)
        self._now = now
        self._kept = kept
        self._zone = self._form.take("zone", read_zone, zone)

    def read(self) -> Addition:
        """The task that the form describes, to replace the one it was opened on; raises Refused with all faults."""
        kept, form = self._kept, self._form
        key = kept.key if kept else self._key()
        note = form.take("note", check_note, "")
        priority = form.take("priority", lambda text: check_priority(as_integer(text)), 0)
        trigger = self._trigger()
        recall = self._socket() if form.word("recall") == "SOCKET" else self._http()
        policies = self._policies(trigger)
        form.faults.raise_if_any()
        assert trigger is not None, "what is missing was booked"
        spec = TaskSpec(
            trigger=trigger,
            recall=recall,
            priority=priority,
            policies=policies,
            note=note.replace("\r\n", "\n"),
            labels=kept.spec.labels if kept else {},
        )
        expected = form.text("version") if kept else None
        return Addition(
            key=key, spec=spec, at=self._now, overwrite=kept is not None, expected=expected
        )

    def _policies(self, trigger: Trigger | None) -> Policies:
        """What stands there; in a new form, what was left as the form began is what is usual in the group."""
        if self._kept:
            return read_policies(self._form, self._kept.spec.policies)
        began, usual = self._beginning.policies, self._beginning.usual
        said = read_policies(self._form, None if began == PRODUCTS else began)
        own = where_unchanged(said, began, usual.policies)
        if trigger is None:
            return own.policies
        if waits_for_completion(trigger):  # the form offers it no calendar
            own = replace(own, said=own.said | {"calendar", "shift"})
        policies = usual.fill(own)
        for misfit in usual.misfits(policies, own.said, trigger):
            self._form.refuse(misfit.name, Invalid(misfit.code, **misfit.params))
        return policies

    def schedule(self) -> Schedule:
        """When the task would fire; raises Refused with the faults of the fields that say so."""
        trigger = self._trigger()
        calendar, shift = read_calendar(self._form)
        self._form.faults.raise_if_any()
        assert trigger is not None, "what is missing was booked"
        return Schedule(trigger=trigger, calendar=calendar, shift=shift)

    def _trigger(self) -> Trigger | None:
        kept = self._kept.spec.trigger if self._kept else None
        return TriggerForm(self._form, self._zone, self._now, kept).read()

    def _need(self, name: str, read: Callable[[str], V], default: V) -> V:
        found = self._form.need(name, read)
        return default if found is None else found

    def _key(self) -> TaskKey:
        return TaskKey(
            group=self._need("group", check_name, ""), name=self._need("name", check_name, "")
        )

    def _http(self) -> Recall:
        url = self._need("url", check_url, "")
        also = read_also(self._form, url, check_url)
        auth, headers = read_sending(self._form, (url, *also))
        return HttpRecall(
            url=url,
            also=also,
            route=read_route(self._form),
            data=self._data(),
            body_shape=self._form.choice("body_shape", BodyShape.NESTED),
            reply_rule=self._form.choice("reply_rule", ReplyRule.AUTO),
            auth=auth,
            headers=headers,
        )

    def _socket(self) -> Recall:
        host, port = (
            self._need("host", check_host, ""),
            self._need("port", in_range(1, PORT_LIMIT), 1),
        )
        return SocketRecall(
            host=host,
            port=port,
            also=read_also(self._form, (host, port), read_place),
            route=read_route(self._form),
            data=self._data(),
            framing=self._form.choice("framing", Framing.LINE),
            ack=self._form.choice("ack", Ack.AUTO),
            body_shape=self._form.choice("body_shape", BodyShape.NESTED),
        )

    def _data(self) -> JsonValue:
        as_json = self._form.word("data_kind") == "json"
        return self._form.take("data", _json if as_json else _text, None)


def _json(text: str) -> JsonValue:
    return check_data(jsontext.loads(text)) if text.strip() else None


def _text(text: str) -> JsonValue:
    return check_data(text.replace("\r\n", "\n"))


def placed(error: DispatchError, form: Form) -> Refused:
    """What the engine refused only when it had the whole task, at the field that can mend it."""
    return Refused([_fault(error, form)])


FIELD_OF = {"calendar.": "calendar", "route.": "route", "trigger.misfire": "misfire"}


def _fault(error: DispatchError, form: Form) -> Fault:
    match error:
        case TaskExists():
            return Fault(field="name", code="fault.exists")
        case TaskChanged():
            return Fault(field="version", code="fault.stale", params=error.params)
        case SecretNotFound():
            return Fault(field="auth_secret", code=error.code, params=error.params)
        case Invalid() if error.code.startswith("egress."):
            kind = RecallKind.SOCKET if form.get("recall") == "SOCKET" else RecallKind.HTTP
            first = Fault(
                field=address_field(kind, error.code), code=error.code, params=error.params
            )
            return place_of(error, form) or first
        case _:
            fields = (field for start, field in FIELD_OF.items() if error.code.startswith(start))
            field = next(fields, None) or _never_field(form)
            return Fault(field=field, code=error.code, params=error.params)


def _never_field(form: Form) -> str:
    """Where a rule that never fires can be mended."""
    places = {"cron": "cron", "union": "lines", "days": "end", KEPT: "trigger"}
    usual = "end" if form.get("end") else "start"
    return places.get(form.get("trigger", ""), usual)
