"""The use cases: what every dialect and page asks of the engine."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import NoReturn

from dispatchserver.domain import changing
from dispatchserver.domain.calendar import Edition
from dispatchserver.domain.calendarspec import CalendarKey
from dispatchserver.domain.changing import Addition, Change, Decide, PendingRule
from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.errors import (
    CalendarNotFound,
    DispatchError,
    FireNotFound,
    Invalid,
    TaskNotFound,
)
from dispatchserver.domain.explaining import Notice, Param
from dispatchserver.domain.fire import Attempt, Fire
from dispatchserver.domain.listing import FireFilter, Page, PageRequest, TaskFilter, TaskStatus
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.recall import Recall, RecallKind
from dispatchserver.domain.reporting import Note
from dispatchserver.domain.task import Task, TaskKey, TaskState
from dispatchserver.domain.timetable import timetable
from dispatchserver.domain.triggers import upcoming
from dispatchserver.ports import Actor, Call, Clock, Closing, LookBy, NewTasks, Store, Strike
from dispatchserver.registries import Calendars


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out for one of many additions, and holds for the others: whom they may call, how calendars stand."""

    allowed: set[Call] = field(default_factory=set)
    editions: dict[CalendarKey, Edition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FireHistory:
    """A fire with all that is known of it."""

    fire: Fire
    attempts: Sequence[Attempt]
    recall: Recall | None
    notes: Sequence[Note] = ()


@contextmanager
def nobody_there(keys: Collection[TaskKey] | None) -> Iterator[Strike]:
    """Where no engine runs, nothing begins."""
    yield lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wakes:
    """How the loops are told of what the use cases change, and what must not begin meanwhile."""

    plan_by: LookBy
    dispatch_by: LookBy
    closed: Closing = nobody_there
    forget: Callable[[str, int], None] = lambda _id, _version: None
    """Nothing that was planned of this task is to be sent, but of this version or later ones what is planned from now on."""


class Tasks:
    """The one front door: every change is durable when its method returns, and the loops know of it."""

    def __init__(
        self,
        store: Store,
        calendars: Calendars,
        clock: Clock,
        new_id: Callable[[], str],
        wakes: Wakes,
        egress: EgressPolicy = USUAL,
    ) -> None:
        self._store = store
        self._calendars = calendars
        self._clock = clock
        self._new_id = new_id
        self._egress = egress
        self._plan_by = wakes.plan_by
        self._dispatch_by = wakes.dispatch_by
        self._closed = wakes.closed
        self._forget = wakes.forget

    async def add(self, addition: Addition, actor: Actor) -> Task:
        """Adds the task, or replaces it; raises TaskExists, TaskChanged, CalendarNotFound, CalendarChanged,
        SecretNotFound, Invalid, StoreUnavailable."""
        task = (await self.put(addition, actor)).after
        if task is None:
            raise TaskNotFound(addition.key.group, addition.key.name)
        return task

    async def put(self, addition: Addition, actor: Actor) -> Change:
        """As `add`, and tells which of the two was done."""
        decide = changing.add(await self._ready(addition, Known()), new_id=self._new_id())
        return await self._change(addition.key, decide, actor)

    async def put_all(
        self, additions: Sequence[Addition], actor: Actor, *, stop: bool
    ) -> Sequence[Change | Exception]:
        """As `put` for each, in order, all in one transaction; refusals stand among the answers.

        With `stop` the answers end with the first refusal, and nothing from there on was changed.
        """
        if not additions:
            return ()
        known = Known()
        asked = [(each.key, await self._decision(each, known)) for each in additions]
        with self._closed([key for key, _ in asked]) as strike:
            now = self._clock.now()
            changes = await self._store.change_tasks(asked, actor, now, stop=stop)
            done = [change for change in changes if isinstance(change, Change)]
            strike(chain.from_iterable(change.struck for change in done))
        self._tell(done, now)
        return changes

    async def add_new(self, new: NewTasks) -> bool:
        """Adds all of them, or none where a key is taken or an address forbidden, of which `put_all` tells."""
        try:
            for kind, addresses in new.calls:
                self._check_egress(kind, addresses)
        except Invalid:
            return False
        if not await self._store.add_new(new):
            return False
        if new.soonest is not None:
            self._plan_by(new.soonest)
        return True

    async def _decision(self, addition: Addition, known: Known) -> Decide:
        """What to ask of the store; what can be refused before is refused in its turn."""
        try:
            ready = await self._ready(addition, known)
        except DispatchError as error:
            return partial(_refuse, error)
        return changing.add(ready, new_id=self._new_id())

    async def _ready(self, addition: Addition, known: Known) -> Addition:
        """The addition with its calendar as it stands; raises Invalid, CalendarNotFound."""
        place = addition.spec.recall.kind, addition.spec.recall.addresses
        if place not in known.allowed:
            self._check_egress(*place)
            known.allowed.add(place)
        name, namespace = addition.spec.policies.calendar, addition.key.namespace
        if name is None:
            return addition
        key = CalendarKey(namespace=namespace, name=name)
        if key not in known.editions:
            known.editions[key] = await self._edition(key)
        return replace(addition, edition=known.editions[key])

    def _check_egress(self, kind: RecallKind, addresses: Sequence[str]) -> None:
        """Raises Invalid where the policy forbids an address; `number` tells which one, from 0 on."""
        for number, address in enumerate(addresses):
            try:
                self._egress.check(address, raw=kind is RecallKind.SOCKET)
            except Invalid as invalid:
                raise Invalid(invalid.code, **invalid.params, number=number) from invalid

    async def _edition(self, key: CalendarKey) -> Edition:
        """The calendar as it stands; raises CalendarNotFound with the nearest names."""
        found = await self._calendars.find(key)
        if found is None:
            standing = await self._calendars.list(key.namespace)
            raise CalendarNotFound(key.name, [calendar.key.name for calendar, _ in standing])
        return Edition(key.name, found.version, found.spec.calendar())

    async def pause(self, key: TaskKey, actor: Actor) -> None:
        """After this no attempt starts but by trigger_now; raises TaskNotFound."""
        await self._change(key, changing.pause(key, self._clock.now()), actor)

    async def resume(self, key: TaskKey, actor: Actor) -> None:
        """Fires again from now on; raises TaskNotFound."""
        await self._change(key, changing.resume(key, self._clock.now()), actor)

    async def delete(self, key: TaskKey, actor: Actor) -> None:
        """Removes the task and keeps its history; raises TaskNotFound."""
        await self._change(key, changing.delete(key, self._clock.now()), actor)

    async def trigger_now(self, key: TaskKey, actor: Actor, data_json: str | None = None) -> Fire:
        """Fires once now, paused or not, with data of its own where some is given; the schedule is untouched;
        answers the fire, of a broadcast the first one; raises TaskNotFound."""
        decide = changing.trigger_now(
            key, new_id=self._new_id(), now=self._clock.now(), data_json=data_json
        )
        return (await self._change(key, decide, actor)).fires[0]

    async def _change(self, key: TaskKey, decide: Decide, actor: Actor) -> Change:
        with self._closed((key,)) as strike:
            now = self._clock.now()
            change = await self._store.change_task(key, decide, actor, now)
            strike(change.struck)
        self._tell([change], now)
        return change

    def _tell(self, changes: Sequence[Change], now: datetime) -> None:
        """Tells the loops when to look."""
        moments, dispatch = [], False
        for change in changes:
            task = change.after
            if change.before is not None and change.pending in (
                PendingRule.HOLD,
                PendingRule.CANCEL,
            ):
                self._forget(change.before.id, 0 if task is None else task.version)
            if (
                task is not None
                and task.state is TaskState.ACTIVE
                and task.next_fire_at is not None
            ):
                moments.append(task.next_fire_at)
            # what is held back or cancelled may give its turn, or its key, to another
            dispatch |= bool(change.fires) or change.pending is not PendingRule.KEEP
        if moments:
            self._plan_by(min(moments))
        if dispatch:
            self._dispatch_by(now)

    async def find(self, key: TaskKey) -> TaskStatus:
        """The task with its counters; raises TaskNotFound."""
        status = await self._store.find_task(key)
        if status is None:
            raise TaskNotFound(key.group, key.name)
        return status

    async def notices(self, task: Task) -> Sequence[Notice]:
        """What may surprise about a task among others: one shares its concurrency key under another limit."""
        key, found = task.spec.policies.concurrency, await self._store.find_other_limit(task)
        if key is None or found is None:
            return ()
        other, limit = found
        told: dict[str, Param] = {"key": key.name, "limit": key.limit, "other": limit}
        who = {"group": other.group, "task": other.name}
        return (Notice(code="key_limit", params=told | who),)

    async def list(self, wanted: TaskFilter, page: PageRequest) -> Page[TaskStatus]:
        """Tasks by group and name; raises Invalid for a cursor or limit that is none."""
        return await self._store.list_tasks(wanted, page)

    async def groups(self, namespace: str) -> Sequence[tuple[str, int]]:
        """Groups with how many tasks each has."""
        return await self._store.list_groups(namespace)

    async def fires(self, wanted: FireFilter, page: PageRequest) -> Page[Fire]:
        """Fires, the latest due first; raises Invalid for a cursor or limit that is none."""
        return await self._store.list_fires(wanted, page)

    async def history(self, fire_id: str) -> FireHistory:
        """One fire with its attempts; raises FireNotFound."""
        fire = await self._store.find_fire(fire_id)
        if fire is None:
            raise FireNotFound(fire_id)
        (recall,) = await self._store.find_recalls([fire])
        return FireHistory(
            fire=fire,
            attempts=await self._store.list_attempts(fire_id),
            recall=recall,
            notes=await self._store.list_notes(fire_id),
        )

    def upcoming(self, task: Task, count: int, since: datetime | None = None) -> Sequence[datetime]:
        """The next fires of a task, by its trigger and calendar, from `since` (None: now) on, in the task's zone."""
        moment = (since or self._clock.now()) - MILLISECOND
        fires = upcoming(timetable(task), moment, count)
        return [fire.astimezone(task.spec.trigger.zone) for fire in fires]


def _refuse(error: DispatchError, existing: Task | None) -> NoReturn:
    raise error
